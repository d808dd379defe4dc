"""Allergies, measurements, vaccinations and documents as FHIR R4 (4.0.1), shaped as US Core asks."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.person import Person
from sandbox.record import Allergy, Document, Measurement, Reaction, Vaccination
from sandbox.writers import chart_pieces, pieces, r4
from sandbox.writers.chart_pieces import chart
from sandbox.writers.pieces import Resource, concept, status_concept, written
from sandbox.writers.r4 import TERMINOLOGY, US_CORE, meta, notes, resource

_ABSENT = f"{TERMINOLOGY}/data-absent-reason"


def allergies(person: Person, base: str) -> list[Resource]:
    return [_allergy(person, one, base) for one in chart(person).allergies]


def observations(person: Person, base: str) -> list[Resource]:
    return [_observation(person, one, base) for one in chart(person).measurements]


def immunizations(person: Person, base: str) -> list[Resource]:
    return [_immunization(person, one, base) for one in chart(person).vaccinations]


def document_references(person: Person, base: str) -> list[Resource]:
    return [_document(person, one, base) for one in chart(person).documents]


def resources(type_name: str, person: Person, base: str) -> list[Resource]:
    """The person's resources of one type, those of `sandbox.writers.r4` among them."""
    write = _WRITERS.get(type_name)
    return write(person, base) if write else r4.resources(type_name, person, base)


_WRITERS: dict[str, Callable[[Person, str], list[Resource]]] = {
    "AllergyIntolerance": allergies,
    "Observation": observations,
    "Immunization": immunizations,
    "DocumentReference": document_references,
}


def _allergy(person: Person, one: Allergy, base: str) -> Resource:
    # Invariant ait-2: what was entered in error has no clinical status.
    clinical = "" if one.verification == "entered-in-error" else one.clinical
    elements = {
        "meta": meta(restricted=one.restricted),
        "clinicalStatus": status_concept(f"{TERMINOLOGY}/allergyintolerance-clinical", clinical),
        "verificationStatus": status_concept(f"{TERMINOLOGY}/allergyintolerance-verification", one.verification),
        "type": one.kind,
        "category": [one.of] if one.of else [],
        "criticality": one.criticality,
        "code": concept(one.what),
        "patient": pieces.patient_reference(person, base),
        "onsetDateTime": one.onset,
        "recordedDate": one.recorded,
        "recorder": pieces.clinician_reference(one.recorder),
        "lastOccurrence": one.last,
        "note": notes(one.note),
        "reaction": [_reaction(each) for each in one.reactions],
    }
    return resource("AllergyIntolerance", one.id, elements)


def _reaction(one: Reaction) -> Resource:
    signs = [concept(sign) for sign in one.signs]
    return written({"manifestation": signs, "onset": one.onset, "severity": one.severity, "note": notes(one.note)})


def _observation(person: Person, one: Measurement, base: str) -> Resource:
    flag = chart_pieces.flag(f"{TERMINOLOGY}/v3-ObservationInterpretation", one.flag)
    performer = pieces.clinician_reference(one.by)
    elements = {
        "meta": meta(restricted=one.restricted),
        "status": one.status,
        "category": [chart_pieces.category(f"{TERMINOLOGY}/observation-category", one.category)],
        "code": concept(one.what),
        "subject": pieces.patient_reference(person, base),
        "encounter": pieces.visit_reference(person, one.visit),
        "effectiveDateTime": one.taken,
        "performer": [performer] if performer else [],
        **chart_pieces.value(one.value),
        "dataAbsentReason": chart_pieces.absent_reason(_ABSENT, one.absent),
        "interpretation": [flag] if flag else [],
        "note": notes(one.note),
        "referenceRange": chart_pieces.bounds(one.usual),
        "hasMember": chart_pieces.members(person, one),
        "component": chart_pieces.part_values(one, absent_system=_ABSENT),
    }
    return resource("Observation", one.id, elements)


def _immunization(person: Person, one: Vaccination, base: str) -> Resource:
    why_not = status_concept(f"{TERMINOLOGY}/v3-ActReason", one.why_not)
    actor = pieces.clinician_reference(one.by)
    elements = {
        "status": one.status,
        "statusReason": {**why_not, "text": one.why_not_text} if why_not else {},
        "vaccineCode": concept(one.what),
        "patient": pieces.patient_reference(person, base),
        "occurrenceDateTime": one.given,
        "primarySource": not one.told,
        "lotNumber": one.lot,
        "site": concept(one.site),
        "performer": [{"actor": actor}] if actor else [],
        "note": notes(one.note),
        "protocolApplied": [{"doseNumberPositiveInt": one.dose}] if one.dose else [],
    }
    return resource("Immunization", one.id, elements)


def _document(person: Person, one: Document, base: str) -> Resource:
    author = pieces.clinician_reference(one.author)
    visit = pieces.visit_reference(person, one.visit)
    category = f"{US_CORE}/CodeSystem/us-core-documentreference-category"
    elements = {
        "meta": meta(restricted=one.restricted),
        "status": one.status,
        "docStatus": one.progress,
        "type": concept(one.kind),
        "category": [status_concept(category, "clinical-note")],
        "subject": pieces.patient_reference(person, base),
        "date": one.written,
        "author": [author] if author else [],
        "description": one.title,
        "content": [{"attachment": chart_pieces.attachment(form, person, base)} for form in one.forms],
        "context": {"encounter": [visit]} if visit else {},
    }
    return resource("DocumentReference", one.id, elements)
