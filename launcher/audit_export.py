"""Writes a selection of the audit trail out, line by line: as CSV, or as FHIR AuditEvent resources, one a line.

The selection is read in batches, each beginning after the last row of the one before, so that memory stays the same
whatever its size; what is written meanwhile is not in it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Max, QuerySet

from launcher import audit
from launcher.audit_fhir import Ehrs, resource_of
from launcher.audit_filter import AuditFilter
from launcher.models import AuditEvent

BATCH = 500
COLUMNS = (
    "at",
    "event",
    "outcome",
    "code",
    "reason",
    "reference",
    "correlation_id",
    "site",
    "registration",
    "launch",
    "actor",
    "patient",
    "detail",
    "chain",
    "sequence",
    "previous_hash",
    "hash",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Format:
    """How a selection is written: its lines, and what a browser is told of them."""

    content_type: str
    ending: str
    lines: Callable[[QuerySet[AuditEvent]], Iterator[str]]


def begin(rows: QuerySet[AuditEvent], asked: AuditFilter, *, form: str, subject: audit.Subject) -> Iterator[str]:
    """Write down that this selection leaves, and how much it is; then hand out its lines.

    Raises django.db.Error when it cannot be written down: before the first line.
    """
    fixed = rows.order_by("pk").filter(pk__lte=rows.aggregate(last=Max("pk"))["last"] or 0)
    detail = {"format": form, "count": fixed.count(), **asked.as_detail()}
    audit.write("audit.exported", subject, audit.Facts(detail=detail))
    return FORMATS[form].lines(fixed)


def _in_batches(rows: QuerySet[AuditEvent]) -> Iterator[AuditEvent]:
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        yield from batch
        last = batch[-1].pk


def csv_lines(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    """A line of headings, then one an event; ends of lines as RFC 4180 has them."""
    yield _csv(COLUMNS)
    for row in _in_batches(rows):
        yield _csv(tuple(_cell(row, name) for name in COLUMNS))


def _csv(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([harmless(cell) for cell in cells])
    return line.getvalue()


def _cell(row: AuditEvent, name: str) -> str:
    if name == "at":
        return row.at.isoformat(timespec="microseconds")
    value = getattr(row, name)
    return json.dumps(value, ensure_ascii=False) if name == "detail" else str(value)


def harmless(cell: str) -> str:
    """No spreadsheet may take a cell for a formula: an apostrophe goes before what begins like one."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def fhir_lines(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    """One resource a line (NDJSON)."""
    ehrs = Ehrs.all()
    for row in _in_batches(rows):
        yield json.dumps(resource_of(row, ehrs), ensure_ascii=False, separators=(",", ":")) + "\n"


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", "csv", csv_lines),
    "fhir": Format("application/fhir+ndjson", "ndjson", fhir_lines),
}
