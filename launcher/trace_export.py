"""A launch trace as people read it: in the admin step by step, and as text or JSON for the EHR's help desk.

The keyed hashes of patient and person stay here: they mean nothing to anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from launcher.models import LaunchTrace
from launcher.trace import LEFT_OUT
from launcher.trace_words import TraceWords, cause_of, words_for

TITLES = {
    "received": "The launch reached the app",
    "discovery": "The EHR's endpoints were looked up",
    "redirected": "The browser was sent to the EHR",
    "returned": "The browser came back",
    "token": "The code was exchanged for tokens",
    "identity": "Who signed in",
    "context": "The patient of the launch was settled",
    "patient": "The Patient was read",
    "chart": "The chart was shown",
    "panel": "One panel was loaded",
    "refresh": "The access token was refreshed",
    "introspection": "The EHR was asked about the token",
    "ended": "The session was ended",
    "error": "An error page was shown",
    LEFT_OUT: "Steps were left out here",
}
_FACTS = {
    "kept": "Asked now",
    "document": "Read from",
    "version": "FHIR version",
    "authorization_endpoint": "Authorization endpoint",
    "token_endpoint": "Token endpoint",
    "pkce": "PKCE",
    "granted": "Scopes granted",
    "not_granted": "Asked for and not granted",
    "expires_in": "Expires in (seconds)",
    "tokens": "Tokens that came",
    "unusable": "Unusable members",
    "id_token": "id_token",
    "patient": "Patient",
    "reason": "Reason",
    "steps": "How many",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request and its answer in lines: `asked` and `answered` are "METHOD address" and what came back."""

    asked: str
    sent: tuple[tuple[str, str], ...]
    answered: str
    received: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """One step in words. `at` is UTC, `after` the milliseconds since the launch began; `words` is for a failed one."""

    name: str
    title: str
    at: datetime
    after: int
    milliseconds: int
    facts: tuple[tuple[str, str], ...]
    panels: tuple[Mapping[str, str | int], ...]
    messages: tuple[Message, ...]
    left_out: int
    code: str
    reason: str
    description: str
    reference: str
    cause: str
    words: TraceWords | None


def steps_of(trace: LaunchTrace) -> list[ShownStep]:
    """The steps in the order in which they began."""
    steps = [_shown(step, trace.started_at) for step in trace.steps]
    return sorted(steps, key=lambda step: step.at)


def failure_of(trace: LaunchTrace) -> ShownStep | None:
    """The step that a failed launch failed at: the last one with the trace's code."""
    if trace.outcome != LaunchTrace.Outcome.FAILED:
        return None
    return next((step for step in reversed(steps_of(trace)) if step.code == trace.code), None)


def _shown(step: Mapping[str, Any], began: datetime) -> ShownStep:
    at = datetime.fromisoformat(step["at"])
    facts = dict(step.get("facts", {}))
    if step["name"] == "discovery" and facts and not step.get("exchanges"):
        facts = {"kept": "no: known from an earlier launch", **facts}
    code = step.get("code", "")
    return ShownStep(
        name=step["name"],
        title=TITLES.get(step["name"], step["name"]),
        at=at,
        after=max(0, round((at - began).total_seconds() * 1000)),
        milliseconds=step.get("ms", 0),
        facts=tuple((_FACTS.get(name, name), _in_words(value)) for name, value in facts.items() if name != "panels"),
        panels=tuple(_panel(each) for each in facts.get("panels", ())),
        messages=tuple(_message(each) for each in step.get("exchanges", ())),
        left_out=step.get("left_out", 0),
        code=code,
        reason=step.get("reason", ""),
        description=step.get("description", ""),
        reference=step.get("reference", ""),
        cause=cause_of(code),
        words=words_for(code),
    )


def _panel(panel: Mapping[str, Any]) -> dict[str, str | int]:
    counts = {name: number for name, number in panel.items() if name not in {"panel", "state", "ms", "reference"}}
    said = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in counts.items())
    return {**{name: panel.get(name, "") for name in ("panel", "state", "ms", "reference")}, "counts": said}


def _in_words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _message(exchange: Mapping[str, Any]) -> Message:
    credential = f" (Authorization: {exchange['credential']})" if exchange.get("credential") else ""
    return Message(
        asked=f"{exchange['method']} {exchange['address']}{credential}",
        sent=_pairs(exchange.get("sent", ())),
        answered=_answer(exchange),
        received=_pairs(exchange.get("received", ())),
    )


def _pairs(pairs: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in pairs)


def _answer(exchange: Mapping[str, Any]) -> str:
    if exchange.get("through_browser"):
        return "through the browser"
    took = f"{exchange.get('milliseconds', 0)} ms"
    if exchange.get("problem"):
        return f"no usable answer: {exchange['problem']}, {took}"
    media_type, size = exchange.get("media_type", "(none)"), exchange.get("size", 0)
    return f"{exchange.get('status', 0)}, {media_type}, {size} bytes, {took}"


def references_of(trace: LaunchTrace) -> list[str]:
    """All references of the launch, the first one first."""
    others = trace.references.order_by("pk").values_list("reference", flat=True)
    return list(dict.fromkeys(filter(None, (trace.reference, *others))))


def as_json(trace: LaunchTrace) -> dict[str, Any]:
    """For another program; the steps as they are kept."""
    words = words_for(trace.code)
    return {
        "launch_trace": 1,
        "references": references_of(trace),
        "ehr": trace.registration_slug,
        "site": trace.site.domain,
        "started_at": trace.started_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "mode": trace.mode,
        "outcome": trace.outcome,
        "stage": trace.stage,
        "code": trace.code,
        "cause": cause_of(trace.code),
        "standard": words.standard if words else "",
        "milliseconds": trace.milliseconds,
        "framed": trace.framed,
        "browser": trace.browser,
        "x_request_ids": trace.correlation_ids,
        "steps": trace.steps,
    }


def as_text(trace: LaunchTrace) -> str:
    """For a letter to the EHR's help desk: what was asked and answered, and which paragraph of the standard it is."""
    return "\n".join((*_head(trace), "", *(line for step in steps_of(trace) for line in _step_lines(step)))) + "\n"


def _head(trace: LaunchTrace) -> Iterator[str]:
    yield f"SMART App Launch, reference {', '.join(references_of(trace)) or '(none)'}"
    yield f"Begun: {trace.started_at.astimezone(UTC):%d-%b-%Y %H:%M:%S} UTC"
    yield f"EHR: {trace.registration_slug or '(none that is registered)'}, {trace.mode or 'unknown'} launch"
    yield f"Outcome: {trace.get_outcome_display()}; reached: {trace.get_stage_display()}"
    failure = failure_of(trace)
    if failure:
        yield f"Failed with: {' '.join(filter(None, (failure.code, failure.reason)))}"
        yield from filter(None, (failure.description, failure.cause))
        if failure.words:
            yield f"Standard: {failure.words.standard}"
    yield f"Browser: {trace.browser or 'unknown'}, {'in a frame' if trace.framed else 'in a window of its own'}"
    for request_id in trace.correlation_ids:
        yield f"X-Request-Id: {request_id}"
    yield "Codes, tokens, ids, names and other values are left out (“…”)."


def _step_lines(step: ShownStep) -> Iterator[str]:
    yield f"[{step.after:>7} ms] {step.title} ({step.milliseconds} ms)"
    for name, value in step.facts:
        yield f"    {name}: {value}"
    for panel in step.panels:
        yield (
            "    "
            + ", ".join(str(panel[name]) for name in ("panel", "state", "counts") if panel[name])
            + (f", {panel['ms']} ms")
        )
    for message in step.messages:
        yield f"    > {message.asked}"
        yield from (f"        {name}: {value}" for name, value in message.sent)
        yield f"    < {message.answered}"
        yield from (f"        {name}: {value}" for name, value in message.received)
    if step.left_out:
        yield f"    ({step.left_out} more left out)"
    if step.code:
        said = (step.code, step.reason, step.reference, step.description)
        yield f"    FAILED: {' '.join(filter(None, said))}"
