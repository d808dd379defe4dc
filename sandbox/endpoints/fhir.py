"""The FHIR API of a simulated EHR: reads and searches, for the one patient of the launch and nobody else.

A token without a patient opens every patient's records, and so does any token where the EHR is careless; scopes at
patient level are then read as those at user level, as servers do that leave the choice of the patient to the app.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt

from sandbox import scopes, store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers, fhir_faults, paging, searching
from sandbox.endpoints.bearer import bearer_grant
from sandbox.endpoints.negotiation import speaks_json
from sandbox.person import Person
from sandbox.scenario import LaunchScenario
from sandbox.store import Resource
from sandbox.tokens import Grant

_PATIENT_PARAMS = ("patient", "subject")
_OF_NO_PATIENT = frozenset({"Medication", "Practitioner"})
_NO_SUCH_TYPE = "not-supported"


class Refusal(Exception):
    """An error answer with an OperationOutcome (FHIR R4, section 3.1.0.1.5)."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text

    def answer(self, address: EhrAddress) -> HttpResponse:
        if self.status == 403 and address.personality.bare_forbidden:
            return HttpResponse(status=403)
        if (self.status, self.code) == (404, _NO_SUCH_TYPE) and address.personality.html_for_unknown:
            return answers.not_found()
        answer = answers.outcome_answer(address, self.status, self.code, self.text)
        if self.status == 401:
            answer["WWW-Authenticate"] = f'Bearer realm="{address.slug}", error="invalid_token"'
        return answer


@dataclass(frozen=True, slots=True)
class Access:
    """An authorised request: which EHR, what the provider allowed, whose records (None: anybody's)."""

    address: EhrAddress
    grant: Grant
    person: Person | None

    @property
    def scenario(self) -> LaunchScenario:
        return self.grant.scenario

    @property
    def people(self) -> list[Person]:
        """Those whose records are open."""
        return store.people(self.address.slug) if self.person is None else [self.person]

    def of(self, patient_id: str) -> Access:
        """The same for one patient's records alone; raises Refusal."""
        if self.person is None:
            return replace(self, person=store.person_of(self.address.slug, patient_id) or _nobody())
        if self.person.id != patient_id:
            raise Refusal(403, "forbidden", "the token is for another patient")
        return self

    def records(self, type_name: str) -> list[Resource]:
        """The open records of one type as this launch's scenario has them."""
        return [
            record
            for person in self.people
            for record in self.changed(type_name, store.records(self.address, person, type_name), person)
        ]

    def changed(self, type_name: str, records: list[Resource], person: Person) -> list[Resource]:
        target = fhir_faults.target_of(type_name)
        return fhir_faults.changed_records(self.scenario, target, records, address=self.address, person=person)


def _nobody() -> Person:
    raise Refusal(404, "not-found", "there is no such patient")


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
    if grant.scenario.fault in fhir_faults.REFUSALS:
        raise Refusal(401, "login", fhir_faults.REFUSALS[grant.scenario.fault])
    if type_name not in address.personality.type_names:
        raise Refusal(404, _NO_SUCH_TYPE, "this server does not know that resource type")
    is_fhir_user = type_name == "Practitioner" and "fhirUser" in grant.scope.split()
    if not is_fhir_user and not scopes.allows(grant.scope, type_name, right, personality=address.personality):
        raise Refusal(403, "forbidden", f"the token's scope does not allow {type_name}")
    time.sleep(fhir_faults.delay_ms(grant.scenario, fhir_faults.target_of(type_name)) / 1000)
    return Access(address, grant, _patient_of(grant, address))


def _patient_of(grant: Grant, address: EhrAddress) -> Person | None:
    """The one patient whom the token is for; None when it opens everybody's records."""
    patient = "" if grant.scenario.patient_in == "absent" else grant.scenario.patient
    if address.personality.whole_store or not patient:
        return None
    person = store.person_of(address.slug, patient)
    if person is None:
        raise Refusal(404, "not-found", "the patient of this launch is gone")
    return person


@fhir_endpoint
def read(request: HttpRequest, address: EhrAddress, *, type_name: str, resource_id: str) -> HttpResponse:
    """`[base]/[type]/[id]`."""
    access = _access(request, address, type_name, right="r")
    if type_name == "Patient":
        access = access.of(resource_id)
    target = fhir_faults.target_of(type_name)
    faulty = fhir_faults.instead(access.scenario.fault, target, address)
    if faulty is not None and target != "conditions":
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
    access = _access(request, address, type_name, right="s")
    page = _page(request, access)
    if type_name == "Patient":
        return _patients(access, page)
    asked = _asked_patients(page.query, address)
    if not asked:
        raise Refusal(400, "required", "a search needs the parameter patient")
    for patient_id in sorted(asked):
        access = access.of(patient_id)
    return _searched(access, type_name, page, path=type_name)


@fhir_endpoint
def search_compartment(request: HttpRequest, address: EhrAddress, *, patient_id: str, type_name: str) -> HttpResponse:
    """`[base]/Patient/[id]/[type]?…`."""
    access = _access(request, address, type_name, right="s").of(patient_id)
    return _searched(access, type_name, _page(request, access), path=f"Patient/{patient_id}/{type_name}")


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
    return _sent(access, found, "Patient", path="Patient")


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
    faulty = fhir_faults.instead(access.scenario.fault, fhir_faults.target_of(type_name), access.address)
    if faulty is not None:
        return faulty
    _required(access, type_name, page.query)
    found = searching.page_of(_filtered(access, type_name, page.query), page)
    found.included.extend(_included(access, found.matches, page.query))
    return _sent(access, found, type_name, path=path)


def _sent(access: Access, found: searching.Found, type_name: str, *, path: str) -> HttpResponse:
    body = searching.bundle(access.address, found, path=path, query=found.page.query, scenario=access.scenario)
    target = fhir_faults.target_of(type_name)
    return answers.fhir_answer(fhir_faults.changed_body(access.scenario.fault, target, body), access.address)


def _filtered(access: Access, type_name: str, query: QueryDict) -> list[Resource]:
    """The records that fit the query; what a fault has added stays in, whatever was asked."""
    personality = access.address.personality
    found: list[Resource] = []
    for person in access.people:
        records = store.records(access.address, person, type_name)
        found += access.changed(type_name, searching.filtered(records, type_name, query, personality), person)
    return found


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
