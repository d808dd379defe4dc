"""The panel: what it asks an EHR for, and how the answers become rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.smart.fhir_version import FhirVersion
from patients.panels import ChartContext, Fetched, Panel, PanelContent, PanelQuery, register
from patients.readers.codes import concept_at
from patients.readers.datatypes import own_reference, require_type, text_at
from patients.readers.dates import date_at
from patients.records import Coded, Missing, PartialDate

QUERIES = (PanelQuery("Procedure", (("patient", "{patient}"),), "procedures"),)


@dataclass(frozen=True, slots=True)
class Row:
    """One procedure. `status` is the EHR's own word."""

    reference: str
    name: Coded
    status: str
    performed: PartialDate | Missing


def read(resource: Mapping[str, object]) -> Row:
    """A Procedure as a row; raises `datatypes.Unreadable` when it is none."""
    fields = require_type(resource, "Procedure")
    return Row(
        reference=own_reference(fields),
        name=concept_at(fields, "code") or Coded("Procedure not named", named=False),
        status=text_at(fields, "status") or "Status not given",
        performed=date_at(fields, "performedDateTime"),
    )


def build(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    """The panel's rows, and how many records were left out and why."""
    rows: list[Row] = []
    unreadable = 0
    for each in fetched:
        found, refused = each.read(read)
        rows += found
        unreadable += refused
    kept = [row for row in rows if row.status != "entered-in-error"]
    return PanelContent(
        shown=len(kept),
        data={"rows": kept},
        unreadable=unreadable,
        entered_in_error=len(rows) - len(kept),
    )


register(
    Panel(
        slug="procedures",
        title="Procedures",
        things="procedures",
        template="example_plugin/panel.html",
        queries=dict.fromkeys(FhirVersion, QUERIES),
        build=build,
    )
)
