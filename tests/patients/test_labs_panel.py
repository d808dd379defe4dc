"""The lab results panel: by day of collection, the EHR's own words and numbers, nothing computed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from tests.patients.clinical import DSTU2, LOINC, R4, R5, coded, concept, observation, shown
from tests.patients.fakes import Json

CLINICIANS = (DSTU2, R4, R5)
RANGE = {"low": {"value": Decimal("3.5"), "unit": "mmol/L"}, "high": {"value": Decimal("5.10"), "unit": "mmol/L"}}


def potassium(number: int, value: str = "4.2", version: FhirVersion = R4, **changes: Any) -> Json:
    measured = {"value": Decimal(value), "unit": "mmol/L", "code": "mmol/L"}
    return observation("laboratory", version, number, **{"valueQuantity": measured, **changes})


def flag(version: FhirVersion, code: str) -> Json:
    return {"interpretation": coded(code) if version is DSTU2 else [coded(code)]}


@pytest.mark.parametrize("version", CLINICIANS)
def test_results_stand_by_day_of_collection_newest_first_then_by_name(version: FhirVersion) -> None:
    tsh = potassium(3, version=version, effectiveDateTime="2026-11-01", code=concept("TSH", "3016-3", LOINC))
    albumin = potassium(4, version=version, effectiveDateTime="2026-11-01", code=concept("Albumin", "1751-7", LOINC))
    result = shown("labs", tsh, albumin, potassium(9, version=version), version=version)
    assert result.headings == ["Collected 09-Nov-2026", "Collected 01-Nov-2026"]
    assert result.rows_in_order() == ["o9", "o4", "o3"]


@pytest.mark.parametrize("version", CLINICIANS)
def test_a_row_says_result_flag_range_and_status_as_sent(version: FhirVersion) -> None:
    sent = potassium(1, "5.60", version, referenceRange=[RANGE], **flag(version, "H"))
    row = shown("labs", sent, version=version).row("Observation/o1")
    for words in ("Potassium", "LOINC 2823-3", "5.60 mmol/L", "High", "3.5 to 5.10 mmol/L", "Final"):
        assert words in row


def test_nothing_is_judged_that_the_ehr_does_not_judge() -> None:
    row = shown("labs", potassium(1, "9.90", referenceRange=[RANGE])).row("Observation/o1")
    assert "9.90 mmol/L" in row
    for word in ("High", "Critical", "Abnormal", "Low"):
        assert word not in row
    assert row.count("not recorded") == 1


@pytest.mark.parametrize("version", CLINICIANS)
def test_the_result_before_stands_beside_with_its_date(version: FhirVersion) -> None:
    made = (potassium(1, "4.10", version), potassium(5, "4.60", version), potassium(9, "5.60", version))
    result = shown("labs", *made, version=version)
    assert "Previous: 4.60 mmol/L, 05-Nov-2026" in result.row("Observation/o9")
    assert "Previous: 4.10 mmol/L, 01-Nov-2026" in result.row("Observation/o5")
    assert "Previous" not in result.row("Observation/o1")


def test_a_result_in_another_unit_is_not_put_beside_as_if_it_could_be_compared() -> None:
    other = potassium(1, valueQuantity={"value": 16, "unit": "mg/dL", "code": "mg/dL"})
    row = shown("labs", other, potassium(2)).row("Observation/o2")
    assert "Previous: 16 mg/dL, 01-Nov-2026 (previous result in another unit)" in row


@pytest.mark.parametrize("version", CLINICIANS)
@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("registered", ("no result yet", "Registered, no result yet")),
        ("cancelled", ("no result", "Cancelled")),
        ("preliminary", ("4.2 mmol/L", "Preliminary")),
        ("amended", ("4.2 mmol/L", "Amended")),
    ],
)
def test_every_status_is_a_word(version: FhirVersion, status: str, said: tuple[str, str]) -> None:
    value: Json = {"valueQuantity": None} if "no result" in said[0] else {}
    row = shown("labs", potassium(1, version=version, status=status, **value), version=version).row("Observation/o1")
    for words in said:
        assert words in row


def test_results_and_what_has_none_are_counted_apart() -> None:
    result = shown("labs", potassium(1), potassium(2), potassium(3, status="registered", valueQuantity=None))
    assert "2 results, 1 without" in result.text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"valueQuantity": {"value": 5, "comparator": "<", "unit": "mg/L", "code": "mg/L"}}, "<5 mg/L"),
        ({"valueString": "Growth of two colonies\nsee comment"}, "Growth of two colonies see comment"),
        ({"valueCodeableConcept": concept("Positive", "10828004")}, "Positive"),
        ({"valueBoolean": False}, "No"),
        ({"dataAbsentReason": coded("unknown")}, "unknown"),
        ({}, "not recorded"),
        ({"valueQuantity": {"value": 5}}, "5 (unit not given)"),
    ],
)
def test_results_of_every_kind_are_words(value: Json, said: str) -> None:
    row = shown("labs", potassium(1, **{"valueQuantity": None, **value})).row("Observation/o1")
    assert said in row


def test_a_panel_shows_each_part_with_its_flag_and_range() -> None:
    part = {
        "code": concept("Sodium", "2951-2", LOINC),
        "valueQuantity": {"value": 128, "unit": "mmol/L", "code": "mmol/L"},
        "interpretation": [coded("L")],
        "referenceRange": [{"text": "135 - 145"}],
    }
    row = shown("labs", potassium(1, valueQuantity=None, component=[part])).row("Observation/o1")
    assert "Sodium 128 mmol/L Low Reference range 135 - 145" in row


def test_earlier_days_are_closed_and_nothing_is_left_out() -> None:
    result = shown("labs", *(potassium(n) for n in range(1, 9)))
    assert [text for _, text in result.page.tags("summary")] == ["Earlier results (3)"]
    assert result.rows_in_order() == [f"o{n}" for n in range(8, 0, -1)]


def test_a_result_without_a_date_stays_open_and_says_so() -> None:
    undated = potassium(30, effectiveDateTime=None)
    result = shown("labs", *(potassium(n) for n in range(1, 8)), undated)
    assert "Date of collection not recorded" in result.headings
    assert result.rows_in_order().index("o30") < result.rows_in_order().index("o1")


def test_the_time_of_the_report_is_not_taken_for_the_time_of_collection() -> None:
    reported = potassium(1, effectiveDateTime=None, issued="2026-11-02T15:00:00Z")
    result = shown("labs", reported, time_zone="America/Chicago")
    assert result.headings == ["Reported 02-Nov-2026"]
    assert "Reported 02-Nov-2026 09:00" in result.row("Observation/o1")
    timed = shown("labs", potassium(1, effectiveDateTime="2026-11-02T15:00:00Z", issued="2026-11-03T15:00:00Z"))
    assert "collected 02-Nov-2026 09:00 · reported 03-Nov-2026 09:00" in timed.row("Observation/o1")
