"""The search parameter `date`: prefixes and partial dates (FHIR R4, section 3.1.1.4.6).

A moment of less precision is compared by what it begins with: "2026-10" fits every day of that month.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_VALUE = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<moment>\d{4}(-\d\d(-\d\d(T[0-9:.]+(Z|[+-]\d\d:\d\d)?)?)?)?)"
)
_NAMES = (
    *("effectiveDateTime", "occurrenceDateTime", "recordedDate", "assertedDate", "dateRecorded"),
    *("dateWritten", "authoredOn", "dateAsserted", "indexed", "date"),
)
_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda found, wanted: found == wanted,
    "ap": lambda found, wanted: found == wanted,
    "ne": lambda found, wanted: found != wanted,
    "gt": lambda found, wanted: found > wanted,
    "sa": lambda found, wanted: found > wanted,
    "lt": lambda found, wanted: found < wanted,
    "eb": lambda found, wanted: found < wanted,
    "ge": lambda found, wanted: found >= wanted,
    "le": lambda found, wanted: found <= wanted,
}


def first_moment(record: Mapping[str, Any]) -> str:
    """When the record is about, or from when on; in UTC where it has a time, "" where it says nothing."""
    found = next((record[name] for name in _NAMES if record.get(name)), None)
    period = record.get("period") or record.get("effectivePeriod") or {}
    return _in_utc(str(found or period.get("start") or ""))


def _in_utc(text: str) -> str:
    if "T" not in text:
        return text
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return text


def meets(record: Mapping[str, Any], value: str) -> bool:
    """Whether the record's date is as wanted; what is no date is ignored, and an undated record fits nothing."""
    match = _VALUE.fullmatch(value)
    if match is None:
        return True
    found, wanted = first_moment(record), _in_utc(match["moment"])
    precision = min(len(found), len(wanted))
    return bool(found) and _COMPARED[match["prefix"] or "eq"](found[:precision], wanted[:precision])
