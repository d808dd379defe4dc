"""Which Medication a reference means, and when it must be read to name a drug."""

from __future__ import annotations

from typing import Any

import pytest

from patients.readers.drug import medication_reference
from patients.readers.r4 import medication
from patients.readers.references import medication_id
from patients.records import Coded, Missing

BASE = "https://ehr.example.org/fhir"
DRUG = {"resourceType": "Medication", "id": "1", "code": {"text": "ibuprofen"}}


def order(reference: str, **fields: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "medicationReference": {"reference": reference}, **fields}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Medication/1", "Medication/1"),
        ("Medication/1/_history/2", "Medication/1"),
        (f"{BASE}/Medication/1", "Medication/1"),
        ("https://ehr.example.org:443/fhir/Medication/1/_history/7", "Medication/1"),
        ("#1", ""),
        ("urn:uuid:0a1b2c3d-0000-4000-8000-000000000000", ""),
        ("https://elsewhere.example/fhir/Medication/1", ""),
        ("https://ehr.example.org/other/Medication/1", ""),
        ("Substance/1", ""),
        ("Medication/..", ""),
        ("Medication/../Patient/2", ""),
        ("Medication/1?_format=xml", ""),
        ("Medication/" + "1" * 65, ""),
        ("", ""),
    ],
)
def test_only_what_lies_below_the_base_is_a_medication_of_this_ehr(reference: str, expected: str) -> None:
    assert medication_id(reference, BASE) == expected


def test_nothing_is_read_for_a_drug_that_has_a_name() -> None:
    named = [
        order("Medication/1", medicationCodeableConcept={"text": "ibuprofen"}),
        {"resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/2", "display": "x"}},
        {"resourceType": "MedicationRequest", "medication": {"concept": {"text": "ibuprofen"}}},
    ]
    assert [medication_reference(each) for each in named] == ["", "", ""]
    assert medication_reference(order("Medication/1"), known={"Medication/1": DRUG}) == ""
    later = {"resourceType": "MedicationRequest", "medication": {"reference": {"reference": "Medication/3"}}}
    assert medication_reference(later) == "Medication/3"


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("Medication/1", "Medication/1"),
        ("Medication/1/_history/2", "Medication/1"),
        ("urn:uuid:0a1b2c3d-0000-4000-8000-000000000000", "urn:uuid:0a1b2c3d-0000-4000-8000-000000000000"),
        (f"{BASE}/Medication/1", f"{BASE}/Medication/1"),
    ],
)
def test_a_drug_at_hand_is_found_by_its_reference(reference: str, key: str) -> None:
    assert medication(order(reference), known={key: DRUG}).name == Coded("ibuprofen")


def test_a_bundle_with_nothing_but_the_drug_is_the_drug() -> None:
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": DRUG}]}
    assert medication(order("Medication/1"), known={"Medication/1": bundle}).name == Coded("ibuprofen")


def test_what_is_no_medication_names_no_drug() -> None:
    patient = {"resourceType": "Patient", "id": "1", "code": {"text": "not a drug"}}
    assert medication(order("Medication/1"), known={"Medication/1": patient}).name is Missing.NOT_RECORDED


def test_what_a_drug_contains_is_found_within_it() -> None:
    substance = {"resourceType": "Substance", "id": "s", "code": {"text": "codeine"}}
    drug = {**DRUG, "code": None, "contained": [substance], "ingredient": [{"itemReference": {"reference": "#s"}}]}
    assert medication(order("Medication/1"), known={"Medication/1": drug}).name == Coded("codeine")


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"status": "entered-in-error"}, "entered in error"),
        ({"modifierExtension": [{"url": "https://x.example"}]}, "changes the meaning of this record"),
        ({"code": {"text": 7}}, "could not be read"),
    ],
)
def test_what_is_wrong_with_the_drug_is_marked_on_the_row(fields: dict[str, Any], mark: str) -> None:
    marks = medication(order("Medication/1"), known={"Medication/1": {**DRUG, **fields}}).marks
    assert len(marks) == 1
    assert mark in marks[0]
