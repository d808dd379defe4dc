"""The allergies panel: danger first, doubt in words, and "none" only where somebody stated it."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from tests.patients.clinical import DSTU2, R4, R5, STU3, allergy, coded, concept, shown
from tests.patients.fakes import Json

CLINICIANS = (DSTU2, R4, R5)


def none_stated(version: FhirVersion = R4, number: int = 9, **changes: Any) -> Json:
    key = "substance" if version is DSTU2 else "code"
    stated = {key: concept("No known allergy", "716186003"), "reaction": None, "criticality": None}
    return allergy(version, number, **{**stated, **changes})


def status(version: FhirVersion, **said: str) -> Json:
    """clinicalStatus and verificationStatus as the version writes them; DSTU2 has one status for both."""
    if version is DSTU2:
        return {"status": said.get("verificationStatus") or said["clinicalStatus"]}
    return {key: coded(code) for key, code in said.items()}


@pytest.mark.parametrize("version", CLINICIANS)
def test_high_criticality_stands_first_and_the_rest_by_name(version: FhirVersion) -> None:
    names = {1: "zinc", 2: "Amoxicillin", 3: "latex", 4: "Bee venom"}
    key = "substance" if version is DSTU2 else "code"
    high = "CRITH" if version is DSTU2 else "high"
    made = [
        allergy(version, n, **{key: concept(name, f"1{n}"), **({"criticality": high} if n in {1, 3} else {})})
        for n, name in names.items()
    ]
    result = shown("allergies", *made, version=version)
    assert result.rows_in_order() == ["a3", "a1", "a2", "a4"]
    assert "Criticality" in result.text
    assert "High" in result.row("AllergyIntolerance/a3")
    assert "4 active" in result.text


@pytest.mark.parametrize("version", CLINICIANS)
def test_a_row_says_reaction_kind_code_date_and_author(version: FhirVersion) -> None:
    row = shown("allergies", allergy(version), version=version).row("AllergyIntolerance/a1")
    for words in ("Substance 1", "SNOMED CT 101", "Hives (Moderate)", "Low", "Allergy · Medication", "12-Jan-2026"):
        assert words in row
    assert "by Ada Example" in row


def test_what_came_together_is_joined_by_a_plus_and_separate_events_by_commas() -> None:
    events = [
        {"manifestation": [concept("Hives"), concept("Swelling")], "severity": "severe", "onset": "2012-02"},
        {"manifestation": [concept("Wheeze")], "substance": concept("Ampicillin"), "description": "After one dose"},
    ]
    row = shown("allergies", allergy(reaction=events)).row("AllergyIntolerance/a1")
    assert "Hives + Swelling (Severe, Feb-2012), Wheeze (to Ampicillin)" in row
    assert "After one dose" in row


def test_an_allergy_without_reaction_or_criticality_says_so_in_each_cell() -> None:
    row = shown("allergies", allergy(reaction=None, criticality=None, type=None, category=None)).row(
        "AllergyIntolerance/a1"
    )
    assert "reaction not recorded" in row
    assert row.count("not recorded") == 3


@pytest.mark.parametrize("version", CLINICIANS)
def test_a_substance_without_a_code_warns_that_the_ehr_may_not_know_it(version: FhirVersion) -> None:
    key = "substance" if version is DSTU2 else "code"
    typed: Json = {key: {"text": "Peanuts"}}
    written = shown("allergies", allergy(version, **typed), version=version)
    warning = "free text – the EHR may not alert on this"
    assert warning in written.row("AllergyIntolerance/a1")
    assert warning not in shown("allergies", allergy(version), version=version).text


@pytest.mark.parametrize("version", CLINICIANS)
def test_an_unconfirmed_allergy_is_shown_and_tagged(version: FhirVersion) -> None:
    doubted = allergy(version, **status(version, verificationStatus="unconfirmed"))
    result = shown("allergies", doubted, version=version)
    assert result.state == "ready"
    assert "Unconfirmed" in result.row("AllergyIntolerance/a1")


@pytest.mark.parametrize("version", CLINICIANS)
def test_what_is_over_or_ruled_out_stands_in_closed_groups_below(version: FhirVersion) -> None:
    result = shown(
        "allergies",
        allergy(version, 3, **status(version, clinicalStatus="resolved")),
        allergy(version, 2, **status(version, verificationStatus="refuted")),
        allergy(version, 1),
        version=version,
    )
    assert result.rows_in_order() == ["a1", "a3", "a2"]
    assert [text for _, text in result.page.tags("summary")] == ["Resolved or inactive (1)", "Ruled out (1)"]
    assert [attrs for attrs, _ in result.page.tags("details")] == [{}, {}]
    assert result.row("AllergyIntolerance/a2").startswith("Ruled out: Substance 2")
    assert "Resolved" in result.row("AllergyIntolerance/a3")
    assert "1 active" in result.text


def test_an_allergy_of_unknown_status_is_active_and_says_so() -> None:
    result = shown("allergies", allergy(clinicalStatus=None, verificationStatus=None))
    assert result.row("AllergyIntolerance/a1").count("Status not given") == 1
    assert "1 active" in result.text


# --- None ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [*CLINICIANS, STU3])
def test_no_known_allergies_is_said_with_date_and_author(version: FhirVersion) -> None:
    result = shown("allergies", none_stated(version), version=version)
    assert result.state == "explicit-none"
    row = result.row("AllergyIntolerance/a9")
    assert row.startswith("No known allergies – recorded 12-Jan-2026 by Ada Example")
    assert "reaction not recorded" not in row


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"recordedDate": None}, "No known allergies – date not recorded by Ada Example"),
        ({"recorder": None}, "No known allergies – recorded 12-Jan-2026, author not recorded"),
        (
            {"recorder": None, "asserter": {"display": "Bo Sample"}},
            "No known allergies – recorded 12-Jan-2026 by Bo Sample",
        ),
    ],
)
def test_a_statement_whose_author_or_date_is_not_known_says_which(missing: Json, said: str) -> None:
    assert shown("allergies", none_stated(**missing)).row("AllergyIntolerance/a9").startswith(said)


def test_a_statement_that_nobody_stands_behind_is_marked() -> None:
    row = shown("allergies", none_stated(recorder=None, recordedDate=None)).row("AllergyIntolerance/a9")
    assert "The EHR does not say who stated this and when." in row


def test_an_unconfirmed_statement_is_not_shown_as_a_plain_one() -> None:
    row = shown("allergies", none_stated(verificationStatus=coded("unconfirmed"))).row("AllergyIntolerance/a9")
    assert "Unconfirmed" in row


@pytest.mark.parametrize("version", CLINICIANS)
def test_none_beside_an_allergy_is_a_warning_and_both_are_shown(version: FhirVersion) -> None:
    result = shown("allergies", none_stated(version), allergy(version), allergy(version, 2), version=version)
    assert result.state == "ready"
    assert "The record says “no known allergies” and also lists 2." in result.text
    assert result.rows_in_order() == ["a9", "a1", "a2"]


def test_no_known_drug_allergies_is_a_row_and_not_the_absence_of_all() -> None:
    drugs = none_stated(code=concept("No known drug allergy", "409137002"))
    result = shown("allergies", drugs)
    assert result.state == "ready"
    assert result.row("AllergyIntolerance/a9").startswith("No known drug allergies – recorded")
    food = shown("allergies", drugs, allergy(category=["food"]))
    assert "also lists" not in food.text
    contradicted = shown("allergies", drugs, allergy())
    assert "The record says “no known drug allergies” and also lists 1 of this kind." in contradicted.text


def test_no_information_is_no_absence_and_stands_against_one() -> None:
    unknown = none_stated(number=8, code=concept("No information about allergies", "1631000175102"))
    result = shown("allergies", unknown)
    assert result.state == "ready"
    assert "This is not a statement that there are none." in result.row("AllergyIntolerance/a8")
    assert shown("allergies", unknown, none_stated()).state == "ready"


@pytest.mark.parametrize(
    "over", [{"clinicalStatus": coded("resolved")}, {"verificationStatus": coded("refuted")}], ids=["over", "refuted"]
)
def test_a_statement_that_holds_no_longer_is_no_absence(over: Json) -> None:
    assert shown("allergies", none_stated(**over)).state == "ready"


def test_a_wrong_statement_of_absence_leaves_nothing_behind() -> None:
    wrong = none_stated(verificationStatus=coded("entered-in-error"), clinicalStatus=None)
    result = shown("allergies", wrong)
    assert result.state == "empty"
    assert "No known" not in result.text
