"""Lets the page that follows a saved form do its work at once, though it is only looked at: once, and within a minute.

Whoever reloads it, or comes back to it later, finds its button instead: the vendor's log is spared.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest

_SALT = "launcher.run-once"
_SECONDS = 60
_KEY = "run_once"


def permit(request: HttpRequest, rows: Sequence[int]) -> str:
    """A query string, with its question mark, that lets this session's next look at these rows' page begin the work."""
    nonce = secrets.token_urlsafe(12)
    request.session[_KEY] = nonce
    return "?" + urlencode({"run": signing.dumps([nonce, *rows], salt=_SALT, compress=True)})


def use_permit(request: HttpRequest, rows: Sequence[int]) -> bool:
    """Whether this look may begin the work; it is the only one that may."""
    try:
        nonce, *permitted = signing.loads(request.GET.get("run", ""), salt=_SALT, max_age=_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    if list(permitted) != list(rows) or nonce != request.session.get(_KEY):
        return False
    del request.session[_KEY]
    return True
