"""What the chart's script adds: another try in place, a word when the page is old, and a Back that asks the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chromium.visitor import R4, Visitor, banner, patient_of, state

pytestmark = pytest.mark.chromium


def test_another_try_replaces_the_panel_in_place_and_takes_the_focus_along(visitor: Visitor) -> None:
    page = visitor.chart(R4, fault="conditions-500")
    address = page.url
    reference = page.locator("[data-panel=conditions] .retry .id").inner_text()
    page.evaluate("document.querySelector('[data-panel=conditions]').id = 'the-old-one'")
    page.locator("[data-panel=conditions]").get_by_role("link", name="Try again").press("Enter")
    page.locator("#the-old-one").wait_for(state="detached")
    assert page.evaluate("document.activeElement.id") == "panel-conditions"
    assert page.locator("[data-panel=conditions] .retry .id").inner_text() != reference
    assert (page.url, state(page, "conditions"), state(page, "medications")) == (address, "failed", "ready")


def test_another_try_after_the_end_of_the_session_shows_the_servers_page(visitor: Visitor) -> None:
    page = visitor.chart(R4, fault="conditions-500")
    elsewhere = visitor.page(page.url)
    elsewhere.get_by_role("button", name="End session").click()
    elsewhere.get_by_role("heading", name="Session ended").wait_for()
    page.locator("[data-panel=conditions]").get_by_role("link", name="Try again").click()
    page.locator("main[data-error=session_ended]").wait_for()
    assert "Hollingbrook" not in page.content()


def test_a_chart_that_has_stood_open_for_long_says_so(visitor: Visitor, pictures: Path) -> None:
    page = visitor.page()
    page.clock.install()
    page.goto(visitor.link(R4, "54520"))
    strip = page.locator("[data-stale-minutes]")
    page.clock.fast_forward("04:00")
    assert not strip.is_visible()
    page.clock.fast_forward("02:00")
    assert "Read more than 5 minutes ago." in strip.inner_text()
    page.screenshot(path=pictures / "chart-stale-1280.png")
    assert banner(page) == "HOLLINGBROOK, Marguerite Ann (Mrs)"
    strip.get_by_role("link", name="Refresh").click()
    strip.wait_for(state="hidden")
    assert patient_of(page) == "54520"


def test_a_page_kept_for_back_is_blank_and_asks_the_server_again(remembering: Visitor) -> None:
    page = remembering.chart()
    address = page.url
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert not page.locator("[data-testid=patient-banner]").is_visible()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    page.locator("[data-testid=patient-banner]").wait_for()
    assert [url for url in remembering.requests if url == address] == [address, address]


def test_after_the_end_of_the_session_back_shows_nothing_even_where_the_browser_kept_the_page(
    remembering: Visitor,
) -> None:
    """Whether Chromium keeps such a page is a race of its own, hence more than one round."""
    for _ in range(3):
        page = remembering.chart()
        page.get_by_role("button", name="End session").click()
        page.get_by_role("heading", name="Session ended").wait_for()
        page.go_back(wait_until="commit")
        page.locator("main[data-error=session_ended]").wait_for()
        assert "HOLLINGBROOK" not in page.content()
        page.close()
