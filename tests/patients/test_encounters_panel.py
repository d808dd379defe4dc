"""The encounters panel: the newest first, this visit marked, every status a word."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from tests.patients.clinical import DSTU2, R4, R5, encounter, shown
from tests.patients.fakes import Json

CLINICIANS = (DSTU2, R4, R5)


def period(version: FhirVersion, start: str | None, end: str | None = None) -> dict[str, Any]:
    times = {key: value for key, value in (("start", start), ("end", end)) if value}
    return {"actualPeriod" if version is R5 else "period": times or None}


@pytest.mark.parametrize("version", CLINICIANS)
def test_a_row_says_when_what_where_and_who(version: FhirVersion) -> None:
    row = shown("encounters", encounter(version), version=version).row("Encounter/e1")
    assert row.startswith("01-Oct-2026 09:00 to 09:30Visit 1Ambulatory")
    for words in ("Finished", "Room 4", "Ada Example"):
        assert words in row


@pytest.mark.parametrize("version", CLINICIANS)
def test_the_newest_stands_first(version: FhirVersion) -> None:
    made = (encounter(version, n) for n in (2, 9, 1))
    assert shown("encounters", *made, version=version).rows_in_order() == ["e9", "e2", "e1"]


@pytest.mark.parametrize("version", CLINICIANS)
@pytest.mark.parametrize("given", ["e2", "Encounter/e2"])
def test_the_visit_of_the_launch_alone_is_marked(version: FhirVersion, given: str) -> None:
    result = shown("encounters", encounter(version), encounter(version, 2), version=version, encounter=given)
    assert "This visit" in result.row("Encounter/e2")
    assert "This visit" not in result.row("Encounter/e1")


def test_without_a_visit_of_the_launch_none_is_marked() -> None:
    assert "This visit" not in shown("encounters", encounter(), encounter(id=None)).text
    assert "This visit" not in shown("encounters", encounter(), encounter="e77").text


@pytest.mark.parametrize(
    ("version", "status", "said"),
    [
        (DSTU2, "planned", "Planned"),
        (R4, "planned", "Planned"),
        (R4, "in-progress", "In progress"),
        (R4, "finished", "Finished"),
        (R4, "cancelled", "Cancelled"),
        (R5, "completed", "Finished"),
        (R5, "discontinued", "Discontinued"),
        (R4, "something-local", "something-local"),
    ],
)
def test_every_status_is_a_word(version: FhirVersion, status: str, said: str) -> None:
    assert said in shown("encounters", encounter(version, status=status), version=version).row("Encounter/e1")


@pytest.mark.parametrize(
    ("start", "end", "status", "said"),
    [
        ("2026-03-01", "2026-03-04", "finished", "01-Mar-2026 to 04-Mar-2026"),
        ("2026-03-01", "2026-03-01", "finished", "01-Mar-2026V"),
        ("2026-03-01", None, "in-progress", "since 01-Mar-2026"),
        ("2026-03-01", None, "finished", "01-Mar-2026, end not recorded"),
        ("2026-12-24", None, "planned", "24-Dec-2026V"),
        ("2026-10-13", None, "cancelled", "13-Oct-2026V"),
        (None, "2026-03-04", "finished", "until 04-Mar-2026"),
        (None, None, "finished", "not recorded"),
    ],
)
def test_times_are_said_as_far_as_they_are_known(start: str | None, end: str | None, status: str, said: str) -> None:
    row = shown("encounters", encounter(status=status, **period(R4, start, end))).row("Encounter/e1")
    assert row.startswith(said)


def test_a_visit_that_says_little_says_so_in_each_cell() -> None:
    unsaid: Json = {"type": None, "location": None, "participant": None, "class": None}
    row = shown("encounters", encounter(**unsaid)).row("Encounter/e1")
    assert "Type not recorded" in row
    assert row.count("not recorded") == 3


def test_what_goes_on_is_counted() -> None:
    result = shown("encounters", encounter(status="in-progress", **period(R4, "2026-11-23")), encounter(number=2))
    assert "1 in progress" in result.text
