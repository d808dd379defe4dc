"""The security cases that only a real browser can show: 113, 122, 127, 128, 134 and 137, by number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.chromium.visitor import DSTU2, R4, Visitor, banner, patient_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.chromium
PARTS = ("", "print/", "panels/conditions/", "panels/labs/")


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('main *').length"))


@pytest.mark.parametrize("ehr", [DSTU2, R4])
def test_case_113_script_in_every_text_is_drawn_as_text_on_every_page_of_a_chart(ehr: str, visitor: Visitor) -> None:
    plain = visitor.chart(ehr)
    plain.wait_for_load_state("networkidle")
    page = visitor.chart(ehr, fault="xss")
    page.wait_for_load_state("networkidle")
    assert page.locator("img, iframe, main script, [onerror], [onload]").count() == 0
    assert page.locator("main section").count() == plain.locator("main section").count()
    assert elements(page) > 100
    for part in PARTS:
        shown = visitor.page(page.url + part)
        shown.wait_for_load_state("networkidle")
        assert "<script>" in shown.locator("body").inner_text().lower()
        assert shown.locator("img, iframe, main script").count() == 0
    assert (visitor.dialogs, visitor.violations(), visitor.errors) == ([], [], [])


def test_case_122_two_patients_of_one_ehr_in_two_tabs_stay_apart_in_banner_and_sections(visitor: Visitor) -> None:
    tabs = [(visitor.chart(R4, "54520"), "54520"), (visitor.chart(R4, "54531"), "54531")]
    names = [banner(page) for page, _ in tabs]
    assert names[0] != names[1]
    for _ in range(5):
        for (page, patient), name in zip(tabs, names, strict=True):
            page.reload(wait_until="domcontentloaded")
            assert (patient_of(page), banner(page)) == (patient, name)
            subjects = page.locator("section[data-subject]").evaluate_all(
                "found => found.map(each => each.dataset.subject.split(' ')[1])"
            )
            assert set(subjects) == {patient}


def test_case_127_after_the_end_a_reopened_tab_and_back_show_nothing_and_other_charts_stay(
    remembering: Visitor,
) -> None:
    other = remembering.chart(DSTU2, "54531")
    page = remembering.chart(R4)
    address, family = page.url, banner(page).partition(",")[0]
    page.get_by_role("button", name="End session").click()
    page.get_by_role("heading", name="Session ended").wait_for()
    assert family not in page.content().upper()
    page.go_back(wait_until="commit")
    page.locator("main[data-error=session_ended]").wait_for()
    assert family not in page.content().upper()
    reopened = remembering.page(address)
    reopened.locator("main[data-error=session_ended]").wait_for()
    assert family not in (reopened.content() + reopened.title()).upper()
    other.reload(wait_until="domcontentloaded")
    assert patient_of(other) == "54531"


def test_case_128_a_page_left_alone_asks_the_server_nothing(visitor: Visitor) -> None:
    """What polls would prolong the session for ever."""
    page = visitor.page()
    page.clock.install()
    page.goto(visitor.link(R4, "54520"))
    page.wait_for_load_state("networkidle")
    visitor.forget()
    for _ in range(14):
        page.clock.fast_forward("01:00")
    assert visitor.requests == []
    assert patient_of(page) == "54520"


def test_case_134_in_a_frame_there_is_one_bounce_at_most_and_the_chart_stays_in_the_frame(visitor: Visitor) -> None:
    page = visitor.page(f"/sandbox/{R4}/open?patient=54520&frame=1")
    page.frame_locator("iframe").locator("body[data-patient='54520'] footer").wait_for()
    launches = [url for url in visitor.requests if urlsplit(url).path == "/launch"]
    assert len(launches) <= 2


@pytest.mark.parametrize("ehr", [DSTU2, R4])
def test_case_137_whole_pages_load_from_us_alone_and_leak_no_address(ehr: str, visitor: Visitor) -> None:
    page = visitor.chart(ehr)
    for part in PARTS:
        page.goto(page.url.partition("panels/")[0].partition("print/")[0] + part)
        page.wait_for_load_state("networkidle")
    assert visitor.foreign() == []
    assert visitor.violations() == []
    policies = page.evaluate(
        "fetch(location.href).then(answer => [...answer.headers].map(each => each.join(': ')).join('\\n'))"
    )
    assert re.search("referrer-policy: same-origin", policies)
    assert re.search("content-security-policy: default-src 'none'", policies)
