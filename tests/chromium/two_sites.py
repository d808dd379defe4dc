"""Two sites with TLS on loopback: the product behind a terminator, and an EHR's pages that show it in frames.

The product answers at an IP address, so that its own process needs no name server to reach its simulated EHRs; the
EHR and a stranger have names, which the browser is told to look for on this machine.
"""

from __future__ import annotations

import contextlib
import datetime
import html
import ipaddress
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

EHR = "ehr.example"
STRANGER = "stranger.example"
ARGUMENTS = (f"--host-resolver-rules=MAP {EHR} 127.0.0.1, MAP {STRANGER} 127.0.0.1",)
CONTROL = {"plain": "Secure; SameSite=None", "partitioned": "Secure; SameSite=None; Partitioned"}
"""Two cookies of the stranger: which of them come back in the EHR's frame shows what the browser blocks."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A file with a certificate for all hosts here, which is its own authority, and one with key and certificate."""

    authority: Path
    chain: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain)
        return context


def make_certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smartportal tests")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(EHR), x509.DNSName(STRANGER)]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = Certificate(folder / "authority.pem", folder / "chain.pem")
    made.authority.write_bytes(certificate)
    made.chain.write_bytes(secret + certificate)
    return made


class _Server(socketserver.ThreadingTCPServer):
    """Takes TLS connections; the handshake is left to the connection's own thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, handler: type[socketserver.BaseRequestHandler], context: ssl.SSLContext, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.context = context
        self.behind = behind

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers drop connections whenever they like."""


class _Terminator(socketserver.BaseRequestHandler):
    """Passes the bytes of one connection on to the plain server behind, in one thread: TLS objects bear no two."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        self.request.do_handshake()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.behind)) as inner:
            _pass_on(self.request, inner)


def _pass_on(outer: ssl.SSLSocket, inner: socket.socket) -> None:
    while True:
        ready = [outer] if outer.pending() else select.select([outer, inner], [], [])[0]
        for source in ready:
            received = source.recv(65536)
            if not received:
                return
            (inner if source is outer else outer).sendall(received)


class _OtherSites(BaseHTTPRequestHandler):
    """`/frames?address=…` shows each address in a frame; `/try` sets the control cookies and says what came back."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/try":
            self._answer("", moved="/came", cookies=[f"{name}=1; {rest}" for name, rest in CONTROL.items()])
        elif url.path == "/came":
            names = sorted(part.partition("=")[0].strip() for part in self.headers.get("Cookie", "").split(";"))
            self._answer(f"<p>{' '.join(name for name in names if name)}</p>")
        else:
            frames = parse_qs(url.query).get("address", [])
            self._answer(
                "".join(f'<iframe width=800 height=700 src="{html.escape(each)}"></iframe>' for each in frames)
            )

    def _answer(self, body: str, *, moved: str = "", cookies: list[str] | None = None) -> None:
        page = f"<!DOCTYPE html><html lang=en><title>EHR</title><link rel=icon href=data:,>{body}".encode()
        self.send_response(302 if moved else 200)
        for name, value in [("Location", moved)] if moved else []:
            self.send_header(name, value)
        for cookie in cookies or []:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def terminating(certificate: Certificate, behind: int) -> Iterator[int]:
    """The port at which the plain server on port `behind` answers with TLS."""
    with _running(_Server(_Terminator, certificate.context(), behind)) as port:
        yield port


@contextmanager
def other_sites(certificate: Certificate) -> Iterator[int]:
    """The port at which the EHR and the stranger answer."""
    with _running(_Server(_OtherSites, certificate.context(), 0)) as port:
        yield port


@contextmanager
def _running(server: _Server) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
