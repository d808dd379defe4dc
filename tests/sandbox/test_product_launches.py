"""The product itself at the newer simulated EHRs: each of them can be launched from."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest

from sandbox import jwks_fetch, store
from tests.browser import Browser
from tests.loopback import Bridge
from tests.sandbox.house import NEWER, ORIGIN

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("ehr", NEWER)
def test_a_demo_patients_chart_opens_from_the_desktop(ehr: str, ehrs: Bridge, browser: Browser) -> None:
    patient = store.residents(ehr)[0].id
    page = browser.visit(f"/sandbox/{ehr}/open?" + urlencode({"patient": patient}))
    assert page.status == 200, page.text[:500]
    assert f'data-patient="{patient}"' in page.text
    assert 'data-panel="conditions"' in page.text
    assert 'data-state="failed"' not in page.text


@pytest.mark.parametrize("ehr", ["epic", "oracle-health", "smart-stu3"])
def test_a_standalone_launch_passes_through_the_ehrs_own_picker(ehr: str, ehrs: Bridge, browser: Browser) -> None:
    picker = browser.visit(f"/standalone/{ehr}")
    assert "Choose a patient" in picker.text
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', picker.text)]
    page = browser.visit(next(link for link in links if link.endswith("patient=54520")))
    assert page.status == 200, page.text[:500]
    assert 'data-patient="54520"' in page.text


def test_the_apps_own_keys_are_found_in_process() -> None:
    keys = jwks_fetch.loopback(f"{ORIGIN}/.well-known/jwks.json")
    assert all({"kty", "kid"} <= set(key) and "d" not in key for key in keys)
