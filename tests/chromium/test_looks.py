"""Every page and state fits every width and passes axe in light and dark.

Each is opened once and then looked at in several ways; pictures for people go to test-results/screenshots/.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.chromium.conftest import EPIC, ORACLE, Violations, Visit
from tests.chromium.visitor import DSTU2, R4, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.chromium

WIDTHS = ((1280, 800), (1100, 700), (600, 800), (320, 256))
"""The last is a window of 1280 by 1024 at a zoom of 400 % (WCAG 2.2, 1.4.10)."""
IN_THE_DARK = ("color-contrast", "link-in-text-block")
State = Callable[[Visitor, Path], "Page"]


def _address(address: str) -> State:
    return lambda visitor, data: visitor.page(address)


def _desktop(ehr: str, **query: str) -> State:
    return _address(f"/sandbox/{ehr}/?{urlencode(query)}")


def _chart(ehr: str, patient: str, fault: str = "", below: str = "") -> State:
    def open_it(visitor: Visitor, data: Path) -> Page:
        page = visitor.chart(ehr, patient, fault=fault)
        if below:
            page.goto(f"{page.url}{below}")
        return page

    return open_it


def _launch(fault: str) -> State:
    return lambda visitor, data: visitor.page(visitor.faulty(R4, "54520", fault))


def _framed(visitor: Visitor, data: Path) -> Page:
    page = visitor.page(f"/sandbox/{DSTU2}/open?patient=54520&frame=1")
    page.frame_locator("iframe").locator("footer").wait_for()
    return page


def _ended(visitor: Visitor, data: Path) -> Page:
    page = visitor.chart()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("heading", name="Session ended").wait_for()
    return page


def _cookies_blocked(visitor: Visitor, data: Path) -> Page:
    """The page as a browser gets it in a frame after the bounce; here it fills the window."""
    page = visitor.page()
    address = visitor.origin + visitor.link(R4, "54520") + "&cookie_check=1"
    framed = {"Sec-Fetch-Dest": "iframe"}
    page.route(address, lambda route: route.fulfill(response=route.fetch(headers=framed)))
    page.goto(address)
    return page


def _picker(visitor: Visitor, data: Path) -> Page:
    page = visitor.page(f"/standalone/{EPIC}")
    page.get_by_role("link", name="Continue without a patient").click()
    page.get_by_label("Name").fill("o")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Open chart").first.wait_for()
    assert "S-1081" in page.locator("tbody tr").filter(has_text="OLUFSEN").locator("td").nth(3).inner_text().split()
    return page


def _authorize_post(visitor: Visitor, data: Path) -> Page:
    """As long as the script has not sent the form."""
    page = visitor.page()
    page.route("**/submit.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(f"/sandbox/{ORACLE}/open?patient=smart-1096")
    return page


def _document_not_there(visitor: Visitor, data: Path) -> Page:
    page = visitor.chart(R4, "smart-1042", fault="binary-404")
    page.locator("[data-panel=documents] a.open").first.click()
    page.locator("body[data-page=document]").wait_for()
    return page


def _session_ends(visitor: Visitor, data: Path) -> Page:
    page = visitor.page()
    page.clock.install()
    page.goto(visitor.link(R4, "54520"))
    page.clock.fast_forward("13:00")
    page.locator("[data-idle-seconds]").wait_for(state="visible")
    return page


def _administrator(address: str) -> State:
    def sign_in(visitor: Visitor, data: Path) -> Page:
        page = visitor.page(f"/admin/login/?next=/admin/{address}")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill((data / "admin_password").read_text(encoding="utf-8").strip())
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"**/admin/{address}")
        return page

    return sign_in


STATES: dict[str, State] = {
    "front": _address("/"),
    "chart": _chart(DSTU2, "54520"),
    "chart-r4": _chart(R4, "54520"),
    "chart-do-not-give": _chart(R4, "smart-1042"),
    "chart-newborn": _chart("allscripts-touchworks", "41"),
    "chart-restricted": _chart("allscripts-sunrise", "385800227"),
    "chart-right-to-left": _chart("allscripts-sunrise", "385800266"),
    "chart-deceased": _chart(DSTU2, "54531"),
    "chart-merged-empty": _chart(DSTU2, "54582"),
    "chart-little-known": _chart(R4, "smart-1078"),
    "chart-failed-panel": _chart(R4, "54520", "conditions-500"),
    "chart-forbidden-panel": _chart(R4, "54520", "medications-403"),
    "chart-allergies-unavailable": _chart(R4, "smart-1042", "allergies-403"),
    "chart-partial-allergies": _chart(R4, "smart-1042", "allergies-other-patient"),
    "chart-unsupported-panel": _chart(R4, "smart-1042", "immunizations-404"),
    "chart-unreadable-panel": _chart(R4, "smart-1042", "labs-html"),
    "chart-long-words": _chart(R4, "54520", "xss"),
    "chart-session-ends": _session_ends,
    "panel-partial": _chart(R4, "54520", "conditions-warning", "panels/conditions/"),
    "print": _chart(R4, "smart-1042", "", "print/"),
    "print-failed-panel": _chart("allscripts-sunrise", "385800227", "conditions-500", "print/"),
    "document-not-there": _document_not_there,
    "picker": _picker,
    "authorize-post": _authorize_post,
    "ended": _ended,
    "cookies-blocked": _cookies_blocked,
    "error-opened-directly": _address("/launch"),
    "error-no-patient": _launch("patient-500"),
    "error-other-patient": _launch("patient-other"),
    "error-client-rejected": _launch("invalid-client"),
    "error-access-denied": _launch("access-denied"),
    "error-session-ended": _address("/chart/00000000000000000000000000000000/"),
    "error-not-found": _address("/nowhere"),
    "admin-login": _address("/admin/login/"),
    "admin-registration": _administrator("launcher/ehrregistration/add/"),
    "admin-registration-change": _administrator("launcher/ehrregistration/1/change/"),
    "admin-credentials": _administrator("launcher/ehrregistration/credentials/?rows=1,2"),
    "admin-replace-secret": _administrator("launcher/ehrregistration/1/secret/"),
    "admin-test-launch": _administrator("launcher/ehrregistration/1/test-launch/"),
    "sandbox-applications": _address("/sandbox/applications/"),
    "sandbox": _address("/sandbox/"),
    "sandbox-desktop": _desktop(R4, fault="conditions-500"),
    "sandbox-framed": _framed,
    "sandbox-consent": _launch("login-page"),
}


@pytest.mark.parametrize("state", STATES)
def test_it_fits_every_width_and_axe_finds_nothing(
    state: str, visit: Visit, data: Path, pictures: Path, violations: Violations
) -> None:
    """Pictured as it comes, then looked at with everything unfolded."""
    with visit() as visitor:
        page = STATES[state](visitor, data)
        _picture(page, pictures, state)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        page.set_viewport_size({"width": 1280, "height": 800})
        found = {"light": violations(page)}
        page.emulate_media(color_scheme="dark")
        # The admin's links fade from one color to the other.
        page.evaluate("() => Promise.allSettled(document.getAnimations().map(each => each.finished))")
        found["dark"] = violations(page, only=IN_THE_DARK)
        page.emulate_media(color_scheme="light")
        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            found[f"too wide at {width}"] = _excess(page)
    assert {name: problems for name, problems in found.items() if problems} == {}


def _excess(page: Page) -> list[str]:
    found: list[str] = (
        page.evaluate("""() => [document.documentElement, ...document.querySelectorAll(".panel, .card, main")]
        .filter(box => box.scrollWidth > box.clientWidth)
        .map(box => `${box.tagName} ${box.dataset.panel || ""} by ${box.scrollWidth - box.clientWidth} pixels`)""")
    )
    return found


def _picture(page: Page, folder: Path, name: str) -> None:
    for width, height in ((1280, 800), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=width > height)
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=folder / f"{name}-{width}-dark.png")
        page.emulate_media(color_scheme="light")
