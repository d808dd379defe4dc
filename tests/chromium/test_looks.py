"""Every page and state fits every width and passes axe in light and dark.

Each is opened once and then looked at in several ways; pictures for people go to test-results/screenshots/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.chromium.conftest import Violations, Visit
from tests.chromium.visitor import DSTU2, R4, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.chromium

WIDTHS = ((1280, 800), (1100, 700), (900, 700), (600, 800), (360, 740), (320, 640))


def _desktop(ehr: str, **query: str) -> Callable[[Visitor], Page]:
    return lambda visitor: visitor.page(f"/sandbox/{ehr}/?{urlencode(query)}")


def _chart(ehr: str, patient: str, fault: str = "") -> Callable[[Visitor], Page]:
    return lambda visitor: visitor.chart(ehr, patient, fault=fault)


def _launch(fault: str) -> Callable[[Visitor], Page]:
    return lambda visitor: visitor.page(visitor.faulty(R4, "54520", fault))


def _address(address: str) -> Callable[[Visitor], Page]:
    return lambda visitor: visitor.page(address)


def _framed(visitor: Visitor) -> Page:
    page = visitor.page(f"/sandbox/{DSTU2}/open?patient=54520&frame=1")
    page.frame_locator("iframe").locator("footer").wait_for()
    return page


def _panel(visitor: Visitor) -> Page:
    page = visitor.chart(R4, fault="conditions-warning")
    page.goto(f"{page.url}panels/conditions/")
    return page


def _ended(visitor: Visitor) -> Page:
    page = visitor.chart()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("heading", name="Session ended").wait_for()
    return page


STATES: dict[str, Callable[[Visitor], Page]] = {
    "front": _address("/"),
    "chart": _chart(DSTU2, "54520"),
    "chart-do-not-give": _chart(R4, "smart-1042"),
    "chart-restricted": _chart("allscripts-sunrise", "385800227"),
    "chart-deceased": _chart(DSTU2, "54531"),
    "chart-merged-empty": _chart(DSTU2, "54582"),
    "chart-failed-panel": _chart(R4, "54520", "conditions-500"),
    "chart-forbidden-panel": _chart(R4, "54520", "medications-403"),
    "chart-long-words": _chart(R4, "54520", "xss"),
    "panel-partial": _panel,
    "ended": _ended,
    "error-opened-directly": _address("/launch"),
    "error-no-patient": _launch("patient-500"),
    "sandbox": _address("/sandbox/"),
    "sandbox-desktop": _desktop(R4, fault="conditions-500"),
    "sandbox-framed": _framed,
    "sandbox-consent": _launch("login-page"),
}


@pytest.fixture(scope="module", params=STATES, ids=STATES)
def shown(request: pytest.FixtureRequest, visit: Visit, pictures: Path) -> Iterator[Page]:
    """A page, pictured as it comes and then with everything unfolded."""
    with visit() as visitor:
        page = STATES[request.param](visitor)
        _picture(page, pictures, request.param)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        yield page


def _picture(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"{name}-1280.png", full_page=True)
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=folder / f"{name}-dark.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 360, "height": 740})
    page.screenshot(path=folder / f"{name}-360.png", full_page=True)


def test_nothing_is_wider_than_the_window(shown: Page) -> None:
    for width, height in WIDTHS:
        shown.set_viewport_size({"width": width, "height": height})
        excess = shown.evaluate("""() => [document.documentElement, ...document.querySelectorAll(".panel, .card, main")]
            .filter(box => box.scrollWidth > box.clientWidth)
            .map(box => `${box.tagName} ${box.dataset.panel || ""} by ${box.scrollWidth - box.clientWidth} pixels`)""")
        assert excess == [], f"too wide at {width}"


def test_axe_finds_nothing(shown: Page, violations: Violations) -> None:
    shown.set_viewport_size({"width": 1280, "height": 800})
    assert violations(shown) == []


def test_axe_finds_nothing_in_the_dark(shown: Page, violations: Violations) -> None:
    shown.emulate_media(color_scheme="dark")
    assert violations(shown, only=("color-contrast", "link-in-text-block")) == []
    shown.emulate_media(color_scheme="light")
