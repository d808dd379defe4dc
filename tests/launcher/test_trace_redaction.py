"""What an exchange leaves behind: names, and values that a list allows; nothing gets in by mistake or by malice."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from launcher.smart import redaction
from launcher.smart.answer import Answer
from launcher.smart.errors import SmartError
from launcher.smart.exchanges import Recorder, note, recording
from launcher.smart.origins import parse_base
from launcher.smart.redaction import RECEIVED, SENT, members_shown, parameters_shown, scopes_shown

CANARY = "Canary-Quilltree-54520"
BASE = parse_base("https://ehr.example.org/fhir/r4")


class Prepared:
    """A request that is about to leave."""

    def __init__(self, method: str, url: str, *, body: bytes | None = None, **headers: str) -> None:
        self.method, self.url, self.body, self.headers = method, url, body, headers


def recorded(request: Prepared, outcome: Answer | SmartError) -> dict[str, Any]:
    recorder = Recorder()
    with recording(recorder):
        note(request, outcome, base=BASE, began=0.0)
    [exchange] = recorder.exchanges
    return exchange.to_json()


def answer(body: object, *, status: int = 200, content_type: str = "application/json") -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"content-type": content_type, "x-who": CANARY}, text, "https://ehr.example.org/")


_EVERYWHERE = [
    *(
        ("sent", name)
        for name in ("code", "state", "client_secret", "code_verifier", "refresh_token", "username", *SENT)
    ),
    *(("received", name) for name in ("access_token", "id_token", "patient", "error_description", "name", *RECEIVED)),
]


@pytest.mark.parametrize(("side", "name"), _EVERYWHERE)
def test_no_parameter_and_no_member_lets_free_text_in(side: str, name: str) -> None:
    # What we send as client_id, and the path segments of addresses, are our own registration's and public.
    value = f"{CANARY} and {'x' * 50}"
    shown = parameters_shown([(name, value)], SENT) if side == "sent" else members_shown({name: value})
    assert CANARY not in str(shown)


@pytest.mark.parametrize(
    "body",
    [
        {CANARY: "x"},
        {"access_token": CANARY, "patient": CANARY, "scope": f"launch/{CANARY} patient/{CANARY}.read openid"},
        {"error": CANARY, "error_description": CANARY},
        {"resourceType": CANARY, "total": CANARY},
        {"resourceType": "Patient", "id": CANARY, "name": [{"text": CANARY}]},
        {"resourceType": "OperationOutcome", "issue": [{"severity": CANARY, "code": CANARY, "diagnostics": CANARY}]},
        {"issuer": f"https://ehr.example.org/{CANARY}{'x' * 40}", "token_endpoint": f"javascript:{CANARY}"},
        [CANARY],
        CANARY,
        CANARY.encode(),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_gets_nothing_into_the_record(body: object, status: int) -> None:
    for request in (
        Prepared("POST", "https://ehr.example.org/token", body=urlencode({"code": CANARY}).encode()),
        Prepared(
            "GET", f"https://ehr.example.org/fhir/r4/Patient/{CANARY}?name={CANARY}", Authorization=f"Bearer {CANARY}"
        ),
        Prepared("GET", f"https://ehr.example.org/fhir/r4/{CANARY}?{CANARY}={CANARY}", Authorization=CANARY),
        Prepared("GET", f"https://ehr.example.org/{CANARY}/style.json#x"),
    ):
        found = recorded(request, answer(body, status=status, content_type=f"text/{CANARY}"))
        assert CANARY not in json.dumps(found)


def test_what_the_help_desk_needs_is_there() -> None:
    form = {"grant_type": "authorization_code", "code": "c-1", "redirect_uri": "https://app.example.org/callback/main"}
    request = Prepared(
        "POST", "https://ehr.example.org/oauth2/token?x=1", body=urlencode(form).encode(), Authorization="Basic YTpi"
    )
    told = {"error": "invalid_grant", "error_description": "code c-1 of Mr Example"}
    found = recorded(request, answer(told, status=400))
    assert found == {
        "method": "POST",
        "address": "https://ehr.example.org/oauth2/token",
        "credential": "Basic",
        "sent": [["grant_type", "authorization_code"], ["code", "…"], ["redirect_uri", form["redirect_uri"]]],
        "status": 400,
        "milliseconds": found["milliseconds"],
        "media_type": "application/json",
        "size": len(json.dumps(told)),
        "received": [["error", "invalid_grant"], ["error_description", "…"]],
    }


def test_a_request_without_an_answer_says_why() -> None:
    failed = SmartError("ehr_unreachable", "ehr.example.org: no answer in time", reason="timeout")
    found = recorded(Prepared("GET", "https://ehr.example.org/fhir/r4/Observation?patient=1&category=lab"), failed)
    assert found["problem"] == "ehr_unreachable timeout"
    assert found["address"] == "https://ehr.example.org/fhir/r4/Observation"
    assert found["sent"] == [["patient", "…"], ["category", "…"]]
    assert "status" not in found


def test_an_outcome_keeps_severity_and_code_of_the_standard() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden", "x": CANARY}]}
    request = Prepared("GET", "https://ehr.example.org/fhir/r4/Condition?patient=1", Authorization="Bearer t")
    found = recorded(request, answer(outcome, status=403))
    assert ["issue", "error forbidden"] in found["received"]


def test_of_a_person_only_the_type_is_kept() -> None:
    dead = {"resourceType": "Patient", "deceasedDateTime": "2026-01-01", "multipleBirthBoolean": True}
    assert members_shown(dead) == (("resourceType", "Patient"),)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("launch openid fhirUser", "launch openid fhirUser"),
        ("patient/*.rs user/Observation.read", "patient/*.rs user/Observation.read"),
        ("patient/Observation.rs?category=abc", "patient/Observation.rs?…"),
        ("https://ehr.example.org/scopes/patient/Observation.read", "patient/Observation.rs"),
        (f"openid {CANARY} patient/Smith.read", "openid (and 2 other)"),
        ("", "(empty)"),
    ],
)
def test_scopes_are_shown_as_far_as_they_are_words_of_the_standard(sent: str, shown: str) -> None:
    assert scopes_shown(sent) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ehr.example.org/fhir/r4/Patient/54520", "https://ehr.example.org/fhir/r4/Patient/…"),
        ("https://ehr.example.org/fhir/r4?_getpages=secret", "https://ehr.example.org/fhir/r4"),
        ("https://ehr.example.org/fhir/r4/metadata", "https://ehr.example.org/fhir/r4/metadata"),
        ("https://ehr.example.org/jwks", "https://ehr.example.org/jwks"),
        ("https://ehr.example.org/people/Smith", "https://ehr.example.org/…/…"),
    ],
)
def test_addresses_that_were_fetched_name_no_record(address: str, shown: str) -> None:
    assert redaction.fetched_address(address, base=BASE) == shown


def test_nobody_is_recorded_unasked() -> None:
    recorder = Recorder()
    with recording(recorder), recording(None):
        note(Prepared("GET", "https://ehr.example.org/"), answer({}), base=BASE, began=0.0)
    assert not recorder.exchanges


def test_large_lists_are_not_read_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: object) -> object:
        raise AssertionError("it was read")

    monkeypatch.setattr(redaction, "members_shown", read)
    bundle = {"resourceType": "Bundle", "entry": [{"x": "y" * 100} for _ in range(100)]}
    request = Prepared("GET", "https://ehr.example.org/fhir/r4/Condition?patient=1", Authorization="Bearer t")
    assert recorded(request, answer(bundle))["size"] > 10_000
