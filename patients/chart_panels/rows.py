"""What our panels have in common: groups of rows, the order of rows, and statements that there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import ngettext

from patients.panels import Fetched, Notice, PanelQuery, Resource
from patients.readers.select import Queries
from patients.records import Coded
from patients.vocabulary import Words

T = TypeVar("T")
SortKey = tuple[int, int, int, str]
NO_DATE: SortKey = (0, 0, 0, "")

NEGATIVES = frozenset({"160245001", "787481004", "1234391000168107", "no-known-problems", "no-known-medications"})
"""Codes by which an EHR states that there are none: SNOMED CT "No current problems or disability", "No known
medications" and (Australian edition) "No known current medicines", and the codes that the first two replaced.

Sources: the value sets for problems and medications of the International Patient Summary, https://hl7.org/fhir/uv/ips/
(before its version 2 http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips), and the Australian shared health
summary, https://github.com/AuDigitalHealth/ci-fhir-stu3/issues/78. The codes for "no information" state nothing.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """The records of one group with the heading above them; a `closed` group is opened by the reader of the page.

    `status_first` puts the status before the name: of what is over, and of what must not be given.
    """

    slug: str
    title: str
    rows: Sequence[object]
    closed: bool
    note: str = ""
    status_first: bool = False


def read_all(fetched: Sequence[Fetched], reader: Callable[[Resource], T]) -> tuple[list[T], int]:
    """The records of all queries together, and how many resources could not be read."""
    records: list[T] = []
    unreadable = 0
    for each in fetched:
        found, refused = each.read(reader)
        records += found
        unreadable += refused
    return records, unreadable


def queries(asked: Queries, things: Words, *, refers_to: str = "") -> tuple[PanelQuery, ...]:
    """A reader's queries as a panel's; `refers_to` names a type that is read for single rows when asked."""
    return tuple(PanelQuery(resource, params, things, refers_to=refers_to) for resource, params in asked)


def contradiction(negatives: int, positives: int, statement: str) -> tuple[Notice, ...]:
    """The notice for a list that says both "none" and some."""
    if not negatives or not positives:
        return ()
    words = ngettext(
        "The record says “%(statement)s” and also lists %(count)d.",
        "The record says “%(statement)s” and also lists %(count)d.",
        positives,
    )
    return (Notice(words % {"statement": statement, "count": positives}),)


def is_negative(name: Coded) -> bool:
    """Whether a coded entry states that there are none."""
    return name.code in NEGATIVES
