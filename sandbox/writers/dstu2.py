"""The invented patients as FHIR DSTU2 (1.0.2), the way servers of that time wrote it.

Shapes: https://hl7.org/fhir/DSTU2/. What DSTU2 has no element for is told in a note.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.person import Coding, Dosage, Name, Person, Prescription, Problem, Relative, Statement, Timing
from sandbox.person import Medicine as Drug
from sandbox.writers import pieces
from sandbox.writers.pieces import Resource, concept, written

_CLINICAL = {"recurrence": "relapse", "inactive": "resolved"}
_VERIFICATION = {"": "unknown", "unconfirmed": "provisional"}
_CATEGORIES = {
    "problem-list-item": Coding("http://argonaut.hl7.org", "problem", "Problem"),
    "encounter-diagnosis": Coding("http://hl7.org/fhir/condition-category", "diagnosis", "Diagnosis"),
    "health-concern": Coding("http://argonaut.hl7.org", "health-concern", "Health Concern"),
}
_ORDER_STATUSES = {"cancelled": "stopped", "unknown": ""}
_STATEMENT_STATUSES = {"not-taken": "active", "stopped": "completed", "on-hold": "active"}
_RELATIONSHIPS = {"N": "family", "C": "emergency"}


def patient(person: Person, base: str) -> Resource:
    """The Patient; `base` is the FHIR base URL, with or without a slash at the end."""
    race_and_ethnicity = [
        {
            "url": f"http://hl7.org/fhir/StructureDefinition/us-core-{name}",
            "valueCodeableConcept": {"coding": [pieces.coding(code)]},
        }
        for name, code in (("race", person.race), ("ethnicity", person.ethnicity))
        if code
    ]
    marital = _coded("http://hl7.org/fhir/marital-status", person.marital)
    return resource(
        "Patient",
        person,
        {
            **head(person.id, restricted=person.restricted),
            "extension": race_and_ethnicity,
            "identifier": _identifiers(person),
            "active": person.active,
            "name": [_name(name) for name in person.names],
            "telecom": pieces.telecom(person.telecom),
            "gender": person.sex,
            "_gender": pieces.absent(person.sex_absent),
            **pieces.birth_date(person),
            **pieces.deceased(person),
            "address": pieces.address(person.address),
            "maritalStatus": marital,
            "multipleBirthInteger": person.birth_order or None,
            "contact": [_relative(one) for one in person.relatives],
            "communication": _languages(person),
            "careProvider": [pieces.clinician_reference(person.doctor)] if person.doctor else [],
            "link": _links(person),
        },
    )


def conditions(person: Person, base: str) -> list[Resource]:
    return [_condition(person, one, base) for one in person.conditions]


def medication_orders(person: Person, base: str) -> list[Resource]:
    return [_order(person, one, base) for one in person.prescriptions]


def medication_statements(person: Person, base: str) -> list[Resource]:
    return [_statement(person, one, base) for one in person.statements]


def resources(type_name: str, person: Person, base: str) -> list[Resource]:
    """The person's resources of one type. Types that these servers lack (Encounter, Medication, ...) give none."""
    write = _WRITERS.get(type_name)
    return write(person, base) if write else []


_WRITERS: dict[str, Callable[[Person, str], list[Resource]]] = {
    "Patient": lambda person, base: [patient(person, base)],
    "Condition": conditions,
    "MedicationOrder": medication_orders,
    "MedicationStatement": medication_statements,
}


def _condition(person: Person, one: Problem, base: str) -> Resource:
    status = _CLINICAL.get(one.clinical, one.clinical)
    elements = {
        **head(one.id, restricted=one.restricted),
        "patient": pieces.patient_reference(person, base),
        "encounter": pieces.visit_reference(person, one.visit),
        "asserter": pieces.clinician_reference(one.asserter),
        "dateRecorded": one.recorded[:10],
        "code": concept(one.what),
        "category": {"coding": [pieces.coding(_CATEGORIES[one.category])]},
        "clinicalStatus": status,
        "_clinicalStatus": pieces.absent(one.clinical_absent),
        "verificationStatus": _VERIFICATION.get(one.verification, one.verification),
        "severity": concept(one.severity),
        **pieces.moment("onset", one.onset, age="Quantity"),
        **pieces.moment("abatement", one.ended, age="Quantity"),
        "abatementBoolean": True if one.ended is True else None,
        "bodySite": [concept(one.site)] if one.site else [],
        "notes": one.note,
    }
    return resource("Condition", person, elements, may_be_blank=("clinicalStatus", "notes"))


def _order(person: Person, one: Prescription, base: str) -> Resource:
    status = "draft" if one.intent in ("plan", "proposal") else _ORDER_STATUSES.get(one.status, one.status)
    elements = {
        **head(one.id, restricted=one.restricted),
        **pieces.drug(one.medicine, _medication),
        "dateWritten": one.written,
        "status": "stopped" if one.do_not_perform else status,
        "dateEnded": one.ended,
        "reasonEnded": {"text": one.end_reason} if one.end_reason else {},
        "patient": pieces.patient_reference(person, base),
        "prescriber": pieces.clinician_reference(one.prescriber),
        "encounter": pieces.visit_reference(person, one.visit),
        "reasonCodeableConcept": concept(one.reason),
        "reasonReference": pieces.problem_reference(person, one.treats),
        "note": _order_note(one),
        "dosageInstruction": [_order_dosage(each) for each in one.dosages],
        "dispenseRequest": written(
            # A positiveInt: no repeats means no element.
            {"numberOfRepeatsAllowed": one.repeats or None, "quantity": pieces.quantity(one.supply)}
        ),
    }
    return resource("MedicationOrder", person, elements, may_be_blank=("status", "note"))


def _order_note(one: Prescription) -> str:
    """DSTU2 has no intent, no doNotPerform and no reported[x]."""
    told = [
        "DO NOT GIVE." if one.do_not_perform else "",
        f"This is a {one.intent}, not an order." if one.intent in ("plan", "proposal") else "",
        "As the patient reported it; not prescribed here." if one.reported else "",
        one.note,
    ]
    return " ".join(part for part in told if part)


def _statement(person: Person, one: Statement, base: str) -> Resource:
    not_taken = one.status == "not-taken"
    hint = {"on-hold": "On hold.", "stopped": "Stopped."}.get(one.status, "")
    elements = {
        **head(one.id, restricted=one.restricted),
        **pieces.drug(one.medicine, _medication),
        "patient": pieces.patient_reference(person, base),
        "informationSource": pieces.source_reference(person, one, base),
        "dateAsserted": one.asserted,
        "status": _STATEMENT_STATUSES.get(one.status, one.status),
        "wasNotTaken": not_taken,
        "reasonNotTaken": [concept(one.why_not)] if not_taken and one.why_not else [],
        "reasonForUseCodeableConcept": concept(one.reason),
        **pieces.moment("effective", one.taken, age=""),
        "note": " ".join(part for part in (hint, one.note) if part),
        "dosage": [_statement_dosage(each) for each in one.dosages],
    }
    return resource("MedicationStatement", person, elements, may_be_blank=("note",))


def _order_dosage(one: Dosage) -> Resource:
    return written(
        {**_dosage(one), **pieces.dose(one.dose, "dose"), "additionalInstructions": concept(one.extra)},
    )


def _statement_dosage(one: Dosage) -> Resource:
    """A statement's dose is called quantity, and it has no additional instructions."""
    return written({**_dosage(one), **pieces.dose(one.dose, "quantity")})


def _dosage(one: Dosage) -> Resource:
    return {
        "text": one.text,
        "timing": _timing(one.timing),
        **({"asNeededBoolean": True} if one.as_needed is True else {}),
        **({"asNeededCodeableConcept": concept(one.as_needed)} if not isinstance(one.as_needed, bool) else {}),
        "siteCodeableConcept": concept(one.site),
        "route": concept(one.route),
        "rateRatio": pieces.ratio(one.rate, pieces.HOUR),
        "maxDosePerPeriod": pieces.ratio(one.maximum, pieces.DAY),
    }


def _timing(one: Timing | None) -> Resource:
    if one is None:
        return {}
    repeat = {"frequency": one.frequency, "period": one.period, "periodUnits": one.unit}
    event = {"when": one.when} if one.when else repeat
    code = {"coding": [{"system": "http://hl7.org/fhir/timing-abbreviation", "code": one.code}], "text": one.code}
    return {"repeat": event, "code": code} if one.code else {"repeat": event}


def _medication(one: Drug, medication_id: str) -> Resource:
    product = {"form": {"text": one.form}} if one.form else {}
    return written({"resourceType": "Medication", "id": medication_id, "code": concept(one.what), "product": product})


def _name(one: Name) -> Resource:
    return pieces.name_parts(one, list(one.family))


def _relative(one: Relative) -> Resource:
    system = "http://hl7.org/fhir/patient-contact-relationship"
    relationship = pieces.status_concept(system, _RELATIONSHIPS[one.relationship])
    return pieces.relative_parts(one, relationship, _name(one.name))


def _identifiers(person: Person) -> list[Resource]:
    if not person.mrn:
        return []
    kind = {"coding": [{"system": "http://hl7.org/fhir/v2/0203", "code": "MR"}], "text": "MRN"}
    return [{"use": "usual", "type": kind, "system": pieces.MRN_SYSTEM, "value": person.mrn}]


def _languages(person: Person) -> list[Resource]:
    if not person.language:
        return []
    return [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": person.language}]}, "preferred": True}]


def _links(person: Person) -> list[Resource]:
    return [{"other": {"reference": f"Patient/{person.replaced_by}"}, "type": "replace"}] if person.replaced_by else []


def _coded(system: str, code: Coding | None) -> Resource:
    return {"coding": [{"system": system, "code": code.code, "display": code.display}]} if code else {}


def head(resource_id: str, *, restricted: bool = False) -> Resource:
    """The id, and the label of a restricted record."""
    code, display = pieces.RESTRICTED
    label = {"system": "http://hl7.org/fhir/v3/Confidentiality", "code": code, "display": display}
    return {"id": resource_id, "meta": {"security": [label]} if restricted else {}}


def resource(kind: str, person: Person, elements: dict[str, Any], *, may_be_blank: tuple[str, ...] = ()) -> Resource:
    """The finished resource; an EHR that `blanks` writes "" where others leave the element out."""
    finished = {"resourceType": kind, **written(elements)}
    if person.blanks:
        finished |= {name: "" for name in ("language", *may_be_blank) if name not in finished}
    return finished
