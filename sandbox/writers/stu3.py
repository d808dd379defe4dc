"""The invented patients as FHIR STU3 (3.0.2): between DSTU2's words and R4's shapes.

Shapes: https://hl7.org/fhir/STU3/. What STU3 has no element for is told in a note.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.person import (
    Coding,
    Dosage,
    Medicine,
    Name,
    Person,
    Prescription,
    Problem,
    Relative,
    Shape,
    Span,
    Statement,
    Timing,
)
from sandbox.writers import pieces, r4
from sandbox.writers.pieces import Resource, concept, status_concept, written

_V2 = "http://hl7.org/fhir/v2"
_V3 = "http://hl7.org/fhir/v3"
_CLINICAL = {"relapse": "recurrence"}
_VERIFICATION = {"": "unknown", "unconfirmed": "provisional"}
_CATEGORIES = {"health-concern": "http://hl7.org/fhir/us/core/CodeSystem/condition-category"}
_INTENTS = {"original-order": "order", "reflex-order": "order", "filler-order": "order", "option": "plan"}
_STATEMENT_STATUSES = {"not-taken": "active", "unknown": "active"}


def patient(person: Person, base: str) -> Resource:
    """The Patient; `base` is the FHIR base URL, with or without a slash at the end."""
    elements = {
        **head(person.id, restricted=person.restricted),
        "extension": [*r4.us_core_extension("race", person.race), *r4.us_core_extension("ethnicity", person.ethnicity)],
        "identifier": _identifiers(person),
        "active": person.active,
        "name": [_name(name) for name in person.names],
        "telecom": pieces.telecom(person.telecom),
        "gender": person.sex,
        "_gender": pieces.absent(person.sex_absent),
        **pieces.birth_date(person),
        **pieces.deceased(person),
        "address": pieces.address(person.address),
        "maritalStatus": _marital(person.marital),
        "multipleBirthInteger": person.birth_order or None,
        "contact": [_relative(one) for one in person.relatives],
        "communication": _languages(person),
        "generalPractitioner": [pieces.clinician_reference(person.doctor)] if person.doctor else [],
        "link": _links(person),
    }
    return resource("Patient", elements)


def conditions(person: Person, base: str) -> list[Resource]:
    return [_condition(person, one, base) for one in person.conditions]


def medication_requests(person: Person, base: str) -> list[Resource]:
    return [_request(person, one, base) for one in person.prescriptions]


def medication_statements(person: Person, base: str) -> list[Resource]:
    return [_statement(person, one, base) for one in person.statements]


def medications(person: Person, base: str) -> list[Resource]:
    """The Medications that the person's prescriptions and statements refer to, the lost ones left out."""
    drugs = [*(one.medicine for one in person.prescriptions), *(one.medicine for one in person.statements)]
    return [_medication(one, one.id) for one in drugs if one.shape in (Shape.REFERENCE, Shape.BARE_REFERENCE)]


def resources(type_name: str, person: Person, base: str) -> list[Resource]:
    """The person's resources of one type; a type that is not kept gives none."""
    write = _WRITERS.get(type_name)
    return write(person, base) if write else []


_WRITERS: dict[str, Callable[[Person, str], list[Resource]]] = {
    "Patient": lambda person, base: [patient(person, base)],
    "Condition": conditions,
    "MedicationRequest": medication_requests,
    "MedicationStatement": medication_statements,
    "Medication": medications,
    "Practitioner": r4.practitioners,
}


def _condition(person: Person, one: Problem, base: str) -> Resource:
    clinical = "" if one.verification == "entered-in-error" else _CLINICAL.get(one.clinical, one.clinical)
    category_system = _CATEGORIES.get(one.category, "http://hl7.org/fhir/condition-category")
    elements = {
        **head(one.id, restricted=one.restricted),
        "clinicalStatus": clinical,
        "_clinicalStatus": pieces.absent("" if clinical else one.clinical_absent),
        "verificationStatus": _VERIFICATION.get(one.verification, one.verification),
        "category": [status_concept(category_system, one.category)],
        "severity": concept(one.severity),
        "code": concept(one.what),
        "bodySite": [concept(one.site)] if one.site else [],
        "subject": pieces.patient_reference(person, base),
        "context": pieces.visit_reference(person, one.visit),
        **pieces.moment("onset", one.onset, age="Age"),
        **pieces.moment("abatement", one.ended, age="Age"),
        "abatementBoolean": True if one.ended is True else None,
        "assertedDate": one.recorded,
        "asserter": pieces.clinician_reference(one.asserter),
        "note": notes(one.note),
    }
    return resource("Condition", elements)


def _request(person: Person, one: Prescription, base: str) -> Resource:
    agent = pieces.clinician_reference(one.prescriber)
    bounds = Span(one.written, one.ended) if one.ended else None
    elements = {
        **head(one.id, restricted=one.restricted),
        **pieces.drug(one.medicine, _medication),
        "status": "stopped" if one.do_not_perform else one.status or "unknown",
        "intent": _INTENTS.get(one.intent, one.intent),
        "subject": pieces.patient_reference(person, base),
        "context": pieces.visit_reference(person, one.visit),
        "authoredOn": one.written,
        "requester": {"agent": agent} if agent else {},
        "reasonCode": [concept(one.reason)] if one.reason else [],
        "reasonReference": [pieces.problem_reference(person, one.treats)] if one.treats else [],
        "note": notes(_request_note(one)),
        "dosageInstruction": [_dosage(each, bounds) for each in one.dosages],
        "dispenseRequest": written(
            # A positiveInt: no repeats means no element.
            {"numberOfRepeatsAllowed": one.repeats or None, "quantity": pieces.quantity(one.supply)}
        ),
    }
    return resource("MedicationRequest", elements)


def _request_note(one: Prescription) -> str:
    """STU3 has no doNotPerform, no statusReason and no reported[x]."""
    told = [
        "DO NOT GIVE." if one.do_not_perform else "",
        "As the patient reported it; not prescribed here." if one.reported else "",
        f"Ended: {one.end_reason}." if one.end_reason else "",
        one.note,
    ]
    return " ".join(part for part in told if part)


def _statement(person: Person, one: Statement, base: str) -> Resource:
    elements = {
        **head(one.id, restricted=one.restricted),
        **pieces.drug(one.medicine, _medication),
        "status": _STATEMENT_STATUSES.get(one.status, one.status),
        "taken": "n" if one.status == "not-taken" else "unk" if one.status in ("unknown", "intended") else "y",
        "reasonNotTaken": [concept(one.why_not)] if one.why_not and one.status == "not-taken" else [],
        "subject": pieces.patient_reference(person, base),
        **pieces.moment("effective", one.taken, age=""),
        "dateAsserted": one.asserted,
        "informationSource": pieces.source_reference(person, one, base),
        "reasonCode": [concept(one.reason)] if one.reason else [],
        "note": notes(one.note),
        "dosage": [_dosage(each) for each in one.dosages],
    }
    return resource("MedicationStatement", elements)


def _dosage(one: Dosage, bounds: Span | None = None) -> Resource:
    """STU3's Dosage has dose and rate directly, where R4 has `doseAndRate`."""
    return written(
        {
            "text": one.text,
            "additionalInstruction": [concept(one.extra)] if one.extra else [],
            "timing": _timing(one.timing, bounds),
            **({"asNeededBoolean": True} if one.as_needed is True else {}),
            **({"asNeededCodeableConcept": concept(one.as_needed)} if not isinstance(one.as_needed, bool) else {}),
            "site": concept(one.site),
            "route": concept(one.route),
            **pieces.dose(one.dose, "dose"),
            "rateRatio": pieces.ratio(one.rate, pieces.HOUR),
            "maxDosePerPeriod": pieces.ratio(one.maximum, pieces.DAY),
        }
    )


def _timing(one: Timing | None, bounds: Span | None) -> Resource:
    repeat: Resource = {"boundsPeriod": pieces.period(bounds)} if bounds else {}
    if one is None:
        return {"repeat": repeat} if repeat else {}
    if one.when:
        repeat |= {"when": [one.when]}
    else:
        repeat |= {"frequency": one.frequency, "period": one.period, "periodUnit": one.unit}
    if not one.code:
        return {"repeat": repeat}
    coding = {"system": f"{_V3}/GTSAbbreviation", "code": one.code}
    return {"repeat": repeat, "code": {"coding": [coding], "text": one.code}}


def _medication(one: Medicine, medication_id: str) -> Resource:
    form = {"text": one.form} if one.form else {}
    return resource("Medication", {"id": medication_id, "code": concept(one.what), "form": form})


def _name(one: Name) -> Resource:
    return pieces.name_parts(one, " ".join(one.family))


def _relative(one: Relative) -> Resource:
    return pieces.relative_parts(one, status_concept(f"{_V2}/0131", one.relationship), _name(one.name))


def _marital(code: Coding | None) -> Resource:
    system = f"{_V3}/MaritalStatus"
    return {"coding": [{"system": system, "code": code.code, "display": code.display}]} if code else {}


def _identifiers(person: Person) -> list[Resource]:
    if not person.mrn:
        return []
    kind = {"coding": [{"system": f"{_V2}/0203", "code": "MR"}], "text": "Medical Record Number"}
    return [{"use": "usual", "type": kind, "system": pieces.MRN_SYSTEM, "value": person.mrn}]


def _languages(person: Person) -> list[Resource]:
    if not person.language:
        return []
    return [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": person.language}]}, "preferred": True}]


def _links(person: Person) -> list[Resource]:
    other = {"reference": f"Patient/{person.replaced_by}"}
    return [{"other": other, "type": "replaced-by"}] if person.replaced_by else []


def notes(text: str) -> list[Resource]:
    """Annotations, none for ""."""
    return [{"text": text}] if text else []


def head(resource_id: str, *, restricted: bool = False) -> Resource:
    """The id, and the label of a restricted record."""
    code, display = pieces.RESTRICTED
    label = {"system": f"{_V3}/Confidentiality", "code": code, "display": display}
    return {"id": resource_id, "meta": {"security": [label]} if restricted else {}}


def resource(kind: str, elements: Resource) -> Resource:
    """The finished resource, without what is empty."""
    return {"resourceType": kind, **written(elements)}
