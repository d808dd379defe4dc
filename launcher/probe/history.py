"""Keeps what the checks of a registration said, and what an earlier run said that nothing has looked at since."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from launcher.models import CheckRun, EhrRegistration, Launch
from launcher.probe.checks import ALL_CHECKS
from launcher.probe.findings import Result, check_id

KEPT = 30
"""How many runs of each registration are kept."""

_BAD = ("fail", "warn")
# They tell of launches, which the list knows of at first hand: what they said is out of date with the next launch.
_ABOUT_LAUNCHES = frozenset({check_id(31), check_id(32)})
_LAST_LAUNCH = check_id(31)
_NOISY = frozenset(check.id for check in ALL_CHECKS if check.noisy)

logger = logging.getLogger("smartportal.probe")


def kept(registration: EhrRegistration, results: Iterator[Result], *, actor: str, daily: bool) -> Iterator[Result]:
    """Hand the results on as they come; when there are no more, or nobody takes them any longer, keep what there was.

    What cannot be kept is logged: the results have been seen, and are not taken back.
    """
    at, seen, finished = timezone.now(), list[Result](), False
    try:
        for result in results:
            seen.append(result)
            yield result
        finished = True
    finally:
        _keep_or_log(registration, seen, actor=actor, daily=daily, finished=finished, at=at)


def not_begun(registration: EhrRegistration, *, problem: str, actor: str, daily: bool) -> None:
    """Keep that a run could not begin, and why: the last good run must not stand as if it were today's."""
    _keep_or_log(registration, [], actor=actor, daily=daily, finished=False, at=timezone.now(), problem=problem)


def _keep_or_log(registration: EhrRegistration, seen: Sequence[Result], **facts: Any) -> None:
    try:
        keep(registration, seen, **facts)
    except DatabaseError as error:
        logger.error("the check of %s was not kept: %s", registration.slug, type(error).__name__)


@transaction.atomic
def keep(
    registration: EhrRegistration,
    seen: Sequence[Result],
    *,
    actor: str,
    daily: bool,
    finished: bool,
    at: datetime,
    problem: str = "",
) -> CheckRun:
    """Write one run and forget those before the newest `KEPT`. Raises django.db.Error."""
    results = [result.to_json() for result in sorted(seen, key=lambda each: each.id)]
    standing = _standing(registration, results)
    counted = Counter(each["status"] for each in [*results, *standing])
    bad = sorted((each for each in [*results, *standing] if each["status"] in _BAD), key=_worst_first)
    run = CheckRun.objects.create(
        registration=registration,
        at=at,
        kind=CheckRun.Kind.DAILY if daily else CheckRun.Kind.WHOLE,
        actor=actor[:600],
        finished=finished,
        failing=bool(problem) or any(each["status"] == "fail" and each["id"] not in _ABOUT_LAUNCHES for each in bad),
        fails=counted["fail"] + bool(problem),
        warns=counted["warn"],
        passes=counted["pass"],
        results=results,
        standing=standing,
        problem=problem[:500],
        top_problem=(problem or next((each["evidence"] for each in bad if each["id"] != _LAST_LAUNCH), ""))[:500],
    )
    _forget_old(registration)
    return run


def _worst_first(result: Mapping[str, str]) -> tuple[bool, bool, str]:
    return (result["status"] != "fail", result["id"] in _ABOUT_LAUNCHES, result["id"])


def _standing(registration: EhrRegistration, results: Collection[Mapping[str, str]]) -> list[dict[str, str]]:
    """What earlier runs found bad and this one did not look at; a launch opened since settles the noisy ones."""
    before = last_run(registration)
    if before is None:
        return []
    since = before.at.isoformat()
    earlier = [*({**each, "since": since} for each in before.results if each["status"] in _BAD), *before.standing]
    looked_at = _looked_at(results) | _ABOUT_LAUNCHES
    opened = _last_opened(registration)
    return [
        each
        for each in sorted(earlier, key=lambda each: each["id"])
        if each["id"] not in looked_at
        and not (opened and each["id"] in _NOISY and opened > datetime.fromisoformat(each["since"]))
    ]


def _looked_at(results: Collection[Mapping[str, str]]) -> set[str]:
    """A check that was skipped in a run in which others failed has most likely not been reached."""
    broken = any(each["status"] == "fail" for each in results)
    return {each["id"] for each in results if each["status"] != "skipped" or not broken}


def _last_opened(registration: EhrRegistration) -> datetime | None:
    launches = Launch.objects.filter(registration=registration).order_by("-created_at")
    return launches.values_list("created_at", flat=True).first()


def _forget_old(registration: EhrRegistration) -> None:
    runs = CheckRun.objects.filter(registration=registration)
    newest = runs.order_by("-at", "-pk").values_list("pk", flat=True)[:KEPT]
    runs.exclude(pk__in=list(newest)).delete()


def last_run(registration: EhrRegistration) -> CheckRun | None:
    return CheckRun.objects.filter(registration=registration).order_by("-at", "-pk").first()
