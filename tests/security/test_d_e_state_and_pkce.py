"""Cases 30 to 32, 35, 38 and 39 (state, CSRF, fixation, injection), 44 and 45 (PKCE), by number."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from launcher.models import AuditEvent, Launch, PendingLaunch
from launcher.smart.pkce import new_verifier, s256_challenge
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import (
    DSTU2,
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

pytestmark = pytest.mark.django_db


def with_query(url: str, **changes: str | None) -> str:
    """The same address with parameters replaced, or removed where the value is None."""
    split = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    query.update({name: value for name, value in changes.items() if value is not None})
    from_none = {name for name, value in changes.items() if value is None}
    pairs = "&".join(f"{name}={value}" for name, value in query.items() if name not in from_none)
    return f"{split.path}?{pairs}"


@pytest.mark.parametrize(
    "state", [None, "", "unknown-but-well-formed-state-value", "x" * 10_000, "a%00b", "%C3%A9", "one-character-off"]
)
def test_case_30_a_state_that_is_not_ours_is_refused(state: str | None, ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    if state == "one-character-off":
        real = parse_qs(urlsplit(callback).query)["state"][0]
        state = real[:-1] + ("A" if real[-1] != "A" else "B")
    ehrs.forget()
    page = browser.get(with_query(callback, state=state))
    refused(page, status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []
    no_launch_was_opened()


def test_case_30_state_as_a_list_is_refused(ehrs: Bridge, browser: Browser) -> None:
    to_callback(browser)
    ehrs.forget()
    refused(browser.get("/callback?state[]=x&code=y"), status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []


def test_case_30_two_states_are_refused(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    ehrs.forget()
    refused(browser.get(f"{callback}&state=x"), status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []


def test_case_31_an_attackers_sign_in_does_not_open_in_another_browser(ehrs: Bridge, browser: Browser) -> None:
    attacker = Browser()
    callback = to_callback(attacker)
    ehrs.forget()
    page = browser.get(callback)
    refused(page, status=400, code="state_foreign", event="callback.rejected", reason="browser_mismatch")
    assert not page.response.cookies
    assert ehrs.seen == []
    burnt = attacker.get(callback)
    refused(burnt, status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []
    no_launch_was_opened()


def test_case_32_a_reloaded_callback_leads_the_same_browser_to_its_chart(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    first = browser.get(callback)
    assert first.status == 303
    tokens = asked(ehrs, "token")
    again = browser.get(callback)
    assert (again.status, again.location) == (303, first.location)
    assert asked(ehrs, "token") == tokens
    stranger = Browser().get(callback)
    refused(stranger, status=400, code="state_unknown", event="callback.rejected", reason="state_used")
    assert browser.get(first.location).patient == "54520"


def test_case_32_after_the_session_has_ended_a_reload_starts_nothing(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    browser.get(callback)
    Launch.objects.update(ended_at="2026-01-01T00:00Z", end_reason="signed-out", access_token="", refresh_token="")
    ehrs.forget()
    refused(browser.get(callback), status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []


@pytest.mark.parametrize("tail", ["&code=second", "&error=server_error", "EMPTY", "LONG", "CRLF"])
def test_case_35_an_ambiguous_or_malformed_code_is_not_redeemed(tail: str, ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    changed = {"EMPTY": "", "LONG": "x" * 16_384, "CRLF": "a%0d%0ab"}
    url = with_query(callback, code=changed[tail]) if tail in changed else callback + tail
    ehrs.forget()
    refused(browser.get(url), status=400, code="authorization_failed", event="callback.rejected")
    assert ehrs.seen == []
    refused(browser.get(callback), status=400, code="state_unknown", event="callback.rejected")
    assert ehrs.seen == []
    no_launch_was_opened()


@pytest.mark.parametrize("fault", ["code-and-error", "double-code"])
def test_case_35_an_ehr_that_answers_ambiguously_is_refused(fault: str, ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser, faulty_launch_url(browser, fault))
    ehrs.forget()
    refused(browser.get(callback), status=400, code="authorization_failed", event="callback.rejected")
    assert ehrs.seen == []


def test_case_38_what_an_attacker_planted_opens_nothing(ehrs: Bridge, browser: Browser) -> None:
    attacker = Browser()
    attacked = opened(attacker)
    victim = Browser()
    for key, morsel in attacker.cookies.items():
        victim.cookies[key] = morsel
    own = opened(victim, launch_url(patient="54531"))
    assert own.patient == "54531"
    planted = {morsel.value for morsel in attacker.cookies.values() if "sp-launch" in morsel.key}
    fresh = {
        morsel.value
        for (_, path), morsel in victim.cookies.items()
        if "sp-launch" in morsel.key and path == urlsplit(own.url).path.rstrip("/")
    }
    assert fresh
    assert not planted & fresh
    refused(attacker.get(own.url), status=403, code="session_ended", event="session.denied")
    assert attacker.get(attacked.url).patient == "54520"


def test_case_39_an_injected_code_is_stopped_by_pkce(ehrs: Bridge, browser: Browser) -> None:
    stolen = parse_qs(urlsplit(to_callback(Browser(), launch_url(patient="54531"))).query)["code"][0]
    callback = to_callback(browser)
    ehrs.forget()
    page = browser.get(with_query(callback, code=stolen))
    refused(page, status=400, code="code_rejected", event="token.failed")
    assert asked(ehrs, "token") == 1
    assert asked(ehrs, "/fhir/") == 0
    no_launch_was_opened()


def test_case_39_an_injected_code_is_stopped_by_the_nonce_where_the_ehr_ignores_pkce(
    ehrs: Bridge, browser: Browser
) -> None:
    callback = to_callback(browser, faulty_launch_url(browser, "id-wrong-nonce"))
    ehrs.forget()
    refused(browser.get(callback), status=502, code="identity_invalid", event="idtoken.rejected", reason="nonce")
    assert asked(ehrs, "/fhir/Patient") == 0
    no_launch_was_opened()


def test_case_44_verifiers_are_long_random_and_never_repeat() -> None:
    verifiers = {new_verifier() for _ in range(100_000)}
    assert len(verifiers) == 100_000
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) for verifier in verifiers)
    assert len(base64.urlsafe_b64decode(next(iter(verifiers)) + "==")) * 8 >= 256
    # RFC 7636, appendix B.
    assert (
        s256_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_case_44_the_verifier_goes_to_the_token_endpoint_alone(ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(launch_url())
    form = next(parse_qs(seen.body) for seen in ehrs.seen if seen.path.endswith("/token"))
    verifier = form["code_verifier"][0]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    sent = next(url for url in page.history if "/authorize" in url)
    assert parse_qs(urlsplit(sent).query)["code_challenge"] == [challenge]
    assert verifier not in "".join(page.history)
    assert not any(verifier in str(row.__dict__) for row in PendingLaunch.objects.all())


@pytest.mark.parametrize("advertised", [[], ["plain"]])
def test_case_45_s256_is_sent_whatever_is_advertised(
    advertised: list[str], ehrs: Bridge, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.get(launch_url())
    row = PendingLaunch.objects.get()
    config = {**row.configuration, "code_challenge_methods_supported": advertised}
    monkeypatch.setattr("launcher.discovery.fetched_once", lambda *args, **kwargs: config)
    query = browser.get(launch_url()).query
    assert query["code_challenge_method"] == ["S256"]
    assert query["code_challenge"][0]


def test_an_issuer_that_is_changed_between_redirect_and_callback_ends_the_launch(
    ehrs: Bridge, browser: Browser
) -> None:
    """On the same host the door alone would not notice: one EHR's token must not meet another's address."""
    callback = to_callback(browser)
    row = registration()
    row.iss = iss_of("epic")
    row.save()
    ehrs.forget()
    page = browser.get(callback)
    refused(page, status=400, code="issuer_mismatch", event="callback.rejected", reason="issuer_changed")
    assert ehrs.seen == []
    no_launch_was_opened()


def test_case_45_an_ehr_that_knows_nothing_of_pkce_is_sent_s256_too(ehrs: Bridge, browser: Browser) -> None:
    query = browser.get(launch_url(DSTU2)).query
    assert query["code_challenge_method"] == ["S256"]
    assert "plain" not in str(query)
    assert iss_of(DSTU2) == query["aud"][0]
    assert AuditEvent.objects.filter(event="authz.redirected").count() == 1
    assert registration(DSTU2).send_pkce
