"""Patient details: all that the Patient resource says, on one panel."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _lazy

from launcher.smart.fhir_version import FhirVersion
from patients.panels import ChartContext, Fetched, Panel, PanelContent


def _demographics(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    return PanelContent(shown=1, data={"person": context.demographics})


DEMOGRAPHICS = Panel(
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
