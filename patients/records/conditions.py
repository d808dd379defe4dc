"""Rows of the problem list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from patients.records.values import Coded, Missing, PartialDate, Tag, When


class ConditionGroup(StrEnum):
    ACTIVE = "active"
    ENCOUNTER = "encounter"
    RESOLVED = "resolved"
    RULED_OUT = "ruled-out"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class Condition:
    """A Condition. `marks` are short notices shown on the row ("An end date is recorded although it is active")."""

    references: tuple[str, ...]
    name: Coded
    group: ConditionGroup
    clinical: Tag
    verification: Tag
    categories: tuple[str, ...]
    onset: When | Missing
    ended: When | None
    recorded: PartialDate | Missing
    severity: str = ""
    body_site: str = ""
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    restricted: bool = False
    encounters: int = 0
    """In how many encounters a merged encounter diagnosis was seen; 0 when the row is one resource."""
    encounter: str = ""
    """The reference of the encounter it was recorded in, for counting; "" if not sent."""
