"""The token endpoint: what is sent, once, and how every answer is judged."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.quirks import Quirks
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.smart.token import TEN_YEARS, ContextItem, TokenResponse, exchange_code, refresh
from tests.smart.fake_door import Call, FakeDoor, Reply, reply, unreachable

TOKEN = "https://ehr.test/oauth/token"
CONFIG = SmartConfiguration(authorization_endpoint="https://ehr.test/oauth/authorize", token_endpoint=TOKEN)
CLIENT = ClientRegistration(
    iss="https://ehr.test/fhir", client_id="portal", redirect_uri="https://us.test/callback", scopes="launch"
)
CONFIDENTIAL = dataclasses.replace(CLIENT, client_secret=Secret("s3cret"))
GOOD: dict[str, Any] = {
    "access_token": "opaque.token-1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "scope": "launch patient/*.rs",
    "patient": "54520",
}
CANARY = "CANARY-text-of-the-EHR"


def exchange(
    answer: Reply, *, client: ClientRegistration = CLIENT, verifier: str = "v" * 43, config: SmartConfiguration = CONFIG
) -> tuple[TokenResponse, Call]:
    door = FakeDoor(client, {TOKEN: answer})
    found = exchange_code(door, client, config, code="c0de", redirect_uri="https://us.test/callback", verifier=verifier)
    assert len(door.calls) == 1
    return found, door.calls[0]


def read(**changes: Any) -> TokenResponse:
    """The good answer with members changed; a member set to ... is taken out."""
    body = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return exchange(reply(body))[0]


def refused(answer: Reply, *, client: ClientRegistration = CLIENT) -> SmartError:
    """The failure; whatever it is, the code was sent once and no text of the EHR was repeated."""
    door = FakeDoor(client, {TOKEN: answer})
    with pytest.raises(SmartError) as caught:
        exchange_code(door, client, CONFIG, code="c0de", redirect_uri="https://us.test/callback", verifier="v" * 43)
    assert len(door.calls) == 1
    shown = f"{caught.value} {caught.value.reason} {dict(caught.value.context)}"
    assert CANARY not in shown
    assert "c0de" not in shown
    return caught.value


def test_a_minimal_answer_is_read() -> None:
    found, call = exchange(reply({"access_token": "t", "token_type": "bearer", "scope": "launch", "patient": "1"}))
    assert (found.access_token.reveal(), found.token_type, found.scope, found.patient) == ("t", "Bearer", "launch", "1")
    assert (found.refresh_token, found.id_token, found.need_patient_banner) == (None, None, None)
    assert (call.url, call.max_bytes) == (TOKEN, 64 * 1024)


def test_the_request_is_what_the_standard_asks_for() -> None:
    _, call = exchange(reply(GOOD))
    assert call.form == [
        ("grant_type", "authorization_code"),
        ("code", "c0de"),
        ("redirect_uri", "https://us.test/callback"),
        ("code_verifier", "v" * 43),
        ("client_id", "portal"),
    ]
    assert call.authorization == ""


def test_without_pkce_no_verifier_is_sent() -> None:
    assert "code_verifier" not in dict(exchange(reply(GOOD), verifier="")[1].form)


def test_a_confidential_client_proves_itself_by_the_header_alone() -> None:
    _, call = exchange(reply(GOOD), client=CONFIDENTIAL)
    assert base64.b64decode(call.authorization.removeprefix("Basic ")) == b"portal:s3cret"
    assert {"client_id", "client_secret"}.isdisjoint(dict(call.form))


def test_an_ehr_that_wants_the_client_id_in_the_body_too_gets_it() -> None:
    client = dataclasses.replace(CONFIDENTIAL, quirks=Quirks(client_id_in_token_body=True))
    _, call = exchange(reply(GOOD), client=client)
    assert dict(call.form)["client_id"] == "portal"
    assert call.authorization


def test_a_refresh_sends_the_token_and_leaves_the_scope_out() -> None:
    door = FakeDoor(CONFIDENTIAL, {TOKEN: reply({**GOOD, "refresh_token": "next"})})
    found = refresh(door, CONFIDENTIAL, CONFIG, refresh_token=Secret("old"))
    assert door.calls[0].form == [("grant_type", "refresh_token"), ("refresh_token", "old")]
    assert door.calls[0].authorization
    assert found.refresh_token == Secret("next")


def test_a_refused_refresh_ends_the_session() -> None:
    door = FakeDoor(CLIENT, {TOKEN: reply({"error": "invalid_grant"}, status=400)})
    with pytest.raises(SmartError) as caught:
        refresh(door, CLIENT, CONFIG, refresh_token=Secret("old"), scope="launch")
    assert caught.value.code == "session_ended"
    assert len(door.calls) == 1
    assert dict(door.calls[0].form)["scope"] == "launch"


@pytest.mark.parametrize(
    "token", [..., None, "", 5, ["t"], {"t": 1}, "a\r\nX-Evil: 1", "a b", "tökén", "\x00", "x" * 16_385], ids=repr
)
def test_an_access_token_that_could_not_be_a_header_is_refused(token: object) -> None:
    body = {**GOOD, "access_token": token} if token is not ... else {"token_type": "Bearer"}
    error = refused(reply(body))
    assert (error.code, error.reason) == ("token_unreadable", "access_token")


def test_an_access_token_of_16_kilobytes_is_accepted() -> None:
    assert len(read(access_token="x" * 16_384).access_token.reveal()) == 16_384


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_case_of_the_token_type_does_not_matter(kind: str) -> None:
    assert read(token_type=kind).token_type == "Bearer"


@pytest.mark.parametrize("kind", [None, "", "mac", "DPoP", "N_A", "Bearer ", 5, ["Bearer"]])
def test_any_other_token_type_is_refused(kind: object) -> None:
    assert refused(reply({**GOOD, "token_type": kind})).reason == "token_type"


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("3600", 3600),
        (3600.0, 3600),
        ("3600.0", 3600),
        (570, 570),
        (1.9, 1),
        (TEN_YEARS + 1, TEN_YEARS),
        (10**11, TEN_YEARS),
    ],
)
def test_a_life_time_is_read_from_numbers_and_their_texts(sent: object, seconds: int) -> None:
    found = read(expires_in=sent)
    assert (found.expires_in, found.warnings) == (seconds, ())


@pytest.mark.parametrize("sent", [..., None, "", 0, -1, 0.5, True, "soon", "1e5", "-3600", [], {}, 10**50, "9" * 15])
def test_an_unusable_life_time_is_unknown_and_noted(sent: object) -> None:
    found = read(expires_in=sent)
    assert (found.expires_in, found.warnings) == (None, ("expires_in is unusable",))


def test_an_endless_life_time_is_unknown() -> None:
    body = json.dumps(GOOD).replace("3600", "1e999")
    assert exchange(reply(body))[0].expires_in is None


@pytest.mark.parametrize(
    "patient", ["../Practitioner/1", "1?_include=*", "a/b", "x" * 65, "a b", ".", "..", "1\n", 123, [], {}, True]
)
def test_a_patient_that_is_no_fhir_id_is_refused(patient: object) -> None:
    error = refused(reply({**GOOD, "patient": patient}))
    assert (error.code, error.reason) == ("token_unreadable", "patient")


@pytest.mark.parametrize("patient", ["54520", "a-195900.E-7", "x" * 64])
def test_every_fhir_id_is_accepted(patient: str) -> None:
    assert read(patient=patient).patient == patient


@pytest.mark.parametrize("patient", [..., None, ""])
def test_no_patient_is_no_patient(patient: object) -> None:
    assert read(patient=patient).patient == ""


@pytest.mark.parametrize(
    ("sent", "scope"),
    [(..., None), (None, None), ("", ""), ("  a \t b ", "a b"), (["launch", "openid"], "launch openid")],
)
def test_the_granted_scope_is_told_from_an_absent_one(sent: object, scope: str | None) -> None:
    assert read(scope=sent).scope == scope


@pytest.mark.parametrize(
    ("sent", "scope"), [(5, None), (["a", 5], None), ("a b\x00c d", "a d"), ("é openid", "openid")]
)
def test_an_odd_scope_is_noted(sent: object, scope: str | None) -> None:
    found = read(scope=sent)
    assert (found.scope, found.warnings) == (scope, ("scope is unusable",))


@pytest.mark.parametrize(
    ("sent", "banner"),
    [(True, True), (False, False), ("true", True), ("False", False), (None, None), (..., None), ("", None)],
)
def test_the_banner_flag_is_read_as_value_or_word(sent: object, banner: bool | None) -> None:
    found = read(need_patient_banner=sent)
    assert (found.need_patient_banner, found.warnings) == (banner, ())


@pytest.mark.parametrize("sent", [0, 1, "yes", []])
def test_an_odd_banner_flag_is_unknown_and_noted(sent: object) -> None:
    found = read(need_patient_banner=sent)
    assert (found.need_patient_banner, found.warnings) == (None, ("need_patient_banner is unusable",))


def test_the_rest_of_the_launch_context_is_read() -> None:
    found = read(
        encounter="e-1",
        intent="reconcile",
        smart_style_url="https://ehr.test/style.json",
        tenant="ward 7",
        fhirUser="Practitioner/7",
        refresh_token="r",
        id_token="a.b.c",
        fhirContext=[
            "ImagingStudy/1",
            {"reference": "Task/2", "role": "https://ehr.test/role"},
            {"canonical": "https://q.test/1", "type": "Questionnaire"},
            {"identifier": {"system": "urn:x", "value": "9"}},
        ],
    )
    assert (found.encounter, found.intent, found.tenant) == ("e-1", "reconcile", "ward 7")
    assert (found.smart_style_url, found.fhir_user) == ("https://ehr.test/style.json", "Practitioner/7")
    assert (found.refresh_token, found.id_token) == (Secret("r"), Secret("a.b.c"))
    assert found.fhir_context == (
        ContextItem(reference="ImagingStudy/1"),
        ContextItem(reference="Task/2", role="https://ehr.test/role"),
        ContextItem(canonical="https://q.test/1", type="Questionnaire"),
        ContextItem(identifier_system="urn:x", identifier_value="9"),
    )
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encounter", "../x"),
        ("encounter", 5),
        ("intent", "a\u202eb"),
        ("intent", 5),
        ("tenant", "a\x00"),
        ("smart_style_url", []),
        ("fhirUser", {}),
        ("refresh_token", 5),
        ("refresh_token", "a\nb"),
        ("fhirContext", "x"),
        ("fhirContext", [5]),
        ("fhirContext", [{"role": "only"}]),
    ],
)
def test_unusable_extras_are_left_out_and_named(name: str, value: object) -> None:
    found = read(**{name: value})
    assert found.warnings == (f"{name} is unusable",)
    assert not any((found.encounter, found.intent, found.tenant, found.smart_style_url, found.fhir_user))
    assert (found.refresh_token, found.fhir_context) == (None, ())


def test_an_id_token_that_is_no_text_is_not_passed_over() -> None:
    error = refused(reply({**GOOD, "id_token": {"sub": "x"}}))
    assert (error.code, error.reason) == ("identity_invalid", "type")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("invalid_client", "client_rejected"),
        ("unauthorized_client", "client_rejected"),
        ("invalid_grant", "code_rejected"),
        ("invalid_scope", "token_unreadable"),
        ("unsupported_grant_type", "token_unreadable"),
    ],
)
def test_an_error_counts_whatever_status_it_came_with(status: int, word: str, code: str) -> None:
    error = refused(reply({"error": word, "error_description": CANARY, "error_uri": CANARY}, status=status))
    assert (error.code, error.reason, error.context["status"]) == (code, word, status)


@pytest.mark.parametrize("sent", [CANARY, 5, ["invalid_client"], {"error": "invalid_client"}, True])
def test_an_unknown_error_is_not_repeated(sent: object) -> None:
    error = refused(reply({**GOOD, "error": sent}))
    assert (error.code, error.reason) == ("token_unreadable", "other")


@pytest.mark.parametrize("sent", [None, ""])
def test_an_empty_error_is_none(sent: object) -> None:
    assert read(error=sent).patient == "54520"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "wait"), [("2", 2), ("999999", 86_400), ("-1", None), ("soon", None), (None, None)])
def test_a_busy_ehr_says_how_long_to_wait(status: int, header: str | None, wait: int | None) -> None:
    error = refused(reply("", status=status, headers={"retry-after": header} if header else None))
    assert error.code == "ehr_busy"
    assert error.context.get("retry_after") == wait


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(f"<html>{CANARY}", status=500, kind="text/html"), "status"),
        (reply(f"<html>{CANARY}", status=401, kind="text/html"), "status"),
        (reply(f"<html>{CANARY}", kind="text/html"), "not_json"),
        (reply("", status=204), "status"),
        (reply(GOOD, status=201), "status"),
        (reply(""), "not_json"),
        (reply([GOOD]), "content"),
        (reply('"text"'), "content"),
        (reply(b"\xff\xfe{}"), "not_utf8"),
        (reply('{"access_token":"a","access_token":"b","token_type":"Bearer"}'), "duplicate_key"),
        (reply("[" * 100 + "]" * 100), "too_deep"),
    ],
)
def test_everything_else_is_unreadable_by_a_name(answer: Reply, reason: str) -> None:
    error = refused(answer)
    assert (error.code, error.reason) == ("token_unreadable", reason)


@pytest.mark.parametrize("reason", ["timeout", "broken"])
def test_a_code_whose_fate_is_unknown_is_not_sent_again(reason: str) -> None:
    assert refused(unreachable(reason)).code == "ehr_unreachable"


def test_the_secret_goes_to_no_unapproved_host() -> None:
    door = FakeDoor(CONFIDENTIAL)
    config = dataclasses.replace(CONFIG, token_endpoint="https://evil.test/token")
    with pytest.raises(SmartError) as caught:
        exchange_code(door, CONFIDENTIAL, config, code="c", redirect_uri="", verifier="")
    assert (caught.value.code, caught.value.reason, door.calls) == ("token_unreadable", "host_unapproved", [])


def test_a_token_response_prints_no_secret() -> None:
    found = read(refresh_token="refresh-canary", id_token="id.canary.x", access_token="access-canary")
    assert "canary" not in repr(found)
