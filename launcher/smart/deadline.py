"""One clock for all outgoing calls: a call that is not done in time loses its socket.

Socket time-outs bound single reads only; a server that sends one byte a second keeps a call alive for ever. So one
watchdog thread shuts the sockets of late calls down, which wakes whoever waits on them, in TLS and in headers too.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time


class Deadline:
    """The time that one call has in total. Use as a context manager around the whole call.

    `expired` turns true when the time is up before the call has ended; the call then has to report a time-out,
    whatever error or seemingly complete answer it sees.
    """

    def __init__(self, seconds: float) -> None:
        self.expires = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._fired = False
        self._done = False

    @property
    def expired(self) -> bool:
        return self._fired or self.remaining <= 0

    @property
    def done(self) -> bool:
        return self._done

    @property
    def watching(self) -> bool:
        return self._socket is not None

    @property
    def remaining(self) -> float:
        """Seconds left; zero or less when the time is up."""
        return self.expires - time.monotonic()

    def watch(self, connection: socket.socket) -> None:
        """From now on `connection` (plain or TLS) is the one to shut down.

        The file descriptor is duplicated: wrapping in TLS detaches the original socket, and a number that was closed
        and given to somebody else must not be shut down.
        """
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._drop()
            self._socket = duplicate
            if self._fired:
                self._shut_down()

    def release(self) -> None:
        """Let go of the socket: it goes back to the pool, where another call may take it."""
        with self._lock:
            self._drop()

    def fire(self) -> None:
        """Shut the socket down (the watchdog's call)."""
        with self._lock:
            if not self._done:
                self._fired = True
                self._shut_down()

    def __enter__(self) -> Deadline:
        _watchdog.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._done = True
            self._drop()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the other side was faster
                self._socket.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """A heap of deadlines and one daemon thread, started with the first of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            entry = (deadline.expires, next(self._order), deadline)
            heapq.heappush(self._heap, entry)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="outgoing-deadlines", daemon=True)
                thread.start()
                self._thread = thread
            elif self._heap[0] is entry:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            self._next_due().fire()

    def _next_due(self) -> Deadline:
        with self._changed:
            while True:
                while self._heap and self._heap[0][2].done:
                    heapq.heappop(self._heap)
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)


_watchdog = _Watchdog()


def _start_afresh() -> None:
    """A forked child has the heap but not the thread, and a lock that may be held for ever."""
    global _watchdog
    _watchdog = _Watchdog()


os.register_at_fork(after_in_child=_start_afresh)
