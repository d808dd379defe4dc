"""Who may ask a simulated EHR for what: token, type, scope and patient, judged in this order before any record is read.

A token without a patient opens every patient's records, and so does any token where the EHR is careless; scopes at
patient level are then read as those at user level, as servers do that leave the choice of the patient to the app.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps

from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt

from sandbox import scopes, store
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers, fhir_faults, searching
from sandbox.endpoints.bearer import bearer_grant
from sandbox.endpoints.negotiation import speaks_json
from sandbox.person import Person
from sandbox.scenario import LaunchScenario
from sandbox.store import Resource
from sandbox.tokens import Grant

NO_SUCH_TYPE = "not-supported"


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
        if (self.status, self.code) == (404, NO_SUCH_TYPE) and address.personality.html_for_unknown:
            return answers.not_found()
        answer = answers.outcome_answer(address, self.status, self.code, self.text)
        if self.status == 401:
            answer["WWW-Authenticate"] = f'Bearer realm="{address.slug}", error="invalid_token"'
        return answer


@dataclass(frozen=True, slots=True)
class Access:
    """An authorised request: which EHR, what the provider allowed, whose records (None: anybody's).

    `targets` are what faults may concern it; `categories` the only ones that the scope opens (None: all).
    """

    address: EhrAddress
    grant: Grant
    person: Person | None
    targets: frozenset[fhir_faults.Target] = frozenset()
    categories: frozenset[str] | None = None

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
            for record in self.changed(self.granted(store.records(self.address, person, type_name)), person)
        ]

    def granted(self, records: list[Resource]) -> list[Resource]:
        """Those that the scope's categories open (SMART App Launch 2.2, "Finer-grained resource constraints")."""
        if self.categories is None:
            return records
        wanted = self.categories
        return [record for record in records if any(searching.fits(record, "category", one) for one in wanted)]

    def asking(self, type_name: str, query: QueryDict) -> Access:
        """The same, once the whole query is known: the link to a later page may hide it."""
        return replace(self, targets=fhir_faults.targets_of(type_name, query))

    def changed(self, records: list[Resource], person: Person) -> list[Resource]:
        return fhir_faults.changed_records(self.scenario, self.targets, records, address=self.address, person=person)


def _nobody() -> Person:
    raise Refusal(404, "not-found", "there is no such patient")


def answered(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """GET only, errors as OperationOutcomes, and the client's X-Request-Id said back."""

    @csrf_exempt
    @wraps(view)
    def endpoint(request: HttpRequest, address: EhrAddress, **kwargs: str) -> HttpResponse:
        try:
            if request.method not in ("GET", "HEAD"):
                raise Refusal(405, "not-supported", "this server takes reads and searches only")
            answer = view(request, address, **kwargs)
        except Refusal as refusal:
            answer = refusal.answer(address)
        if "X-Request-Id" in request.headers:
            answer["X-Request-Id"] = request.headers["X-Request-Id"]
        return answer

    return endpoint


def fhir_endpoint(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The same, and JSON only."""

    @wraps(view)
    def in_json(request: HttpRequest, address: EhrAddress, **kwargs: str) -> HttpResponse:
        if not speaks_json(request):
            raise Refusal(406, "not-supported", "this server answers in JSON")
        return view(request, address, **kwargs)

    return answered(in_json)


def authorized(request: HttpRequest, address: EhrAddress, type_name: str, *, right: str) -> Access:
    """Judge token, type, scope, in this order; raises Refusal."""
    grant = bearer_grant(request, address)
    if grant is None:
        raise Refusal(401, "login", "the access token is missing, unknown or expired")
    if grant.scenario.fault in fhir_faults.REFUSALS:
        raise Refusal(401, "login", fhir_faults.REFUSALS[grant.scenario.fault])
    if type_name not in address.personality.type_names:
        raise Refusal(404, NO_SUCH_TYPE, "this server does not know that resource type")
    is_fhir_user = type_name == "Practitioner" and "fhirUser" in grant.scope.split()
    if not is_fhir_user and not scopes.allows(grant.scope, type_name, right, personality=address.personality):
        raise Refusal(403, "forbidden", f"the token's scope does not allow {type_name}")
    targets = fhir_faults.targets_of(type_name, request.GET)
    time.sleep(fhir_faults.delay_ms(grant.scenario, targets) / 1000)
    categories = scopes.categories(grant.scope, type_name, right)
    return Access(address, grant, _patient_of(grant, address), targets, categories)


def _patient_of(grant: Grant, address: EhrAddress) -> Person | None:
    """The one patient whom the token is for; None when it opens everybody's records."""
    patient = "" if grant.scenario.patient_in == "absent" else grant.scenario.patient
    if address.personality.whole_store or not patient:
        return None
    person = store.person_of(address.slug, patient)
    if person is None:
        raise Refusal(404, "not-found", "the patient of this launch is gone")
    return person
