"""A door that remembers: for whoever looks at an EHR from many sides and wants to ask each question once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import launcher.smart.http as wire
from launcher.smart.answer import Answer
from launcher.smart.body import BodyError
from launcher.smart.deadline import Deadline
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.http import TOTAL_SECONDS, CallContext, Door

PAGE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer to a public request: when it had come (seconds since 1970) and how long it took."""

    url: str
    answer: Answer
    milliseconds: int
    at: float


class Once:
    """Does each named piece of work once, whatever the number of threads that want its outcome; errors are kept too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[object, Future[Any]] = {}

    def __call__(self, name: object, work: Callable[[], Any]) -> Any:
        with self._lock:
            found = self._done.get(name)
            future = found or self._done.setdefault(name, Future())
        if found is None:
            try:
                future.set_result(work())
            except Exception as error:  # whoever else waits for it gets it as well
                future.set_exception(error)
        return future.result()


class ListeningDoor(Door):
    """A door whose public documents are fetched once each, with a note of every answer that came."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._once = Once()
        self._heard: list[Heard] = []

    @property
    def heard(self) -> tuple[Heard, ...]:
        return tuple(self._heard)

    def get(
        self,
        url: str,
        *,
        accept: str,
        max_bytes: int,
        failure: ErrorCode,
        seconds: float = TOTAL_SECONDS,
        etag: str = "",
    ) -> Answer:
        """As `Door.get`; what was asked before is not asked again."""

        def ask() -> Answer:
            began = time.monotonic()
            answer = super(ListeningDoor, self).get(
                url, accept=accept, max_bytes=max_bytes, failure=failure, seconds=seconds, etag=etag
            )
            self._heard.append(Heard(url, answer, round((time.monotonic() - began) * 1000), time.time()))
            return answer

        found: Answer = self._once((url, accept, etag), ask)
        return found

    def first_answer(self, url: str, *, seconds: float) -> Answer:
        """The first answer of a page meant for a browser: a redirect comes back with its `location`, and unfollowed.

        For the authorization endpoint, which answers a client it knows with a sign-in page or a redirect to one (RFC
        6749, section 4.1.1). Raises as the door, with `authorization_failed` for a page that cannot be read.
        """
        self._require(self.approves(url), url, "authorization_failed")
        request = wire._prepare("GET", url, {"Accept": "text/html, */*;q=0.8"}, failure="authorization_failed")
        with (
            Deadline(seconds) as deadline,
            wire._making(CallContext(self._networks, self._ca_bundle, deadline)) as call,
        ):
            found = _first(request, call, url=url)
            late = deadline.expired
        if late:
            raise SmartError("ehr_unreachable", "no complete answer in time", reason="timeout")
        if isinstance(found, SmartError):
            raise found
        return found


def _first(request: Any, call: CallContext, *, url: str) -> Answer | SmartError:
    try:
        response = wire._send(request, call)
        with closing(response):
            if 300 <= response.status_code < 400:
                location = MappingProxyType({"location": response.headers.get("Location", "")})
                return Answer(response.status_code, location, b"", url)
            return wire._read(response, url=url, max_bytes=PAGE_BYTES)
    except SmartError as error:
        return error
    except BodyError as error:
        return SmartError("authorization_failed", "the page cannot be read", reason=error.reason)
    except Exception:  # the library's own errors, which quote whole addresses, and those of its parts
        return SmartError("ehr_unreachable", "the connection failed or broke off", reason="broken")
