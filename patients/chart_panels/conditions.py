"""Conditions in four groups: active, encounter diagnoses, resolved or inactive, and ruled out."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext, pgettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.rows import NO_DATE, Rows, SortKey, contradiction, is_negative, queries, read_all
from patients.panels import ChartContext, Fetched, Panel, PanelContent
from patients.readers.merge import merge_encounter_diagnoses
from patients.readers.select import reader_for
from patients.records import Condition, ConditionGroup, Missing, PartialDate


def _conditions(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = read_all(fetched, context.reader.condition)
    wrong = sum(record.group is ConditionGroup.ENTERED_IN_ERROR for record in records)
    groups: dict[ConditionGroup, list[Condition]] = {group: [] for group in ConditionGroup}
    for record in merge_encounter_diagnoses(records):
        groups[record.group].append(record)
    for rows in groups.values():
        rows.sort(key=_recorded, reverse=True)
    active = groups[ConditionGroup.ACTIVE]
    negatives = sum(is_negative(record.name) for record in active)
    shown = [
        Rows("active", pgettext("group", "Active"), active, closed=False),
        Rows("encounter", _("Encounter diagnoses"), groups[ConditionGroup.ENCOUNTER], closed=True),
        Rows("resolved", _("Resolved or inactive"), groups[ConditionGroup.RESOLVED], closed=True),
        Rows("ruled-out", _("Ruled out"), groups[ConditionGroup.RULED_OUT], closed=True),
    ]
    positives = len(active) - negatives
    return PanelContent(
        shown=sum(len(group.rows) for group in shown),
        data={"groups": [group for group in shown if group.rows]},
        summary=ngettext("%(count)d active", "%(count)d active", positives) % {"count": positives},
        unreadable=unreadable,
        entered_in_error=wrong,
        explicit_none=bool(negatives) and not positives,
        notices=contradiction(negatives, positives, _("no known conditions")),
    )


def _recorded(record: Condition) -> SortKey:
    if isinstance(record.recorded, PartialDate):
        return record.recorded.sort_key
    return NO_DATE if isinstance(record.onset, Missing) else record.onset.sort_key


CONDITIONS = Panel(
    slug="conditions",
    title=_lazy("Conditions"),
    things=_lazy("conditions"),
    template="patients/panels/conditions.html",
    queries={version: queries(reader_for(version).CONDITION_QUERIES, _lazy("conditions")) for version in FhirVersion},
    build=_conditions,
    order=20,
    intents=("problems", "review-conditions", "review-problems"),
)
