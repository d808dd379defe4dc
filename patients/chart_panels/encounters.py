"""Encounters, the newest first; the one that the app was opened in is marked."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.rows import NO_DATE, SortKey, queries, read_all
from patients.panels import ChartContext, Fetched, Panel, PanelContent
from patients.readers.select import reader_for
from patients.records import Encounter, EncounterGroup, When


def _encounters(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = read_all(fetched, functools.partial(context.reader.encounter, launched=context.encounter))
    kept = [each for each in records if each.group is not EncounterGroup.ENTERED_IN_ERROR]
    kept.sort(key=_started, reverse=True)
    current = sum(each.group is EncounterGroup.IN_PROGRESS for each in kept)
    return PanelContent(
        shown=len(kept),
        data={"encounters": kept},
        summary=ngettext("%(count)d in progress", "%(count)d in progress", current) % {"count": current}
        if current
        else "",
        unreadable=unreadable,
        entered_in_error=len(records) - len(kept),
    )


def _started(record: Encounter) -> SortKey:
    return record.period.sort_key if isinstance(record.period, When) else NO_DATE


def _in_progress(count: int) -> str:
    return ngettext("%(count)d in progress", "%(count)d in progress", count) % {"count": count}


ENCOUNTERS = Panel(
    slug="encounters",
    title=_lazy("Encounters"),
    things=_lazy("encounters"),
    template="patients/panels/encounters.html",
    queries={version: queries(reader_for(version).ENCOUNTER_QUERIES, _lazy("encounters")) for version in FhirVersion},
    build=_encounters,
    order=70,
    intents=("visits", "review-encounters"),
)
