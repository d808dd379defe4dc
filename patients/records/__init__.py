"""What a chart shows, free of any FHIR version: the readers make these records, the templates see nothing else."""

from __future__ import annotations

from patients.records.allergies import Allergy, AllergyGroup, AllergyStatement, Reaction
from patients.records.conditions import Condition, ConditionGroup
from patients.records.demographics import Contact, ContactPerson, Demographics
from patients.records.documents import Attachment, Document, DocumentGroup, FileSource
from patients.records.encounters import Encounter, EncounterGroup
from patients.records.immunizations import Immunization, ImmunizationGroup
from patients.records.medications import Dose, Medication, MedicationGroup
from patients.records.observations import (
    Band,
    Component,
    LabDay,
    LabRow,
    Observation,
    ObservationGroup,
    Point,
    Reading,
    ReferenceRange,
    Series,
)
from patients.records.values import Coded, Identifier, Missing, PartialDate, PersonName, Tag, Tone, When

__all__ = [
    "Allergy",
    "AllergyGroup",
    "AllergyStatement",
    "Attachment",
    "Band",
    "Coded",
    "Component",
    "Condition",
    "ConditionGroup",
    "Contact",
    "ContactPerson",
    "Demographics",
    "Document",
    "DocumentGroup",
    "Dose",
    "Encounter",
    "EncounterGroup",
    "FileSource",
    "Identifier",
    "Immunization",
    "ImmunizationGroup",
    "LabDay",
    "LabRow",
    "Medication",
    "MedicationGroup",
    "Missing",
    "Observation",
    "ObservationGroup",
    "PartialDate",
    "PersonName",
    "Point",
    "Reaction",
    "Reading",
    "ReferenceRange",
    "Series",
    "Tag",
    "Tone",
    "When",
]
