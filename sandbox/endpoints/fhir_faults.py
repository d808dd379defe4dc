"""The faults in FHIR answers: instead of the answer, in the records before they are sent, or in the finished body."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpResponse, QueryDict

from sandbox import faults, store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers
from sandbox.endpoints.token_response import MEDICATION_TYPES
from sandbox.person import Person
from sandbox.scenario import LaunchScenario
from sandbox.store import Resource

Target = Literal[
    "patient",
    "conditions",
    "medications",
    "allergies",
    "vitals",
    "labs",
    "immunizations",
    "encounters",
    "documents",
    "binary",
    "all",
    "none",
]
Targets = frozenset[Target]

SLOW_MS = 6000
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{7*7}}'
_TEXTS = frozenset(
    {
        *("text", "display", "family", "given", "line", "city", "title", "description", "note", "notes"),
        *("comment", "comments", "lotNumber", "valueString"),
    }
)
_TARGETS: dict[str, Target] = {
    "Patient": "patient",
    "Condition": "conditions",
    "AllergyIntolerance": "allergies",
    "Immunization": "immunizations",
    "Encounter": "encounters",
    "DocumentReference": "documents",
    "Binary": "binary",
    **dict.fromkeys(MEDICATION_TYPES, "medications"),
}
_OBSERVATIONS: dict[str, Target] = {"vital-signs": "vitals", "laboratory": "labs"}


def targets_of(type_name: str, query: QueryDict) -> Targets:
    """Which faults concern a request; one for measurements of no known category may find vital signs and labs."""
    if type_name != "Observation":
        return frozenset({_TARGETS.get(type_name, "none")})
    asked = {part.rpartition("|")[2] for value in query.getlist("category") for part in str(value).split(",")}
    return frozenset(_OBSERVATIONS[one] for one in asked & set(_OBSERVATIONS)) or frozenset(_OBSERVATIONS.values())


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
    "allergies-500": ("allergies", _status(500, "exception")),
    "allergies-403": ("allergies", _status(403, "forbidden")),
    "vitals-500": ("vitals", _status(500, "exception")),
    "labs-403": ("labs", _status(403, "forbidden")),
    "labs-html": ("labs", _html_200),
    "immunizations-404": ("immunizations", _status(404, "not-found")),
    "immunizations-500": ("immunizations", _status(500, "exception")),
    "encounters-403": ("encounters", _status(403, "forbidden")),
    "encounters-500": ("encounters", _status(500, "exception")),
    "documents-500": ("documents", _status(500, "exception")),
    "binary-404": ("binary", _status(404, "not-found")),
    "binary-redirect": ("binary", lambda address: answers.redirect_to_stranger("/fhir/Binary/1")),
    "binary-html-as-pdf": ("binary", lambda address: HttpResponse(answers.LOGIN_HTML, content_type="application/pdf")),
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


def _reference(person: Person) -> dict[str, str]:
    return {"reference": f"Patient/{person.id}"}


def _foreign_allergy(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    name = "substance" if address.personality.fhir_number == "1.0.2" else "code"
    stray = {
        "resourceType": "AllergyIntolerance",
        "id": "allergy-of-somebody-else",
        "patient": _reference(store.somebody_else(person)),
        name: {"text": "Allergy of somebody else"},
    }
    return [*records, stray]


def _foreign_result(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    stray = {
        "resourceType": "Observation",
        "id": "result-of-somebody-else",
        "status": "final",
        "subject": _reference(store.somebody_else(person)),
        "code": {"text": "Result of somebody else"},
        "valueString": "positive",
    }
    return [*records, stray]


def _foreign_document(address: EhrAddress, person: Person, records: list[Resource]) -> list[Resource]:
    attachment = {"contentType": "application/pdf", "url": f"{faults.STRANGER}/fhir/Binary/1", "title": "Elsewhere"}
    stray = {
        "resourceType": "DocumentReference",
        "id": "document-kept-elsewhere",
        "status": "current",
        "subject": _reference(person),
        "type": {"text": "Document kept elsewhere"},
        "content": [{"attachment": attachment}],
    }
    return [*records, stray]


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
    "allergies-other-patient": ("allergies", _foreign_allergy),
    "allergies-empty": ("allergies", _none),
    "labs-other-patient": ("labs", _foreign_result),
    "documents-foreign-url": ("documents", _foreign_document),
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
    "allergies-warning": ("allergies", _warned),
}
REFUSALS: dict[str, str] = {
    "request_invalid_token": "Simulated invalid token error",
    "request_expired_token": "Simulated expired token error",
}
DELAYS: dict[str, Target] = {"conditions-slow": "conditions", "vitals-slow": "vitals"}


def instead(fault: str, targets: Targets, address: EhrAddress) -> HttpResponse | None:
    """The answer that replaces the real one, or None."""
    concerned, answer = INSTEAD.get(fault, ("none", None))
    return answer(address) if answer and concerned in targets else None


def changed_records(
    scenario: LaunchScenario, targets: Targets, records: list[Resource], *, address: EhrAddress, person: Person
) -> list[Resource]:
    concerned, change = RECORDS.get(scenario.fault, ("none", None))
    return change(address, person, records) if change and concerned in {*targets, "all"} else records


def changed_body(fault: str, targets: Targets, body: dict[str, Any]) -> dict[str, Any]:
    concerned, change = BODIES.get(fault, ("none", None))
    return change(body) if change and concerned in targets else body


def delay_ms(scenario: LaunchScenario, targets: Targets) -> int:
    """How late this answer comes: every one by the scenario's delay, or only those that its fault is about."""
    if scenario.fault not in DELAYS:
        return scenario.delay_ms
    return (scenario.delay_ms or SLOW_MS) if DELAYS[scenario.fault] in targets else 0
