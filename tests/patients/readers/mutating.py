"""Breaks one element at a time and says what the record lost besides what was broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from patients.readers.datatypes import Unreadable
from tests.patients.readers.judging import FORBIDDEN, members, strings
from tests.patients.readers.test_sweep import rows

Json = dict[str, Any]
ALWAYS = frozenset({"marks"})


def losses(read: Callable[[Json], Any], golden: Json, touches: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """For each element of `golden` removed or of a wrong type: exceptions, non-words, and lost neighbors.

    `touches` names for each top-level element the parts of the record that may change with it.
    """
    whole = read(golden)
    for path, value, resource in rows(golden):
        where = f"{path} = {value!r}"
        try:
            record = read(resource)
        except Unreadable:
            if path != ("resourceType",):
                yield f"{where}: unreadable"
            continue
        yield from (f"{where}: {fault}" for fault in faults(record))
        allowed = ALWAYS | touches.get(str(path[0]), frozenset())
        for each in fields(whole):
            if each.name not in allowed and getattr(record, each.name) != getattr(whole, each.name):
                yield f"{where}: lost {each.name}"


def faults(record: object) -> list[str]:
    """What nobody must ever see: non-words, and blank entries of a list or of a name."""
    found = [f"{word!r} in {text!r}" for text in strings(record) for word in FORBIDDEN if word in text]
    for member in members(record):
        if isinstance(member, tuple) and any(isinstance(item, str) and not item.strip() for item in member):
            found.append(f"blank entry in {member!r}")
        for name in ("text", "word", "words"):
            shown = getattr(member, name, "x")
            if shown == "" and getattr(member, "missing", None) is None and not hasattr(member, "start"):
                found.append(f"blank {name} in {member!r}")
    return found
