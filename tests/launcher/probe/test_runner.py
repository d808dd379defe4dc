"""A run: side by side, in time, quiet every day, and never with a secret in it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from launcher.probe import runner
from launcher.probe.ehr import Ehr
from launcher.probe.facts import facts_of
from launcher.probe.findings import Check, Finding, Result, check
from tests.launcher.probe.scene import SECRET, Scene
from tests.smart.misbehaving import Visit, plain


def passes(ehr: Ehr) -> Finding:
    return Finding("pass", "Good.")


def play(scene: Scene, monkeypatch: pytest.MonkeyPatch, *checks: Check) -> list[Result]:
    monkeypatch.setattr(runner, "ALL_CHECKS", checks)
    return list(runner.run(facts_of(scene.registration()), limits=scene.limits))


def test_independent_checks_run_at_the_same_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)

    def meets_the_others(ehr: Ehr) -> Finding:
        together.wait(timeout=5)
        return Finding("pass", "Met.")

    checks = [check(number, "Title", "it", meets_the_others, may="pass") for number in (1, 2, 3)]
    assert [result.status for result in play(scene, monkeypatch, *checks)] == ["pass"] * 3


def test_a_check_begins_only_when_what_it_needs_is_done(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def first(ehr: Ehr) -> Finding:
        done.set()
        return Finding("warn", "Well.", "Thing: change it.")

    def second(ehr: Ehr) -> Finding:
        return Finding("pass" if done.is_set() else "fail", "So.")

    table = (check(1, "A", "a", second, may="pass", needs=(2,)), check(2, "B", "b", first, may="warn"))
    assert [(result.id, result.status) for result in play(scene, monkeypatch, *table)] == [
        ("SP-CHK-02", "warn"),
        ("SP-CHK-01", "pass"),
    ]


def test_results_come_while_others_are_still_running(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def waits(ehr: Ehr) -> Finding:
        go_on.wait(5)
        return Finding("pass", "Late.")

    table = (check(1, "A", "a", waits, may="pass"), check(2, "B", "b", passes, may="pass"))
    monkeypatch.setattr(runner, "ALL_CHECKS", table)
    results = runner.run(facts_of(scene.registration()))
    assert next(results).id == "SP-CHK-02"
    go_on.set()
    assert [result.id for result in results] == ["SP-CHK-01"]


def test_a_run_ends_in_time_and_says_what_it_did_not_get_to(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    scene.limit(in_all=0.1)

    def hangs(ehr: Ehr) -> Finding:
        release.wait(5)
        return Finding("pass", "Late.")

    began = time.monotonic()
    table = (check(1, "A", "a", hangs, may="pass"), check(2, "B", "b", passes, may="pass", needs=(1,)))
    results = play(scene, monkeypatch, *table)
    release.set()
    assert time.monotonic() - began < 2
    assert [(result.status, "time" in result.evidence) for result in results] == [("skipped", True), ("skipped", True)]


def test_a_check_that_breaks_is_a_failure_of_its_own_and_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(ehr: Ehr) -> Finding:
        raise ZeroDivisionError(SECRET)

    table = (check(1, "A", "a", breaks, may="pass"), check(2, "B", "b", passes, may="pass"))
    results = {result.id: result for result in play(scene, monkeypatch, *table)}
    assert results["SP-CHK-01"].status == "fail"
    assert "ZeroDivisionError" in results["SP-CHK-01"].evidence
    assert SECRET not in results["SP-CHK-01"].evidence
    assert results["SP-CHK-02"].status == "pass"


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        "s3cret%2Bof%2Fthe%3Dvendor",
        "czNjcmV0K29mL3RoZT12ZW5kb3I=",
        "YXBwLTE6czNjcmV0JTJCb2YlMkZ0aGUlM0R2ZW5kb3I=",
    ],
)
def test_a_secret_is_masked_in_every_spelling_of_a_request(
    spelling: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tells(ehr: Ehr) -> Finding:
        return Finding("fail", f"It said {spelling}.", f"Change {spelling}.")

    [result] = play(scene, monkeypatch, check(1, "A", "a", tells, may="fail"))
    assert spelling not in str(result.to_json())
    assert "***" in result.evidence


def test_the_daily_run_makes_no_noise_at_the_vendor(scene: Scene) -> None:
    results = scene.results(*range(1, 33), daily=True)
    assert {19, 20, 21, 29}.isdisjoint(results)
    assert len(results) == 28
    asked = {request.split(b" ")[1].decode() for request in scene.ehr.asked}
    assert asked == {
        "/fhir/.well-known/smart-configuration",
        "/fhir/metadata",
        "/.well-known/openid-configuration",
        "/keys",
    }


def test_a_slow_ehr_costs_one_wait_for_each_document_and_not_one_for_each_check(scene: Scene) -> None:
    waits: list[float] = []

    def page(visit: Visit, asked: bytes) -> bytes:
        waits.append(time.monotonic())
        visit.closing.wait(0.1)
        return plain(status="500 Oops")

    for path in ("/fhir/.well-known/smart-configuration", "/fhir/metadata"):
        scene.pages[path] = page
    scene.results(*range(1, 33), daily=True)
    assert len(waits) == 2


def test_a_run_asks_nothing_of_the_database_from_its_threads(scene: Scene) -> None:
    """Threads of SQLite tests would see another, empty database: facts gathered before are enough."""
    facts = facts_of(scene.registration())
    scene.registration = None  # type: ignore[method-assign,assignment]  # nobody makes another one
    statuses = {result.id: result.status for result in runner.run(replace(facts, launch=None))}
    assert statuses["SP-CHK-17"] == "pass"
