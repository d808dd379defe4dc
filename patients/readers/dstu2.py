"""DSTU2 (1.0.2): what to ask for, and how to read it.

The mapping accepts every version's shape, because servers are upgraded under the same address; what differs is the
questions. Source: https://hl7.org/fhir/DSTU2/resourcelist.html.
"""

from __future__ import annotations

from patients.readers.condition import condition
from patients.readers.medication import medication
from patients.readers.patient import demographics

CONDITION_QUERIES = (("Condition", (("patient", "{patient}"),)),)
MEDICATION_QUERIES = (
    ("MedicationOrder", (("patient", "{patient}"),)),
    ("MedicationStatement", (("patient", "{patient}"),)),
)

__all__ = ["CONDITION_QUERIES", "MEDICATION_QUERIES", "condition", "demographics", "medication"]
