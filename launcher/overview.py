"""The first page of the admin: how the EHRs of one site are doing, what needs somebody's hand, and where that is.

Each part is for those who may see what it is made of; who may not is not told that there is such a part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max
from django.urls import reverse
from django.utils import timezone

from launcher import key_expiry
from launcher.models import CheckRun, EhrRegistration, Launch, LaunchTrace
from launcher.registration_state import CHECKED_EVERY, DAY, State, launches_page, page_of, top_problem, with_state
from launcher.session_ends import open_sessions
from launcher.short_times import ago

MOST_LISTED = 5
_WITH_PROBLEM = 6
"""Registrations of a lower rank have a problem that is worth a line."""

_LIST = "admin:launcher_ehrregistration_changelist"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, the words behind it, and the page that shows what was counted."""

    count: int
    label: str
    url: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to mend: whose, what, what to do about it, and where."""

    text: str
    url: str
    about: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What one person may see of one site. None: they may not see this part; empty: there is nothing to tell."""

    states: tuple[Figure, ...] | None = None
    problems: tuple[Notice, ...] = ()
    more_problems: int = 0
    warnings: tuple[Notice, ...] = ()
    launches: tuple[Figure, ...] | None = None
    sessions: Figure | None = None
    may_add: bool = False
    may_end_sessions: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the person may see EHRs, and there are none."""
        return self.states is not None and not any(state.count for state in self.states)


def overview_of(site_id: int, user: Any, *, now: datetime | None = None) -> Overview:
    """A bounded number of queries, however many EHRs there are. Raises django.db.Error."""
    moment = now or timezone.now()
    may_see_ehrs = user.has_perm("launcher.view_ehrregistration") or user.has_perm("launcher.change_ehrregistration")
    rows = with_state(EhrRegistration.objects.for_site(site_id), now=moment) if may_see_ehrs else None
    found = sorted(rows.order_by().values_list("rank", "name", "pk", "state")) if rows is not None else []
    bad = [pk for rank, _, pk, _ in found if rank < _WITH_PROBLEM]
    return Overview(
        states=tuple(_states(state for *_, state in found)) if rows is not None else None,
        problems=tuple(_problems(bad[:MOST_LISTED], user, moment)),
        more_problems=max(0, len(bad) - MOST_LISTED),
        warnings=tuple(_warnings(site_id, user, moment)) if may_see_ehrs else (),
        launches=_launches(site_id, moment) if user.has_perm("launcher.view_launchtrace") else None,
        sessions=_sessions(site_id, moment) if user.has_perm("launcher.view_launch") else None,
        may_add=user.has_perm("launcher.add_ehrregistration"),
        may_end_sessions=user.has_perm("launcher.end_sessions"),
    )


def _states(found: Iterable[str]) -> Iterator[Figure]:
    counts = Counter(found)
    for state in State:
        address = f"{reverse(_LIST)}?{urlencode({'state': state.value})}"
        yield Figure(counts[state.value], str(state.label), address, state.value)


def _problems(keys: list[int], user: Any, now: datetime) -> Iterator[Notice]:
    """Of these registrations alone: what the words need is looked up for each."""
    rows = with_state(EhrRegistration.objects.filter(pk__in=keys), now=now)
    for row in rows.defer("client_secret", "previous_secret").order_by("rank", "name", "pk"):
        found = top_problem(row, now)
        yield Notice(found.text, page_of(row, found.page, user), about=row.name)


def _warnings(site_id: int, user: Any, now: datetime) -> Iterator[Notice]:
    yield from _expiring(site_id, user, now)
    enabled = EhrRegistration.objects.for_site(site_id).filter(enabled=True)
    if notice := _daily_checks_stopped(enabled, now):
        yield notice
    for pk, name in enabled.filter(send_pkce=False).values_list("pk", "name")[:MOST_LISTED]:
        yield Notice(
            "It sends no PKCE challenge.", _change(pk), about=name, hint="Switch PKCE on as soon as the EHR takes it."
        )


def _expiring(site_id: int, user: Any, now: datetime) -> Iterator[Notice]:
    keys = reverse("admin:launcher_signingkey_changelist")
    sees_keys = user.has_perm("launcher.view_signingkey")
    for warning in key_expiry.warnings(site_id, now=now):
        if warning.registration_id is not None:
            yield Notice(warning.text, _change(warning.registration_id), hint=warning.hint)
        elif sees_keys:
            yield Notice(warning.text, keys, hint=warning.hint)


def _daily_checks_stopped(enabled: Any, now: datetime) -> Notice | None:
    """Only once some registration is old enough to have been checked."""
    if not enabled.filter(created_at__lt=now - CHECKED_EVERY).exists():
        return None
    runs = CheckRun.objects.filter(registration__in=enabled, kind=CheckRun.Kind.DAILY)
    last = runs.aggregate(last=Max("at"))["last"]
    if last is not None and now - last <= CHECKED_EVERY:
        return None
    since = f"The last daily checks ran {ago(last, now)}." if last else "Daily checks have never run here."
    hint = "Have `manage.py check_ehr --all --daily` run once a day; docs/operations.md says how."
    return Notice(since, reverse(_LIST), hint=hint)


def _change(pk: int) -> str:
    return reverse("admin:launcher_ehrregistration_change", args=[pk])


def _launches(site_id: int, now: datetime) -> tuple[Figure, ...]:
    """Of the last 24 hours; those under way are neither."""
    traces = LaunchTrace.objects.filter(site_id=site_id, started_at__gte=now - DAY)
    counts = dict(traces.order_by().values_list("outcome").annotate(count=Count("pk")))
    since = (now - DAY).isoformat(timespec="seconds")
    outcomes = ((LaunchTrace.Outcome.OPENED, "opened"), (LaunchTrace.Outcome.FAILED, "failed"))
    return tuple(
        Figure(
            counts.get(outcome, 0),
            words,
            launches_page(outcome__exact=outcome.value, started_at__gte=since),
            outcome.value,
        )
        for outcome, words in outcomes
    )


def _sessions(site_id: int, now: datetime) -> Figure:
    count = open_sessions(Launch.objects.filter(site_id=site_id), now=now).count()
    return Figure(count, "open charts", reverse("admin:launcher_launch_changelist"))
