"""What only STU3 and R5 say, what changes the meaning of a record, and dates that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import MODIFIED
from patients.readers.select import reader_for
from patients.records import MedicationGroup, Missing, PartialDate, When

NEXT_YEAR = str(datetime.now(UTC).year + 1)


@pytest.mark.parametrize(
    ("adherence", "group", "word"),
    [
        ("taking-as-directed", MedicationGroup.CURRENT, "Taking"),
        ("taking-not-as-directed", MedicationGroup.CURRENT, "Taking, not as directed"),
        ("on-hold", MedicationGroup.CURRENT, "On hold"),
        ("on-hold-not-as-directed", MedicationGroup.CURRENT, "On hold"),
        ("stopped-as-directed", MedicationGroup.PAST, "Stopped"),
        ("stopped-not-as-directed", MedicationGroup.PAST, "Stopped"),
        ("not-taking", MedicationGroup.NOT_TAKING, "Not taking"),
        ("unknown", MedicationGroup.CURRENT, "Not known if taken"),
    ],
)
def test_every_adherence_of_r5_has_its_group(adherence: str, group: MedicationGroup, word: str) -> None:
    found = statement(status="recorded", adherence={"code": {"coding": [{"code": adherence}]}})
    assert (found.group, found.status.word) == (group, word)


def test_an_adherence_that_we_do_not_know_is_shown_as_sent() -> None:
    found = statement(status="recorded", adherence={"code": {"text": "On Sundays"}, "reason": {"text": "Habit"}})
    assert found.group is MedicationGroup.CURRENT
    assert set(found.marks) == {"Adherence: On Sundays", "Reason for adherence: Habit"}


@pytest.mark.parametrize("taken", ["unk", "na", "perhaps", None])
def test_a_drug_that_may_not_be_taken_keeps_its_status_beside(taken: object) -> None:
    found = statement(status="on-hold", taken=taken)
    assert found.status.word == "Not known if taken"
    assert found.marks == ("Status of this record: On hold",)


def test_a_period_without_a_start_has_no_start() -> None:
    found = statement(effectivePeriod={"end": "2026-02-01"}, dateAsserted="2026-05-05")
    assert isinstance(found.started, When)
    assert found.started.label == "Recorded"
    assert statement(effectivePeriod={"start": 7, "end": "2026-02-01"}).started is Missing.UNREADABLE


def test_the_timing_of_a_statement_gives_its_start() -> None:
    timing = {"repeat": {"boundsPeriod": {"start": "2026-01-02"}}}
    assert statement(effectiveTiming=timing).started == When(start=PartialDate("2026-01-02", 2026, 1, 2))


@pytest.mark.parametrize(("intent", "mark"), [("wish", "Intent of this order: wish"), (7, "Whether this is an order")])
def test_an_intent_that_we_do_not_know_is_told(intent: object, mark: str) -> None:
    drug = {"text": "ibuprofen"}
    found = reader_for(FhirVersion.R5).medication(
        {"resourceType": "MedicationRequest", "status": "active", "intent": intent, "medication": {"concept": drug}}
    )
    assert found.group is MedicationGroup.CURRENT
    assert any(mark in each for each in found.marks)


@pytest.mark.parametrize(
    "fields",
    [
        {"modifierExtension": [{"url": "https://x.example", "valueBoolean": True}]},
        {"implicitRules": "https://x.example/rules"},
        {"contact": [{"modifierExtension": [{"url": "https://x.example"}]}]},
    ],
)
@pytest.mark.parametrize("kind", ["Patient", "Condition", "MedicationRequest"])
def test_what_changes_the_meaning_is_marked_wherever_it_stands(kind: str, fields: dict[str, Any]) -> None:
    reader = reader_for(FhirVersion.R5)
    read: Any = {"Patient": reader.demographics, "Condition": reader.condition}.get(kind, reader.medication)
    assert MODIFIED in read({"resourceType": kind, "id": "1", **fields}).marks
    assert MODIFIED not in read({"resourceType": kind, "id": "1", "modifierExtension": [None, {}]}).marks


def test_a_timing_with_a_modifier_is_not_put_into_our_words() -> None:
    repeat = {"frequency": 2, "period": 1, "periodUnit": "d"}
    timing = {"repeat": repeat, "modifierExtension": [{"url": "https://x.example"}]}
    found = statement(dosage=[{"timing": timing}])
    assert all(not dose.timing for dose in found.doses)
    assert any("dosage instruction carries a condition" in mark for mark in found.marks)


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"birthDate": "1950-05-05", "deceasedDateTime": "1949"}, "The date of death lies before the date of birth."),
        ({"birthDate": NEXT_YEAR}, "The date of birth lies in the future."),
        ({"birthDate": "1980", "deceasedDateTime": NEXT_YEAR}, "The date of death lies in the future."),
        ({"birthDate": "1850"}, "By these dates the age is over 130 years."),
        ({"birthDate": "1700-01-01", "deceasedDateTime": "1831"}, "By these dates the age is over 130 years."),
    ],
)
def test_dates_that_cannot_be_are_shown_as_sent_and_marked(fields: dict[str, str], mark: str) -> None:
    found = reader_for(FhirVersion.R4).demographics({"resourceType": "Patient", "id": "1", **fields})
    assert isinstance(found.born, PartialDate)
    assert found.born.sent == fields["birthDate"]
    assert found.marks == (f"{mark} Check the EHR.",)


@pytest.mark.parametrize(
    "fields",
    [{"birthDate": "1700", "deceasedDateTime": "1800"}, {"birthDate": "1950", "deceasedDateTime": "1950"}, {}],
)
def test_dates_that_can_be_are_not_marked(fields: dict[str, str]) -> None:
    assert reader_for(FhirVersion.R4).demographics({"resourceType": "Patient", "id": "1", **fields}).marks == ()


@pytest.mark.parametrize("version", list(FhirVersion))
def test_a_bundle_with_one_entry_is_read_as_that_entry(version: FhirVersion) -> None:
    entry = {"resource": {"resourceType": "Condition", "id": "c", "code": {"text": "Hay fever"}}}
    found = reader_for(version).condition({"resourceType": "Bundle", "entry": [entry]})
    assert (found.name.text, found.references) == ("Hay fever", ("Condition/c",))


def statement(**fields: Any) -> Any:
    resource = {"resourceType": "MedicationStatement", "medicationCodeableConcept": {"text": "fish oil"}, **fields}
    return reader_for(FhirVersion.R5).medication(resource)
