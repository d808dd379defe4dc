"""R4B (4.3.0): asks and reads as R4 does; none of the resources that the chart shows was changed.

Source: https://hl7.org/fhir/R4B/history.html.
"""

from __future__ import annotations

from patients.readers.r4 import CONDITION_QUERIES, MEDICATION_QUERIES, condition, demographics, medication

__all__ = ["CONDITION_QUERIES", "MEDICATION_QUERIES", "condition", "demographics", "medication"]
