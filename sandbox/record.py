"""What the invented patients' charts hold besides conditions and medications, free of any FHIR version.

Moments and statuses are written as in `sandbox.person`; codes of statuses are R4's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.person import Amount, Concept

Kept = Literal["inline", "binary", "lost"]
"""Where a document's bytes are: in the DocumentReference, in a Binary, or in a Binary that is not there."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One event; `severity` is mild, moderate, severe or "" (not recorded)."""

    signs: tuple[Concept, ...]
    severity: str = ""
    onset: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Allergy:
    """An AllergyIntolerance, or the entry that says there is none.

    `criticality` is low, high, unable-to-assess or ""; `kind` allergy, intolerance or ""; `of` food, medication,
    environment, biologic or "".
    """

    what: Concept
    clinical: str = "active"
    verification: str = "confirmed"
    criticality: str = ""
    kind: str = ""
    of: str = ""
    recorded: str = ""
    onset: str = ""
    last: str = ""
    recorder: str = ""
    reactions: tuple[Reaction, ...] = ()
    note: str = ""
    restricted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A reference range; either end may be open. `text` says what numbers cannot."""

    low: Amount | None = None
    high: Amount | None = None
    text: str = ""


Result = Amount | Concept | str | None


@dataclass(frozen=True, slots=True)
class Part:
    """A component of a measurement; `absent` is a code of FHIR's data-absent-reason."""

    what: Concept
    value: Result = None
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """An Observation. `category` is vital-signs or laboratory, `flag` a code of HL7's interpretation (H, LL, A).

    `members`: a panel is made of so many of the measurements that come next.
    """

    what: Concept
    category: str
    taken: str
    value: Result = None
    parts: tuple[Part, ...] = ()
    flag: str = ""
    usual: Bounds | None = None
    status: str = "final"
    absent: str = ""
    by: str = ""
    visit: int = 0
    note: str = ""
    members: int = 0
    restricted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Vaccination:
    """An Immunization. `status` is completed, not-done or entered-in-error; `why_not` a code of v3-ActReason."""

    what: Concept
    given: str
    status: str = "completed"
    why_not: str = ""
    why_not_text: str = ""
    lot: str = ""
    dose: int = 0
    site: Concept | None = None
    by: str = ""
    told: bool = False
    note: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One form of a document. `content` makes the bytes when somebody asks for them; `size` 0 is their number."""

    media: str
    title: str
    content: Callable[[], bytes]
    kept: Kept = "binary"
    size: int = 0
    id: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A DocumentReference. `status` is current, superseded or entered-in-error; `written` a date-time with a zone."""

    kind: Concept
    written: str
    forms: tuple[Attachment, ...]
    title: str = ""
    status: str = "current"
    progress: str = "final"
    author: str = ""
    visit: int = 0
    restricted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything of this module about one patient."""

    allergies: tuple[Allergy, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    vaccinations: tuple[Vaccination, ...] = ()
    documents: tuple[Document, ...] = ()
