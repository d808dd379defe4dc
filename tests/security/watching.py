"""What a test saw: every page, every request that left, every log line; the invariants judge it afterwards."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.db.models.signals import post_save

from launcher import vendors
from launcher.models import EhrRegistration
from launcher.smart.answer import Answer
from launcher.smart.http import Door
from launcher.smart.origins import Base, is_below, origin_of, same_base
from tests.browser import Browser, Page

_OF_EVERY_RECORD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "request", "exc_text"}
_SILENT_TO_ROOT = ("django", "django.server")


@dataclass(frozen=True, slots=True)
class Approval:
    """A registration as it was saved once: the issuer it is for, and the origins it approves."""

    iss: str
    is_prefix: bool
    origins: frozenset[Base]

    @classmethod
    def of(cls, row: EhrRegistration) -> Approval:
        preset = vendors.get(row.vendor)
        named = [row.iss, *row.approved_origins, *(preset.approved_origins if preset else ())]
        return cls(row.iss, row.iss_is_prefix, frozenset(filter(None, map(_origin, named))))

    def is_for(self, base: str) -> bool:
        return is_below(base, self.iss) if self.is_prefix else same_base(base, self.iss)


def _origin(url: str) -> Base | None:
    try:
        return origin_of(url)
    except ValueError:
        return None


@dataclass(slots=True)
class Call:
    """One request that left us, for the registration with this FHIR base, and what came of it."""

    base: str
    method: str
    url: str
    authorization: str
    form: dict[str, list[str]]
    answer: Answer | None = None

    @property
    def is_bearer(self) -> bool:
        return self.authorization.partition(" ")[0].lower() == "bearer"

    @property
    def is_revocation(self) -> bool:
        """Sent in the background when a session is over."""
        return "token" in self.form and "grant_type" not in self.form

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object that came back, if one did."""
        try:
            found = json.loads(self.answer.body) if self.answer else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Visit:
    """One request of a browser: its page, and which of the calls fell into it (streamed pages make theirs later)."""

    browser: int
    method: str
    page: Page
    first_call: int
    end_call: int
    seconds: float

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def is_ours(self) -> bool:
        """Whether the product answered, and not a simulated EHR."""
        return self.path.split("/")[1:2] != ["sandbox"]

    @property
    def state(self) -> str:
        return parse_qs(urlsplit(self.page.url).query).get("state", [""])[0]


def chart_of(visit: Visit) -> str:
    """The launch whose chart, panel or print view was asked for, or ""."""
    parts = visit.path.split("/")
    return parts[2] if parts[1:2] == ["chart"] and len(parts) > 2 else ""


class Journal(logging.Handler):
    """Every line of every logger, with its tracebacks and its extra fields."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        more = {name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD}
        self.lines.append(f"{self.format(record)} {more or ''}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass
class Watch:
    """All that was seen in one test."""

    calls: list[Call] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    approvals: set[Approval] = field(default_factory=set)
    journal: Journal = field(default_factory=Journal)

    def calls_of(self, visit: Visit) -> list[Call]:
        return [call for call in self.calls[visit.first_call : visit.end_call] if not call.is_revocation]

    @property
    def ours(self) -> list[Visit]:
        return [visit for visit in self.visits if visit.is_ours]


@contextmanager
def watching(patch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Note everything from here on."""
    watch = Watch()
    _watch_the_door(watch, patch)
    _watch_the_browsers(watch, patch)

    def saved(sender: object, instance: EhrRegistration, **kwargs: object) -> None:
        watch.approvals.add(Approval.of(instance))

    post_save.connect(saved, sender=EhrRegistration, weak=False, dispatch_uid="watching")
    loggers = [logging.getLogger(name) for name in ("", *_SILENT_TO_ROOT)]
    for logger in loggers:
        logger.addHandler(watch.journal)
    try:
        yield watch
    finally:
        post_save.disconnect(sender=EhrRegistration, dispatch_uid="watching")
        for logger in loggers:
            logger.removeHandler(watch.journal)


def _watch_the_door(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    through = Door._exchange

    def exchange(door: Door, request: requests.PreparedRequest, **kwargs: Any) -> Answer:
        body = request.body or b""
        call = Call(
            base=str(door._base),
            method=request.method or "",
            url=request.url or "",
            authorization=request.headers.get("Authorization", ""),
            form=parse_qs(body.decode() if isinstance(body, bytes) else str(body)),
        )
        watch.calls.append(call)
        call.answer = through(door, request, **kwargs)
        return call.answer

    patch.setattr(Door, "_exchange", exchange)


def _watch_the_browsers(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    through = Browser._send

    def send(browser: Browser, method: str, url: str, data: Any, headers: dict[str, str]) -> Page:
        first, started = len(watch.calls), time.perf_counter()
        page = through(browser, method, url, data, headers)
        seconds = time.perf_counter() - started
        watch.visits.append(Visit(id(browser), method, page, first, len(watch.calls), seconds))
        return page

    patch.setattr(Browser, "_send", send)
