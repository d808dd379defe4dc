"""FHIR's published versions, told apart by the `fhirVersion` of a Conformance or CapabilityStatement."""

from __future__ import annotations

from enum import StrEnum


class FhirVersion(StrEnum):
    """The five versions in use; the value is the name used in registrations and on the chart."""

    DSTU2 = "DSTU2"
    STU3 = "STU3"
    R4 = "R4"
    R4B = "R4B"
    R5 = "R5"

    @classmethod
    def from_number(cls, number: str) -> FhirVersion | None:
        """Map "1.0.2", "3.0.2", "4.0.1", "4.3.0", "5.0.0" (or their prefixes) to a version, else None.

        Source: https://hl7.org/fhir/versions.html (publication history).
        """
        parts = number.strip().split("-")[0].split(".")
        for prefix, version in _BY_PREFIX:
            if tuple(parts[: len(prefix)]) == prefix:
                return version
        return None


_BY_PREFIX: tuple[tuple[tuple[str, ...], FhirVersion], ...] = (
    (("1", "0"), FhirVersion.DSTU2),
    (("3", "0"), FhirVersion.STU3),
    (("4", "0"), FhirVersion.R4),
    (("4", "3"), FhirVersion.R4B),
    (("5",), FhirVersion.R5),
)
