"""The bridge of the journeys: what the product sends to a simulated EHR goes straight to its views, without sockets.

Only the wire is replaced. The door's own checks (approved origins, redirects, sizes) still judge what comes back; the
address guard and the deadlines are tested over real sockets in `tests/smart`.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3
from django.test import RequestFactory
from django.urls import Resolver404, resolve

from launcher.smart import http

ORIGIN = "https://testserver"
SIMULATORS = "/sandbox/"


@dataclass
class Seen:
    """One request that reached an EHR."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


@dataclass
class Bridge:
    """Carries requests to the simulators and remembers them; `in_flight` holds the highest number seen at once."""

    seen: list[Seen] = field(default_factory=list)
    most_in_flight: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    gate: threading.Barrier | None = None
    """When set, a FHIR search waits here until as many others are under way: a sequential client would break it."""
    answers: dict[str, bytes] = field(default_factory=dict)
    before: http.Transport | None = None

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        url = urlsplit(request.url or "")
        self._enter(request, url.path, url.query)
        try:
            if f"{url.scheme}://{url.netloc}" != ORIGIN or not url.path.startswith(SIMULATORS):
                raise requests.exceptions.ConnectionError(f"nothing answers at {url.netloc}{url.path}")
            for suffix, body in self.answers.items():
                if url.path.endswith(suffix):
                    return _response(request, 200, {"Content-Type": "application/json"}, body)
            if self.gate is not None and "/fhir/" in url.path and not url.path.rstrip("/").endswith("metadata"):
                self._wait_for_others(url.path)
            return _answer(request, url.path, url.query)
        finally:
            with self._lock:
                self._now -= 1

    def _enter(self, request: requests.PreparedRequest, path: str, query: str) -> None:
        body = request.body or b""
        text = body.decode() if isinstance(body, bytes) else str(body)
        with self._lock:
            self._now += 1
            self.most_in_flight = max(self.most_in_flight, self._now)
            self.seen.append(Seen(request.method or "", path, query, dict(request.headers), text))

    def _wait_for_others(self, path: str) -> None:
        if self.gate is not None and path.rsplit("/", 1)[-1] not in {"smart-configuration", "jwks"}:
            if path.rsplit("/", 2)[-2] == "Patient":
                return
            self.gate.wait(timeout=5)

    def paths(self, *parts: str) -> list[str]:
        return [seen.path for seen in self.seen if all(part in seen.path for part in parts)]

    def answer_with(self, suffix: str, body: str | bytes) -> None:
        """From now on addresses that end so answer exactly this, as JSON with status 200."""
        self.answers[suffix] = body if isinstance(body, bytes) else body.encode()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Use the real adapter for a while (for `responses`, which replaces its `send`)."""
        http.set_transport(self.before or self)
        try:
            yield
        finally:
            http.set_transport(self)

    def forget(self) -> None:
        self.seen.clear()
        self.most_in_flight = 0


def _answer(request: requests.PreparedRequest, path: str, query: str) -> requests.Response:
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    body = request.body or b""
    django_request = RequestFactory().generic(
        request.method or "GET",
        path,
        data=body if isinstance(body, bytes) else body.encode(),
        content_type=request.headers.get("Content-Type", "application/octet-stream"),
        secure=True,
        QUERY_STRING=query,
        SERVER_NAME="testserver",
        **headers,
    )
    try:
        match = resolve(path)
        answered = match.func(django_request, *match.args, **match.kwargs)
    except Resolver404:
        raise AssertionError(f"the simulator has no address {path}") from None
    content = b"".join(answered.streaming_content) if answered.streaming else answered.content
    return _response(request, answered.status_code, dict(answered.headers), content)


def _response(
    request: requests.PreparedRequest, status: int, headers: dict[str, str], content: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    response.url = request.url or ""
    response.request = request
    response.raw = urllib3.HTTPResponse(body=io.BytesIO(content), headers=headers, status=status, preload_content=False)
    return response


@contextmanager
def bridged() -> Iterator[Bridge]:
    bridge = Bridge()
    bridge.before = http.set_transport(bridge)
    try:
        yield bridge
    finally:
        http.set_transport(bridge.before)
