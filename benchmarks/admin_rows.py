"""Fills a database with a large installation's rows, as SQL that makes them where they stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils import timezone

REGISTRATIONS = 500
RUNS = 30
DAYS = 90
REFERENCE = "TRACE2"
TRACE = f"{7:032x}"
"""The trace, the session and an audit event of launch 7 have this reference and id."""

# One in fifty fails; the newest launch is a few seconds old, the oldest `DAYS` days.
_AGE = f"(n * interval '{DAYS} days' / %(launches)s)"
_AT = f"now() - {_AGE}"
_FAILED = "n %% 50 = 3"
_EHR = f"(%(first)s + n %% {REGISTRATIONS})"
_SLUG = f"'clinic-' || (n %% {REGISTRATIONS})"
_REFERENCE = f"CASE WHEN n = 7 THEN '{REFERENCE}' ELSE upper(substr(md5(n::text), 1, 6)) END"


def fill(*, launches: int) -> None:
    """Registrations and their checks, then as many launches with a trace, a session and an audit event each."""
    first = _registrations()
    numbers = {"first": first, "launches": launches}
    with connection.cursor() as cursor:
        # These rows refer to what is there: looking that up for each would take longer than writing them.
        cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    _runs(numbers)
    _traces(numbers)
    _sessions(numbers)
    _audit(numbers)
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role; RESET synchronous_commit")
        cursor.execute("VACUUM ANALYZE")


def _registrations() -> int:
    """Gives the id of the first; the others follow it."""
    model = apps.get_model("launcher", "EhrRegistration")
    rows = [
        model(
            site_id=1,
            slug=f"clinic-{number}",
            name=f"Clinic {number:03}",
            iss=f"https://ehr-{number}.example.org/fhir",
            client_id=f"client-{number}" if number % 40 else "",
            client_secret=f"secret of {number}",
            owner=f"Ward {number % 20}",
            environment=("sandbox", "test", "production")[number % 3],
            fhir_version=("DSTU2", "STU3", "R4")[number % 3],
            enabled=bool(number % 25),
            secret_expires_on=timezone.localdate() + timedelta(days=number),
            secret_from="env:HOME" if number % 10 == 5 else "",
        )
        for number in range(REGISTRATIONS)
    ]
    for row in rows:
        row.save()
    model.objects.update(created_at=timezone.now() - timedelta(days=DAYS))
    return int(rows[0].pk)


def _runs(numbers: Mapping[str, int]) -> None:
    words = "What was found there, in a sentence or two, with a number and the name of a host."
    results = [
        {"id": f"SP-CHK-{n:02}", "status": "pass", "title": f"Check {n}", "evidence": words, "remedy": ""}
        for n in range(1, 29)
    ]
    failing = f"n %% {REGISTRATIONS} %% 12 = 3"
    columns = {
        "registration_id": _EHR,
        "at": f"now() - (n / {REGISTRATIONS}) * interval '1 day'",
        "kind": "'daily'",
        "actor": "'command'",
        "finished": "true",
        "failing": failing,
        "fails": f"({failing})::int",
        "warns": "1",
        "passes": "28",
        "results": _text(json.dumps(results)) + "::jsonb",
        "top_problem": f"CASE WHEN {failing} THEN 'The host has no address.' ELSE 'The certificate ends soon.' END",
    }
    _insert("CheckRun", columns, count=REGISTRATIONS * RUNS, numbers=numbers)


def _traces(numbers: Mapping[str, int]) -> None:
    names = ("received", "discovery", "redirected", "returned", "token", "patient", "chart")
    at = timezone.now().isoformat()
    steps = [{"name": name, "ms": 12, "at": at, "facts": {"scopes": "launch"}} for name in names]
    columns = {
        "id": "lpad(to_hex(n), 32, '0')",
        "site_id": "1",
        "registration_id": _EHR,
        "registration_slug": _SLUG,
        "started_at": _AT,
        "ended_at": _AT,
        "outcome": f"CASE WHEN {_FAILED} THEN 'failed' ELSE 'opened' END",
        "stage": f"CASE WHEN {_FAILED} THEN 'token' ELSE 'chart' END",
        "code": f"CASE WHEN {_FAILED} THEN 'client_rejected' ELSE '' END",
        "reference": _REFERENCE,
        "milliseconds": "400 + n %% 900",
        "mode": "'ehr'",
        "browser": "'Chromium'",
        "launch": "md5(n::text)",
        "steps": _text(json.dumps(steps)) + "::jsonb",
    }
    _insert("LaunchTrace", columns, count=numbers["launches"], numbers=numbers)
    references = {"trace_id": "lpad(to_hex(n), 32, '0')", "reference": _REFERENCE}
    _insert("TraceReference", references, count=numbers["launches"] // 10, numbers=numbers)


def _sessions(numbers: Mapping[str, int]) -> None:
    columns = {
        "id": "md5(n::text)",
        "site_id": "1",
        "registration_id": _EHR,
        "reference": _REFERENCE,
        "created_at": _AT,
        "last_seen_at": _AT,
        # Who goes home without a word leaves a session that nobody ends.
        "ended_at": f"CASE WHEN n %% 3 = 0 AND n > 500 OR n %% 2 = 0 THEN {_AT} END",
        "browser_hash": "md5(n::text)",
        "configuration": "'{}'::jsonb",
        "patient": "'patient-' || (n %% 5000)",
    }
    _insert("Launch", columns, count=numbers["launches"], numbers=numbers)


def _audit(numbers: Mapping[str, int]) -> None:
    columns = {
        # Beside the sixteen that are written to while the pages are asked for.
        "chain": "16 + n %% 16",
        "sequence": "n / 16 + 1",
        "at": _AT,
        "event": f"CASE WHEN {_FAILED} THEN 'token.failed' ELSE 'launch.received' END",
        "outcome": f"CASE WHEN {_FAILED} THEN 'failure' ELSE 'success' END",
        "reference": _REFERENCE,
        "site": "'127.0.0.1:8000'",
        "registration": _SLUG,
        "launch": "md5(n::text)",
        "actor": "'unknown'",
        "patient": "'patient-' || (n %% 5000)",
        "hash": "md5(n::text)",
    }
    _insert("AuditEvent", columns, count=numbers["launches"], numbers=numbers)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def _insert(name: str, columns: Mapping[str, str], *, count: int, numbers: Mapping[str, int]) -> None:
    """`count` rows of one model in one statement; `n` counts them from 0. Other columns get the model's defaults."""
    model = apps.get_model("launcher", name)
    values: dict[str, Any] = dict(numbers)
    whole = dict(columns)
    for field in model._meta.concrete_fields:
        if field.column not in whole and not field.primary_key:
            values[f"default_{field.column}"] = field.get_db_prep_save(field.get_default(), connection)
            whole[field.column] = f"%(default_{field.column})s"
    named = ", ".join(f'"{column}"' for column in whole)
    statement = (
        f'INSERT INTO "{model._meta.db_table}" ({named}) '  # noqa: S608  # our own words alone
        f"SELECT {', '.join(whole.values())} FROM generate_series(0, %(count)s - 1) AS n"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "count": count})
