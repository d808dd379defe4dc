"""The audit of the staff's sign-ins, whichever way they came: signed in, signed out, failed, locked out."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from typing import Any

from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from launcher import audit
from launcher.lockout import account_of, address_of
from launcher.membership import site_name, staff_name

# While somebody is locked out each further try is refused; the trail says so once a minute, or it could be filled.
QUIET_SECONDS = 60
_WAYS = {"StaffBackend": "provider", "ModelBackend": "password"}

logger = logging.getLogger("smartportal.staff")


def listen() -> None:
    """Called once, when the apps are loaded. Of the users of this program, only the staff have sessions."""
    user_logged_in.connect(signed_in, dispatch_uid="smartportal.staff.signed_in")
    user_logged_out.connect(signed_out, dispatch_uid="smartportal.staff.signed_out")
    user_login_failed.connect(failed, dispatch_uid="smartportal.staff.failed")
    user_locked_out.connect(locked, dispatch_uid="smartportal.staff.locked")


def signed_in(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """The session's hours begin. An event that cannot be written ends in an error, and so in no session."""
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    way = _WAYS.get(str(getattr(user, "backend", "")).rpartition(".")[2], "other")
    facts = audit.Facts(detail={"way": way, **_from(request)})
    audit.write("admin.login", _subject(request, staff_name(user)), facts)


def signed_out(request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Signing out is not prevented by an audit that cannot be written; the log has it then."""
    if user is None:
        return
    try:
        audit.write("admin.logout", _subject(request, staff_name(user)))
    except DatabaseError as failure:
        logger.error("a sign-out could not be audited: %s", type(failure).__name__)


def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """A wrong password. Of an unknown account a keyed hash is kept: people type passwords where names belong."""
    if request is None or _was_locked(request):
        return
    facts = audit.Facts(outcome="refused", reason="password", detail=_from(request))
    audit.write("admin.login_failed", _subject(request, f"staff {account_of(request, credentials)}"), facts)


def locked(request: HttpRequest, username: str, ip_address: str | None, **kwargs: Any) -> None:
    """Whoever is locked out tries on, or has just become so."""
    who = hashlib.sha256(f"{username}\n{ip_address}".encode()).hexdigest()[:32]
    if not cache.add(f"locked:{who}", 1, QUIET_SECONDS):
        return
    facts = audit.Facts(outcome="refused", reason="too_many_tries", detail=_from(request))
    audit.write("admin.locked", _subject(request, f"staff {username}"), facts)


def _was_locked(request: HttpRequest) -> bool:
    """Whether the password was not even looked at: then axes counts nothing. The failure that locks is counted."""
    return getattr(request, "axes_locked_out", False) and getattr(request, "axes_failures_since_start", None) is None


def _subject(request: HttpRequest, actor: str) -> audit.Subject:
    # A session that a script makes comes by no host.
    return audit.Subject(site=site_name(request) if "SERVER_NAME" in request.META else "", actor=actor)


def _from(request: HttpRequest) -> dict[str, str | int]:
    address = address_of(request)
    return {"address": address} if address else {}
