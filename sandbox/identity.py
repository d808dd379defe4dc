"""The id_token of a simulated EHR (OpenID Connect Core 1.0, section 2; SMART's `fhirUser`), and the faults in it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt

from sandbox import faults, keys
from sandbox.addresses import EhrAddress
from sandbox.tokens import Grant

LIFE_SECONDS = 300

Claims = dict[str, Any]


def _claims(address: EhrAddress, grant: Grant) -> Claims:
    now = int(time.time())
    provider = address.personality.provider
    claims: Claims = {
        "iss": address.issuer,
        "sub": provider.login,
        "aud": grant.client_id,
        "iat": now,
        "exp": now + LIFE_SECONDS,
    }
    if grant.nonce:
        claims["nonce"] = grant.nonce
    scopes = grant.scope.split()
    if "fhirUser" in scopes:
        claims["fhirUser"] = address.fhir_user
    if not address.personality.named:
        return claims
    if "profile" in scopes:
        claims |= {"profile": address.fhir_user, "name": provider.name, "preferred_username": provider.login}
    elif "fhirUser" in scopes:
        claims["name"] = provider.name
    return claims


def _without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**changes: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **changes}


def _expired(claims: Claims) -> Claims:
    return {**claims, "iat": claims["iat"] - 660, "exp": claims["iat"] - 360}


CLAIM_FAULTS: dict[str, Callable[[Claims], Claims]] = {
    "id-wrong-iss": _with(iss=faults.STRANGER),
    "id-wrong-aud": _with(aud="some-other-client"),
    "id-wrong-nonce": _with(nonce="not-the-nonce-that-was-sent"),
    "id-no-nonce": _without("nonce"),
    "id-no-sub": _without("sub"),
    "id-expired": _expired,
}


def _sign(claims: Claims, *, kid: str) -> str:
    return jwt.encode(claims, keys.signing_key(), algorithm="RS256", headers={"kid": kid})


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(claims: Claims, kid: str) -> str:
    return f"{_part({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{_part(claims)}."


def _flipped(claims: Claims, kid: str) -> str:
    head, payload, signature = _sign(claims, kid=kid).split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[len(raw) // 2] ^= 1
    return f"{head}.{payload}.{base64.urlsafe_b64encode(bytes(raw)).rstrip(b'=').decode()}"


SIGNATURE_FAULTS: dict[str, Callable[[Claims, str], str]] = {
    "id-alg-none": _unsigned,
    "id-bad-signature": _flipped,
    "id-unknown-kid": lambda claims, kid: _sign(claims, kid=f"not-{kid}"),
}


def id_token(address: EhrAddress, grant: Grant, *, sub: str = "") -> str:
    """The signed id_token for this grant, with the fault that its scenario asks for; `sub` replaces who signed in."""
    fault = grant.scenario.fault
    kid = keys.public_jwk()["kid"]
    claims = _claims(address, grant)
    if sub:
        claims = {**claims, "sub": sub}
    if fault in CLAIM_FAULTS:
        claims = CLAIM_FAULTS[fault](claims)
    seal = SIGNATURE_FAULTS.get(fault)
    return seal(claims, kid) if seal else _sign(claims, kid=kid)
