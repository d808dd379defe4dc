"""In an EHR's frame whose browser keeps no cookies: one bounce to find out, and a way on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.chromium.conftest import ARGUMENTS, EXECUTABLE
from tests.chromium.visitor import CHART, R4, Visitor, banner, patient_of

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

pytestmark = pytest.mark.chromium

_BLOCK = 2
"""Chromium's content setting."""


@pytest.fixture
def cookieless(driver: Playwright, origin: str, tmp_path: Path) -> Iterator[Visitor]:
    """A browser whose owner has set "block all cookies"."""
    profile = tmp_path / "Default"
    profile.mkdir()
    settings = {"profile": {"default_content_setting_values": {"cookies": _BLOCK}}}
    (profile / "Preferences").write_text(json.dumps(settings), encoding="utf-8")
    context = driver.chromium.launch_persistent_context(
        tmp_path, executable_path=EXECUTABLE, args=[*ARGUMENTS], base_url=origin
    )
    context.set_default_timeout(10_000)
    visitor = Visitor(context, origin)
    visitor.watch()
    yield visitor
    context.close()


def test_where_no_cookie_is_kept_the_frame_offers_a_new_window_after_one_bounce(
    cookieless: Visitor, visitor: Visitor, pictures: Path
) -> None:
    page = cookieless.page(f"/sandbox/{R4}/open?patient=54520&frame=1")
    main = page.frame_locator("iframe").locator("main[data-error]")
    assert main.get_attribute("data-error") == "cookies_blocked"
    button = main.get_by_role("link", name="Open in a new window")
    assert button.is_visible()
    page.screenshot(path=pictures / "cookies-blocked-1280.png")
    address = urlsplit(button.get_attribute("href"))
    launches = [url for url in cookieless.requests if urlsplit(url).path == "/launch"]
    assert len(launches) == 2
    assert not [url for url in cookieless.requests if urlsplit(url).path.endswith("/authorize")], "the launch is spent"
    assert parse_qs(address.query).keys() == {"iss", "launch"}
    with cookieless.context.expect_page() as opened:
        button.click()
    assert opened.value.evaluate("window.opener") is None
    assert cookieless.violations() == []
    # In its own window the site is the first party. This profile keeps no cookie there either; other browsers do.
    window = visitor.page(address.geturl())
    assert CHART.search(window.url)
    assert (patient_of(window), banner(window)) == ("54520", "HOLLINGBROOK, Marguerite Ann (Mrs)")


def test_where_cookies_are_kept_one_bounce_leads_to_the_chart_and_a_second_launch_needs_none(visitor: Visitor) -> None:
    for bounces in (1, 0):
        visitor.forget()
        page = visitor.page(f"/sandbox/{R4}/open?patient=54520&frame=1")
        page.frame_locator("iframe").locator("body[data-patient='54520'] footer").wait_for()
        launches = [url for url in visitor.requests if urlsplit(url).path == "/launch"]
        assert len(launches) == 1 + bounces
