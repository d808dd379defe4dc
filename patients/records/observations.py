"""Measurements: vital signs and laboratory results, single and as series over time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from patients.records.values import Coded, Missing, PartialDate, Tag, When


class ObservationGroup(StrEnum):
    """Whether there is a result: PENDING is not yet one, CANCELLED never will be."""

    RESULT = "result"
    PENDING = "pending"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class Reading:
    """A value as it is to be shown: `words` ("<5.0 mmol/L", "Positive"), or `missing` says why there is none.

    `number` is set for one exact or bounded number; `comparator` ("<", "", ...) says which. `unit` is the unit in words
    that cannot be misread, `unit_key` the same unit for comparing, "" when none was sent.
    """

    words: str = ""
    missing: Missing | None = None
    reason: str = ""
    """Why it is missing in the EHR's own words, where those say more than `missing`."""
    number: Decimal | None = None
    digits: str = ""
    comparator: str = ""
    unit: str = ""
    unit_key: str = ""

    @property
    def exact(self) -> Decimal | None:
        """The number, when it is one that can be compared and plotted."""
        return None if self.comparator else self.number


@dataclass(frozen=True, slots=True)
class ReferenceRange:
    """A reference range as sent: `words` ("3.5 to 5.0 mmol/L"), `applies_to` ("Normal, female, 18y or older").

    `low` and `high` are set where the limits are plain numbers, in the unit `unit_key` ("" if not sent).
    """

    words: str
    applies_to: str = ""
    normal: bool = True
    low: Decimal | None = None
    high: Decimal | None = None
    unit_key: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of an observation, such as the systolic pressure. `codes` are its LOINC codes."""

    name: Coded
    codes: tuple[str, ...]
    value: Reading
    flags: tuple[Tag, ...] = ()
    ranges: tuple[ReferenceRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """An Observation. `value` is None when the components or members carry the values.

    `taken` is when it was true of the patient; labelled "Reported" where only the time of the report is known. `flags`
    are the EHR's own judgement ("High"); none is ever computed. `kinds` are its category codes ("vital-signs").
    """

    reference: str
    name: Coded
    codes: tuple[str, ...]
    kinds: frozenset[str]
    group: ObservationGroup
    status: Tag
    value: Reading | None
    components: tuple[Component, ...]
    taken: When | Missing
    flags: tuple[Tag, ...] = ()
    ranges: tuple[ReferenceRange, ...] = ()
    issued: PartialDate | None = None
    performers: tuple[str, ...] = ()
    method: str = ""
    body_site: str = ""
    members: tuple[str, ...] = ()
    """References of other observations that belong to this panel; they are not fetched."""
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def at(self) -> PartialDate | None:
        """The one date it is filed under, None when no readable one was sent."""
        when = self.taken if isinstance(self.taken, When) else None
        moment = (when.start or when.end) if when else None
        return moment if moment and moment.readable else None


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement of a series. `number` is None where it cannot be plotted ("<5", "not performed").

    `second` is the lower of two numbers measured together (the diastolic pressure). `converted_from` names the unit
    that was sent ("lb"), and `sent` then holds the value as it came. `after_gap`: over 180 days after the one before.
    """

    reference: str
    at: PartialDate | None
    words: str
    missing: Missing | None
    status: Tag
    flags: tuple[Tag, ...] = ()
    number: Decimal | None = None
    second: Decimal | None = None
    converted_from: str = ""
    sent: str = ""
    after_gap: bool = False
    details: tuple[str, ...] = ()
    """Further facts about this measurement: other components, body site, method."""
    ranges: tuple[ReferenceRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """The reference range that the newest plotted measurement carries; None where it is open."""

    low: Decimal | None
    high: Decimal | None
    words: str


@dataclass(frozen=True, slots=True)
class Series:
    """Measurements of one thing in one unit, oldest first; those without a readable date stand apart in `undated`.

    `paired` says that each point has two numbers (blood pressure). `unit` is "" when none was sent.
    """

    name: Coded
    unit: str
    unit_key: str
    points: tuple[Point, ...]
    undated: tuple[Point, ...] = ()
    paired: bool = False
    band: Band | None = None

    @property
    def latest(self) -> Point | None:
        return self.points[-1] if self.points else None

    @property
    def previous(self) -> Point | None:
        return self.points[-2] if len(self.points) > 1 else None


@dataclass(frozen=True, slots=True)
class LabRow:
    """A result with the one before it of the same test, None for the oldest. `same_unit`: the two may be compared."""

    result: Observation
    previous: Observation | None = None
    same_unit: bool = True


@dataclass(frozen=True, slots=True)
class LabDay:
    """The results collected on one day by name; `day` is None for those without a readable date."""

    day: PartialDate | None
    rows: tuple[LabRow, ...]
