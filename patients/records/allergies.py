"""Rows of the allergy list, and what an EHR says when it knows of none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from patients.records.values import Coded, Missing, PartialDate, Tag, When


class AllergyGroup(StrEnum):
    ACTIVE = "active"
    RESOLVED = "resolved"
    RULED_OUT = "ruled-out"
    ENTERED_IN_ERROR = "entered-in-error"


class AllergyStatement(StrEnum):
    """What an entry states that names no substance. Only ANY means that no allergy at all is known."""

    ANY = "no-known-allergies"
    DRUG = "no-known-drug-allergies"
    FOOD = "no-known-food-allergies"
    ENVIRONMENT = "no-known-environmental-allergies"
    INSECT = "no-known-insect-allergies"
    LATEX = "no-known-latex-allergies"
    ANIMAL = "no-known-animal-allergies"
    NO_INFORMATION = "no-information"


@dataclass(frozen=True, slots=True)
class Reaction:
    """One event: the manifestations that came together, each "" or empty where nothing was sent."""

    manifestations: tuple[str, ...]
    severity: str = ""
    substance: str = ""
    certainty: str = ""
    route: str = ""
    onset: When | None = None
    description: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allergy:
    """An AllergyIntolerance. `clinical` or `verification` is None in DSTU2, whose one status says only the other.

    `recorder` wrote it down, `informant` said so. `statement` is set where no substance is named but absence is
    stated; such an entry counts only while `group` is ACTIVE (see `states_none`).
    """

    reference: str
    name: Coded
    group: AllergyGroup
    clinical: Tag | None
    verification: Tag | None
    criticality: Tag | Missing
    high: bool
    kind: str
    categories: tuple[str, ...]
    reactions: tuple[Reaction, ...]
    recorded: PartialDate | Missing
    recorder: str | Missing
    informant: str = ""
    onset: When | None = None
    last_occurrence: PartialDate | None = None
    statement: AllergyStatement | None = None
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def free_text(self) -> bool:
        """Whether the substance has no code, so that the EHR's own checks may not know it."""
        return self.statement is None and self.name.free_text

    @property
    def states_none(self) -> AllergyStatement | None:
        """Which kind of allergy is stated not to be known, None for an entry that is no such statement or is over."""
        holds = self.group is AllergyGroup.ACTIVE and self.statement is not AllergyStatement.NO_INFORMATION
        return self.statement if holds else None

    @property
    def attributed(self) -> bool:
        """Whether it is known who recorded this and when, as a statement that there are none should have it."""
        named = not isinstance(self.recorder, Missing) or bool(self.informant)
        return named and isinstance(self.recorded, PartialDate)
