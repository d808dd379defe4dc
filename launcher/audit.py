"""The audit trail: events that are only ever added, each chained to the one before, so that a missing one shows.

There are sixteen chains, chosen by launch, so that writing an event waits only for the events of a sixteenth of all
launches. An event is written before what it speaks of is shown; if it cannot be written, nothing is shown.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from launcher.models import AuditChain, AuditEvent
from launcher.tracing import correlation_id

CHAINS = 16
_CHAINED = (
    "event",
    "outcome",
    "code",
    "reason",
    "reference",
    "correlation_id",
    "site",
    "registration",
    "launch",
    "actor",
    "patient",
    "detail",
    "previous_hash",
)

logger = logging.getLogger("smartportal.audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom and what an event is about. `patient` is the FHIR id, the only fact about a patient that is kept."""

    site: str = ""
    registration: str = ""
    launch: str = ""
    actor: str = "unknown"
    patient: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How it went: a code of the contract's list, a short machine word, a reference, and small numbers or words."""

    outcome: str = "success"
    code: str = ""
    reason: str = ""
    reference: str = ""
    detail: Mapping[str, str | int] = field(default_factory=dict)


NOBODY = Subject()
DONE = Facts()


def write(event: str, subject: Subject = NOBODY, facts: Facts = DONE) -> AuditEvent:
    """Append `event` to its chain. Raises django.db.Error when that is not possible."""
    return write_together((event,), subject, facts)[0]


def write_together(events: Sequence[str], subject: Subject = NOBODY, facts: Facts = DONE) -> list[AuditEvent]:
    """Append several events that happened at once, the chain's head locked and moved once for all of them."""
    number = zlib.crc32(subject.launch.encode()) % CHAINS
    # Within a transaction of the caller's it shares its fate, with no savepoint of its own: both or neither.
    with transaction.atomic(savepoint=False):
        head = _locked_head(number)
        rows = [_append(head, event, subject, facts) for event in events]
        AuditChain.objects.filter(number=number).update(sequence=head.sequence, hash=head.hash)
    for row in rows:
        logger.info(
            "%s %s",
            row.event,
            row.outcome,
            extra={"audit": {"chain": number, "sequence": row.sequence, "reference": facts.reference}},
        )
    return rows


def _locked_head(number: int) -> AuditChain:
    locked = AuditChain.objects.select_for_update().filter(number=number)
    for head in locked:
        return head
    AuditChain.objects.get_or_create(number=number)
    return locked.get()


def _append(head: AuditChain, event: str, subject: Subject, facts: Facts) -> AuditEvent:
    """The next event of the chain; `head` moves on to it."""
    row = AuditEvent(
        chain=head.number,
        sequence=head.sequence + 1,
        previous_hash=head.hash,
        at=timezone.now(),
        event=event,
        outcome=facts.outcome,
        code=facts.code,
        reason=facts.reason[:60],
        reference=facts.reference,
        correlation_id=correlation_id(),
        site=subject.site,
        registration=subject.registration,
        launch=subject.launch,
        actor=subject.actor[:600],
        patient=subject.patient,
        detail=dict(facts.detail),
    )
    row.hash = digest(row)
    row.save(force_insert=True)
    head.sequence, head.hash = row.sequence, row.hash
    return row


class Access(Protocol):
    """An open launch, as `launcher.current` hands it to the views."""

    @property
    def subject(self) -> Subject: ...

    @property
    def reference(self) -> str: ...


def record(
    event: str,
    *,
    access: Access,
    outcome: str = "success",
    reason: str = "",
    panel: str = "",
    counts: Mapping[str, int] | None = None,
) -> None:
    """Write an event about an open launch. Raises django.db.Error when that is not possible: then show nothing."""
    detail: dict[str, str | int] = {**({"panel": panel} if panel else {}), **(counts or {})}
    write(event, access.subject, Facts(outcome=outcome, reason=reason, reference=access.reference, detail=detail))


def digest(row: AuditEvent) -> str:
    """SHA-256 over everything the event says and the hash of the one before."""
    at = row.at if isinstance(row.at, datetime) else datetime.fromisoformat(row.at)
    content = {
        "chain": row.chain,
        "sequence": row.sequence,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        **{name: getattr(row, name) for name in _CHAINED},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def follows(row: AuditEvent, before: AuditEvent | None) -> str:
    """How `row` does not hold where it stands in its chain, with the event before it; "" when it does."""
    if row.hash != digest(row):
        return "was changed after it was written"
    if row.sequence > 1 and before is None:
        return "the event before it is missing"
    if row.previous_hash != (before.hash if before else ""):
        return "does not follow from the event before it"
    return ""


@dataclass(frozen=True, slots=True)
class Breach:
    """Where a chain does not hold, and how."""

    chain: int
    sequence: int
    problem: str


def verify() -> Iterator[Breach]:
    """Walk all chains and yield every place where an event was changed, removed or cut off the end."""
    heads = {head.number: head for head in AuditChain.objects.all()}
    for number in range(CHAINS):
        expected, previous = 1, ""
        for row in AuditEvent.objects.filter(chain=number).order_by("sequence").iterator():
            if row.sequence != expected:
                yield Breach(number, expected, f"events {expected} to {row.sequence - 1} are missing")
            elif row.previous_hash != previous:
                yield Breach(number, row.sequence, "does not follow from the event before it")
            if row.hash != digest(row):
                yield Breach(number, row.sequence, "was changed after it was written")
            expected, previous = row.sequence + 1, row.hash
        head = heads.get(number)
        if (head.sequence if head else 0) != expected - 1 or (head and head.hash != previous):
            yield Breach(number, expected, "the end of the chain is missing")
