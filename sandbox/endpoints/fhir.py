"""The FHIR API of a simulated EHR: reads and searches, for the one patient of the launch and nobody else."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from sandbox import store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers, fhir_faults, paging, searching
from sandbox.endpoints.access import Access, Refusal, authorized, fhir_endpoint
from sandbox.endpoints.token_response import MEDICATION_TYPES
from sandbox.store import Resource

_PATIENT_PARAMS = ("patient", "subject")
_OF_NO_PATIENT = frozenset({"Medication", "Practitioner"})
_NEVER_SEARCHED = frozenset({"Binary"})
_FAULTY_READS = MEDICATION_TYPES | {"Patient"}
"""The faults of the other types concern searches alone, so that a record can still be looked at."""


@fhir_endpoint
def read(request: HttpRequest, address: EhrAddress, *, type_name: str, resource_id: str) -> HttpResponse:
    """`[base]/[type]/[id]`."""
    access = authorized(request, address, type_name, right="r")
    if type_name == "Patient":
        access = access.of(resource_id)
    faulty = fhir_faults.instead(access.scenario.fault, access.targets, address)
    if faulty is not None and type_name in _FAULTY_READS:
        return faulty
    if type_name == "Patient":
        return _patient_answer(access)
    return answers.fhir_answer(_by_id(access, type_name, resource_id), address)


def _patient_answer(access: Access) -> HttpResponse:
    """The Patient, or where that is this EHR's way, a searchset with it."""
    records = access.records("Patient")
    own_way = "bundle" if access.address.personality.patient_in_bundle else "resource"
    if len(records) == 1 and (access.scenario.read_as or own_way) == "resource":
        return answers.fhir_answer(records[0], access.address)
    entries = [{"resource": record} for record in records]
    return answers.fhir_answer({"resourceType": "Bundle", "type": "searchset", "entry": entries}, access.address)


def _by_id(access: Access, type_name: str, resource_id: str) -> Resource:
    if type_name == "Practitioner" and resource_id == access.address.personality.provider.id:
        return store.practitioner(access.address)
    found = next((record for record in access.records(type_name) if record.get("id") == resource_id), None)
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
    access = authorized(request, address, type_name, right="s")
    page = _page(request, access)
    if type_name == "Patient":
        return _patients(access, page)
    asked = _asked_patients(page.query, address)
    if not asked:
        raise Refusal(400, "required", "a search needs the parameter patient")
    for patient_id in sorted(asked):
        access = access.of(patient_id)
    return _searched(access.asking(type_name, page.query), type_name, page, path=type_name)


@fhir_endpoint
def search_compartment(request: HttpRequest, address: EhrAddress, *, patient_id: str, type_name: str) -> HttpResponse:
    """`[base]/Patient/[id]/[type]?…`."""
    access = authorized(request, address, type_name, right="s").of(patient_id)
    page = _page(request, access)
    return _searched(access.asking(type_name, page.query), type_name, page, path=f"Patient/{patient_id}/{type_name}")


def _page(request: HttpRequest, access: Access) -> paging.Page:
    try:
        return paging.asked(request.GET, access.address, access.scenario)
    except paging.PageGone as error:
        raise Refusal(400, "expired", str(error)) from error


def _patients(access: Access, page: paging.Page) -> HttpResponse:
    """A search for patients: the one of the token, or all who fit."""
    asked = {part for value in page.query.getlist("_id") for part in str(value).split(",")}
    if access.person is not None:
        if asked - {access.person.id}:
            raise Refusal(403, "forbidden", "the token is for another patient")
        return _searched(access, "Patient", page, path="Patient")
    fitting = searching.people_like(access.people, page.query)
    found = searching.page_of([store.patient(access.address, person) for person in fitting], page)
    return _sent(access, found, path="Patient")


def _required(access: Access, type_name: str, query: QueryDict) -> None:
    """Some EHRs search some types only with a category, or the like; raises Refusal."""
    rules = dict(access.address.personality.required)
    names, status = rules.get(type_name, ()), 400
    wanted = access.scenario.requires
    if wanted and wanted in searching.listed(access.address.personality, type_name):
        names, status = (wanted,), int(access.scenario.requires_status)
    if names and not set(names) & set(query):
        raise Refusal(status, "required", f"a search for {type_name} needs {' or '.join(names)}")


def _searched(access: Access, type_name: str, page: paging.Page, *, path: str) -> HttpResponse:
    if type_name in _NEVER_SEARCHED:
        raise Refusal(400, "not-supported", f"{type_name} can be read, not searched")
    faulty = fhir_faults.instead(access.scenario.fault, access.targets, access.address)
    if faulty is not None:
        return faulty
    _required(access, type_name, page.query)
    found = searching.page_of(_filtered(access, type_name, page.query), page)
    found.included.extend(_included(access, found.matches, page.query))
    return _sent(access, found, path=path)


def _sent(access: Access, found: searching.Found, *, path: str) -> HttpResponse:
    body = searching.bundle(access.address, found, path=path, query=found.page.query, scenario=access.scenario)
    return answers.fhir_answer(fhir_faults.changed_body(access.scenario.fault, access.targets, body), access.address)


def _filtered(access: Access, type_name: str, query: QueryDict) -> list[Resource]:
    """The records that fit the query; what a fault has added stays in, whatever was asked."""
    personality = access.address.personality
    found: list[Resource] = []
    for person in access.people:
        records = access.granted(store.records(access.address, person, type_name))
        found += access.changed(searching.filtered(records, type_name, query, personality), person)
    return searching.in_order(found, type_name, query, personality)


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
