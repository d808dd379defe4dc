"""Resources of invented people with nearly every element the readers look at, in the shapes of DSTU2, STU3 and R4."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition"


def quantity(value: str, unit: str) -> Json:
    return {"value": Decimal(value), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


PATIENT_DSTU2: Json = {
    "resourceType": "Patient",
    "id": "p-2",
    "meta": {"security": [{"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "R"}]},
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/us-core-race",
            "valueCodeableConcept": {"text": "race", "coding": [{"code": "2106-3", "display": "White"}]},
        }
    ],
    "identifier": [
        {"use": "usual", "type": {"coding": [{"code": "MR"}]}, "system": "urn:oid:1.2.3", "value": "0054520"},
        {"type": {"text": "Library card"}, "value": "77"},
    ],
    "active": True,
    "name": [
        {"use": "official", "family": ["Quill", "Marsh"], "given": ["Ottilie", "Wren"], "prefix": ["Dr."]},
        {"use": "usual", "family": ["Quill", "Marsh"], "given": ["Tilly"]},
    ],
    "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}, {"value": "555-0101"}],
    "gender": "female",
    "birthDate": "1945-07-14",
    "_birthDate": {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                "valueDateTime": "1945-07-14T03:20:00-05:00",
            }
        ]
    },
    "deceasedBoolean": False,
    "address": [{"use": "home", "line": ["1 Example Row", "Flat 2"], "city": "Testford", "postalCode": "00001"}],
    "maritalStatus": {"coding": [{"code": "W"}]},
    "multipleBirthInteger": 2,
    "contact": [
        {
            "relationship": [{"coding": [{"code": "guardian"}]}],
            "name": {"family": ["Quill"], "given": ["Ada"]},
            "telecom": [{"system": "phone", "value": "555-0102", "use": "work"}],
        }
    ],
    "communication": [{"language": {"coding": [{"code": "es"}]}, "preferred": True}],
    "careProvider": [{"reference": "Practitioner/1", "display": "Dr. Grey Example"}],
    "link": [{"type": "replace", "other": {"reference": "Patient/p-3"}}],
}

PATIENT_R4: Json = {
    "resourceType": "Patient",
    "id": "p-4",
    "extension": [
        {
            "url": f"{CORE}/us-core-race",
            "extension": [
                {"url": "ombCategory", "valueCoding": {"code": "2028-9", "display": "Asian"}},
                {"url": "detailed", "valueCoding": {"code": "2036-2", "display": "Filipino"}},
                {"url": "text", "valueString": "Filipino"},
            ],
        },
        {
            "url": f"{CORE}/us-core-ethnicity",
            "extension": [{"url": "text", "valueString": "Not Hispanic or Latino"}],
        },
        {"url": f"{CORE}/us-core-birthsex", "valueCode": "F"},
    ],
    "identifier": [
        {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            "value": "MRN-9",
            "period": {"start": "2001"},
        }
    ],
    "active": True,
    "name": [
        {"use": "old", "family": "Ashgrove", "given": ["Mira"]},
        {"use": "official", "family": "Tamarind", "given": ["Mira", "J."], "suffix": ["III"]},
    ],
    "telecom": [{"system": "email", "value": "mira@example.test", "use": "work", "rank": 1}],
    "gender": "female",
    "birthDate": "1980-02",
    "deceasedDateTime": "2026-03-02T10:00:00Z",
    "address": [{"text": "2 Sample Street\r\nTestford 00002", "use": "temp", "period": {"start": "2020"}}],
    "maritalStatus": {"text": "Never Married"},
    "contact": [{"relationship": [{"text": "Sister"}], "organization": {"display": "Sample Trust"}}],
    "communication": [{"language": {"text": "English"}}],
    "generalPractitioner": [{"reference": "#gp"}, {"reference": "Practitioner/8"}],
    "contained": [{"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Loam", "given": ["Iris"]}]}],
    "link": [{"type": "seealso", "other": {"reference": "Patient/p-5"}}],
}

CONDITION_DSTU2: Json = {
    "resourceType": "Condition",
    "id": "c-2",
    "patient": {"reference": "Patient/p-2"},
    "encounter": {"reference": "Encounter/e-1"},
    "dateRecorded": "2026-01-08",
    "code": {"coding": [{"system": SNOMED, "code": "44054006", "display": "Diabetes mellitus type 2 (disorder)"}]},
    "category": {"coding": [{"system": "http://hl7.org/fhir/condition-category", "code": "diagnosis"}]},
    "clinicalStatus": "active",
    "verificationStatus": "provisional",
    "severity": {"text": "Moderate"},
    "onsetQuantity": quantity("34", "a"),
    "abatementBoolean": False,
    "bodySite": [{"text": "Left foot"}, {"coding": [{"code": "1", "display": "Right foot"}]}],
    "notes": "Diet first.\r\nReview in May.",
}

CONDITION_R4: Json = {
    "resourceType": "Condition",
    "id": "c-4",
    "meta": {"security": [{"code": "PSY"}]},
    "subject": {"reference": "Patient/p-4"},
    "encounter": {"reference": "Encounter/e-4"},
    "recordedDate": "2026-01-08T09:30:00+01:00",
    "code": {
        "text": "High sugar",
        "coding": [
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9", "display": "Type 2 diabetes mellitus"},
            {"system": SNOMED, "code": "44054006", "display": "Diabetes mellitus type 2 (disorder)"},
        ],
    },
    "category": [{"coding": [{"code": "problem-list-item"}]}],
    "clinicalStatus": {"coding": [{"code": "resolved"}]},
    "verificationStatus": {"coding": [{"code": "confirmed"}]},
    "severity": {"coding": [{"code": "24484000", "display": "Severe"}]},
    "onsetPeriod": {"start": "2011-03", "end": "2012"},
    "abatementDateTime": "2013-05-01",
    "bodySite": [{"text": "Whole body"}],
    "note": [{"text": "Seen twice.", "time": "2026-01-09"}],
}

TIMING_R4: Json = {
    "repeat": {
        "boundsDuration": quantity("10", "d"),
        "frequency": 2,
        "frequencyMax": 3,
        "period": Decimal("1.0"),
        "periodUnit": "d",
        "when": ["ACM"],
        "offset": 30,
        "dayOfWeek": ["mon", "fri"],
    }
}

MEDICATION_ORDER: Json = {
    "resourceType": "MedicationOrder",
    "id": "mo-2",
    "dateWritten": "2026-02-03",
    "dateEnded": "2026-02-20",
    "status": "stopped",
    "patient": {"reference": "Patient/p-2"},
    "prescriber": {"reference": "Practitioner/1", "display": "Dr. Grey Example"},
    "reasonEnded": {"text": "Rash"},
    "reasonCodeableConcept": {"text": "Hypertension"},
    "note": "Take with water.",
    "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "17767", "display": "amlodipine 5 MG"}]},
    "dosageInstruction": [
        {
            "text": "1 tab PO daily",
            "additionalInstructions": {"text": "With food"},
            "timing": {
                "repeat": {
                    "boundsPeriod": {"start": "2026-02-04", "end": "2026-02-20"},
                    "frequency": 1,
                    "period": 1,
                    "periodUnits": "d",
                    "when": "HS",
                }
            },
            "asNeededBoolean": True,
            "siteCodeableConcept": {"text": "Mouth"},
            "route": {"text": "oral"},
            "doseQuantity": quantity("5.0", "mg"),
            "rateRatio": {"numerator": quantity("100", "cc"), "denominator": quantity("1", "h")},
            "maxDosePerPeriod": {"numerator": quantity("10", "mg"), "denominator": quantity("24", "h")},
        }
    ],
}

MEDICATION_REQUEST: Json = {
    "resourceType": "MedicationRequest",
    "id": "mr-4",
    "contained": [
        {
            "resourceType": "Medication",
            "id": "drug",
            "code": {"text": "amoxicillin", "coding": [{"system": RXNORM, "code": "723", "display": "amoxicillin"}]},
            "form": {"coding": [{"code": "385049006", "display": "Capsule (qualifier value)"}]},
        }
    ],
    "status": "active",
    "intent": "order",
    "doNotPerform": False,
    "reportedBoolean": False,
    "medicationReference": {"reference": "#drug"},
    "subject": {"reference": "Patient/p-4"},
    "authoredOn": "2026-04-01T08:00:00Z",
    "requester": {"reference": "Practitioner/2", "display": "Dr. Fern Sample"},
    "reasonCode": [{"text": "Otitis media"}],
    "reasonReference": [{"reference": "Condition/9", "display": "Fever"}],
    "note": [{"text": "Finish the course."}],
    "dosageInstruction": [
        {
            "text": "as directed",
            "patientInstruction": "Drink plenty.",
            "additionalInstruction": [{"text": "Before meals"}],
            "timing": TIMING_R4,
            "asNeededCodeableConcept": {"text": "pain"},
            "site": {"text": "Mouth"},
            "route": {"coding": [{"system": SNOMED, "code": "26643006", "display": "Oral route (qualifier value)"}]},
            "doseAndRate": [
                {
                    "type": {"coding": [{"code": "ordered"}]},
                    "doseRange": {"low": quantity("1", "{tbl}"), "high": quantity("2", "{tbl}")},
                    "rateQuantity": quantity("1500", "mL/h"),
                }
            ],
            "maxDosePerPeriod": {"numerator": quantity("4", "g"), "denominator": quantity("1", "d")},
        }
    ],
}

STATEMENT_DSTU2: Json = {
    "resourceType": "MedicationStatement",
    "id": "ms-2",
    "patient": {"reference": "Patient/p-2"},
    "informationSource": {"display": "Ada Quill"},
    "dateAsserted": "2026-05-05",
    "status": "active",
    "wasNotTaken": True,
    "reasonNotTaken": [{"text": "Nausea"}],
    "reasonForUseCodeableConcept": {"text": "Pain"},
    "effectivePeriod": {"start": "2026-01-01", "end": "2026-02-01"},
    "medicationReference": {"reference": "Medication/123"},
    "dosage": [{"quantityQuantity": quantity("10", "U"), "route": {"text": "subcutaneous"}}],
}

STATEMENT_R4: Json = {
    "resourceType": "MedicationStatement",
    "id": "ms-4",
    "subject": {"reference": "Patient/p-4"},
    "status": "not-taken",
    "statusReason": [{"text": "Too dear"}],
    "effectiveDateTime": "2026-01",
    "medicationCodeableConcept": {"text": "fish oil"},
    "dosage": [{"text": "one a day", "timing": {"code": {"text": "QD"}}}],
}

CONDITION_STU3: Json = {
    "resourceType": "Condition",
    "id": "c-3",
    "subject": {"reference": "Patient/p-3"},
    "context": {"reference": "Encounter/e-3"},
    "assertedDate": "2026-01-08",
    "code": {"text": "Hay fever"},
    "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
    "verificationStatus": "differential",
    "onsetRange": {"low": quantity("8", "a"), "high": quantity("10", "a")},
}

REQUEST_STU3: Json = {
    "resourceType": "MedicationRequest",
    "id": "mr-3",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "cetirizine 10 mg"},
    "subject": {"reference": "Patient/p-3"},
    "authoredOn": "2026-04-01",
    "requester": {"agent": {"display": "Dr. Moss Sample"}, "onBehalfOf": {"display": "Sample Clinic"}},
    "dosageInstruction": [
        {
            "sequence": 1,
            "timing": {"code": {"coding": [{"code": "QD", "display": "QD"}]}},
            "route": {"text": "oral"},
            "doseQuantity": quantity("10.0", "mg"),
            "rateRange": {"low": quantity("1", "mL/h"), "high": quantity("2", "mL/h")},
            "maxDosePerLifetime": quantity("1000", "mg"),
        }
    ],
}

STATEMENT_STU3: Json = {
    "resourceType": "MedicationStatement",
    "id": "ms-3",
    "subject": {"reference": "Patient/p-3"},
    "status": "active",
    "taken": "n",
    "effectiveDateTime": "2026-01-05",
    "medicationCodeableConcept": {"text": "fish oil"},
}

GOLDEN: tuple[Json, ...] = (
    PATIENT_DSTU2,
    PATIENT_R4,
    CONDITION_DSTU2,
    CONDITION_STU3,
    CONDITION_R4,
    REQUEST_STU3,
    STATEMENT_STU3,
    MEDICATION_ORDER,
    MEDICATION_REQUEST,
    STATEMENT_DSTU2,
    STATEMENT_R4,
)
