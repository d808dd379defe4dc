"""Immunizations: what was given, what cannot be told to have been given, and what was not given and why."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.rows import NO_DATE, Rows, SortKey, queries, read_all
from patients.panels import ChartContext, Fetched, Panel, PanelContent
from patients.readers.select import reader_for
from patients.records import Immunization, ImmunizationGroup, When


def _immunizations(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = read_all(fetched, context.reader.immunization)
    groups: dict[ImmunizationGroup, list[Immunization]] = {group: [] for group in ImmunizationGroup}
    for record in sorted(records, key=lambda record: record.vaccine.text.casefold()):
        groups[record.group].append(record)
    for rows in groups.values():
        rows.sort(key=_occurred, reverse=True)
    given = groups[ImmunizationGroup.GIVEN]
    shown = [
        Rows("given", _("Given"), given, closed=False),
        Rows("unclear", _("Not clear whether given"), groups[ImmunizationGroup.UNCLEAR], closed=False),
        Rows("not-given", _("Not given"), groups[ImmunizationGroup.NOT_GIVEN], closed=False),
    ]
    return PanelContent(
        shown=sum(len(group.rows) for group in shown),
        data={"groups": [group for group in shown if group.rows]},
        summary=ngettext("%(count)d given", "%(count)d given", len(given)) % {"count": len(given)},
        unreadable=unreadable,
        entered_in_error=len(groups[ImmunizationGroup.ENTERED_IN_ERROR]),
    )


def _occurred(record: Immunization) -> SortKey:
    return record.occurred.sort_key if isinstance(record.occurred, When) else NO_DATE


IMMUNIZATIONS = Panel(
    slug="immunizations",
    title=_lazy("Immunizations"),
    things=_lazy("immunizations"),
    template="patients/panels/immunizations.html",
    queries={
        version: queries(reader_for(version).IMMUNIZATION_QUERIES, _lazy("immunizations")) for version in FhirVersion
    },
    build=_immunizations,
    order=80,
    intents=("review-immunizations", "vaccinations"),
)
