"""A client secret is replaced by another one; the one before is kept for a day, in case the new one was the wrong one.

A launch under way goes on with the secret it began with. Every change is an event of the audit trail, in one
transaction with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Literal

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from launcher import audit, credentials
from launcher.models import EhrRegistration
from launcher.probe.ehr import Limits
from launcher.probe.facts import facts_of
from launcher.probe.findings import Result, check_id
from launcher.probe.runner import run
from launcher.smart.errors import SmartError

KEPT = timedelta(hours=24)
_FIELDS = ("client_secret", "secret_saved_at", "previous_secret", "previous_secret_until")
_TRIAL = check_id(21)
_QUICK = Limits(handshake=4, page=6, in_all=12)
"""Somebody waits for the page: what has not answered by then is told as not tried."""


Outcome = Literal["", "secret.stored", "secret.replaced"]
"""What a new secret means, as an event; "" when it is the one in use already."""


def put(registration: EhrRegistration, secret: str) -> Outcome:
    """Give an instance, without saving it, a new secret; the one before is kept for a day."""
    had_one = credentials.has_stored_secret(registration)
    try:
        old = registration.client_secret.reveal()
    except SmartError:
        # Sealed with a key that is gone: it is good for nothing any more.
        old = ""
    if old == secret:
        return ""
    now = timezone.now()
    registration.client_secret = secret
    registration.secret_saved_at = now
    registration.previous_secret = old
    registration.previous_secret_until = now + KEPT if old else None
    return "secret.replaced" if had_one else "secret.stored"


def remove(registration: EhrRegistration) -> None:
    """Take an instance, without saving it, its secrets: a public client has none."""
    registration.client_secret = registration.previous_secret = ""
    registration.secret_saved_at = registration.previous_secret_until = None


@transaction.atomic
def replace(registration: EhrRegistration, secret: str, *, expires_on: date | None, actor: str) -> EhrRegistration:
    """Save a new secret; the row is read anew and locked, so that nobody else's change is lost."""
    row = _locked(registration)
    event = put(row, secret)
    row.secret_expires_on = expires_on
    row.save(update_fields=[*_FIELDS, "secret_expires_on", "updated_at"])
    if event:
        write_event(event, row, actor=actor)
    return row


@transaction.atomic
def switch_back(registration: EhrRegistration, *, actor: str) -> bool:
    """Use the secret before again and forget the newer one; False when there is none any more."""
    row = _locked(registration)
    if kept_until(row) is None:
        return False
    row.client_secret = row.previous_secret
    row.secret_saved_at = timezone.now()
    row.previous_secret = ""
    row.previous_secret_until = row.secret_expires_on = None
    row.save(update_fields=[*_FIELDS, "secret_expires_on", "updated_at"])
    write_event("secret.switched_back", row, actor=actor)
    return True


def kept_until(registration: EhrRegistration) -> datetime | None:
    """Until when one can switch back, None when one cannot; what is past its time is erased on the spot."""
    until = registration.previous_secret_until
    if until is None or not registration.__dict__.get("previous_secret"):
        return None
    if until > timezone.now():
        return until
    erase_expired()
    return None


def erase_expired() -> int:
    """Erase all secrets that were kept for their day; how many there were."""
    over = EhrRegistration.objects.filter(previous_secret_until__lte=timezone.now())
    return over.update(previous_secret="", previous_secret_until=None)


def try_it(registration: EhrRegistration, *, actor: str) -> Result | None:
    """Try the secret in force at the EHR with a made-up code; None when that could not even begin.

    Leaves a line in the vendor's log. Takes up to twelve seconds, so it is not for a transaction.
    """
    try:
        facts = facts_of(registration)
    except ImproperlyConfigured:
        return None
    subject = audit.Subject(site=registration.site.domain, registration=registration.slug, actor=actor)
    audit.write("connection.checked", subject, audit.Facts(detail={"run": "secret"}))
    results: Iterator[Result] = run(facts, only={_TRIAL}, limits=_QUICK)
    return next((result for result in results if result.id == _TRIAL), None)


def write_event(event: str, registration: EhrRegistration, *, actor: str) -> None:
    audit.write(event, audit.Subject(site=registration.site.domain, registration=registration.slug, actor=actor))


def _locked(registration: EhrRegistration) -> EhrRegistration:
    rows = EhrRegistration.objects.select_for_update(of=("self",)).select_related("site")
    return rows.get(pk=registration.pk)
