"""Stops the guessing of passwords at the admin: what django-axes counts, how far it counts, and the page that says so.

Docs: `docs/staff-sign-in.md`, `docs/decisions/0010-django-axes.md`. NIST SP 800-63B, section 5.2.2 (at most 100 failed
tries for one account); OWASP ASVS 5.0, 6.3.1.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from launcher.throttle import client_address

MOST = (10, 30, 100)
"""How many failures lock: of one account from one address, of one address, of one account; as AXES_LOCKOUT_PARAMETERS
has them, and the first as AXES_FAILURE_LIMIT."""


class PasswordLockout(AxesStandaloneBackend):  # type: ignore[misc]  # the package has no types
    """Refuses the passwords of whoever is locked out, the right one as well.

    It takes a user name and a password and nothing else, so that Django does not ask it about launches and about
    sign-ins at the provider: those are not guessed, and cost no query here. Neither is asked what comes without a
    request, from a shell or a script on this server: there is no address to count by.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None
    ) -> None:
        if request is not None:
            super().authenticate(request, username=username, password=password)


class CountedFailures(AxesDatabaseHandler):  # type: ignore[misc]
    """Axes has one limit for everything; here each way of counting has its own."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The count that is nearest to its limit, as if that limit were the first of `MOST`."""
        counts = [_failures(attempts) for attempts in self.get_user_attempts(request, credentials)]
        return max(count * MOST[0] // most for count, most in zip(counts, MOST, strict=True))


def _failures(attempts: Any) -> int:
    return int(attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0)


def address_of(request: HttpRequest) -> str | None:
    """The address to count by (AXES_CLIENT_IP_CALLABLE): of IPv6 the network that one customer is given.

    None when there is none, as behind a proxy on a Unix socket that says nothing.
    """
    text = client_address(request)
    if not text:
        return None
    address = ip_address(text)
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))


def account_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The account that was tried (AXES_USERNAME_CALLABLE): its name if there is one of this name, else a keyed hash.

    People type their password where the name belongs: what names no account is kept nowhere as it was typed.
    """
    typed = str((credentials or {}).get("username") or "")
    known: dict[str, str] = request.__dict__.setdefault("_accounts_tried", {})
    if typed not in known:
        exists = get_user_model().objects.filter(username=typed).exists()
        known[typed] = typed if exists else f"unknown {salted_hmac(__name__, typed).hexdigest()[:16]}"
    return known[typed]


def locked_page(request: HttpRequest, response: HttpResponse | None, credentials: object) -> HttpResponse:
    """The answer to every try while locked (AXES_LOCKOUT_CALLABLE), whether there is such an account or not."""
    seconds = settings.AXES_COOLOFF_TIME.seconds
    context = {**admin.site.each_context(request), "title": "Too many tries", "minutes": seconds // 60}
    page = render(request, "admin/locked.html", context, status=429)
    page["Retry-After"] = str(seconds)
    return page


def forget_old() -> int:
    """Delete the counts that lock nobody any more; says how many."""
    old = AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - settings.AXES_COOLOFF_TIME)
    deleted, _ = old.delete()
    return int(deleted)
