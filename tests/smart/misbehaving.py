"""Servers on 127.0.0.1 that speak HTTP by hand, so that they can do what no HTTP library would."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Handler = Callable[["Visit"], None]


@dataclass
class Visit:
    """One connection, in the server's hands."""

    sock: socket.socket
    number: int
    closing: threading.Event

    def request(self) -> bytes:
        """Read one request with its body; b"" when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += self.sock.recv(65536)
        return head + b"\r\n\r\n" + body

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, *, pause: float = 0.05) -> None:
        """One byte at a time, until the client has had enough."""
        for byte in data:
            if self.closing.wait(pause):
                return
            self.send(bytes([byte]))


@dataclass
class Server:
    """What a test sees of it: where it listens, how many connections came, and what they asked."""

    port: int
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    def url(self, path: str = "", *, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextlib.contextmanager
def serving(handler: Handler, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run `handler` in a thread for each connection; everything is closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    server = Server(port=listener.getsockname()[1], scheme="https" if tls else "http")
    closing = threading.Event()
    threads: list[threading.Thread] = []
    open_sockets: list[socket.socket] = []

    def visit(sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True)
                open_sockets.append(sock)
            handler(Visit(sock, number, closing))
        with contextlib.suppress(OSError):
            sock.close()

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if closing.is_set():
                sock.close()
                return
            server.connections += 1
            open_sockets.append(sock)
            thread = threading.Thread(target=visit, args=(sock, server.connections), daemon=True)
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        closing.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(2)
        for sock in open_sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(2)
        for sock in open_sockets:
            sock.close()


def plain(body: bytes = b"{}", *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    """A well-formed answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.contextmanager
def answering(answer: bytes, *, keep: bool = True, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that gives the same bytes to every request, and notes the requests."""
    lock = threading.Lock()

    def handler(visit: Visit) -> None:
        while asked := visit.request():
            with lock:
                server.requests.append(asked)
            visit.send(answer)
            if not keep:
                return

    with serving(handler, tls=tls) as server:
        yield server


def wait_until(condition: Callable[[], bool], *, seconds: float = 1.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return condition()
