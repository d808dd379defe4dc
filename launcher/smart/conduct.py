"""Conducts an exchange with an EHR through the circuit of its host, judges what that shows, and tells the figures."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from launcher.smart.answer import Answer
from launcher.smart.circuit import NOBODY, CircuitOpenError, Ehr, Host, Verdict, circuit_of
from launcher.smart.errors import SmartError
from launcher.smart.origins import Base, is_below, parse_base

Kind = Literal["discovery", "public", "token", "upkeep", "patient", "fhir"]
"""What an EHR says of itself; keys, styles; tokens, their revocation and introspection; a Patient; all other data."""

Result = Literal["ok", "4xx", "5xx", "timeout", "dns", "refused", "tls", "broken", "address", "circuit", "unusable"]

FAIR_SECONDS = 2.0
"""A request that was given less time than this says nothing of the host when it ends late."""

# Without these nothing of an EHR can be used. A search that breaks is that search's own affair.
_VITAL: frozenset[Kind] = frozenset({"discovery", "token", "patient"})
_REASONS = frozenset(get_args(Result))
# The host did answer, only not with what we take.
_ANSWERED = frozenset({"redirect", "too_large", "encoding"})

_GRANT = re.compile(rb"(?:^|&)grant_type=")

Outcome = Answer | SmartError


@dataclass(frozen=True, slots=True)
class Figure:
    """What is told of an exchange: no address, no patient, nothing that came from outside."""

    ehr: Ehr
    kind: Kind
    result: Result
    seconds: float


class Prepared(Protocol):
    """A request as it is about to leave; its body is a form."""

    @property
    def method(self) -> Any: ...
    @property
    def url(self) -> Any: ...
    @property
    def body(self) -> Any: ...


_listener: list[Callable[[Figure], None]] = []


def listen(listener: Callable[[Figure], None]) -> None:
    """Have `listener` told of every exchange of a named EHR, in place of the one before."""
    _listener[:] = [listener]


def kind_of(request: Prepared, base: Base) -> Kind:
    """By method, address and form: a form with a grant asks for a token (RFC 6749, section 4), others revoke or ask."""
    if request.method == "POST":
        return "token" if _GRANT.search(request.body or b"") else "upkeep"
    path = str(request.url).partition("?")[0]
    if not is_below(path, base):
        return "public"
    own = parse_base(path).segments[len(base.segments) :]
    if own == ("metadata",) or own[:1] == (".well-known",):
        return "discovery"
    return "patient" if len(own) == 2 and own[0] == "Patient" and path == request.url else "fhir"


def conduct(ask: Callable[[], Outcome], *, at: Host, kind: Kind, seconds: float) -> Outcome:
    """Make an exchange, if the circuit of its host lets it through, and tell what it came to.

    `seconds` is how long it may take. Without a name (NOBODY) there is neither circuit nor figure: connection checks
    and imports always ask.
    """
    if at.ehr == NOBODY:
        return ask()
    began = time.monotonic()
    outcome = _through_circuit(ask, at, kind=kind, seconds=seconds)
    figure = Figure(at.ehr, kind, _result(outcome), time.monotonic() - began)
    for listener in _listener:
        listener(figure)
    return outcome


def _through_circuit(ask: Callable[[], Outcome], host: Host, *, kind: Kind, seconds: float) -> Outcome:
    circuit = circuit_of(host)
    try:
        passage = circuit.enter()
    except CircuitOpenError as error:
        name = host.origin.host
        cause = f"{name}: it has stopped answering, and is asked again in a moment"
        return SmartError("ehr_busy", cause, reason="circuit", context={"host": name, "retry_after": error.retry_after})
    verdict: Verdict = "unclear"
    try:
        outcome = ask()
        verdict = verdict_on(outcome, kind=kind, seconds=seconds)
        return outcome
    finally:
        circuit.settle(passage, verdict)


def verdict_on(outcome: Outcome, *, kind: Kind, seconds: float) -> Verdict:
    """What an outcome says of the host."""
    if isinstance(outcome, Answer):
        if outcome.status < 500:
            return "answered"
        return "failed" if kind in _VITAL else "unclear"
    if outcome.code == "ehr_unreachable":
        hurried = outcome.reason == "timeout" and seconds < FAIR_SECONDS
        return "unclear" if hurried else "failed"
    return "answered" if outcome.reason in _ANSWERED else "unclear"


def _result(outcome: Outcome) -> Result:
    if isinstance(outcome, Answer):
        return "ok" if outcome.status < 400 else "4xx" if outcome.status < 500 else "5xx"
    reason = outcome.reason
    return reason if reason in _REASONS else "unusable"  # type: ignore[return-value]  # one of the list
