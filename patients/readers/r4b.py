"""R4B (4.3.0): asks and reads as R4 does; none of the resources that the chart shows was changed.

Source: https://hl7.org/fhir/R4B/history.html.
"""

from __future__ import annotations

from patients.readers.r4 import (
    ALLERGY_QUERIES,
    CONDITION_QUERIES,
    DOCUMENT_QUERIES,
    ENCOUNTER_QUERIES,
    IMMUNIZATION_QUERIES,
    LABS_QUERIES,
    MEDICATION_QUERIES,
    VITALS_QUERIES,
    allergy,
    condition,
    demographics,
    document,
    encounter,
    immunization,
    medication,
    observation,
)

__all__ = [
    "ALLERGY_QUERIES",
    "CONDITION_QUERIES",
    "DOCUMENT_QUERIES",
    "ENCOUNTER_QUERIES",
    "IMMUNIZATION_QUERIES",
    "LABS_QUERIES",
    "MEDICATION_QUERIES",
    "VITALS_QUERIES",
    "allergy",
    "condition",
    "demographics",
    "document",
    "encounter",
    "immunization",
    "medication",
    "observation",
]
