"""Whether an element that the readers look at was sent in a JSON type that they cannot read, at any depth.

The readers take such an element for missing. Most of what they read is optional and shows no gap when it is missing, so
the row says once that part of the record could not be read. What says nothing (null, blank text, empty objects and
lists) is not counted, nor are elements that no reader looks at or that have a notice of their own. Source of the types:
https://hl7.org/fhir/datatypes.html and its earlier versions; the tables hold the elements of all versions, for a server
may send any.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import TypeAlias

from patients.readers.datatypes import Fields, as_list, flag_of, number, says_something
from patients.readers.wording import said, worded

PART_UNREADABLE = worded("Part of this record could not be read. Check the EHR.")


class Kind(Enum):
    """A primitive as the readers take it; TEXTS may also be one text, FLAG a word, NUMBER digits in a text."""

    TEXT = auto()
    TEXTS = auto()
    FLAG = auto()
    NUMBER = auto()
    TEXT_OR_FLAG = auto()


Shape: TypeAlias = "Kind | Mapping[str, Shape]"
"""A primitive, or an object (one or a list of them) with the shapes of its elements.

An object with an element named "" may also be a plain text.
"""

TEXT, TEXTS, FLAG, NUMBER = Kind.TEXT, Kind.TEXTS, Kind.FLAG, Kind.NUMBER

_PERIOD: Shape = {"start": TEXT, "end": TEXT}
_CODING: Shape = {"code": TEXT, "display": TEXT, "system": TEXT, "userSelected": FLAG}
_CONCEPT: Shape = {"": TEXT, "text": TEXT, "coding": _CODING}
_OBJECT_CONCEPT: Shape = {"text": TEXT, "coding": _CODING}
_REFERENCE: Shape = {"reference": TEXT, "display": TEXT}
# A Reference, or R5's CodeableReference, in which `reference` is the Reference.
_EITHER_REFERENCE: Shape = {
    "": TEXT,
    "concept": _CONCEPT,
    "reference": {"": TEXT, "reference": TEXT, "display": TEXT},
    "display": TEXT,
    "text": TEXT,
    "coding": _CODING,
}
_ACTOR: Shape = {"reference": TEXT, "display": TEXT, "agent": _REFERENCE}
_QUANTITY: Shape = {"value": NUMBER, "unit": TEXT, "code": TEXT, "comparator": TEXT}
_RANGE: Shape = {"low": _QUANTITY, "high": _QUANTITY}
_RATIO: Shape = {"numerator": _QUANTITY, "denominator": _QUANTITY}
_NOTE: Shape = {"": TEXT, "text": TEXT}
_META: Shape = {"security": {"code": TEXT, "display": TEXT}}
_VALUES: Mapping[str, Shape] = {
    "url": TEXT,
    "valueString": TEXT,
    "valueMarkdown": TEXT,
    "valueCode": TEXT,
    "valueDateTime": TEXT,
    "valueBoolean": FLAG,
    "valueCoding": _CODING,
    "valueCodeableConcept": _OBJECT_CONCEPT,
}
_EXTENSION: Shape = {**_VALUES, "extension": {**_VALUES, "extension": _VALUES}}

_REPEAT: Shape = {
    "boundsPeriod": _PERIOD,
    "boundsDuration": _QUANTITY,
    "boundsQuantity": _QUANTITY,
    "boundsRange": _RANGE,
    **dict.fromkeys(("count", "countMax", "duration", "durationMax", "offset"), NUMBER),
    **dict.fromkeys(("frequency", "frequencyMax", "period", "periodMax"), NUMBER),
    **dict.fromkeys(("durationUnit", "durationUnits", "periodUnit", "periodUnits"), TEXT),
    **dict.fromkeys(("when", "dayOfWeek", "timeOfDay"), TEXTS),
}
_TIMING: Shape = {"code": _CONCEPT, "event": TEXTS, "repeat": _REPEAT}
_AMOUNTS: Mapping[str, Shape] = {
    **dict.fromkeys(("doseQuantity", "doseSimpleQuantity", "quantityQuantity", "quantity", "rateQuantity"), _QUANTITY),
    **dict.fromkeys(("doseRange", "quantityRange", "rateRange"), _RANGE),
    "rateRatio": _RATIO,
}
_DOSAGE: Shape = {
    **_AMOUNTS,
    "text": TEXT,
    "timing": _TIMING,
    "doseAndRate": {**_AMOUNTS, "type": _CONCEPT},
    "maxDosePerPeriod": _RATIO,
    "maxDosePerAdministration": _QUANTITY,
    "maxDosePerLifetime": _QUANTITY,
    "patientInstruction": TEXTS,
    "siteReference": _REFERENCE,
    **dict.fromkeys(("asNeededBoolean", "asNeeded"), FLAG),
    **dict.fromkeys(("asNeededCodeableConcept", "asNeededFor", "site", "siteCodeableConcept", "route"), _CONCEPT),
    **dict.fromkeys(("additionalInstruction", "additionalInstructions"), _CONCEPT),
}

_NAME: Mapping[str, Shape] = {
    "use": TEXT,
    "text": TEXT,
    "period": _PERIOD,
    **dict.fromkeys(("family", "given", "prefix", "suffix"), TEXTS),
}
_SPOKEN_NAME: Shape = {**_NAME, "": TEXT}
_TELECOM: Shape = {"system": TEXT, "value": TEXT, "use": TEXT, "rank": NUMBER, "period": _PERIOD}
_ADDRESS: Shape = {
    "line": TEXTS,
    "period": _PERIOD,
    **dict.fromkeys(("use", "text", "city", "district", "state", "postalCode", "country"), TEXT),
}
_IDENTIFIER: Shape = {
    "use": TEXT,
    "type": _OBJECT_CONCEPT,
    "system": TEXT,
    "value": TEXT,
    "period": _PERIOD,
    "assigner": _REFERENCE,
}
_INGREDIENT: Shape = {
    "item": _EITHER_REFERENCE,
    "itemCodeableConcept": _CONCEPT,
    "itemReference": _REFERENCE,
    "strengthQuantity": _QUANTITY,
    "strengthCodeableConcept": _CONCEPT,
    **dict.fromkeys(("strength", "strengthRatio", "amount"), _RATIO),
}
MEDICATION: Shape = {
    "status": TEXT,
    "code": _CONCEPT,
    "form": _CONCEPT,
    "doseForm": _CONCEPT,
    "ingredient": _INGREDIENT,
    "product": {"form": _CONCEPT, "ingredient": _INGREDIENT},
}
_CONTAINED: Shape = {
    "id": TEXT,
    "name": _SPOKEN_NAME,
    "code": _CONCEPT,
    "form": _CONCEPT,
    "doseForm": _CONCEPT,
    "ingredient": _INGREDIENT,
    "product": {"form": _CONCEPT, "ingredient": _INGREDIENT},
    "practitioner": _REFERENCE,
}

PATIENT: Shape = {
    "meta": _META,
    "extension": _EXTENSION,
    "contained": _CONTAINED,
    "identifier": _IDENTIFIER,
    "name": _NAME,
    "telecom": _TELECOM,
    "gender": TEXT,
    "birthDate": TEXT,
    "_birthDate": {"extension": _EXTENSION},
    "deceasedDateTime": Kind.TEXT_OR_FLAG,
    "address": _ADDRESS,
    "maritalStatus": _CONCEPT,
    "multipleBirthBoolean": FLAG,
    "multipleBirthInteger": NUMBER,
    "contact": {"relationship": _CONCEPT, "name": _SPOKEN_NAME, "telecom": _TELECOM, "organization": _REFERENCE},
    "communication": {"language": _CONCEPT, "preferred": FLAG},
    "generalPractitioner": _REFERENCE,
    "careProvider": _REFERENCE,
    "link": {"type": TEXT},
}


def _times(stem: str) -> Mapping[str, Shape]:
    """The forms of onset[x] and abatement[x] that are objects; of the others the readers say themselves."""
    return {
        f"{stem}Period": _PERIOD,
        f"{stem}Age": _QUANTITY,
        f"{stem}Quantity": _QUANTITY,
        f"{stem}Range": _RANGE,
    }


CONDITION: Shape = {
    "meta": _META,
    "extension": _EXTENSION,
    **_times("onset"),
    **_times("abatement"),
    **dict.fromkeys(("recordedDate", "dateRecorded", "assertedDate"), TEXT),
    **dict.fromkeys(("code", "clinicalStatus", "verificationStatus", "category", "severity", "bodySite"), _CONCEPT),
    **dict.fromkeys(("note", "notes"), _NOTE),
    "encounter": {"reference": TEXT},
    "context": {"reference": TEXT},
}
PRESCRIPTION: Shape = {
    "meta": _META,
    "extension": _EXTENSION,
    "contained": _CONTAINED,
    "medication": _EITHER_REFERENCE,
    "medicationCodeableConcept": _CONCEPT,
    "medicationReference": _REFERENCE,
    "taken": Kind.TEXT_OR_FLAG,
    "adherence": {"code": _CONCEPT, "reason": _CONCEPT},
    "renderedDosageInstruction": TEXT,
    "effectiveTiming": _TIMING,
    **dict.fromkeys(("status", "intent"), _CONCEPT),
    **dict.fromkeys(("reported", "reportedBoolean"), FLAG),
    **dict.fromkeys(("dosageInstruction", "dosage"), _DOSAGE),
    **dict.fromkeys(("effectiveDateTime", "dateEnded", "authoredOn", "dateWritten", "dateAsserted"), TEXT),
    **dict.fromkeys(("effectivePeriod", "effectiveDosePeriod"), _PERIOD),
    **dict.fromkeys(("requester", "prescriber"), _ACTOR),
    **dict.fromkeys(("informationSource", "reportedReference", "reasonReference", "reasonForUseReference"), _REFERENCE),
    **dict.fromkeys(("reasonCode", "reasonCodeableConcept", "reasonForUseCodeableConcept"), _CONCEPT),
    **dict.fromkeys(("reasonNotTaken", "reasonEnded", "statusReason"), _CONCEPT),
    **dict.fromkeys(("note", "notes"), _NOTE),
    "reason": _EITHER_REFERENCE,
}


def unreadable_marks(resource: Fields, shape: Shape) -> list[str]:
    """The notice, once, when any element of `shape` says something in a JSON type that is not read."""
    return [] if _fits(resource, shape) else [said(PART_UNREADABLE)]


def _fits(value: object, shape: Shape) -> bool:
    if isinstance(shape, Kind):
        return _is_of_kind(value, shape) or not says_something(value)
    return all(_object_fits(item, shape) for item in as_list(value))


def _object_fits(item: object, shape: Mapping[str, Shape]) -> bool:
    if isinstance(item, Mapping):
        return all(_fits(inner, shape[key]) for key, inner in item.items() if key in shape)
    return (isinstance(item, str) and "" in shape) or not says_something(item)


def _is_of_kind(value: object, kind: Kind) -> bool:
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.TEXTS:
            return all(isinstance(item, str) or not says_something(item) for item in as_list(value))
        case Kind.FLAG:
            return flag_of(value) is not None
        case Kind.NUMBER:
            return number(value) is not None
        case Kind.TEXT_OR_FLAG:
            return isinstance(value, str | bool)
