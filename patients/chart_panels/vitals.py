"""Vital signs: for each kind the latest value beside the one before, a plot of two years, and a table of everything.

NHS CUI guide on graphs and tables (GTAB): the table says all that the plot shows, and what the plot leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.measurements import observations_of, without_result
from patients.chart_panels.rows import queries
from patients.panels import ChartContext, Fetched, Panel, PanelContent
from patients.plots import Plot, plot_of
from patients.readers.select import reader_for
from patients.readers.series import series_of
from patients.records import Observation, ObservationGroup, PartialDate, Point, Series
from patients.vocabulary_clinical import days_old

PLOTTED = timedelta(days=730)
"""How far back the plots reach; the tables hold everything."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of a table of measurements: the point, what its observation says besides, and how old it is.

    `references` is empty where the observation has its mark on a row further up: one resource may give several rows.
    """

    point: Point
    references: tuple[str, ...]
    age: str
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Vital:
    """One kind of measurement in one unit. `latest` is None when none has a readable date; `rows` are newest first."""

    title: str
    unit: str
    latest: Measured | None
    previous: Measured | None
    rows: tuple[Measured, ...]
    plot: Plot | None
    label: str


def _vitals(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, wrong, unreadable = observations_of("vital-signs", context, fetched)
    waiting = without_result(records)
    # A place in the list, because a server may leave out ids: each point must find its observation again.
    by_place = {str(place): each for place, each in enumerate(records) if each.group is ObservationGroup.RESULT}
    placed = (replace(each, reference=place) for place, each in by_place.items())
    marked: set[str] = set()
    vitals = [_vital(series, by_place, context, marked) for series in series_of(placed)]
    return PanelContent(
        shown=len(records),
        data={"vitals": vitals, "without_result": waiting, "years": PLOTTED.days // 365},
        summary=_kinds(len(vitals)) if vitals else "",
        unreadable=unreadable,
        entered_in_error=wrong,
    )


def _kinds(count: int) -> str:
    return ngettext("%(count)d kind", "%(count)d kinds", count) % {"count": count}


def _vital(series: Series, by_place: Mapping[str, Observation], context: ChartContext, marked: set[str]) -> Vital:
    dated = [_measured(point, by_place, context, marked) for point in reversed(series.points)]
    undated = [_measured(point, by_place, context, marked) for point in series.undated]
    plot = plot_of(series, until=context.at, span=PLOTTED)
    plot = plot if plot and len(plot.marks) > 1 else None
    title = series.name.text
    return Vital(
        title=title,
        unit=series.unit,
        latest=dated[0] if dated else None,
        previous=dated[1] if len(dated) > 1 else None,
        rows=(*dated, *undated),
        plot=plot,
        label=_label(title, series, dated, len(plot.marks)) if plot else "",
    )


def _measured(point: Point, by_place: Mapping[str, Observation], context: ChartContext, marked: set[str]) -> Measured:
    each = by_place[point.reference]
    first = point.reference not in marked
    marked.add(point.reference)
    return Measured(
        point=point,
        references=(each.reference,) if first and each.reference else (),
        age=_age(point.at, context),
        notes=each.notes,
        marks=each.marks,
        restricted=each.restricted,
    )


def _age(at: PartialDate | None, context: ChartContext) -> str:
    """In days; "" for what is no whole day. A moment counts on the site's own day, where its zone is known."""
    day = _day(at, context) if at else None
    return days_old(day, context.at.date()) if day else ""


def _day(at: PartialDate, context: ChartContext) -> date | None:
    known = str(context.at.tzinfo) != "UTC"
    return at.moment.astimezone(context.at.tzinfo).date() if at.moment and known else at.exact


def _label(title: str, series: Series, dated: Iterable[Measured], count: int) -> str:
    """What the plot shows, for those who do not see it."""
    newest = next((each.point for each in dated if each.point.number is not None), None)
    said = _("%(title)s, plot of %(count)d measurements of the last %(years)d years.") % {
        "title": title,
        "count": count,
        "years": PLOTTED.days // 365,
    }
    return _("%(said)s Newest: %(value)s. All values are in the table below.") % {
        "said": said,
        "value": newest.words if newest else series.unit,
    }


VITALS = Panel(
    slug="vitals",
    title=_lazy("Vital signs"),
    things=_lazy("vital signs"),
    template="patients/panels/vitals.html",
    queries={version: queries(reader_for(version).VITALS_QUERIES, _lazy("vital signs")) for version in FhirVersion},
    build=_vitals,
    order=40,
    intents=("vital-signs", "review-vitals"),
)
