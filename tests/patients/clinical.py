"""Good resources of invented patients for every panel in every version; a panel run and rendered as the views do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from django.utils import timezone

from launcher.smart.fhir_version import FhirVersion
from patients import views
from tests.patients.fakes import PATIENT_ID, Answer, AuditTrail, FakeAccess, FakeFhir, Json, audited, found
from tests.patients.test_views_templates import Page, call, read

DSTU2, STU3, R4, R4B, R5 = FhirVersion.DSTU2, FhirVersion.STU3, FhirVersion.R4, FhirVersion.R4B, FhirVersion.R5
VERSIONS = tuple(FhirVersion)
NOW = datetime(2026, 11, 23, 20, 5, tzinfo=UTC)
"""When the charts of these tests are read: 14:05 in the fakes' own time zone."""

SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
PATIENT: Json = {"reference": f"Patient/{PATIENT_ID}"}


def concept(text: str, code: str = "", system: str = SNOMED) -> Json:
    return {"text": text, **({"coding": [{"system": system, "code": code}]} if code else {})}


def coded(code: str) -> Json:
    return {"coding": [{"code": code}]}


def changed(resource: Json, changes: Mapping[str, Any]) -> Json:
    """With other elements; None takes one away."""
    return {key: value for key, value in {**copy.deepcopy(resource), **changes}.items() if value is not None}


def allergy(version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    resource: Json = {"resourceType": "AllergyIntolerance", "id": f"a{number}", "patient": PATIENT}
    reaction: Json = {"manifestation": [concept("Hives")], "severity": "moderate"}
    if version is DSTU2:
        resource |= {"substance": concept(f"Substance {number}", f"10{number}"), "status": "confirmed"}
        resource |= {"criticality": "CRITL", "category": "medication", "type": "allergy"}
        resource |= {"recordedDate": "2026-01-12", "recorder": {"display": "Ada Example"}, "reaction": [reaction]}
        return changed(resource, changes)
    resource |= {"code": concept(f"Substance {number}", f"10{number}"), "criticality": "low"}
    resource |= {"category": ["medication"], "type": "allergy", "reaction": [reaction]}
    if version is STU3:
        resource |= {"clinicalStatus": "active", "verificationStatus": "confirmed", "assertedDate": "2026-01-12"}
    else:
        resource |= {"clinicalStatus": coded("active"), "verificationStatus": coded("confirmed")}
        resource |= {"recordedDate": "2026-01-12"}
    if version is R5:
        reaction["manifestation"] = [{"concept": concept("Hives")}]
        resource["type"] = coded("allergy")
        resource["participant"] = [{"function": coded("author"), "actor": {"display": "Ada Example"}}]
    else:
        resource["recorder"] = {"display": "Ada Example"}
    return changed(resource, changes)


def observation(kind: str, version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    name, code, value, unit = ("Body weight", "29463-7", 72, "kg")
    if kind == "laboratory":
        name, code, value, unit = ("Potassium", "2823-3", 4, "mmol/L")
    category: Any = {"coding": [{"code": kind}]}
    return changed(
        {
            "resourceType": "Observation",
            "id": f"o{number}",
            "subject": PATIENT,
            "status": "final",
            "category": category if version is DSTU2 else [category],
            "code": concept(name, code, LOINC),
            "effectiveDateTime": f"2026-11-{number:02d}",
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        },
        changes,
    )


def pressure(systolic: int, diastolic: int, version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    parts = [("Systolic", "8480-6", systolic), ("Diastolic", "8462-4", diastolic)]
    components = [
        {"code": concept(name, code, LOINC), "valueQuantity": {"value": value, "unit": "mmHg", "code": "mm[Hg]"}}
        for name, code, value in parts
    ]
    more = {"code": concept("Blood pressure", "85354-9", LOINC), "valueQuantity": None, "component": components}
    return observation("vital-signs", version, number, **{**more, **changes})


def immunization(version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    resource: Json = {
        "resourceType": "Immunization",
        "id": f"i{number}",
        "patient": PATIENT,
        "status": "completed",
        "vaccineCode": concept(f"Vaccine {number}", "140", "http://hl7.org/fhir/sid/cvx"),
        "lotNumber": "LOT-7",
    }
    date = "date" if version in {DSTU2, STU3} else "occurrenceDateTime"
    if version in {DSTU2, STU3}:
        resource["wasNotGiven" if version is DSTU2 else "notGiven"] = False
    return changed({**resource, date: "2025-10-03"}, changes)


def encounter(version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    setting: Any = "ambulatory" if version is DSTU2 else {"code": "AMB"}
    period = {"start": f"2026-10-{number:02d}T09:00:00-05:00", "end": f"2026-10-{number:02d}T09:30:00-05:00"}
    person = "actor" if version is R5 else "individual"
    return changed(
        {
            "resourceType": "Encounter",
            "id": f"e{number}",
            "patient" if version is DSTU2 else "subject": PATIENT,
            "status": "completed" if version is R5 else "finished",
            "class": [{"coding": [setting]}] if version is R5 else setting,
            "type": [concept(f"Visit {number}", "185349003")],
            "actualPeriod" if version is R5 else "period": period,
            "location": [{"location": {"display": "Room 4"}}],
            "participant": [{person: {"display": "Ada Example"}}],
        },
        changes,
    )


def document(version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    file = {"contentType": "application/pdf", "url": "Binary/b1", "size": 20480, "title": "Letter"}
    return changed(
        {
            "resourceType": "DocumentReference",
            "id": f"d{number}",
            "subject": PATIENT,
            "status": "current",
            "type": concept(f"Discharge letter {number}", "18842-5", LOINC),
            "indexed" if version in {DSTU2, STU3} else "date": "2026-09-05T10:00:00-05:00",
            "author": [{"display": "Ada Example"}],
            "content": [{"attachment": file}],
        },
        changes,
    )


def condition(version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    old = version in {DSTU2, STU3}
    return changed(
        {
            "resourceType": "Condition",
            "id": f"c{number}",
            "patient" if version is DSTU2 else "subject": PATIENT,
            "clinicalStatus": "active" if old else coded("active"),
            "verificationStatus": "confirmed" if old else coded("confirmed"),
            "code": concept(f"Condition {number}", f"59621{number}"),
            "onsetDateTime": "2011-03-12",
        },
        changes,
    )


def prescription(version: FhirVersion = R4, number: int = 1, **changes: Any) -> Json:
    drug = concept(f"drug {number}", "197361", "http://www.nlm.nih.gov/research/umls/rxnorm")
    named = {"medication": {"concept": drug}} if version is R5 else {"medicationCodeableConcept": drug}
    return changed(
        {
            "resourceType": "MedicationOrder" if version is DSTU2 else "MedicationRequest",
            "id": f"m{number}",
            "patient" if version is DSTU2 else "subject": PATIENT,
            "status": "active",
            "intent": None if version is DSTU2 else "order",
            "dateWritten" if version is DSTU2 else "authoredOn": "2026-01-12",
            **named,
        },
        changes,
    )


Make = Callable[..., Json]


@dataclass(frozen=True, slots=True)
class Sample:
    """How to make a good resource of a panel, the words that it shows, and how an EHR takes one back.

    `mistaken` are the changes for an entry in error, `none` those for a stated absence, where there is one.
    """

    make: Make
    words: str
    mistaken: Callable[[FhirVersion], Json]
    none: Callable[[FhirVersion], Json] | None = None


def _verified(version: FhirVersion) -> Json:
    wrong = "entered-in-error"
    return {"clinicalStatus": None, "verificationStatus": wrong if version in {DSTU2, STU3} else coded(wrong)}


def _allergy_in_error(version: FhirVersion) -> Json:
    return {"status": "entered-in-error"} if version is DSTU2 else _verified(version)


def _no_allergies(version: FhirVersion) -> Json:
    key = "substance" if version is DSTU2 else "code"
    return {key: concept("No known allergies", "716186003"), "reaction": None, "criticality": None}


def _no_drugs(version: FhirVersion) -> Json:
    none = concept("No known medications", "787481004")
    return {"medication": {"concept": none}} if version is R5 else {"medicationCodeableConcept": none}


def _status(version: FhirVersion) -> Json:
    return {"status": "entered-in-error"}


SAMPLES: Mapping[str, Sample] = {
    "conditions": Sample(
        condition, "Condition 1", _verified, lambda version: {"code": concept("No problems", "160245001")}
    ),
    "medications": Sample(prescription, "drug 1", _status, _no_drugs),
    "allergies": Sample(allergy, "Substance 1", _allergy_in_error, _no_allergies),
    "vitals": Sample(lambda *args, **more: observation("vital-signs", *args, **more), "72 kg", _status),
    "labs": Sample(lambda *args, **more: observation("laboratory", *args, **more), "4 mmol/L", _status),
    "immunizations": Sample(immunization, "Vaccine 1", _status),
    "encounters": Sample(encounter, "Visit 1", _status),
    "documents": Sample(document, "Discharge letter 1", _status),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel as a browser gets it: the page's fragment, its section's state and words, and the audited counts."""

    page: Page
    counts: Mapping[str, int]

    @property
    def section(self) -> Mapping[str, str]:
        ((attributes, _),) = self.page.tags("section")
        return attributes

    @property
    def state(self) -> str:
        return self.section["data-state"]

    @property
    def text(self) -> str:
        ((_, text),) = self.page.tags("section")
        return text

    @property
    def records(self) -> list[str]:
        """Every data-record of the fragment, as often as it stands there."""
        return [attrs["data-record"] for _, attrs, _ in self.page.elements if "data-record" in attrs]

    def row(self, reference: str) -> str:
        return self.page.text(data_record=reference)

    def rows_in_order(self) -> list[str]:
        return [reference.partition("/")[2] for reference in self.records]

    @property
    def headings(self) -> list[str]:
        return [text for _, text in self.page.tags("h3")]


def shown(slug: str, *resources: Json, version: FhirVersion = R4, answer: Answer | None = None, **facts: Any) -> Shown:
    """Run a panel over an EHR that answers every search with these resources of the searched type, and render it."""
    kinds = {str(resource["resourceType"]) for resource in resources}
    answers: dict[str, Answer] = {
        kind: found(*(each for each in resources if each["resourceType"] == kind)) for kind in kinds
    }
    fhir = FakeFhir(answers=answers if answer is None else _Everywhere(answer))
    access = FakeAccess(fhir=fhir, version=version, **facts)
    with audited() as trail, mock.patch.object(timezone, "now", return_value=NOW):
        page = read(call(views.panel, access, query="?fragment=1", panel=slug))
    return Shown(page, _counts(trail))


def _counts(trail: AuditTrail) -> Mapping[str, int]:
    return next(facts["counts"] for event, facts in trail.events if event == "panel.read")


class _Everywhere(dict[str, Answer]):
    """The same answer for every resource type."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def get(self, key: str, default: Any = None) -> Any:
        return self._answer
