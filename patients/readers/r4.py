"""R4 (4.0.1): what to ask for, and how to read it.

No `intent` filter: an order without one, a plan and a proposal are all shown, each in its group. Source:
https://hl7.org/fhir/R4/resourcelist.html.
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
