"""The FHIR API of a simulated EHR: reads and searches, for the one patient of the launch and nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt

from sandbox import scopes, store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers, fhir_faults, searching
from sandbox.endpoints.bearer import bearer_grant
from sandbox.endpoints.negotiation import speaks_json
from sandbox.person import Person
from sandbox.store import Resource
from sandbox.tokens import Grant

_PATIENT_PARAMS = ("patient", "subject")
_OF_NO_PATIENT = frozenset({"Medication", "Practitioner"})


class Refusal(Exception):
    """An error answer with an OperationOutcome (FHIR R4, section 3.1.0.1.5)."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text

    def answer(self, address: EhrAddress) -> HttpResponse:
        answer = answers.outcome_answer(address, self.status, self.code, self.text)
        if self.status == 401:
            answer["WWW-Authenticate"] = f'Bearer realm="{address.slug}", error="invalid_token"'
        return answer


@dataclass(frozen=True, slots=True)
class Access:
    """An authorised request: which EHR, what the provider allowed, whose records."""

    address: EhrAddress
    grant: Grant
    person: Person

    def records(self, type_name: str) -> list[Resource]:
        """The patient's records of one type as this launch's scenario has them."""
        records = store.records(self.address, self.person, type_name)
        return fhir_faults.changed_records(
            self.grant.scenario,
            fhir_faults.target_of(type_name),
            records,
            address=self.address,
            person=self.person,
        )


def fhir_endpoint(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """GET only, JSON only, errors as OperationOutcomes, and the client's X-Request-Id said back."""

    @csrf_exempt
    @wraps(view)
    def endpoint(request: HttpRequest, address: EhrAddress, **kwargs: str) -> HttpResponse:
        try:
            if request.method not in ("GET", "HEAD"):
                raise Refusal(405, "not-supported", "this server takes reads and searches only")
            if not speaks_json(request):
                raise Refusal(406, "not-supported", "this server answers in JSON")
            answer = view(request, address, **kwargs)
        except Refusal as refusal:
            answer = refusal.answer(address)
        if "X-Request-Id" in request.headers:
            answer["X-Request-Id"] = request.headers["X-Request-Id"]
        return answer

    return endpoint


def _access(request: HttpRequest, address: EhrAddress, type_name: str, *, right: str) -> Access:
    """Judge token, type, scope, in this order; raises Refusal."""
    grant = bearer_grant(request, address)
    if grant is None:
        raise Refusal(401, "login", "the access token is missing, unknown or expired")
    if type_name not in address.personality.type_names:
        raise Refusal(404, "not-supported", "this server does not know that resource type")
    is_fhir_user = type_name == "Practitioner" and "fhirUser" in grant.scope.split()
    if not is_fhir_user and not scopes.allows(grant.scope, type_name, right, personality=address.personality):
        raise Refusal(403, "forbidden", f"the token's scope does not allow {type_name}")
    person = store.person_of(address.slug, grant.scenario.patient)
    if person is None:
        raise Refusal(404, "not-found", "the patient of this launch is gone")
    time.sleep(fhir_faults.delay_ms(grant.scenario, fhir_faults.target_of(type_name)) / 1000)
    return Access(address, grant, person)


@fhir_endpoint
def read(request: HttpRequest, address: EhrAddress, *, type_name: str, resource_id: str) -> HttpResponse:
    """`[base]/[type]/[id]`."""
    access = _access(request, address, type_name, right="r")
    if type_name == "Patient" and resource_id != access.person.id:
        raise Refusal(403, "forbidden", "the token is for another patient")
    target = fhir_faults.target_of(type_name)
    faulty = fhir_faults.instead(access.grant.scenario.fault, target, address)
    if faulty is not None and target != "conditions":
        return faulty
    if type_name == "Patient":
        return _patient_answer(access)
    found = _by_id(access, type_name, resource_id)
    return answers.fhir_answer(found, address)


def _patient_answer(access: Access) -> HttpResponse:
    """The Patient, or where that is this EHR's way, a searchset with it."""
    records = access.records("Patient")
    if len(records) == 1 and not access.address.personality.patient_in_bundle:
        return answers.fhir_answer(records[0], access.address)
    entries = [{"resource": record} for record in records]
    return answers.fhir_answer({"resourceType": "Bundle", "type": "searchset", "entry": entries}, access.address)


def _by_id(access: Access, type_name: str, resource_id: str) -> Resource:
    if type_name == "Practitioner" and resource_id == access.address.personality.provider.id:
        return store.practitioner(access.address)
    own = access.records(type_name)
    found = next((record for record in own if record.get("id") == resource_id), None)
    if found is not None:
        return found
    for other in store.people(access.address.slug):
        elsewhere = store.records(access.address, other, type_name)
        found = next((record for record in elsewhere if record.get("id") == resource_id), None)
        if found is not None and type_name in _OF_NO_PATIENT:
            return found
        if found is not None:
            raise Refusal(403, "forbidden", "that record belongs to another patient")
    raise Refusal(404, "not-found", "there is no such record")


def _asked_patients(query: QueryDict, address: EhrAddress) -> set[str]:
    """The patients a search names, as ids, whichever of the ways of naming one is used."""
    found = set()
    for name in _PATIENT_PARAMS:
        for value in query.getlist(name):
            reference = value.removeprefix(f"{address.fhir_base}/")
            found.add(reference.removeprefix("Patient/"))
    return found


@fhir_endpoint
def search(request: HttpRequest, address: EhrAddress, *, type_name: str) -> HttpResponse:
    """`[base]/[type]?patient=[id]&…`."""
    access = _access(request, address, type_name, right="s")
    query = request.GET
    if type_name == "Patient":
        asked = {part for value in query.getlist("_id") for part in value.split(",")}
    else:
        asked = _asked_patients(query, address)
    if asked - {access.person.id}:
        raise Refusal(403, "forbidden", "the token is for another patient")
    if not asked and type_name != "Patient":
        raise Refusal(400, "required", "a search needs the parameter patient")
    return _searched(access, type_name, query, path=type_name)


@fhir_endpoint
def search_compartment(request: HttpRequest, address: EhrAddress, *, patient_id: str, type_name: str) -> HttpResponse:
    """`[base]/Patient/[id]/[type]?…`."""
    access = _access(request, address, type_name, right="s")
    if patient_id != access.person.id:
        raise Refusal(403, "forbidden", "the token is for another patient")
    return _searched(access, type_name, request.GET, path=f"Patient/{patient_id}/{type_name}")


def _searched(access: Access, type_name: str, query: QueryDict, *, path: str) -> HttpResponse:
    scenario, address, target = access.grant.scenario, access.address, fhir_faults.target_of(type_name)
    faulty = fhir_faults.instead(scenario.fault, target, address)
    if faulty is not None:
        return faulty
    records = _filtered(access, type_name, query)
    found = searching.page_of(records, query, page_size=scenario.page_size or address.personality.page_size)
    found.included.extend(_included(access, found.matches, query))
    body = searching.bundle(address, found, path=path, query=query)
    return answers.fhir_answer(fhir_faults.changed_body(scenario.fault, target, body), address)


def _filtered(access: Access, type_name: str, query: QueryDict) -> list[Resource]:
    """The records that fit the query; what a fault has added stays in, whatever was asked."""
    kept = searching.filtered(
        store.records(access.address, access.person, type_name), type_name, query, access.address.personality
    )
    return fhir_faults.changed_records(
        access.grant.scenario,
        fhir_faults.target_of(type_name),
        kept,
        address=access.address,
        person=access.person,
    )


def _included(access: Access, matches: list[Resource], query: QueryDict) -> list[Resource]:
    """The Medication resources that prescriptions point to, when `_include` asks for them."""
    if not any(value.endswith(":medication") for value in query.getlist("_include")):
        return []
    wanted = {str(_reference(record)).rpartition("/")[2] for record in matches}
    return [record for record in access.records("Medication") if record.get("id") in wanted]


def _reference(record: Resource) -> Any:
    return record.get("medicationReference", {}).get("reference", "")


@fhir_endpoint
def unknown(request: HttpRequest, address: EhrAddress, *, rest: str = "") -> HttpResponse:
    """Everything else below the base."""
    raise Refusal(404, "not-supported", "there is nothing at this address")
