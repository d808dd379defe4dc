"""Every simulated EHR, by every way its clients may identify themselves, launched from the EHR and from here."""

from __future__ import annotations

import html
import re

import pytest

from launcher import signing
from launcher.models import AuditEvent, EhrRegistration, Launch
from sandbox import store
from sandbox.clients import public_client_for
from sandbox.personalities import PERSONALITIES
from tests.browser import Browser, Page
from tests.loopback import Bridge

pytestmark = pytest.mark.django_db

WAYS = [(slug, method) for slug, personality in PERSONALITIES.items() for method in personality.auth_methods]
STANDALONE = [(slug, method) for slug, method in WAYS if PERSONALITIES[slug].standalone]


def registered(ehr: str, method: str) -> EhrRegistration:
    """The registration of this EHR with this method and both modes; a signing key or public client where meant."""
    row = EhrRegistration.objects.get(slug=ehr)
    if method == "private_key_jwt":
        signing.make_key("RS384")
    if method == "none":
        public = public_client_for(ehr)
        assert public is not None
        row.client_id, row.client_secret = public.client_id, ""
    row.auth_method = method
    row.launch_modes = ["ehr", "standalone"]
    row.full_clean()
    row.save()
    return row


def is_the_chart_of(page: Page, patient: str) -> None:
    assert page.status == 200, (page.error, page.text[:300])
    assert page.patient == patient
    assert {page.state(panel) for panel in ("demographics", "conditions", "medications")} <= {
        "ready",
        "partial",
        "empty",
    }
    assert Launch.objects.get().patient == patient
    assert AuditEvent.objects.filter(event="patient.read", patient=patient).count() == 1


@pytest.mark.parametrize(("ehr", "method"), WAYS)
def test_a_launch_from_the_ehr(ehr: str, method: str, ehrs: Bridge, browser: Browser) -> None:
    registered(ehr, method)
    patient = store.residents(ehr)[0].id
    is_the_chart_of(browser.visit(f"/sandbox/{ehr}/open?patient={patient}"), patient)
    form = next(seen for seen in ehrs.seen if seen.method == "POST" and seen.path.endswith("/token"))
    assert ("client_secret=" in form.body) == (method == "client_secret_post")
    assert form.headers.get("Authorization", "").startswith("Basic ") == (method == "client_secret_basic")
    assert ("client_assertion=" in form.body) == (method == "private_key_jwt")


@pytest.mark.parametrize(("ehr", "method"), STANDALONE)
def test_a_launch_from_here(ehr: str, method: str, ehrs: Bridge, browser: Browser) -> None:
    row = registered(ehr, method)
    if PERSONALITIES[ehr].proxied:
        # Its launch context is what the launch said: without one the provider chooses here, by user scopes.
        row.scopes = "launch openid user/*.read"
        row.save()
    page = browser.visit(f"/standalone/{ehr}")
    if page.marks("data-page") == ["picker"]:
        is_the_chart_of(chosen_here(browser, page), "54520")
    else:
        links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
        is_the_chart_of(browser.visit(next(link for link in links if link.endswith("patient=54520"))), "54520")


def chosen_here(browser: Browser, picker: Page) -> Page:
    found = browser.get(f"{picker.url}?name=Hollingbrook")
    token = re.search(r'name="token" value="([0-9a-f]+)"', found.text)
    assert token
    assert 'value="54520"' in found.text
    return browser.visit(browser.post(picker.url, {"token": token.group(1), "patient": "54520"}).location)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_both_signature_algorithms_of_the_standard(algorithm: str, ehrs: Bridge, browser: Browser) -> None:
    row = registered("smart-r4", "private_key_jwt")
    signing.make_key(algorithm)
    row.signing_algorithm = algorithm
    row.save()
    is_the_chart_of(browser.visit("/sandbox/smart-r4/open?patient=54520"), "54520")
