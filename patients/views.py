"""The pages of one open launch: the chart, a panel as a page of its own, the print view, and the end of the session.

The chart is streamed: everything that decides a status happens before the response exists, then the banner is sent, and
each panel follows as soon as it is read and its audit event is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from launcher import audit, tracing
from launcher.current import LaunchAccess, launch_required, launch_required_as_it_is
from launcher.methods import only
from launcher.smart.errors import SmartError
from launcher.smart.fhir import Limits
from patients import allergy_strip, panels
from patients import chart as charts
from patients.pages import Page, open_page, private
from patients.panels import Panel, PanelState
from patients.picker import needs_patient

NOTHING_SHOWN = {PanelState.FAILED, PanelState.FORBIDDEN, PanelState.UNSUPPORTED}

THE_REST = Limits(entries=20_000, pages=500)
"""How far "Load the rest" follows the pages of one panel."""


@only("GET")
@launch_required
@needs_patient
def chart(request: HttpRequest, access: LaunchAccess) -> HttpResponseBase:
    """The chart of a launch."""
    page = open_page(request, access)
    return _streamed(page, "patients/chart.html")


@only("GET")
@launch_required
@needs_patient
def print_view(request: HttpRequest, access: LaunchAccess) -> HttpResponseBase:
    """The chart for paper: everything open, who it is about on each sheet, and what could not be loaded said."""
    page = replace(open_page(request, access), printing=True)
    audit.record("chart.printed", access=page.access)
    return _streamed(page, "patients/print.html")


def _streamed(page: Page, template: str) -> HttpResponseBase:
    shown = panels.shown(page.access.panels)
    marker = secrets.token_hex(16)
    head, tail = page.render_page(template, marker=marker, panels=shown).split(marker)
    page.access.note_banner()
    pieces = _kept(tracing.current_trail(), page, shown, head=head, tail=tail)
    response = StreamingHttpResponse(pieces, content_type="text/html; charset=utf-8")
    response["X-Accel-Buffering"] = "no"
    return private(response)


def _kept(trail: tracing.Trail, page: Page, shown: Sequence[Panel], *, head: str, tail: str) -> Iterator[str]:
    """The pieces, and their trace once the last one is out or the browser has gone."""
    noted = trail.begin("chart")
    try:
        yield from _pieces(page, shown, noted, head=head, tail=tail)
        trail.reached("chart")
    finally:
        noted.end()
        trail.keep()


def _pieces(page: Page, shown: Sequence[Panel], noted: tracing.Step, *, head: str, tail: str) -> Iterator[str]:
    """The page in reading order. The allergies are waited for a moment, since their sum stands above everything.

    The searches start when the banner is on its way: sending them all costs more time than the banner itself.
    """
    yield head
    with noted.recording():
        run = charts.PanelRun(page.access, page.context, shown)
    page.access.note_use(run.resource_types)
    early: dict[str, charts.Box] = {}
    if any(panel.slug == allergy_strip.PANEL for panel in run.panels):
        with page.speaking():
            if (box := run.early(allergy_strip.PANEL, page.render_panel)) is not None:
                early[allergy_strip.PANEL] = _audited(page, run, box, noted)
            strip = page.render("patients/allergy_strip.html", strip=_strip(early.get(allergy_strip.PANEL)))
        yield strip
    waiting = [panel for panel in run.panels if panel.slug not in early]
    for panel in run.panels:
        while panel.slug not in early:
            # While its searches run, those further down the page are made ready.
            following = run.next_ready(waiting)
            waiting.remove(following)
            # Never around the `yield`: whoever takes the piece would go on in this page's language.
            with page.speaking():
                early[following.slug] = _audited(page, run, run.box(following, page.render_panel), noted)
        yield early.pop(panel.slug).html
    yield tail


def _strip(box: charts.Box | None) -> allergy_strip.AllergyStrip:
    return allergy_strip.strip_of(box.result) if box else allergy_strip.pending()


def _audited(page: Page, run: charts.PanelRun, box: charts.Box, noted: tracing.Step) -> charts.Box:
    """The box once its event is written; if that fails, the box of a panel that could not be loaded."""
    state = box.result.state
    try:
        audit.record(
            "panel.read",
            access=page.access,
            outcome="failure" if state in NOTHING_SHOWN else "success",
            reason=state.value,
            panel=box.panel.slug,
            counts=box.result.counts.as_dict(),
        )
    except Exception as error:
        # Wide on purpose: whatever keeps the event from being written keeps the records from being shown.
        box = run.failed_box(box.panel, page.render_panel, error)
    page.access.note_panel(box.panel.slug, box.result.state.value)
    counts = {name: number for name, number in box.result.counts.as_dict().items() if number}
    said = {"panel": box.panel.slug, "state": box.result.state.value, **counts}
    noted.shown(said, reference=box.result.reference)
    return box


@only("GET")
@launch_required
@needs_patient
def panel(request: HttpRequest, access: LaunchAccess, panel: str) -> HttpResponseBase:
    """One panel as a page of its own; with `?fragment=1` its section alone, for the script that retries in place, and
    with `?rest=1` as much of a long list as a page can bear.
    """
    wanted = _shown_panel(access, panel)
    everything = request.GET.get("rest") == "1"
    page = replace(open_page(request, access), everything=everything)
    limits = THE_REST if everything else None
    with tracing.step("panel") as noted:
        run = charts.PanelRun(page.access, page.context, [wanted], limits=limits)
        section = _audited(page, run, run.box(wanted, page.render_panel), noted).html
    if request.GET.get("fragment") == "1":
        return private(HttpResponse(section))
    marker = secrets.token_hex(16)
    head, tail = page.render_page("patients/panel_page.html", panel=wanted, marker=marker).split(marker)
    return private(HttpResponse(head + section + tail))


def _shown_panel(access: LaunchAccess, slug: str) -> Panel:
    for each in panels.shown(access.panels):
        if each.slug == slug:
            return each
    raise SmartError("not_found", "this chart has no panel of that name", reason="panel")


@csrf_exempt
@only("POST")
@launch_required_as_it_is
def end(request: HttpRequest, access: LaunchAccess) -> HttpResponseBase:
    """End the session: the form's token stands in for Django's, which has no cookie here."""
    access.check_form_token(request, "end")
    access.end("signed-out")
    response = HttpResponse(render_to_string("patients/ended.html", {"ehr_name": access.ehr_name}))
    access.forget(response)
    return private(response)
