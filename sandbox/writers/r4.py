"""The invented patients as FHIR R4 (4.0.1), shaped as US Core asks.

Shapes: https://hl7.org/fhir/R4/ and https://hl7.org/fhir/us/core/.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox import charts
from sandbox.clinical import CLINICIANS
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
    Visit,
)
from sandbox.writers import pieces
from sandbox.writers.pieces import Resource, concept, status_concept, written

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
US_CORE = "http://hl7.org/fhir/us/core"
_CATEGORY_SYSTEMS = {"health-concern": f"{US_CORE}/CodeSystem/condition-category"}
_VISIT_KINDS = {"AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient encounter"}


def patient(person: Person, base: str) -> Resource:
    """The Patient; `base` is the FHIR base URL, with or without a slash at the end."""
    return resource(
        "Patient",
        person.id,
        {
            "meta": meta(restricted=person.restricted),
            "extension": [
                *us_core_extension("race", person.race),
                *us_core_extension("ethnicity", person.ethnicity),
            ],
            "identifier": _identifiers(person),
            "active": person.active,
            "name": [_name(name) for name in person.names],
            "telecom": pieces.telecom(person.telecom),
            "gender": person.sex,
            "_gender": pieces.absent(person.sex_absent),
            **pieces.birth_date(person),
            **pieces.deceased(person),
            "address": pieces.address(person.address),
            "maritalStatus": _coded(f"{TERMINOLOGY}/v3-MaritalStatus", person.marital),
            "multipleBirthInteger": person.birth_order or None,
            "contact": [_relative(one) for one in person.relatives],
            "communication": _languages(person),
            "generalPractitioner": [pieces.clinician_reference(person.doctor)] if person.doctor else [],
            "link": _links(person),
        },
    )


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


def encounters(person: Person, base: str) -> list[Resource]:
    return [_encounter(person, one, base) for one in person.visits]


def practitioners(person: Person, base: str) -> list[Resource]:
    """The clinicians that the person's records name."""
    named = {person.doctor, *(one.asserter for one in person.conditions), *(one.clinician for one in person.visits)}
    named |= {one.prescriber for one in person.prescriptions} | {one.source for one in person.statements}
    named |= charts.clinicians(person.id)
    found = (practitioner(one) for one in sorted(named))
    return [one for one in found if one is not None]


def practitioner(clinician_id: str) -> Resource | None:
    """The Practitioner of that id, or None."""
    one = CLINICIANS.get(clinician_id)
    if one is None:
        return None
    qualification = [{"code": {"text": one.specialty}}]
    return resource("Practitioner", one.id, {"active": True, "name": [_name(one.name)], "qualification": qualification})


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
    "Encounter": encounters,
    "Practitioner": practitioners,
}


def _condition(person: Person, one: Problem, base: str) -> Resource:
    # Invariant con-5: what was entered in error has no clinical status.
    clinical = "" if one.verification == "entered-in-error" else one.clinical
    category_system = _CATEGORY_SYSTEMS.get(one.category, f"{TERMINOLOGY}/condition-category")
    elements = {
        "meta": meta(restricted=one.restricted),
        "clinicalStatus": status_concept(f"{TERMINOLOGY}/condition-clinical", clinical)
        or pieces.absent(one.clinical_absent),
        "verificationStatus": status_concept(f"{TERMINOLOGY}/condition-ver-status", one.verification),
        "category": [status_concept(category_system, one.category)],
        "severity": concept(one.severity),
        "code": concept(one.what),
        "bodySite": [concept(one.site)] if one.site else [],
        "subject": pieces.patient_reference(person, base),
        "encounter": pieces.visit_reference(person, one.visit),
        **pieces.moment("onset", one.onset, age="Age"),
        **pieces.moment("abatement", one.ended, age="Age"),
        "recordedDate": one.recorded,
        "asserter": pieces.clinician_reference(one.asserter),
        "note": notes(one.note),
    }
    return resource("Condition", one.id, elements)


def _request(person: Person, one: Prescription, base: str) -> Resource:
    bounds = Span(one.written, one.ended) if one.ended else None
    elements = {
        "meta": meta(restricted=one.restricted),
        **pieces.drug(one.medicine, _medication),
        "status": one.status or "unknown",
        "statusReason": {"text": one.end_reason} if one.end_reason else {},
        "intent": one.intent,
        "doNotPerform": True if one.do_not_perform else None,
        "reportedBoolean": one.reported,
        "subject": pieces.patient_reference(person, base),
        "encounter": pieces.visit_reference(person, one.visit),
        "authoredOn": one.written,
        "requester": pieces.clinician_reference(one.prescriber),
        "reasonCode": [concept(one.reason)] if one.reason else [],
        "reasonReference": [pieces.problem_reference(person, one.treats)] if one.treats else [],
        "note": notes(one.note),
        "dosageInstruction": [_dosage(each, bounds) for each in one.dosages],
        "dispenseRequest": written(
            {
                "numberOfRepeatsAllowed": one.repeats,
                "quantity": pieces.quantity(one.supply),
            }
        ),
    }
    return resource("MedicationRequest", one.id, elements)


def _statement(person: Person, one: Statement, base: str) -> Resource:
    elements = {
        "meta": meta(restricted=one.restricted),
        **pieces.drug(one.medicine, _medication),
        "status": one.status,
        "statusReason": [concept(one.why_not)] if one.why_not else [],
        "subject": pieces.patient_reference(person, base),
        **pieces.moment("effective", one.taken, age=""),
        "dateAsserted": one.asserted,
        "informationSource": pieces.source_reference(person, one, base),
        "reasonCode": [concept(one.reason)] if one.reason else [],
        "note": notes(one.note),
        "dosage": [_dosage(each) for each in one.dosages],
    }
    return resource("MedicationStatement", one.id, elements)


def _encounter(person: Person, one: Visit, base: str) -> Resource:
    kind = Coding(f"{TERMINOLOGY}/v3-ActCode", one.kind, _VISIT_KINDS[one.kind])
    individual = pieces.clinician_reference(one.clinician)
    elements = {
        "status": one.status,
        "class": pieces.coding(kind),
        "type": [{"text": kind.display}],
        "subject": pieces.patient_reference(person, base),
        "participant": [{"individual": individual}] if individual else [],
        "period": pieces.visit_period(one),
        "reasonCode": [{"text": one.reason}] if one.reason else [],
        "location": [{"location": {"display": one.place}}] if one.place else [],
    }
    return resource("Encounter", one.id, elements)


def _dosage(one: Dosage, bounds: Span | None = None) -> Resource:
    dose_and_rate = {**pieces.dose(one.dose, "dose"), "rateRatio": pieces.ratio(one.rate, pieces.HOUR)}
    return written(
        {
            "text": one.text,
            "additionalInstruction": [concept(one.extra)] if one.extra else [],
            "timing": _timing(one.timing, bounds),
            **({"asNeededBoolean": True} if one.as_needed is True else {}),
            **({"asNeededCodeableConcept": concept(one.as_needed)} if not isinstance(one.as_needed, bool) else {}),
            "site": concept(one.site),
            "route": concept(one.route),
            "doseAndRate": [written(dose_and_rate)] if written(dose_and_rate) else [],
            "maxDosePerPeriod": pieces.ratio(one.maximum, pieces.DAY),
        }
    )


def _timing(one: Timing | None, bounds: Span | None) -> Resource:
    """The timing; an order has no other place for its end than the bounds."""
    repeat: Resource = {"boundsPeriod": pieces.period(bounds)} if bounds else {}
    if one is None:
        return {"repeat": repeat} if repeat else {}
    repeat |= {"frequency": one.frequency, "period": one.period, "periodUnit": one.unit}
    timing: Resource = {"repeat": {**repeat, "when": [one.when]} if one.when else repeat}
    if one.code:
        system = f"{TERMINOLOGY}/v3-GTSAbbreviation"
        timing["code"] = {"coding": [{"system": system, "code": one.code}], "text": one.code}
    return timing


def _medication(one: Medicine, medication_id: str) -> Resource:
    form = {"text": one.form} if one.form else {}
    return resource("Medication", medication_id, {"code": concept(one.what), "form": form})


def _name(one: Name) -> Resource:
    return pieces.name_parts(one, " ".join(one.family))


def _relative(one: Relative) -> Resource:
    relationship = status_concept(f"{TERMINOLOGY}/v2-0131", one.relationship)
    return pieces.relative_parts(one, relationship, _name(one.name))


def us_core_extension(name: str, code: Coding | None) -> list[Resource]:
    """US Core's race or ethnicity; the nested shape is older than R4."""
    if code is None:
        return []
    parts = [
        {"url": "ombCategory", "valueCoding": pieces.coding(code)},
        {"url": "text", "valueString": code.display},
    ]
    return [{"url": f"{US_CORE}/StructureDefinition/us-core-{name}", "extension": parts}]


def _identifiers(person: Person) -> list[Resource]:
    if not person.mrn:
        return []
    kind = {"coding": [{"system": f"{TERMINOLOGY}/v2-0203", "code": "MR"}], "text": "Medical Record Number"}
    return [{"use": "usual", "type": kind, "system": pieces.MRN_SYSTEM, "value": person.mrn}]


def _languages(person: Person) -> list[Resource]:
    if not person.language:
        return []
    return [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": person.language}]}, "preferred": True}]


def _links(person: Person) -> list[Resource]:
    other = {"reference": f"Patient/{person.replaced_by}"}
    return [{"other": other, "type": "replaced-by"}] if person.replaced_by else []


def _coded(system: str, code: Coding | None) -> Resource:
    return {"coding": [{"system": system, "code": code.code, "display": code.display}]} if code else {}


def notes(text: str) -> list[Resource]:
    """Annotations, none for ""."""
    return [{"text": text}] if text else []


def meta(*, restricted: bool) -> Resource:
    """The label of a restricted record."""
    code, display = pieces.RESTRICTED
    label = {"system": f"{TERMINOLOGY}/v3-Confidentiality", "code": code, "display": display}
    return {"security": [label]} if restricted else {}


def resource(kind: str, resource_id: str, elements: Resource) -> Resource:
    """The finished resource, without what is empty."""
    return {"resourceType": kind, "id": resource_id, **written(elements)}
