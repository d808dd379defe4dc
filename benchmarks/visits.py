"""One launch as a browser makes it, with the moments at which its parts arrive."""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.served import HOST, SLUG, Pair

BANNER = b'data-testid="patient-banner"'
_PANEL = re.compile(rb'<section[^>]* data-panel="([a-z-]+)" data-state="([a-z-]+)"')


@dataclass
class Visit:
    """Seconds since the callback was called: the banner's bytes, each panel's, and the last byte."""

    banner: float = 0.0
    whole: float = 0.0
    panels: dict[str, float] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Browser:
    """One connection to the product and one cookie jar."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._connection = http.client.HTTPConnection(HOST, pair.product, timeout=60)
        self._cookies: dict[str, str] = {}

    def visit(self, patient: str) -> Visit:
        """Launch, come back with a code (the EHR's sign-in is not measured), and read the chart as it streams in."""
        query = urlencode({"iss": self._pair.iss, "launch": patient})
        away = self._get(f"/launch?{query}").headers["Location"]
        state = parse_qs(urlsplit(away).query)["state"][0]
        callback = f"/callback/{SLUG}?" + urlencode({"code": patient, "state": state})
        visit = Visit()
        started = time.perf_counter()
        answer = self._get(callback)
        if answer.status != 303:
            raise SystemExit(f"the callback answered {answer.status}")
        chart = urlsplit(answer.headers["Location"]).path
        self._read(chart, visit, started)
        return visit

    def close(self) -> None:
        self._connection.close()

    def _get(self, path: str, *, read: bool = True) -> http.client.HTTPResponse:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        self._connection.request("GET", path, headers={"Cookie": cookies, "Host": f"{HOST}:{self._pair.product}"})
        answer = self._connection.getresponse()
        for header in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(header.replace("Partitioned", "")).items():
                self._cookies[name] = morsel.value
        if read:
            answer.read()
        return answer

    def _read(self, path: str, visit: Visit, started: float) -> None:
        answer = self._get(path, read=False)
        if answer.status != 200:
            raise SystemExit(f"the chart answered {answer.status}")
        seen = bytearray()
        while piece := answer.read1(65536):
            seen += piece
            now = time.perf_counter() - started
            if not visit.banner and BANNER in seen:
                visit.banner = now
            for name, state in _PANEL.findall(bytes(seen)):
                visit.panels.setdefault(name.decode(), now)
                visit.states[name.decode()] = state.decode()
        visit.whole = time.perf_counter() - started
        visit.body = bytes(seen)
