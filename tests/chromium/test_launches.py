"""Launches as a person makes them: from the front page, by a link, from an EHR's desktop, in two tabs at once."""

from __future__ import annotations

import pytest

from tests.chromium.visitor import CHART, DSTU2, R4, Visitor, banner, patient_of, state

pytestmark = pytest.mark.chromium

PEOPLE = {
    DSTU2: ("54520", "HOLLINGBROOK, Marguerite Ann (Mrs)", "22-Mar-1957", "0054520"),
    "allscripts-touchworks": ("19", "VARGHESE-STRÖM, Leopold Joseph (Mr)", "12-Dec-1949", "TW-000019"),
    "allscripts-sunrise": ("385800201", "BERGSVEIN, Solveig Mercy (Ms)", "19-May-1962", "385800201"),
    R4: ("smart-1042", "KITTREDGE-VALE, Ambrose (Mr)", "17-Jun-1953", "S-1042"),
}
EACH = pytest.mark.parametrize(("ehr", "person"), PEOPLE.items(), ids=PEOPLE)
Person = tuple[str, str, str, str]


@EACH
def test_one_click_on_the_front_page_opens_the_right_chart(ehr: str, person: Person, visitor: Visitor) -> None:
    patient, name, born, mrn = person
    page = visitor.page("/")
    page.locator(f"section[aria-labelledby=ehr-{ehr}] a[data-demo='{patient}']").click()
    page.wait_for_url(CHART)
    assert (patient_of(page), page.locator("body").get_attribute("data-ehr")) == (patient, ehr)
    assert banner(page) == name
    assert born in banner(page, "born")
    assert mrn in banner(page, "mrn")
    assert {state(page, panel) for panel in ("demographics", "conditions", "medications")} <= {"ready", "partial"}
    assert visitor.errors == []


@EACH
def test_the_articles_link_opens_the_right_chart(ehr: str, person: Person, visitor: Visitor) -> None:
    page = visitor.chart(ehr, person[0])
    assert CHART.search(page.url)
    assert (patient_of(page), banner(page)) == person[:2]


def test_from_the_desktop_the_app_opens_in_a_frame_beside_the_ehrs_own_header(visitor: Visitor) -> None:
    page = visitor.page("/sandbox/")
    page.get_by_role("link", name="Allscripts Professional 17.1").click()
    page.get_by_role("link", name="Open app for Marguerite Ann Hollingbrook").click()
    frame = page.frame_locator("iframe")
    assert frame.locator("body[data-page=chart]").get_attribute("data-patient") == "54520"
    name = frame.locator("[data-testid=patient-banner] [data-field=name]").inner_text()
    assert name == "HOLLINGBROOK, Marguerite Ann (Mrs)"
    assert page.locator(".ehr-name").inner_text() == "Marguerite Ann Hollingbrook"
    frame.locator("section[data-panel=medications]").wait_for()
    launches = [url for url in visitor.requests if "/launch?" in url]
    assert len(launches) <= 2, "one bounce at most"


def test_from_the_desktop_the_app_opens_in_a_new_tab(visitor: Visitor) -> None:
    page = visitor.page(f"/sandbox/{DSTU2}/")
    with visitor.context.expect_page() as opened:
        page.get_by_role("link", name="Open in new tab for Desmond Piet Achterberg").click()
    tab = opened.value
    tab.wait_for_url(CHART)
    assert (patient_of(tab), banner(tab)) == ("54531", "ACHTERBERG, Desmond Piet (Mr)")
    assert tab.evaluate("window.opener") is None


def test_two_charts_in_two_tabs_keep_their_patients_through_twenty_reloads_each(visitor: Visitor) -> None:
    tabs = [
        (visitor.chart(DSTU2, "54520"), "54520", "HOLLINGBROOK, Marguerite Ann (Mrs)"),
        (visitor.chart(R4, "smart-1042"), "smart-1042", "KITTREDGE-VALE, Ambrose (Mr)"),
    ]
    for _ in range(20):
        for page, patient, name in tabs:
            page.reload(wait_until="domcontentloaded")
            assert (patient_of(page), banner(page)) == (patient, name)
