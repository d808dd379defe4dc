"""Writes down what launches do, and finds the trace that a request belongs to (docs/launch-trace.md).

The trace is a help and not the audit: if it cannot be written, that is logged and the launch goes on. Each request
writes once, when its answer is ready; the chart writes when its last piece is on its way.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.crypto import salted_hmac

from launcher.models import EhrRegistration, Launch, LaunchTrace, TraceReference, new_id
from launcher.site_of import site_of
from launcher.smart.errors import SmartError
from launcher.smart.redaction import name_shown
from launcher.tracing import STAGES, Step, Trail, correlation_id, current_trail

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

STEPS_MOST = 60
STEPS_BYTES = 60_000
# The beginning says how the launch went; what was looked at later, only the newest matters.
_FIRST_STEPS = 20
_FIRST_LAUNCH = 8
LEFT_OUT = "left out"
_REFERENCES_MOST = 40
_CORRELATION_IDS_MOST = 30
STRANGERS_PER_MINUTE = 30
"""Traces of requests that belong to no registration and no launch; anybody can send those."""

# What follows from an earlier failure does not take its place.
_AFTERMATH = {"state_unknown", "session_ended"}
_BROWSERS = {
    "Edg": "Edge",
    "Firefox/": "Firefox",
    "Chrom": "Chromium",
    "CriOS/": "Chromium",
    "Safari/": "Safari",
}

logger = logging.getLogger("smartportal.trace")


def traced(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Keep the steps of this view. An error's page keeps them with its reference, a streamed page when it is out."""

    @functools.wraps(view)
    def watched(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        trail = begin(request)
        with trail.active():
            response = view(request, *args, **kwargs)
        if not response.streaming:
            trail.keep()
        return response

    return watched


def begin(request: HttpRequest) -> Trail:
    """The trail of this request, to be found by `failed`."""
    trail = Trail(functools.partial(_keep, request))
    trail.correlation_id = correlation_id()
    request.smart_trail = trail  # type: ignore[attr-defined]
    return trail


def begin_new() -> str | None:
    """The id of the trace that begins with this request; None when nobody keeps one."""
    trail = current_trail()
    if not trail.is_kept:
        return None
    trail.trace_id, trail.new = new_id(), True
    return trail.trace_id


def about_registration(registration: EhrRegistration, *, mode: str = "", trace_id: str | None = None) -> None:
    """Say whose launch this is; `trace_id` is that of a launch begun before."""
    trail = current_trail()
    trail.site_id, trail.registration_id = registration.site_id, registration.pk
    trail.registration_slug = registration.slug
    trail.mode = mode or trail.mode
    trail.trace_id = trace_id or trail.trace_id


def about_launch(launch: Launch) -> None:
    """Say which launch this is; patient and person are kept as keyed hashes alone."""
    about_registration(launch.registration, mode=launch.mode)
    trail = current_trail()
    trail.launch = launch.pk
    site = str(launch.site_id)
    if launch.patient:
        trail.patient = keyed_hash("patient", site, launch.iss, launch.patient)
    if launch.person:
        trail.person = keyed_hash("person", site, launch.person.issuer, launch.person.subject)


def opened(launch: Launch) -> None:
    """The launch has a row and a reference of its own from now on."""
    about_launch(launch)
    current_trail().references.append(launch.reference)


def keyed_hash(what: str, *parts: str) -> str:
    """Sixteen characters that are equal for equal parts and lead nobody back who has not SECRET_KEY."""
    return salted_hmac(f"smartportal.trace.{what}", "\n".join(parts), algorithm="sha256").hexdigest()[:16]


def names_of(parameters: Iterable[str]) -> list[str]:
    """The names of parameters, as far as they are names; the first twenty."""
    return [name_shown(name) for name in list(parameters)[:20]]


def failed(request: HttpRequest, error: SmartError, reference: str) -> str:
    """Keep what has happened, with the reference that people are told; the id of the trace, "" where there is none."""
    trail: Trail | None = getattr(request, "smart_trail", None)
    if trail is None or error.reason == "database":
        # With the database away, asking it once more would only keep people waiting.
        return ""
    trail.fail(error, reference)
    trail.keep()
    return trail.trace_id


def _keep(request: HttpRequest, trail: Trail) -> None:
    steps, trail.steps = trail.steps, []
    references = [*trail.references, *(reference for step in steps for reference in step.references)]
    trail.references = []
    try:
        with transaction.atomic():
            trail.trace_id = _write(request, trail, steps, references)
    except Exception as error:
        # Wide on purpose: whatever keeps a trace from being written must not keep a launch from going on.
        logger.error("the trace of a launch could not be written: %s", type(error).__name__)
        trail.trace_id = ""
        return
    trail.new = False


def _write(request: HttpRequest, trail: Trail, steps: list[Step], references: list[str]) -> str:
    row = _found(trail)
    is_new = row is None
    if row is None:
        if trail.registration_id is None and _too_many_strangers(request):
            return ""
        row = _begun(request, trail)
    had_one = bool(row.reference)
    _take_over(row, trail, steps, references)
    row.save(force_insert=is_new)
    if references:
        left = _REFERENCES_MOST - (row.references.count() if had_one else 0)
        found = (TraceReference(trace=row, reference=reference) for reference in references[: max(0, left)])
        TraceReference.objects.bulk_create(found)
    return row.pk


def _found(trail: Trail) -> LaunchTrace | None:
    rows = LaunchTrace.objects.select_for_update()
    if trail.new:
        return None
    if trail.trace_id:
        return rows.filter(pk=trail.trace_id).first()
    return rows.filter(launch=trail.launch).first() if trail.launch else None


def _begun(request: HttpRequest, trail: Trail) -> LaunchTrace:
    return LaunchTrace(
        pk=trail.trace_id or new_id(),
        site_id=trail.site_id or site_of(request).id,
        started_at=trail.at,
        framed=request.headers.get("Sec-Fetch-Dest") in {"iframe", "frame"},
        browser=browser_family(request.headers.get("User-Agent", "")),
    )


def _too_many_strangers(request: HttpRequest) -> bool:
    """Whether this site has enough of them for this minute; with the cache away nobody can tell, and none are kept."""
    key = f"trace-strangers:{site_of(request).id}:{int(time.time() // 60)}"
    cache.add(key, 0, 120)
    try:
        return cache.incr(key) > STRANGERS_PER_MINUTE
    except ValueError:
        return True


def browser_family(user_agent: str) -> str:
    """A coarse word, enough to see that it is always the same browser that fails."""
    return next((family for mark, family in _BROWSERS.items() if mark in user_agent), "other")


def _take_over(row: LaunchTrace, trail: Trail, steps: list[Step], references: list[str]) -> None:
    for name in ("registration_id", "registration_slug", "launch", "mode", "person", "patient"):
        setattr(row, name, getattr(trail, name) or getattr(row, name))
    row.stage = max((row.stage, trail.stage or "received"), key=STAGES.index)
    row.reference = row.reference or next(iter(references), "")
    row.milliseconds += trail.milliseconds
    _judge(row, trail, steps)
    if trail.correlation_id and trail.correlation_id not in row.correlation_ids:
        row.correlation_ids = [*row.correlation_ids, trail.correlation_id][-_CORRELATION_IDS_MOST:]
    row.steps = bounded([*row.steps, *(step.to_json() for step in steps)])


def _judge(row: LaunchTrace, trail: Trail, steps: list[Step]) -> None:
    """Opened once the Patient was read, whatever comes later; until then the last failure counts."""
    if trail.stage in {"patient", "chart"}:
        row.outcome, row.code, row.ended_at = LaunchTrace.Outcome.OPENED, "", timezone.now()
        return
    code = next((step.code for step in reversed(steps) if step.reference and step.code), "")
    if not code or row.outcome == LaunchTrace.Outcome.OPENED:
        return
    if row.outcome != LaunchTrace.Outcome.FAILED or code not in _AFTERMATH:
        row.code = code
    row.outcome, row.ended_at = LaunchTrace.Outcome.FAILED, timezone.now()


def bounded(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most sixty steps and 60 kB: those in the middle go first, then what was said in the oldest of the rest."""
    if len(steps) > STEPS_MOST:
        first, last = steps[: _FIRST_STEPS - 1], steps[_FIRST_STEPS - STEPS_MOST :]
        gone = len(steps) - len(first) - len(last) + _gone_before(steps)
        mark = {"name": LEFT_OUT, "at": last[0]["at"], "ms": 0, "facts": {"steps": gone}}
        steps = [*first, mark, *last]
    return _lightened(steps)


def _gone_before(steps: list[dict[str, Any]]) -> int:
    """How many an earlier mark stood for, less the mark itself."""
    return sum(int(step["facts"]["steps"]) - 1 for step in steps if step["name"] == LEFT_OUT)


def _lightened(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sizes = [len(json.dumps(step)) for step in steps]
    middle = range(_FIRST_LAUNCH, len(steps) - 1)
    order = [*middle, *(number for number in range(len(steps)) if number not in middle)]
    for member in ("exchanges", "facts"):
        for number in order:
            if sum(sizes) <= STEPS_BYTES:
                return steps
            if steps[number]["name"] != LEFT_OUT:
                steps[number] = _without(steps[number], member)
                sizes[number] = len(json.dumps(steps[number]))
    return steps


def _without(step: dict[str, Any], member: str) -> dict[str, Any]:
    gone = len(step.get(member, ()))
    lighter = {name: value for name, value in step.items() if name != member}
    return {**lighter, "left_out": step.get("left_out", 0) + gone} if gone else lighter


def oldest_kept() -> timedelta:
    """How long traces are kept (SMARTPORTAL_TRACE_DAYS)."""
    return timedelta(days=settings.SMARTPORTAL_TRACE_DAYS)
