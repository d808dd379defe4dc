"""The pages of one open launch: the chart, a panel as a page of its own, and the end of the session.

The chart is streamed: everything that decides a status happens before the response exists, then the banner is sent, and
each panel follows as soon as it is read and its audit event is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt

from launcher import audit
from launcher.current import LaunchAccess, launch_required, launch_required_as_it_is
from launcher.methods import only
from launcher.smart.errors import SmartError
from patients import chart as charts
from patients import panels, vocabulary
from patients.panels import ChartContext, Panel, PanelResult, PanelState
from patients.picker import needs_patient
from patients.records import Demographics, Missing, PartialDate, PersonName

NOTHING_SHOWN = {PanelState.FAILED, PanelState.FORBIDDEN, PanelState.UNSUPPORTED}


@dataclass(frozen=True, slots=True)
class Page:
    """A patient that was read and audited, and how everything on the page about them is rendered.

    Language and zone are fixed here: the pieces of a streamed page are rendered when the request is over.
    """

    access: LaunchAccess
    context: ChartContext
    language: str
    framed: bool

    def render(self, template: str, **values: object) -> str:
        with translation.override(self.language), timezone.override(self.context.at.tzinfo):
            return render_to_string(template, {"access": self.access, "at": self.context.at, **values})

    def render_page(self, template: str, **values: object) -> str:
        return self.render(
            template,
            banner=Banner.of(self.context, micro=self.access.need_patient_banner is False and self.framed),
            person=self.context.demographics,
            end_token=self.access.form_token("end"),
            stale_minutes=settings.SMARTPORTAL_STALE_MINUTES,
            **values,
        )

    def render_panel(self, panel: Panel, result: PanelResult) -> str:
        return self.render("patients/panel.html", panel=panel, result=result, content=result.content)


@dataclass(frozen=True, slots=True)
class Banner:
    """What the banner says about the person, in words; `died` is "" for the living, who alone have an `age`."""

    title: str
    age: str
    died: str
    age_at_death: str
    micro: bool

    @classmethod
    def of(cls, context: ChartContext, *, micro: bool) -> Banner:
        person = context.demographics
        named = isinstance(person.name, PersonName)
        return cls(
            title=vocabulary.words(person.name) if named else str(vocabulary.NO_NAME),
            age=_age(person, _today(context)) if person.deceased is None else "",
            died=_died(person),
            age_at_death=_age(person, person.deceased) if isinstance(person.deceased, PartialDate) else "",
            micro=micro,
        )


def _today(context: ChartContext) -> PartialDate:
    at = context.at
    return PartialDate(sent="", year=at.year, month=at.month, day=at.day, moment=at)


def _age(person: Demographics, on: PartialDate) -> str:
    return vocabulary.age_words(person.born, on, person.birth_moment) if isinstance(person.born, PartialDate) else ""


def _died(person: Demographics) -> str:
    if person.deceased is None:
        return ""
    said = vocabulary.words(person.deceased)
    return vocabulary.sentence(vocabulary.DATE_IS, words=said) if isinstance(person.deceased, Missing) else said


def _open(request: HttpRequest, access: LaunchAccess) -> Page:
    """Read the Patient and write that down; nothing about the patient is rendered before this has returned."""
    access, person = charts.open_patient(access)
    audit.record("patient.read", access=access)
    return Page(
        access=access,
        context=charts.context_for(access, person),
        language=translation.get_language() or settings.LANGUAGE_CODE,
        framed=request.headers.get("Sec-Fetch-Dest") == "iframe",
    )


@only("GET")
@launch_required
@needs_patient
def chart(request: HttpRequest, access: LaunchAccess) -> HttpResponseBase:
    """The chart of a launch."""
    page = _open(request, access)
    run = charts.PanelRun(page.access, page.context, panels.all_panels())
    access.note_use(run.resource_types)
    marker = secrets.token_hex(16)
    head, tail = page.render_page("patients/chart.html", marker=marker).split(marker)
    response = StreamingHttpResponse(_pieces(page, run, head=head, tail=tail), content_type="text/html; charset=utf-8")
    response["X-Accel-Buffering"] = "no"
    return _private(response)


def _pieces(page: Page, run: charts.PanelRun, *, head: str, tail: str) -> Iterator[str]:
    yield head
    for box in run.boxes(page.render_panel):
        yield _audited(page, run, box)
    yield tail


def _audited(page: Page, run: charts.PanelRun, box: charts.Box) -> str:
    """The panel's HTML once its event is written; if that fails, the box of a panel that could not be loaded."""
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
        return run.failed_box(box.panel, page.render_panel, error).html
    return box.html


@only("GET")
@launch_required
@needs_patient
def panel(request: HttpRequest, access: LaunchAccess, panel: str) -> HttpResponseBase:
    """One panel as a page of its own; with `?fragment=1` its section alone, for the script that retries in place."""
    wanted = panels.get(panel)
    if wanted is None:
        raise SmartError("not_found", "no panel has this name", reason="panel")
    page = _open(request, access)
    run = charts.PanelRun(page.access, page.context, [wanted])
    box = next(run.boxes(page.render_panel))
    section = _audited(page, run, box)
    if request.GET.get("fragment") == "1":
        return _private(HttpResponse(section))
    marker = secrets.token_hex(16)
    head, tail = page.render_page("patients/panel_page.html", panel=wanted, marker=marker).split(marker)
    return _private(HttpResponse(head + section + tail))


@csrf_exempt
@only("POST")
@launch_required_as_it_is
def end(request: HttpRequest, access: LaunchAccess) -> HttpResponseBase:
    """End the session: the form's token stands in for Django's, which has no cookie here."""
    access.check_form_token(request, "end")
    access.end("signed-out")
    response = HttpResponse(render_to_string("patients/ended.html", {"ehr_name": access.ehr_name}))
    access.forget(response)
    return _private(response)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = "no-store"
    return response
