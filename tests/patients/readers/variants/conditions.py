"""Conditions: an active one with an onset, and one that is over; statuses are codes at first and concepts since R4."""

from __future__ import annotations

from launcher.smart.fhir_version import FhirVersion
from tests.patients.readers.variants.golden import SNOMED, Golden, Json, coded, quantity

_SUBJECT: Json = {"reference": "Patient/54520"}
_CODE: Json = {
    "text": "High sugar",
    "coding": [
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9", "display": "Type 2 diabetes mellitus"},
        {"system": SNOMED, "code": "44054006", "display": "Diabetes mellitus type 2 (disorder)"},
    ],
}
_COMMON: Json = {
    "resourceType": "Condition",
    "id": "c-1",
    "code": _CODE,
    "severity": {"text": "Moderate"},
    "onsetDateTime": "2011-03-12",
    "bodySite": [{"text": "Left foot"}, {"coding": [{"code": "1", "display": "Right foot"}]}],
}
_SHOWN = {
    "High sugar": ("code.text",),
    "SNOMED CT 44054006": ("code.coding.1.code", "code.coding.1.system", "code.coding.1.display"),
    "Coded as: Diabetes mellitus type 2 (disorder)": (
        "code.text",
        "code.coding.1.display",
        "code.coding.1.system",
        "code.coding.1.code",
    ),
    "Severity: Moderate": ("severity.text",),
    "Body site: Left foot, Right foot": ("bodySite.0.text", "bodySite.1.coding.0.display"),
    "Onset: 12-Mar-2011": ("onsetDateTime",),
}
_INSTEAD = {
    "code": ("Condition not named", "Condition not named"),
    "onsetDateTime": ("Recorded 08-Jan-2026", "Onset: not readable"),
    "clinicalStatus": ("Status not given", "Status could not be read"),
    "verificationStatus": ("Status: Status not given", "Status: Status could not be read"),
}
_UNREAD = ("id", "subject", "patient", "asserter", "recorder", "participant", "stage", "evidence")

DSTU2 = Golden(
    version=FhirVersion.DSTU2,
    resource={
        **_COMMON,
        "patient": _SUBJECT,
        "encounter": {"reference": "Encounter/e-1"},
        "asserter": {"display": "Dr. Grey Example"},
        "dateRecorded": "2026-01-08",
        "category": coded("diagnosis", "http://hl7.org/fhir/condition-category"),
        "clinicalStatus": "relapse",
        "verificationStatus": "provisional",
        "notes": "Diet first.",
        "stage": {"summary": {"text": "Stage II"}},
    },
    shown={
        **_SHOWN,
        "Relapse": ("clinicalStatus",),
        "Status: Provisional": ("verificationStatus",),
        "Diagnosis": ("category.coding.0.code",),
        "Diet first.": ("notes",),
    },
    instead=_INSTEAD,
    unread=_UNREAD,
)
STU3 = Golden(
    version=FhirVersion.STU3,
    resource={
        **_COMMON,
        "subject": _SUBJECT,
        "context": {"reference": "Encounter/e-1"},
        "asserter": {"display": "Dr. Grey Example"},
        "assertedDate": "2026-01-08",
        "category": [coded("problem-list-item", "http://hl7.org/fhir/condition-category")],
        "clinicalStatus": "recurrence",
        "verificationStatus": "differential",
        "note": [{"text": "Diet first."}, {"text": "Then tablets.", "authorString": "Ada Reed"}],
        "evidence": [{"code": [{"text": "Thirst"}]}],
    },
    shown={
        **_SHOWN,
        "Recurrence": ("clinicalStatus",),
        "Status: Differential": ("verificationStatus",),
        "Problem list": ("category.0.coding.0.code",),
        "Diet first.": ("note.0.text",),
        "Then tablets.": ("note.1.text",),
    },
    instead=_INSTEAD,
    unread=(*_UNREAD, "note.1.authorString"),
)
_R4: Json = {
    **_COMMON,
    "meta": {"security": [{"code": "PSY"}]},
    "subject": _SUBJECT,
    "encounter": {"reference": "Encounter/e-1"},
    "recordedDate": "2026-01-08T09:30:00+01:00",
    "category": [coded("problem-list-item", "http://terminology.hl7.org/CodeSystem/condition-category")],
    "clinicalStatus": coded("relapse", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
    "verificationStatus": coded("unconfirmed", "http://terminology.hl7.org/CodeSystem/condition-ver-status"),
    "note": [{"text": "Diet first."}, {"text": "Then tablets.", "time": "2026-01-09"}],
}
R4 = Golden(
    version=FhirVersion.R4,
    resource={**_R4, "asserter": {"display": "Dr. Grey Example"}, "recorder": {"display": "Ada Reed"}},
    shown={
        **_SHOWN,
        "Relapse": ("clinicalStatus.coding.0.code",),
        "Status: Unconfirmed": ("verificationStatus.coding.0.code",),
        "Problem list": ("category.0.coding.0.code",),
        "Diet first.": ("note.0.text",),
        "Then tablets.": ("note.1.text",),
        "Restricted": ("meta.security.0.code",),
    },
    instead={
        **_INSTEAD,
        "clinicalStatus.coding": ("Status not given", "Status could not be read"),
        "verificationStatus.coding": ("Status: Status not given", "Status: Status could not be read"),
    },
    unread=(*_UNREAD, "note.1.time"),
)
_PARTICIPANT: Json = {"function": {"text": "author"}, "actor": {"display": "Dr. Grey Example"}}
R5 = Golden(
    version=FhirVersion.R5,
    resource={**_R4, "participant": [_PARTICIPANT], "evidence": [{"concept": {"text": "Thirst"}}]},
    shown=R4.shown,
    instead=R4.instead,
    unread=R4.unread,
)

_OVER_SHOWN = {
    "Broken wrist": ("code.coding.0.display",),
    "Status: Resolved": ("clinicalStatus",),
    "Ended: at 40y": ("{age}.value",),
    "12-Mar-2011 to 20-Mar-2011": ("onsetPeriod.start", "onsetPeriod.end"),
    "Encounter diagnosis": ("category",),
}


def _over(version: FhirVersion, **fields: object) -> Golden:
    """A condition that is over, by its status; its onset is a period and its end an age."""
    old = version is FhirVersion.DSTU2
    age = "abatementQuantity" if old else "abatementAge"
    status: Json = {} if version in (FhirVersion.DSTU2, FhirVersion.STU3) else {"coding": [{"code": "resolved"}]}
    suffix = ".coding.0.code" if status else ""
    where = "category.coding.0.code" if old else "category.0.coding.0.code"
    return Golden(
        version=version,
        resource={
            "resourceType": "Condition",
            "id": "c-2",
            "patient" if old else "subject": _SUBJECT,
            "code": {"coding": [{"system": SNOMED, "code": "263102004", "display": "Broken wrist"}]},
            "category": coded("encounter-diagnosis") if old else [coded("encounter-diagnosis")],
            "clinicalStatus": status or "resolved",
            "onsetPeriod": {"start": "2011-03-12", "end": "2011-03-20"},
            age: quantity(40, "a"),
            **fields,
        },
        shown={
            words: tuple(
                where if need == "category" else f"{need}{suffix}" if need == "clinicalStatus" else need.format(age=age)
                for need in needs
            )
            for words, needs in _OVER_SHOWN.items()
        },
        instead={
            "code": ("Condition not named", "Condition not named"),
            "clinicalStatus": ("Status: Resolved" if old else "Status: Ended", "Status: Status could not be read"),
            "onsetPeriod": ("Onset: not recorded", "Onset: not readable"),
            "abatementBoolean": ("Ended: at 40y", "An end was sent that could not be read"),
            age: ("Ended: not recorded", "An end was sent that could not be read"),
            f"{age}.value": ("Ended: not recorded", "An end was sent that could not be read"),
        },
        unread=(*_UNREAD, "identifier"),
    )


CONDITIONS = (
    *(DSTU2, STU3, R4, R4.as_version(FhirVersion.R4B), R5),
    _over(FhirVersion.DSTU2, abatementBoolean=True),
    *(_over(version) for version in FhirVersion if version is not FhirVersion.DSTU2),
)
