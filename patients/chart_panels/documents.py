"""Documents, the newest first: what may be opened has a link, everything else says why not."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from launcher.smart.fhir_version import FhirVersion
from patients.chart_panels.rows import NO_DATE, Rows, SortKey, queries, read_all
from patients.panels import ChartContext, Fetched, Panel, PanelContent
from patients.readers.select import reader_for
from patients.records import Document, DocumentGroup, PartialDate


def _documents(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    records, unreadable = read_all(fetched, functools.partial(context.reader.document, base=context.base))
    groups: dict[DocumentGroup, list[Document]] = {group: [] for group in DocumentGroup}
    for record in records:
        groups[record.group].append(record)
    for rows in groups.values():
        rows.sort(key=_dated, reverse=True)
    current = groups[DocumentGroup.CURRENT]
    shown = [
        Rows("current", _("Current"), current, closed=False),
        Rows("superseded", _("Superseded"), groups[DocumentGroup.SUPERSEDED], closed=True),
    ]
    return PanelContent(
        shown=sum(len(group.rows) for group in shown),
        data={"groups": [group for group in shown if group.rows]},
        summary=ngettext("%(count)d current", "%(count)d current", len(current)) % {"count": len(current)},
        unreadable=unreadable,
        entered_in_error=len(groups[DocumentGroup.ENTERED_IN_ERROR]),
    )


def _dated(record: Document) -> SortKey:
    return record.dated.sort_key if isinstance(record.dated, PartialDate) else NO_DATE


DOCUMENTS = Panel(
    slug="documents",
    title=_lazy("Documents"),
    things=_lazy("documents"),
    template="patients/panels/documents.html",
    queries={
        version: queries(reader_for(version).DOCUMENT_QUERIES, _lazy("documents"), refers_to="Binary")
        for version in FhirVersion
    },
    build=_documents,
    order=90,
    intents=("review-documents",),
)
