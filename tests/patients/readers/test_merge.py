"""Repeated encounter diagnoses in one row, and nothing else."""

from __future__ import annotations

from typing import Any

from patients.readers.merge import merge_encounter_diagnoses
from patients.readers.r4 import condition
from patients.records import Condition, PartialDate

ENCOUNTER = {"category": [{"coding": [{"code": "encounter-diagnosis"}]}]}
FLU = {"code": {"text": "Influenza", "coding": [{"system": "http://snomed.info/sct", "code": "6142004"}]}}


def row(name: str, **fields: Any) -> Condition:
    return condition({"resourceType": "Condition", "id": name, **fields})


def test_encounter_diagnoses_of_one_code_become_one_row_with_the_latest_date() -> None:
    rows = [
        row("a", **ENCOUNTER, **FLU, recordedDate="2025-01-01", encounter={"reference": "Encounter/1"}),
        row("other", code={"text": "Asthma"}),
        row("b", **ENCOUNTER, **FLU, recordedDate="2026-11-03", encounter={"reference": "Encounter/2"}),
        row("c", **ENCOUNTER, **FLU, encounter={"reference": "Encounter/2"}, meta={"security": [{"code": "R"}]}),
    ]
    merged = merge_encounter_diagnoses(rows)
    assert [item.references for item in merged] == [("Condition/a", "Condition/b", "Condition/c"), ("Condition/other",)]
    assert merged[0].encounters == 2
    assert merged[0].restricted
    assert isinstance(merged[0].recorded, PartialDate)
    assert merged[0].recorded.sent == "2026-11-03"
    assert merged[1].encounters == 0


def test_free_text_is_compared_without_case_and_a_missing_encounter_counts_once() -> None:
    rows = [row("a", **ENCOUNTER, code={"text": "Cough"}), row("b", **ENCOUNTER, code={"text": "COUGH"})]
    assert [item.encounters for item in merge_encounter_diagnoses(rows)] == [2]


def test_a_differing_verification_is_marked() -> None:
    rows = [
        row("a", **ENCOUNTER, **FLU, verificationStatus={"coding": [{"code": "confirmed"}]}),
        row("b", **ENCOUNTER, **FLU, verificationStatus={"coding": [{"code": "differential"}]}),
    ]
    assert merge_encounter_diagnoses(rows)[0].marks == ("Verification differs between encounters",)


def test_problems_unnamed_rows_and_other_codes_are_never_merged() -> None:
    rows = [
        row("a", **FLU),
        row("b", **FLU),
        row("c", **ENCOUNTER),
        row("d", **ENCOUNTER),
        row("e", **ENCOUNTER, **FLU),
        row("f", **ENCOUNTER, code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J11.1"}]}),
    ]
    assert len(merge_encounter_diagnoses(rows)) == 6


def test_one_resource_on_two_pages_is_one_row_and_rows_without_id_all_stay() -> None:
    nameless = condition({"resourceType": "Condition", "code": {"text": "Gout"}})
    rows = [row("a", **FLU), row("a", **FLU), nameless, nameless]
    assert len(merge_encounter_diagnoses(rows)) == 3
    assert merge_encounter_diagnoses([row("z", **ENCOUNTER, **FLU)] * 2)[0].encounters == 0
