"""A long history on one page, from a server process of its own: every row is there, and memory stays small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.served import Pair, served
from benchmarks.visits import Browser, Visit

CONDITIONS, MEDICATIONS = 2000, 500
MOST_GROWTH_MB = 64


def most_memory_mb(pair: Pair) -> float:
    """The highest resident memory that any worker has had so far."""
    found = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if f"PPid:\t{pair.pid}\n" in text:
            found = max(found, int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]))  # type: ignore[index]
    assert found, "no worker was found"
    return found / 1024


def visited(pair: Pair, patient: str) -> Visit:
    browser = Browser(pair)
    try:
        return browser.visit(patient)
    finally:
        browser.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_two_thousand_conditions_and_five_hundred_medications_are_one_page_within_64_mb() -> None:
    with served(workers=1) as pair:
        pair.tell_ehr(delay=0.0)
        for number in range(3):
            visited(pair, f"small-{number}")
        before = most_memory_mb(pair)
        pair.tell_ehr(delay=0.0, conditions=CONDITIONS, medications=MEDICATIONS)
        visit = visited(pair, "large")
        growth = most_memory_mb(pair) - before
    rows = set(re.findall(rb'data-record="([^"]+)"', visit.body))
    assert len([row for row in rows if row.startswith(b"Condition/")]) == CONDITIONS
    assert len([row for row in rows if row.startswith(b"MedicationRequest/")]) == MEDICATIONS
    assert (visit.states["conditions"], visit.states["medications"]) == ("ready", "ready")
    assert growth < MOST_GROWTH_MB, f"{growth:.0f} MB"
