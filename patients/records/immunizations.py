"""Rows of the immunization list: what was given, and what was not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from patients.records.values import Coded, Missing, PartialDate, Tag, When


class ImmunizationGroup(StrEnum):
    """UNCLEAR holds what cannot be told to have been given; it must not look as if it had."""

    GIVEN = "given"
    NOT_GIVEN = "not-given"
    UNCLEAR = "unclear"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class Immunization:
    """An Immunization. `occurred` is when it was given, or when it was decided not to.

    `source` says where the knowledge comes from when not from giving it ("Reported by the patient"); `dose` is the
    number in the series ("2 of 3"), `reasons` are why it was not given or, for a given one, why it was.
    """

    reference: str
    vaccine: Coded
    group: ImmunizationGroup
    status: Tag
    occurred: When | Missing
    reasons: tuple[str, ...] = ()
    source: str = ""
    dose: str = ""
    amount: str = ""
    lot: str = ""
    expires: PartialDate | None = None
    manufacturer: str = ""
    site: str = ""
    route: str = ""
    performers: tuple[str, ...] = ()
    place: str = ""
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    restricted: bool = False
