"""Who signed in at the EHR: verifies the id_token to the letter and reads its claims.

OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725 (best practices for JSON Web Tokens); SMART App Launch 2.2, "Scopes
for requesting identity data". The library checks the signature alone; header and payload are read by the strict reader
and judged here, because the library accepts `exp: 1e30` and claims that are given twice.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from launcher.smart import signing_keys
from launcher.smart.answer import Answer
from launcher.smart.errors import SmartError
from launcher.smart.foreign_text import is_fit, plain
from launcher.smart.http import Door
from launcher.smart.origins import parse_base
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonError, JsonValue, parse

DOCUMENT_BYTES = 256 * 1024
TOKEN_MOST = 16 * 1024
LEEWAY_SECONDS = 60
SUBJECT_MOST = 255
# The end of the year 9999: what lies beyond is no date (milliseconds, 1e30).
_LAST_SECOND = 253_402_300_799
_KEYS_MOST = 100

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_USER = re.compile(
    r"(?:https?://[^\s?#]+/)?(?:Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/[A-Za-z0-9.\-]{1,64}"
    r"(?:/_history/[A-Za-z0-9.\-]{1,64})?"
)
_HEADERS_THAT_CHANGE_THE_MEANING = ("crit", "b64", "zip", "enc")


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """A verified person: (issuer, subject) is who they are, the rest is for display and may be "".

    `fhir_user` is the address of their FHIR resource, absolute or relative to the FHIR base. `display` is the best name
    there is: full name, then login.
    """

    issuer: str
    subject: str
    fhir_user: str = ""
    name: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class OpenIdConfiguration:
    """The two facts that matter of an issuer's discovery document."""

    issuer: str
    jwks_uri: str


def fetch_openid(door: Door, issuer: str) -> OpenIdConfiguration:
    """Read `{issuer}/.well-known/openid-configuration`; the document's issuer must be the one it was asked for.

    Raises `identity_invalid`, reasons "issuer", "jwks_uri", "document", "missing" (404), and what the door raises.
    Source: OpenID Connect Discovery 1.0, section 4.3.
    """
    try:
        parse_base(issuer)
    except ValueError:
        _refuse("issuer", "the issuer is not a plain web address")
    body = _document(door, f"{issuer.removesuffix('/')}/.well-known/openid-configuration", reason="document")
    if body.get("issuer") != issuer:
        _refuse("issuer", "the issuer's document names another issuer")
    jwks_uri = plain(body.get("jwks_uri"))
    if not jwks_uri or not door.approves(jwks_uri):
        _refuse("jwks_uri", "the issuer's document names no keys, or keys on an unapproved host")
    if not _as_safe(jwks_uri, as_=issuer):
        _refuse("jwks_uri", "the issuer's document names keys without TLS")
    return OpenIdConfiguration(issuer, jwks_uri)


def _as_safe(url: str, *, as_: str) -> bool:
    """Whether `url` is https, or the other one is not either."""
    return url.partition(":")[0].lower() == "https" or as_.partition(":")[0].lower() == "http"


def fetch_keys(door: Door, jwks_uri: str) -> list[dict[str, object]]:
    """The issuer's public keys as JSON objects, at most 100, without private parts and certificates.

    Raises `identity_invalid`, reason "keys", if there are none, and what the door raises: a cached set stays better.
    """
    listed = _document(door, jwks_uri, reason="keys").get("keys")
    keys = [_public(key) for key in listed if isinstance(key, dict)][:_KEYS_MOST] if isinstance(listed, list) else []
    if not keys:
        _refuse("keys", "the EHR publishes no keys")
    return keys


def _public(key: Mapping[str, JsonValue]) -> dict[str, object]:
    kept: dict[str, object] = {
        name: value
        for name in ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
        if isinstance(value := key.get(name), str)
    }
    operations = key.get("key_ops")
    if isinstance(operations, list):
        kept["key_ops"] = [operation for operation in operations if isinstance(operation, str)]
    return kept


def _document(door: Door, url: str, *, reason: str) -> Mapping[str, JsonValue]:
    answer: Answer = door.get(url, accept="application/json", max_bytes=DOCUMENT_BYTES, failure="identity_invalid")
    if answer.status != 200:
        reason = "missing" if answer.status in {404, 410} and reason == "document" else reason
        _refuse(reason, f"the EHR's sign-in document answered with status {answer.status}", status=answer.status)
    return _object(answer.body, reason=reason)


def verify_id_token(
    token: Secret,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    keys: Sequence[Mapping[str, object]],
    algorithms: Sequence[str] = ("RS256",),
    now: float | None = None,
) -> IdentityClaims:
    """Verify signature and claims and read who it is; parameters and failures as of `verified_claims`."""
    claims = verified_claims(
        token, issuer=issuer, client_id=client_id, nonce=nonce, keys=keys, algorithms=algorithms, now=now
    )
    name = _name(claims)
    login = plain(claims.get("preferred_username"), most=200)
    return IdentityClaims(issuer, str(claims["sub"]), fhir_user=_fhir_user(claims), name=name, display=name or login)


def verified_claims(
    token: Secret,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    keys: Sequence[Mapping[str, object]],
    algorithms: Sequence[str] = ("RS256",),
    now: float | None = None,
) -> Mapping[str, JsonValue]:
    """All claims of a token whose signature and claims hold; `sub` is then a usable text.

    `nonce` is "" if none was sent, `now` in seconds since 1970 (default: the clock).
    Every failure is `identity_invalid` whose reason names the part: "form", "alg", "header", "kid" (no key that we know
    fits: newer ones may), "key", "signature", "payload", "iss", "aud", "azp", "exp", "nbf", "iat", "nonce", "sub".
    """
    text = token.reveal()
    if len(text) > TOKEN_MOST or not _COMPACT.fullmatch(text):
        _refuse("form", "the id_token is not a signed token in compact form")
    payload = _signed_payload(text, keys=keys, algorithms=algorithms)
    claims = _object(payload, reason="payload")
    if claims.get("iss") != issuer:
        _refuse("iss", "the id_token is of another issuer")
    _check_audience(claims, client_id)
    _check_times(claims, time.time() if now is None else now)
    if nonce and claims.get("nonce") != nonce:
        _refuse("nonce", "the id_token has not the nonce of this launch")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MOST or not is_fit(subject):
        _refuse("sub", "the id_token names no usable subject")
    return claims


def claimed_issuer(token: Secret) -> str:
    """The `iss` that an id_token gives itself, unverified: only where to ask for the keys that then judge it, or "".

    Source: SMART App Launch 2.2, "Steps for using an ID token", for EHRs that publish no issuer of their own.
    """
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return ""
    try:
        payload = parse(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return ""
    return plain(payload.get("iss")) if isinstance(payload, dict) else ""


def _signed_payload(text: str, *, keys: Sequence[Mapping[str, object]], algorithms: Sequence[str]) -> bytes:
    header = _object(_decoded(text.split(".")[0], reason="header"), reason="header")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or not signing_keys.key_type(algorithm):
        _refuse("alg", "the id_token is not signed with an accepted algorithm")
    if any(name in header for name in _HEADERS_THAT_CHANGE_THE_MEANING):
        _refuse("header", "the id_token's header has an extension that is not understood")
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        _refuse("kid", "the id_token's key id is not a text")
    for key in signing_keys.candidates(keys, algorithm=algorithm, kid=kid):
        try:
            payload: bytes = PyJWS().decode(text, key, algorithms=[algorithm])
            return payload
        except PyJWTError:
            continue
    # Without a key id, a key that we do not know yet looks the same as a forgery: newer keys may tell.
    _refuse("signature" if kid is not None else "kid", "the id_token's signature is wrong")


def _check_audience(claims: Mapping[str, JsonValue], client_id: str) -> None:
    sent = claims.get("aud")
    audiences = [sent] if isinstance(sent, str) else sent
    if not isinstance(audiences, list) or not all(isinstance(each, str) for each in audiences):
        _refuse("aud", "the id_token's audience is missing or malformed")
    if client_id not in audiences:
        _refuse("aud", "the id_token is for another client")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        _refuse("azp", "the id_token was issued to another client")


def _check_times(claims: Mapping[str, JsonValue], now: float) -> None:
    """Context `seconds_off` tells an administrator how far the clocks are apart."""
    ends = _seconds(claims, "exp")
    if ends is None:
        _refuse("exp", "the id_token does not say when it ends")
    if ends <= now - LEEWAY_SECONDS:
        _refuse("exp", "the id_token has ended", seconds_off=int(now - ends))
    for name in ("nbf", "iat"):
        begins = _seconds(claims, name)
        if begins is not None and begins > now + LEEWAY_SECONDS:
            _refuse(name, f"the id_token's {name} lies in the future", seconds_off=int(begins - now))


def _seconds(claims: Mapping[str, JsonValue], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= _LAST_SECOND:
        _refuse(name, f"the id_token's {name} is not a usable time")
    return float(value)


def _fhir_user(claims: Mapping[str, JsonValue]) -> str:
    """`fhirUser`, or `profile` as SMART 1.0 had it (elsewhere that is a home page, which has not this form)."""
    found = (plain(claims.get(name)) for name in ("fhirUser", "profile"))
    return next((text for text in found if _USER.fullmatch(text)), "")


def _name(claims: Mapping[str, JsonValue]) -> str:
    given, family = (plain(claims.get(name), most=200) for name in ("given_name", "family_name"))
    return plain(claims.get("name"), most=200) or f"{given} {family}".strip()


def _decoded(part: str, *, reason: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        _refuse(reason, f"the id_token's {reason} is not base64url")


def _object(body: bytes, *, reason: str) -> Mapping[str, JsonValue]:
    try:
        value = parse(body)
    except JsonError as error:
        _refuse(reason, f"not acceptable JSON ({error.reason})")
    if not isinstance(value, dict):
        _refuse(reason, "not a JSON object")
    return value


def _refuse(reason: str, description: str, **context: int) -> NoReturn:
    # Raised without the cause: the library's messages quote the token.
    raise SmartError("identity_invalid", description, reason=reason, context=context) from None
