"""Retracted records, older versions, and answers that hold less than they say."""

from __future__ import annotations

from typing import Any

import pytest

from patients.panel_states import judge
from patients.panels import Fetched, PanelContent, PanelQuery, PanelState
from patients.readers import r4
from patients.readers.versions import newest_versions
from patients.records import ConditionGroup

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def condition(*codings: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"text": "Invented"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"system": system, "code": code} for system, code in codings]},
        **more,
    }


@pytest.mark.parametrize(
    "codings",
    [
        [("urn:local", "confirmed"), (VERIFICATION, "entered-in-error")],
        [(VERIFICATION, "entered-in-error"), ("urn:local", "confirmed")],
        [("urn:local", "refuted"), (VERIFICATION, "entered-in-error")],
    ],
)
def test_a_record_that_any_coding_takes_back_is_taken_back(codings: list[tuple[str, str]]) -> None:
    assert r4.condition(condition(*codings)).group is ConditionGroup.ENTERED_IN_ERROR


def test_a_record_that_any_coding_refutes_is_ruled_out() -> None:
    assert r4.condition(condition(("urn:x", "confirmed"), (VERIFICATION, "refuted"))).group is ConditionGroup.RULED_OUT


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"versionId": "1"}, {"versionId": "2"}),
        ({"versionId": "9"}, {"versionId": "10"}),
        ({"lastUpdated": "2026-01-01T00:00:00Z"}, {"lastUpdated": "2026-02-01T00:00:00Z"}),
    ],
)
def test_the_newest_version_is_shown_in_whatever_order_they_come(
    older: dict[str, str], newer: dict[str, str], order: int
) -> None:
    versions = [condition(meta=older), condition((VERIFICATION, "entered-in-error"), meta=newer)][::order]
    assert [found["meta"] for found in newest_versions(versions)] == [newer]


def test_resources_without_an_id_all_stay() -> None:
    assert len(newest_versions([{"resourceType": "Condition"}, {"resourceType": "Condition"}])) == 2


@pytest.mark.parametrize("shown", [0, 1])
def test_an_answer_that_counts_more_than_it_holds_is_not_complete(shown: int) -> None:
    query = PanelQuery("Condition", (), "conditions")
    short = Fetched(query=query, resources=({},) * shown, total=5, short=True)
    assert judge([short], PanelContent(shown=shown)) is PanelState.PARTIAL
    complete = Fetched(query=query, resources=({},) * shown, total=shown)
    assert judge([complete], PanelContent(shown=shown)) in {PanelState.EMPTY, PanelState.READY}
