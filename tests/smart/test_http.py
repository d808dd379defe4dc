"""The door over real sockets: where it goes, what it refuses, and that nothing holds it up."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime
from functools import partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3 import HTTPResponse
from urllib3.connectionpool import HTTPConnectionPool

from launcher.smart import guard, http
from launcher.smart.deadline import Deadline
from launcher.smart.errors import SmartError
from launcher.smart.http import Answer, Door
from launcher.smart.secret import Secret
from tests.smart.misbehaving import Server, Visit, answering, plain, serving, wait_until

LOOPBACK = ip_network("127.0.0.0/8")
JSON = "application/json"
TOKEN = Secret("tok-en")


@pytest.fixture(autouse=True)
def _no_kept_connections() -> Iterator[None]:
    yield
    http._adapter.cache_clear()


def door_to(server: Server, path: str = "/fhir", **more: Any) -> Door:
    return Door(**{"fhir_base": server.url(path), "networks": [LOOPBACK], **more})


def fetch(door: Door, url: str, *, seconds: float = 2.0, max_bytes: int = 65536) -> Answer:
    return door.get(url, accept=JSON, max_bytes=max_bytes, failure="discovery_failed", seconds=seconds)


def refused(call: Callable[..., object], *args: Any, **kwargs: Any) -> tuple[str, str]:
    """Code and reason of the refusal; what is raised must hold no secret, in its text or in what hangs on to it."""
    with pytest.raises(SmartError) as caught:
        call(*args, **kwargs)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    for hidden in ("tok-en", "secret", "patient-7"):
        assert hidden not in f"{error} {error.description} {dict(error.context)}"
    return error.code, error.reason


# --- what comes back


def test_an_answer_carries_status_headers_and_body_whatever_the_status() -> None:
    with answering(plain(b'{"a":1}', status="404 Not Found", headers=("X-Thing: 1", "x-thing: 2"))) as server:
        answer = fetch(door_to(server), server.url("/fhir/x?a=b"))
    assert (answer.status, answer.body, answer.url) == (404, b'{"a":1}', server.url("/fhir/x?a=b"))
    assert answer.headers["x-thing"] == "1, 2"
    assert answer.content_type == "application/json"
    assert server.requests[0].startswith(b"GET /fhir/x?a=b HTTP/1.1\r\n")


def test_the_body_and_the_url_of_an_answer_do_not_print() -> None:
    answer = Answer(200, {"set-cookie": "secret"}, b"secret", "https://one.test/Patient/secret")
    assert "secret" not in repr(answer)


@pytest.mark.parametrize(
    ("header", "bare"),
    [("Application/FHIR+JSON; charset=utf-8", "application/fhir+json"), ("", ""), (" text/html ;x", "text/html")],
)
def test_the_content_type_is_bare_and_lower_case(header: str, bare: str) -> None:
    assert Answer(200, {"content-type": header}, b"", "").content_type == bare


def http_date(seconds: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("0", 0), ("86401", 86400), ("9" * 5000, 86400), ("-1", None), ("soon", None), ("", None),
     ("1.5", None), ("١", None), ("Wed, 99 Foo 2020", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
     ("Wed, 21 Oct 2015 07:28:00", 0), ("Wed, 21 Oct 9000 07:28:00 GMT", 86400)],
)  # fmt: skip
def test_retry_after_is_seconds_or_nothing(header: str, seconds: int | None) -> None:
    assert Answer(503, {"retry-after": header}, b"", "").retry_after == seconds


def test_retry_after_may_be_a_date() -> None:
    waits = Answer(503, {"retry-after": http_date(90)}, b"", "").retry_after
    assert waits is not None
    assert 85 <= waits <= 91
    assert Answer(503, {}, b"", "").retry_after is None


# --- where it goes


def test_only_the_origin_of_the_base_and_approved_ones_are_approved() -> None:
    door = Door(fhir_base="https://fhir.one.test/r4", approved_origins=["https://login.one.test/x", "nonsense", ""])
    for url in ("https://fhir.one.test/token", "https://LOGIN.one.test:443/token?x=1", "https://login.one.test"):
        assert door.approves(url)
    for url in ("http://login.one.test/", "https://login.one.test:444/", "https://login.one.test.evil.test/",
                "https://login.one.test@evil.test/", "https://one.test/", "nonsense", "", "javascript:1"):  # fmt: skip
        assert not door.approves(url)


def test_an_unapproved_host_is_refused_without_look_up_or_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_resolver(*_: object, **__: object) -> None:
        raise AssertionError("a look-up was made")

    monkeypatch.setattr(socket, "getaddrinfo", no_resolver)
    with answering(plain()) as server, answering(plain()) as other:
        door = door_to(server)
        secret = [("client_secret", "secret"), ("code", "secret")]
        for url in (
            other.url("/token"),
            server.url("/token", host="localhost"),
            "http://evil.test/token",
            server.url("/token").replace("127.0.0.1", "127.0.0.1@evil.test"),
            server.url("/token#x"),
        ):
            assert refused(fetch, door, url) == ("discovery_failed", "host_unapproved")
            assert refused(
                door.post_form,
                url,
                secret,
                max_bytes=99,
                failure="token_unreadable",
                authorization=Secret("Basic secret"),
            ) == ("token_unreadable", "host_unapproved")
            assert refused(door.get_fhir, url, token=TOKEN, accept=JSON) == (
                "patient_unavailable",
                "host_unapproved",
            )
        assert (server.connections, other.connections) == (0, 0)


@pytest.mark.parametrize(
    "path",
    ["/b/r4/Patient/1", "/a/r4x/Patient/1", "/a/r4/../../b/r4", "/a/r4/%2e%2e/%2e%2e/b/r4", "/a/r4/..%2f..%2fb/r4",
     "/a/r4/..%5c..%5cb", "/a/r4/..;/..;/b/r4", "/a/r4/%252e%252e/b", "/a", "/token"],
)  # fmt: skip
def test_the_token_never_goes_beside_the_fhir_base(path: str) -> None:
    with answering(plain()) as server:
        door = door_to(server, "/a/r4")
        assert refused(door.get_fhir, server.url(path), token=TOKEN, accept=JSON) == (
            "patient_unavailable",
            "host_unapproved",
        )
    assert server.connections == 0


def test_fhir_requests_carry_token_and_correlation_and_others_carry_neither() -> None:
    with answering(plain()) as server:
        door = door_to(server)
        door.get_fhir(server.url("/fhir/Patient/7"), token=TOKEN, accept="application/fhir+json", correlation_id="abc")
        door.get_fhir(server.url("/fhir/Patient/8"), token=None, accept=JSON)
        fetch(door, server.url("/fhir/Patient/9"))
    with_token, without, public = server.requests
    assert b"\r\nAuthorization: Bearer tok-en\r\n" in with_token
    assert b"\r\nX-Request-Id: abc\r\n" in with_token
    assert b"\r\nAccept: application/fhir+json\r\n" in with_token
    for request in (without, public):
        assert b"authorization" not in request.lower()
        assert b"x-request-id" not in request.lower()


def test_a_form_is_posted_once_with_its_headers() -> None:
    with answering(plain()) as server:
        door_to(server).post_form(
            server.url("/token"),
            [("grant_type", "authorization_code"), ("code", "ä&=")],
            headers={"X-Extra": "1"},
            authorization=Secret("Basic eA=="),
            max_bytes=99,
            failure="token_unreadable",
        )
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == b"grant_type=authorization_code&code=%C3%A4%26%3D"
    for line in (b"POST /token HTTP/1.1", b"Content-Type: application/x-www-form-urlencoded", b"X-Extra: 1",
                 b"Accept: application/json", b"Authorization: Basic eA=="):  # fmt: skip
        assert line in head.split(b"\r\n")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: secret", "secret\n", "sécret", "secret\x00"])
def test_a_header_that_is_not_printable_ascii_is_not_sent(value: str) -> None:
    with answering(plain()) as server:
        door = door_to(server)
        assert refused(door.get_fhir, server.url("/fhir/x"), token=Secret(value), accept=JSON) == (
            "patient_unavailable",
            "header",
        )
    assert server.connections == 0


@pytest.mark.parametrize("status", ["300 X", "301 Moved", "302 Found", "303 See", "304 Not", "307 T", "308 P", "399 X"])
def test_a_redirect_is_refused_and_nobody_follows_it(status: str) -> None:
    with answering(plain()) as elsewhere:
        location = f"Location: {elsewhere.url('/steal')}"
        with answering(plain(b"", status=status, headers=(location,))) as server:
            door = door_to(server, approved_origins=[elsewhere.url()])
            assert refused(fetch, door, server.url("/fhir/x")) == ("discovery_failed", "redirect")
            assert refused(door.get_fhir, server.url("/fhir/x"), token=TOKEN, accept=JSON) == (
                "patient_unavailable",
                "redirect",
            )
            assert refused(door.post_form, server.url("/t"), [("code", "secret")], max_bytes=9, failure="internal") == (
                "internal",
                "redirect",
            )
            assert len(server.requests) == 3
    assert elsewhere.connections == 0


def test_cookies_are_never_sent_back() -> None:
    with answering(plain(headers=("Set-Cookie: ehr=provider-a; Path=/",))) as server:
        door = door_to(server)
        fetch(door, server.url("/fhir/x"))
        fetch(door, server.url("/fhir/x"))
        fetch(door_to(server), server.url("/fhir/x"))
    assert len(server.requests) == 3
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_proxies_netrc_and_bundles_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login secret password secret\n")
    with answering(plain()) as server, answering(plain()) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("NETRC", str(netrc))
        fetch(door_to(server), server.url("/fhir/x"))
    assert proxy.connections == 0
    assert b"authorization" not in server.requests[0].lower()


# --- the address guard


def test_loopback_is_refused_unless_it_is_named() -> None:
    with answering(plain()) as server:
        door = door_to(server, networks=[])
        assert refused(fetch, door, server.url("/fhir/x")) == ("ehr_address_forbidden", "address")
        assert fetch(door_to(server), server.url("/fhir/x")).status == 200
        assert refused(fetch, door, server.url("/fhir/x")) == ("ehr_address_forbidden", "address")
    assert server.connections == 1


def resolver(*answers: list[str]) -> Callable[..., list[Any]]:
    """A getaddrinfo that gives one list of addresses after the other, and the last for ever."""
    left = list(answers)

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[Any]:
        now = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port)) for ip in now]

    return getaddrinfo


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104 - an example, nothing binds to it
     "fd00::1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "ff02::1"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_name_with_a_private_address_is_refused_even_beside_a_public_one(
    monkeypatch: pytest.MonkeyPatch, scheme: str, address: str
) -> None:
    door = Door(fhir_base=f"{scheme}://ehr.test/fhir")
    monkeypatch.setattr(guard, "_connect_one", lambda *_: pytest.fail("a connection was made"))
    for found in ([address], ["8.8.8.8", address], [address, "8.8.8.8"]):
        monkeypatch.setattr(socket, "getaddrinfo", resolver(found))
        assert refused(fetch, door, f"{scheme}://ehr.test/fhir/x") == ("ehr_address_forbidden", "address")


def test_a_public_address_is_refused_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["8.8.8.8"]))
    door = Door(fhir_base="http://ehr.test/fhir", networks=[LOOPBACK])
    assert refused(fetch, door, "http://ehr.test/fhir/x") == ("ehr_address_forbidden", "address")


@pytest.mark.parametrize("spelling", ["2130706433", "0177.0.0.1", "0x7f000001", "127.1"])
def test_odd_spellings_of_loopback_are_judged_by_what_they_resolve_to(spelling: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Door(fhir_base=f"http://{spelling}/fhir")
    with Deadline(1) as deadline, pytest.raises(SmartError) as caught:
        guard.open_connection(spelling, 1, scheme="https", networks=[], deadline=deadline)
    assert caught.value.code == "ehr_address_forbidden"


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(plain()) as server:
        door = door_to(server, networks=[ip_network("127.0.0.1/32")], fhir_base=server.url("/fhir", host="ehr.test"))
        monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.1"], ["127.0.0.2"]))
        assert fetch(door, server.url("/fhir/x", host="ehr.test")).status == 200
        http._adapter.cache_clear()
        assert refused(fetch, door, server.url("/fhir/x", host="ehr.test")) == ("ehr_address_forbidden", "address")
    assert f"Host: ehr.test:{server.port}".encode() in server.requests[0]
    assert server.connections == 1


def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(plain()) as server:
        monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.9", "127.0.0.1"]))
        door = door_to(server, fhir_base=server.url("/fhir", host="ehr.test"))
        assert fetch(door, server.url("/fhir/x", host="ehr.test")).status == 200


# --- what goes wrong on the way


def test_nobody_listening_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    door = Door(fhir_base=f"http://127.0.0.1:{port}/", networks=[LOOPBACK])
    assert refused(fetch, door, f"http://127.0.0.1:{port}/x") == ("ehr_unreachable", "refused")


def test_a_name_that_does_not_resolve_is_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "patient-7")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    door = Door(fhir_base="https://ehr.test/fhir")
    assert refused(fetch, door, "https://ehr.test/fhir/patient-7") == ("ehr_unreachable", "dns")


def test_a_resolver_that_hangs_has_its_own_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    wake = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: wake.wait(5))
    monkeypatch.setattr(guard, "DNS_SECONDS", 0.1)
    door = Door(fhir_base="https://ehr.test/fhir")
    started = time.monotonic()
    assert refused(fetch, door, "https://ehr.test/fhir/x", seconds=3) == ("ehr_unreachable", "dns")
    assert time.monotonic() - started < 1.5
    wake.set()


def test_an_address_that_does_not_answer_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "CONNECT_SECONDS", 0.15)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        door = Door(fhir_base=f"http://127.0.0.1:{port}/", networks=[LOOPBACK])
        started = time.monotonic()
        assert refused(fetch, door, f"http://127.0.0.1:{port}/x") == ("ehr_unreachable", "timeout")
        assert time.monotonic() - started < 1.5
        for sock in waiting:
            sock.close()


def drips_headers(visit: Visit) -> None:
    visit.request()
    visit.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 500)


def drips_body(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    visit.drip(b"a" * 500)


def drips_until_close(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
    visit.drip(b"a" * 500)


def drips_chunks(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    visit.drip(b"1\r\na\r\n" * 100)


def drips_interim_answers(visit: Visit) -> None:
    visit.request()
    while not visit.closing.wait(0.02):
        visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def drips_into_the_handshake(visit: Visit) -> None:
    visit.drip(b"\x16\x03\x03\x40\x00\x02" + b"a" * 500)


def says_nothing(visit: Visit) -> None:
    visit.closing.wait(5)


@pytest.mark.parametrize(
    "handler",
    [drips_headers, drips_body, drips_until_close, drips_chunks, drips_interim_answers, says_nothing,
     drips_into_the_handshake],
)  # fmt: skip
def test_the_deadline_is_for_the_call_in_total(handler: Callable[[Visit], None]) -> None:
    with serving(handler) as server:
        server.scheme = "https" if handler is drips_into_the_handshake else "http"
        started = time.monotonic()
        assert refused(fetch, door_to(server), server.url("/fhir/x"), seconds=0.3) == ("ehr_unreachable", "timeout")
        assert 0.25 < time.monotonic() - started < 1.5


def test_a_single_read_has_its_own_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.1)
    with serving(says_nothing) as server:
        started = time.monotonic()
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("ehr_unreachable", "timeout")
        assert time.monotonic() - started < 1.5


def test_a_late_call_does_not_hurt_those_after_it() -> None:
    def handler(visit: Visit) -> None:
        while asked := visit.request():
            if b"/slow" in asked:
                visit.closing.wait(0.25)
            visit.send(plain())

    with serving(handler) as server:
        door = door_to(server)
        assert fetch(door, server.url("/fhir/x"), seconds=0.3).status == 200
        time.sleep(0.2)
        # The first call's deadline passes while the second is on the same connection.
        assert fetch(door, server.url("/fhir/slow"), seconds=1).status == 200
        assert refused(fetch, door, server.url("/fhir/slow"), seconds=0.1)[1] == "timeout"
        assert fetch(door, server.url("/fhir/x"), seconds=1).status == 200
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        b"HTTP/1.1 2",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n"
        + gzip.compress(b"abcdefgh", mtime=0)[:12],
    ],
)
def test_an_answer_that_breaks_off_or_is_not_http_is_broken(answer: bytes) -> None:
    with answering(answer, keep=False) as server:
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("ehr_unreachable", "broken")
        assert server.connections == 1


def test_a_reset_in_mid_body_is_broken() -> None:
    def handler(visit: Visit) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        visit.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(handler) as server:
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("ehr_unreachable", "broken")


# --- sizes and encodings


def test_the_size_limit_is_exact() -> None:
    for length, fits in ((999, True), (1000, True), (1001, False)):
        body = os.urandom(length)
        packed = plain(gzip.compress(body), headers=("Content-Encoding: gzip",))
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (length, body)
        for answer in (plain(body), packed, chunked):
            with answering(answer) as server:
                door, url = door_to(server), server.url("/fhir/x")
                if fits:
                    assert fetch(door, url, max_bytes=1000).body == body
                else:
                    assert refused(fetch, door, url, max_bytes=1000) == ("discovery_failed", "too_large")


def test_an_endless_body_is_cut_at_the_limit() -> None:
    sent = 0

    def handler(visit: Visit) -> None:
        nonlocal sent
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not visit.closing.is_set():
            visit.send(b"a" * 65536)
            sent += 65536

    with serving(handler) as server:
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("discovery_failed", "too_large")
        assert wait_until(lambda: sent < 32 * 1024 * 1024)


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1024 * 1024)
    return b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()])


def test_a_gzip_bomb_is_refused_in_little_memory_and_time() -> None:
    packed = bomb(200)
    assert len(packed) < 250_000
    with answering(plain(packed, headers=("Content-Encoding: gzip",))) as server:
        door = door_to(server)
        started = time.process_time()
        tracemalloc.start()
        try:
            call = partial(door.get_fhir, server.url("/fhir/x"), token=TOKEN, accept=JSON)
            assert refused(call) == ("patient_unavailable", "too_large")
            assert refused(fetch, door, server.url("/fhir/x")) == ("discovery_failed", "too_large")
            assert tracemalloc.get_traced_memory()[1] < 24 * 1024 * 1024
        finally:
            tracemalloc.stop()
        assert time.process_time() - started < 3


def test_stuffing_that_unpacks_to_nothing_is_too_large_as_well() -> None:
    nothing = gzip.compress(b"") * 10_000
    with_length = plain(nothing, headers=("Content-Encoding: gzip",))
    without = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + nothing
    for answer in (with_length, without):
        with answering(answer, keep=False) as server:
            assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("discovery_failed", "too_large")


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP", "identity, gzip"])
def test_one_gzip_is_undone(name: str) -> None:
    two_members = gzip.compress(b'{"a":') + gzip.compress(b"1}")
    with answering(plain(two_members, headers=(f"Content-Encoding: {name}",))) as server:
        assert fetch(door_to(server), server.url("/fhir/x")).body == b'{"a":1}'
    assert b"\r\nAccept-Encoding: gzip\r\n" in server.requests[0]


def test_an_empty_body_may_call_itself_gzip() -> None:
    with answering(b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n") as server:
        answer = fetch(door_to(server), server.url("/fhir/x"))
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("name", ["br", "zstd", "deflate", "gzip, gzip", ", ".join(["gzip"] * 50), "compress", "x"])
def test_any_other_encoding_is_refused(name: str) -> None:
    with answering(plain(gzip.compress(b"{}"), headers=(f"Content-Encoding: {name}",))) as server:
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("discovery_failed", "encoding")


def test_the_encoding_may_not_be_doubled_by_two_headers() -> None:
    headers = ("Content-Encoding: gzip", "Content-Encoding: gzip")
    with answering(plain(gzip.compress(gzip.compress(b"{}")), headers=headers)) as server:
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("discovery_failed", "encoding")


# --- TLS


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A self-signed certificate for 127.0.0.1 and ehr.test, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ehr.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("ehr.test"), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle, secret = folder / "ca.pem", folder / "key.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, secret)
    return SimpleNamespace(bundle=str(bundle), context=context)


def test_a_certificate_is_trusted_with_its_authority_alone(tls: SimpleNamespace) -> None:
    with answering(plain(), tls=tls.context) as server:
        trusting = door_to(server, ca_bundle=tls.bundle)
        assert fetch(trusting, server.url("/fhir/x")).status == 200
        assert fetch(trusting, server.url("/fhir/y")).status == 200
        assert server.connections == 1
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("ehr_unreachable", "tls")
        assert len(server.requests) == 2


def test_the_certificate_is_checked_against_the_name_and_not_the_address(
    tls: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    tls.context.sni_callback = lambda _sock, name, _context: asked.append(name)
    monkeypatch.setattr(socket, "getaddrinfo", resolver(["127.0.0.1"]))
    with answering(plain(), tls=tls.context) as server:
        right = door_to(server, ca_bundle=tls.bundle, fhir_base=server.url("/fhir", host="ehr.test"))
        assert fetch(right, server.url("/fhir/x", host="ehr.test")).status == 200
        wrong = door_to(server, ca_bundle=tls.bundle, fhir_base=server.url("/fhir", host="other.test"))
        assert refused(fetch, wrong, server.url("/fhir/x", host="other.test")) == ("ehr_unreachable", "tls")
        assert len(server.requests) == 1
    assert asked == ["ehr.test", "other.test"]
    tls.context.sni_callback = None


def test_a_late_answer_over_tls_is_cut_too(tls: SimpleNamespace) -> None:
    with serving(drips_body, tls=tls.context) as server:
        started = time.monotonic()
        door = door_to(server, ca_bundle=tls.bundle)
        assert refused(fetch, door, server.url("/fhir/x"), seconds=0.3) == ("ehr_unreachable", "timeout")
        assert time.monotonic() - started < 1.5


def test_a_server_without_tls_and_a_bundle_that_is_missing_are_tls_failures(tmp_path: Path) -> None:
    with answering(plain()) as server:
        server.scheme = "https"
        sends_first = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        missing = door_to(server, ca_bundle=str(tmp_path / "none.pem"))
        assert refused(fetch, missing, server.url("/fhir/x")) == ("ehr_unreachable", "tls")
        assert server.connections == 0
    with serving(lambda visit: visit.send(sends_first)) as server:
        server.scheme = "https"
        assert refused(fetch, door_to(server), server.url("/fhir/x")) == ("ehr_unreachable", "tls")


# --- connections


def test_two_calls_of_two_doors_use_one_connection() -> None:
    with answering(plain()) as server:
        for _ in range(3):
            fetch(door_to(server), server.url("/fhir/x"))
            door_to(server).get_fhir(server.url("/fhir/y"), token=TOKEN, accept=JSON)
    assert len(server.requests) == 6
    assert server.connections == 1


def test_a_connection_of_wider_networks_is_not_lent_to_narrower_ones() -> None:
    with answering(plain()) as server:
        fetch(door_to(server), server.url("/fhir/x"))
        narrow = door_to(server, networks=[ip_network("10.0.0.0/8")])
        assert refused(fetch, narrow, server.url("/fhir/x")) == ("ehr_address_forbidden", "address")


def closes_at_the_second_request(visit: Visit) -> None:
    visit.request()
    visit.send(plain())
    visit.request()


def test_a_kept_connection_that_turns_out_closed_is_replaced_once_for_a_get() -> None:
    with serving(closes_at_the_second_request) as server:
        door = door_to(server)
        assert fetch(door, server.url("/fhir/x")).status == 200
        assert fetch(door, server.url("/fhir/x")).status == 200
        assert server.connections == 2


def test_a_form_is_not_posted_twice_whatever_happens() -> None:
    with serving(closes_at_the_second_request) as server:
        door = door_to(server)

        def post() -> Answer:
            return door.post_form(server.url("/t"), [("code", "secret")], max_bytes=99, failure="code_rejected")

        assert post().status == 200
        assert refused(post) == ("ehr_unreachable", "broken")
        assert server.connections == 1
        assert post().status == 200


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(plain()) as server:
        door = door_to(server)
        fetch(door, server.url("/fhir/x"))
        monkeypatch.setattr(http, "IDLE_SECONDS", -1.0)
        fetch(door, server.url("/fhir/x"))
    assert server.connections == 2


def test_an_answer_that_was_refused_does_not_leave_its_rest_to_the_next() -> None:
    def handler(visit: Visit) -> None:
        while asked := visit.request():
            visit.send(plain(b"x" * 5000) if b"/big" in asked else plain(b'"mine"'))

    with serving(handler) as server:
        door = door_to(server)
        for _ in range(3):
            assert refused(fetch, door, server.url("/fhir/big"), max_bytes=1000)[1] == "too_large"
            assert fetch(door, server.url("/fhir/x"), max_bytes=1000).body == b'"mine"'


def test_a_connection_is_let_go_by_the_watchdog_before_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    original = HTTPConnectionPool._put_conn
    watched: list[bool] = []

    def put(pool: HTTPConnectionPool, connection: Any) -> None:
        assert http._current.call is not None
        watched.append(http._current.call.deadline.watching)
        original(pool, connection)

    monkeypatch.setattr(HTTPConnectionPool, "_put_conn", put)
    with answering(plain()) as server:
        fetch(door_to(server), server.url("/fhir/x"))
    assert watched == [False]


def test_a_deadline_that_let_go_of_a_socket_does_not_shut_it_down() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(5) as deadline:
        deadline.watch(ours)
        assert deadline.watching
        deadline.release()
        deadline.fire()
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
        assert deadline.expired
        deadline.watch(ours)
        assert theirs.recv(1) == b""


def test_one_door_serves_many_threads() -> None:
    def handler(visit: Visit) -> None:
        while asked := visit.request():
            visit.send(plain(asked.split(b" ")[1]))

    with serving(handler) as server:
        door = door_to(server)

        def one(number: int) -> bool:
            url = server.url(f"/fhir/{number}")
            return door.get_fhir(url, token=TOKEN, accept=JSON, seconds=5).body == f"/fhir/{number}".encode()

        with ThreadPoolExecutor(32) as threads:
            assert all(threads.map(one, range(256)))
        assert server.connections <= 32


def test_calls_leave_no_descriptors_and_no_extra_threads_behind() -> None:
    with serving(drips_body) as server, answering(plain()) as good:
        fetch(door_to(good), good.url("/fhir/x"))
        with pytest.raises(SmartError):
            fetch(door_to(server), server.url("/fhir/x"), seconds=0.05)
        threads = {thread.name for thread in threading.enumerate()}
        assert "outgoing-deadlines" in threads
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            fetch(door_to(good), good.url("/fhir/x"))
        assert len(os.listdir("/proc/self/fd")) == before
        assert sum(thread.name == "outgoing-deadlines" for thread in threading.enumerate()) == 1


FORKING = """
import os, sys, time
from ipaddress import ip_network
from launcher.smart.http import Door
door = Door(fhir_base=sys.argv[1], networks=[ip_network("127.0.0.0/8")])
def ask(path, seconds):
    try:
        door.get(sys.argv[1] + path, accept="*/*", max_bytes=99, failure="internal", seconds=seconds)
    except Exception as error:
        return getattr(error, "reason", repr(error))
    return "ok"
first = ask("/parent", 2)
child = os.fork()
if child == 0:
    started = time.monotonic()
    came = (ask("/child", 2), ask("/slow", 0.2))
    os._exit(0 if came == ("ok", "timeout") and time.monotonic() - started < 3 else 1)
print(first, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ask("/parent", 2))
"""


def test_a_forked_worker_has_its_own_connections_and_its_own_watchdog() -> None:
    asked: list[tuple[int, bytes]] = []

    def handler(visit: Visit) -> None:
        while request := visit.request():
            asked.append((visit.number, request.split()[1]))
            if b"/slow" in request:
                visit.closing.wait(5)
            visit.send(plain())

    with serving(handler) as server:
        done = subprocess.run(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-c", FORKING, server.url()], capture_output=True, text=True, timeout=10, check=True
        )
    assert done.stdout.split() == ["ok", "0", "ok"]
    assert asked == [(1, b"/parent"), (2, b"/child"), (2, b"/slow"), (1, b"/parent")]


# --- seams for tests


@responses.activate
def test_the_mocking_library_can_stand_in_for_the_network() -> None:
    responses.get("https://ehr.test/fhir/Patient/7", json={"id": "7"}, headers={"Retry-After": "5"})
    responses.get("https://ehr.test/fhir/big", body="x" * 100)
    responses.get("https://ehr.test/fhir/moved", status=302, headers={"Location": "https://ehr.test/fhir/big"})
    responses.get("https://ehr.test/fhir/down", body=requests.ConnectionError("patient-7"))
    responses.get("https://ehr.test/fhir/slow", body=requests.ReadTimeout("patient-7"))
    door = Door(fhir_base="https://ehr.test/fhir")
    answer = door.get_fhir("https://ehr.test/fhir/Patient/7", token=TOKEN, accept=JSON)
    assert (answer.body, answer.retry_after) == (b'{"id": "7"}', 5)
    assert responses.calls[0].request.headers["Authorization"] == "Bearer tok-en"
    assert refused(fetch, door, "https://ehr.test/fhir/big", max_bytes=99)[1] == "too_large"
    assert refused(fetch, door, "https://ehr.test/fhir/moved")[1] == "redirect"
    assert refused(fetch, door, "https://ehr.test/fhir/down") == ("ehr_unreachable", "broken")
    assert refused(fetch, door, "https://ehr.test/fhir/slow") == ("ehr_unreachable", "timeout")
    assert len(responses.calls) == 5


def test_the_transport_can_be_replaced_and_put_back() -> None:
    given: list[requests.Response] = []

    def transport(request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url = 200, str(request.url)
        response.raw = HTTPResponse(body=io.BytesIO(b"x" * 100), status=200, preload_content=False)
        given.append(response)
        return response

    previous = http.set_transport(transport)
    try:
        door = Door(fhir_base="https://ehr.test/fhir")
        assert fetch(door, "https://ehr.test/fhir/x").body == b"x" * 100
        assert refused(fetch, door, "https://ehr.test/fhir/x", max_bytes=99) == ("discovery_failed", "too_large")
        assert refused(fetch, door, "https://evil.test/fhir/x")[1] == "host_unapproved"
    finally:
        assert http.set_transport(previous) is transport
    assert [response.url for response in given] == ["https://ehr.test/fhir/x"] * 2
    assert all(response.raw.closed for response in given)


def test_no_library_writes_addresses_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    malformed = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nbroken header\r\n\r\n{}"
    with answering(malformed, keep=False) as server:
        door_to(server).get_fhir(server.url("/fhir/Condition?patient=patient-7"), token=TOKEN, accept=JSON)
    assert "patient-7" not in caplog.text
