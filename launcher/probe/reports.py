"""Begins a run of the checks for somebody, with its audit event, and writes what came of it as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from django.core.exceptions import ImproperlyConfigured

from launcher import audit
from launcher.models import CheckRun, EhrRegistration
from launcher.probe import history
from launcher.probe.facts import facts_of
from launcher.probe.findings import Result, Status
from launcher.probe.runner import run

WORDS: dict[Status, str] = {"fail": "FAIL", "warn": "Warning", "pass": "Pass", "info": "Info", "skipped": "Skipped"}
"""How a status is shown, the worst first."""


def begin(registration: EhrRegistration, *, actor: str, daily: bool = False) -> Iterator[Result]:
    """Gather the facts, write down who looks, hand out the results as they come, and keep them at the end.

    Raises ImproperlyConfigured for settings that cannot be used, and django.db.Error: both before the first request.
    """
    try:
        facts = facts_of(registration)
    except ImproperlyConfigured as error:
        history.not_begun(registration, problem=str(error), actor=actor, daily=daily)
        raise
    subject = audit.Subject(site=registration.site.domain, registration=registration.slug, actor=actor)
    audit.write("connection.checked", subject, audit.Facts(detail={"run": "daily" if daily else "whole"}))
    return history.kept(registration, run(facts, daily=daily), actor=actor, daily=daily)


def lines(result: Result) -> list[str]:
    """One result as text: what was found, and on a line of its own what to do."""
    found = [f"{WORDS[result.status]:8} {result.id[-2:]} {result.title}. {result.evidence}"]
    return [*found, f"            What to do: {result.remedy}"] if result.remedy else found


def summary(results: Iterable[Result]) -> str:
    """How many of each kind, the worst first."""
    counts = Counter(result.status for result in results)
    return ", ".join(f"{counts[status]} {word.lower()}" for status, word in WORDS.items() if counts[status])


def report(registration: EhrRegistration, results: Collection[Result]) -> str:
    """All of it as one text to hand on: it holds no secret."""
    ordered = sorted(results, key=lambda each: each.id)
    head = f"{registration.slug}: {registration.name}, {registration.iss}"
    return "\n".join([head, summary(results), "", *(line for result in ordered for line in lines(result))])


def kept_rows(run: CheckRun) -> list[dict[str, str]]:
    """The results of a kept run as a page shows them, and those of earlier runs that still stand, with `since`."""
    whole = sorted([*run.results, *run.standing], key=lambda each: each["id"])
    return [{**each, "word": WORDS[each["status"]]} for each in whole]
