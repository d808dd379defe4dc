"""Runs the checks of one registration side by side and hands the results out as they come."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from launcher.probe.checks import ALL_CHECKS
from launcher.probe.ehr import LIMITS, Ehr, Limits
from launcher.probe.facts import Facts
from launcher.probe.findings import Check, Finding, Result, skipped
from launcher.probe.wording import masked

_THREADS = 8
_BLOCKING = {"fail", "skipped"}

logger = logging.getLogger("smartportal.probe")


def run(facts: Facts, *, daily: bool = False, only: Collection[str] = (), limits: Limits = LIMITS) -> Iterator[Result]:
    """Yield one result for each check, those first that are done first, within `limits.in_all` seconds.

    `daily` leaves out what makes noise at the vendor. `only` are the ids wanted; what they need is run and yielded too.
    A check whose need failed or was skipped is skipped itself and says because of which.
    """
    waiting = {check.id: check for check in chosen(daily=daily, only=only)}
    ehr = Ehr(facts, limits)
    until = time.monotonic() + limits.in_all
    blocked: dict[str, bool] = {}
    running: dict[Future[Finding], Check] = {}
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="connection-check")
    try:
        while waiting or running:
            unsettled = {*waiting, *(check.id for check in running.values())}
            for check in _ready(waiting, unsettled):
                del waiting[check.id]
                if because := next((need for need in check.needs if blocked.get(need)), ""):
                    blocked[check.id] = True
                    yield _result(check, skipped(_because(because)), facts)
                else:
                    running[pool.submit(_looked, check, ehr)] = check
            if not running:
                continue
            done, _ = wait(running, timeout=max(0.0, until - time.monotonic()), return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda each: running[each].id):
                check, finding = running.pop(future), future.result()
                blocked[check.id] = finding.status in _BLOCKING
                yield _result(check, finding, facts)
            if not done:
                late = sorted([*running.values(), *waiting.values()], key=lambda each: each.id)
                running.clear()
                waiting.clear()
                for check in late:
                    yield _result(check, skipped("No time was left for it."), facts)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def chosen(*, daily: bool = False, only: Collection[str] = ()) -> list[Check]:
    """The checks of a run, by number."""
    by_id = {check.id: check for check in ALL_CHECKS}
    wanted = set(only) or set(by_id)
    while more := {need for name in wanted for need in by_id[name].needs} - wanted:
        wanted |= more
    return [check for check in ALL_CHECKS if check.id in wanted and not (daily and check.noisy)]


def _ready(waiting: dict[str, Check], unsettled: Collection[str]) -> list[Check]:
    """Those that wait for no other check of this run."""
    return [check for check in waiting.values() if not any(need in unsettled for need in check.needs)]


def _because(need: str) -> str:
    title = next((check.title for check in ALL_CHECKS if check.id == need), "")
    return f"Not looked at because {need} ({title}) did not pass."


def _looked(check: Check, ehr: Ehr) -> Finding:
    try:
        return check.look(ehr)
    except Exception as error:
        # Wide on purpose: one check that breaks must not hide the others.
        logger.exception("%s broke", check.id)
        return Finding(
            "fail", f"The check itself broke ({type(error).__name__}).", "Report this with the log; it is our mistake."
        )


def _result(check: Check, finding: Finding, facts: Facts) -> Result:
    return Result(
        id=check.id,
        title=check.title,
        status=finding.status,
        evidence=masked(finding.evidence, facts.secrets),
        remedy=masked(finding.remedy, facts.secrets),
        tested=check.tested,
    )
