"""Writes down what goes through the door to the network, for whoever asked to have it written down.

Off by default: without a recorder an exchange costs one look at a variable. What is kept is made harmless at once (see
`redaction`); bodies, headers and queries are not held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from launcher.smart import redaction
from launcher.smart.answer import Answer
from launcher.smart.errors import SmartError
from launcher.smart.origins import Base
from launcher.smart.redaction import Shown
from launcher.smart.strict_json import JsonError, parse

MOST = 60
"""Of one recorder; the rest is counted."""

# Larger answers are lists of records: their size says enough, and reading them twice would cost time.
_READ_MOST = 64 * 1024
_READ_MOST_FHIR = 4 * 1024
_SCHEMES = {"basic": "Basic", "bearer": "Bearer"}


class Prepared(Protocol):
    """A request as it is about to leave."""

    @property
    def method(self) -> Any: ...
    @property
    def url(self) -> Any: ...
    @property
    def headers(self) -> Any: ...
    @property
    def body(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer, made harmless. `milliseconds` of both; `size` in bytes; `problem` as `SmartError`.

    `credential` names the Authorization header's scheme, "" without one. `status` is 0 without an answer.
    """

    method: str
    address: str
    through_browser: bool = False
    credential: str = ""
    sent: Shown = ()
    status: int = 0
    milliseconds: int = 0
    media_type: str = ""
    size: int = 0
    problem: str = ""
    received: Shown = ()

    def to_json(self) -> dict[str, Any]:
        """The members that say something."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: [list(pair) for pair in value] if isinstance(value, tuple) else value
            for name, value in values.items()
            if value or (name == "milliseconds" and not self.through_browser)
        }


class Recorder:
    """Takes exchanges from any number of threads; holds at most `MOST` and counts what it left out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self.left_out = 0

    def add(self, exchange: Exchange) -> None:
        with self._lock:
            if len(self._exchanges) < MOST:
                self._exchanges.append(exchange)
            else:
                self.left_out += 1

    @property
    def exchanges(self) -> list[Exchange]:
        with self._lock:
            return list(self._exchanges)


def browser_message(method: str, address: str, sent: Shown) -> Exchange:
    """A message that went through the browser, where nobody sees an answer."""
    return Exchange(method="POST" if method == "POST" else "GET", address=address, through_browser=True, sent=sent)


_recorder: ContextVar[Recorder | None] = ContextVar("exchange_recorder", default=None)


@contextmanager
def recording(recorder: Recorder | None) -> Iterator[None]:
    """Whatever this context asks within is written to `recorder`. A thread gets it only with a copy of the context."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


def note(request: Prepared, outcome: Answer | SmartError, *, base: Base, began: float) -> None:
    """Write one exchange down if somebody asked for it; `began` is `time.monotonic()` before it."""
    recorder = _recorder.get()
    if recorder is not None:
        recorder.add(_exchange(request, outcome, base, milliseconds=round((time.monotonic() - began) * 1000)))


def _exchange(request: Prepared, outcome: Answer | SmartError, base: Base, *, milliseconds: int) -> Exchange:
    url, posted = str(request.url), request.method == "POST"
    asked = Exchange(
        method="POST" if posted else "GET",
        address=redaction.address_shown(url) if posted else redaction.fetched_address(url, base=base),
        credential=_SCHEMES.get(str(request.headers.get("Authorization", "")).partition(" ")[0].lower(), ""),
        sent=redaction.parameters_shown(_parameters(request.body if posted else urlsplit(url).query), _allowed(posted)),
        milliseconds=milliseconds,
    )
    values = {name: getattr(asked, name) for name in ("method", "address", "credential", "sent", "milliseconds")}
    if isinstance(outcome, SmartError):
        return Exchange(**values, problem=f"{outcome.code} {outcome.reason}".strip())
    return Exchange(
        **values,
        status=outcome.status,
        media_type=redaction.media_type_shown(outcome.content_type),
        size=len(outcome.body),
        received=_received(outcome, fhir=bool(asked.credential) and not posted),
    )


def _allowed(posted: bool) -> Mapping[str, Any]:
    """The next page's address is the EHR's own, and a search names the patient: of a query only the names are kept."""
    return redaction.SENT if posted else {}


def _parameters(encoded: object) -> list[tuple[str, str]]:
    text = encoded.decode("ascii", "replace") if isinstance(encoded, bytes) else str(encoded or "")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return []


def _received(answer: Answer, *, fhir: bool) -> Shown:
    most = _READ_MOST_FHIR if fhir and answer.status < 400 else _READ_MOST
    if len(answer.body) > most or not answer.body:
        return ()
    try:
        return redaction.members_shown(parse(answer.body))
    except JsonError as error:
        return (("(not JSON)", error.reason),)
