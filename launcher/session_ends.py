"""Ends many sessions at once, by a decision of the staff: those of an EHR, of a site or of a person."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from launcher import audit, conf
from launcher.models import Launch
from launcher.revocation import end_all, subject_of

REASON = "ended-by-staff"


def open_sessions(launches: QuerySet[Launch], *, now: datetime) -> QuerySet[Launch]:
    """Those that somebody may still be looking at; the others are over although nobody has noticed yet."""
    return launches.filter(
        ended_at=None,
        created_at__gt=now - conf.absolute_limit(),
        last_seen_at__gt=now - conf.idle_limit(),
    )


def end_sessions(launches: QuerySet[Launch], subject: audit.Subject, *, of: str) -> int:
    """End all of them that have not ended, in one transaction with their events; says how many.

    `subject` is for the one event about all (`sessions.ended`), `of` says what they have in common. Tokens are erased
    here at once and revoked at the EHR afterwards. Raises django.db.Error; then no session has ended.
    """
    with transaction.atomic():
        ended = end_all(launches, reason=REASON)
        audit.write("sessions.ended", subject, audit.Facts(reason=REASON, detail={"of": of, "count": len(ended)}))
        for launch in ended:
            audit.write("session.ended", subject_of(launch), audit.Facts(reason=REASON, reference=launch.reference))
    return len(ended)
