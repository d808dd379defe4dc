"""EHRs that answer as no simulator does: single answers replaced on the wire, or a real listener in place of one."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
import urllib3

from launcher.models import EhrRegistration, PendingLaunch
from launcher.smart import http
from launcher.smart.deadline import Deadline
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import R4, launch_url, registration
from tests.smart.misbehaving import Server

Json = dict[str, Any]
Answer = Callable[[requests.PreparedRequest], requests.Response]


def answer(
    status: int = 200, body: bytes | str | Json | list[Any] = b"", *, kind: str = "application/json", **headers: str
) -> Answer:
    """An answer as bytes, text or JSON; further headers with `_` for `-`."""
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    sent = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def give(request: requests.PreparedRequest) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response.headers.update(sent)
        response.url = request.url or ""
        response.request = request
        response.raw = urllib3.HTTPResponse(
            body=io.BytesIO(content), headers=sent, status=status, preload_content=False
        )
        return response

    return give


def silence(request: requests.PreparedRequest) -> requests.Response:
    """Nobody answers in time."""
    raise requests.exceptions.ReadTimeout("no answer in time")


@dataclass
class Wire:
    """The wire to the simulated EHRs. `plays` maps the end of a path to what answers there instead; everything that
    goes to `hosts` leaves by the real adapter, through address guard and deadline."""

    bridge: Bridge
    plays: dict[str, Answer] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        url = urlsplit(request.url or "")
        self.asked.append(request.url or "")
        if url.hostname in self.hosts and self.bridge.before is not None:
            return self.bridge.before(request, call)
        for end, play in self.plays.items():
            if url.path.endswith(end):
                return play(request)
        return self.bridge(request, call)

    def to(self, end: str) -> int:
        """How many requests went to an address whose path ends so."""
        return sum(urlsplit(url).path.endswith(end) for url in self.asked)

    def changed(self, end: str, **members: Any) -> None:
        """From now on the JSON object at this address has these members (None: has them not)."""

        def play(request: requests.PreparedRequest) -> requests.Response:
            unchanged = self.bridge(request, _NO_CALL)
            body = {**json.loads(unchanged.raw.read()), **members}
            return answer(unchanged.status_code, {k: v for k, v in body.items() if v is not None})(request)

        self.plays[end] = play


_NO_CALL = http.CallContext((), "", Deadline(1))


@contextmanager
def wired(bridge: Bridge) -> Iterator[Wire]:
    """Put a `Wire` between the product and the bridge for a while."""
    wire = Wire(bridge)
    before = http.set_transport(wire)
    try:
        yield wire
    finally:
        http.set_transport(before)
        http._adapter.cache_clear()


def listening_token_endpoint(wire: Wire, server: Server, ehr: str = R4) -> EhrRegistration:
    """Let the registration's token endpoint be a real listener, reached through guard and deadline."""
    row = registration(ehr)
    row.token_endpoint = server.url("/token")
    row.approved_origins = [server.url()]
    row.save()
    wire.hosts.add("127.0.0.1")
    return row


def shortened_deadlines(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.5) -> list[float]:
    """Every call is given up after this many seconds; the list fills with how many it would have had."""
    allowed: list[float] = []

    def deadline(asked: float) -> Deadline:
        allowed.append(asked)
        return Deadline(min(asked, seconds))

    monkeypatch.setattr(http, "Deadline", deadline)
    return allowed


@dataclass
class SignIn:
    """A launch that has reached the EHR, and what an id_token of it would have to say."""

    browser: Browser
    query: dict[str, list[str]]
    issuer: str
    row: EhrRegistration
    code: str = "a-code-that-our-own-ehr-minted"

    @property
    def state(self) -> str:
        return self.query["state"][0]

    def callback_url(self, **changes: str) -> str:
        given = {"code": self.code, "state": self.state, "iss": self.issuer, **changes}
        return f"/callback/{self.row.slug}?" + urlencode({name: value for name, value in given.items() if value})

    def claims(self, **changes: Any) -> Json:
        """Good claims, with these members replaced, or left out where the value is `...`."""
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "aud": self.row.client_id,
            "sub": "provider-7",
            "nonce": self.query["nonce"][0],
            "exp": now + 300,
            "iat": now,
            "name": "Ada Moreno",
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def tokens(self, id_token: str | None = None, **more: Any) -> Json:
        """A token answer for patient 54520."""
        identity = {"id_token": id_token} if id_token is not None else {}
        return {
            "access_token": f"an-access-token-{self.state[:12]}",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": self.query["scope"][0],
            "patient": "54520",
            **identity,
            **more,
        }


def begin(browser: Browser, url: str = "", ehr: str = R4) -> SignIn:
    """Launch up to the redirect to the EHR; the EHR's own pages are not visited."""
    page = browser.get(url or launch_url(ehr))
    assert page.status == 302, (page.status, page.error)
    pending = PendingLaunch.objects.order_by("-pk")[0]
    return SignIn(browser, page.query, str(pending.configuration["issuer"]), registration(ehr))


def signed_in_with(wire: Wire, launch: SignIn, id_token: str | None, **more: Any) -> Page:
    """The callback's answer when the token endpoint sends this id_token."""
    wire.plays["/token"] = answer(200, launch.tokens(id_token, **more))
    return launch.browser.get(launch.callback_url())


def publishes(wire: Wire, *keys: Json) -> None:
    """The EHR's keys, from now on."""
    wire.plays["/jwks"] = answer(200, {"keys": list(keys)})


def form_of(request: requests.PreparedRequest | bytes) -> dict[str, list[str]]:
    body = request if isinstance(request, bytes) else request.body or b""
    return parse_qs(body.decode() if isinstance(body, bytes) else str(body), keep_blank_values=True)
