"""Our cookies: each binds one thing to one browser, says nothing, and works inside an EHR's frame.

With an https address they carry the prefixes of RFC 6265bis and `Partitioned` (CHIPS); on a development machine with a
plain http address browsers refuse those, so the names are bare and SameSite is Lax.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase

from launcher import conf

PENDING_SECONDS = 600
BROWSER_SECONDS = 30 * 24 * 3600
_PENDING = re.compile(r"(?:__Host-)?(sp-[0-9a-f]{8})")


def new_secret() -> str:
    """192 random bits: small enough for fifty cookies in one header of 4,096 bytes."""
    return secrets.token_urlsafe(24)


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def matches(value: str, stored_hash: str) -> bool:
    return bool(value) and hmac.compare_digest(hashed(value), stored_hash)


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie by name and place. `host` prefixes demand Path=/, `secure` ones allow another path."""

    name: str
    path: str = "/"
    seconds: int | None = None

    @property
    def full_name(self) -> str:
        if not conf.secure_cookies():
            return self.name
        return f"__Host-{self.name}" if self.path == "/" else f"__Secure-{self.name}"

    def read(self, request: HttpRequest) -> str:
        return request.COOKIES.get(self.full_name, "")

    def set(self, response: HttpResponseBase, value: str) -> None:
        self._write(response, value, self.seconds)

    def drop(self, response: HttpResponseBase) -> None:
        self._write(response, "", 0)

    def _write(self, response: HttpResponseBase, value: str, seconds: int | None) -> None:
        secure = conf.secure_cookies()
        response.set_cookie(
            self.full_name,
            value,
            max_age=seconds,
            path=self.path,
            secure=secure,
            httponly=True,
            samesite="None" if secure else "Lax",
        )
        if secure:
            # Django 5.2 cannot write Partitioned; http.cookies on Python 3.11 writes the attribute out as it stands.
            response.cookies[self.full_name]["samesite"] = "None; Partitioned"


BROWSER = Cookie("sp-browser", seconds=BROWSER_SECONDS)
"""Tells which launches were started in one browser; nothing opens with it."""


def pending_cookie(state: str) -> Cookie:
    return Cookie(f"sp-{hashed(state)[:8]}", seconds=PENDING_SECONDS)


def surplus_pending(request: HttpRequest, *, keep: int) -> list[Cookie]:
    """The oldest cookies of launches on their way, beyond `keep`: browsers send them in that order (RFC 6265, 5.4)."""
    found = [Cookie(match[1]) for match in map(_PENDING.fullmatch, request.COOKIES) if match]
    return found[: max(0, len(found) - keep)]


def launch_cookie(launch_id: str) -> Cookie:
    """Sent for this one chart only; without a closing slash in its path both forms of the address get it."""
    return Cookie("sp-launch", path=f"/chart/{launch_id}")


def has_any(request: HttpRequest) -> bool:
    """Whether the browser keeps cookies for us here."""
    return bool(BROWSER.read(request))
