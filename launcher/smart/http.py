"""The one door to the network: every request of this program leaves through `Door` and through no other place.

There is no `requests.Session` here, because a session carries cookies from one provider to the next, reads proxies and
.netrc from the environment, and follows redirects. Requests are prepared one by one and handed to a pooled adapter.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
import requests.adapters
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions

from launcher.smart import exchanges, guard
from launcher.smart.answer import Answer as Answer
from launcher.smart.body import BodyError, read_body
from launcher.smart.circuit import NOBODY, Ehr, Host
from launcher.smart.conduct import conduct, kind_of
from launcher.smart.deadline import Deadline
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.origins import Base, is_below, origin_of, parse_base
from launcher.smart.registration import Network
from launcher.smart.secret import Secret

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection

TOTAL_SECONDS = 15.0
READ_SECONDS = 10.0
# Firewalls forget idle connections without a word; a request on such a one would wait for its whole read time-out.
IDLE_SECONDS = 30.0
FHIR_BYTES = 10 * 1024 * 1024

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")

# urllib3 logs whole URLs, and those of FHIR name patients.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


@dataclass(slots=True)
class CallContext:
    """What travels with one call down to the connection: how to judge addresses, whom to trust, how long it may take.

    `reused` and `fresh_only` are notes of the pool: the request went out on a kept connection; it must not.
    """

    networks: tuple[Network, ...]
    ca_bundle: str
    deadline: Deadline
    reused: bool = False
    fresh_only: bool = False


# The response's `raw` is a `urllib3.HTTPResponse` whose body was not read yet (`preload_content=False`).
Transport = Callable[[requests.PreparedRequest, CallContext], requests.Response]


class Door:
    """The way out for one registration: knows its FHIR base, approved origins, networks and certificate authorities.

    Cheap to build, and safe to share between threads. Every failure is a `SmartError`: the caller's `failure` with
    "host_unapproved", "redirect", "too_large", "encoding", "header"; "ehr_unreachable" with "timeout", "dns",
    "refused", "tls", "broken"; "ehr_address_forbidden" with "address". Any status but 3xx comes back as an `Answer` for
    the caller to judge. Descriptions name the host and the cause, never a query, a body or a token.

    `ca_bundle` is the path of a file or folder with certificate authorities that are trusted besides the public ones.
    `ehr` names whose circuits and figures these are; "ehr_busy" with "circuit" while one is open (smart/circuit.py).
    A `fhir_base` that is no plain URL is a ValueError; an approved origin that is none approves nothing.
    """

    def __init__(
        self,
        *,
        fhir_base: str,
        approved_origins: Sequence[str] = (),
        networks: Sequence[Network] = (),
        ca_bundle: str = "",
        ehr: Ehr = NOBODY,
        correlation_id: str = "",
    ) -> None:
        self._ehr, self._correlation_id = ehr, correlation_id
        self._base = parse_base(fhir_base)
        self._origins = {self._base.origin}
        for origin in approved_origins:
            with suppress(ValueError):
                self._origins.add(origin_of(origin))
        self._networks = tuple(networks)
        self._ca_bundle = ca_bundle

    def approves(self, url: str) -> bool:
        """Whether `url` lies on the origin of the FHIR base or on an approved one (compared as parsed parts)."""
        return _origin_or_none(url) in self._origins

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
        """Fetch a public document (discovery, keys) without any credential; with the `etag` of a copy, 304 may come."""
        self._require(self.approves(url), url, failure)
        headers = {"Accept": accept, **({"If-None-Match": etag} if etag else {})}
        request = _prepare("GET", url, headers, failure=failure)
        return self._exchange(request, max_bytes=max_bytes, failure=failure, seconds=seconds)

    def post_form(
        self,
        url: str,
        form: Sequence[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int,
        failure: ErrorCode,
        seconds: float = TOTAL_SECONDS,
        authorization: Secret | None = None,
    ) -> Answer:
        """Post a form to an endpoint, once; `authorization` is the whole value of the Authorization header."""
        self._require(self.approves(url), url, failure)
        request = _prepare(
            "POST",
            url,
            {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
            body=urlencode(list(form)).encode("ascii"),
            authorization=authorization,
            failure=failure,
        )
        return self._exchange(request, max_bytes=max_bytes, failure=failure, seconds=seconds)

    def get_fhir(
        self,
        url: str,
        *,
        token: Secret | None,
        accept: str,
        max_bytes: int = FHIR_BYTES,
        failure: ErrorCode = "patient_unavailable",
        seconds: float = TOTAL_SECONDS,
        correlation_id: str = "",
    ) -> Answer:
        """Fetch from below the FHIR base, with the bearer token if there is one."""
        self._require(is_below(url, self._base), url, failure)
        headers = {"Accept": accept, **({"X-Request-Id": correlation_id} if correlation_id else {})}
        authorization = Secret(f"Bearer {token.reveal()}") if token else None
        request = _prepare("GET", url, headers, authorization=authorization, failure=failure)
        return self._exchange(request, max_bytes=max_bytes, failure=failure, seconds=seconds)

    def _require(self, allowed: bool, url: str, failure: ErrorCode) -> None:
        if not allowed:
            raise _refusal(
                failure, "host_unapproved", _name_of(url), "this address is not approved for the registration"
            )

    def _exchange(
        self, request: requests.PreparedRequest, *, max_bytes: int, failure: ErrorCode, seconds: float
    ) -> Answer:
        host, began = _name_of(str(request.url)), time.monotonic()
        if self._correlation_id:
            request.headers.setdefault("X-Request-Id", self._correlation_id)

        def ask() -> Answer | SmartError:
            with Deadline(seconds) as deadline, _making(CallContext(self._networks, self._ca_bundle, deadline)) as call:
                outcome = _outcome(request, call, max_bytes=max_bytes, failure=failure, host=host)
                late = deadline.expired
            return _refusal("ehr_unreachable", "timeout", host, "no complete answer in time") if late else outcome

        place = Host(self._ehr, self._base, _origin_or_none(str(request.url)) or self._base.origin)
        outcome = conduct(ask, at=place, kind=kind_of(request, self._base), seconds=seconds)
        exchanges.note(request, outcome, base=self._base, began=began)
        if isinstance(outcome, SmartError):  # raised out here: no text of the library, with its URLs, hangs on to it
            raise outcome
        return outcome


def _outcome(
    request: requests.PreparedRequest, call: CallContext, *, max_bytes: int, failure: ErrorCode, host: str
) -> Answer | SmartError:
    try:
        response = _send(request, call)
        try:
            unchanged = response.status_code == 304 and "If-None-Match" in request.headers
            if 300 <= response.status_code < 400 and not unchanged:
                return _refusal(failure, "redirect", host, f"answered with a redirect ({response.status_code})")
            return _read(response, url=str(request.url), max_bytes=max_bytes)
        finally:
            response.close()
    except SmartError as error:
        return error
    except BodyError as error:
        code: ErrorCode = "ehr_unreachable" if error.reason == "broken" else failure
        return _refusal(code, error.reason, host, error.cause)
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        return _refusal("ehr_unreachable", "tls", host, "no trusted TLS connection")
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        return _refusal("ehr_unreachable", "timeout", host, "no answer in time")
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        return _refusal("ehr_unreachable", "broken", host, "the answer broke off or is not HTTP")


def _send(request: requests.PreparedRequest, call: CallContext) -> requests.Response:
    """Send, and once more if a GET met a kept connection that the server had just closed."""
    try:
        return _transport(request, call)
    except requests.ConnectionError:
        if request.method != "GET" or not call.reused or call.deadline.expired:
            raise
    call.fresh_only = True
    return _transport(request, call)


def _read(response: requests.Response, *, url: str, max_bytes: int) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    length = headers.get("content-length", "")
    if re.fullmatch("[0-9]{1,15}", length) and int(length) > max_bytes + max_bytes // 100 + 1024:
        raise BodyError("too_large")
    read = functools.partial(response.raw.read, decode_content=False)
    body = read_body(read, encoding=headers.get("content-encoding", ""), max_bytes=max_bytes)
    return Answer(response.status_code, MappingProxyType(headers), body, url)


def _prepare(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    failure: ErrorCode,
    body: bytes | None = None,
    authorization: Secret | None = None,
) -> requests.PreparedRequest:
    sent = {"User-Agent": "smartportal", "Accept-Encoding": "gzip", **headers}
    if authorization is not None:
        sent["Authorization"] = authorization.reveal()
    if not all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in sent.items()):
        raise _refusal(failure, "header", _name_of(url), "a header to be sent is not printable ASCII")
    request = requests.PreparedRequest()
    request.prepare(method=method, url=url, headers=sent, data=body)
    return request


def _origin_or_none(url: str) -> Base | None:
    try:
        return origin_of(url)
    except ValueError:
        return None


def _name_of(url: str) -> str:
    origin = _origin_or_none(url)
    return origin.host if origin else "unreadable address"


def _refusal(code: ErrorCode, reason: str, host: str, cause: str) -> SmartError:
    return SmartError(code, f"{host}: {cause}", reason=reason, context={"host": host})


class _Current(threading.local):
    """The call that this thread is making; urllib3 has no way to hand it down."""

    call: CallContext | None = None


_current = _Current()


@contextmanager
def _making(call: CallContext) -> Iterator[CallContext]:
    _current.call = call
    try:
        yield call
    finally:
        _current.call = None


def _call() -> CallContext:
    if _current.call is None:
        raise RuntimeError("a guarded connection is used outside of a Door")
    return _current.call


class _Connection(urllib3.connection.HTTPConnection):
    """Connects to judged addresses only; SNI and certificate check stay on the name."""

    scheme = "http"
    idle_since = 0.0

    @property
    def idle_seconds(self) -> float:
        return time.monotonic() - self.idle_since

    def _new_conn(self) -> socket.socket:
        call = _call()
        connection = guard.open_connection(
            self.host.strip("[]"), self.port, scheme=self.scheme, networks=call.networks, deadline=call.deadline
        )
        call.deadline.watch(connection)
        return connection


class _TlsConnection(_Connection, urllib3.connection.HTTPSConnection):
    scheme = "https"


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    """Keeps connections for whoever calls next, and tells the call's deadline which socket it is on."""

    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> BaseHTTPConnection:
        connection = super()._get_conn(timeout)
        if isinstance(connection, _Connection) and (_call().fresh_only or connection.idle_seconds > IDLE_SECONDS):
            connection.close()
        return connection

    def _validate_conn(self, conn: BaseHTTPConnection) -> None:
        call = _call()
        sock = conn.sock if isinstance(conn, _Connection) else None
        call.reused = sock is not None
        if sock is not None:
            call.deadline.watch(sock)
        super()._validate_conn(conn)

    def _put_conn(self, conn: BaseHTTPConnection | None) -> None:
        # Before anybody else can take it: a late watchdog must not hit the next call.
        if _current.call is not None:
            _current.call.deadline.release()
        if isinstance(conn, _Connection):
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class _TlsPool(_Pool, urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(requests.adapters.HTTPAdapter):
    """`requests` on top of our pools. `send` is left alone: it is what the `responses` library replaces in tests."""

    def __init__(self, ca_bundle: str) -> None:
        self._tls = _tls_context(ca_bundle)
        super().__init__(pool_connections=64, pool_maxsize=64, max_retries=0, pool_block=False)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The authorities are in the TLS context; the original would load the file again for each connection."""


@functools.lru_cache(maxsize=64)
def _tls_context(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=requests.adapters.DEFAULT_CA_BUNDLE_PATH)
    if ca_bundle:
        try:
            folder = os.path.isdir(ca_bundle)
            context.load_verify_locations(**{"capath" if folder else "cafile": ca_bundle})
        except OSError:
            raise SmartError(
                "ehr_unreachable", "the file of certificate authorities cannot be read", reason="tls"
            ) from None
    return context


_building = threading.Lock()


@functools.lru_cache(maxsize=64)
def _adapter(networks: tuple[Network, ...], ca_bundle: str) -> _Adapter:
    """One set of pools for each way of judging: a connection that one registration may use is closed to another."""
    return _Adapter(ca_bundle)


def _start_afresh() -> None:
    """A forked child must not write into its parent's connections, and the lock may be held for ever."""
    global _building
    _building = threading.Lock()
    _adapter.cache_clear()


os.register_at_fork(after_in_child=_start_afresh)


def _send_pooled(request: requests.PreparedRequest, call: CallContext) -> requests.Response:
    with _building:
        adapter = _adapter(call.networks, call.ca_bundle)
    return adapter.send(request, stream=True, timeout=(guard.CONNECT_SECONDS, READ_SECONDS), verify=True, proxies={})


_transport: Transport = _send_pooled


def set_transport(transport: Transport) -> Transport:
    """Put another way of sending in place, for tests without sockets; returns the one before, to be put back."""
    global _transport
    previous, _transport = _transport, transport
    return previous
