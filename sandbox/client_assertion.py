"""Checks a client's signed assertion (`private_key_jwt`): SMART App Launch 2.2, "Client authentication: asymmetric".

RFC 7523, section 3. What a real EHR demands is demanded here, so that a careless client fails at the simulation.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import jwt
from django.core.cache import cache

from sandbox import jwks_fetch
from sandbox.clients import SandboxClient

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = {"RS384": "RSA", "ES384": "EC"}
_PUBLIC_PARTS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
LIFE_SECONDS = 300
_CLOCK_SECONDS = 2
_MEMORY_SECONDS = 24 * 3600


class AssertionRefused(ValueError):
    """The assertion does not show who the client is; the text says why."""


def client_id_of(assertion: str) -> str:
    """The client that an assertion claims to come from, unchecked; raises AssertionRefused."""
    return str(_unverified(assertion).get("sub", ""))


def _unverified(assertion: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError) as error:
        raise AssertionRefused("the assertion is not a JWT") from error
    return claims


def check(assertion: str, client: SandboxClient, *, token_url: str) -> None:
    """Raise AssertionRefused unless header, key, signature and claims are as the standard wants them."""
    claims = _unverified(assertion)
    header = jwt.get_unverified_header(assertion)
    _check_header(header, client)
    _check_signature(assertion, header, client)
    _check_claims(claims, client, token_url)


def _check_header(header: Mapping[str, Any], client: SandboxClient) -> None:
    if header.get("typ") != "JWT":
        raise AssertionRefused("typ is not JWT")
    if header.get("alg") not in ALGORITHMS:
        raise AssertionRefused("alg is neither RS384 nor ES384")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise AssertionRefused("kid is missing")
    if header.get("jku", client.jwks_url) != client.jwks_url:
        raise AssertionRefused("jku is not the registered JWKS address")


def _check_signature(assertion: str, header: Mapping[str, Any], client: SandboxClient) -> None:
    key = _key(header, client)
    try:
        public = jwt.PyJWK({name: key.get(name) for name in _PUBLIC_PARTS[key["kty"]]}, algorithm=header["alg"])
        jwt.PyJWS().decode(assertion, public, algorithms=[header["alg"]])
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, jwt.PyJWKError, ValueError, TypeError) as error:
        raise AssertionRefused("the signature is not by the registered key") from error


def _key(header: Mapping[str, Any], client: SandboxClient) -> dict[str, Any]:
    """The one key that fits `kid` and `alg`: with none or several the check fails."""
    try:
        keys = jwks_fetch.fetch(client.jwks_url)
    except jwks_fetch.KeysError as error:
        raise AssertionRefused(str(error)) from error
    fitting = [key for key in keys if key.get("kid") == header["kid"] and key.get("kty") == ALGORITHMS[header["alg"]]]
    if len(fitting) != 1:
        raise AssertionRefused(f"{len(fitting)} keys at the registered JWKS address have this kid")
    if set(fitting[0]) & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
        raise AssertionRefused("the registered JWKS address publishes a private key")
    return fitting[0]


def _check_claims(claims: Mapping[str, Any], client: SandboxClient, token_url: str) -> None:
    if not claims.get("iss") == claims.get("sub") == client.client_id:
        raise AssertionRefused("iss and sub are not the client_id")
    if claims.get("aud") != token_url:
        raise AssertionRefused("aud is not the address of this token endpoint")
    expires, now = claims.get("exp"), time.time()
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise AssertionRefused("exp is missing")
    if not now - _CLOCK_SECONDS < expires <= now + LIFE_SECONDS + _CLOCK_SECONDS:
        raise AssertionRefused("exp is past, or more than five minutes ahead")
    _check_unused(claims.get("jti"), client)


def _check_unused(jti: object, client: SandboxClient) -> None:
    if not isinstance(jti, str) or not jti:
        raise AssertionRefused("jti is missing")
    mark = hashlib.sha256(f"{client.client_id} {jti}".encode()).hexdigest()
    if not cache.add(f"sandbox-jti-{mark}", 1, timeout=_MEMORY_SECONDS):
        raise AssertionRefused("jti was used before")
