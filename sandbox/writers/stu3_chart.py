"""Allergies, measurements, vaccinations, visits and documents as FHIR STU3 (3.0.2)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.person import Coding, Person, Visit
from sandbox.record import Allergy, Document, Measurement, Reaction, Vaccination
from sandbox.writers import chart_pieces, pieces, stu3
from sandbox.writers.chart_pieces import chart
from sandbox.writers.pieces import Resource, concept, status_concept, written
from sandbox.writers.stu3 import head, notes, resource

_BASE = "http://hl7.org/fhir"
_ABSENT = f"{_BASE}/data-absent-reason"
_CATEGORY = f"{_BASE}/observation-category"
_INTERPRETATION = f"{_BASE}/v2/0078"
_VISIT_KINDS = {"AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient encounter"}


def allergies(person: Person, base: str) -> list[Resource]:
    return [_allergy(person, one, base) for one in chart(person).allergies]


def observations(person: Person, base: str) -> list[Resource]:
    return [_observation(person, one, base) for one in chart(person).measurements]


def immunizations(person: Person, base: str) -> list[Resource]:
    return [_immunization(person, one, base) for one in chart(person).vaccinations]


def encounters(person: Person, base: str) -> list[Resource]:
    return [_encounter(person, one, base) for one in person.visits]


def document_references(person: Person, base: str) -> list[Resource]:
    return [_document(person, one, base) for one in chart(person).documents]


def resources(type_name: str, person: Person, base: str) -> list[Resource]:
    """The person's resources of one type, those of `sandbox.writers.stu3` among them."""
    write = _WRITERS.get(type_name)
    return write(person, base) if write else stu3.resources(type_name, person, base)


_WRITERS: dict[str, Callable[[Person, str], list[Resource]]] = {
    "AllergyIntolerance": allergies,
    "Observation": observations,
    "Immunization": immunizations,
    "Encounter": encounters,
    "DocumentReference": document_references,
}


def _allergy(person: Person, one: Allergy, base: str) -> Resource:
    clinical = "" if one.verification == "entered-in-error" else one.clinical
    elements = {
        **head(one.id, restricted=one.restricted),
        "clinicalStatus": clinical,
        # Required here; what is not said counts as unconfirmed.
        "verificationStatus": one.verification or "unconfirmed",
        "type": one.kind,
        "category": [one.of] if one.of else [],
        "criticality": one.criticality,
        "code": concept(one.what),
        "patient": pieces.patient_reference(person, base),
        "onsetDateTime": one.onset,
        "assertedDate": one.recorded,
        "recorder": pieces.clinician_reference(one.recorder),
        "lastOccurrence": one.last,
        "note": notes(one.note),
        "reaction": [_reaction(each) for each in one.reactions],
    }
    return resource("AllergyIntolerance", elements)


def _reaction(one: Reaction) -> Resource:
    signs = [concept(sign) for sign in one.signs]
    return written({"manifestation": signs, "onset": one.onset, "severity": one.severity, "note": notes(one.note)})


def _observation(person: Person, one: Measurement, base: str) -> Resource:
    performer = pieces.clinician_reference(one.by)
    elements = {
        **head(one.id, restricted=one.restricted),
        "status": one.status,
        "category": [chart_pieces.category(_CATEGORY, one.category)],
        "code": concept(one.what),
        "subject": pieces.patient_reference(person, base),
        "context": pieces.visit_reference(person, one.visit),
        "effectiveDateTime": one.taken,
        "performer": [performer] if performer else [],
        **chart_pieces.value(one.value),
        "dataAbsentReason": chart_pieces.absent_reason(_ABSENT, one.absent),
        "interpretation": chart_pieces.flag(_INTERPRETATION, one.flag),
        "comment": one.note,
        "referenceRange": chart_pieces.bounds(one.usual),
        "related": [{"type": "has-member", "target": each} for each in chart_pieces.members(person, one)],
        "component": chart_pieces.part_values(one, absent_system=_ABSENT),
    }
    return resource("Observation", elements)


def _immunization(person: Person, one: Vaccination, base: str) -> Resource:
    not_given = one.status == "not-done"
    why_not = {**status_concept(f"{_BASE}/v3/ActReason", one.why_not), "text": one.why_not_text}
    actor = pieces.clinician_reference(one.by)
    elements = {
        **head(one.id),
        "status": "completed" if not_given else one.status,
        "notGiven": not_given,
        "vaccineCode": concept(one.what),
        "patient": pieces.patient_reference(person, base),
        "date": one.given,
        "primarySource": not one.told,
        "lotNumber": one.lot,
        "site": concept(one.site),
        "practitioner": [{"actor": actor}] if actor else [],
        "note": notes(one.note),
        "explanation": {"reasonNotGiven": [why_not]} if not_given else {},
        "vaccinationProtocol": _protocol(one),
    }
    return resource("Immunization", elements)


def _protocol(one: Vaccination) -> list[Resource]:
    """Of its three required elements only the number of the dose is known."""
    unknown = {"coding": [{"system": _ABSENT, "code": "unknown"}]}
    return [{"doseSequence": one.dose, "targetDisease": [unknown], "doseStatus": unknown}] if one.dose else []


def _encounter(person: Person, one: Visit, base: str) -> Resource:
    kind = Coding(f"{_BASE}/v3/ActCode", one.kind, _VISIT_KINDS[one.kind])
    individual = pieces.clinician_reference(one.clinician)
    elements = {
        **head(one.id),
        "status": one.status,
        "class": pieces.coding(kind),
        "type": [{"text": kind.display}],
        "subject": pieces.patient_reference(person, base),
        "participant": [{"individual": individual}] if individual else [],
        "period": pieces.visit_period(one),
        "reason": [{"text": one.reason}] if one.reason else [],
        "location": [{"location": {"display": one.place}}] if one.place else [],
    }
    return resource("Encounter", elements)


def _document(person: Person, one: Document, base: str) -> Resource:
    author = pieces.clinician_reference(one.author)
    visit = pieces.visit_reference(person, one.visit)
    elements = {
        **head(one.id, restricted=one.restricted),
        "status": one.status,
        "docStatus": one.progress,
        "type": concept(one.kind),
        "subject": pieces.patient_reference(person, base),
        "created": one.written,
        "indexed": one.written,
        "author": [author] if author else [],
        "description": one.title,
        "content": [{"attachment": chart_pieces.attachment(form, person, base)} for form in one.forms],
        "context": {"encounter": visit} if visit else {},
    }
    return resource("DocumentReference", elements)
