"""The book of charts: what `sandbox.record` says of each patient, put together when somebody first asks."""

from __future__ import annotations

from functools import cache

from sandbox.cast import charts_hospital, charts_practice
from sandbox.cast.chart_words import numbered
from sandbox.record import Attachment, Chart

_WRITTEN = {**charts_practice.CHARTS, **charts_hospital.CHARTS}


@cache
def of(patient_id: str) -> Chart:
    """That patient's chart, with ids; an empty one where nothing was ever written down."""
    return numbered(patient_id, _WRITTEN.get(patient_id, Chart()))


def attachment(patient_id: str, attachment_id: str) -> Attachment | None:
    """The attachment kept as a Binary of that id in that patient's chart, or None; the lost ones are not kept."""
    forms = (form for document in of(patient_id).documents for form in document.forms)
    return next((form for form in forms if form.id == attachment_id and form.kept == "binary"), None)


def clinicians(patient_id: str) -> set[str]:
    """The ids of the clinicians whom that patient's chart names."""
    chart = of(patient_id)
    named = {one.recorder for one in chart.allergies} | {one.by for one in chart.measurements}
    return (named | {one.by for one in chart.vaccinations} | {one.author for one in chart.documents}) - {""}
