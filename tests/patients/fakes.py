"""A launch and an EHR of the shape that the chart works with, held in memory; the patients are invented."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from unittest import mock

from django.http import HttpResponseBase
from django.utils import timezone

from launcher import audit
from launcher.smart.errors import SmartError
from launcher.smart.fhir import FhirClient, FhirError, Query, SearchResult
from launcher.smart.fhir_version import FhirVersion

PATIENT_ID = "54520"
BASE = "https://ehr.example.org/fhir"
LAUNCH_ID = "0123456789abcdef0123456789abcdef"

Json = dict[str, Any]
Answer: TypeAlias = SearchResult | Exception | Callable[[], SearchResult]


def patient(**changes: object) -> Json:
    resource: Json = {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "name": [{"use": "official", "family": "Smith", "given": ["John"]}],
        "birthDate": "1945-07-14",
        "gender": "male",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:oid:1.2.3", "value": "0054520"}],
    }
    return {**resource, **changes}


def condition(number: int = 1, **changes: object) -> Json:
    resource: Json = {
        "resourceType": "Condition",
        "id": f"c{number}",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {
            "text": f"Condition number {number}",
            "coding": [{"system": "http://snomed.info/sct", "code": f"5962100{number}"}],
        },
        "onsetDateTime": "2011-03-12",
    }
    return {**resource, **changes}


def medication(number: int = 1, kind: str = "MedicationRequest", **changes: object) -> Json:
    resource: Json = {
        "resourceType": kind,
        "id": f"m{number}",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": f"drug {number}"},
        "authoredOn": "2026-01-12",
        "dosageInstruction": [
            {
                "text": "1 tab PO daily",
                "route": {"text": "oral"},
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}],
            }
        ],
    }
    return {**resource, **changes}


def found(*resources: Json, **more: Any) -> SearchResult:
    values: dict[str, Any] = {"unreadable": 0, "outcomes": (), "total": None, "truncated": "", **more}
    return SearchResult(resources=tuple(resources), **values)


def trouble(kind: Any, *, status: int = 0) -> FhirError:
    return FhirError(kind, status=status)


@dataclass
class FakeFhir:
    """Answers reads with `body` and searches by resource type; what has no answer is an empty list."""

    body: Json | Exception = field(default_factory=patient)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    asked: list[Query] = field(default_factory=list)
    others: Mapping[str, Json] = field(default_factory=dict)
    read_one_by_one: list[str] = field(default_factory=list)

    def local_id(self, reference: str, resource_type: str) -> str:
        return FhirClient.local_id(self, reference, resource_type)  # type: ignore[arg-type]  # it needs the base alone

    @property
    def base(self) -> str:
        return BASE

    def read(self, resource_type: str, resource_id: str) -> Json:
        if resource_type != "Patient":
            self.read_one_by_one.append(f"{resource_type}/{resource_id}")
            if (other := self.others.get(f"{resource_type}/{resource_id}")) is None:
                raise trouble("unsupported", status=404)
            return other
        if isinstance(self.body, Exception):
            raise self.body
        return self.body

    def search(self, query: Query) -> SearchResult:
        self.asked.append(query)
        answer = self.answers.get(query.resource, found())
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, SearchResult) else answer()


@dataclass
class FakeAccess:
    """The facts of `launcher.current.LaunchAccess` that the chart uses."""

    fhir: FakeFhir = field(default_factory=FakeFhir)
    version: FhirVersion = FhirVersion.R4
    environment: str = "production"
    need_patient_banner: bool | None = None
    granted_scope: str | None = "launch patient/*.read"
    requested_scope: str = "launch patient/*.read"
    viewer: str = "an invented clinician"
    time_zone: str = "America/Chicago"
    mrn_system: str = ""
    stale_minutes: int = 15
    patient_id: str = PATIENT_ID
    encounter: str = ""
    launch_id: str = LAUNCH_ID
    iss: str = BASE
    iss_host: str = "ehr.example.org"
    ehr_slug: str = "example"
    ehr_name: str = "Example EHR"
    reference: str = "L-8F3K"
    token_expires_at: datetime | None = None
    panels: tuple[str, ...] = ()
    ends_at: datetime = field(default_factory=lambda: timezone.now() + timedelta(hours=12))
    ended: str = ""

    def form_token(self, action: str) -> str:
        return f"token-for-{action}"

    def check_form_token(self, request: Any, action: str) -> None:
        if request.POST.get("token") != self.form_token(action):
            raise SmartError("form_expired")

    def note_use(self, resources: Iterable[str]) -> None:
        """What is on record about the launch is the launcher's affair."""

    def note_banner(self) -> None:
        """Figures are the launcher's affair."""

    def note_panel(self, panel: str, state: str) -> None:
        """Figures are the launcher's affair."""

    def end(self, reason: str) -> None:
        self.ended = reason

    def forget(self, response: HttpResponseBase) -> None:
        """The cookie is the launcher's affair."""


@dataclass
class AuditTrail:
    """The events written so far; writing the `broken` ones fails."""

    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    broken: Callable[[str, Mapping[str, Any]], bool] = lambda event, facts: False

    def record(self, event: str, **facts: Any) -> None:
        if self.broken(event, facts):
            raise RuntimeError("the audit trail is not writable")
        self.events.append((event, facts))


@contextmanager
def audited() -> Iterator[AuditTrail]:
    trail = AuditTrail()
    with mock.patch.object(audit, "record", trail.record):
        yield trail
