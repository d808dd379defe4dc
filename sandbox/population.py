"""The invented people whom the simulated EHRs look after: the same on every run and every machine.

Nobody here exists. The people are written out in `sandbox.cast`, free of any FHIR version; `sandbox.writers` says them
in DSTU2, STU3 and R4. Nothing depends on today: ages are meant as of `REFERENCE_DAY`.
"""

from __future__ import annotations

from datetime import date
from typing import get_args

from sandbox.cast import professional, smart_r4, sunrise, touchworks
from sandbox.cast.shorthand import enrolled
from sandbox.person import Home, Person

__all__ = ["HOMES", "PATIENTS", "REFERENCE_DAY", "Home", "Person", "by_id"]

REFERENCE_DAY = date(2026, 11, 1)

HOMES: tuple[Home, ...] = get_args(Home)

PATIENTS: tuple[Person, ...] = tuple(
    enrolled(person)
    for people in (professional.PEOPLE, touchworks.PEOPLE, sunrise.PEOPLE, smart_r4.PEOPLE)
    for person in people
)
_BY_ID = {person.id: person for person in PATIENTS}


def by_id(patient_id: str) -> Person | None:
    """The person with that FHIR id, or None."""
    return _BY_ID.get(patient_id)
