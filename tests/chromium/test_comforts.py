"""What the script adds for comfort: colors of one's own choice, numbers to copy, and a word when a panel is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.chromium.conftest import Visit
from tests.chromium.visitor import R4, Visitor, banner

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.chromium

DARK, LIGHT = "rgb(15, 21, 27)", "rgb(243, 245, 248)"
_AT_FIRST = """new MutationObserver(() => {
    if (document.body && !("atFirst" in window)) window.atFirst = document.documentElement.dataset.theme || "";
}).observe(document, {childList: true, subtree: true});"""
_NO_STORAGE = 'Object.defineProperty(window, "localStorage", {get() { throw new DOMException("refused"); }});'
_NO_CLIPBOARD = """Object.defineProperty(navigator, "clipboard", {value: undefined});
document.execCommand = () => false;"""


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def choose(page: Page, colors: str) -> None:
    button = page.get_by_role("group", name="Colors").get_by_role("button", name=colors)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("[data-colors][aria-pressed=true]").count() == 1


@pytest.mark.parametrize(("asked", "chosen", "there"), [("light", "Dark", DARK), ("dark", "Light", LIGHT)])
def test_chosen_colors_hold_on_every_page_from_the_first_moment_and_not_on_paper(
    asked: str, chosen: str, there: str, visit: Visit
) -> None:
    with visit(color_scheme=asked) as visitor:
        visitor.context.add_init_script(_AT_FIRST)
        page = visitor.chart()
        before = background(page)
        assert before != there
        choose(page, chosen)
        assert background(page) == there
        other = visitor.chart(R4)
        assert (background(other), other.evaluate("window.atFirst")) == (there, chosen.lower())
        assert background(visitor.page("/launch")) == there, "on an error page as well"
        page.emulate_media(media="print")
        assert background(page) == "rgb(255, 255, 255)"
        page.emulate_media(media="screen")
        choose(other, "System")
        assert background(other) == before
        page.locator("html:not([data-theme])").wait_for()
        assert background(page) == before


def test_where_the_browser_keeps_nothing_the_colors_change_for_this_page(visitor: Visitor) -> None:
    visitor.context.add_init_script(_NO_STORAGE)
    page = visitor.chart()
    choose(page, "Dark")
    assert background(page) == DARK
    assert visitor.errors == []


@pytest.fixture
def copying(visit: Visit) -> Iterator[Visitor]:
    with visit(permissions=["clipboard-read", "clipboard-write"]) as visitor:
        yield visitor


@pytest.mark.parametrize(
    ("name", "target"),
    [("Copy the record number", "[data-field=mrn] .id"), ("Copy the launch reference", "[data-launch-reference]")],
)
def test_a_number_is_copied_and_that_is_said_politely(name: str, target: str, copying: Visitor) -> None:
    page = copying.chart(R4, "smart-1042")
    wanted = page.locator(target).inner_text().strip()
    page.get_by_role("button", name=name).click()
    page.get_by_role("status").filter(has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == wanted != ""


def test_the_banner_says_the_number_and_nothing_more(visitor: Visitor) -> None:
    page = visitor.chart(R4, "smart-1042")
    assert page.get_by_role("button", name="Copy the record number").is_visible()
    assert banner(page, "mrn").split() == ["MRN", "S-1042"]


def test_where_the_clipboard_is_closed_the_number_is_selected_for_the_keyboard(visitor: Visitor) -> None:
    visitor.context.add_init_script(_NO_CLIPBOARD)
    page = visitor.chart(R4, "smart-1042")
    page.get_by_role("button", name="Copy the record number").click()
    page.get_by_role("status").filter(has_text="Copy it with your keyboard").wait_for()
    assert page.evaluate("getSelection().toString()").strip() == "S-1042"


@pytest.mark.parametrize("comes", [True, False], ids=["comes", "fails-again"])
def test_a_panel_that_came_is_announced_once_and_one_that_failed_again_is_not(comes: bool, visitor: Visitor) -> None:
    """The EHR of the test stays broken; that its next answer is whole, the test writes into it."""

    def answer(route: Route) -> None:
        whole = route.fetch()
        html = whole.text().replace('data-state="failed"', 'data-state="ready"' if comes else 'data-state="failed"')
        route.fulfill(response=whole, body=html)

    page = visitor.chart(R4, fault="conditions-500")
    page.route("**/?fragment=1", answer)
    said = page.locator("[data-said]")
    page.evaluate("""() => {
        window.heard = [];
        new MutationObserver(() => window.heard.push(document.querySelector("[data-said]").textContent))
            .observe(document.querySelector("[data-said]"), {childList: true});
    }""")
    page.locator("[data-panel=conditions]").get_by_role("link", name="Try again").click()
    page.locator("#panel-conditions:focus").wait_for()
    if comes:
        said.filter(has_text="Conditions: loaded again.").wait_for(state="attached")
    page.evaluate("() => new Promise(done => setTimeout(done, 100))")
    assert page.evaluate("window.heard") == (["Conditions: loaded again."] if comes else [])
    assert said.get_attribute("role") == "status"
