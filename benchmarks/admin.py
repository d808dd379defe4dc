"""How long the staff wait for the admin of a large installation: `make bench-admin`.

In a PostgreSQL database of its own, with 500 registrations, 15,000 check runs and a million each of launches, traces
and audit events, every page is asked for through Django's whole stack and has to come within a bound of time and of
queries. The database is made beside that of TEST_POSTGRES_URL and dropped at the end.
"""

from __future__ import annotations

import argparse
import base64
import logging
import os
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client

from benchmarks.admin_rows import REFERENCE, TRACE, fill

BOUND_MS = 300
BOUND_QUERIES = 25
HOST = "127.0.0.1"
_ADMIN = "/admin/launcher"


@dataclass(frozen=True, slots=True)
class Page:
    """An address of the admin, and a text that shows that it has found what it was to find."""

    name: str
    url: str
    shows: str


class _Counter:
    """Counts the statements that are sent to the database."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.queries += 1
        return execute(*arguments)


PAGES = (
    Page("dashboard", "/admin/", 'data-state="failing"'),
    Page("EHRs", f"{_ADMIN}/ehrregistration/", "Clinic "),
    Page("EHRs, filtered and searched", f"{_ADMIN}/ehrregistration/?state=failing&q=clinic", "Clinic "),
    Page("EHRs, sorted by last launch", f"{_ADMIN}/ehrregistration/?o=-4", "Clinic "),
    Page("checks", f"{_ADMIN}/checkrun/", "warn"),
    Page("launch history", f"{_ADMIN}/launchtrace/", "opened"),
    Page("launch history, failed at one EHR", f"{_ADMIN}/launchtrace/?outcome__exact=failed&ehr=clinic-7", "failed"),
    Page("launch history, last page", f"{_ADMIN}/launchtrace/?p=200", "opened"),
    Page("launch history, by reference", f"{_ADMIN}/launchtrace/?q={REFERENCE}", REFERENCE),
    Page("one launch", f"{_ADMIN}/launchtrace/{TRACE}/change/", REFERENCE),
    Page("sessions", f"{_ADMIN}/launch/", "Clinic "),
    Page("sessions, by reference", f"{_ADMIN}/launch/?q={REFERENCE}", REFERENCE),
    Page("audit", f"{_ADMIN}/auditevent/", "launch.received"),
    Page("audit, by reference", f"{_ADMIN}/auditevent/?q={REFERENCE}", REFERENCE),
    Page("audit, one event at one EHR", f"{_ADMIN}/auditevent/?event=token.failed&registration=clinic-7", "token"),
)


@contextmanager
def database_of_its_own() -> Iterator[str]:
    """A new PostgreSQL database; gives its DATABASE_URL."""
    base = os.environ.get("TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/test")
    name = f"smartportal_bench_{secrets.token_hex(4)}"
    server = urlunsplit(urlsplit(base)._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(base)._replace(path=f"/{name}"))
        finally:
            session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _set_up(database: str) -> None:
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "smartportal.settings",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "SMARTPORTAL_FIELD_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "SMARTPORTAL_BASE_URL": f"http://{HOST}:8000",
            "ALLOWED_HOSTS": HOST,
            "DATABASE_URL": database,
            "CACHE_URL": "locmemcache://",
            "DEBUG": "off",
        }
    )
    django.setup()
    logging.disable(logging.INFO)
    call_command("migrate", verbosity=0)


def _signed_in() -> Client:
    person = apps.get_model("auth", "User").objects.create_superuser("bench")
    client = Client(headers={"host": f"{HOST}:8000"})
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _measure(client: Client, page: Page, rounds: int) -> bool:
    """Print one line; whether the page kept its bounds."""
    counter = _Counter()
    with connection.execute_wrapper(counter):
        answer = client.get(page.url)
    found = answer.status_code == 200 and page.shows in answer.content.decode()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        client.get(page.url)
        taken.append((time.perf_counter() - started) * 1000)
    median, slow = statistics.median(taken), sorted(taken)[int(len(taken) * 0.95)]
    good = found and median <= BOUND_MS and counter.queries <= BOUND_QUERIES
    sys.stdout.write(
        f"{page.name:<36} {counter.queries:3} queries   median {median:6.0f} ms   95 % {slow:6.0f} ms"
        f"{'' if good else f'   MISSED (status {answer.status_code}, bound {BOUND_MS} ms, {BOUND_QUERIES} queries)'}\n"
    )
    sys.stdout.flush()
    return good


def main() -> None:
    """Fill, measure, print, and exit with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--launches", type=int, default=1_000_000, help="10,000 at least, for the last page")
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with database_of_its_own() as url:
        _set_up(url)
        started = time.monotonic()
        fill(launches=asked.launches)
        sys.stdout.write(f"filled with {asked.launches} launches in {time.monotonic() - started:.0f} s\n")
        client = _signed_in()
        results = [_measure(client, page, asked.rounds) for page in PAGES]
        connection.close()
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
