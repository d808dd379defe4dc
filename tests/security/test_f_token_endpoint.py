"""Cases 48, 51 and 54 to 60 (what a token endpoint may do), by number; redirects and slow answers over real sockets."""

from __future__ import annotations

import base64
import json
import resource
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import pytest
from django.conf import settings
from django.utils import timezone

from launcher.models import AuditEvent, EhrRegistration, Launch
from launcher.smart.http import TOTAL_SECONDS
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.playing import (
    Json,
    Wire,
    answer,
    begin,
    form_of,
    listening_token_endpoint,
    shortened_deadlines,
    signed_in_with,
    silence,
    wired,
)
from tests.security.steps import asked, no_launch_was_opened, opened, refused, registration
from tests.smart.misbehaving import Visit, answering, plain, serving

pytestmark = pytest.mark.django_db
PLANTED = "a-word-of-the-answers-body"


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    with wired(ehrs) as found:
        yield found


def answered(wire: Wire, browser: Browser, **more: Any) -> Page:
    """The callback's answer to a token response with these members besides the least there must be."""
    launch = begin(browser)
    return signed_in_with(wire, launch, None, **more)


# --- 48: the least that is enough


def test_case_48_the_four_members_that_there_must_be_open_a_page_within_twenty_seconds(
    wire: Wire, browser: Browser
) -> None:
    callback = browser.visit(begin_address(browser), until="/callback").location
    wire.changed("/token", **dict.fromkeys(("expires_in", "id_token", "refresh_token", "need_patient_banner"), None))
    started = time.monotonic()
    page = browser.visit(callback)
    assert page.patient == "54520"
    assert page.state("conditions") == "ready"
    assert time.monotonic() - started < 20
    events = list(AuditEvent.objects.order_by("pk").values_list("event", flat=True))
    assert events.index("token.obtained") < events.index("session.opened")
    token = Launch.objects.get().access_token.reveal()
    assert token not in page.text
    assert token not in str(page.response.cookies)


def begin_address(browser: Browser) -> str:
    return browser.get("/sandbox/smart-r4/open?patient=54520").location


# --- 51: how long a token lives


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (3600.0, 3600),
        (..., None),
        (None, None),
        ("", None),
        (0, None),
        (-1, None),
        (True, None),
        ("soon", None),
        ([3600], None),
        ({"in": 3600}, None),
        (10 * 365 * 24 * 3600, 10 * 365 * 24 * 3600),
    ],
    ids=str,
)
def test_case_51_whatever_expires_in_is_the_session_opens(
    sent: Any, seconds: int | None, wire: Wire, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """Ruling 9 of the contract: a token of unknown life is used until a 401 or the session's limit."""
    launch = begin(browser)
    body = {name: value for name, value in launch.tokens(expires_in=sent).items() if value is not ...}
    wire.plays["/token"] = answer(200, body)
    before = timezone.now()
    page = browser.get(launch.callback_url())
    assert page.status == 303, page.error
    expires = Launch.objects.get().token_expires_at
    if seconds is None:
        assert expires is None
        assert "expires_in is unusable" in caplog.text
    else:
        assert expires is not None
        assert abs((expires - before).total_seconds() - seconds) < 10


def test_case_51_a_number_beyond_all_numbers_is_no_exception(wire: Wire, browser: Browser) -> None:
    for written in ("1e999", "-1e999", "1" * 30):
        launch = begin(browser)
        body = json.dumps(launch.tokens(expires_in="HERE")).replace('"HERE"', written)
        wire.plays["/token"] = answer(200, body)
        page = browser.get(launch.callback_url())
        assert page.status == 303, page.error
    assert set(Launch.objects.values_list("token_expires_at", flat=True)) == {None}


def test_case_51_a_token_of_ten_years_does_not_outlive_the_session(wire: Wire, browser: Browser) -> None:
    callback = browser.visit(begin_address(browser), until="/callback").location
    wire.changed("/token", expires_in=10 * 365 * 24 * 3600)
    chart = browser.visit(callback)
    assert chart.patient == "54520"
    old = timezone.now() - timedelta(hours=settings.SMARTPORTAL_ABSOLUTE_HOURS, seconds=1)
    Launch.objects.update(created_at=old)
    wire.bridge.forget()
    page = browser.get(chart.url)
    assert (page.status, page.error) == (403, "session_ended")
    assert asked(wire.bridge, "/fhir/") == 0
    assert not Launch.objects.get().access_token


# --- 54 to 56: what is not to be believed


@pytest.mark.parametrize("patient", ["../Practitioner/1", "1?_include=*", "a/b", "x" * 65, "%2e%2e", "1#x", "1 2", "é"])
def test_case_54_a_patient_that_is_no_id_is_part_of_no_address(patient: str, wire: Wire, browser: Browser) -> None:
    page = answered(wire, browser, patient=patient)
    refused(page, status=502, code="token_unreadable", event="token.failed", reason="patient")
    assert not [url for url in wire.asked if patient in url or "/fhir/Patient" in url]
    assert not AuditEvent.objects.filter(patient=patient).exists()
    no_launch_was_opened()


def test_case_55_the_panel_says_that_the_ehr_did_not_grant_it(wire: Wire, browser: Browser) -> None:
    callback = browser.visit(begin_address(browser), until="/callback").location
    wire.changed("/token", scope="launch openid fhirUser patient/Patient.rs patient/Condition.rs")
    page = browser.visit(callback)
    assert page.state("medications") == "forbidden"
    assert "not given permission to read medications" in page.panel("medications")
    assert page.state("conditions") == "ready"
    assert not [url for url in wire.asked if "Medication" in url]


REFUSALS: dict[str, tuple[int, Any, dict[str, str], tuple[int, str]]] = {
    "invalid_grant": (400, {"error": "invalid_grant", "error_description": PLANTED}, {}, (400, "code_rejected")),
    "invalid_client": (401, {"error": "invalid_client", "error_description": PLANTED}, {}, (502, "client_rejected")),
    "429": (429, PLANTED, {"Retry-After": "7"}, (503, "ehr_busy")),
    "503": (503, PLANTED, {"Retry-After": "7"}, (503, "ehr_busy")),
    "500-html": (500, f"<html>{PLANTED}</html>", {}, (502, "token_unreadable")),
    "200-html": (200, f"<html>{PLANTED}</html>", {}, (502, "token_unreadable")),
    "204": (204, b"", {}, (502, "token_unreadable")),
    "200-empty": (200, b"", {}, (502, "token_unreadable")),
    "200-array": (200, [PLANTED], {}, (502, "token_unreadable")),
    "200-null": (200, "null", {}, (502, "token_unreadable")),
    "200-error": (200, {"error": "invalid_grant", "x": PLANTED}, {}, (400, "code_rejected")),
    "unknown-error": (400, {"error": PLANTED}, {}, (502, "token_unreadable")),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_case_56_a_refused_code_is_sent_once_and_the_answer_is_quoted_nowhere(
    kind: str, wire: Wire, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    status, body, headers, (shown, code) = REFUSALS[kind]
    launch = begin(browser)
    wire.plays["/token"] = answer(status, body, **{name.replace("-", "_"): value for name, value in headers.items()})
    page = browser.get(launch.callback_url())
    refused(page, status=shown, code=code, event="token.failed")
    if headers:
        assert page.response.headers["Retry-After"] == "7"
    again = browser.get(launch.callback_url())
    refused(again, status=400, code="state_unknown", event="callback.rejected", reason="state_used")
    assert wire.to("/token") == 1
    for place in (page.text, caplog.text, str(list(AuditEvent.objects.values()))):
        assert PLANTED not in place
    assert AuditEvent.objects.filter(event="config.error").count() == (code == "client_rejected")
    no_launch_was_opened()


def test_case_56_silence_is_not_asked_twice_either(wire: Wire, browser: Browser) -> None:
    launch = begin(browser)
    wire.plays["/token"] = silence
    page = browser.get(launch.callback_url())
    refused(page, status=504, code="ehr_unreachable", event="token.failed", reason="timeout")
    assert wire.to("/token") == 1
    browser.get(launch.callback_url())
    assert wire.to("/token") == 1


# --- 57: redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-origin", "other-origin"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_case_57_a_redirect_gets_neither_code_nor_secret(
    method: str, elsewhere: bool, status: str, wire: Wire, browser: Browser
) -> None:
    with answering(plain()) as thief:
        target = [b""]

        def redirects(visit: Visit) -> None:
            while request := visit.request():
                token_endpoint.requests.append(request)
                visit.send(plain(b"{}", status=status, headers=(f"Location: {target[0].decode()}",)))

        with serving(redirects) as token_endpoint:
            target[0] = (thief if elsewhere else token_endpoint).url("/again").encode()
            row = listening_token_endpoint(wire, token_endpoint)
            row.approved_origins = [token_endpoint.url(), thief.url()]
            row.auth_method = method
            row.save()
            launch = begin(browser)
            page = browser.get(launch.callback_url())
        assert thief.connections == 0
    refused(page, status=502, code="token_unreadable", event="token.failed", reason="redirect")
    assert len(token_endpoint.requests) == 1
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()


# --- 58: slow, broken, endless


def one_byte_at_a_time(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    visit.drip(b"{" + b" " * 4999)


def headers_one_byte_at_a_time(visit: Visit) -> None:
    visit.request()
    visit.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 5000)


def resets(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")
    visit.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def longer_than_it_says(visit: Visit) -> None:
    visit.request()
    visit.send(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"access_token":"x","token_type":"Bearer"}')


def shorter_than_it_says(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}")


def chunks_without_end(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not visit.closing.is_set():
        visit.send(b"400\r\n" + b" " * 1024 + b"\r\n")


def chunks_that_break_off(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")


def says_nothing(visit: Visit) -> None:
    visit.request()
    visit.closing.wait(20)


@pytest.mark.parametrize(
    ("handler", "code", "reason"),
    [
        (one_byte_at_a_time, "ehr_unreachable", "timeout"),
        (headers_one_byte_at_a_time, "ehr_unreachable", "timeout"),
        (says_nothing, "ehr_unreachable", "timeout"),
        (resets, "ehr_unreachable", "broken"),
        (shorter_than_it_says, "ehr_unreachable", "broken"),
        (chunks_that_break_off, "ehr_unreachable", "broken"),
        (longer_than_it_says, "token_unreadable", ""),
        (chunks_without_end, "token_unreadable", "too_large"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_case_58_an_answer_that_does_not_end_well_holds_nobody_up(
    handler: Callable[[Visit], None],
    code: str,
    reason: str,
    wire: Wire,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = shortened_deadlines(monkeypatch)
    with serving(handler) as server:
        listening_token_endpoint(wire, server)
        launch = begin(browser)
        allowed.clear()
        started = time.monotonic()
        page = browser.get(launch.callback_url())
        took = time.monotonic() - started
        connections = server.connections
    assert allowed == [TOTAL_SECONDS]
    assert TOTAL_SECONDS <= 15
    assert took < 2
    assert connections == 1
    refused(page, status=504 if code == "ehr_unreachable" else 502, code=code, event="token.failed", reason=reason)
    no_launch_was_opened()


def packed(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1024 * 1024)
    return b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()])


def test_case_58_a_gzip_that_unpacks_to_a_gigabyte_costs_nothing(wire: Wire, browser: Browser) -> None:
    # Zeros again and again: gzip members follow one another, and a thousand of them are still small.
    body = packed(64) * 16
    with answering(plain(body, headers=("Content-Encoding: gzip",)), keep=False) as server:
        listening_token_endpoint(wire, server)
        launch = begin(browser)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        page = browser.get(launch.callback_url())
        spent = time.process_time() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    refused(page, status=502, code="token_unreadable", event="token.failed", reason="too_large")
    assert grown < 32 * 1024
    assert spent < 2
    no_launch_was_opened()


def test_case_58_a_small_gzip_that_unpacks_beyond_64_kb_is_too_large(wire: Wire, browser: Browser) -> None:
    with answering(plain(packed(1), headers=("Content-Encoding: gzip",))) as server:
        listening_token_endpoint(wire, server)
        page = browser.get(begin(browser).callback_url())
    refused(page, status=502, code="token_unreadable", event="token.failed", reason="too_large")


# --- 60: how the client proves itself

ODD_ID, ODD_SECRET = "our:client+100%&é", "p:w+%41&é=/?"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_case_60_odd_characters_in_client_id_and_secret_arrive_as_they_are(
    method: str, wire: Wire, browser: Browser
) -> None:
    row: EhrRegistration = registration()
    row.client_id, row.auth_method = ODD_ID, method
    row.client_secret = ODD_SECRET
    row.full_clean()
    row.save()
    launch = begin(browser)
    assert launch.query["client_id"] == [ODD_ID]
    signed_in_with(wire, launch, None)
    seen: list[Json] = []

    def note(request: Any) -> Any:
        seen.append({"form": form_of(request), "authorization": request.headers.get("Authorization", "")})
        return answer(200, second.tokens())(request)

    second = begin(browser)
    wire.plays["/token"] = note
    assert browser.get(second.callback_url()).status == 303
    (sent,) = seen
    if method == "client_secret_basic":
        scheme, _, value = sent["authorization"].partition(" ")
        name, _, secret = base64.b64decode(value).decode("ascii").partition(":")
        assert scheme == "Basic"
        assert (unquote_plus(name), unquote_plus(secret)) == (ODD_ID, ODD_SECRET)
        assert "client_secret" not in sent["form"]
    else:
        assert sent["authorization"] == ""
        assert (sent["form"]["client_id"], sent["form"]["client_secret"]) == ([ODD_ID], [ODD_SECRET])


def test_case_60_a_chart_opens_with_either_method(wire: Wire) -> None:
    for method in ("client_secret_basic", "client_secret_post"):
        EhrRegistration.objects.update(auth_method=method)
        assert opened(Browser()).patient == "54520"
