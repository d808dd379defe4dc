"""A page whose session ends says so two minutes before, and is cleared before the server is asked.

WCAG 2.2, 2.2.1 (Timing Adjustable); `docs/contract.md`, section 8, ruling 9. The time is the browser's, moved by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chromium.visitor import R4, Visitor, banner, patient_of

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.chromium

WARNING = "[data-idle-seconds]"


def timed(visitor: Visitor, *, seconds_left: int = 0) -> Page:
    """A chart whose clock is ours; with `seconds_left`, the session itself ends then, however busy one is."""
    page = visitor.page()
    page.clock.install()
    page.goto(visitor.link(R4, "54520"))
    if seconds_left:

        def shorten(route: Route) -> None:
            answer = route.fetch()
            marked = f'data-seconds-left="{seconds_left}" data-idle-seconds'
            route.fulfill(response=answer, body=answer.text().replace("data-idle-seconds", marked, 1))

        page.route(page.url, shorten)
        page.reload()
        page.unroute_all()
    return page


def asked_for(visitor: Visitor, address: str) -> int:
    return visitor.requests.count(address)


def test_two_minutes_before_the_idle_limit_it_offers_to_stay_open(visitor: Visitor) -> None:
    page = timed(visitor)
    warning = page.locator(WARNING)
    page.clock.fast_forward("12:00")
    assert not warning.is_visible()
    page.clock.fast_forward("00:45")
    assert warning.is_visible()
    assert "Your session ends in 2 minutes." in warning.inner_text()
    assert warning.get_attribute("role") == "status"
    assert "open the app" not in warning.inner_text()
    address = page.url
    with page.expect_navigation():
        warning.get_by_role("link", name="Keep open").click()
    assert not warning.is_visible()
    assert (asked_for(visitor, address), patient_of(page)) == (2, "54520")
    page.clock.fast_forward("12:00")
    assert not warning.is_visible(), "the time does not begin anew"


@pytest.mark.parametrize("seconds_left", [0, 400], ids=["idle", "absolute"])
def test_at_the_limit_the_page_is_empty_before_the_server_is_asked(seconds_left: int, visitor: Visitor) -> None:
    page = timed(visitor, seconds_left=seconds_left)
    page.clock.fast_forward("05:00")
    assert banner(page) == "HOLLINGBROOK, Marguerite Ann (Mrs)"
    assert left_when_it_asks(page, after="02:00" if seconds_left else "10:00") == "||"


def left_when_it_asks(page: Page, *, after: str) -> object:
    """Text and title of the page at the moment when it turns to the server, that time later."""
    page.evaluate("""() => addEventListener("beforeunload", () => {
        sessionStorage.setItem("left", "|" + document.body.textContent + "|" + document.title);
    })""")
    with page.expect_navigation():
        page.clock.fast_forward(after)
    return page.evaluate("() => sessionStorage.getItem('left')")


def test_at_the_limit_the_servers_own_words_follow(visitor: Visitor) -> None:
    page = timed(visitor)
    elsewhere = visitor.page(page.url)
    elsewhere.get_by_role("button", name="End session").click()
    elsewhere.get_by_role("heading", name="Session ended").wait_for()
    page.clock.fast_forward("14:40")
    page.locator("main[data-error=session_ended]").wait_for()


def test_where_nothing_can_keep_it_open_the_warning_says_how_to_come_back(visitor: Visitor) -> None:
    page = timed(visitor, seconds_left=400)
    page.clock.fast_forward("04:45")
    warning = page.locator(WARNING)
    assert warning.is_visible()
    assert "After that, open the app from the EHR again." in warning.inner_text()
    assert not warning.get_by_role("link", name="Keep open").is_visible()


def test_another_try_of_a_panel_counts_as_being_there(visitor: Visitor) -> None:
    page = visitor.page()
    page.clock.install()
    page.goto(visitor.faulty(R4, "54520", "conditions-500"))
    page.clock.fast_forward("10:00")
    with page.expect_response("**/panels/conditions/?fragment=1"):
        page.locator("[data-panel=conditions]").get_by_role("link", name="Try again").click()
    page.locator("#panel-conditions:focus").wait_for()
    page.evaluate("() => { document.querySelector('.banner').dataset.still = 'here'; }")
    page.clock.fast_forward("05:00")
    assert page.locator(".banner[data-still]").count() == 1


def test_the_print_view_is_cleared_as_well(visitor: Visitor) -> None:
    page = timed(visitor)
    page.goto(f"{page.url}print/")
    assert banner(page) == "HOLLINGBROOK, Marguerite Ann (Mrs)"
    assert left_when_it_asks(page, after="15:00") == "||"
