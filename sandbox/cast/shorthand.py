"""Short ways to say what a patient has and takes, so that a patient can be read on one screen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.clinical import CodeStyle, condition
from sandbox.medicines import RXNORM, medicine, usual
from sandbox.person import Address, Coding, Concept, Medicine, Person, Prescription, Problem, Shape, Statement, Telecom

_CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"
WHITE = Coding(_CDC_RACE, "2106-3", "White")
BLACK = Coding(_CDC_RACE, "2054-5", "Black or African American")
ASIAN = Coding(_CDC_RACE, "2028-9", "Asian")
NATIVE = Coding(_CDC_RACE, "1002-5", "American Indian or Alaska Native")
PACIFIC = Coding(_CDC_RACE, "2076-8", "Native Hawaiian or Other Pacific Islander")
HISPANIC = Coding(_CDC_RACE, "2135-2", "Hispanic or Latino")
NOT_HISPANIC = Coding(_CDC_RACE, "2186-5", "Not Hispanic or Latino")

MARRIED = Coding("", "M", "Married")
SINGLE = Coding("", "S", "Never Married")
WIDOWED = Coding("", "W", "Widowed")
DIVORCED = Coding("", "D", "Divorced")
"""The system of these codes differs by FHIR version: the writers know it."""


def problem(key: str, *, text: str = "", style: CodeStyle = "both", **facts: Any) -> Problem:
    """A condition from the table of illnesses; `facts` are fields of `Problem`."""
    return Problem(condition(key, text, style), **facts)


def words_only(text: str, **facts: Any) -> Problem:
    """A condition that somebody typed and nobody coded."""
    return Problem(Concept(text), **facts)


def order(key: str, *, shape: Shape = Shape.CONCEPT, **facts: Any) -> Prescription:
    """A prescription of a drug from the table, in its usual dose unless `dosages` are among the `facts`."""
    return Prescription(medicine(key, shape), **{"dosages": (usual(key),), **facts})


def report(key: str, *, shape: Shape = Shape.CONCEPT, **facts: Any) -> Statement:
    """A drug from the table that the patient is said to take, in its usual dose unless `dosages` are given."""
    return Statement(medicine(key, shape), **{"dosages": (usual(key, "text"),), **facts})


def remedy(text: str) -> Medicine:
    """A drug without a code: what the label or the patient said."""
    return Medicine(Concept(text))


def bare_drug(rxnorm: str) -> Medicine:
    """A drug with a code and neither text nor display."""
    return Medicine(Concept("", (Coding(RXNORM, rxnorm),)))


def address(line: str, town: str = "Fernhollow", state: str = "OH", postal_code: str = "43999") -> Address:
    """An address in an invented town."""
    return Address(line, town, state, postal_code)


def phone(last: int, *, email: str = "") -> tuple[Telecom, ...]:
    """A number of the range kept for fiction (555-01xx), and perhaps an address at example.org."""
    number = Telecom("phone", f"555-01{last:02d}")
    return (number, Telecom("email", f"{email}@example.org")) if email else (number,)


def enrolled(person: Person) -> Person:
    """The person with ids given to visits, conditions, prescriptions, statements and Medications."""
    prescriptions = tuple(
        replace(one, id=f"{person.id}-rx{n}", medicine=_with_id(one.medicine, f"{person.id}-rx{n}-drug"))
        for n, one in enumerate(person.prescriptions, 1)
    )
    statements = tuple(
        replace(one, id=f"{person.id}-ms{n}", medicine=_with_id(one.medicine, f"{person.id}-ms{n}-drug"))
        for n, one in enumerate(person.statements, 1)
    )
    return replace(
        person,
        visits=tuple(replace(one, id=f"{person.id}-v{n}") for n, one in enumerate(person.visits, 1)),
        conditions=tuple(replace(one, id=f"{person.id}-c{n}") for n, one in enumerate(person.conditions, 1)),
        prescriptions=prescriptions,
        statements=statements,
    )


def _with_id(one: Medicine, drug_id: str) -> Medicine:
    return one if one.shape is Shape.CONCEPT else replace(one, id=drug_id)
