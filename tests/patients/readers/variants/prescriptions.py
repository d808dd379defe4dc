"""Orders and requests: three ways of giving a dose, and the drug as a concept, contained, or a CodeableReference."""

from __future__ import annotations

from launcher.smart.fhir_version import FhirVersion
from tests.patients.readers.variants.golden import PART, RXNORM, SNOMED, Golden, Json, coded, quantity

_SUBJECT: Json = {"reference": "Patient/54520"}
_DRUG: Json = {"coding": [{"system": RXNORM, "code": "17767", "display": "amlodipine 5 MG tablet"}]}
_RATE: Json = {"numerator": quantity(100, "mL"), "denominator": quantity(1, "h")}
_LIMIT: Json = {"numerator": quantity(10, "mg"), "denominator": quantity(24, "h")}
_ROUTE: Json = {"coding": [{"system": SNOMED, "code": "26643006", "display": "Oral route (qualifier value)"}]}


def _timing(units: str) -> Json:
    return {"repeat": {"frequency": 2, "period": 1, units: "d", "boundsPeriod": {"start": "2026-02-04"}}}


_PARTS_SHOWN = {
    "amlodipine 5 MG tablet": ("{drug}.coding.0.display", "{held}", "{link}"),
    "RxNorm 17767": ("{drug}.coding.0.code", "{drug}.coding.0.system", "{drug}.coding.0.display", "{held}", "{link}"),
    "DOSE 5 mg": ("{dose}.doseQuantity.value", "{dose}.doseQuantity.unit"),
    "100 mL per hour": (
        "{dose}.rateRatio.numerator.value",
        "{dose}.rateRatio.numerator.unit",
        "{dose}.rateRatio.denominator.unit",
        "{dose}.rateRatio.denominator.value",
    ),
    "Oral route": ("dosageInstruction.0.route.coding.0.display",),
    "twice a day": (
        "dosageInstruction.0.timing.repeat.frequency",
        "dosageInstruction.0.timing.repeat.period",
        "dosageInstruction.0.timing.repeat.{units}",
        "dosageInstruction.0.timing.repeat.boundsPeriod",
    ),
    "as needed for pain": ("{needed}",),
    "Take with water.": ("dosageInstruction.1.text",),
    "With food": ("{more}.text",),
    "Status: On hold": ("status",),
    "Started: 04-Feb-2026": ("dosageInstruction.0.timing.repeat.boundsPeriod.start",),
    "Prescriber Dr. Grey Example": ("{who}",),
    "· Prescription ·": (),
    "for Hypertension": ("{reason}",),
    "Review in May.": ("{note}",),
}
_INSTEAD = {
    "{drug}": ("Medication details not available", "Medication not readable"),
    "dosageInstruction": ("DOSE not recorded", "A dosage instruction could not be read. Check the EHR."),
    "{dose}.doseQuantity": ("DOSE not recorded", "DOSE not recorded"),
    "{dose}.doseQuantity.value": ("DOSE not recorded", "DOSE not recorded"),
    "{dose}.doseQuantity.unit": ("DOSE 5 mg", PART),
    "{dose}.rateRatio.denominator": ("DOSE 5 mg", PART),
    "dosageInstruction.0.route": ("route not recorded", PART),
    "dosageInstruction.0.timing": ("Oral route — as needed for pain", PART),
    "dosageInstruction.0.timing.repeat": ("Oral route — as needed for pain", PART),
    "status": ("Status not given", "Status could not be read"),
    "{written}": ("", PART),
    "{whole}": ("Prescriber not recorded", PART),
    "doNotPerform": ("On hold", "Whether this is an instruction NOT to give could not be read. Check the EHR."),
    "intent": ("On hold", "Whether this is an order, a plan or a proposal could not be read. Check the EHR."),
}
_UNREAD = (
    *("id", "subject", "patient", "encounter", "context", "recorder", "dispenseRequest", "substitution"),
    *(
        "requester.onBehalfOf",
        "dosageInstruction.0.sequence",
        "dosageInstruction.1.sequence",
        "dosageInstruction.0.method",
    ),
    *("contained.0.resourceType", "dosageInstruction.0.doseAndRate.0.type"),
)


def _golden(version: FhirVersion, resource: Json, **elements: str) -> Golden:
    """The words above with this version's names of the elements; `held` and `link` lead to a contained drug."""
    names = {"held": elements["drug"], "link": elements["drug"], **elements}
    shown = {words: tuple(need.format(**names) for need in needs) for words, needs in _PARTS_SHOWN.items()}
    instead = {where.format(**names): words for where, words in _INSTEAD.items()}
    return Golden(version=version, resource=resource, shown=shown, instead=instead, unread=_UNREAD)


DSTU2 = _golden(
    FhirVersion.DSTU2,
    {
        "resourceType": "MedicationOrder",
        "id": "mo-1",
        "dateWritten": "2026-02-03",
        "status": "on-hold",
        "patient": _SUBJECT,
        "prescriber": {"reference": "Practitioner/1", "display": "Dr. Grey Example"},
        "encounter": {"reference": "Encounter/e-1"},
        "reasonCodeableConcept": {"text": "Hypertension"},
        "note": "Review in May.",
        "medicationCodeableConcept": _DRUG,
        "dosageInstruction": [
            {
                "additionalInstructions": {"text": "With food"},
                "timing": _timing("periodUnits"),
                "asNeededCodeableConcept": {"text": "pain"},
                "route": _ROUTE,
                "method": {"text": "Swallow"},
                "doseQuantity": quantity(5, "mg"),
                "rateRatio": _RATE,
                "maxDosePerPeriod": _LIMIT,
            },
            {"text": "Take with water."},
        ],
        "dispenseRequest": {"numberOfRepeatsAllowed": 2},
    },
    drug="medicationCodeableConcept",
    dose="dosageInstruction.0",
    units="periodUnits",
    needed="dosageInstruction.0.asNeededCodeableConcept.text",
    more="dosageInstruction.0.additionalInstructions",
    who="prescriber.display",
    whole="prescriber",
    reason="reasonCodeableConcept.text",
    note="note",
    written="dateWritten",
)
_REQUEST: Json = {
    "resourceType": "MedicationRequest",
    "id": "mr-1",
    "status": "on-hold",
    "intent": "order",
    "subject": _SUBJECT,
    "authoredOn": "2026-02-03T08:00:00Z",
    "note": [{"text": "Review in May."}],
}
_LATER_DOSAGE: Json = {
    "additionalInstruction": [{"text": "With food"}],
    "timing": _timing("periodUnit"),
    "route": _ROUTE,
    "maxDosePerPeriod": _LIMIT,
}
_NEEDED: Json = {"asNeededCodeableConcept": {"text": "pain"}}
_AMOUNT: Json = {"doseQuantity": quantity(5, "mg"), "rateRatio": _RATE}
STU3 = _golden(
    FhirVersion.STU3,
    {
        **_REQUEST,
        "medicationCodeableConcept": _DRUG,
        "context": {"reference": "Encounter/e-1"},
        "requester": {"agent": {"display": "Dr. Grey Example"}, "onBehalfOf": {"display": "Example Clinic"}},
        "reasonCode": [{"text": "Hypertension"}],
        "dosageInstruction": [
            {"sequence": 1, **_LATER_DOSAGE, **_NEEDED, **_AMOUNT},
            {"sequence": 2, "text": "Take with water."},
        ],
    },
    drug="medicationCodeableConcept",
    dose="dosageInstruction.0",
    units="periodUnit",
    needed="dosageInstruction.0.asNeededCodeableConcept.text",
    more="dosageInstruction.0.additionalInstruction.0",
    who="requester.agent.display",
    whole="requester",
    reason="reasonCode.0.text",
    note="note.0.text",
    written="authoredOn",
)
R4 = _golden(
    FhirVersion.R4,
    {
        **_REQUEST,
        "doNotPerform": False,
        "reportedBoolean": False,
        "contained": [{"resourceType": "Medication", "id": "drug", "code": _DRUG}],
        "medicationReference": {"reference": "#drug"},
        "requester": {"reference": "Practitioner/1", "display": "Dr. Grey Example"},
        "reasonCode": [{"text": "Hypertension"}],
        "dosageInstruction": [
            {**_LATER_DOSAGE, **_NEEDED, "doseAndRate": [{"type": coded("ordered"), **_AMOUNT}]},
            {"text": "Take with water."},
        ],
    },
    drug="contained.0.code",
    held="contained.0.id",
    link="medicationReference.reference",
    dose="dosageInstruction.0.doseAndRate.0",
    units="periodUnit",
    needed="dosageInstruction.0.asNeededCodeableConcept.text",
    more="dosageInstruction.0.additionalInstruction.0",
    who="requester.display",
    whole="requester",
    reason="reasonCode.0.text",
    note="note.0.text",
    written="authoredOn",
)
R5 = _golden(
    FhirVersion.R5,
    {
        **_REQUEST,
        "doNotPerform": False,
        "reported": False,
        "medication": {"concept": _DRUG},
        "requester": {"reference": "Practitioner/1", "display": "Dr. Grey Example"},
        "reason": [{"concept": {"text": "Hypertension"}}],
        "dosageInstruction": [
            {
                **_LATER_DOSAGE,
                "asNeeded": True,
                "asNeededFor": [{"text": "pain"}],
                "doseAndRate": [{"type": coded("ordered"), **_AMOUNT}],
                "maxDosePerPeriod": [_LIMIT],
            },
            {"text": "Take with water."},
        ],
    },
    drug="medication.concept",
    dose="dosageInstruction.0.doseAndRate.0",
    units="periodUnit",
    needed="dosageInstruction.0.asNeededFor.0.text",
    more="dosageInstruction.0.additionalInstruction.0",
    who="requester.display",
    whole="requester",
    reason="reason.0.concept.text",
    note="note.0.text",
    written="authoredOn",
)
PRESCRIPTIONS = (DSTU2, STU3, R4, R4.as_version(FhirVersion.R4B), R5)
