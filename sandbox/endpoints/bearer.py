"""The access token of a request: how it is made, how long it lives, and what it opens."""

from __future__ import annotations

import jwt
from django.http import HttpRequest

from sandbox import keys, tokens
from sandbox.addresses import EhrAddress
from sandbox.scenario import PATIENT_CLAIM
from sandbox.tokens import Grant

BACKEND_SECONDS = 300


def access_seconds(grant: Grant, address: EhrAddress) -> int:
    if is_backend(grant):
        return BACKEND_SECONDS
    return grant.scenario.expires_in or address.personality.expires_in


def is_backend(grant: Grant) -> bool:
    """Whether a client got this for itself (client_credentials): then there was no way back to a browser."""
    return not grant.redirect_uri


def access_token(grant: Grant) -> str:
    """A new access token: opaque, or a JWT where the scenario wants the patient's id in it."""
    token = tokens.mint("access", grant)
    if grant.scenario.patient_in != "claim":
        return token
    claims = {PATIENT_CLAIM: grant.scenario.patient, "aud": grant.client_id, "handle": token}
    return jwt.encode(claims, keys.signing_key(), algorithm="RS256", headers={"kid": keys.public_jwk()["kid"]})


def opened(value: str, address: EhrAddress) -> Grant | None:
    """The grant behind an access token; None when it is forged, expired, revoked, or another EHR's."""
    handle = _handle(value)
    try:
        grant = tokens.read("access", handle, max_age=tokens.REFRESH_SECONDS)
        tokens.read("access", handle, max_age=access_seconds(grant, address))
    except tokens.TokenError:
        return None
    if grant.scenario.ehr != address.slug or tokens.is_revoked(grant):
        return None
    return grant


def _handle(value: str) -> str:
    """Our own signed value, taken out of a JWT; its own signature is what is checked."""
    try:
        return str(jwt.decode(value, options={"verify_signature": False}).get("handle", value))
    except jwt.InvalidTokenError:
        return value


def bearer_grant(request: HttpRequest, address: EhrAddress) -> Grant | None:
    """The grant behind the bearer token of a request, or None."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return opened(value.strip(), address) if scheme.lower() == "bearer" else None
