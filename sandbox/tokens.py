"""Codes and tokens as signed values; that a code or refresh token was used is remembered in Django's cache.

With the local-memory cache "used once" holds within one process; with a shared cache, across all of them.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from django.core import signing
from django.core.cache import cache

from sandbox.scenario import LaunchScenario, ScenarioError

Kind = Literal["code", "access", "refresh", "consent", "choice"]

REFRESH_SECONDS = 24 * 3600


class TokenError(ValueError):
    """The value is forged, of another kind, or too old."""


def _new_serial() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the provider allowed: carried by the code, then by every token made from it.

    `family` is common to all of them, so that they can be revoked together; `serial` is each value's own.
    """

    scenario: LaunchScenario
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str = ""
    code_challenge: str = ""
    state: str = ""
    response_mode: str = ""
    family: str = field(default_factory=_new_serial)
    serial: str = ""
    made_at: int = 0

    def to_plain(self) -> dict[str, Any]:
        return {
            "s": self.scenario.to_plain(),
            "c": self.client_id,
            "r": self.redirect_uri,
            "p": self.scope,
            "n": self.nonce,
            "h": self.code_challenge,
            "t": self.state,
            **({"m": self.response_mode} if self.response_mode else {}),
            "f": self.family,
            "i": _new_serial(),
            "a": int(time.time()),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Grant:
        return cls(
            scenario=LaunchScenario.from_plain(plain["s"]),
            client_id=plain["c"],
            redirect_uri=plain["r"],
            scope=plain["p"],
            nonce=plain["n"],
            code_challenge=plain["h"],
            state=plain["t"],
            response_mode=plain.get("m", ""),
            family=plain["f"],
            serial=plain["i"],
            made_at=plain["a"],
        )


def mint(kind: Kind, grant: Grant) -> str:
    """A new signed value; two calls never give the same one."""
    return signing.TimestampSigner(salt=f"sandbox.{kind}", sep=".").sign_object(grant.to_plain())


def read(kind: Kind, value: str, *, max_age: int) -> Grant:
    """Open a value made by `mint`; raises TokenError when it is of another kind, changed, or older (seconds)."""
    try:
        plain = signing.TimestampSigner(salt=f"sandbox.{kind}", sep=".").unsign_object(value, max_age=max_age)
        return Grant.from_plain(plain)
    except (signing.BadSignature, ScenarioError, ValueError) as error:
        raise TokenError(f"not a usable {kind}") from error


def spend(grant: Grant, *, seconds: int) -> bool:
    """Mark this very value as used; False when it was used before."""
    return bool(cache.add(f"sandbox-spent-{grant.serial}", 1, timeout=seconds))


def is_spent(grant: Grant) -> bool:
    return cache.get(f"sandbox-spent-{grant.serial}") is not None


def revoke(grant: Grant) -> None:
    """End every token of the same family (RFC 6749, section 4.1.2: a code used twice ends what was made from it)."""
    cache.set(f"sandbox-revoked-{grant.family}", 1, timeout=REFRESH_SECONDS)


def is_revoked(grant: Grant) -> bool:
    return cache.get(f"sandbox-revoked-{grant.family}") is not None
