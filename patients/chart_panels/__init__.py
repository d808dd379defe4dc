"""Our own panels, which come in by door 2 as a plugin's do, each from its own module."""

from patients.chart_panels.allergies import ALLERGIES
from patients.chart_panels.conditions import CONDITIONS
from patients.chart_panels.demographics import DEMOGRAPHICS
from patients.chart_panels.documents import DOCUMENTS
from patients.chart_panels.encounters import ENCOUNTERS
from patients.chart_panels.immunizations import IMMUNIZATIONS
from patients.chart_panels.labs import LABS
from patients.chart_panels.medications import MEDICATIONS
from patients.chart_panels.vitals import VITALS
from patients.panels import register

for panel in (
    DEMOGRAPHICS,
    CONDITIONS,
    MEDICATIONS,
    VITALS,
    LABS,
    ALLERGIES,
    ENCOUNTERS,
    IMMUNIZATIONS,
    DOCUMENTS,
):
    register(panel)
