"""What a launch was for, as the chart's pages say it (SMART App Launch 2.2, "Launch intent")."""

from __future__ import annotations

from collections.abc import Sequence

from django import template

from patients.panels import Panel, for_intent

register = template.Library()


@register.filter
def panel_among(intent: str, panels: Sequence[Panel]) -> Panel | None:
    """The panel on this page that an intent means; None for a word that no panel knows, and without one."""
    return for_intent(intent, panels)
