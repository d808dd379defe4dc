"""Secrets about to end and keys that are too old: in words, for the pages, checks and metrics that warn of them.

The keys of SMARTPORTAL_FIELD_KEYS are not among them: they are bare values in the environment and carry no date.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from django.utils import timezone

from launcher.models import EhrRegistration, SigningKey

Severity = Literal["notice", "warning", "urgent"]
Kind = Literal["secret", "signing-key"]

NOTICE_DAYS, WARNING_DAYS, URGENT_DAYS = 30, 14, 3
SIGNING_KEY_DAYS = 365
AT_MOST = 200
"""No more than so many of each kind: whoever has 200 secrets that run out needs no longer list."""

_RANK: dict[Severity, int] = {"urgent": 0, "warning": 1, "notice": 2}
# Only these send a secret; with the others a date that was left behind means nothing.
_WITH_SECRET = (EhrRegistration.AuthMethod.AUTO, EhrRegistration.AuthMethod.BASIC, EhrRegistration.AuthMethod.POST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryWarning:
    """One sentence (`text`) and what to do about it (`hint`).

    `days_left` counts down to the end and is negative after it; for a signing key it counts down to the age at which
    it is to be replaced. `registration_id`, `slug` and `site_id` are None, "" and None for the installation's own
    keys, whose `kid` is given instead.
    """

    kind: Kind
    severity: Severity
    text: str
    hint: str
    days_left: int
    registration_id: int | None = None
    slug: str = ""
    site_id: int | None = None
    kid: str = ""


def warnings(site_id: int | None, *, now: datetime | None = None) -> list[ExpiryWarning]:
    """What is to be said now, the most urgent first; two queries, and one for each algorithm with an old key.

    With a `site_id`, of that site's registrations alone; the signing keys, which all sites share, are always among
    them. Registrations that are off, or send no secret, are passed over. Raises what the database raises.
    """
    moment = now or timezone.now()
    found = [*_secrets(site_id, timezone.localdate(moment)), *_signing_keys(moment)]
    return sorted(found, key=lambda warning: (_RANK[warning.severity], warning.days_left, warning.slug, warning.kid))


def severity_of(days_left: int) -> Severity | None:
    """How urgent a secret with so many days left is; None while nothing is to be said."""
    if days_left <= URGENT_DAYS:
        return "urgent"
    if days_left <= WARNING_DAYS:
        return "warning"
    return "notice" if days_left <= NOTICE_DAYS else None


def secret_words(days_left: int) -> str:
    """“expired 2 days ago”, “expires today”, “expires in 12 days”: to stand behind “The secret”."""
    if days_left == 0:
        return "expires today"
    days = "1 day" if abs(days_left) == 1 else f"{abs(days_left)} days"
    return f"expires in {days}" if days_left > 0 else f"expired {days} ago"


def _secrets(site_id: int | None, today: date) -> Iterable[ExpiryWarning]:
    rows = EhrRegistration.objects.filter(
        enabled=True,
        auth_method__in=_WITH_SECRET,
        secret_expires_on__lte=today + timedelta(days=NOTICE_DAYS),
    )
    if site_id is not None:
        rows = rows.filter(site_id=site_id)
    columns = rows.order_by("secret_expires_on", "slug").values_list("pk", "slug", "site_id", "secret_expires_on")
    for pk, slug, site, expires_on in columns[:AT_MOST]:
        left = (expires_on - today).days if expires_on else NOTICE_DAYS + 1
        severity = severity_of(left)
        if severity:
            yield ExpiryWarning(
                kind="secret",
                severity=severity,
                text=f"The client secret of {slug} {secret_words(left)} ({expires_on}).",
                hint="Get a new one from the vendor, enter it with “Replace secret”, and set its date.",
                days_left=left,
                registration_id=pk,
                slug=slug,
                site_id=site,
            )


def _signing_keys(now: datetime) -> Iterable[ExpiryWarning]:
    old = SigningKey.objects.filter(retiring_at=None, created_at__lt=now - timedelta(days=SIGNING_KEY_DAYS))
    rows = list(old.order_by("created_at").values_list("pk", "kid", "algorithm", "created_at")[:AT_MOST])
    signers = _signers({algorithm for _, _, algorithm, _ in rows})
    for pk, kid, algorithm, created_at in rows:
        age = (now - created_at).days
        signs = pk in signers
        yield ExpiryWarning(
            kind="signing-key",
            severity="warning" if signs else "notice",
            text=f"The {algorithm} signing key {kid} is {age} days old.",
            hint=(
                f"Make one with `manage.py new_signing_key --algorithm {algorithm}`; retire this one when that signs."
                if signs
                else f"It signs no more: retire it with `manage.py retire_signing_key {kid}`."
            ),
            days_left=SIGNING_KEY_DAYS - age,
            kid=kid,
        )


def _signers(algorithms: set[str]) -> set[int]:
    """The one key of each algorithm that signs now."""
    found = (SigningKey.objects.active(algorithm).values_list("pk", flat=True).first() for algorithm in algorithms)
    return {pk for pk in found if pk is not None}
