"""STU3 (3.0.2): what to ask for, and how to read it.

The mapping accepts every version's shape; the names of the resources are already those of R4. In STU3 a statement holds
what no request does (`taken`, what the patient brought along), so both are needed. Source:
https://hl7.org/fhir/STU3/resourcelist.html.
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
