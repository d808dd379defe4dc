"""Demographics: golden cases, the choice of name and record number, death, and the many shapes of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from patients.readers.dstu2 import demographics
from patients.records import Contact, ContactPerson, Demographics, Identifier, Missing, PartialDate, PersonName
from tests.patients.readers.golden import CORE, PATIENT_DSTU2, PATIENT_R4


def patient(**fields: Any) -> Demographics:
    return demographics({"resourceType": "Patient", "id": "p", **fields})


def absent(code: str) -> dict[str, Any]:
    url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    return {"extension": [{"url": url, "valueCode": code}]}


def test_a_dstu2_patient_in_full() -> None:
    found = demographics(PATIENT_DSTU2)
    assert found.name == PersonName(family="Quill Marsh", given="Ottilie Wren", prefix="Dr.")
    assert found.preferred_name == "Tilly"
    assert found.born == PartialDate("1945-07-14", 1945, 7, 14)
    assert found.birth_moment is not None
    assert found.birth_moment.moment is not None
    assert found.sex == "Female"
    assert found.mrn == Identifier("MRN", "0054520", "urn:oid:1.2.3")
    assert [item.label for item in found.identifiers] == ["MRN", "Library card"]
    assert found.deceased is None
    assert (found.inactive, found.merged, found.restricted) == (False, True, True)
    assert found.addresses == ("1 Example Row, Flat 2, Testford, 00001",)
    assert found.telecom == (Contact("Phone, home", "555-0100"), Contact("Contact", "555-0101"))
    assert found.languages == ("Spanish (preferred)",)
    assert found.marital_status == "Widowed"
    assert (found.race, found.ethnicity) == ("White", Missing.NOT_RECORDED)
    assert found.general_practitioners == ("Dr. Grey Example",)
    assert found.contacts == (ContactPerson("Guardian", "Ada Quill", (Contact("Phone, work", "555-0102"),)),)
    assert found.multiple_birth == "Number 2 of a multiple birth"
    assert found.marks == ()


def test_an_r4_patient_in_full() -> None:
    found = demographics(PATIENT_R4)
    assert found.name == PersonName(family="Tamarind", given="Mira J.", suffix="III")
    assert found.preferred_name == ""
    assert found.born == PartialDate("1980-02", 1980, 2)
    assert found.mrn == Identifier("MRN", "MRN-9")
    assert found.deceased == PartialDate("2026-03-02T10:00:00Z", 2026, 3, 2)
    assert (found.inactive, found.merged, found.restricted) == (False, False, False)
    assert found.addresses == ("2 Sample Street, Testford 00002 (temporary)",)
    assert found.telecom == (Contact("E-mail, work", "mira@example.test"),)
    assert found.languages == ("English",)
    assert found.marital_status == "Never Married"
    assert (found.race, found.ethnicity) == ("Asian, Filipino", "Not Hispanic or Latino")
    assert found.general_practitioners == ("Iris Loam", "Name not given (Practitioner/8)")
    assert found.contacts == (ContactPerson("Sister", "Sample Trust"),)
    assert found.sex_details == (Contact("Sex assigned at birth", "Female"),)


OFFICIAL = {"use": "official", "family": "Official", "given": ["A"]}
USUAL = {"use": "usual", "family": "Usual", "given": ["A"]}
OLD = {"use": "old", "family": "Old", "given": ["A"]}


@pytest.mark.parametrize(
    ("names", "family"),
    [
        ([USUAL, OFFICIAL], "Official"),
        ([USUAL, {**OFFICIAL, "period": {"end": "2001-01-01"}}], "Usual"),
        ([USUAL, {**OFFICIAL, "period": {"start": "2999-01-01"}}], "Usual"),
        ([OLD, {"family": "Plain"}], "Plain"),
        ([{"use": "maiden", "family": "Maiden"}, {"use": "nickname", "family": "Nick"}], "Nick"),
        ([OLD], "Old"),
        ([{"use": "official"}, {"use": "official", "family": ["", " "], "given": [None]}, USUAL], "Usual"),
        (USUAL, "Usual"),
    ],
)
def test_the_name_shown_is_the_current_official_one_then_the_usual_one(names: Any, family: str) -> None:
    found = patient(name=names).name
    assert isinstance(found, PersonName)
    assert found.family == family


def test_a_name_of_text_alone_is_shown_as_it_is() -> None:
    assert patient(name=[{"text": "Sample,  Ada (née X)"}]).name == PersonName(text="Sample, Ada (née X)")
    assert patient(name=[{"text": "Baby Sample", "given": ["Baby"]}]).name == PersonName(text="Baby Sample")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, Missing.NOT_RECORDED),
        ({"name": []}, Missing.NOT_RECORDED),
        ({"name": [{}]}, Missing.NOT_RECORDED),
        ({"name": "Ada"}, Missing.UNREADABLE),
        ({"name": [absent("masked")]}, Missing.MASKED),
    ],
)
def test_a_missing_name_says_why(fields: dict[str, Any], reason: Missing) -> None:
    assert patient(**fields).name is reason


MR = {"type": {"coding": [{"code": "MR"}]}}


@pytest.mark.parametrize(
    ("identifiers", "expected"),
    [
        ([{**MR, "value": "1"}, {**MR, "use": "usual", "value": "2"}], "2"),
        ([{**MR, "use": "old", "value": "1"}, {**MR, "value": "2"}], "2"),
        ([{**MR, "value": "1", "period": {"end": "2001"}}], Missing.NOT_RECORDED),
        ([{"type": {"text": "Medical Record Number"}, "value": "3"}], "3"),
        ([{"system": "http://clinic.example/ids/mrn", "value": "4"}], "4"),
        ([{"system": "http://clinic.example/ids/mrn", "value": "4"}, {**MR, "value": "5"}], "5"),
        ([{"type": {"coding": [{"code": "SS"}]}, "value": "999"}], Missing.NOT_RECORDED),
        ([{**MR, "_value": absent("masked")}], Missing.MASKED),
        ([{**MR, "value": 54520}], Missing.UNREADABLE),
        (None, Missing.NOT_RECORDED),
        ("MRN 1", Missing.UNREADABLE),
    ],
)
def test_the_record_number_is_the_current_mr_and_never_the_fhir_id(identifiers: Any, expected: str | Missing) -> None:
    found = patient(identifier=identifiers).mrn
    assert (found if isinstance(found, Missing) else found.value) == expected


def test_other_identifiers_are_labelled_by_type_and_system() -> None:
    found = patient(
        identifier=[
            {"type": {"coding": [{"code": "DL"}]}, "value": "S9"},
            {"type": {"coding": [{"code": "SB"}]}, "system": "http://hl7.org/fhir/sid/us-ssn", "value": "999"},
            {"assigner": {"display": "Sample Trust"}, "value": "7"},
            {**MR, "use": "old", "value": "0"},
            {"value": "x"},
            {"system": "http://nowhere.example"},
        ]
    ).identifiers
    assert [item.label for item in found] == [
        "Driver's license number",
        "Social Security number",
        "Identifier of Sample Trust",
        "MRN (old)",
        "Identifier",
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"deceasedBoolean": False}, None),
        ({"deceasedBoolean": "false"}, None),
        ({"deceasedBoolean": None, "deceasedDateTime": None}, None),
        ({"deceasedBoolean": True}, Missing.NOT_RECORDED),
        ({"deceasedBoolean": "true"}, Missing.NOT_RECORDED),
        ({"deceasedDateTime": "2026-03"}, PartialDate("2026-03", 2026, 3)),
        ({"deceasedDateTime": "2026-03", "deceasedBoolean": False}, PartialDate("2026-03", 2026, 3)),
        ({"deceasedDateTime": "last year"}, PartialDate("last year")),
        ({"_deceasedDateTime": absent("unknown")}, Missing.UNKNOWN),
        ({"deceasedDateTime": 2026}, Missing.UNREADABLE),
        ({"deceasedDateTime": True}, Missing.NOT_RECORDED),
    ],
)
def test_death_is_told_by_either_element(fields: dict[str, Any], expected: PartialDate | Missing | None) -> None:
    assert patient(**fields).deceased == expected


def test_an_unreadable_statement_on_death_is_marked() -> None:
    found = patient(deceasedBoolean="perhaps")
    assert found.deceased is None
    assert found.marks == ("Whether the patient has died could not be read. Check the EHR.",)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("male", "Male"),
        ("FEMALE", "Female"),
        ("M", "Male"),
        ("other", "Other"),
        ("unknown", "Unknown"),
        ("hijra", "hijra"),
    ],
)
def test_sex_is_a_full_word(sent: str, shown: str) -> None:
    assert patient(gender=sent).sex == shown


def test_sex_may_come_from_the_us_core_extension_alone() -> None:
    extension = [{"url": f"{CORE}/us-core-sex", "valueCode": "248152002"}]
    assert patient(extension=extension).sex == "Female"
    assert patient(extension=extension, _gender=absent("asked-declined")).sex is Missing.ASKED_DECLINED
    assert patient(gender=1).sex is Missing.UNREADABLE


def test_gender_identity_is_labelled_apart() -> None:
    identity = {"url": f"{CORE}/us-core-genderIdentity", "valueCodeableConcept": {"text": "non-binary"}}
    found = patient(gender="male", extension=[identity])
    assert found.sex == "Male"
    assert found.sex_details == (Contact("Gender identity", "non-binary"),)


@pytest.mark.parametrize(
    ("birth_date", "born"),
    [
        ("1956-10-14T00:00:00.000Z", PartialDate("1956-10-14T00:00:00.000Z", 1956, 10, 14)),
        ("1956", PartialDate("1956", 1956)),
        ("2020-02-30", PartialDate("2020-02-30")),
        (1956, Missing.UNREADABLE),
        (None, Missing.NOT_RECORDED),
    ],
)
def test_a_birth_date_is_kept_as_precise_as_it_was_sent(birth_date: Any, born: PartialDate | Missing) -> None:
    assert patient(birthDate=birth_date).born == born


def test_a_time_of_birth_on_another_day_is_not_used() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
    time = {"extension": [{"url": url, "valueDateTime": "2017-05-09T17:11:00+01:00"}]}
    found = patient(birthDate="2017-09-05", _birthDate=time)
    assert found.birth_moment is None
    assert found.marks == ("The time of birth was sent with another day than the birth date",)


@pytest.mark.parametrize(
    ("kind", "merged"), [("replaced-by", True), ("replace", True), ("replaces", False), ("seealso", False)]
)
def test_a_record_merged_into_another_is_known_by_its_link(kind: str, *, merged: bool) -> None:
    assert patient(link=[{"type": kind}]).merged is merged


@pytest.mark.parametrize(
    ("active", "inactive"), [(False, True), ("false", True), (True, False), (None, False), ("no", False)]
)
def test_only_an_explicit_false_is_inactive(active: Any, *, inactive: bool) -> None:
    assert patient(active=active).inactive is inactive


@pytest.mark.parametrize(
    ("code", "restricted"), [("R", True), ("V", True), ("HIV", True), ("ETH", True), ("N", False), (7, False)]
)
def test_restricted_records_are_known_by_their_security_labels(code: Any, *, restricted: bool) -> None:
    assert patient(meta={"security": [{"code": "N"}, {"code": code}]}).restricted is restricted


def test_old_addresses_and_numbers_come_last_and_say_so() -> None:
    found = patient(
        address=[{"use": "old", "city": "Was"}, {"city": "Is"}, {"city": "Past", "period": {"end": "2001"}}, {}],
        telecom=[
            {"system": "phone", "use": "old", "value": "1"},
            {"system": "sms", "rank": 2, "value": "2"},
            {"rank": 1, "value": "3"},
        ],
    )
    assert found.addresses == ("Is", "Was (old)", "Past (old)")
    assert found.telecom == (Contact("Contact", "3"), Contact("Text message", "2"), Contact("Phone, old", "1"))


def test_race_names_every_category_and_a_declined_answer() -> None:
    race = {
        "url": f"{CORE}/us-core-race",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"code": "2106-3"}},
            {"url": "ombCategory", "valueCoding": {"code": "9999-9"}},
            {"url": "text", "valueString": "Mixed"},
        ],
    }
    declined = {
        "url": f"{CORE}/us-core-ethnicity",
        "extension": [{"url": "ombCategory", "valueCoding": {"code": "ASKU"}}],
    }
    found = patient(extension=[race, declined])
    assert found.race == "Mixed (White, Code 9999-9 (no description))"
    assert found.ethnicity is Missing.ASKED_UNKNOWN


def test_languages_by_code_are_words_and_the_need_of_an_interpreter_is_told() -> None:
    interpreter = {"url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired", "valueBoolean": True}
    languages = [
        {"language": {"coding": [{"code": "en-us"}]}},
        {"language": {"coding": [{"code": "xx"}]}},
        {"language": 5},
    ]
    found = patient(communication=languages, extension=[interpreter]).languages
    assert found == ("English (US)", "Code xx (no description)", "Interpreter needed")
