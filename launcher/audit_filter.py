"""What somebody looks for in the audit trail: read strictly from an address or a form, applied, and said again there.

A box that holds anything else than what it is for is not searched with, and its text is not kept: names get typed into
search boxes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import QuerySet
from django.utils.dateparse import parse_date

from launcher.models import AuditEvent
from launcher.smart.foreign_text import is_fhir_id

OUTCOMES = ("success", "refused", "failure")
SEARCH = "q"

_EVENT = re.compile(r"[a-z][a-z_0-9]{0,38}(\.[a-z_0-9]{0,30})?")
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,60}")
_LAUNCH = re.compile(r"[0-9a-f]{32}")
_REFERENCE = re.compile(r"[2-9A-HJ-NP-Z]{6}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FITS: dict[str, Callable[[str], bool]] = {
    "event": lambda text: bool(_EVENT.fullmatch(text)),
    "outcome": lambda text: text in OUTCOMES,
    "registration": lambda text: bool(_SLUG.fullmatch(text)),
    "launch": lambda text: bool(_LAUNCH.fullmatch(text)),
    "reference": lambda text: bool(_REFERENCE.fullmatch(text)),
    "patient": is_fhir_id,
    "since": lambda text: _day(text) is not None,
    "until": lambda text: _day(text) is not None,
}
NAMES = tuple(_FITS)
"""The boxes, in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What is asked for. `wrong` names the boxes whose text cannot be used; then nothing is found."""

    event: str = ""
    outcome: str = ""
    registration: str = ""
    launch: str = ""
    reference: str = ""
    patient: str = ""
    since: str = ""
    until: str = ""
    wrong: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> AuditFilter:
        """Read the boxes, and `q`, which takes a reference or the id of a launch."""
        texts = {name: " ".join(str(given.get(name, "")).split()) for name in (*NAMES, SEARCH)}
        texts |= {"launch": texts["launch"].lower(), "reference": texts["reference"].upper()}
        wrong = [name for name in NAMES if texts[name] and not _FITS[name](texts[name])]
        searched = texts.pop(SEARCH)
        if searched:
            name, text = _searched(searched)
            wrong += [SEARCH] if not name or texts[name] not in {"", text} else []
            texts |= {name: text} if name else {}
        return cls(**{name: "" if name in wrong else text for name, text in texts.items()}, wrong=tuple(wrong))

    def narrowed(self, rows: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """The rows that fit."""
        if self.wrong:
            return rows.none()
        for name in ("outcome", "registration", "launch", "reference", "patient"):
            if value := getattr(self, name):
                rows = rows.filter(**{name: value})
        if self.event:
            rows = rows.filter(**{"event__startswith" if self.event.endswith(".") else "event": self.event})
        if first := _day(self.since):
            rows = rows.filter(at__gte=_midnight(first))
        if last := _day(self.until):
            rows = rows.filter(at__lt=_midnight(last + timedelta(days=1)))
        return rows

    @property
    def values(self) -> dict[str, str]:
        """The boxes that hold something."""
        return {name: value for name in NAMES if (value := getattr(self, name))}

    def as_detail(self) -> dict[str, str]:
        """The same for the trail itself, where the patient has a place of its own; of wrong boxes only their names."""
        said = {name: value for name, value in self.values.items() if name != "patient"}
        return said | ({"not_usable": ", ".join(self.wrong)} if self.wrong else {})


def _searched(text: str) -> tuple[str, str]:
    if _REFERENCE.fullmatch(text.upper()):
        return "reference", text.upper()
    return ("launch", text.lower()) if _LAUNCH.fullmatch(text.lower()) else ("", "")


def _day(text: str) -> date | None:
    try:
        found = parse_date(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return found if found and found.year < 9999 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
