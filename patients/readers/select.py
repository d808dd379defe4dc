"""Chooses the reader for a server's FHIR version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from launcher.smart.fhir_version import FhirVersion
from patients.readers import dstu2, r4, r4b, r5, stu3
from patients.records import (
    Allergy,
    Condition,
    Demographics,
    Document,
    Encounter,
    Immunization,
    Medication,
    Observation,
)

Queries = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class Reader(Protocol):
    """What a reader offers; our readers are modules. Queries are (resource type, parameters) with "{patient}" inside.

    All functions take a resource as JSON and raise `datatypes.Unreadable` only when it is no resource of their type.
    """

    @property
    def CONDITION_QUERIES(self) -> Queries: ...

    @property
    def MEDICATION_QUERIES(self) -> Queries: ...

    @property
    def ALLERGY_QUERIES(self) -> Queries: ...

    @property
    def VITALS_QUERIES(self) -> Queries: ...

    @property
    def LABS_QUERIES(self) -> Queries: ...

    @property
    def IMMUNIZATION_QUERIES(self) -> Queries: ...

    @property
    def ENCOUNTER_QUERIES(self) -> Queries: ...

    @property
    def DOCUMENT_QUERIES(self) -> Queries: ...

    def demographics(self, resource: Mapping[str, object], *, mrn_system: str = "") -> Demographics: ...

    def condition(self, resource: Mapping[str, object]) -> Condition: ...

    def medication(
        self, resource: Mapping[str, object], *, known: Mapping[str, Mapping[str, object]] | None = None
    ) -> Medication: ...

    def allergy(self, resource: Mapping[str, object]) -> Allergy: ...

    def observation(self, resource: Mapping[str, object]) -> Observation: ...

    def immunization(self, resource: Mapping[str, object]) -> Immunization: ...

    def encounter(self, resource: Mapping[str, object], *, launched: str = "") -> Encounter: ...

    def document(self, resource: Mapping[str, object], *, base: str) -> Document: ...


_READERS: Mapping[FhirVersion, Reader] = {
    FhirVersion.DSTU2: dstu2,
    FhirVersion.STU3: stu3,
    FhirVersion.R4: r4,
    FhirVersion.R4B: r4b,
    FhirVersion.R5: r5,
}


def reader_for(version: FhirVersion) -> Reader:
    return _READERS[version]
