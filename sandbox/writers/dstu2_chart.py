"""Allergies, measurements, vaccinations, visits and documents as FHIR DSTU2 (1.0.2)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.person import Person, Visit
from sandbox.record import Allergy, Document, Measurement, Reaction, Vaccination
from sandbox.writers import chart_pieces, dstu2, pieces
from sandbox.writers.chart_pieces import chart
from sandbox.writers.dstu2 import head, resource
from sandbox.writers.pieces import Resource, concept, status_concept, written

_BASE = "http://hl7.org/fhir"
_ABSENT = f"{_BASE}/data-absent-reason"
_CRITICALITY = {"low": "CRITL", "high": "CRITH", "unable-to-assess": "CRITU"}
_OF = {"biologic": "other"}
_MEASURED = {"corrected": "amended"}
_VISIT_KINDS = {"AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient"}


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
    """The person's resources of one type, those of `sandbox.writers.dstu2` among them."""
    write = _WRITERS.get(type_name)
    return write(person, base) if write else dstu2.resources(type_name, person, base)


_WRITERS: dict[str, Callable[[Person, str], list[Resource]]] = {
    "AllergyIntolerance": allergies,
    "Observation": observations,
    "Immunization": immunizations,
    "Encounter": encounters,
    "DocumentReference": document_references,
}


def _status(one: Allergy) -> str:
    """One code for what later versions say in two: whether it is so, or else how it stands today."""
    if one.verification in ("refuted", "entered-in-error"):
        return one.verification
    if one.clinical in ("inactive", "resolved"):
        return one.clinical
    return one.verification or one.clinical


def _allergy(person: Person, one: Allergy, base: str) -> Resource:
    elements = {
        **head(one.id, restricted=one.restricted),
        "onset": one.onset,
        "recordedDate": one.recorded,
        "recorder": pieces.clinician_reference(one.recorder),
        "patient": pieces.patient_reference(person, base),
        "substance": concept(one.what),
        "status": _status(one),
        "criticality": _CRITICALITY.get(one.criticality, ""),
        "type": one.kind,
        "category": _OF.get(one.of, one.of),
        "lastOccurence": one.last,
        "note": {"text": one.note} if one.note else {},
        "reaction": [_reaction(each) for each in one.reactions],
    }
    return resource("AllergyIntolerance", person, elements, may_be_blank=("criticality",))


def _reaction(one: Reaction) -> Resource:
    signs = [concept(sign) for sign in one.signs]
    note = {"text": one.note} if one.note else {}
    return written({"manifestation": signs, "onset": one.onset, "severity": one.severity, "note": note})


def _observation(person: Person, one: Measurement, base: str) -> Resource:
    performer = pieces.clinician_reference(one.by)
    elements = {
        **head(one.id, restricted=one.restricted),
        "status": _MEASURED.get(one.status, one.status),
        "category": chart_pieces.category(f"{_BASE}/observation-category", one.category),
        "code": concept(one.what),
        "subject": pieces.patient_reference(person, base),
        "encounter": pieces.visit_reference(person, one.visit),
        "effectiveDateTime": one.taken,
        "performer": [performer] if performer else [],
        **chart_pieces.value(one.value),
        "dataAbsentReason": chart_pieces.absent_reason(_ABSENT, one.absent),
        "interpretation": chart_pieces.flag(f"{_BASE}/v2/0078", one.flag),
        "comments": one.note,
        "referenceRange": chart_pieces.bounds(one.usual),
        "related": [{"type": "has-member", "target": each} for each in chart_pieces.members(person, one)],
        "component": chart_pieces.part_values(one, absent_system=_ABSENT),
    }
    return resource("Observation", person, elements, may_be_blank=("comments",))


def _immunization(person: Person, one: Vaccination, base: str) -> Resource:
    not_given = one.status == "not-done"
    why_not = {**status_concept(f"{_BASE}/v3/ActReason", one.why_not), "text": one.why_not_text}
    elements = {
        **head(one.id),
        "status": "completed" if not_given else one.status,
        "date": one.given,
        "vaccineCode": concept(one.what),
        "patient": pieces.patient_reference(person, base),
        "wasNotGiven": not_given,
        "reported": one.told,
        "performer": pieces.clinician_reference(one.by),
        "lotNumber": one.lot,
        "site": concept(one.site),
        "note": [{"text": one.note}] if one.note else [],
        "explanation": {"reasonNotGiven": [why_not]} if not_given else {},
        "vaccinationProtocol": _protocol(one),
    }
    return resource("Immunization", person, elements, may_be_blank=("lotNumber",))


def _protocol(one: Vaccination) -> list[Resource]:
    """Of its three required elements only the number of the dose is known."""
    unknown = {"coding": [{"system": _ABSENT, "code": "unknown"}]}
    return [{"doseSequence": one.dose, "targetDisease": [unknown], "doseStatus": unknown}] if one.dose else []


def _encounter(person: Person, one: Visit, base: str) -> Resource:
    kind = _VISIT_KINDS[one.kind]
    individual = pieces.clinician_reference(one.clinician)
    elements = {
        **head(one.id),
        "status": one.status,
        "class": kind,
        "type": [{"text": kind}],
        "patient": pieces.patient_reference(person, base),
        "participant": [{"individual": individual}] if individual else [],
        "period": pieces.visit_period(one),
        "reason": [{"text": one.reason}] if one.reason else [],
        "location": [{"location": {"display": one.place}}] if one.place else [],
    }
    return resource("Encounter", person, elements)


def _document(person: Person, one: Document, base: str) -> Resource:
    author = pieces.clinician_reference(one.author)
    visit = pieces.visit_reference(person, one.visit)
    elements = {
        **head(one.id, restricted=one.restricted),
        "subject": pieces.patient_reference(person, base),
        "type": concept(one.kind),
        "author": [author] if author else [],
        "created": one.written,
        "indexed": one.written,
        "status": one.status,
        "docStatus": {"coding": [{"system": f"{_BASE}/composition-status", "code": one.progress}]},
        "description": one.title,
        "content": [{"attachment": chart_pieces.attachment(form, person, base)} for form in one.forms],
        "context": {"encounter": visit} if visit else {},
    }
    return resource("DocumentReference", person, elements, may_be_blank=("description",))
