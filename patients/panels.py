"""Door 2: what a panel of the chart is, and the registry that panels come in by.

A panel is data (searches for each FHIR version, a template, words) and one function that turns FHIR resources into what
its template shows. Our own panels (`patients.chart_panels`) come in by the same door as those of plugins: a module
`chart_panels.py` of an installed app that calls `register`. What state a panel is in is judged in `panel_states`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeVar

from django.core.exceptions import ImproperlyConfigured

from launcher.needs import DataNeed
from launcher.registry import Registry
from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import Unreadable
from patients.readers.select import Reader
from patients.records import Demographics
from patients.vocabulary import Words

Resource = Mapping[str, object]
"""One FHIR resource as JSON."""

Reference = Callable[[Resource], str]
"""Gives the reference, as sent, that has to be read before a resource can be shown; "" for none."""

T = TypeVar("T")
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")


class PanelState(StrEnum):
    """What the reader of a panel may conclude from it; the values stand in `data-state`, the strongest first."""

    FAILED = "failed"
    FORBIDDEN = "forbidden"
    UNSUPPORTED = "unsupported"
    PARTIAL = "partial"
    TRUNCATED = "truncated"
    EXPLICIT_NONE = "explicit-none"
    EMPTY = "empty"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One search: `params` as (name, value), where "{patient}" stands for the patient's id.

    `things` says in the plural what it brings ("prescriptions"). An EHR may lack the resource type of an `optional`
    query without its panel being the poorer. What `reference` points to, of type `refers_to`, is read as well;
    without `reference` that type is read only when somebody opens a row.
    """

    resource: str
    params: tuple[tuple[str, str], ...]
    things: Words = field(compare=False)  # a lazy text's hash is that of the language of the moment
    optional: bool = False
    reference: Reference | None = None
    refers_to: str = ""


Outcome = Literal["ok", "forbidden", "unsupported", "failed", "busy", "late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What one query brought: the `resources` that are clearly about the patient, and how it went.

    `withheld` counts those that are not, `unreadable` entries that are no resource at all; `truncated` is a word when
    the EHR has more, of `total` as far as it said. `warned`: the EHR itself said that something is missing. `short`: it
    counts more than it sent, and says nothing of another page. `known` are the targets of references, as sent.
    """

    query: PanelQuery
    outcome: Outcome = "ok"
    resources: tuple[Resource, ...] = ()
    withheld: int = 0
    unreadable: int = 0
    warned: bool = False
    short: bool = False
    truncated: str = ""
    total: int | None = None
    known: Mapping[str, Resource] = field(default_factory=dict)

    def read(self, reader: Callable[[Resource], T]) -> tuple[list[T], int]:
        """Run `reader` over the resources; gives the records and how many resources it refused as Unreadable."""
        records: list[T] = []
        refused = 0
        for resource in self.resources:
            try:
                records.append(reader(resource))
            except Unreadable:
                refused += 1
        return records, refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartContext:
    """Of whom a chart speaks and when it was read; `at` is in the time zone of the EHR's site.

    `encounter` is the visit that the app was opened in, as the EHR gave it: an id, "Encounter/<id>", or "" for none.
    """

    patient_id: str
    base: str
    version: FhirVersion
    demographics: Demographics
    reader: Reader
    at: datetime
    encounter: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence above the rows of a panel. `tone` is a status colour; `alert` is for what could not be loaded."""

    text: str
    detail: str = ""
    tone: str = "warn"
    alert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelContent:
    """What a panel's `build` makes: `shown` counts the records on the page, closed groups included.

    `data` is the template's `content`. `summary` stands beside the title ("4 active"). `explicit_none` says that the
    EHR states that there are none.
    """

    shown: int
    data: Mapping[str, object] = field(default_factory=dict)
    summary: str = ""
    unreadable: int = 0
    entered_in_error: int = 0
    explicit_none: bool = False
    notices: tuple[Notice, ...] = ()


Build = Callable[[ChartContext, Sequence[Fetched]], PanelContent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One box of the chart. `things` is the plural used in the fixed sentences ("conditions").

    A version without an entry in `queries` makes the panel `unsupported`; an entry without queries means that the
    Patient, which every chart reads, is enough. `order` places the panel; ours stand at 10, 20, 30. `intents` are the
    words of a launch (SMART App Launch 2.2, "Launch intent") that this panel answers, besides its own slug.
    """

    slug: str
    title: Words
    things: Words
    template: str
    queries: Mapping[FhirVersion, tuple[PanelQuery, ...]]
    build: Build
    order: int = 100
    wide: bool = False
    intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of each fate; kept in the audit trail."""

    shown: int = 0
    withheld: int = 0
    unreadable: int = 0
    entered_in_error: int = 0

    def as_dict(self) -> dict[str, int]:
        return {
            "shown": self.shown,
            "withheld": self.withheld,
            "unreadable": self.unreadable,
            "entered_in_error": self.entered_in_error,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelResult:
    """A panel as it is shown: its state, the notices above its rows, and its rows unless there are none.

    `retry`: asking again may help. `rest`: the EHR has more, which a page of its own can show.
    """

    slug: str
    state: PanelState
    as_of: datetime
    content: Mapping[str, object] | None = None
    summary: str = ""
    notices: tuple[Notice, ...] = ()
    body: str = ""
    counts: Counts = Counts()
    retry: bool = False
    rest: bool = False
    reference: str = ""


_panels: Registry[Panel] = Registry(Panel, "panel")


def register(panel: Panel) -> Panel:
    """Add a panel; call this in `chart_panels.py`. Refuses a wrong type, a bad or second slug, and what comes late."""
    slug = getattr(panel, "slug", "?")
    if isinstance(panel, Panel) and not _SLUG.fullmatch(slug):
        raise ImproperlyConfigured(f"“{slug}” cannot name a panel: use lower-case letters, digits and hyphens.")
    return _panels.register(slug, panel)


def close() -> None:
    """Refuse whatever comes later: which panels a chart has is settled once the apps are loaded."""
    _panels.close()


def get(slug: str) -> Panel | None:
    return _panels.get(slug)


def all_panels() -> tuple[Panel, ...]:
    """The panels in reading order: by `order`, then as they were registered."""
    return tuple(sorted(_panels, key=lambda panel: panel.order))


def for_intent(intent: str, among: Sequence[Panel]) -> Panel | None:
    """The first of these panels that the `intent` of a launch means; None for a word that none of them knows."""
    return next((panel for panel in among if intent and intent in (panel.slug, *panel.intents)), None)


def shown(wanted: Sequence[str]) -> tuple[Panel, ...]:
    """The panels of one chart: those that are `wanted`, in that order; all of them when nothing is said.

    A name that no panel has any more is passed over, but a chart is never left without panels for that.
    """
    found = tuple(panel for slug in dict.fromkeys(wanted) if (panel := _panels.get(slug)))
    return found or all_panels()


def data_needs(panel: Panel) -> Iterator[DataNeed]:
    """What the panel asks an EHR for; a search that several versions share is named once."""
    versions: dict[tuple[str, tuple[tuple[str, str], ...]], set[FhirVersion]] = {}
    for version, queries in panel.queries.items():
        wanted = [(query.resource, query.params) for query in queries] or [("Patient", ())]
        wanted += [(query.refers_to, ()) for query in queries if query.refers_to]
        for search in wanted:
            versions.setdefault(search, set()).add(version)
    for (resource, params), offered in versions.items():
        yield DataNeed(
            panel=panel.slug,
            label=str(panel.title),
            resource=resource,
            params=params,
            versions=frozenset(offered),
        )
