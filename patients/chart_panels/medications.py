"""Medications in five groups, what must not be given first; prescriptions and reports of one drug side by side."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.rows import NO_DATE, Rows, SortKey, contradiction, is_negative
from patients.panels import ChartContext, Fetched, Panel, PanelContent, PanelQuery
from patients.readers.drug import medication_reference
from patients.readers.select import Reader, reader_for
from patients.records import Coded, Medication, MedicationGroup, Missing
from patients.vocabulary import Words

STOPPED_LATELY = timedelta(days=30)

# An EHR may keep all its medications in one of these two; only in DSTU2 does each hold what the other does not.
MEDICATION_THINGS: Mapping[str, Words] = {
    "MedicationOrder": _lazy("prescriptions"),
    "MedicationRequest": _lazy("prescriptions"),
    "MedicationStatement": _lazy("reported medications"),
}
STATEMENTS_ARE_OPTIONAL = frozenset({FhirVersion.R4, FhirVersion.R4B, FhirVersion.R5})


def _medications(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = _read_medications(context.reader, fetched)
    groups: dict[MedicationGroup, list[Medication]] = {group: [] for group in MedicationGroup}
    for record in records:
        groups[record.group].append(record)
    current, past = groups[MedicationGroup.CURRENT], groups[MedicationGroup.PAST]
    negatives = sum(isinstance(record.name, Coded) and is_negative(record.name) for record in current)
    positives = len(current) - negatives
    shown = [
        Rows(
            "do-not-give",
            _("Do not give"),
            _adjacent(groups[MedicationGroup.DO_NOT_GIVE]),
            closed=False,
            status_first=True,
        ),
        Rows("current", _("Current"), _adjacent(current), closed=False),
        Rows("not-taking", _("Reported as not taking"), _adjacent(groups[MedicationGroup.NOT_TAKING]), closed=False),
        Rows("planned", _("Planned or proposed"), _adjacent(groups[MedicationGroup.PLANNED]), closed=True),
        Rows(
            "past",
            _("Past medications"),
            _latest_end_first(past),
            closed=True,
            note=_stopped_lately(past, context),
            status_first=True,
        ),
    ]
    return PanelContent(
        shown=sum(len(group.rows) for group in shown),
        data={"groups": [group for group in shown if group.rows]},
        summary=ngettext("%(count)d current", "%(count)d current", positives) % {"count": positives},
        unreadable=unreadable,
        entered_in_error=len(groups[MedicationGroup.ENTERED_IN_ERROR]),
        explicit_none=bool(negatives) and not positives,
        notices=contradiction(negatives, positives, _("no known medications")),
    )


def _read_medications(reader: Reader, fetched: Sequence[Fetched]) -> tuple[list[Medication], int]:
    records: list[Medication] = []
    unreadable = 0
    for each in fetched:
        found, refused = each.read(functools.partial(reader.medication, known=each.known))
        records += found
        unreadable += refused
    return records, unreadable


def _started(record: Medication) -> SortKey:
    return NO_DATE if isinstance(record.started, Missing) else record.started.sort_key


def _ended(record: Medication) -> SortKey:
    return record.ended.sort_key if record.ended else _started(record)


def _adjacent(records: Iterable[Medication]) -> list[Medication]:
    """Newest start first, but the same drug as prescription and as statement side by side: a difference must show."""
    by_drug: dict[str, list[Medication]] = {}
    for record in records:
        name = record.name.text.casefold() if isinstance(record.name, Coded) else record.reference
        by_drug.setdefault(name, []).append(record)
    for same in by_drug.values():
        same.sort(key=_started, reverse=True)
    drugs = sorted(by_drug.values(), key=lambda same: _started(same[0]), reverse=True)
    return [record for same in drugs for record in same]


def _latest_end_first(records: Iterable[Medication]) -> list[Medication]:
    return sorted(records, key=_ended, reverse=True)


def _stopped_lately(past: Iterable[Medication], context: ChartContext) -> str:
    today = context.at.date()
    ends = (record.ended.end or record.ended.start for record in past if record.ended)
    count = sum(bool(end and end.exact and timedelta() <= today - end.exact <= STOPPED_LATELY) for end in ends)
    if not count:
        return ""
    return ngettext("%(count)d ended in the last 30 days", "%(count)d ended in the last 30 days", count) % {
        "count": count
    }


def _medication_queries(reader: Reader, version: FhirVersion) -> tuple[PanelQuery, ...]:
    return tuple(
        PanelQuery(
            resource,
            params,
            MEDICATION_THINGS.get(resource, _lazy("medications")),
            optional=resource == "MedicationStatement" and version in STATEMENTS_ARE_OPTIONAL,
            reference=medication_reference,
            refers_to="Medication",
        )
        for resource, params in reader.MEDICATION_QUERIES
    )


MEDICATIONS = Panel(
    slug="medications",
    title=_lazy("Medications"),
    things=_lazy("medications"),
    template="patients/panels/medications.html",
    queries={version: _medication_queries(reader_for(version), version) for version in FhirVersion},
    build=_medications,
    order=30,
    intents=("reconcile-medications", "review-medications"),
)
