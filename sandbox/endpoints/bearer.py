"""The access token of a request, and how long such tokens live."""

from __future__ import annotations

from django.http import HttpRequest

from sandbox import tokens
from sandbox.addresses import EhrAddress
from sandbox.tokens import Grant


def access_seconds(grant: Grant, address: EhrAddress) -> int:
    return grant.scenario.expires_in or address.personality.expires_in


def bearer_grant(request: HttpRequest, address: EhrAddress) -> Grant | None:
    """The grant behind the bearer token; None when that is missing, forged, expired, revoked, or another EHR's."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        grant = tokens.read("access", value.strip(), max_age=tokens.REFRESH_SECONDS)
        tokens.read("access", value.strip(), max_age=access_seconds(grant, address))
    except tokens.TokenError:
        return None
    if grant.scenario.ehr != address.slug or tokens.is_revoked(grant):
        return None
    return grant
