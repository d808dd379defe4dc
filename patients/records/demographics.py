"""Who the patient is."""

from __future__ import annotations

from dataclasses import dataclass

from patients.records.values import Identifier, Missing, PartialDate, PersonName


@dataclass(frozen=True, slots=True)
class Contact:
    """A telephone number, e-mail or other address of a patient: ("Phone, home", "555-0100"). Plain text, no link."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """Next of kin or another contact of a patient."""

    relationship: str | Missing
    name: str | Missing
    telecom: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class Demographics:
    """A Patient. `deceased` None: not said to be dead; otherwise the date of death, or why it is not known."""

    id: str
    name: PersonName | Missing
    preferred_name: str
    born: PartialDate | Missing
    birth_moment: PartialDate | None
    sex: str | Missing
    mrn: Identifier | Missing
    identifiers: tuple[Identifier, ...]
    deceased: PartialDate | Missing | None
    inactive: bool
    merged: bool
    restricted: bool
    addresses: tuple[str, ...]
    telecom: tuple[Contact, ...]
    languages: tuple[str, ...]
    marital_status: str | Missing
    race: str | Missing
    ethnicity: str | Missing
    general_practitioners: tuple[str, ...]
    contacts: tuple[ContactPerson, ...]
    multiple_birth: str = ""
    sex_details: tuple[Contact, ...] = ()
    """Sex assigned at birth, gender identity and the like, each with its own label: ("Gender identity", "Female")."""
    marks: tuple[str, ...] = ()
    """Short notices about the record as a whole ("Whether the patient has died could not be read. Check the EHR.")."""

    @property
    def reference(self) -> str:
        return f"Patient/{self.id}"
