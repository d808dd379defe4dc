"""The faults in FHIR answers: instead of the answer, in the records before they are sent, or in the finished body."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpResponse

from sandbox import faults, store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers
from sandbox.endpoints.token_response import MEDICATION_TYPES
from sandbox.person import Person
from sandbox.scenario import LaunchScenario
from sandbox.store import Resource

Target = Literal["patient", "conditions", "medications", "all", "none"]

SLOW_MS = 6000
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}'
_TEXTS = frozenset({"text", "display", "family", "given", "line", "city", "title", "description", "note", "notes"})


def target_of(type_name: str) -> Target:
    """Which faults concern a request for this type."""
    if type_name == "Patient":
        return "patient"
    if type_name == "Condition":
        return "conditions"
    return "medications" if type_name in MEDICATION_TYPES else "none"


def _status(status: int, code: str) -> Callable[[EhrAddress], HttpResponse]:
    return lambda address: answers.outcome_answer(address, status, code, "the sandbox was told to answer so")


def _unauthorized(address: EhrAddress) -> HttpResponse:
    answer = _status(401, "login")(address)
    answer["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return answer


def _cut_off(address: EhrAddress) -> HttpResponse:
    whole = b'{"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Condi'
    return HttpResponse(whole, content_type=address.personality.media_type)


def _outcome_200(address: EhrAddress) -> HttpResponse:
    return answers.fhir_answer(answers.operation_outcome("exception", "an error told with status 200"), address)


def _html_200(address: EhrAddress) -> HttpResponse:
    return answers.html_answer(answers.LOGIN_HTML)


INSTEAD: dict[str, tuple[Target, Callable[[EhrAddress], HttpResponse]]] = {
    "patient-401": ("patient", _unauthorized),
    "patient-403": ("patient", _status(403, "forbidden")),
    "patient-404": ("patient", _status(404, "not-found")),
    "patient-410": ("patient", _status(410, "deleted")),
    "patient-500": ("patient", _status(500, "exception")),
    "patient-html": ("patient", _html_200),
    "patient-outcome": ("patient", _outcome_200),
    "conditions-outcome-200": ("conditions", _outcome_200),
    "conditions-html-200": ("conditions", _html_200),
    "conditions-500": ("conditions", _status(500, "exception")),
    "conditions-403": ("conditions", _status(403, "forbidden")),
    "conditions-404": ("conditions", _status(404, "not-found")),
    "conditions-401": ("conditions", _unauthorized),
    "conditions-redirect": ("conditions", lambda address: answers.redirect_to_stranger("/fhir/Condition")),
    "conditions-bad-json": ("conditions", _cut_off),
    "medications-500": ("medications", _status(500, "exception")),
    "medications-403": ("medications", _status(403, "forbidden")),
}


def _other_patient(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    return [store.patient(address, store.somebody_else(person))]


def _two_patients(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    return [*records, store.patient(address, store.somebody_else(person))]


def _a_practitioner(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    return [{**store.practitioner(address), "id": person.id}]


def _stray(address: EhrAddress, reference: dict[str, str] | None) -> Resource:
    """A condition that is not about this patient, whatever else it says."""
    dstu2 = address.personality.fhir_number == "1.0.2"
    in_words = address.personality.fhir_number in ("1.0.2", "3.0.2")
    whose = "somebody-else" if reference else "nobody"
    return {
        "resourceType": "Condition",
        "id": f"condition-of-{whose}",
        "code": {"text": f"Condition of {whose}"},
        "verificationStatus": "confirmed" if in_words else {"coding": [{"system": _VERIFICATION, "code": "confirmed"}]},
        **({"patient" if dstu2 else "subject": reference} if reference else {}),
    }


def _one_of_somebody(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    other = store.somebody_else(person)
    return [*records, _stray(address, {"reference": f"Patient/{other.id}"})]


def _one_of_nobody(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    return [*records, _stray(address, None)]


def _none(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    return []


def _scripted(value: Any, key: str = "") -> Any:
    """A copy in which every text that a person would read ends in script."""
    if isinstance(value, dict):
        return {name: _scripted(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_scripted(item, key) for item in value]
    if isinstance(value, str) and key in _TEXTS:
        return value + SCRIPT
    return value


def _with_script(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    return [_scripted(copy.deepcopy(record)) for record in records]


RECORDS: dict[str, tuple[Target, Callable[[EhrAddress, Person, list[Resource]], list[Resource]]]] = {
    "patient-other": ("patient", _other_patient),
    "patient-practitioner": ("patient", _a_practitioner),
    "patient-two-bundle": ("patient", _two_patients),
    "conditions-other-patient": ("conditions", _one_of_somebody),
    "conditions-no-subject": ("conditions", _one_of_nobody),
    "conditions-empty": ("conditions", _none),
    "xss": ("all", _with_script),
}


def _foreign_next(body: dict[str, Any]) -> dict[str, Any]:
    links = [link for link in body.get("link", []) if link["relation"] != "next"]
    return {**body, "link": [*links, {"relation": "next", "url": f"{faults.STRANGER}/fhir/Condition?page=2"}]}


def _warned(body: dict[str, Any]) -> dict[str, Any]:
    warning = answers.operation_outcome("incomplete", "the list may be incomplete", severity="warning")
    return {**body, "entry": [*body.get("entry", []), {"resource": warning, "search": {"mode": "outcome"}}]}


BODIES: dict[str, tuple[Target, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "conditions-foreign-next": ("conditions", _foreign_next),
    "conditions-warning": ("conditions", _warned),
}
REFUSALS: dict[str, str] = {
    "request_invalid_token": "Simulated invalid token error",
    "request_expired_token": "Simulated expired token error",
}
DELAYS: dict[str, Target] = {"conditions-slow": "conditions"}


def instead(fault: str, target: Target, address: EhrAddress) -> HttpResponse | None:
    """The answer that replaces the real one, or None."""
    concerned, answer = INSTEAD.get(fault, ("none", None))
    return answer(address) if answer and concerned == target else None


def changed_records(
    scenario: LaunchScenario, target: Target, records: list[Resource], *, address: EhrAddress, person: Person
) -> list[Resource]:
    concerned, change = RECORDS.get(scenario.fault, ("none", None))
    return change(address, person, records) if change and concerned in (target, "all") else records


def changed_body(fault: str, target: Target, body: dict[str, Any]) -> dict[str, Any]:
    concerned, change = BODIES.get(fault, ("none", None))
    return change(body) if change and concerned == target else body


def delay_ms(scenario: LaunchScenario, target: Target) -> int:
    """How late this answer comes: every one by the scenario's delay, or only those that its fault is about."""
    if scenario.fault not in DELAYS:
        return scenario.delay_ms
    return (scenario.delay_ms or SLOW_MS) if DELAYS[scenario.fault] == target else 0
