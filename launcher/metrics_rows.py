"""What is read from the database for Prometheus when it asks: sessions, secrets, checks, keys; a handful of queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from launcher import conf
from launcher.models import CheckRun, EhrRegistration, Launch, SigningAlgorithm, SigningKey

MOST_REGISTRATIONS = 1000
MOST_KEYS = 1000
_EHR = ("site", "ehr")

Rows = Sequence[Any]
"""Registrations, each with what `_registrations` adds about its newest check."""


@dataclass(frozen=True, slots=True)
class RowsCollector:
    """The gauges, read each time they are collected. Without the database there is one: that it is away."""

    def collect(self) -> Iterator[Metric]:
        try:
            now, rows = timezone.now(), list(_registrations())
            found = [*_of_registrations(rows, now), *_of_checks(rows, now), _of_signing_keys()]
        except DatabaseError:
            yield _database_up(0)
            return
        yield _database_up(1)
        yield from found


def read() -> bytes:
    """The gauges as text (Prometheus text format 0.0.4)."""
    registry = CollectorRegistry()
    registry.register(RowsCollector())
    return generate_latest(registry)


def _database_up(value: int) -> Metric:
    return GaugeMetricFamily("smartportal_database_up", "Whether the database could be read just now.", value=value)


def _of_registrations(rows: Rows, now: datetime) -> list[Metric]:
    sessions = dict(_open_sessions([row.pk for row in rows], now))
    today = timezone.localdate(now)
    enabled = _gauge("smartportal_ehr_enabled", "Whether the registration is switched on.")
    opened = _gauge("smartportal_sessions_open", "Sessions that are open: neither ended nor too old or too long idle.")
    expires = _gauge("smartportal_secret_expires_days", "Days until the client secret ends; negative once it has.")
    for row in rows:
        labels = (row.site_name, row.slug)
        enabled.add_metric(labels, int(row.enabled))
        opened.add_metric(labels, sessions.get(row.pk, 0))
        if row.secret_expires_on is not None:
            expires.add_metric(labels, (row.secret_expires_on - today).days)
    return [enabled, opened, expires]


def _of_checks(rows: Rows, now: datetime) -> list[Metric]:
    """Of the registrations that were ever checked."""
    failing = _gauge("smartportal_check_failing", "Whether the newest connection check found the connection failing.")
    failures = _gauge("smartportal_check_failures", "How many checks failed in the newest run.")
    age = _gauge("smartportal_check_age_seconds", "How long ago the newest connection check was.")
    for row in rows:
        labels = (row.site_name, row.slug)
        if row.checked_at is not None:
            failing.add_metric(labels, int(row.check_failing))
            failures.add_metric(labels, row.check_fails)
            age.add_metric(labels, max(0.0, (now - row.checked_at).total_seconds()))
    return [failing, failures, age]


def _registrations() -> Iterable[Any]:
    """With the newest check of each, by its index; no secret is read."""
    newest = CheckRun.objects.filter(registration=OuterRef("pk")).order_by("-at")
    rows = EhrRegistration.objects.select_related("site").annotate(
        checked_at=Subquery(newest.values("at")[:1]),
        check_failing=Subquery(newest.values("failing")[:1]),
        check_fails=Subquery(newest.values("fails")[:1]),
    )
    columns = rows.only("slug", "enabled", "secret_expires_on", "site__domain")
    return columns.order_by("pk")[:MOST_REGISTRATIONS]


def _open_sessions(registrations: list[int], now: datetime) -> Iterable[tuple[int, int]]:
    """How many of each, by the index of launches; naming the registrations is what lets the database use it."""
    rows = Launch.objects.filter(
        registration_id__in=registrations,
        created_at__gt=now - conf.absolute_limit(),
        last_seen_at__gt=now - conf.idle_limit(),
        ended_at=None,
    )
    return rows.order_by().values_list("registration_id").annotate(Count("pk"))


def _of_signing_keys() -> Metric:
    """How many keys there are in each state, with a zero where there is none: a rule can wait for that."""
    keys = SigningKey.objects.only("algorithm", "active_from", "retiring_at", "retired_at")
    found = Counter((key.algorithm, key.state.value) for key in keys[:MOST_KEYS])
    name, text = "smartportal_signing_keys", "Keys that sign client assertions, by state."
    gauge = GaugeMetricFamily(name, text, labels=("algorithm", "state"))
    for algorithm in SigningAlgorithm.values:
        for state in SigningKey.State.values:
            gauge.add_metric((algorithm, state), found[algorithm, state])
    return gauge


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=_EHR)
