"""The elements of any version that the readers of allergies, measurements, vaccines, visits and documents look at.

What has a notice or a word of its own when it cannot be read (statuses, values, dates that are shown) is left out. See
`shapes` for what the tables are for.
"""

from __future__ import annotations

from patients.readers.shapes import FLAG, NUMBER, TEXT, TEXTS, Shape

_PERIOD: Shape = {"start": TEXT, "end": TEXT}
_CODING: Shape = {"code": TEXT, "display": TEXT, "system": TEXT, "userSelected": FLAG}
_INNER: Shape = {"": TEXT, "text": TEXT, "coding": _CODING, "reference": TEXT, "display": TEXT, "code": TEXT}
# A code, Coding, CodeableConcept, Reference, or R5's CodeableReference, whose parts are the two before.
_NAMED: Shape = {
    "": TEXT,
    "text": TEXT,
    "code": TEXT,
    "display": TEXT,
    "coding": _CODING,
    "concept": _INNER,
    "reference": _INNER,
}
_NOTE: Shape = {"": TEXT, "text": TEXT}
_QUANTITY: Shape = {"value": NUMBER, "unit": TEXT, "code": TEXT, "comparator": TEXT}
_RANGE: Shape = {"low": _QUANTITY, "high": _QUANTITY}
_META: Shape = {"security": {"code": TEXT, "display": TEXT}}
_CONTAINED: Shape = {
    "id": TEXT,
    "code": _INNER,
    "name": {"": TEXT, "text": TEXT, "family": TEXTS, "given": TEXTS, "prefix": TEXTS, "suffix": TEXTS},
    "practitioner": _NAMED,
}


def _named(*keys: str) -> dict[str, Shape]:
    return dict.fromkeys(keys, _NAMED)


ALLERGY: Shape = {
    "meta": _META,
    "contained": _CONTAINED,
    "reaction": {
        **_named("manifestation", "severity", "substance", "certainty", "exposureRoute"),
        "onset": TEXT,
        "description": TEXT,
        "note": _NOTE,
    },
    "participant": {"function": _NAMED, "actor": _NAMED},
    "note": _NOTE,
    **_named("status", "clinicalStatus", "verificationStatus", "code", "substance", "type", "category"),
    **_named("recorder", "asserter", "reporter"),
    **dict.fromkeys(("lastOccurrence", "lastOccurence", "onset", "onsetDateTime", "onsetString"), TEXT),
    **dict.fromkeys(("onsetAge", "onsetQuantity"), _QUANTITY),
    "onsetPeriod": _PERIOD,
    "onsetRange": _RANGE,
}
_RANGES: Shape = {
    "low": _QUANTITY,
    "high": _QUANTITY,
    **_named("type", "meaning", "appliesTo", "normalValue"),
    "text": TEXT,
    "age": _RANGE,
}
OBSERVATION: Shape = {
    "meta": _META,
    "contained": _CONTAINED,
    "component": {**_named("code", "interpretation", "dataAbsentReason"), "referenceRange": _RANGES},
    "referenceRange": _RANGES,
    "hasMember": _NAMED,
    "related": {"type": TEXT, "target": _NAMED},
    "issued": TEXT,
    "note": _NOTE,
    "comment": TEXT,
    "comments": TEXT,
    **_named("code", "category", "interpretation", "dataAbsentReason", "method", "bodySite", "performer"),
}
IMMUNIZATION: Shape = {
    "meta": _META,
    "contained": _CONTAINED,
    "explanation": _named("reason", "reasonNotGiven"),
    "performer": {**_named("actor"), "reference": TEXT, "display": TEXT},
    "practitioner": {**_named("actor"), "reference": TEXT, "display": TEXT},
    "note": _NOTE,
    "reported": FLAG,
    "primarySource": FLAG,
    "isSubpotent": FLAG,
    "subpotent": FLAG,
    "doseQuantity": _QUANTITY,
    **dict.fromkeys(("lotNumber", "expirationDate"), TEXT),
    **_named("vaccineCode", "reasonCode", "reason", "statusReason", "reportOrigin", "informationSource"),
    **_named("manufacturer", "site", "route", "location"),
}
ENCOUNTER: Shape = {
    "meta": _META,
    "contained": _CONTAINED,
    "period": _PERIOD,
    "actualPeriod": _PERIOD,
    "location": {"location": _NAMED},
    "participant": _named("individual", "actor", "type"),
    "reason": {**_named("value", "concept", "reference"), "": TEXT, "text": TEXT, "coding": _CODING},
    **_named("type", "class", "reasonCode", "reasonReference", "indication", "serviceProvider"),
}
DOCUMENT: Shape = {
    "meta": _META,
    "contained": _CONTAINED,
    "content": {
        "attachment": {
            **dict.fromkeys(("contentType", "title", "url", "data", "language", "creation"), TEXT),
            "size": NUMBER,
        }
    },
    "context": {"period": _PERIOD},
    "description": TEXT,
    **_named("type", "class", "category", "author", "custodian"),
}
