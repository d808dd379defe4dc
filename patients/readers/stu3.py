"""STU3 (3.0.2): what to ask for, and how to read it.

The mapping accepts every version's shape; the names of the resources are already those of R4. In STU3 a statement holds
what no request does (`taken`, what the patient brought along), so both are needed. Source:
https://hl7.org/fhir/STU3/resourcelist.html.
"""

from __future__ import annotations

from patients.readers.condition import condition
from patients.readers.medication import medication
from patients.readers.patient import demographics

CONDITION_QUERIES = (("Condition", (("patient", "{patient}"),)),)
MEDICATION_QUERIES = (
    ("MedicationRequest", (("patient", "{patient}"),)),
    ("MedicationStatement", (("patient", "{patient}"),)),
)

__all__ = ["CONDITION_QUERIES", "MEDICATION_QUERIES", "condition", "demographics", "medication"]
