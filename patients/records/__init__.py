"""What a chart shows, free of any FHIR version: the readers make these records, the templates see nothing else."""

from __future__ import annotations

from .conditions import Condition, ConditionGroup
from .demographics import Contact, ContactPerson, Demographics
from .medications import Dose, Medication, MedicationGroup
from .values import Coded, Identifier, Missing, PartialDate, PersonName, Tag, Tone, When

__all__ = [
    "Coded",
    "Condition",
    "ConditionGroup",
    "Contact",
    "ContactPerson",
    "Demographics",
    "Dose",
    "Identifier",
    "Medication",
    "MedicationGroup",
    "Missing",
    "PartialDate",
    "PersonName",
    "Tag",
    "Tone",
    "When",
]
