"""The parts of FHIR JSON that look the same in every version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from sandbox.clinical import CLINICIANS
from sandbox.person import (
    Address,
    Age,
    AgeRange,
    Amount,
    AmountRange,
    Coding,
    Concept,
    Name,
    Person,
    Relative,
    Shape,
    Span,
    Statement,
    Telecom,
    Time,
    Visit,
    Words,
)
from sandbox.person import Medicine as Drug

Resource = dict[str, Any]

DAY = Amount(1, "day", "d")
HOUR = Amount(1, "hour", "h")
UCUM = "http://unitsofmeasure.org"
DATA_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
MRN_SYSTEM = "urn:oid:2.999.171.1"
"""Of the arc that ISO keeps for examples."""
RESTRICTED = ("R", "restricted")


def written(elements: Mapping[str, Any]) -> Resource:
    """The elements that have something in them: FHIR knows neither null nor empty lists and objects."""
    return {name: value for name, value in elements.items() if value is not None and value not in ("", [], {})}


def absent(code: str) -> Resource:
    """The extension that says why there is nothing."""
    return {"extension": [{"url": DATA_ABSENT, "valueCode": code}]} if code else {}


def coding(one: Coding) -> Resource:
    return written(
        {"system": one.system, "code": one.code, "display": one.display, "userSelected": True if one.chosen else None}
    )


def concept(one: Concept | None) -> Resource:
    if one is None:
        return {}
    return written({**absent(one.absent), "coding": [coding(each) for each in one.codings], "text": one.text})


def status_concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]} if code else {}


def quantity(one: Amount | None) -> Resource:
    if one is None:
        return {}
    system = UCUM if one.code else ""
    parts = {"comparator": one.comparator, "unit": one.unit, "system": system, "code": one.code}
    return {"value": one.value, **written(parts)}


def ratio(top: Amount | None, bottom: Amount) -> Resource:
    return {} if top is None else {"numerator": quantity(top), "denominator": quantity(bottom)}


def dose(one: Amount | AmountRange | None, name: str) -> Resource:
    """`{"doseQuantity": ...}` or `{"doseRange": ...}` for the name "dose"."""
    if isinstance(one, AmountRange):
        return {f"{name}Range": {"low": quantity(one.low), "high": quantity(one.high)}}
    return {} if one is None else {f"{name}Quantity": quantity(one)}


def years(count: int) -> Resource:
    return {"value": count, "unit": "years", "system": UCUM, "code": "a"}


def period(one: Span | None) -> Resource:
    return {} if one is None else written({"start": one.start, "end": one.end})


def moment(name: str, when: Time | Literal[True] | None, *, age: str) -> Resource:
    """The choice element `name` ("onset"): `age` is what the version calls an age ("Age" or "Quantity")."""
    if when is None or when is True or when == "":
        return {}
    if isinstance(when, str):
        return {f"{name}DateTime": when}
    if isinstance(when, Age):
        return {f"{name}{age}": years(when.years)}
    if isinstance(when, AgeRange):
        return {f"{name}Range": {"low": years(when.low), "high": years(when.high)}}
    if isinstance(when, Words):
        return {f"{name}String": when.text}
    return {f"{name}Period": period(when)}


def address(one: Address | None) -> list[Resource]:
    if one is None:
        return []
    where = {"city": one.city, "state": one.state, "postalCode": one.postal_code, "country": "US"}
    return [{"use": "home", "line": [one.line], **where}]


def telecom(contacts: Iterable[Telecom]) -> list[Resource]:
    return [{"system": one.system, "value": one.value, "use": one.use} for one in contacts]


def patient_reference(person: Person, base: str) -> Resource:
    """A relative reference with the name, or the bare full URL where the EHR writes those."""
    if person.absolute_references:
        return {"reference": f"{base.rstrip('/')}/Patient/{person.id}"}
    return {"reference": f"Patient/{person.id}", "display": person.display_name}


def clinician_reference(clinician: str) -> Resource:
    if not clinician:
        return {}
    return {"reference": f"Practitioner/{clinician}", "display": CLINICIANS[clinician].display_name}


def visit_reference(person: Person, number: int) -> Resource:
    return {"reference": f"Encounter/{person.visits[number - 1].id}"} if number else {}


def visit_period(one: Visit) -> Resource:
    """From when to when; what has not ended or not begun has no end."""
    end = one.left or one.day
    return {"start": one.day, "end": end} if one.status == "finished" else {"start": one.day}


def problem_reference(person: Person, number: int) -> Resource:
    if not number:
        return {}
    problem = person.conditions[number - 1]
    return {"reference": f"Condition/{problem.id}", "display": problem.what.text}


def source_reference(person: Person, statement: Statement, base: str) -> Resource:
    return clinician_reference(statement.source) if statement.source else patient_reference(person, base)


def drug(one: Drug, medication: Callable[[Drug, str], Resource]) -> Resource:
    """`medicationCodeableConcept` or `medicationReference` (with `contained`); `medication` writes the resource."""
    if one.shape is Shape.CONCEPT:
        return {"medicationCodeableConcept": concept(one.what)}
    if one.shape is Shape.CONTAINED:
        return {"contained": [medication(one, "drug")], "medicationReference": {"reference": "#drug"}}
    reference = {"reference": f"Medication/{one.id}"}
    if one.shape is Shape.REFERENCE:
        reference["display"] = one.what.text
    return {"medicationReference": reference}


def name_parts(one: Name, family: str | list[str]) -> Resource:
    """A HumanName; its family name is a list in DSTU2 and a string later."""
    return written(
        {
            "use": one.use,
            "text": one.text,
            "family": family,
            "given": list(one.given),
            "prefix": [one.prefix] if one.prefix else [],
            "suffix": [one.suffix] if one.suffix else [],
            "period": period(one.span),
        }
    )


def relative_parts(one: Relative, relationship: Resource, name: Resource) -> Resource:
    phones = [{"system": "phone", "value": one.phone}] if one.phone else []
    return written({"relationship": [relationship], "name": name, "telecom": phones})


def birth_date(person: Person) -> Resource:
    """`birthDate` with its companion `_birthDate` for the time of birth or the reason why there is none."""
    time = {"extension": [{"url": BIRTH_TIME, "valueDateTime": person.birth_time}]} if person.birth_time else {}
    return written({"birthDate": person.born, "_birthDate": time or absent(person.born_absent)})


def deceased(person: Person) -> Resource:
    if person.died is None:
        return {}
    return {"deceasedBoolean": True} if person.died is True else {"deceasedDateTime": person.died.isoformat()}
