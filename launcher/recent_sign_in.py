"""How long ago the person of a staff session proved who they are: some pages want that to be minutes, not hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils import timezone

RECENT = timedelta(minutes=10)
_KEY = "signed_in_at"


def listen() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="smartportal.recent_sign_in")


def note(request: HttpRequest) -> None:
    """The person has just shown their password, or came from the sign-in."""
    request.session[_KEY] = timezone.now().isoformat()


def is_recent(request: HttpRequest) -> bool:
    """Whether that was in the last ten minutes, in this very session."""
    try:
        at = datetime.fromisoformat(str(request.session.get(_KEY, "")))
    except ValueError:
        return False
    return timedelta(0) <= timezone.now() - at <= RECENT


def _signed_in(sender: object, request: HttpRequest | None, **kwargs: Any) -> None:
    if request is not None and hasattr(request, "session"):
        note(request)
