"""The checks as a whole: none without a test for each of its outcomes, none that outlives what it needs."""

from __future__ import annotations

import pytest

from launcher.probe.checks import ALL_CHECKS
from launcher.probe.findings import Check
from tests.launcher.probe import (
    test_address_checks,
    test_client_checks,
    test_data_checks,
    test_document_checks,
    test_own_checks,
)
from tests.launcher.probe.scene import Scene

CASES = [
    *test_address_checks.CASES,
    *test_document_checks.CASES,
    *test_client_checks.CASES,
    *test_own_checks.CASES,
    *test_data_checks.CASES,
]


def test_there_are_the_thirty_two_checks() -> None:
    assert [check.id for check in ALL_CHECKS] == [f"SP-CHK-{number:02}" for number in range(1, 33)]


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.id)
def test_every_outcome_of_a_check_has_a_case_and_there_are_no_others(check: Check) -> None:
    played = {case.status for case in CASES if case.number == int(check.id[-2:])} - {"skipped"}
    assert played == check.may


def test_what_needs_the_connection_is_skipped_when_there_is_none(scene: Scene) -> None:
    test_address_checks.nobody_listens(scene)
    results = scene.results(*range(1, 33))
    for check in ALL_CHECKS:
        result = results[int(check.id[-2:])]
        if blocked := [need for need in check.needs if results[int(need[-2:])].status in {"fail", "skipped"}]:
            assert result.status == "skipped"
            assert any(need in result.evidence for need in blocked)
    assert {number for number, result in results.items() if result.status == "skipped"} >= {*range(5, 22), 28, 29, 30}
    assert scene.ehr.asked == []


def test_an_issuer_that_is_none_stops_everything_that_asks_it_and_nothing_else(scene: Scene) -> None:
    scene.values["iss"] = "not an address"
    results = scene.results(*range(1, 33))
    assert results[1].status == "fail"
    assert {results[number].status for number in (*range(2, 22), 28, 29, 30)} == {"skipped"}
    assert (results[22].status, results[25].status, results[31].status) == ("pass", "pass", "warn")


def test_a_healthy_ehr_has_nothing_to_repair_but_the_missing_launch(scene: Scene) -> None:
    results = scene.results(*range(1, 33))
    assert {number for number, result in results.items() if result.status in {"warn", "fail"}} == {31}


def test_every_simulated_ehr_style_of_address_is_checked_without_a_check_that_breaks(scene: Scene) -> None:
    """Whatever answers, no check falls over its own feet."""
    for path in list(scene.pages):
        scene.pages[path] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: \x00\r\n\r\n\xff\xfe{"
    assert not [each for each in scene.results(*range(1, 33)).values() if "itself broke" in each.evidence]
