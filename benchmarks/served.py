"""Starts the product as a server runs it (gunicorn, DEBUG off, a database of its own) beside a slow EHR; stops both."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
SLUG = "bench"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Pair:
    """Ports of the product and of the EHR, and the process id of the product's master."""

    product: int
    ehr: int
    pid: int

    @property
    def iss(self) -> str:
        return f"http://{HOST}:{self.ehr}/fhir"

    def tell_ehr(self, **settings: object) -> None:
        """Change the EHR's figures, and forget what it has counted."""
        connection = http.client.HTTPConnection(HOST, self.ehr, timeout=10)
        connection.request("POST", "/control", json.dumps(settings))
        connection.getresponse().read()
        connection.close()


@contextmanager
def served(*, workers: int = 2, threads: int = 16, database: str = "") -> Iterator[Pair]:
    """Both servers, ready; `database` is a DATABASE_URL, an SQLite file of its own when left out."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        product, ehr = _free_port(), _free_port()
        environment = _environment(folder, product, database)
        _manage(environment, "migrate", "--verbosity", "0")
        iss = f"http://{HOST}:{ehr}/fhir"
        _manage(
            environment,
            *("register_ehr", SLUG, "--name", "Slow EHR", "--iss", iss, "--client-id", "bench"),
            *("--auth-method", "none", "--fhir-version", "R4", "--scopes", "launch patient/*.rs"),
        )
        stack.enter_context(_running(ehr, [sys.executable, "-m", "benchmarks.slow_ehr", str(ehr)], environment))
        gunicorn = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"{HOST}:{product}"),
            *("--workers", str(workers), "--threads", str(threads)),
        ]
        pid = stack.enter_context(_running(product, gunicorn, environment))
        yield Pair(product, ehr, pid)


def _environment(folder: Path, port: int, database: str) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "smartportal.settings",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "SMARTPORTAL_FIELD_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "SMARTPORTAL_BASE_URL": f"http://{HOST}:{port}",
        "ALLOWED_HOSTS": HOST,
        "SMARTPORTAL_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SMARTPORTAL_METRICS_NETWORKS": "127.0.0.0/8",
        "DATABASE_URL": database or f"sqlite:///{folder / 'bench.sqlite3'}",
        "CACHE_URL": "locmemcache://",
    }


def _manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(port: int, command: list[str], environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and modules
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing answers on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
