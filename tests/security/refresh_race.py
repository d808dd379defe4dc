"""Four processes of two threads each, which see one expired token at the same moment, round after round.

Each of the four is told over its standard input which launch to read and when to go, and says on its standard output
what tokens its threads came to.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs

from launcher.models import Launch
from launcher.refresh import usable_tokens
from launcher.smart.errors import SmartError

PROCESSES = 4
THREADS = 2
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import django; django.setup(); from tests.security import refresh_race; refresh_race.work()"


@dataclass
class TokenEndpoint:
    """A token endpoint that rotates: each refresh token is good once, and it counts how often each one came."""

    port: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    refresh_token: str = "refresh-0"

    def answer(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        sent = form.get("refresh_token", [""])[0]
        # Long enough for the others to come while this one is under way.
        time.sleep(random.uniform(0.002, 0.02))  # noqa: S311  # no secret
        with self.lock:
            self.seen[sent] += 1
            if sent != self.refresh_token:
                return 400, {"error": "invalid_grant"}
            number = len(self.seen)
            self.refresh_token = f"refresh-{number}"
            return 200, {
                "access_token": f"access-{number}",
                "token_type": "Bearer",
                "expires_in": 3600,
                "refresh_token": self.refresh_token,
            }


@contextmanager
def token_endpoint() -> Iterator[TokenEndpoint]:
    endpoint = TokenEndpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = endpoint.answer(parse_qs(body))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Racers:
    """The four processes, seen from the test."""

    def __init__(self, database_url: str) -> None:
        environment = {
            **os.environ,
            "SMARTPORTAL_TEST_DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        self._processes = [
            subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-c", PROGRAM],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]

    def race(self, launch_id: str, *, stagger: float) -> list[dict[str, Any]]:
        """One round: all read the row, then all go at once, or spread over `stagger` seconds."""
        self._tell(launch_id)
        assert self._hear() == ["ready"] * PROCESSES
        self._tell(str(stagger))
        return [result for line in self._hear() for result in json.loads(line)]

    def _tell(self, line: str) -> None:
        for process in self._processes:
            _to(process).write(f"{line}\n")
            _to(process).flush()

    def _hear(self) -> list[str]:
        return [_from(process).readline().strip() for process in self._processes]

    def __enter__(self) -> Racers:
        return self

    def __exit__(self, *args: object) -> None:
        for process in self._processes:
            _to(process).close()
        for process in self._processes:
            process.wait(timeout=20)
            _from(process).close()


def _to(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin is not None
    return process.stdin


def _from(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def work() -> None:
    """One of the four processes."""
    together = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        while launch_id := sys.stdin.readline().strip():
            launches = list(threads.map(_read, [launch_id] * THREADS))
            _say("ready")
            stagger = float(sys.stdin.readline())
            _say(json.dumps(list(threads.map(_use, launches, [together] * THREADS, [stagger] * THREADS))))


def _read(launch_id: str) -> Launch:
    return Launch.objects.select_related("registration__site", "person").get(pk=launch_id)


def _use(launch: Launch, together: threading.Barrier, stagger: float) -> dict[str, Any]:
    together.wait(timeout=10)
    time.sleep(random.uniform(0, stagger))  # noqa: S311  # no secret
    try:
        tokens = usable_tokens(launch)
    except SmartError as error:
        return {"error": f"{error.code} {error.reason}"}
    digest = hashlib.sha256(tokens.access_token.reveal().encode()).hexdigest()
    return {"version": tokens.version, "token": digest}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
