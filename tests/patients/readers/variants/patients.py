"""Patients: a list of family names in DSTU2, one of them later; the rest differs in names and code systems only."""

from __future__ import annotations

from launcher.smart.fhir_version import FhirVersion
from tests.patients.readers.variants.golden import PART, Golden, Json, coded

CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"

_COMMON: Json = {
    "resourceType": "Patient",
    "id": "54520",
    "meta": {"versionId": "3", "security": [{"code": "R", "display": "restricted"}]},
    "identifier": [
        {"use": "usual", "type": coded("MR"), "system": "urn:oid:1.2.3", "value": "0054520"},
        {"type": {"text": "Library card"}, "value": "77", "period": {"start": "2001"}},
    ],
    "active": True,
    "telecom": [
        {"system": "phone", "value": "555-0100", "use": "home", "rank": 1},
        {"system": "email", "value": "ottilie@example.test"},
    ],
    "gender": "female",
    "birthDate": "1945-07-14",
    "_birthDate": {"extension": [{"url": BIRTH_TIME, "valueDateTime": "1945-07-14T03:20:00-05:00"}]},
    "address": [
        {"use": "home", "line": ["1 Example Row", "Flat 2"], "city": "Testford", "state": "EX", "postalCode": "00001"},
        {"use": "old", "text": "9 Former Street, Oldham Example", "period": {"end": "2001"}},
    ],
    "maritalStatus": coded("W"),
    "multipleBirthInteger": 2,
    "communication": [{"language": coded("es"), "preferred": True}],
}
_NESTED_RACE: Json = {
    "url": f"{CORE}/us-core-race",
    "extension": [
        {"url": "ombCategory", "valueCoding": {"code": "2028-9", "display": "Asian"}},
        {"url": "text", "valueString": "Filipino descent"},
    ],
}
_SHOWN = {
    "Sex Female": ("gender",),
    "MRN 0054520": ("identifier.0.type.coding.0.code", "identifier.0.value"),
    "Library card 77": ("identifier.1.type.text", "identifier.1.value"),
    "Languages Spanish (preferred)": ("communication.0.language.coding.0.code", "communication.0.preferred"),
    "Marital status Widowed": ("maritalStatus.coding.0.code",),
    "Multiple birth Number 2 of a multiple birth": ("multipleBirthInteger",),
    "1 Example Row, Flat 2, Testford, EX 00001": (
        "address.0.line.0",
        "address.0.line.1",
        "address.0.city",
        "address.0.state",
        "address.0.postalCode",
    ),
    "9 Former Street, Oldham Example (old)": ("address.1.text", "address.1.use"),
    "Phone, home 555-0100": ("telecom.0.system", "telecom.0.value", "telecom.0.use"),
    "E-mail ottilie@example.test": ("telecom.1.system", "telecom.1.value"),
    "14-Jul-1945": ("birthDate",),
}
_INSTEAD = {
    "name": ("Name not recorded", "Name not recorded"),
    "birthDate": ("Born not recorded", "Born not readable"),
    "gender": ("Sex not recorded", "Sex not readable"),
    "identifier": ("MRN not recorded", "MRN not readable"),
    "identifier.0.value": ("MRN not recorded", "MRN not readable"),
    "maritalStatus": ("Marital status not recorded", "Marital status not readable"),
    "maritalStatus.coding": ("Marital status not recorded", "Marital status not readable"),
    "communication": ("Languages not recorded", PART),
    "address": ("Address not recorded", PART),
    "telecom": ("Telephone not recorded", PART),
    "extension": ("Race not recorded", PART),
    "active": ("", "Whether the record is in use could not be read. Check the EHR."),
    "deceasedBoolean": ("", "Whether the patient has died could not be read. Check the EHR."),
    "contact.0.name": ("Name not recorded (Guardian)", PART),
    "contact.0.relationship": ("(relationship not recorded)", "(relationship not readable)"),
}
_UNREAD = ("id", "meta.versionId", "link.0.other", "photo", "managingOrganization")

DSTU2 = Golden(
    version=FhirVersion.DSTU2,
    resource={
        **_COMMON,
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/us-core-race",
                "valueCodeableConcept": {"coding": [{"code": "2106-3", "display": "White"}]},
            }
        ],
        "name": [
            {"use": "official", "family": ["Quill", "Marsh"], "given": ["Ottilie", "Wren"], "prefix": ["Dr."]},
            {"use": "usual", "family": ["Quill", "Marsh"], "given": ["Tilly"]},
        ],
        "deceasedBoolean": False,
        "contact": [
            {
                "relationship": [coded("guardian")],
                "name": {"family": ["Reed"], "given": ["Ada"]},
                "telecom": [{"system": "phone", "value": "555-0102", "use": "work"}],
            }
        ],
        "careProvider": [{"reference": "Practitioner/1", "display": "Dr. Grey Example"}],
        "link": [{"type": "seealso", "other": {"reference": "Patient/p-3"}}],
    },
    shown={
        **_SHOWN,
        "QUILL MARSH, Ottilie Wren (Dr)": (
            "name.0.use",
            "name.0.family.0",
            "name.0.family.1",
            "name.0.given.0",
            "name.0.given.1",
            "name.0.prefix.0",
        ),
        "Preferred name Tilly": ("name.1.use", "name.1.given.0", "name.0.family", "name.1.family", "name.0.use"),
        "Race White": ("extension.0.url", "extension.0.valueCodeableConcept.coding.0.display"),
        "General practitioner Dr. Grey Example": ("careProvider.0.display",),
        "Ada Reed (Guardian)": (
            "contact.0.name.given.0",
            "contact.0.name.family.0",
            "contact.0.relationship.0.coding.0.code",
        ),
        "Phone, work 555-0102": (
            "contact.0.telecom.0.system",
            "contact.0.telecom.0.value",
            "contact.0.telecom.0.use",
        ),
    },
    instead={**_INSTEAD, "careProvider": ("General practitioner not recorded", PART)},
    unread=_UNREAD,
)


def _later(version: FhirVersion, relationship: Json) -> Golden:
    return Golden(
        version=version,
        resource={
            **_COMMON,
            "extension": [
                _NESTED_RACE,
                {"url": f"{CORE}/us-core-birthsex", "valueCode": "F"},
            ],
            "contained": [
                {"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Loam", "given": ["Iris"]}]}
            ],
            "name": [
                {"use": "official", "family": "Tamarind", "given": ["Mira", "J."], "suffix": ["III"]},
                {"use": "maiden", "family": "Ashgrove", "given": ["Mira"], "period": {"end": "1970"}},
            ],
            "deceasedDateTime": "2026-03-02",
            "contact": [
                {
                    "relationship": [relationship],
                    "name": {"family": "Reed", "given": ["Ada"]},
                    "telecom": [{"system": "sms", "value": "555-0102", "use": "mobile"}],
                }
            ],
            "generalPractitioner": [{"reference": "#gp"}, {"display": "Example Clinic"}],
            "link": [{"type": "seealso", "other": {"reference": "Patient/p-3"}}],
        },
        shown={
            **_SHOWN,
            "TAMARIND, Mira J. III": ("name.0.family", "name.0.given.0", "name.0.given.1", "name.0.suffix.0"),
            "Race Filipino descent (Asian)": (
                "extension.0.url",
                "extension.0.extension.0.url",
                "extension.0.extension.0.valueCoding.display",
                "extension.0.extension.1.url",
                "extension.0.extension.1.valueString",
            ),
            "Sex assigned at birth Female": ("extension.1.url", "extension.1.valueCode"),
            "General practitioner Iris Loam, Example Clinic": (
                "generalPractitioner.0.reference",
                "generalPractitioner.1.display",
                "contained.0.id",
                "contained.0.name.0.family",
                "contained.0.name.0.given.0",
            ),
            "Ada Reed (Guardian)": (
                "contact.0.name.given.0",
                "contact.0.name.family",
                "contact.0.relationship.0.coding.0.code",
                "contact.0.relationship.0.text",
            ),
            "Text message, mobile 555-0102": (
                "contact.0.telecom.0.system",
                "contact.0.telecom.0.value",
                "contact.0.telecom.0.use",
            ),
            "Died 02-Mar-2026": ("deceasedDateTime",),
            "Age at death 80y": ("deceasedDateTime", "birthDate"),
        },
        instead={
            **_INSTEAD,
            "deceasedDateTime": ("", "Died date not readable|Died date not recorded"),
            "generalPractitioner": ("General practitioner not recorded", PART),
        },
        unread=(*_UNREAD, "contained.0.resourceType", "name.1"),
    )


STU3 = _later(
    FhirVersion.STU3, {"text": "Guardian", "coding": [{"code": "N", "system": "http://hl7.org/fhir/v2/0131"}]}
)
R4 = _later(
    FhirVersion.R4,
    {"text": "Guardian", "coding": [{"code": "N", "system": "http://terminology.hl7.org/CodeSystem/v2-0131"}]},
)
PATIENTS = (DSTU2, STU3, R4, R4.as_version(FhirVersion.R4B), R4.as_version(FhirVersion.R5))
