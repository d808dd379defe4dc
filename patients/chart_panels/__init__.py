"""Our own panels, which come in by door 2 as a plugin's do, each from its own module."""

from patients.chart_panels.conditions import CONDITIONS
from patients.chart_panels.demographics import DEMOGRAPHICS
from patients.chart_panels.medications import MEDICATIONS
from patients.panels import register

for panel in (DEMOGRAPHICS, CONDITIONS, MEDICATIONS):
    register(panel)
