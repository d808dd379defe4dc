"""Rows of the list of visits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from patients.records.values import Missing, Tag, When


class EncounterGroup(StrEnum):
    PLANNED = "planned"
    IN_PROGRESS = "in-progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class Encounter:
    """An Encounter. `kinds` are its types, `setting` its class ("Ambulatory"); `this_visit` marks the launch's own.

    `people` are names with their role where one was sent ("Dr. Ada Example (attender)").
    """

    reference: str
    kinds: tuple[str, ...]
    setting: str
    group: EncounterGroup
    status: Tag
    period: When | Missing
    places: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    organization: str = ""
    this_visit: bool = False
    marks: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def name(self) -> str | Missing:
        """What kind of visit it was, in one line."""
        return ", ".join(self.kinds) or self.setting or Missing.NOT_RECORDED
