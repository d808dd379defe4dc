"""What every page of an open launch has: the patient it is about, read and audited first, and how it is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone, translation

from launcher import audit, tracing
from launcher.current import LaunchAccess
from patients import chart as charts
from patients import vocabulary
from patients.panels import ChartContext, Panel, PanelResult
from patients.records import Demographics, Missing, PartialDate, PersonName

_UNSEEN_SECONDS = 30
"""The server writes down a visit only now and then, and the answer took a moment: by so much it may end sooner."""


@dataclass(frozen=True, slots=True)
class Page:
    """A patient that was read and audited, and how everything on the page about them is rendered.

    Language and zone are fixed here: the pieces of a streamed page are rendered when the request is over.
    """

    access: LaunchAccess
    context: ChartContext
    language: str
    framed: bool
    printing: bool = False
    everything: bool = False

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Everything within is said in the page's language and zone: reading, building and rendering alike."""
        with translation.override(self.language), timezone.override(self.context.at.tzinfo):
            yield

    def render(self, template: str, **values: object) -> str:
        with self.speaking():
            return render_to_string(template, {"access": self.access, "at": self.context.at, **values})

    def render_page(self, template: str, **values: object) -> str:
        return self.render(
            template,
            banner=Banner.of(self.context, micro=self.access.need_patient_banner is False and self.framed),
            person=self.context.demographics,
            end_token=self.access.form_token("end"),
            stale_minutes=self.access.stale_minutes,
            session=SessionEnd.of(self.access),
            **values,
        )

    def render_panel(self, panel: Panel, result: PanelResult) -> str:
        html = self.render(
            "patients/panel.html", panel=panel, result=result, content=result.content, all=self.everything
        )
        # On paper nothing can be opened. Text from outside is escaped, so every such tag is the panel's own.
        return html.replace("<details", "<details open") if self.printing else html


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """When the page is cleared in the browser: `idle_seconds` after it was asked for, `seconds_left` at the latest."""

    idle_seconds: int
    seconds_left: int

    @classmethod
    def of(cls, access: LaunchAccess) -> SessionEnd:
        whole = settings.SMARTPORTAL_IDLE_MINUTES * 60
        left = max(0, int((access.ends_at - timezone.now()).total_seconds()))
        return cls(idle_seconds=max(whole - _UNSEEN_SECONDS, whole // 2), seconds_left=left)


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


def open_page(request: HttpRequest, access: LaunchAccess) -> Page:
    """Read the Patient and write that down; nothing about the patient is rendered before this has returned."""
    with tracing.step("patient"):
        access, person = charts.open_patient(access)
        audit.record("patient.read", access=access)
    tracing.reached("patient")
    return Page(
        access=access,
        context=charts.context_for(access, person),
        language=translation.get_language() or settings.LANGUAGE_CODE,
        framed=request.headers.get("Sec-Fetch-Dest") == "iframe",
    )


def private(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = "no-store"
    return response
