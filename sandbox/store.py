"""The records a simulated EHR holds: the population, written out in its FHIR version."""

from __future__ import annotations

from typing import Any, Protocol

from sandbox import population
from sandbox.addresses import EhrAddress
from sandbox.person import Person
from sandbox.personalities import PERSONALITIES
from sandbox.personality import FhirNumber
from sandbox.writers import dstu2_chart, r4_chart, stu3_chart

Resource = dict[str, Any]


class Writer(Protocol):
    """Writes one person's records as FHIR JSON of one version."""

    def resources(self, type_name: str, person: Person, base: str) -> list[Resource]: ...


_WRITERS: dict[FhirNumber, Writer] = {"1.0.2": dstu2_chart, "3.0.2": stu3_chart, "4.0.1": r4_chart}


def residents(ehr: str) -> list[Person]:
    """The patients whose demo button opens this EHR."""
    return [person for person in population.PATIENTS if person.home == ehr]


def people(ehr: str) -> list[Person]:
    """The patients of one EHR (by slug): everybody is known everywhere, those at home there come first."""
    return sorted(population.PATIENTS, key=lambda person: person.home != ehr)


def person_of(ehr: str, patient_id: str) -> Person | None:
    """The patient of that id at that EHR, or None."""
    return next((person for person in people(ehr) if person.id == patient_id), None)


def somebody_else(person: Person) -> Person:
    """Another patient, of the same home."""
    return next(other for other in people(person.home) if other.id != person.id)


def patient(address: EhrAddress, person: Person) -> Resource:
    return records(address, person, "Patient")[0]


def current_visit(ehr: str, patient_id: str, wanted: str = "") -> str:
    """The encounter of a launch: the wanted one, else the visit under way; "" where the EHR has no such encounter."""
    person = person_of(ehr, patient_id)
    if person is None or "Encounter" not in PERSONALITIES[ehr].type_names:
        return ""
    if wanted:
        return wanted if wanted in {visit.id for visit in person.visits} else ""
    return next((visit.id for visit in person.visits if visit.status == "in-progress"), "")


def records(address: EhrAddress, person: Person, type_name: str) -> list[Resource]:
    """One person's resources of one type; a type that the EHR does not hold gives none."""
    return _WRITERS[address.personality.fhir_number].resources(type_name, person, address.fhir_base)


def practitioner(address: EhrAddress) -> Resource:
    """The signed-in clinician: what `fhirUser` names."""
    provider = address.personality.provider
    return {
        "resourceType": "Practitioner",
        "id": provider.id,
        "active": True,
        "name": [{"family": provider.family, "given": [provider.given], "suffix": ["MD"]}],
    }
