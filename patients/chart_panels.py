"""Our own panels, which come in by door 2 as a plugin's do: demographics, conditions and medications."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.panels import ChartContext, Fetched, Notice, Panel, PanelContent, PanelQuery, Resource, register
from patients.readers.drug import medication_reference
from patients.readers.merge import merge_encounter_diagnoses
from patients.readers.select import Reader, reader_for
from patients.records import Coded, Condition, ConditionGroup, Medication, MedicationGroup, Missing, PartialDate
from patients.vocabulary import Words

T = TypeVar("T")
SortKey = tuple[int, int, int, str]
NO_DATE: SortKey = (0, 0, 0, "")

NEGATIVES = frozenset({"160245001", "787481004", "no-known-problems", "no-known-medications"})
"""Codes by which an EHR states that there are none: SNOMED CT "no current problems or disability" and "no known
medications", and their twins in http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips."""

STOPPED_LATELY = timedelta(days=30)

# An EHR may keep all its medications in one of these two; only in DSTU2 does each hold what the other does not.
MEDICATION_THINGS: Mapping[str, Words] = {
    "MedicationOrder": _lazy("prescriptions"),
    "MedicationRequest": _lazy("prescriptions"),
    "MedicationStatement": _lazy("reported medications"),
}
STATEMENTS_ARE_OPTIONAL = frozenset({FhirVersion.R4, FhirVersion.R4B, FhirVersion.R5})


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of one group with the heading above them; a `closed` group is opened by the reader of the page.

    `status_first` puts the status before the name: of what is over, and of what must not be given.
    """

    slug: str
    title: str
    rows: Sequence[Condition | Medication]
    closed: bool
    note: str = ""
    status_first: bool = False


def _demographics(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    return PanelContent(shown=1, data={"person": context.demographics})


def _conditions(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = _read(fetched, context.reader.condition)
    wrong = sum(record.group is ConditionGroup.ENTERED_IN_ERROR for record in records)
    groups: dict[ConditionGroup, list[Condition]] = {group: [] for group in ConditionGroup}
    for record in merge_encounter_diagnoses(records):
        groups[record.group].append(record)
    for rows in groups.values():
        rows.sort(key=_recorded, reverse=True)
    active = groups[ConditionGroup.ACTIVE]
    negatives = sum(_is_negative(record.name) for record in active)
    shown = [
        Rows("active", _("Active"), active, closed=False),
        Rows("encounter", _("Encounter diagnoses"), groups[ConditionGroup.ENCOUNTER], closed=True),
        Rows("resolved", _("Resolved or inactive"), groups[ConditionGroup.RESOLVED], closed=True),
        Rows("ruled-out", _("Ruled out"), groups[ConditionGroup.RULED_OUT], closed=True),
    ]
    positives = len(active) - negatives
    return PanelContent(
        shown=sum(len(group.rows) for group in shown),
        data={"groups": [group for group in shown if group.rows]},
        summary=_("%(count)d active") % {"count": positives},
        unreadable=unreadable,
        entered_in_error=wrong,
        explicit_none=bool(negatives) and not positives,
        notices=_contradiction(negatives, positives, _("no known conditions")),
    )


def _medications(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = _read_medications(context.reader, fetched)
    groups: dict[MedicationGroup, list[Medication]] = {group: [] for group in MedicationGroup}
    for record in records:
        groups[record.group].append(record)
    current, past = groups[MedicationGroup.CURRENT], groups[MedicationGroup.PAST]
    negatives = sum(isinstance(record.name, Coded) and _is_negative(record.name) for record in current)
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
        summary=_("%(count)d current") % {"count": positives},
        unreadable=unreadable,
        entered_in_error=len(groups[MedicationGroup.ENTERED_IN_ERROR]),
        explicit_none=bool(negatives) and not positives,
        notices=_contradiction(negatives, positives, _("no known medications")),
    )


def _read(fetched: Sequence[Fetched], reader: Callable[[Resource], T]) -> tuple[list[T], int]:
    records: list[T] = []
    unreadable = 0
    for each in fetched:
        found, refused = each.read(reader)
        records += found
        unreadable += refused
    return records, unreadable


def _read_medications(reader: Reader, fetched: Sequence[Fetched]) -> tuple[list[Medication], int]:
    records: list[Medication] = []
    unreadable = 0
    for each in fetched:
        found, refused = each.read(functools.partial(reader.medication, known=each.known))
        records += found
        unreadable += refused
    return records, unreadable


def _contradiction(negatives: int, positives: int, statement: str) -> tuple[Notice, ...]:
    if not negatives or not positives:
        return ()
    words = ngettext(
        "The record says “%(statement)s” and also lists %(count)d.",
        "The record says “%(statement)s” and also lists %(count)d.",
        positives,
    )
    return (Notice(words % {"statement": statement, "count": positives}),)


def _is_negative(name: Coded) -> bool:
    return name.code in NEGATIVES


def _recorded(record: Condition) -> SortKey:
    if isinstance(record.recorded, PartialDate):
        return record.recorded.sort_key
    return NO_DATE if isinstance(record.onset, Missing) else record.onset.sort_key


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


def _condition_queries(reader: Reader) -> tuple[PanelQuery, ...]:
    return tuple(PanelQuery(resource, params, _lazy("conditions")) for resource, params in reader.CONDITION_QUERIES)


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


register(
    Panel(
        slug="demographics",
        title=_lazy("Patient details"),
        things=_lazy("patient details"),
        template="patients/panels/demographics.html",
        queries=dict.fromkeys(FhirVersion, ()),
        build=_demographics,
        order=10,
        wide=True,
        intents=("patient-details", "review-demographics"),
    )
)
register(
    Panel(
        slug="conditions",
        title=_lazy("Conditions"),
        things=_lazy("conditions"),
        template="patients/panels/conditions.html",
        queries={version: _condition_queries(reader_for(version)) for version in FhirVersion},
        build=_conditions,
        order=20,
        intents=("problems", "review-conditions", "review-problems"),
    )
)
register(
    Panel(
        slug="medications",
        title=_lazy("Medications"),
        things=_lazy("medications"),
        template="patients/panels/medications.html",
        queries={version: _medication_queries(reader_for(version), version) for version in FhirVersion},
        build=_medications,
        order=30,
        intents=("reconcile-medications", "review-medications"),
    )
)
