"""An OpenID provider that people sign in at: where its endpoints are, what a code is worth, who somebody is.

OpenID Connect Core 1.0, sections 3.1.3 and 5.3; OpenID Connect Discovery 1.0, section 4; RFC 9207 (`iss` in answers).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from launcher.smart import back_channel
from launcher.smart.answer import Answer
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.foreign_text import plain, words
from launcher.smart.http import Door
from launcher.smart.identity import DOCUMENT_BYTES
from launcher.smart.origins import origin_of, parse_base
from launcher.smart.registration import ClientRegistration, Network
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonError, JsonValue, parse

SECONDS = 8.0
"""Somebody looks at an empty page meanwhile, and a provider that is down must not hold all workers."""

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What the provider's discovery document says, of what a sign-in needs; `userinfo_endpoint` may be ""."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    auth_methods: tuple[str, ...] = ()
    names_itself: bool = False
    """Whether it puts its issuer into every answer (RFC 9207), so that one without it is not its own."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Provider:
        return cls(**{**stored, "auth_methods": tuple(stored["auth_methods"])})


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was worth. `access_token` is empty where the provider sent none."""

    id_token: Secret
    access_token: Secret


def fetch_provider(door: Door, issuer: str) -> Provider:
    """Read `{issuer}/.well-known/openid-configuration`; the document's issuer must be the one it was asked for.

    Raises `identity_invalid`, reasons "document", "issuer" and "endpoint", and what the door raises.
    """
    address = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    answer = door.get(
        address, accept="application/json", max_bytes=DOCUMENT_BYTES, failure="identity_invalid", seconds=SECONDS
    )
    body = _object(answer, "document")
    if body.get("issuer") != issuer:
        _refuse("issuer", "the provider's document names another issuer")
    for name in _NEEDED:
        if not _usable(plain(body.get(name)), issuer):
            _refuse("endpoint", f"the provider's document names no usable {name}")
    userinfo = plain(body.get("userinfo_endpoint"))
    return Provider(
        issuer=issuer,
        **{name: plain(body.get(name)) for name in _NEEDED},
        userinfo_endpoint=userinfo if _usable(userinfo, issuer) and _without_query(userinfo) else "",
        auth_methods=words(body.get("token_endpoint_auth_methods_supported")),
        names_itself=body.get("authorization_response_iss_parameter_supported") is True,
    )


def _usable(url: str, issuer: str) -> bool:
    """Whether it is a plain web address, and as safe as the issuer's own."""
    try:
        return origin_of(url).scheme == "https" or origin_of(issuer).scheme == "http"
    except ValueError:
        return False


def _without_query(url: str) -> bool:
    try:
        parse_base(url)
    except ValueError:
        return False
    return True


def door_to(provider: Provider, *, networks: tuple[Network, ...], ca_bundle: str) -> Door:
    """The door for token endpoint and keys: wherever the provider's own document says that they are."""
    return Door(
        fhir_base=provider.issuer,
        approved_origins=(provider.token_endpoint, provider.jwks_uri),
        networks=networks,
        ca_bundle=ca_bundle,
    )


def exchange_code(
    door: Door, provider: Provider, client: ClientRegistration, *, code: str, redirect_uri: str, verifier: str
) -> Tokens:
    """Redeem a code, once. Raises as `back_channel.judged`; `identity_invalid`, "missing", without an id_token."""
    form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    ]
    config = SmartConfiguration(
        authorization_endpoint=provider.authorization_endpoint,
        token_endpoint=provider.token_endpoint,
        token_endpoint_auth_methods_supported=provider.auth_methods,
    )
    body = back_channel.ask(door, client, config, form=form, bad_grant="code_rejected")
    id_token, access_token = body.get("id_token"), body.get("access_token")
    if not isinstance(id_token, str):
        _refuse("missing", "the provider sent no id_token")
    return Tokens(Secret(id_token), Secret(access_token if isinstance(access_token, str) else ""))


def check_access_token(claims: Mapping[str, JsonValue], access_token: Secret) -> None:
    """Raise `identity_invalid`, "at_hash", for an access token that is not the one the id_token speaks of.

    Core, section 3.1.3.8; the hash is SHA-256 with every algorithm that is accepted here.
    """
    said = claims.get("at_hash")
    if said is None:
        return
    half = hashlib.sha256(access_token.reveal().encode()).digest()[:16]
    expected = base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")
    if not isinstance(said, str) or not said.isascii() or not hmac.compare_digest(said.rstrip("="), expected):
        _refuse("at_hash", "the access token is not the one of the id_token")


def fetch_userinfo(
    provider: Provider, *, subject: str, access_token: Secret, networks: tuple[Network, ...], ca_bundle: str
) -> Mapping[str, JsonValue]:
    """What else the provider says of somebody; the token goes to that one address.

    Raises `identity_invalid`, "userinfo" and "userinfo_sub" (it speaks of somebody else: Core, section 5.3.2), and what
    the door raises.
    """
    door = Door(fhir_base=provider.userinfo_endpoint, networks=networks, ca_bundle=ca_bundle)
    answer = door.get_fhir(
        provider.userinfo_endpoint,
        token=access_token,
        accept="application/json",
        max_bytes=DOCUMENT_BYTES,
        failure="identity_invalid",
        seconds=SECONDS,
    )
    body = _object(answer, "userinfo")
    if body.get("sub") != subject:
        _refuse("userinfo_sub", "the provider's further claims are somebody else's")
    return body


def claim_at(claims: Mapping[str, JsonValue], name: str) -> JsonValue:
    """A claim by its name, else by a path with dots ("realm_access.roles"); None when there is none."""
    if name in claims:
        return claims[name]
    value: JsonValue = dict(claims)
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _object(answer: Answer, reason: str) -> Mapping[str, JsonValue]:
    if answer.status != 200:
        _refuse(reason, f"the provider answered with status {answer.status}", status=answer.status)
    try:
        value = parse(answer.body)
    except JsonError as error:
        _refuse(reason, f"the provider's answer is not acceptable JSON ({error.reason})")
    if not isinstance(value, dict):
        _refuse(reason, "the provider's answer is not a JSON object")
    return value


def _refuse(reason: str, description: str, **context: int) -> NoReturn:
    raise SmartError("identity_invalid", description, reason=reason, context=context) from None
