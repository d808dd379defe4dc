from __future__ import annotations

import base64
import re
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
import time_machine
from django.test import Client

from sandbox import faults, identity, keys, scopes
from sandbox.clients import client_for, find_client, public_client_for
from sandbox.endpoints import conformance, fhir_faults, going_back, refreshing, token_response
from sandbox.personalities import PERSONALITIES
from sandbox.scenario import HANDLE_SECONDS, LaunchScenario, ScenarioError
from tests.sandbox.house import EHRS, NEWER, Answer, Visitor, pairs_of, path_of

SCENARIO = LaunchScenario(ehr="smart-r4", patient="somebody", fault="conditions-slow", delay_ms=40, page_size=3)


def test_a_scenario_comes_back_from_its_handle_as_it_went_in() -> None:
    assert LaunchScenario.decode(SCENARIO.encode()) == SCENARIO


def test_a_handle_is_short_and_needs_no_escaping_in_a_url() -> None:
    handle = SCENARIO.encode()
    assert len(handle) < 300
    assert set(handle) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_handle_that_was_changed_is_refused() -> None:
    payload, rest = SCENARIO.encode().split(".", 1)
    forged = payload[:-2] + ("AA" if payload[-2:] != "AA" else "BB")
    for handle in (f"{forged}.{rest}", "", "54520", "a.b.c", "\udcff", "é.é.é", "." * 4000):
        with pytest.raises(ScenarioError):
            LaunchScenario.decode(handle)


def test_a_handle_older_than_a_shift_is_refused() -> None:
    handle = SCENARIO.encode()
    with time_machine.travel(time.time() + HANDLE_SECONDS + 2, tick=False), pytest.raises(ScenarioError):
        LaunchScenario.decode(handle)


@pytest.mark.parametrize(
    "wrong",
    [{"ehr": "another-ehr"}, {"fault": "no-such-fault"}, {"fault": "discovery-html"}, {"no_such_field": 1}],
)
def test_a_scenario_of_what_does_not_exist_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError):
        LaunchScenario.from_plain({"ehr": "smart-r4", "patient": "x", **wrong})


def test_client_secrets_differ_by_ehr_and_stay_out_of_sight() -> None:
    clients = [client_for(ehr) for ehr in EHRS]
    assert len({client.secret for client in clients}) == len(clients)
    assert all(len(client.secret) == 64 and client.secret not in repr(client) for client in clients)
    assert clients[0].redirect_uris == (f"https://testserver/callback/{EHRS[0]}",)


def test_only_the_reference_ehr_has_a_public_client() -> None:
    public = public_client_for("smart-r4")
    assert public is not None
    assert public.client_id == "smartportal-public"
    assert not public.accepts_secret("")
    assert {public_client_for(ehr) for ehr in EHRS if ehr != "smart-r4"} == {None}
    assert find_client("allscripts-sunrise", "smartportal-public") is None


def test_the_signing_key_is_the_same_in_every_process() -> None:
    first = keys.public_jwk()
    keys.signing_key.cache_clear()
    assert keys.public_jwk() == first
    assert keys.signing_key().key_size == 2048


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("launch patient/*.rs", "launch patient/*.rs"),
        ("launch patient/*.cruds user/Condition.cud", "launch patient/*.rs"),
        ("patient/Condition.* patient/Condition.write patient/Patient.r", "patient/Condition.read patient/Patient.r"),
        ("launch launch system/*.read patient/NoSuchType.read nonsense", "launch"),
        ("patient/Condition.rs?category=a|b patient/Condition.sr", "patient/Condition.rs?category=a|b"),
        ("patient/Patient.rs?category=a patient/Condition.read?category=a patient/*.rs?category=a", ""),
        ("patient/Observation.cruds?category=a&code=b patient/Observation.rs?code=b", ""),
    ],
)
def test_the_reference_ehr_grants_reading_and_nothing_else(asked: str, given: str) -> None:
    assert scopes.granted(asked, PERSONALITIES["smart-r4"]) == given


@pytest.mark.parametrize(
    ("scope", "type_name", "right", "answer"),
    [
        ("patient/*.read", "Condition", "s", True),
        ("patient/*.rs", "Condition", "r", True),
        ("patient/Condition.r", "Condition", "s", False),
        ("user/Patient.read", "Condition", "s", False),
        ("launch openid", "Condition", "s", False),
    ],
)
def test_a_scope_opens_what_it_says(scope: str, type_name: str, right: str, answer: bool) -> None:
    assert scopes.allows(scope, type_name, right, personality=PERSONALITIES["smart-r4"]) is answer


def test_without_resource_scopes_the_older_ehrs_open_everything() -> None:
    personality = PERSONALITIES["allscripts-professional"]
    assert scopes.allows("launch openid profile", "Condition", "s", personality=personality)
    assert not scopes.allows("launch user/Patient.read", "Condition", "s", personality=personality)


# --- Faults ---------------------------------------------------------------------------------------------------------


def test_every_fault_in_the_table_is_played_somewhere_and_no_other() -> None:
    played: dict[faults.Where, set[str]] = {
        "discovery": {
            *conformance.INSTEAD,
            *conformance.ENDPOINT_FAULTS,
            *conformance.CONFIGURATION_FAULTS,
            *conformance.NOT_AT_THE_BASE,
            *conformance.CONTENT_TYPE_FAULTS,
        },
        "authorize": {*going_back.ERRORS, *going_back.CHANGES, *going_back.INSTEAD, "login-page"},
        "token": {
            *token_response.INSTEAD,
            *token_response.CHANGES,
            *token_response.SCOPE_FAULTS,
            *token_response.STATE_FAULTS,
            *identity.CLAIM_FAULTS,
            *identity.SIGNATURE_FAULTS,
        },
        "fhir": {
            *fhir_faults.INSTEAD,
            *fhir_faults.RECORDS,
            *fhir_faults.BODIES,
            *fhir_faults.DELAYS,
            *fhir_faults.REFUSALS,
        },
        "refresh": {*refreshing.INSTEAD, *refreshing.CHANGES},
    }
    for where, names in played.items():
        assert faults.names(where) == names, where


LISTS = (
    *("AllergyIntolerance", "Immunization", "Encounter", "DocumentReference"),
    *("Observation?category=laboratory", "Observation?category=vital-signs"),
)


def _seen(response: Answer) -> tuple[Any, ...]:
    kept = ("Content-Type", "WWW-Authenticate", "Retry-After")
    same = re.sub(rb"sessionID=[^\"]+", b"sessionID=of-this-time", response.content)
    return (response.status_code, *(response.get(name) for name in kept), same)


def _went(response: Answer) -> tuple[Any, ...]:
    if response.status_code != 302:
        return (response.status_code,)
    return (302, [(name, "a code" if name == "code" else value) for name, value in pairs_of(response)])


def _verdict(id_token: str) -> tuple[Any, ...]:
    """What a careful reader finds in an id_token: header, claims but for the times, time left, signature."""
    claims = jwt.decode(id_token, options={"verify_signature": False})
    left = claims.pop("exp") > time.time()
    claims.pop("iat")
    try:
        jwt.PyJWS().decode(id_token, keys.signing_key().public_key(), algorithms=["RS256"])
        signed = True
    except jwt.InvalidTokenError:
        signed = False
    return jwt.get_unverified_header(id_token), claims, left, signed


def _got(response: Answer) -> tuple[Any, ...]:
    if response.status_code != 200 or not response.content.startswith(b"{"):
        return _seen(response)
    body = response.json()
    changing = {"access_token", "refresh_token", "id_token"}
    marks = {name: _verdict(body[name]) if name == "id_token" else "a token" for name in changing & set(body)}
    return (200, {**body, **marks})


def _trace(http: Client, ehr: str, fault: str, naps: list[float]) -> dict[str, Any]:
    """What a client sees of a whole launch, place by place; a place that cannot be reached is missing."""
    where = faults.FAULTS[fault].where if fault != faults.NO_FAULT else ""
    in_address = where == "discovery"
    naps.clear()
    scenario = {} if in_address else {"fault": fault}
    visitor = Visitor(http, ehr, discovery=fault if in_address else "", scenario=scenario)
    base = visitor.address.fhir_base
    documents = [_seen(http.get(path_of(f"{base}/{name}"))) for name in ("metadata", ".well-known/smart-configuration")]
    seen: dict[str, Any] = {"discovery": documents}
    came = visitor.authorize()
    seen["authorize"] = _went(came)
    codes = [value for name, value in pairs_of(came) if name == "code"] if came.status_code == 302 else []
    if not codes:
        return seen
    answer = visitor.token(codes[0])
    seen["token"] = _got(answer)
    body = answer.json() if answer.content.startswith(b"{") else {}
    if "access_token" not in body:
        return seen
    medications = "MedicationOrder" if ehr.startswith("allscripts") else "MedicationRequest"
    lists = ("Condition", medications, *LISTS)
    paths = [f"{name}{'&' if '?' in name else '?'}patient={visitor.patient}" for name in lists]
    reads = (f"Patient/{visitor.patient}", "Binary/no-such-file")
    seen["fhir"] = [_seen(visitor.fhir(path, body["access_token"])) for path in (*reads, *paths)]
    if "refresh_token" in body:
        seen["refresh"] = _refreshed(visitor, body["refresh_token"])
    return {**seen, "naps": [nap for nap in naps if nap]}


def _refreshed(visitor: Visitor, refresh_token: str) -> tuple[Any, ...]:
    answer = visitor.refresh(refresh_token)
    token = answer.json().get("access_token", "") if answer.content.startswith(b"{") else ""
    read = visitor.fhir(f"Patient/{visitor.patient}", token).status_code if token else 0
    return (*_got(answer), read)


@pytest.mark.parametrize("ehr", ["allscripts-professional", *NEWER])
def test_every_fault_changes_something_at_its_own_place_and_nothing_before_it(
    http: Client, ehr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("sandbox.endpoints.access.time.sleep", naps.append)
    plain = _trace(http, ehr, faults.NO_FAULT, naps)
    refreshes = PERSONALITIES[ehr].refreshes
    assert set(plain) == {"discovery", "authorize", "token", "fhir", "naps", *(["refresh"] if refreshes else [])}
    assert _trace(http, ehr, faults.NO_FAULT, naps) == plain
    order = ["discovery", "authorize", "token", "fhir", "refresh"]
    for name, fault in faults.FAULTS.items():
        if not fault.applies_to(PERSONALITIES[ehr]):
            continue
        faulty = _trace(http, ehr, name, naps)
        assert any(faulty.get(place) != plain.get(place) for place in (fault.where, "naps") if place in faulty), name
        for earlier in order[: order.index(fault.where)]:
            assert faulty[earlier] == plain[earlier], (name, earlier)


@pytest.mark.parametrize("name", [name for name, fault in faults.FAULTS.items() if fault.needs == "id_token"])
def test_an_ehr_without_id_tokens_does_not_offer_the_faults_in_them(name: str) -> None:
    assert name not in {fault.name for fault in faults.for_launches(PERSONALITIES["allscripts-touchworks"])}
    assert name in {fault.name for fault in faults.for_launches(PERSONALITIES["smart-r4"])}


def test_an_unsigned_id_token_has_an_empty_signature(http: Client) -> None:
    token = Visitor(http, scenario={"fault": "id-alg-none"}).tokens()["id_token"]
    head, _, signature = token.split(".")
    assert signature == ""
    assert b'"alg": "none"' in base64.urlsafe_b64decode(head + "==")


def test_a_slow_ehr_waits_by_the_delay_of_the_scenario(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("sandbox.endpoints.access.time.sleep", naps.append)
    slow = LaunchScenario(ehr="smart-r4", patient="x", fault="conditions-slow")
    everywhere = LaunchScenario(ehr="smart-r4", patient="x", delay_ms=30)
    assert fhir_faults.delay_ms(slow, frozenset({"conditions"})) == fhir_faults.SLOW_MS
    assert fhir_faults.delay_ms(replace(slow, delay_ms=20), frozenset({"conditions"})) == 20
    assert fhir_faults.delay_ms(slow, frozenset({"patient"})) == 0
    assert fhir_faults.delay_ms(everywhere, frozenset({"patient"})) == 30
    visitor = Visitor(http, scenario={"delay_ms": 30})
    visitor.fhir(f"Patient/{visitor.patient}", visitor.tokens()["access_token"])
    assert naps == [0.03]
