"""What records are made of: dates, codes, statuses, names, and the reasons why a value is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Missing(StrEnum):
    """Why an element has no value. The values are the codes of FHIR's data-absent-reason, or our own for "absent".

    Source: https://terminology.hl7.org/CodeSystem-data-absent-reason.html. The words stand in `patients.vocabulary`.
    """

    NOT_RECORDED = "not-recorded"
    UNKNOWN = "unknown"
    ASKED_UNKNOWN = "asked-unknown"
    ASKED_DECLINED = "asked-declined"
    NOT_ASKED = "not-asked"
    MASKED = "masked"
    ERROR = "error"
    NOT_PERFORMED = "not-performed"
    NOT_APPLICABLE = "not-applicable"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A FHIR date, dateTime or instant, precision kept. `sent` is the text as it came.

    `moment` (zone-aware) is set when a time with zone was sent; `day` when the date is complete. A text that is no
    FHIR date has `year` None: it is shown as sent and marked as unreadable.
    """

    sent: str
    year: int | None = None
    month: int | None = None
    day: int | None = None
    moment: datetime | None = None

    @property
    def readable(self) -> bool:
        return self.year is not None

    @property
    def exact(self) -> date | None:
        """The calendar day, when year, month and day are known."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)

    @property
    def sort_key(self) -> tuple[int, int, int, str]:
        """Orders oldest first; unreadable dates come before all."""
        return (self.year or 0, self.month or 0, self.day or 0, self.sent)


@dataclass(frozen=True, slots=True)
class When:
    """A time as FHIR's onset[x], abatement[x] or a Period may give it; exactly one way of saying it is filled.

    `label` is "" for the element itself or "Recorded" where only the date of writing is known. `text` holds an age
    ("at 34y"), a range or the EHR's own words. `start`/`end` hold a date or a period (`is_period`).
    """

    start: PartialDate | None = None
    end: PartialDate | None = None
    is_period: bool = False
    text: str = ""
    label: str = ""

    @property
    def sort_key(self) -> tuple[int, int, int, str]:
        moment = self.start or self.end
        return moment.sort_key if moment else (0, 0, 0, "")


@dataclass(frozen=True, slots=True)
class Coded:
    """A CodeableConcept for display. `text` is never blank: text, then a display, then "Code X (no description)".

    `code` and `system` ("SNOMED CT", or the URI if unknown to us) are of the coding that is shown; "" when there is
    none (`free_text`). `coded_as` is the coding's display where it disagrees with the text.
    """

    text: str
    code: str = ""
    system: str = ""
    coded_as: str = ""
    named: bool = True
    """False when `text` is our own sentence because the EHR sent no name ("Condition not named")."""

    @property
    def free_text(self) -> bool:
        return self.named and not self.code


class Tone(StrEnum):
    """How a status tag looks; the word beside it says the same."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    INFO = "info"
    UNKNOWN = "unk"


@dataclass(frozen=True, slots=True)
class Tag:
    """A status as a word and a tone, for example ("Confirmed", OK) or ("Status not given", UNKNOWN)."""

    word: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class PersonName:
    """A HumanName. `text` alone is filled when the EHR sent nothing else; it is then shown as it is."""

    family: str = ""
    given: str = ""
    prefix: str = ""
    suffix: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier with the label to show before it ("MRN", "Driver's license number", the system's name)."""

    label: str
    value: str
    system: str = ""
