"""The circuit breaker: an EHR that has stopped answering is left alone for a moment, and its callers are told at once.

There is one circuit for each host of each EHR: neither another EHR on the same host nor another host of this one
suffers. Circuits live in the memory of the process: each worker learns for itself, from its own requests. Shared ones
would need an answer from the cache before every request, and a cache that fails would decide who may be asked.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from launcher.smart.origins import Base

FAILURES = 5
WITHIN_SECONDS = 30.0
OPEN_SECONDS = 10.0
"""How long nobody is let through, before one request is."""

TRIAL_SECONDS = 20.0
"""Longer than any request can take, so that a trial that nobody has settled by then is lost."""

_MOST_CIRCUITS = 1000

Verdict = Literal["answered", "failed", "unclear"]
"""What a request says of the host; "unclear": nothing, such as a search that the host could not do."""


@dataclass(frozen=True, slots=True)
class Ehr:
    """Whose registration a request is made for: site and slug, as figures name them; NOBODY has no circuits."""

    site: str = ""
    slug: str = ""


NOBODY = Ehr()


@dataclass(frozen=True, slots=True)
class Host:
    """One host of one EHR: who it is asked for, below which FHIR base, and the origin that is asked."""

    ehr: Ehr
    base: Base
    origin: Base


class CircuitOpenError(Exception):
    """Nobody is let through for about so many more seconds, at least one."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"for {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Passage:
    """Leave to ask, from when it was given; the only one there is while the circuit is open is the `trial`."""

    began: float
    trial: bool = False


@dataclass(slots=True)
class Circuit:
    """Closed until the host fails five times within 30 seconds; then open, with one trial each ten seconds.

    Safe to share between threads. A failure counts only if the host has answered nothing else since that request went
    out: a single search that takes too long is not an EHR that is away. Any proper answer closes the circuit.
    """

    clock: Callable[[], float] = time.monotonic
    changed: Callable[[bool], None] = lambda _is_open: None
    """Told when it opens (True) and when it closes."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failures: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))
    _answered_at: float = -math.inf
    _next_trial: float | None = None

    @property
    def is_open(self) -> bool:
        return self._next_trial is not None

    def enter(self) -> Passage:
        """Leave to ask, or `CircuitOpenError`."""
        with self._lock:
            now = self.clock()
            if self._next_trial is None:
                return Passage(now)
            left = self._next_trial - now
            if left <= 0:
                self._next_trial = now + TRIAL_SECONDS
                return Passage(now, trial=True)
        raise CircuitOpenError(math.ceil(left))

    def settle(self, passage: Passage, verdict: Verdict) -> None:
        """Say what the request came to; every passage is to be settled."""
        with self._lock:
            before = self.is_open
            if verdict == "answered":
                self._answered()
            elif verdict == "failed":
                self._failed(passage)
            elif passage.trial and self.is_open:
                # It has shown nothing: the next one may try.
                self._next_trial = self.clock()
            after = self.is_open
        if before != after:
            self.changed(after)

    def _answered(self) -> None:
        self._answered_at = self.clock()
        self._failures.clear()
        self._next_trial = None

    def _failed(self, passage: Passage) -> None:
        now = self.clock()
        if passage.trial:
            if self.is_open:
                self._next_trial = now + OPEN_SECONDS
            return
        if self.is_open or self._answered_at > passage.began:
            return
        self._failures.append(now)
        if len(self._failures) == FAILURES and now - self._failures[0] <= WITHIN_SECONDS:
            self._next_trial = now + OPEN_SECONDS


_circuits: OrderedDict[Host, Circuit] = OrderedDict()
_guard = threading.Lock()
_listener: list[Callable[[Ehr, bool], None]] = []


def circuit_of(host: Host) -> Circuit:
    """The circuit of this host in this process. Those longest unused are forgotten beyond a thousand."""
    with _guard:
        found = _circuits.get(host)
        if found is None:
            found = _circuits[host] = Circuit(changed=lambda is_open: _tell(host.ehr, is_open))
        _circuits.move_to_end(host)
        surplus = _circuits.popitem(last=False) if len(_circuits) > _MOST_CIRCUITS else None
    if surplus is not None and surplus[1].is_open:
        _tell(surplus[0].ehr, False)
    return found


def listen(listener: Callable[[Ehr, bool], None]) -> None:
    """Have `listener` told of every circuit that opens or closes, in place of the one before."""
    _listener[:] = [listener]


def forget_all() -> None:
    """Close every circuit of this process and forget what was learnt; for tests."""
    with _guard:
        known = list(_circuits.items())
        _circuits.clear()
    for host, circuit in known:
        if circuit.is_open:
            _tell(host.ehr, False)


def _tell(ehr: Ehr, is_open: bool) -> None:
    for listener in _listener:
        listener(ehr, is_open)


def _start_afresh() -> None:
    """A forked child learns for itself, and the lock may be held for ever."""
    global _guard
    _guard = threading.Lock()
    _circuits.clear()


os.register_at_fork(after_in_child=_start_afresh)
