"""Gives the admin's pages what is known of the EHRs: the overview of the first page, and the last check of one."""

from __future__ import annotations

from typing import Any

from django import template

from launcher.membership import site_id
from launcher.models import CheckRun, EhrRegistration
from launcher.overview import Overview, overview_of
from launcher.probe import reports
from launcher.probe.history import last_run

register = template.Library()


@register.simple_tag(takes_context=True)
def overview(context: dict[str, Any]) -> Overview:
    """Of the site whose host is being used, for whoever is signed in."""
    request = context["request"]
    return overview_of(site_id(request), request.user)


@register.simple_tag
def last_check(registration: EhrRegistration | None) -> CheckRun | None:
    """The newest kept run of the checks of one registration."""
    return last_run(registration) if registration else None


@register.inclusion_tag("admin/launcher/checkrun/results.html")
def check_results(run: CheckRun) -> dict[str, Any]:
    """The results of a kept run as a table."""
    return {"run": run, "results": reports.kept_rows(run)}
