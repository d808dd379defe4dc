"""R4 (4.0.1): what to ask for, and how to read it.

No `intent` filter: an order without one, a plan and a proposal are all shown, each in its group. Source:
https://hl7.org/fhir/R4/resourcelist.html.
"""

from __future__ import annotations

from patients.readers.allergy import ALLERGY_QUERIES, allergy
from patients.readers.condition import condition
from patients.readers.document import DOCUMENT_QUERIES, document
from patients.readers.encounter import ENCOUNTER_QUERIES, encounter
from patients.readers.immunization import IMMUNIZATION_QUERIES, immunization
from patients.readers.medication import medication
from patients.readers.observation import LABS_QUERIES, VITALS_QUERIES, observation
from patients.readers.patient import demographics

CONDITION_QUERIES = (("Condition", (("patient", "{patient}"),)),)
MEDICATION_QUERIES = (
    ("MedicationRequest", (("patient", "{patient}"),)),
    ("MedicationStatement", (("patient", "{patient}"),)),
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
