"""References that people read out, correlation ids that tie our log to the EHR's, and the steps of a launch.

A request that belongs to a launch leaves a trail of steps; `launcher.trace` writes it down when the request is over.
Steps hold our own words, numbers and what `launcher.smart.redaction` has made harmless, and nothing else.
"""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from launcher.smart.errors import SmartError
from launcher.smart.exchanges import Exchange, Recorder, recording
from launcher.smart.foreign_text import is_fit

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0, O, 1 or I: a reference is read out over the telephone."""

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def new_reference() -> str:
    """Six characters that a provider can read to the help desk."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


def begin_request() -> str:
    """Give the current request its correlation id: sent to the EHR as X-Request-Id and kept in audit and log."""
    value = str(uuid.uuid4())
    _correlation_id.set(value)
    return value


def correlation_id() -> str:
    return _correlation_id.get()


STAGES = ("received", "redirected", "returned", "token", "patient", "chart")
"""How far a launch can come, in order."""

Fact = str | int | bool | Sequence[str] | Sequence[Mapping[str, str | int]]
_REASON = re.compile(r"[A-Za-z0-9_:.-]{1,60}")
_DESCRIPTION_MOST = 300


@dataclass(slots=True)
class Step:
    """One thing that a launch did: its facts, what was said to the EHR meanwhile, and how it failed if it did."""

    name: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    facts: dict[str, Fact] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    milliseconds: int = 0
    raised: bool = False
    code: str = ""
    reason: str = ""
    description: str = ""
    reference: str = ""
    references: list[str] = field(default_factory=list)
    _panels: list[Mapping[str, str | int]] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def note(self, **facts: Fact) -> None:
        """Keep facts; "" and () are none. Text is ours or has been made harmless: nothing is checked here."""
        self.facts.update({name: value for name, value in facts.items() if value not in ("", (), [])})

    def say(self, message: Exchange) -> None:
        """Keep a message that went through the browser."""
        self.recorder.add(message)

    def shown(self, panel: Mapping[str, str | int], *, reference: str = "") -> None:
        """Keep what became of one panel, and when; `reference` is the one that stands in it, "" for none."""
        self._panels.append({**panel, "ms": self.so_far, **({"reference": reference} if reference else {})})
        self.references += [reference] if reference else []
        self.facts["panels"] = self._panels

    def recording(self) -> AbstractContextManager[None]:
        """What is begun within is written down here: threads get a copy of the context that they are begun in."""
        return recording(self.recorder)

    def fail(self, error: SmartError) -> None:
        self.raised = True
        self.code = error.code
        self.reason = error.reason if _REASON.fullmatch(error.reason) else ""
        self.description = error.description[:_DESCRIPTION_MOST] if is_fit(error.description) else ""

    def end(self) -> None:
        self.milliseconds = self.so_far

    @property
    def so_far(self) -> int:
        """Milliseconds since the step began."""
        return round((time.monotonic() - self._began) * 1000)

    def to_json(self) -> dict[str, Any]:
        """The members that say something."""
        values: dict[str, Any] = {
            "facts": self.facts,
            "exchanges": [exchange.to_json() for exchange in self.recorder.exchanges],
            "left_out": self.recorder.left_out,
            **{name: getattr(self, name) for name in ("code", "reason", "description", "reference")},
        }
        begun = self.at.isoformat(timespec="milliseconds")
        found = {"name": self.name, "at": begun, "ms": self.milliseconds}
        return {**found, **{name: value for name, value in values.items() if value}}


class Trail:
    """What one request adds to the trace of its launch. `keep` writes it down; whoever began the trail gives the way.

    `trace_id` is "" until it is known; `new`: its row does not exist yet. The rest is plain values for the row.
    """

    def __init__(self, keep: Callable[[Trail], None] | None = None) -> None:
        self._keep = keep
        self._began = time.monotonic()
        self.at = datetime.now(UTC)
        self.steps: list[Step] = []
        self.references: list[str] = []
        self.stage = ""
        self.trace_id = ""
        self.new = False
        self.site_id: int | None = None
        self.registration_id: int | None = None
        self.registration_slug = ""
        self.launch = ""
        self.mode = ""
        self.person = ""
        self.patient = ""
        self.correlation_id = ""

    @property
    def is_kept(self) -> bool:
        return self._keep is not None

    @property
    def milliseconds(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def begin(self, name: str) -> Step:
        """A step that is ended by hand, for what outlives a function; see `step`."""
        step = Step(name)
        self.steps.append(step)
        return step

    def reached(self, stage: str) -> None:
        """The launch has come so far; earlier stages change nothing."""
        if not self.stage or STAGES.index(stage) > STAGES.index(self.stage):
            self.stage = stage

    def fail(self, error: SmartError, reference: str) -> None:
        """Say of the step that broke off, or of a step of its own, what people were told."""
        broken = (each for each in reversed(self.steps) if each.raised and each.code in {"", error.code})
        step = next(broken, None) or self.begin("error")
        step.fail(error)
        step.reference = reference
        self.references.append(reference)

    def drop(self) -> None:
        """Forget what has gathered: there was nothing to it."""
        self.steps.clear()

    def of_nobody(self) -> None:
        """Forget whose launch it seemed to be."""
        self.registration_id, self.registration_slug, self.trace_id, self.mode = None, "", "", ""

    def keep(self) -> None:
        """Write down what has gathered since the last time. Raises nothing."""
        if self._keep is not None and self.steps:
            self._keep(self)

    @contextmanager
    def active(self) -> Iterator[Trail]:
        """Steps within this context belong to this trail."""
        token = _trail.set(self)
        try:
            yield self
        finally:
            _trail.reset(token)


_trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


def current_trail() -> Trail:
    """The trail of this request, or one that nobody will look at."""
    return _trail.get() or Trail()


@contextmanager
def step(name: str) -> Iterator[Step]:
    """One step of this request's launch, with what is said to the EHR within; an exception marks it and goes on."""
    trail = _trail.get()
    found = Step(name) if trail is None else trail.begin(name)
    try:
        with recording(found.recorder if trail else None):
            yield found
    except SmartError as error:
        found.fail(error)
        raise
    except BaseException:
        found.raised = True
        raise
    finally:
        found.end()


def reached(stage: str) -> None:
    current_trail().reached(stage)
