"""An EHR's own look reaches the page and stops before the banner, status colors, warnings and the focus ring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from launcher.smart.style import read_style
from tests.chromium.conftest import Violations
from tests.chromium.visitor import DSTU2, R4, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.chromium

LOOK = read_style(
    json.dumps(
        {
            "color_background": "#ffe9c9",
            "color_text": "#4a0d4a",
            "color_highlight": "#7a1f00",
            "dim_border_radius": "16px",
            "dim_font_size": "20px",
            "dim_spacing_size": "32px",
            "font_family_body": "monospace",
            "font_family_heading": "monospace",
        }
    ).encode()
)
PROTECTED = ".banner, .banner *, .strip, .strip *, .note, .note *, .tag, .deceased"
HOW_IT_LOOKS = """selector => [...document.querySelectorAll(selector)].map(each => {
    const style = getComputedStyle(each);
    return [each.className, style.color, style.backgroundColor, style.backgroundImage, style.fontFamily, style.fontSize,
            style.borderRadius, style.borderBottom, style.padding, style.outlineColor].join(" | ");
})"""
FOCUS_RING = """() => {
    const link = document.querySelector("footer a");
    link.focus({focusVisible: true});
    const style = getComputedStyle(link);
    return [style.outlineColor, style.outlineStyle, style.outlineWidth].join(" ");
}"""


def dress(page: Page) -> None:
    """Give the page the look as the chart does: a style sheet of our own origin after ours."""
    page.route("**/style/look.css", lambda route: route.fulfill(body=LOOK.css, content_type="text/css"))
    page.evaluate("""() => new Promise((done, failed) => {
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = "/style/look.css";
        link.onload = done;
        link.onerror = failed;
        document.head.append(link);
    })""")


def value(page: Page, selector: str, name: str) -> str:
    return str(page.locator(selector).first.evaluate("(each, name) => getComputedStyle(each)[name]", name))


@pytest.mark.parametrize(
    ("ehr", "patient", "fault"),
    [(DSTU2, "54531", ""), (R4, "54520", "conditions-500"), (R4, "smart-1042", "")],
    ids=["deceased", "failed-panel", "do-not-give"],
)
def test_the_look_stops_before_the_banner_and_every_warning(
    ehr: str, patient: str, fault: str, visitor: Visitor, pictures: Path, violations: Violations
) -> None:
    page = visitor.chart(ehr, patient, fault=fault)
    before, ring = page.evaluate(HOW_IT_LOOKS, PROTECTED), page.evaluate(FOCUS_RING)
    panel = value(page, ".panel", "borderRadius")
    dress(page)
    assert page.evaluate(HOW_IT_LOOKS, PROTECTED) == before
    assert page.evaluate(FOCUS_RING) == ring
    assert panel != value(page, ".panel", "borderRadius") == "16px"
    assert value(page, "body", "backgroundColor") == "rgb(255, 233, 201)"
    assert value(page, "main", "color") == "rgb(74, 13, 74)"
    assert value(page, "footer a", "color") == "rgb(122, 31, 0)"
    assert value(page, ".panel h2", "fontFamily").split(",")[0] == "monospace"
    page.screenshot(path=pictures / f"ehr-look-{ehr}-{patient}.png", full_page=True)
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("media", [{"color_scheme": "dark"}, {"media": "print"}], ids=["dark", "paper"])
def test_in_the_dark_and_on_paper_the_colors_are_ours(media: dict[str, Any], visitor: Visitor) -> None:
    page = visitor.chart(R4, "54520")
    page.emulate_media(**media)
    before = page.evaluate(HOW_IT_LOOKS, "body")[0].split(" | ")[:3]
    dress(page)
    assert page.evaluate(HOW_IT_LOOKS, "body")[0].split(" | ")[:3] == before
    page.emulate_media(media="screen", color_scheme="light")
    assert page.evaluate(HOW_IT_LOOKS, "body")[0].split(" | ")[:3] != before


def test_a_banner_left_to_the_ehr_is_unseen_but_there_and_on_paper(visitor: Visitor) -> None:
    page = visitor.chart(R4, "54520")
    page.evaluate("document.querySelector('.banner').classList.add('micro', 'by-ehr')")
    box = page.locator(".banner").bounding_box()
    assert box
    assert max(box["width"], box["height"]) <= 1
    assert page.get_by_role("heading", level=1).count() == 1
    page.emulate_media(media="print")
    printed = page.locator(".banner").bounding_box()
    assert printed
    assert printed["width"] > 300
    assert printed["height"] > 20
