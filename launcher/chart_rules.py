"""What a registration may say about its charts: panels, time zone, MRN, page size, and when a chart is called old."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from typing import TYPE_CHECKING

from launcher import needs

if TYPE_CHECKING:
    from launcher.models import EhrRegistration

PAGE_SIZES = range(10, 501)
STALE_MINUTES = range(1, 241)
# A system is an absolute URI (FHIR R4, Identifier.system): a scheme, and no spaces or characters that nobody sees.
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")


def problems(registration: EhrRegistration) -> Iterator[tuple[str, str]]:
    """Each field with what is wrong with it, in one sentence, or ""."""
    yield "panels", _panels_problem(registration.panels)
    yield "time_zone", _time_zone_problem(registration.time_zone)
    yield "mrn_system", _mrn_system_problem(registration.mrn_system)
    yield "page_size", _number_problem(registration.page_size, PAGE_SIZES, "the EHR's own page size")
    yield "stale_minutes", _number_problem(registration.stale_minutes, STALE_MINUTES, "the installation's value")


def _panels_problem(names: object) -> str:
    known = needs.panel_names()
    if not isinstance(names, list) or any(not isinstance(name, str) for name in names):
        return "Write the names of panels, or nothing."
    if unknown := [name for name in names if name not in known]:
        return f"There is no panel “{unknown[0]}”. There are: {', '.join(known)}."
    return "" if len(set(names)) == len(names) else "Each panel is named once."


def _time_zone_problem(name: str) -> str:
    return "" if not name or name in zoneinfo.available_timezones() else f"“{name}” is not a time zone."


def _mrn_system_problem(system: str) -> str:
    if not system or _SYSTEM.fullmatch(system):
        return ""
    return "Write the system as the EHR sends it, for example urn:oid:1.2.36.146.595.217.0.1, without spaces."


def _number_problem(value: object, allowed: range, otherwise: str) -> str:
    if value is None or (isinstance(value, int) and value in allowed):
        return ""
    return f"Write a whole number from {allowed[0]} to {allowed[-1]}, or nothing for {otherwise}."
