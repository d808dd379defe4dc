"""Encounter diagnoses repeated at every visit become one row: "seen in 4 encounters"; nothing else is merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from patients.readers.datatypes import unique
from patients.readers.wording import said
from patients.records import Condition, ConditionGroup, PartialDate, When


def merge_encounter_diagnoses(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Drop repeated resources (by reference), then merge encounter diagnoses of one code and system, or one free text.

    A merged row stands where its first one stood. It has the references of all, the newest one's words and dates, and
    the number of encounters in `encounters`.
    """
    rows: dict[object, list[Condition]] = {}
    for index, condition in enumerate(_without_repeats(conditions)):
        rows.setdefault(_key(condition) or index, []).append(condition)
    return tuple(_merged(group) if len(group) > 1 else group[0] for group in rows.values())


def _without_repeats(conditions: Iterable[Condition]) -> list[Condition]:
    """The same resource may come on two pages; resources without an id cannot be told apart and all stay."""
    found: list[Condition] = []
    seen: set[tuple[str, ...]] = set()
    for condition in conditions:
        if condition.references not in seen:
            found.append(condition)
        if condition.references:
            seen.add(condition.references)
    return found


def _key(condition: Condition) -> tuple[str, str] | None:
    if condition.group is not ConditionGroup.ENCOUNTER or not condition.name.named:
        return None
    if condition.name.code:
        return (condition.name.system, condition.name.code)
    return ("", condition.name.text.casefold())


def _merged(group: Sequence[Condition]) -> Condition:
    newest = max(group, key=_latest)
    marks = [mark for condition in group for mark in condition.marks]
    if len({condition.verification for condition in group}) > 1:
        marks.append(said("Verification differs between encounters"))
    return replace(
        newest,
        references=unique(reference for condition in group for reference in condition.references),
        notes=unique(note for condition in group for note in condition.notes),
        marks=unique(marks),
        restricted=any(condition.restricted for condition in group),
        encounters=_encounters(group),
    )


def _encounters(group: Sequence[Condition]) -> int:
    """Different encounters; a resource that names none counts as one of its own."""
    named = {condition.encounter for condition in group if condition.encounter}
    return len(named) + sum(not condition.encounter for condition in group)


def _latest(condition: Condition) -> tuple[int, int, int, str]:
    if isinstance(condition.recorded, PartialDate):
        return condition.recorded.sort_key
    return condition.onset.sort_key if isinstance(condition.onset, When) else (0, 0, 0, "")
