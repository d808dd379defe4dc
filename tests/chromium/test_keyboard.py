"""Without a mouse: first the way past the banner, then everything in reading order, always to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium.visitor import R4, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.chromium

_FOCUSED = """() => {
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const header = document.querySelector(".banner, .ehr-bar");
    const sticky = header && getComputedStyle(header).position === "sticky";
    const covered = sticky && !element.matches(".skip") && !header.contains(element)
        ? header.getBoundingClientRect().bottom : 0;
    return {
        tag: element.tagName,
        name: element.innerText.trim() || element.getAttribute("aria-label"),
        index: [...document.querySelectorAll("*")].indexOf(element),
        outline: {none: 0, auto: 3}[style.outlineStyle] ?? parseFloat(style.outlineWidth),
        seen: box.width > 0 && box.left >= 0 && box.top > covered - 1 && box.bottom < innerHeight + 1,
    };
}"""


def test_the_first_stop_leads_past_the_banner(visitor: Visitor) -> None:
    page = visitor.chart()
    page.keyboard.press("Tab")
    first = page.evaluate(_FOCUSED)
    assert (first["name"], first["seen"]) == ("Skip to the content", True)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("width", [1280, 360])
def test_every_stop_on_a_chart_is_in_order_and_visible(width: int, visitor: Visitor) -> None:
    page = visitor.chart(R4, fault="conditions-500")
    page.set_viewport_size({"width": width, "height": 740})
    stops = _walk(page)
    names = [stop["name"] for stop in stops]
    assert names[0] == "Skip to the content"
    assert names[1] == "Copy the record number"
    assert names[-6:] == ["Refresh", "Print", "Light", "Dark", "System", "End session"]
    assert "Copy the launch reference" in names
    assert names.index("Contact details") < names.index("Try again") < names.index("Past medications (2)")


@pytest.mark.parametrize("address", ["/", "/launch", "/sandbox/", f"/sandbox/{R4}/"])
def test_every_stop_on_the_other_pages_is_in_order_and_visible(address: str, visitor: Visitor) -> None:
    assert _walk(visitor.page(address))


def _walk(page: Page) -> list[dict[str, Any]]:
    """Tab through the page once; every stop must come after the last one, be outlined, and lie in view."""
    stops: list[dict[str, Any]] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate(_FOCUSED)
        if stop["tag"] == "BODY" or (stops and stop["index"] == stops[0]["index"]):
            return stops
        assert stop["index"] > (stops[-1]["index"] if stops else -1), f"out of order: {stop}"
        assert stop["outline"] >= 2, f"not outlined: {stop}"
        assert stop["seen"], f"not in view: {stop}"
        stops.append(stop)
    raise AssertionError("no end")
