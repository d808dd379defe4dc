"""The canonical model of an invented patient: what is true of them, free of any FHIR version.

Moments are FHIR's partial date texts ("1956", "1956-10", "1956-10-14") or date-times with a zone; "" is not recorded.
Codes of statuses are R4's where R4 has them; the writers say them in the words of their version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

Home = Literal[
    "allscripts-professional",
    "allscripts-touchworks",
    "allscripts-sunrise",
    "smart-r4",
    "epic",
    "oracle-health",
    "azure",
    "smart-stu3",
]


@dataclass(frozen=True, slots=True)
class Coding:
    """A code of a code system. `chosen` is FHIR's userSelected."""

    system: str
    code: str
    display: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Concept:
    """A CodeableConcept. `absent` is a code of FHIR's data-absent-reason; then there is nothing else."""

    text: str = ""
    codings: tuple[Coding, ...] = ()
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Age:
    """An age in whole years."""

    years: int


@dataclass(frozen=True, slots=True)
class AgeRange:
    """Between two ages in whole years."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Span:
    """A period; "" is an open end."""

    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A time that somebody only described."""

    text: str


Time = str | Age | AgeRange | Span | Words


@dataclass(frozen=True, slots=True)
class Visit:
    """An encounter. `kind` is a code of HL7's ActCode: AMB, EMER or IMP; `left` "" is the same day.

    `status` is planned, in-progress, finished or cancelled; `place` and `reason` are words.
    """

    day: str
    kind: str = "AMB"
    clinician: str = ""
    status: str = "finished"
    left: str = ""
    place: str = ""
    reason: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition. `visit` counts the person's visits from 1 (0: none). `ended` True: resolved, no date known.

    `clinical` is "" when no status is given, `clinical_absent` then may say why; `verification` is "" when not given.
    `category` is problem-list-item, encounter-diagnosis or health-concern.
    """

    what: Concept
    clinical: str = "active"
    verification: str = "confirmed"
    category: str = "problem-list-item"
    onset: Time | None = None
    ended: Time | Literal[True] | None = None
    recorded: str = ""
    severity: Concept | None = None
    site: Concept | None = None
    note: str = ""
    asserter: str = ""
    visit: int = 0
    restricted: bool = False
    clinical_absent: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity in UCUM: `unit` is for people, `code` for machines; `comparator` is <, <=, >= or >.

    A Decimal keeps its zeros at the end ("1.10").
    """

    value: int | float | Decimal
    unit: str
    code: str
    comparator: str = ""


@dataclass(frozen=True, slots=True)
class AmountRange:
    """Between two quantities of one unit ("1 to 2 tablets")."""

    low: Amount
    high: Amount


@dataclass(frozen=True, slots=True)
class Timing:
    """`frequency` times in `period` `unit`s (UCUM h, d, wk); `code` is an abbreviation (BID), `when` an event (HS)."""

    frequency: int = 1
    period: int = 1
    unit: str = "d"
    code: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Dosage:
    """One dosage instruction, as words, as structure, or both. `maximum` is for 24 hours, `rate` for one hour."""

    text: str = ""
    dose: Amount | AmountRange | None = None
    route: Concept | None = None
    timing: Timing | None = None
    as_needed: bool | Concept = False
    site: Concept | None = None
    extra: Concept | None = None
    maximum: Amount | None = None
    rate: Amount | None = None


class Shape(StrEnum):
    """How a resource names its drug."""

    CONCEPT = "concept"
    CONTAINED = "contained"
    REFERENCE = "reference"
    BARE_REFERENCE = "bare-reference"
    """A reference without display: only who can read the Medication knows the drug."""
    LOST_REFERENCE = "lost-reference"
    """A reference without display to a Medication that nobody serves."""


@dataclass(frozen=True, slots=True)
class Medicine:
    """A drug and the way it is named. `id` is that of the Medication resource, of the shapes that have one."""

    what: Concept
    shape: Shape = Shape.CONCEPT
    form: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Prescription:
    """A MedicationOrder or MedicationRequest. `treats` counts the person's conditions from 1 (0: none).

    `status` "" means not given. `reported`: taken down from what the patient said, not prescribed here.
    """

    medicine: Medicine
    status: str = "active"
    intent: str = "order"
    written: str = ""
    ended: str = ""
    end_reason: str = ""
    prescriber: str = ""
    reason: Concept | None = None
    treats: int = 0
    dosages: tuple[Dosage, ...] = ()
    repeats: int | None = None
    supply: Amount | None = None
    note: str = ""
    visit: int = 0
    do_not_perform: bool = False
    reported: bool = False
    restricted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A MedicationStatement. `source` is a clinician's id, or "" for the patient."""

    medicine: Medicine
    status: str = "active"
    taken: str | Span | None = None
    asserted: str = ""
    reason: Concept | None = None
    why_not: Concept | None = None
    dosages: tuple[Dosage, ...] = ()
    source: str = ""
    note: str = ""
    restricted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A name. `text` alone is filled where the EHR keeps nothing else."""

    family: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""
    use: str = "official"
    text: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Telecom:
    """A telephone number or e-mail address."""

    system: str
    value: str
    use: str = "home"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address in a town that does not exist."""

    line: str
    city: str
    state: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A contact of the patient; `relationship` is a code of HL7's table 0131 in R4 (C emergency, N next of kin)."""

    name: Name
    relationship: str = "N"
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """An invented patient. `born` is a partial date, `birth_time` a date-time with zone, `died` True: date unknown.

    `story` says in one line what this patient is good for. `blanks`: the EHR writes empty strings where it has nothing.
    `absolute_references`: resources point at this patient by full URL.
    """

    id: str
    home: Home
    story: str
    names: tuple[Name, ...]
    sex: str = ""
    born: str = ""
    birth_time: str = ""
    died: date | Literal[True] | None = None
    mrn: str = ""
    address: Address | None = None
    telecom: tuple[Telecom, ...] = ()
    language: str = ""
    race: Coding | None = None
    ethnicity: Coding | None = None
    marital: Coding | None = None
    doctor: str = ""
    relatives: tuple[Relative, ...] = ()
    active: bool = True
    replaced_by: str = ""
    restricted: bool = False
    birth_order: int = 0
    born_absent: str = ""
    sex_absent: str = ""
    blanks: bool = False
    absolute_references: bool = False
    visits: tuple[Visit, ...] = ()
    conditions: tuple[Problem, ...] = field(default=(), repr=False)
    prescriptions: tuple[Prescription, ...] = field(default=(), repr=False)
    statements: tuple[Statement, ...] = field(default=(), repr=False)

    @property
    def display_name(self) -> str:
        """The first name as people say it: "Marguerite Ann Hollingbrook"."""
        name = self.names[0]
        return name.text or " ".join((*name.given, *name.family))
