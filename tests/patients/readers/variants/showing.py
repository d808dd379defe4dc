"""Shows one resource as the chart does: the reader, the panel's own `build` and state, the real templates."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from launcher.smart.fhir_version import FhirVersion
from patients import panel_states, panels
from patients.pages import Page
from patients.panels import ChartContext, Fetched, PanelQuery
from patients.readers.select import reader_for
from tests.patients.fakes import BASE, FakeAccess, Json, patient
from tests.patients.readers.variants.golden import Golden

AT = datetime(2026, 11, 23, 14, 5, tzinfo=ZoneInfo("UTC"))
PANELS = {"Patient": "demographics", "Condition": "conditions"}
NON_WORDS = ("None", "null", "undefined", "[object", "{'", "Decimal(", "{}", "[]")

_LABELLED = re.compile(r'<td data-l="([^"]*)"[^>]*>')
_STATUS = re.compile(r'<td class="s">')
_TAG = re.compile(r"<[^>]*>")
# What must hold words: cells, names, and the values of a list of facts.
_BLANK = re.compile(r"<(td|th|dt|dd|b|h1|h2|q)\b[^>]*>(?:\s|&nbsp;|<(?!/\1)[^>]*>)*</\1>")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reader of the page sees, in one line; `faults` are what nobody may ever see there."""

    text: str
    faults: tuple[str, ...]


def show(golden: Golden, resource: Json) -> Shown:
    """The panel of this resource, below the banner if it is a Patient. Raises Unreadable for a Patient that is none."""
    if golden.kind == "Patient":
        return seen(_page(golden.version, resource))
    if golden.kind == "Medication":
        return seen(_row(golden.version, order_of(golden.version), {"Medication/d-1": resource}))
    return seen(_row(golden.version, resource, {}))


def order_of(version: FhirVersion) -> Json:
    """An order of the drug Medication/d-1."""
    reference = {"reference": "Medication/d-1"}
    drug: Json = {"medication": {"reference": reference}} if version is FhirVersion.R5 else {}
    return {
        "resourceType": "MedicationOrder" if version is FhirVersion.DSTU2 else "MedicationRequest",
        "id": "m-1",
        "status": "active",
        **(drug or {"medicationReference": reference}),
    }


@cache
def _access(version: FhirVersion) -> FakeAccess:
    return FakeAccess(version=version, time_zone="UTC")


@cache
def _plain_page(version: FhirVersion) -> Page:
    return _page_of(version, patient())


def _page_of(version: FhirVersion, resource: Json) -> Page:
    context = ChartContext(
        patient_id="54520",
        base=BASE,
        version=version,
        demographics=reader_for(version).demographics(resource),
        reader=reader_for(version),
        at=AT,
    )
    return Page(access=_access(version), context=context, language="en-us", framed=False)  # type: ignore[arg-type]


def _page(version: FhirVersion, resource: Json) -> str:
    page = _page_of(version, resource)
    return page.render_page("patients/banner.html") + _panel(page, "demographics", ())


def _row(version: FhirVersion, resource: Json, known: dict[str, Json]) -> str:
    kind = resource.get("resourceType")
    slug = PANELS.get(kind, "medications") if isinstance(kind, str) else "medications"
    query = PanelQuery(kind if isinstance(kind, str) else "Condition", (), "records")
    return _panel(_plain_page(version), slug, (Fetched(query=query, resources=(resource,), known=known),))


def _panel(page: Page, slug: str, fetched: tuple[Fetched, ...]) -> str:
    panel = panels.get(slug)
    assert panel is not None
    return page.render_panel(panel, panel_states.assemble(panel, page.context, fetched))


def seen(page: str) -> Shown:
    """What stands on a page or in a part of it."""
    text = _TAG.sub(" ", _STATUS.sub(" Status: ", _LABELLED.sub(r" \1: ", page)))
    text = " ".join(html.unescape(text).replace("\xa0", " ").split())
    text = text.replace(" ,", ",").replace("( ", "(").replace(" )", ")").replace(" ;", ";")
    faults = [f"{word!r} is shown" for word in NON_WORDS if word in text]
    faults += [f"blank: {blank[0]}" for blank in _BLANK.finditer(page)]
    return Shown(text, tuple(faults))
