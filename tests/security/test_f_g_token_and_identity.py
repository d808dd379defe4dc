"""Cases 48 to 50, 53 to 56, 58 and 79 (token answers), 64, 67, 68 and 72 (id_token), as the simulators play them.

What no simulator plays is in `test_f_token_endpoint.py` and `test_g_id_token.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
import responses

from launcher.models import AuditEvent, Launch, PendingLaunch
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import (
    asked,
    faulty_launch_url,
    launch_url,
    no_launch_was_opened,
    opened,
    refused,
    registration,
    to_callback,
)

pytestmark = pytest.mark.django_db


def fails(browser: Browser, bridge: Bridge, fault: str) -> Page:
    """Launch with this fault up to the callback's answer; what reached the EHR before is forgotten."""
    callback = to_callback(browser, faulty_launch_url(browser, fault))
    bridge.forget()
    return browser.get(callback)


def test_case_48_a_good_answer_opens_the_session_and_keeps_the_token_encrypted(ehrs: Bridge, browser: Browser) -> None:
    opened(browser)
    launch = Launch.objects.get()
    token = launch.access_token.reveal()
    stored = Launch.objects.values("access_token", "refresh_token").get()
    assert token
    assert token not in str(stored)
    events = list(AuditEvent.objects.order_by("id").values_list("event", flat=True))
    assert events.index("token.obtained") < events.index("session.opened") < events.index("patient.read")


@pytest.mark.parametrize("fault", ["no-access-token", "token-array"])
def test_case_49_an_answer_without_a_usable_token_opens_nothing(fault: str, ehrs: Bridge, browser: Browser) -> None:
    page = fails(browser, ehrs, fault)
    refused(page, status=502, code="token_unreadable", event="token.failed")
    assert asked(ehrs, "/fhir/") == 0
    no_launch_was_opened()


@pytest.mark.parametrize(
    "token",
    [None, "", 7, ["x"], {"a": 1}, "a\r\nSet-Cookie: x", "tokén", "x" * 100_000],
    ids=lambda value: str(value)[:12],
)
def test_case_49_every_malformed_access_token_is_refused(
    token: object, ehrs: Bridge, browser: Browser, answered_by: Callable[[str], None]
) -> None:
    callback = to_callback(browser)
    answered_by(json.dumps({"access_token": token, "token_type": "Bearer", "patient": "54520"}))
    page = browser.get(callback)
    refused(page, status=502, code="token_unreadable", event="token.failed")
    assert asked(ehrs, "/fhir/Patient") == 0
    no_launch_was_opened()


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "Bearer"])
def test_case_50_bearer_in_any_case_is_bearer(
    kind: str, ehrs: Bridge, browser: Browser, answered_by: Callable[[str], None]
) -> None:
    callback = to_callback(browser)
    answered_by(json.dumps({"access_token": "opaque", "token_type": kind, "patient": "54520"}))
    assert browser.get(callback).status == 303
    assert Launch.objects.get().patient == "54520"


@pytest.mark.parametrize("kind", ["mac", "DPoP", "N_A", None, 1])
def test_case_50_any_other_kind_of_token_is_refused(
    kind: object, ehrs: Bridge, browser: Browser, answered_by: Callable[[str], None]
) -> None:
    callback = to_callback(browser)
    answered_by(json.dumps({"access_token": "opaque", "token_type": kind, "patient": "54520"}))
    refused(browser.get(callback), status=502, code="token_unreadable", event="token.failed")
    no_launch_was_opened()


def test_case_53_a_token_without_a_patient_shows_nobody(ehrs: Bridge, browser: Browser) -> None:
    earlier = opened(browser)
    page = fails(browser, ehrs, "no-patient")
    refused(page, status=502, code="no_patient", event="token.failed")
    assert asked(ehrs, "/fhir/Patient") == 0
    assert Launch.objects.count() == 1
    assert browser.get(earlier.url).patient == "54520"


@pytest.mark.parametrize(
    "patient", ["../Practitioner/1", "1?_include=*", "a/b", "x" * 65, 123, ["54520"], {"id": "1"}, "..", "a b"]
)
def test_case_54_a_patient_that_is_no_fhir_id_never_gets_into_an_address(
    patient: object, ehrs: Bridge, browser: Browser, answered_by: Callable[[str], None]
) -> None:
    callback = to_callback(browser)
    answered_by(json.dumps({"access_token": "opaque", "token_type": "Bearer", "patient": patient}))
    page = browser.get(callback)
    refused(page, status=502, code="token_unreadable", event="token.failed", reason="patient")
    assert asked(ehrs, "/fhir/Patient") == 0
    no_launch_was_opened()


def test_case_55_a_panel_whose_scope_was_refused_says_so_and_asks_nothing(ehrs: Bridge, browser: Browser) -> None:
    url = faulty_launch_url(browser, "narrow-scope")
    ehrs.forget()
    page = opened(browser, url)
    assert page.state("medications") == "forbidden"
    assert page.state("conditions") in {"ready", "partial"}
    assert asked(ehrs, "Medication") == 0


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("invalid-grant", 400, "code_rejected"),
        ("invalid-client", 502, "client_rejected"),
        ("unauthorized-client", 502, "client_rejected"),
        ("token-429", 503, "ehr_busy"),
        ("token-503", 503, "ehr_busy"),
        ("token-500-html", 502, "token_unreadable"),
        ("token-200-html", 502, "token_unreadable"),
        ("token-204", 502, "token_unreadable"),
        ("token-empty", 502, "token_unreadable"),
        ("token-redirect", 502, "token_unreadable"),
    ],
)
def test_case_56_a_refusing_token_endpoint_is_asked_once(
    fault: str, status: int, code: str, ehrs: Bridge, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    page = fails(browser, ehrs, fault)
    refused(page, status=status, code=code, event="token.failed")
    assert asked(ehrs, "token") == 1
    assert asked(ehrs, "/fhir/") == 0
    assert "<html" not in caplog.text.lower()
    assert AuditEvent.objects.filter(event="config.error").exists() == (code == "client_rejected")
    if status == 503:
        assert page.response.headers["Retry-After"]
    no_launch_was_opened()


def test_case_58_a_token_answer_over_64_kb_is_refused(
    ehrs: Bridge, browser: Browser, answered_by: Callable[[str], None]
) -> None:
    callback = to_callback(browser)
    answer = {"access_token": "opaque", "token_type": "Bearer", "patient": "54520", "filler": "x" * 65_536}
    answered_by(json.dumps(answer))
    page = browser.get(callback)
    refused(page, status=502, code="token_unreadable", event="token.failed", reason="too_large")
    no_launch_was_opened()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("id-alg-none", "form"),
        ("id-bad-signature", "signature"),
        ("id-wrong-iss", "iss"),
        ("id-wrong-aud", "aud"),
        ("id-wrong-nonce", "nonce"),
        ("id-no-nonce", "nonce"),
        ("id-no-sub", "sub"),
        ("id-expired", "exp"),
        ("id-unknown-kid", "kid"),
    ],
)
def test_cases_64_67_68_and_72_an_id_token_that_fails_a_check_opens_nothing(
    fault: str, reason: str, ehrs: Bridge, browser: Browser
) -> None:
    page = fails(browser, ehrs, fault)
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason=reason)
    assert asked(ehrs, "/fhir/Patient") == 0
    no_launch_was_opened()


def test_case_79_without_an_id_token_the_registration_decides(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "no-id-token"))
    assert "not identify" in page.text
    row = registration()
    row.require_identity = True
    row.save()
    refused(fails(Browser(), ehrs, "no-id-token"), status=502, code="identity_invalid", event="idtoken.rejected")


@pytest.fixture
def answered_by(ehrs: Bridge) -> Callable[[str], None]:
    """Let the token endpoint answer with exactly these bytes (what our simulators should not have to play)."""
    return lambda body: ehrs.answer_with("/token", body)


def test_responses_can_play_an_ehr_too(ehrs: Bridge, browser: Browser) -> None:
    """Bytes that no simulator sends: a token answer with a duplicate key, played by `responses` on the real adapter."""
    callback = to_callback(browser)
    endpoint = PendingLaunch.objects.get().configuration["token_endpoint"]
    body = b'{"access_token": "one", "access_token": "two", "token_type": "Bearer", "patient": "54520"}'
    with responses.RequestsMock() as played, ehrs.lifted():
        played.post(endpoint, body=body, content_type="application/json")
        page = browser.get(callback)
    refused(page, status=502, code="token_unreadable", event="token.failed")
    no_launch_was_opened()


def test_a_base64_token_is_not_mistaken_for_text(
    ehrs: Bridge, browser: Browser, answered_by: Callable[[str], None]
) -> None:
    callback = to_callback(browser, launch_url())
    token = base64.b64encode(bytes(range(200))).decode()
    answered_by(json.dumps({"access_token": token, "token_type": "Bearer", "patient": "54520"}))
    assert browser.get(callback).status == 303
    assert Launch.objects.get().access_token.reveal() == token
