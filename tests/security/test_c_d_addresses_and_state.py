"""Cases 7, 25, 27 and 28 (methods, hosts, redirect URIs), 32, 34, 36, 39 to 41, 43 and 46 (the way back), by number."""

from __future__ import annotations

import base64
import hashlib
import itertools
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from time_machine import TimeMachineFixture

from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.playing import Wire, begin, form_of, wired
from tests.security.steps import (
    R4,
    asked,
    faulty_launch_url,
    iss_of,
    launch_url,
    no_launch_was_opened,
    opened,
    refused,
    registration,
    to_callback,
)
from tests.security.test_b_addresses_and_discovery import saved

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    with wired(ehrs) as found:
        yield found


def changed(url: str, **changes: str) -> str:
    """The same address with these parameters in place of its own."""
    split = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(split.query).items()} | changes
    return f"{split.path}?{urlencode(query)}"


# --- 7: methods


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    "place", ["/launch", "/launch/", "/launch.html", "/launch/smart-r4", "/callback", "/callback/smart-r4"]
)
def test_case_7_no_other_method_spends_anything(method: str, place: str, ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    query = urlsplit(callback).query if "callback" in place else urlencode({"iss": iss_of(R4), "launch": "54520"})
    ehrs.forget()
    pending = PendingLaunch.objects.count()
    page = Client().generic(method, f"{place}?{query}", secure=True)
    assert page.status_code == 405
    assert page.headers["Allow"] == "GET, POST"
    assert ehrs.seen == []
    assert PendingLaunch.objects.count() == pending
    no_launch_was_opened()
    # The code and the state are as good as before.
    assert browser.get(callback).status == 303


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"])
def test_case_7_a_prefetch_of_the_callback_spends_neither_state_nor_code(
    purpose: str, ehrs: Bridge, browser: Browser
) -> None:
    callback = to_callback(browser)
    ehrs.forget()
    assert browser.get(callback, **{"Sec-Purpose": purpose}).status == 403
    assert ehrs.seen == []
    assert browser.get(callback).status == 303


# --- 25: whose name this server goes by


@pytest.mark.parametrize("host", ["evil.test", "testserver.evil.test", "testserver@evil.test", "evil.test:443", "a b"])
def test_case_25_a_host_that_is_not_ours_is_served_nothing(host: str, ehrs: Bridge, browser: Browser) -> None:
    page = browser.get(launch_url(), Host=host)
    assert (page.status, page.error) == (404, "not_found")
    assert "Location" not in page.response.headers
    assert host not in page.text
    assert ehrs.seen == []
    assert not PendingLaunch.objects.exists()


def test_case_25_an_absolute_request_line_names_no_host(ehrs: Bridge) -> None:
    """Servers that hand the whole request line on: it is an address that we do not have."""
    page = Client().get("/", secure=True, PATH_INFO="https://evil.test/launch", QUERY_STRING=f"iss={quote(iss_of(R4))}")
    assert page.status_code == 404
    assert "evil.test" not in page.content.decode()
    assert ehrs.seen == []


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host", "X-Forwarded-Server"])
def test_case_25_no_header_changes_the_redirect_uri(header: str, ehrs: Bridge, browser: Browser) -> None:
    sent = browser.get(launch_url(), **{header: "host=evil.test" if header == "Forwarded" else "evil.test"})
    assert sent.query["redirect_uri"] == [registration().redirect_uri]


# --- 27 and 28: redirect URIs


def test_case_27_the_token_request_repeats_the_redirect_uri_that_was_sent(wire: Wire, browser: Browser) -> None:
    callback = to_callback(browser)
    before = registration().redirect_uri
    row = registration()
    row.redirect_uri = "https://testserver/callback"
    row.save()
    assert browser.get(callback).status == 303
    sent = next(form_of(seen.body.encode()) for seen in wire.bridge.seen if seen.path.endswith("/token"))
    assert sent["redirect_uri"] == [before]


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://testserver/callback/main-clinic", "Does not lead to this site"),
        ("https://testserver/callback/main-clinic#x", "no #"),
        ("https://testserver/callback/main-clinic?x=1", "no query string"),
        ("https://testserver/callback/*", "no wildcard"),
        ("https://*.testserver/callback", "no wildcard"),
        ("https://user:pass@testserver/callback", "not a plain web address"),
        ("https://testserver@evil.test/callback", "not a plain web address"),
        ("https://evil.test/callback/main-clinic", "Does not lead to this site"),
        ("https://testserver.evil.test/callback", "Does not lead to this site"),
        ("https://testserver:8443/callback", "Does not lead to this site"),
        ("https://testserver/launch", "Must be https://testserver/callback"),
        ("https://testserver/callback/another", "Must be https://testserver/callback"),
        ("https://testserver/callback/../launch", "not a plain web address"),
        ("https://testserver/callback\\..\\launch", "not a plain web address"),
        ("javascript:alert(1)", "not a plain web address"),
    ],
)
def test_case_28_a_redirect_uri_that_is_not_our_callback_is_refused_by_its_rule(uri: str, says: str, db: None) -> None:
    status, page = saved(redirect_uri=uri)
    assert status == 200
    assert says in page
    assert not EhrRegistration.objects.exists()


@pytest.mark.parametrize("uri", ["https://testserver/callback", "https://testserver/callback/main-clinic", ""])
def test_case_28_our_own_callback_is_accepted(uri: str, db: None) -> None:
    assert saved(redirect_uri=uri)[0] == 302
    assert EhrRegistration.objects.get().redirect_uri == (uri or "https://testserver/callback/main-clinic")


# --- 32 and 34: once, and soon


def test_case_32_a_copied_callback_address_starts_nothing_in_another_browser(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    chart = browser.visit(callback)
    assert chart.status == 200
    assert chart.text
    ehrs.forget()
    stranger = Browser()
    page = stranger.get(callback)
    refused(page, status=400, code="state_unknown", event="callback.rejected", reason="state_used")
    assert not page.response.cookies
    assert ehrs.seen == []
    again = browser.get(callback)
    assert (again.status, urlsplit(again.location).path) == (303, urlsplit(chart.url).path)
    assert ehrs.seen == []
    assert not again.response.cookies


def test_case_32_what_was_refused_stays_refused_on_reload(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser, faulty_launch_url(browser, "invalid-grant"))
    assert browser.get(callback).error == "code_rejected"
    ehrs.forget()
    for _ in range(3):
        refused(browser.get(callback), status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []


def test_case_34_a_state_is_good_for_ten_minutes(
    ehrs: Bridge, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    in_time, late = to_callback(browser), to_callback(browser)
    time_machine.move_to(start + timedelta(minutes=10, seconds=1), tick=False)
    ehrs.forget()
    refused(browser.get(late), status=400, code="state_unknown", event="callback.rejected", reason="state_expired")
    assert ehrs.seen == []
    time_machine.move_to(start + timedelta(minutes=9, seconds=50), tick=False)
    # The EHR's codes live shorter than our state; ours is not what refuses it.
    assert browser.get(in_time).error in {"", "code_rejected"}


# --- 36: the EHR says no

PLANTED = "<script>steal()</script>Ada Moreno 1931-02-03\r\nforged line"
KNOWN = (
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
)


@pytest.mark.parametrize("error", ["access_denied", *KNOWN, "no-standard-knows-me", "<b>x</b>", "a\r\nb", "x" * 5000])
def test_case_36_an_error_from_the_ehr_is_named_from_a_fixed_list_and_never_quoted(
    error: str, ehrs: Bridge, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    launch = begin(browser)
    url = launch.callback_url(code="", error=error, error_description=PLANTED, error_uri="https://evil.test/help")
    ehrs.forget()
    caplog.clear()
    page = browser.get(url)
    denied = error == "access_denied"
    refused(
        page,
        status=403 if denied else 400,
        code="access_denied" if denied else "authorization_failed",
        event="callback.rejected",
        reason=error if denied or error in KNOWN else "other",
    )
    assert ehrs.seen == []
    for hidden in ("steal()", "Ada Moreno", "1931-02-03", "forged line", "evil.test", "no-standard", "<b>x</b>"):
        assert hidden not in page.text
        assert hidden not in caplog.text
        assert hidden not in str(list(AuditEvent.objects.values()))
    assert [each.levelno for each in caplog.records if page.reference in each.getMessage()] == [logging.INFO]
    refused(browser.get(url), status=400, code="state_unknown", event="callback.rejected", reason="state_used")


# --- 39: a code of somebody else's launch


def opened_by_the_ehr(browser: Browser, **switches: str) -> str:
    page = browser.get(f"/sandbox/{R4}/open?" + urlencode(switches))
    assert page.status in {302, 303}, page.text
    return page.location


def test_case_39_an_injected_code_is_stopped_by_the_nonce_where_the_ehr_ignores_pkce(
    wire: Wire, browser: Browser
) -> None:
    attackers = to_callback(Browser(), opened_by_the_ehr(Browser(), patient="54531", pkce="ignored"))
    victims = to_callback(browser, opened_by_the_ehr(browser, patient="54520", pkce="ignored"))
    wire.bridge.forget()
    page = browser.get(changed(victims, code=parse_qs(urlsplit(attackers).query)["code"][0]))
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="nonce")
    assert asked(wire.bridge, "/token") == 1
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()


# --- 40 and 41: which EHR is speaking


def test_case_40_an_answer_at_another_ehrs_callback_is_refused(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    others = parse_qs(urlsplit(to_callback(Browser(), launch_url("epic"))).query)["code"][0]
    query = parse_qs(urlsplit(callback).query)
    ehrs.forget()
    page = browser.get("/callback/epic?" + urlencode({"state": query["state"][0], "code": others}))
    refused(page, status=400, code="issuer_mismatch", event="callback.rejected", reason="registration_mismatch")
    assert ehrs.seen == []
    refused(browser.get(callback), status=400, code="state_unknown", event="callback.rejected", reason="state_used")
    assert ehrs.seen == []
    no_launch_was_opened()


@pytest.mark.parametrize("order", ["A-at-B", "B-at-A"])
def test_case_40_two_launches_whose_answers_were_swapped_both_end(order: str, ehrs: Bridge, browser: Browser) -> None:
    at = {"A-at-B": (R4, "epic"), "B-at-A": ("epic", R4)}[order]
    callback = to_callback(browser, launch_url(at[0]))
    ehrs.forget()
    page = browser.get(callback.replace(f"/callback/{at[0]}", f"/callback/{at[1]}"))
    refused(page, status=400, code="issuer_mismatch", event="callback.rejected", reason="registration_mismatch")
    assert ehrs.seen == []


@pytest.mark.parametrize(
    ("iss", "reason"),
    [
        ("https://evil.test", "iss_mismatch"),
        ("{}/", "iss_mismatch"),
        ("{}x", "iss_mismatch"),
        ("HTTPS://TESTSERVER/sandbox/smart-r4", "iss_mismatch"),
        ("{}/fhir", "iss_mismatch"),
        ("", "iss_missing"),
    ],
)
def test_case_41_another_issuer_in_the_answer_ends_the_launch(
    iss: str, reason: str, ehrs: Bridge, browser: Browser
) -> None:
    launch = begin(browser)
    ehrs.forget()
    page = browser.get(launch.callback_url(iss=iss.format(launch.issuer)))
    refused(page, status=400, code="issuer_mismatch", event="callback.rejected", reason=reason)
    assert ehrs.seen == []
    refused(browser.get(launch.callback_url()), status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []
    no_launch_was_opened()


def test_case_41_two_issuers_are_one_too_many(ehrs: Bridge, browser: Browser) -> None:
    launch = begin(browser)
    ehrs.forget()
    page = browser.get(f"{launch.callback_url()}&{urlencode({'iss': launch.issuer})}")
    refused(page, status=400, code="issuer_mismatch", event="callback.rejected", reason="iss_repeated")
    assert ehrs.seen == []


@pytest.mark.parametrize("fault", ["wrong-iss", "missing-iss"])
def test_case_41_an_ehr_that_names_itself_wrongly_gets_no_code(fault: str, ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser, faulty_launch_url(browser, fault))
    ehrs.forget()
    refused(browser.get(callback), status=400, code="issuer_mismatch", event="callback.rejected")
    assert ehrs.seen == []


def test_case_41_an_ehr_without_an_issuer_must_speak_from_its_own_endpoints(wire: Wire, browser: Browser) -> None:
    wire.changed("/smart-configuration", issuer=None, authorization_response_iss_parameter_supported=False)
    launch = begin(browser)
    page = browser.get(launch.callback_url(iss="https://evil.test"))
    refused(page, status=400, code="issuer_mismatch", event="callback.rejected", reason="iss_mismatch")
    assert wire.to("/token") == 0


# --- 43 and 46: many at once


def cookie_header(browser: Browser, path: str) -> str:
    return "; ".join(
        f"{name}={morsel.value}" for (name, place), morsel in browser.cookies.items() if path.startswith(place)
    )


def test_case_43_the_sixty_first_of_sixty_unfinished_launches_opens(ehrs: Bridge, browser: Browser) -> None:
    begun = [begin(browser) for _ in range(60)]
    last = to_callback(browser)
    assert PendingLaunch.objects.filter(consumed_at=None).count() == 50
    assert len(cookie_header(browser, "/callback")) < 4096
    page = browser.visit(last)
    assert (page.status, page.patient) == (200, "54520")
    dropped = browser.get(begun[0].callback_url())
    refused(dropped, status=400, code="state_unknown", event="callback.rejected")
    assert Launch.objects.count() == 1


ORDERS = sorted(set(itertools.permutations(("A", "A", "B", "B"))))


@pytest.mark.parametrize("order", ORDERS, ids="".join)
def test_case_46_each_token_request_carries_the_verifier_of_its_own_launch(
    order: tuple[str, ...], wire: Wire, browser: Browser
) -> None:
    under_way: dict[str, Any] = {}
    patients = {"A": "54520", "B": "54531"}
    pages: dict[str, Page] = {}
    for tab in order:
        if tab not in under_way:
            sent = browser.get(launch_url(patient=patients[tab]))
            under_way[tab] = sent.query["code_challenge"][0], browser.visit(sent.location, until="/callback").location
            continue
        challenge, callback = under_way[tab]
        wire.bridge.forget()
        pages[tab] = browser.visit(callback)
        (form,) = (form_of(seen.body.encode()) for seen in wire.bridge.seen if seen.path.endswith("/token"))
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
    assert {tab: page.patient for tab, page in pages.items()} == patients
    assert re.fullmatch(r"/chart/[0-9a-f]{32}/", urlsplit(pages["A"].url).path)
    assert opened(browser, pages["B"].url).patient == "54531"
