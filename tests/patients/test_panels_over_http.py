"""The clinical panels over HTTP: whole launches at simulated EHRs of two versions, and what their charts then say."""

from __future__ import annotations

import html
import re

import pytest

from tests.browser import ORIGIN, Browser, Page
from tests.loopback import Bridge

EHRS = ("allscripts-professional", "smart-r4")


def opened(browser: Browser, ehr: str, patient: str = "54520") -> Page:
    page = browser.visit(f"/launch?launch={patient}&iss={ORIGIN}/sandbox/{ehr}/fhir")
    assert page.status == 200, page.error
    return page


def words(page: Page, panel: str) -> str:
    """The text of a panel with a blank for every tag."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.panel(panel))).split())


@pytest.mark.parametrize("ehr", EHRS)
def test_a_chart_of_either_version_says_what_a_clinician_looks_for(ehr: str, ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, ehr)
    expected = {
        "allergies": ("Penicillin G", "Hives + Swelling of face and lips (Severe, 1983)", "Ruled out: Aspirin"),
        "vitals": ("134/80 mmHg", "converted from lb (184 lb)", "Show as table"),
        "labs": ("4.20 mmol/L", "<5 mg/L", "Cancelled", "Preliminary", "Previous: 7.2%, 11-Feb-2026"),
        "immunizations": ("Lot FL2611", "Not given: COVID-19", "Wants to wait until spring"),
        "documents": ("Holter monitor, no arrhythmia", "Cardiology letter · PDF", "Superseded (1)"),
    }
    for panel, said in expected.items():
        assert page.state(panel) == "ready", panel
        assert [each for each in said if each not in words(page, panel)] == [], panel


def test_the_visit_that_the_app_was_opened_in_is_marked(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, "smart-r4")
    rows = re.findall(r"<tr data-record=.*?</tr>", page.panel("encounters"), re.DOTALL)
    assert ["This visit" in row for row in rows].count(True) == 1
    assert all("In progress" in row for row in rows if "This visit" in row)


def test_an_ehr_without_encounters_says_so(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, "allscripts-professional")
    assert page.state("encounters") == "unsupported"
    assert "Not available from this EHR." in words(page, "encounters")


def test_a_document_opens_from_its_row(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, "smart-r4")
    links = re.findall(r'href="(/chart/[^"]*/documents/[^"]*)"', page.panel("documents"))
    answers = [browser.get(html.unescape(link)).status for link in links[:3]]
    assert links
    assert answers == [200, 200, 200]
