"""Statements: not taken by a flag, by `taken`, by the status, and by `adherence`; and Medications referred to."""

from __future__ import annotations

from launcher.smart.fhir_version import FhirVersion
from tests.patients.readers.variants.golden import PART, RXNORM, Golden, Json, coded, quantity

_SUBJECT: Json = {"reference": "Patient/54520"}
_COMMON: Json = {
    "resourceType": "MedicationStatement",
    "id": "ms-1",
    "dateAsserted": "2026-05-05",
    "effectivePeriod": {"start": "2026-01-01", "end": "2026-02-01"},
}
_SHOWN = {
    "fish oil": ("{drug}.text",),
    "free text": ("{drug}.text",),
    "Started: 01-Jan-2026": ("effectivePeriod.start",),
    "Reported by Ada Reed": ("{told}",),
    "one a day with lunch": ("{written}",),
    "Status: Not taking": ("{taken}",),
    "Nausea": ("{why}",),
    "for Dry skin": ("{reason}",),
    "Bought abroad.": ("{note}",),
}
_INSTEAD = {
    "{drug}": ("Medication details not available", "Medication not readable"),
    "effectivePeriod": ("Recorded 05-May-2026", "Started: not readable"),
    "effectivePeriod.start": ("Recorded 05-May-2026", PART),
    "dosage": ("DOSE not recorded", "A dosage instruction could not be read. Check the EHR."),
}
_UNREAD = ("id", "subject", "patient", "encounter", "context", "derivedFrom", "category")


def _golden(version: FhirVersion, resource: Json, instead: dict[str, tuple[str, str]], **names: str) -> Golden:
    return Golden(
        version=version,
        resource=resource,
        shown={words: tuple(need.format(**names) for need in needs) for words, needs in _SHOWN.items()},
        instead={where.format(**names): words for where, words in {**_INSTEAD, **instead}.items()},
        unread=_UNREAD,
    )


_DOSE: Json = {"text": "one a day with lunch", "route": {"text": "oral"}, "timing": {"code": {"text": "QD"}}}

DSTU2 = _golden(
    FhirVersion.DSTU2,
    {
        **_COMMON,
        "patient": _SUBJECT,
        "informationSource": {"display": "Ada Reed"},
        "status": "active",
        "wasNotTaken": True,
        "reasonNotTaken": [{"text": "Nausea"}],
        "reasonForUseCodeableConcept": {"text": "Dry skin"},
        "note": "Bought abroad.",
        "medicationCodeableConcept": {"text": "fish oil"},
        "dosage": [{**_DOSE, "quantityQuantity": quantity(1, "{capsule}")}],
    },
    {"wasNotTaken": ("Status: Active", "Whether it is taken could not be read. Check the EHR.")},
    drug="medicationCodeableConcept",
    told="informationSource.display",
    written="dosage.0.text",
    taken="wasNotTaken",
    why="reasonNotTaken.0.text",
    reason="reasonForUseCodeableConcept.text",
    note="note",
)
STU3 = _golden(
    FhirVersion.STU3,
    {
        **_COMMON,
        "subject": _SUBJECT,
        "context": {"reference": "Encounter/e-1"},
        "informationSource": {"display": "Ada Reed"},
        "status": "on-hold",
        "taken": "n",
        "reasonNotTaken": [{"text": "Nausea"}],
        "reasonCode": [{"text": "Dry skin"}],
        "note": [{"text": "Bought abroad."}],
        "medicationCodeableConcept": {"text": "fish oil"},
        "dosage": [{**_DOSE, "asNeededBoolean": False, "doseQuantity": quantity(1, "{capsule}")}],
    },
    {"taken": ("", "Status: Not known if taken|Status: On hold")},
    drug="medicationCodeableConcept",
    told="informationSource.display",
    written="dosage.0.text",
    taken="taken",
    why="reasonNotTaken.0.text",
    reason="reasonCode.0.text",
    note="note.0.text",
)
R4 = _golden(
    FhirVersion.R4,
    {
        **_COMMON,
        "subject": _SUBJECT,
        "context": {"reference": "Encounter/e-1"},
        "informationSource": {"display": "Ada Reed"},
        "status": "not-taken",
        "statusReason": [{"text": "Nausea"}],
        "reasonCode": [{"text": "Dry skin"}],
        "note": [{"text": "Bought abroad."}],
        "medicationCodeableConcept": {"text": "fish oil"},
        "dosage": [{**_DOSE, "doseAndRate": [{"doseQuantity": quantity(1, "{capsule}")}]}],
    },
    {"status": ("Status: Status not given", "Status: Status could not be read")},
    drug="medicationCodeableConcept",
    told="informationSource.display",
    written="dosage.0.text",
    taken="status",
    why="statusReason.0.text",
    reason="reasonCode.0.text",
    note="note.0.text",
)
R5 = _golden(
    FhirVersion.R5,
    {
        **_COMMON,
        "subject": _SUBJECT,
        "encounter": {"reference": "Encounter/e-1"},
        "informationSource": [{"display": "Ada Reed"}],
        "status": "recorded",
        "adherence": {"code": coded("not-taking"), "reason": {"text": "Nausea"}},
        "reason": [{"concept": {"text": "Dry skin"}}],
        "note": [{"text": "Bought abroad."}],
        "medication": {"concept": {"text": "fish oil"}},
        "renderedDosageInstruction": "one a day with lunch",
        "dosage": [
            {
                "route": {"text": "oral"},
                "timing": {"code": {"text": "QD"}},
                "doseAndRate": [{"doseQuantity": quantity(1, "{capsule}")}],
            }
        ],
    },
    {"adherence": ("Status: Status not given", PART), "dosage": ("one a day with lunch", PART)},
    drug="medication.concept",
    told="informationSource.0.display",
    written="renderedDosageInstruction",
    taken="adherence.code.coding.0.code",
    why="adherence.reason.text",
    reason="reason.0.concept.text",
    note="note.0.text",
)
STATEMENTS = (DSTU2, STU3, R4, R4.as_version(FhirVersion.R4B), R5)


def _named(version: FhirVersion, form: str) -> Golden:
    return Golden(
        version=version,
        resource={
            "resourceType": "Medication",
            "id": "d-1",
            "status": "active",
            "code": {"text": "ibuprofen", "coding": [{"system": RXNORM, "code": "5640", "display": "ibuprofen"}]},
            form: {"coding": [{"code": "385049006", "display": "Capsule (qualifier value)"}]},
        },
        shown={
            "ibuprofen": ("code.text", "code.coding.0.display"),
            "RxNorm 5640": ("code.coding.0.code", "code.coding.0.system"),
            "— Capsule": (f"{form}.coding.0.display",),
        },
        instead={"code": ("Medication details not available", "Medication not readable")},
        unread=("id", "resourceType"),
    )


def _mixed(version: FhirVersion, list_at: str, item: str, name: str, strength: str) -> Golden:
    """A Medication without a code, named by its ingredients; one of them has a strength."""
    amount: Json = {"numerator": quantity(500, "mg"), "denominator": quantity(1, "{tbl}")}
    entries = [{**_nested(item, name, "paracetamol"), strength: amount}, _nested(item, name, "codeine")]
    ingredients: Json = {"ingredient": entries}
    return Golden(
        version=version,
        resource={
            "resourceType": "Medication",
            "id": "d-1",
            **({"product": ingredients} if list_at.partition(".")[2] else ingredients),
        },
        shown={
            "paracetamol 500 mg per tablet + codeine": (
                *(f"{list_at}.{number}.{item}.{name}" for number in (0, 1)),
                *(f"{list_at}.0.{strength}.numerator.{part}" for part in ("value", "unit")),
                *(f"{list_at}.0.{strength}.denominator.{part}" for part in ("value", "unit")),
            )
        },
        instead={
            list_at: ("Medication details not available", "Medication details not available"),
            f"{list_at}.0.{strength}": ("paracetamol + codeine", PART),
        },
        unread=("id", "resourceType"),
    )


def _nested(item: str, name: str, words: str) -> Json:
    outer, _, inner = name.partition(".")
    return {item: {outer: {inner: words} if inner else words}}


MEDICATIONS = (
    *(_named(version, "doseForm" if version is FhirVersion.R5 else "form") for version in FhirVersion),
    _mixed(FhirVersion.DSTU2, "product.ingredient", "item", "display", "amount"),
    _mixed(FhirVersion.STU3, "ingredient", "itemCodeableConcept", "text", "amount"),
    _mixed(FhirVersion.R4, "ingredient", "itemCodeableConcept", "text", "strength"),
    _mixed(FhirVersion.R4B, "ingredient", "itemReference", "display", "strength"),
    _mixed(FhirVersion.R5, "ingredient", "item", "concept.text", "strengthRatio"),
)
