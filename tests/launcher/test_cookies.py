"""Every cookie of a launch: its name, its attributes, its place, and how many of them one browser collects."""

from __future__ import annotations

import json
from http.cookies import Morsel
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from launcher.models import Launch, PendingLaunch
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import DSTU2, launch_url, opened

pytestmark = pytest.mark.django_db
HEADER_LIMIT = 4_096


def set_by(page: Page) -> dict[str, Morsel[str]]:
    """The cookies that an answer leaves behind, not those it drops."""
    return {name: morsel for name, morsel in page.response.cookies.items() if str(morsel["max-age"]) != "0"}


def dropped_by(page: Page) -> set[str]:
    return {name for name, morsel in page.response.cookies.items() if str(morsel["max-age"]) == "0"}


def lines(page: Page) -> dict[str, set[str]]:
    """Set-Cookie headers as they are written: the attributes in lower case by cookie name."""
    found = {}
    for morsel in page.response.cookies.values():
        pair, *attributes = morsel.OutputString().split(";")
        found[pair.partition("=")[0]] = {attribute.strip().lower() for attribute in attributes}
    return found


def header(browser: Browser, path: str) -> str:
    """The Cookie header that this browser would send to an address."""
    return "; ".join(
        f"{name}={morsel.value}"
        for (name, place), morsel in browser.cookies.items()
        if path == place or path.startswith(place.rstrip("/") + "/")
    )


def pages_of_a_launch(browser: Browser) -> list[Page]:
    """The redirect to the EHR, the callback's answer and the chart."""
    first = browser.get(launch_url())
    second = browser.get(browser.visit(first.location, until="/callback").location)
    return [first, second, browser.get(second.location)]


def test_every_cookie_of_a_launch_is_bound_to_our_host_and_unreadable_for_scripts(
    ehrs: Bridge, browser: Browser
) -> None:
    pages = pages_of_a_launch(browser)
    written = [(name, attributes) for page in pages for name, attributes in lines(page).items()]
    assert len(written) == 4
    for name, attributes in written:
        assert {"secure", "httponly", "samesite=none", "partitioned"} <= attributes, name
        assert not [each for each in attributes if each.startswith("domain")], name
        path = next(each.partition("=")[2] for each in attributes if each.startswith("path="))
        if path == "/":
            assert name.startswith("__Host-")
        else:
            assert name.startswith("__Secure-")
            assert path == urlsplit(pages[1].location).path.rstrip("/")


def test_a_launch_sets_what_it_needs_and_each_lives_as_long_as_its_purpose(ehrs: Bridge, browser: Browser) -> None:
    redirect, callback, chart = pages_of_a_launch(browser)
    kept = {name: str(morsel["max-age"]) for name, morsel in set_by(redirect).items()}
    assert kept.pop("__Host-sp-browser") == str(30 * 24 * 3600)
    ((pending, seconds),) = kept.items()
    assert (pending[:10], seconds) == ("__Host-sp-", "600")
    assert dropped_by(callback) == {pending}
    ((name, morsel),) = set_by(callback).items()
    assert (name, morsel["max-age"]) == ("__Secure-sp-launch", "")
    assert not chart.response.cookies
    assert not [name for name, _ in browser.cookies if name == pending]


def test_a_cookie_is_dropped_by_the_name_and_place_it_was_set_with(ehrs: Bridge, browser: Browser) -> None:
    redirect, callback, _ = pages_of_a_launch(browser)
    (pending,) = dropped_by(callback)
    was, now = redirect.response.cookies[pending], callback.response.cookies[pending]
    assert (was["path"], was["domain"], bool(was["secure"])) == (now["path"], now["domain"], bool(now["secure"]))
    assert now.value == ""
    assert "partitioned" in lines(callback)[pending]


def test_cookies_say_nothing(ehrs: Bridge, browser: Browser) -> None:
    pages_of_a_launch(browser)
    values = [morsel.value for morsel in browser.cookies.values()]
    stored = str([*Launch.objects.values(), *PendingLaunch.objects.values()])
    assert len(set(values)) == len(values) == 2
    for value in values:
        assert len(value) == 32
        assert value not in stored
        assert "54520" not in value


def test_the_cookie_of_a_chart_is_sent_to_that_chart_alone(ehrs: Bridge, browser: Browser) -> None:
    first, second = opened(browser), opened(browser, launch_url(DSTU2))
    paths = [urlsplit(page.url).path for page in (first, second)]
    secrets = [header(browser, path).partition("sp-launch=")[2] for path in paths]
    assert all(secrets)
    assert secrets[0] != secrets[1]
    for path, secret in zip(paths, secrets, strict=True):
        assert secret in header(browser, path.rstrip("/"))
        assert secret in header(browser, f"{path}panels/conditions/")
        assert "sp-launch" not in header(browser, path.rstrip("/") + "0/")
    assert "sp-launch" not in header(browser, "/launch")
    assert "sp-launch" not in header(browser, "/")


def test_ending_a_session_drops_its_cookie_and_no_other(ehrs: Bridge, browser: Browser) -> None:
    first, second = opened(browser), opened(browser, launch_url(DSTU2))
    ended = browser.post(f"{first.url}end/", {"token": browser.get(first.url).marks("value")[0]})
    assert dropped_by(ended) == {"__Secure-sp-launch"}
    assert ended.response.cookies["__Secure-sp-launch"]["path"] == urlsplit(first.url).path.rstrip("/")
    assert ended.response.headers["Clear-Site-Data"] == '"cache"'
    assert browser.get(second.url).patient == "54520"


def test_a_refused_launch_sets_no_cookie(ehrs: Bridge, browser: Browser) -> None:
    for url in ("/", "/launch", "/launch?iss=https://ehr.example.org/x&launch=x", "/callback", f"/chart/{'0' * 32}/"):
        assert not browser.get(url).response.cookies, url


def test_with_a_plain_http_address_cookies_are_bare_and_lax(ehrs: Bridge, browser: Browser, settings: Any) -> None:
    browser.get(launch_url())
    browser.cookies.clear()
    settings.SMARTPORTAL_BASE_URL = "http://testserver"
    ehrs.answer_with("/token", json.dumps({"access_token": "opaque", "token_type": "Bearer", "patient": "54520"}))
    redirect = browser.get(launch_url())
    (state,), (iss,) = redirect.query["state"], redirect.query["aud"]
    callback = browser.get("/callback?" + urlencode({"state": state, "code": "x", "iss": iss.removesuffix("/fhir")}))
    assert callback.status == 303, callback.error
    written = {**lines(redirect), **lines(callback)}
    assert len(written) == 3
    assert {"sp-browser", "sp-launch"} < set(written)
    for name, attributes in written.items():
        assert name.startswith("sp-")
        assert {"httponly", "samesite=lax"} <= attributes
        assert not {"secure", "partitioned"} & attributes
    assert {name for name, _ in browser.cookies} == {"sp-browser", "sp-launch"}


@pytest.mark.parametrize("unfinished_launches", [60, 100])
def test_many_unfinished_launches_leave_room_for_one_that_is_finished(
    unfinished_launches: int, ehrs: Bridge, browser: Browser
) -> None:
    """A provider who turns back at the EHR's own sign-in page, again and again, is not locked out by full cookies."""
    for _ in range(unfinished_launches):
        page = browser.get(launch_url())
        assert page.status == 302
        assert len(header(browser, "/launch")) < HEADER_LIMIT
    unfinished = PendingLaunch.objects.filter(consumed_at=None)
    assert 1 <= unfinished.count() <= 50
    assert unfinished.values("browser_hash").distinct().count() == 1
    names = [name for name, _ in browser.cookies if name != "__Host-sp-browser"]
    assert len(names) <= 50
    callback = browser.visit(launch_url(), until="/callback").location
    assert len(header(browser, urlsplit(callback).path)) < HEADER_LIMIT
    assert unfinished.count() <= 50
    assert browser.visit(callback).patient == "54520"


def test_the_newest_of_many_unfinished_launches_can_all_be_finished(ehrs: Bridge, browser: Browser) -> None:
    callbacks = [browser.visit(launch_url(), until="/callback").location for _ in range(53)]
    answers = [browser.get(url) for url in (callbacks[0], callbacks[2], callbacks[3], callbacks[-1])]
    assert [page.error for page in answers] == ["state_unknown", "state_unknown", "", ""]
    assert [page.status for page in answers[2:]] == [303, 303]


def test_one_browsers_unfinished_launches_do_not_push_out_anothers(ehrs: Bridge, browser: Browser) -> None:
    patient_one = Browser()
    callback = patient_one.visit(launch_url(), until="/callback").location
    for _ in range(52):
        browser.get(launch_url())
    assert patient_one.visit(callback).patient == "54520"
