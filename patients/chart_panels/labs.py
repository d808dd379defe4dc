"""Lab results by the day of collection, each beside the one before it; nothing is computed and nothing judged here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.measurements import observations_of
from patients.chart_panels.rows import queries
from patients.panels import ChartContext, Fetched, Panel, PanelContent
from patients.readers.select import reader_for
from patients.readers.series import lab_days
from patients.records import LabDay, ObservationGroup

DAYS_OPEN = 5
"""How many days of collection stand open; the earlier ones are opened by the reader of the page."""


@dataclass(frozen=True, slots=True)
class LabGroup:
    """Days of collection, the newest first; `count` results stand in them."""

    title: str
    days: tuple[LabDay, ...]
    closed: bool

    @property
    def count(self) -> int:
        return sum(len(day.rows) for day in self.days)


def _labs(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, wrong, unreadable = observations_of("laboratory", context, fetched)
    days = lab_days(records)
    # What has no day may be the newest of all: it stays open.
    undated = tuple(day for day in days if day.day is None)
    dated = tuple(day for day in days if day.day is not None)
    groups = [
        LabGroup(_("Latest results"), (*dated[:DAYS_OPEN], *undated), closed=False),
        LabGroup(_("Earlier results"), dated[DAYS_OPEN:], closed=True),
    ]
    return PanelContent(
        shown=len(records),
        data={"groups": [group for group in groups if group.days]},
        summary=_summary(sum(each.group is ObservationGroup.RESULT for each in records), len(records)),
        unreadable=unreadable,
        entered_in_error=wrong,
    )


def _summary(results: int, tests: int) -> str:
    said = ngettext("%(count)d result", "%(count)d results", results) % {"count": results}
    if results == tests:
        return said
    return _("%(said)s, %(count)d without") % {"said": said, "count": tests - results}


LABS = Panel(
    slug="labs",
    title=_lazy("Lab results"),
    things=_lazy("lab results"),
    template="patients/panels/labs.html",
    queries={version: queries(reader_for(version).LABS_QUERIES, _lazy("lab results")) for version in FhirVersion},
    build=_labs,
    order=50,
    intents=("lab-results", "review-labs"),
)
