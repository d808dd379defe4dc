"""The look that an EHR sends along with a launch: fetched here, never by the browser, and kept by its address."""

from __future__ import annotations

import hashlib
import logging

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from launcher import audit
from launcher.models import EhrRegistration, StyleSheet
from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from launcher.smart.origins import origin_of
from launcher.smart.style import Style, read_style

MOST_BYTES = 16 * 1024
SECONDS = 3.0
ASK_AGAIN_SECONDS = 900
"""How long an address that could not be read is left alone: the wait would come with every launch."""

MOST_SHEETS = 200
"""For one registration: an address that is another at each launch must not fill the database."""

logger = logging.getLogger("smartportal.style")

_POLICY = EhrRegistration.StylePolicy


def kept_style(registration: EhrRegistration, door: Door, url: str) -> StyleSheet | None:
    """The style sheet of a launch's `smart_style_url`, fetched if this is its first time; None without a usable one.

    Takes no longer than three seconds, and never raises: a launch does not fail for its looks. The address is the
    version key, so one that is known is not asked again (SMART App Launch 2.2, "Styling").
    """
    if not url or registration.style_policy == _POLICY.OFF:
        return None
    key = hashlib.sha256(url.encode()).hexdigest()
    try:
        known = StyleSheet.objects.filter(registration=registration, url_hash=key).first()
        return known or _first_time(registration, door, url=url, key=key)
    except SmartError as error:
        why = error.reason
    except (ValueError, DatabaseError) as error:
        why = type(error).__name__
    cache.set(_failed(registration, key), why, ASK_AGAIN_SECONDS)
    logger.warning("the style of %s is not used: %s", registration.slug, why or "failed")
    return None


def _first_time(registration: EhrRegistration, door: Door, *, url: str, key: str) -> StyleSheet | None:
    if cache.get(_failed(registration, key)) or registration.style_sheets.count() >= MOST_SHEETS:
        return None
    style = _fetch(registration, door, url)
    if style.refused:
        logger.info("the style of %s keeps ours for %s", registration.slug, ", ".join(style.refused))
    sheet, _ = StyleSheet.objects.get_or_create(
        registration=registration,
        url_hash=key,
        defaults={
            "url": url,
            "css": style.css,
            "sha256": hashlib.sha256(style.css.encode()).hexdigest(),
            "refused": list(style.refused),
            "fetched_at": timezone.now(),
        },
    )
    return sheet


def _fetch(registration: EhrRegistration, door: Door, url: str) -> Style:
    """Ask for the JSON as for the EHR's other documents: approved origin, no redirect, no credential."""
    if origin_of(url).scheme == "http" and origin_of(registration.iss).scheme != "http":
        raise SmartError("discovery_failed", "the style lies at an address without TLS", reason="scheme")
    answer = door.get(url, accept="application/json", max_bytes=MOST_BYTES, failure="discovery_failed", seconds=SECONDS)
    if answer.status != 200:
        raise SmartError("discovery_failed", f"the style answered with status {answer.status}", reason="status")
    return read_style(answer.body)


def _failed(registration: EhrRegistration, key: str) -> str:
    return f"style-failed:{registration.uuid}:{key}"


def in_use(sheet: StyleSheet) -> bool:
    """Whether charts of its registration may use it now."""
    policy = sheet.registration.style_policy
    return bool(sheet.css) and (policy == _POLICY.ON or (policy == _POLICY.ASK and sheet.approved_at is not None))


def address_of(sheet: StyleSheet | None) -> str:
    """Where a page finds it on our own origin; "" when there is none to be used."""
    return reverse("launcher:style", kwargs={"sha256": sheet.sha256}) if sheet and in_use(sheet) else ""


def usable(sha256: str, *, site_id: int) -> StyleSheet | None:
    """The style sheet with this hash that a chart of this site may use now."""
    allowed = Q(registration__style_policy=_POLICY.ON) | Q(
        registration__style_policy=_POLICY.ASK, approved_at__isnull=False
    )
    found = StyleSheet.objects.filter(allowed, sha256=sha256, registration__site_id=site_id)
    return found.exclude(css="").first()


def state_of(sheet: StyleSheet) -> str:
    """In words for administrators: whether it is used, and what it waits for."""
    policy = sheet.registration.style_policy
    if not sheet.css:
        return "Nothing in it can be used"
    if policy == _POLICY.OFF:
        return "Not used: switched off"
    if policy == _POLICY.ON:
        return "Used: always"
    return "Used: approved" if sheet.approved_at else "Waits for approval"


def approve(sheets: QuerySet[StyleSheet], *, actor: str) -> int:
    """Let charts use them where the registration asks first; how many were not approved before."""
    return _decide(sheets.filter(approved_at=None), actor=actor, approved=True)


def withdraw(sheets: QuerySet[StyleSheet], *, actor: str) -> int:
    """Take the approval back; how many had one."""
    return _decide(sheets.filter(approved_at__isnull=False), actor=actor, approved=False)


def _decide(sheets: QuerySet[StyleSheet], *, actor: str, approved: bool) -> int:
    changed = 0
    for sheet in sheets.select_related("registration__site"):
        before = StyleSheet.objects.filter(pk=sheet.pk, approved_at=sheet.approved_at)
        changed += _decide_one(before, sheet, actor=actor, approved=approved)
    return changed


def _decide_one(before: QuerySet[StyleSheet], sheet: StyleSheet, *, actor: str, approved: bool) -> int:
    """Change one and write that down, or neither."""
    with transaction.atomic():
        changed = before.update(approved_at=timezone.now() if approved else None)
        if changed:
            subject = audit.Subject(
                site=sheet.registration.site.domain, registration=sheet.registration.slug, actor=actor
            )
            facts = audit.Facts(detail={"style": sheet.sha256})
            audit.write("style.approved" if approved else "style.withdrawn", subject, facts)
    return changed
