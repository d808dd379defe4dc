"""Rows of the medication list, and how a drug is to be taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from patients.records.values import Coded, Missing, Tag, When


class MedicationGroup(StrEnum):
    DO_NOT_GIVE = "do-not-give"
    CURRENT = "current"
    NOT_TAKING = "not-taking"
    PLANNED = "planned"
    PAST = "past"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class Dose:
    """One dosage instruction. `as_written` is the EHR's own text, unchanged; the other parts are ours, "" if not sent.

    `as_needed` is a whole phrase ("as needed for pain"), `timing` holds the duration too ("twice a day for 10 days"),
    `maximum` has no word before it ("4 g per 24 hours"). `complete` says that dose, route and timing are all known, so
    that the structured line may be shown.
    """

    as_written: str = ""
    dose: str = ""
    rate: str = ""
    route: str = ""
    site: str = ""
    timing: str = ""
    as_needed: str = ""
    maximum: str = ""
    instructions: tuple[str, ...] = ()
    """Further instructions as the EHR words them ("With or after food")."""
    unclear: bool = False
    """Some part was sent that could not be read, so that our line would say less than the EHR does."""

    @property
    def complete(self) -> bool:
        return bool(self.dose and self.route and (self.timing or self.as_needed)) and not self.unclear


@dataclass(frozen=True, slots=True)
class Medication:
    """A MedicationOrder/-Request ("Prescription") or MedicationStatement ("Reported").

    `name` is Missing only when the drug cannot be told; `name_note` then says what was sent ("Medication/123").
    A start that is only the date of writing has the label "Recorded".
    """

    reference: str
    source: str
    name: Coded | Missing
    name_note: str
    form: str
    group: MedicationGroup
    status: Tag
    doses: tuple[Dose, ...]
    started: When | Missing
    ended: When | None
    prescriber: str | Missing
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    restricted: bool = False
    informant: str = ""
    """Who told of a reported medication; "" if not sent."""
