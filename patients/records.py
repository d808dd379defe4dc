"""What a chart shows, free of any FHIR version: the readers make these records, the templates see nothing else."""

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


@dataclass(frozen=True, slots=True)
class Contact:
    """A telephone number, e-mail or other address of a patient: ("Phone, home", "555-0100"). Plain text, no link."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """Next of kin or another contact of a patient."""

    relationship: str | Missing
    name: str | Missing
    telecom: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class Demographics:
    """A Patient. `deceased` None: not said to be dead; otherwise the date of death, or why it is not known."""

    id: str
    name: PersonName | Missing
    preferred_name: str
    born: PartialDate | Missing
    birth_moment: PartialDate | None
    sex: str | Missing
    mrn: Identifier | Missing
    identifiers: tuple[Identifier, ...]
    deceased: PartialDate | Missing | None
    inactive: bool
    merged: bool
    restricted: bool
    addresses: tuple[str, ...]
    telecom: tuple[Contact, ...]
    languages: tuple[str, ...]
    marital_status: str | Missing
    race: str | Missing
    ethnicity: str | Missing
    general_practitioners: tuple[str, ...]
    contacts: tuple[ContactPerson, ...]
    multiple_birth: str = ""
    sex_details: tuple[Contact, ...] = ()
    """Sex assigned at birth, gender identity and the like, each with its own label: ("Gender identity", "Female")."""
    marks: tuple[str, ...] = ()
    """Short notices about the record as a whole ("Whether the patient has died could not be read. Check the EHR.")."""

    @property
    def reference(self) -> str:
        return f"Patient/{self.id}"


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
