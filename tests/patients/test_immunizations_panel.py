"""The immunizations panel: what was not given never looks as if it had been."""

from __future__ import annotations

import pytest

from launcher.smart.fhir_version import FhirVersion
from tests.patients.clinical import DSTU2, R4, R5, STU3, concept, immunization, shown
from tests.patients.fakes import Json

CLINICIANS = (DSTU2, R4, R5)


def not_given(version: FhirVersion, reason: str = "Patient refused") -> Json:
    """Changes for a vaccine that was not given, as each version says it."""
    if version in {DSTU2, STU3}:
        said = {"reasonNotGiven": [concept(reason)]} if reason else None
        return {"wasNotGiven" if version is DSTU2 else "notGiven": True, "explanation": said}
    return {"status": "not-done", "statusReason": concept(reason) if reason else None}


@pytest.mark.parametrize("version", CLINICIANS)
def test_a_given_vaccine_says_when_and_from_which_lot(version: FhirVersion) -> None:
    result = shown("immunizations", immunization(version), version=version)
    row = result.row("Immunization/i1")
    for words in ("Vaccine 1", "Given", "03-Oct-2025", "Lot LOT-7", "CVX 140"):
        assert words in row
    assert "Not given" not in result.text
    assert "1 given" in result.text


@pytest.mark.parametrize("version", [*CLINICIANS, STU3])
def test_a_vaccine_not_given_stands_apart_with_its_reason(version: FhirVersion) -> None:
    refused = immunization(version, 2, **not_given(version))
    result = shown("immunizations", refused, immunization(version), version=version)
    assert result.headings == ["Given", "Not given"]
    assert result.rows_in_order() == ["i1", "i2"]
    row = result.row("Immunization/i2")
    assert row.startswith("Not given: Vaccine 2")
    assert "Patient refused" in row
    assert "Given" not in row
    assert "1 given" in result.text


@pytest.mark.parametrize("version", CLINICIANS)
def test_only_vaccines_not_given_still_have_their_heading(version: FhirVersion) -> None:
    result = shown("immunizations", immunization(version, **not_given(version, reason="")), version=version)
    assert result.headings == ["Not given"]
    assert "0 given" in result.text
    assert "not recorded" in result.row("Immunization/i1")


@pytest.mark.parametrize("changes", [{"status": "stopped"}, {"status": None}, {"status": "something-local"}])
def test_what_cannot_be_told_to_have_been_given_does_not_count(changes: Json) -> None:
    result = shown("immunizations", immunization(**changes))
    assert result.headings == ["Not clear whether given"]
    assert "0 given" in result.text


def test_the_newest_stands_first_and_what_has_no_date_last() -> None:
    made = [
        immunization(number=1, occurrenceDateTime="2019"),
        immunization(number=2, occurrenceDateTime=None),
        immunization(number=3, occurrenceDateTime="2024-05-01"),
    ]
    result = shown("immunizations", *made)
    assert result.rows_in_order() == ["i3", "i1", "i2"]
    assert "not recorded" in result.row("Immunization/i2")


def test_doses_and_hearsay_are_said() -> None:
    told = immunization(
        primarySource=False, protocolApplied=[{"doseNumberPositiveInt": 2, "seriesDosesPositiveInt": 3}]
    )
    row = shown("immunizations", told).row("Immunization/i1")
    assert "Dose 2 of 3" in row
    assert "Reported, not recorded by those who gave it" in row
