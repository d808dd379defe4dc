"""Medications: golden cases, groups and status words, the drug's name, who and why, and notices."""

from __future__ import annotations

from typing import Any

import pytest

from patients.readers.drug import medication_reference
from patients.readers.r4 import medication
from patients.records import Coded, Medication, MedicationGroup, Missing, PartialDate, Tag, Tone, When
from tests.patients.readers.golden import (
    MEDICATION_ORDER,
    MEDICATION_REQUEST,
    REQUEST_STU3,
    RXNORM,
    STATEMENT_DSTU2,
    STATEMENT_R4,
    STATEMENT_STU3,
)

CURRENT, PAST, PLANNED = MedicationGroup.CURRENT, MedicationGroup.PAST, MedicationGroup.PLANNED
NOT_TAKING = MedicationGroup.NOT_TAKING
UNSAID = "Status not given"


def order(**fields: Any) -> Medication:
    return medication({"resourceType": "MedicationOrder", "id": "m", **fields})


def request(**fields: Any) -> Medication:
    return medication({"resourceType": "MedicationRequest", "id": "m", **fields})


def statement(**fields: Any) -> Medication:
    return medication({"resourceType": "MedicationStatement", "id": "m", **fields})


def test_a_dstu2_order_in_full() -> None:
    found = medication(MEDICATION_ORDER)
    assert found.reference == "MedicationOrder/mo-2"
    assert found.source == "Prescription"
    assert found.name == Coded("amlodipine 5 MG", "17767", "RxNorm")
    assert (found.group, found.status) == (PAST, Tag("Stopped", Tone.INFO))
    assert found.started == When(PartialDate("2026-02-04", 2026, 2, 4))
    assert found.ended == When(PartialDate("2026-02-20", 2026, 2, 20))
    assert found.prescriber == "Dr. Grey Example"
    assert (found.reasons, found.notes) == (("Hypertension",), ("Take with water.",))
    assert found.marks == ("Reason ended: Rash",)


def test_an_r4_request_in_full() -> None:
    found = medication(MEDICATION_REQUEST)
    assert found.source == "Prescription"
    assert found.name == Coded("amoxicillin", "723", "RxNorm")
    assert (found.form, found.name_note) == ("Capsule", "")
    assert (found.group, found.status) == (CURRENT, Tag("Active", Tone.OK))
    assert isinstance(found.started, When)
    assert found.started.label == "Recorded"
    assert found.ended is None
    assert found.prescriber == "Dr. Fern Sample"
    assert found.reasons == ("Otitis media", "Fever")
    assert found.marks == ()


def test_a_dstu2_statement_in_full() -> None:
    found = medication(STATEMENT_DSTU2)
    assert found.source == "Reported"
    assert (found.name, found.name_note) == (Missing.NOT_RECORDED, "Medication/123")
    assert (found.group, found.status) == (NOT_TAKING, Tag("Not taking", Tone.WARN))
    assert found.started == When(PartialDate("2026-01-01", 2026, 1, 1))
    assert found.ended == When(PartialDate("2026-02-01", 2026, 2, 1))
    assert (found.prescriber, found.informant) == (Missing.NOT_APPLICABLE, "Ada Quill")
    assert found.reasons == ("Pain",)
    assert found.marks == ("Reason not taken: Nausea",)


def test_stu3_orders_and_statements_are_read_too() -> None:
    found = medication(REQUEST_STU3)
    assert (found.prescriber, found.group) == ("Dr. Moss Sample", CURRENT)
    dose = found.doses[0]
    assert (dose.dose, dose.rate, dose.timing) == ("10 mg", "1 to 2 mL per hour", "once a day")
    assert dose.maximum == "1,000 mg in a lifetime"
    assert medication(STATEMENT_STU3).group is NOT_TAKING


def test_an_r4_statement_in_full() -> None:
    found = medication(STATEMENT_R4)
    assert (found.group, found.status.word) == (NOT_TAKING, "Not taking")
    assert found.started == When(PartialDate("2026-01", 2026, 1))
    assert [dose.timing for dose in found.doses] == ["once a day"]
    assert found.marks == ("Reason for status: Too dear",)


@pytest.mark.parametrize(
    ("fields", "group", "word"),
    [
        ({"status": "active"}, CURRENT, "Active"),
        ({"status": "on-hold"}, CURRENT, "On hold"),
        ({"status": "completed"}, PAST, "Completed"),
        ({"status": "stopped"}, PAST, "Stopped"),
        ({"status": "cancelled"}, PAST, "Cancelled"),
        ({"status": "Canceled"}, PAST, "Cancelled"),
        ({"status": "ended"}, PAST, "Ended"),
        ({"status": "draft"}, PLANNED, "Draft"),
        ({"status": "unknown"}, CURRENT, UNSAID),
        ({}, CURRENT, UNSAID),
        ({"status": None}, CURRENT, UNSAID),
        ({"status": 7}, CURRENT, "Status could not be read"),
        ({"status": "suspended"}, CURRENT, "suspended"),
        ({"status": {"coding": [{"code": "stopped"}]}}, PAST, "Stopped"),
        ({"status": "entered-in-error"}, MedicationGroup.ENTERED_IN_ERROR, "Entered in error"),
        ({"status": "active", "intent": "order"}, CURRENT, "Active"),
        ({"status": "active", "intent": "plan"}, PLANNED, "Planned"),
        ({"status": "active", "intent": "proposal"}, PLANNED, "Proposed"),
        ({"status": "active", "intent": "option"}, PLANNED, "Option"),
        ({"intent": "plan"}, PLANNED, "Planned"),
        ({"status": "on-hold", "intent": "plan"}, PLANNED, "On hold"),
        ({"status": "completed", "intent": "plan"}, PAST, "Completed"),
        ({"status": "active", "intent": "plan", "reportedBoolean": True}, CURRENT, "Active"),
        ({"status": "active", "intent": "plan", "reportedBoolean": False}, PLANNED, "Planned"),
        ({"status": "active", "doNotPerform": True}, MedicationGroup.DO_NOT_GIVE, "DO NOT GIVE"),
        ({"status": "active", "doNotPerform": "true"}, MedicationGroup.DO_NOT_GIVE, "DO NOT GIVE"),
        ({"doNotPerform": True, "intent": "proposal"}, MedicationGroup.DO_NOT_GIVE, "DO NOT GIVE"),
        ({"status": "entered-in-error", "doNotPerform": True}, MedicationGroup.ENTERED_IN_ERROR, "Entered in error"),
    ],
)
def test_orders_are_grouped_by_status_intent_and_prohibition(
    fields: dict[str, Any], group: MedicationGroup, word: str
) -> None:
    for found in (request(**fields), order(**fields)):
        assert (found.group, found.status.word) == (group, word)


@pytest.mark.parametrize(
    ("fields", "group", "word"),
    [
        ({"status": "active"}, CURRENT, "Active"),
        ({"status": "active", "taken": "y"}, CURRENT, "Active"),
        ({"status": "active", "wasNotTaken": False}, CURRENT, "Active"),
        ({"status": "active", "wasNotTaken": True}, NOT_TAKING, "Not taking"),
        ({"status": "completed", "wasNotTaken": True}, NOT_TAKING, "Not taking"),
        ({"status": "active", "taken": "n"}, NOT_TAKING, "Not taking"),
        ({"status": "active", "taken": "unk"}, CURRENT, "Not known if taken"),
        ({"status": "active", "taken": 3}, CURRENT, "Not known if taken"),
        ({"status": "completed", "taken": "unk"}, PAST, "Completed"),
        ({"status": "not-taken"}, NOT_TAKING, "Not taking"),
        ({"status": "intended"}, PLANNED, "Planned"),
        ({"status": "intended", "taken": "n"}, PLANNED, "Planned"),
        ({"status": "on-hold"}, CURRENT, "On hold"),
        ({"status": "unknown"}, CURRENT, UNSAID),
        ({}, CURRENT, UNSAID),
        ({"status": "recorded"}, CURRENT, UNSAID),
        ({"status": "recorded", "adherence": {"code": {"coding": [{"code": "not-taking"}]}}}, NOT_TAKING, "Not taking"),
        ({"status": "recorded", "adherence": {"code": {"coding": [{"code": "taking"}]}}}, CURRENT, "Taking"),
        ({"status": "entered-in-error", "taken": "n"}, MedicationGroup.ENTERED_IN_ERROR, "Entered in error"),
    ],
)
def test_statements_are_grouped_by_whether_it_is_taken(
    fields: dict[str, Any], group: MedicationGroup, word: str
) -> None:
    found = statement(**fields)
    assert (found.group, found.status.word) == (group, word)


def test_what_is_not_known_has_the_tone_of_the_unknown() -> None:
    tones = {
        found.status.tone for found in (request(), request(status="odd"), request(status=7), statement(taken="unk"))
    }
    assert tones == {Tone.UNKNOWN}


def test_an_unreadable_modifier_is_marked() -> None:
    assert request(status="active", doNotPerform="maybe").marks == (
        "Whether this is an instruction NOT to give could not be read. Check the EHR.",
    )
    assert statement(status="active", wasNotTaken={"x": 1}).marks == (
        "Whether it is taken could not be read. Check the EHR.",
    )
    assert request(status="stopped", doNotPerform=True).marks == ("Status of this instruction: Stopped",)


DRUG = {"resourceType": "Medication", "id": "d", "code": {"text": "ibuprofen"}}


@pytest.mark.parametrize(
    ("fields", "name", "note"),
    [
        ({"medicationCodeableConcept": {"text": "ibuprofen"}}, Coded("ibuprofen"), ""),
        (
            {
                "medicationCodeableConcept": {
                    "coding": [
                        {"code": "x", "display": "IBU"},
                        {"system": RXNORM, "code": "5640", "display": "ibuprofen"},
                    ]
                }
            },
            Coded("ibuprofen", "5640", "RxNorm"),
            "",
        ),
        ({"medication": {"concept": {"text": "ibuprofen"}}}, Coded("ibuprofen"), ""),
        ({"medication": {"reference": {"reference": "Medication/1"}}}, Missing.NOT_RECORDED, "Medication/1"),
        ({"contained": [DRUG], "medicationReference": {"reference": "#d", "display": "drug"}}, Coded("ibuprofen"), ""),
        ({"medicationReference": {"reference": "Medication/1", "display": "ibuprofen"}}, Coded("ibuprofen"), ""),
        ({"medicationReference": {"reference": "Medication/1/_history/2"}}, Missing.NOT_RECORDED, "Medication/1"),
        (
            {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/1"}},
            Missing.NOT_RECORDED,
            "Medication/1",
        ),
        ({"contained": [DRUG], "medicationReference": {"reference": "#other"}}, Missing.NOT_RECORDED, "#other"),
        ({"medicationReference": {"display": "ibuprofen"}}, Coded("ibuprofen"), ""),
        ({"medicationCodeableConcept": 5}, Missing.UNREADABLE, ""),
        ({"medicationReference": "Medication/1"}, Missing.UNREADABLE, ""),
        ({}, Missing.NOT_RECORDED, ""),
        (
            {
                "medicationCodeableConcept": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "masked"}]
                }
            },
            Missing.MASKED,
            "",
        ),
    ],
)
def test_a_drug_is_named_or_told_to_be_unnamed(fields: dict[str, Any], name: Coded | Missing, note: str) -> None:
    found = request(**fields)
    assert (found.name, found.name_note) == (name, note)


def test_a_drug_known_from_elsewhere_names_the_row() -> None:
    resource = {"resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/123"}}
    assert medication_reference(resource) == "Medication/123"
    assert medication(resource, known={"Medication/123": DRUG}).name == Coded("ibuprofen")
    assert medication_reference({**resource, "medicationReference": {"reference": "#x"}}) == ""
    assert medication_reference({**resource, "medicationCodeableConcept": {"text": "ibuprofen"}}) == ""
    abroad = {**resource, "medicationReference": {"reference": "https://other.example/fhir/Medication/123"}}
    assert isinstance(medication(abroad, known={"Medication/123": DRUG}).name, Missing)


def test_a_drug_without_code_is_named_by_its_ingredients() -> None:
    strength = {"numerator": {"value": 500, "unit": "mg"}, "denominator": {"value": 1, "unit": "tab"}}
    drug = {
        "resourceType": "Medication",
        "id": "d",
        "ingredient": [
            {"itemCodeableConcept": {"text": "paracetamol"}, "strength": strength},
            {"itemReference": {"display": "codeine"}},
        ],
    }
    found = request(contained=[drug], medicationReference={"reference": "#d"})
    assert found.name == Coded("paracetamol 500 mg per tablet + codeine")


def test_contained_drugs_that_refer_to_each_other_end_unnamed() -> None:
    def ring(name: str, other: str) -> dict[str, Any]:
        ingredient = [{"itemReference": {"reference": f"#{other}"}}]
        return {"resourceType": "Medication", "id": name, "ingredient": ingredient}

    found = request(contained=[ring("a", "b"), ring("b", "a")], medicationReference={"reference": "#a"})
    assert isinstance(found.name, Missing)
    assert found.name_note == "#a"


@pytest.mark.parametrize(
    ("fields", "prescriber"),
    [
        ({"requester": {"display": "Dr. A"}}, "Dr. A"),
        ({"requester": {"agent": {"display": "Dr. B"}}}, "Dr. B"),
        ({"prescriber": {"display": "Dr. C"}}, "Dr. C"),
        (
            {
                "contained": [
                    {"resourceType": "Practitioner", "id": "p", "name": {"family": ["D"], "prefix": ["Dr."]}}
                ],
                "requester": {"reference": "#p", "display": "someone"},
            },
            "Dr. D",
        ),
        ({"requester": {"reference": "Practitioner/1"}}, Missing.NOT_RECORDED),
        ({"requester": 5}, Missing.UNREADABLE),
        ({}, Missing.NOT_RECORDED),
    ],
)
def test_a_prescriber_is_named_or_not_recorded(fields: dict[str, Any], prescriber: str | Missing) -> None:
    assert request(**fields).prescriber == prescriber


def test_reported_prescriptions_are_labelled() -> None:
    assert request(reportedReference={"display": "Ada"}).source == "Reported"
    assert request(reportedReference={"display": "Ada"}).informant == "Ada"
    assert request(reportedBoolean=False).source == "Prescription"


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"effectiveDateTime": "2999"}, "The start lies in the future"),
        ({"effectivePeriod": {"start": "2013", "end": "2011"}}, "The end lies before the start"),
        (
            {"status": "active", "dateEnded": "2011"},
            "An end in the past is recorded although it is not marked as ended",
        ),
        ({"effectiveDateTime": "Feb"}, "A date could not be read and is shown as sent"),
    ],
)
def test_implausible_dates_are_marked(fields: dict[str, Any], mark: str) -> None:
    assert mark in statement(**fields).marks


def test_an_unreadable_start_is_not_replaced_by_the_date_of_writing() -> None:
    assert statement(effectiveDateTime=5, dateAsserted="2026-01-01").started is Missing.UNREADABLE
    assert statement(dateAsserted="2026-01-01").started == When(PartialDate("2026-01-01", 2026, 1, 1), label="Recorded")


def test_adherence_of_a_prescription_is_told() -> None:
    part = {"url": "medicationAdherence", "valueCodeableConcept": {"text": "takes half"}}
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"
    assert request(extension=[{"url": url, "extension": [part]}]).marks == ("Adherence: takes half",)
