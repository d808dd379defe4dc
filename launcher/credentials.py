"""What a registration still lacks before it may be used: what the vendor gives when the app is registered there."""

from __future__ import annotations

from launcher.models import EhrRegistration

_WITH_SECRET = frozenset({EhrRegistration.AuthMethod.BASIC, EhrRegistration.AuthMethod.POST})


def missing(registration: EhrRegistration) -> tuple[str, ...]:
    """The fields that are to be filled in: "client ID", "client secret". Opens no secret."""
    lacking = [] if registration.client_id else ["client ID"]
    if registration.auth_method in _WITH_SECRET and not has_secret(registration):
        lacking.append("client secret")
    return tuple(lacking)


def has_secret(registration: EhrRegistration) -> bool:
    """Whether a secret is stored, or named elsewhere; whether it can be read is another question."""
    return bool(registration.secret_from) or has_stored_secret(registration)


def has_stored_secret(registration: EhrRegistration) -> bool:
    # Asked of the row as it was read: reading the attribute would decrypt it.
    if "client_secret" in registration.get_deferred_fields():
        registration.refresh_from_db(fields=["client_secret"])
    return bool(registration.__dict__.get("client_secret"))


def in_words(lacking: tuple[str, ...]) -> str:
    return " and ".join(lacking)
