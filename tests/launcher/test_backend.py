"""Backend services: a token for the app itself, by signature alone, asked of simulated EHRs that verify it."""

from __future__ import annotations

import json
from io import StringIO
from urllib.parse import parse_qs

import jwt
import pytest
from django.core.management import CommandError, call_command

from launcher import signing
from launcher.backend import backend_token
from launcher.models import AuditEvent, EhrRegistration, Launch
from launcher.smart.errors import SmartError
from tests.loopback import Bridge

pytestmark = pytest.mark.django_db

EHRS = ("smart-r4", "oracle-health")
GRANTED = {"access_token": "t", "token_type": "bearer", "expires_in": 60, "scope": "x"}


def row(ehr: str = "smart-r4") -> EhrRegistration:
    return EhrRegistration.objects.select_related("site").get(slug=ehr)


def token_requests(bridge: Bridge) -> list[dict[str, list[str]]]:
    return [parse_qs(seen.body) for seen in bridge.seen if seen.method == "POST" and seen.path.endswith("/token")]


def ask(*arguments: str) -> str:
    out = StringIO()
    call_command("backend_token", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("ehr", EHRS)
def test_an_ehr_that_verifies_signatures_grants_a_token(ehr: str, ehrs: Bridge) -> None:
    signing.make_key("RS384")
    answer = backend_token(row(ehr), scope="system/Observation.rs system/Patient.rs")
    assert answer.access_token
    assert answer.scope
    assert "system/Observation" in answer.scope
    assert answer.expires_in == 300
    assert (answer.patient, answer.refresh_token) == ("", None)
    assert not Launch.objects.exists()


@pytest.mark.parametrize("ehr", EHRS)
def test_a_signature_is_the_only_proof_though_launches_use_a_secret(ehr: str, ehrs: Bridge) -> None:
    signing.make_key("RS384")
    assert row(ehr).client_secret
    backend_token(row(ehr), scope="system/Patient.rs")
    (form,) = token_requests(ehrs)
    assert set(form) == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    assert form["grant_type"] == ["client_credentials"]
    assert not any("Authorization" in seen.headers for seen in ehrs.seen)
    claims = jwt.decode(form["client_assertion"][0], options={"verify_signature": False})
    assert claims["iss"] == claims["sub"] == row(ehr).client_id
    assert claims["exp"] - claims["iat"] <= 300


def test_without_a_scope_what_the_panels_read_is_asked_for(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    backend_token(row())
    words = token_requests(ehrs)[0]["scope"][0].split()
    assert {word.partition("/")[0] for word in words} == {"system"}
    assert {"system/Patient.rs", "system/Condition.rs"} <= set(words)
    assert not any("*" in word or "{" in word for word in words)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_both_algorithms_of_the_standard_are_signed_with(algorithm: str, ehrs: Bridge) -> None:
    signing.make_key(algorithm)
    registration = row()
    registration.signing_algorithm = algorithm
    backend_token(registration, scope="system/Patient.rs")
    assertion = token_requests(ehrs)[0]["client_assertion"][0]
    assert jwt.get_unverified_header(assertion)["alg"] == algorithm


def test_the_other_algorithm_is_used_where_the_ehr_lists_that_alone(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    signing.make_key("ES384")
    base = "https://testserver/sandbox/smart-r4"
    published = {
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "token_endpoint_auth_signing_alg_values_supported": ["ES384"],
    }
    ehrs.answer_with("/.well-known/smart-configuration", json.dumps(published))
    ehrs.answer_with(
        "/token", json.dumps({"access_token": "t", "token_type": "bearer", "expires_in": 60, "scope": "x"})
    )
    backend_token(row(), scope="system/Patient.rs")
    assertion = token_requests(ehrs)[0]["client_assertion"][0]
    assert jwt.get_unverified_header(assertion)["alg"] == "ES384"


def test_a_token_is_audited_and_kept_nowhere(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    answer = backend_token(row(), scope="system/Patient.rs")
    event = AuditEvent.objects.get(event="token.obtained")
    assert (event.registration, event.outcome, event.launch, event.patient) == ("smart-r4", "success", "", "")
    assert event.detail["grant"] == "client_credentials"
    assert answer.access_token.reveal() not in json.dumps(list(AuditEvent.objects.values()), default=str)


@pytest.mark.parametrize(
    ("scope", "key", "code", "reason"),
    [
        ("system/Patient.rs", False, "client_rejected", "no_key"),
        ("launch/patient", True, "token_unreadable", "invalid_scope"),
    ],
)
def test_what_fails_is_audited_with_its_reason(scope: str, key: bool, code: str, reason: str, ehrs: Bridge) -> None:
    if key:
        signing.make_key("RS384")
    with pytest.raises(SmartError) as caught:
        backend_token(row(), scope=scope)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    event = AuditEvent.objects.get(event="token.failed")
    assert (event.outcome, event.code, event.reason) == ("failure", code, reason)


def test_a_registration_that_is_switched_off_asks_nobody(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    EhrRegistration.objects.filter(slug="smart-r4").update(enabled=False)
    with pytest.raises(SmartError) as caught:
        backend_token(row(), scope="system/Patient.rs")
    assert caught.value.code == "registration_disabled"
    assert ehrs.seen == []


def test_a_refresh_token_that_comes_nevertheless_is_not_kept(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    ehrs.answer_with("/token", json.dumps({**GRANTED, "refresh_token": "r"}))
    assert backend_token(row(), scope="system/Patient.rs").refresh_token is None


# --- The command ----------------------------------------------------------------------------------------------------
def test_the_command_says_what_was_granted_and_shows_no_token(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    ehrs.answer_with("/token", json.dumps({"access_token": "t0ken-canary", "token_type": "bearer", "expires_in": 60}))
    said = ask("smart-r4", "--scope", "system/Patient.rs")
    assert "60 s" in said
    assert "as asked for" in said
    assert "t0ken-canary" not in said
    assert "t0ken-canary" in ask("smart-r4", "--scope", "system/Patient.rs", "--show")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "There is no registration nobody"),
        (("smart-r4", "--site", "nowhere.test"), "no site"),
        (("smart-r4",), "new_signing_key"),
        (("allscripts-professional",), "new_signing_key"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: tuple[str, ...], words: str, ehrs: Bridge) -> None:
    with pytest.raises(CommandError) as caught:
        ask(*arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_client_that_the_ehr_does_not_take_is_told_so(ehrs: Bridge) -> None:
    signing.make_key("RS384")
    EhrRegistration.objects.filter(slug="smart-r4").update(client_id="somebody-else")
    with pytest.raises(CommandError, match=r"invalid_client.*Check client ID"):
        ask("smart-r4", "--scope", "system/Patient.rs")
