"""The hospital's provider as it is reached: its document and keys from the cache, everything through the one door."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from launcher import conf
from launcher.smart import identity, openid_provider
from launcher.smart.errors import SmartError
from launcher.smart.foreign_text import words
from launcher.smart.http import Door
from launcher.smart.openid_provider import Provider, Tokens
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonValue
from launcher.staff.options import Options
from launcher.stale_cache import fetched_once

ALGORITHMS = ("RS256", "ES256")


def provider_of(options: Options) -> Provider:
    """What the provider publishes, at most ten minutes old. Raises as `openid_provider.fetch_provider`."""
    door = Door(fhir_base=options.issuer, networks=conf.allowed_networks(), ca_bundle=settings.SMARTPORTAL_CA_BUNDLE)
    stored = fetched_once(
        "staff-provider",
        (options.issuer,),
        lambda: openid_provider.fetch_provider(door, options.issuer).to_json(),
    )
    return Provider.from_json(stored)


def redeemed(options: Options, provider: Provider, *, code: str, redirect_uri: str, verifier: str) -> Tokens:
    """Raises as `openid_provider.exchange_code`."""
    client = options.client(redirect_uri=redirect_uri)
    door = _door(provider)
    return openid_provider.exchange_code(
        door, provider, client, code=code, redirect_uri=redirect_uri, verifier=verifier
    )


def believed(options: Options, provider: Provider, tokens: Tokens, *, nonce: str) -> Mapping[str, JsonValue]:
    """The claims of the id_token; an unknown key id makes us ask for the keys once more (at most once a minute).

    Raises `identity_invalid` as `identity.verified_claims`, and "at_hash".
    """
    try:
        claims = _verified(options, provider, tokens, nonce=nonce)
    except SmartError as error:
        if error.reason != "kid":
            raise
        claims = _verified(options, provider, tokens, nonce=nonce, refetch=True)
    openid_provider.check_access_token(claims, tokens.access_token)
    return claims


def _verified(
    options: Options, provider: Provider, tokens: Tokens, *, nonce: str, refetch: bool = False
) -> Mapping[str, JsonValue]:
    door = _door(provider)
    keys = fetched_once(
        "staff-keys",
        (provider.issuer, provider.jwks_uri),
        lambda: identity.fetch_keys(door, provider.jwks_uri),
        refetch=refetch,
    )
    return identity.verified_claims(
        tokens.id_token,
        issuer=options.issuer,
        client_id=options.client_id,
        nonce=nonce,
        keys=keys,
        algorithms=ALGORITHMS,
    )


def groups_of(
    options: Options, provider: Provider, *, claims: Mapping[str, JsonValue], access_token: Secret
) -> tuple[str, ...]:
    """The groups somebody is in: from the id_token or, where that does not speak of groups, from userinfo.

    Raises as `openid_provider.fetch_userinfo`: what could not be asked must not look like having no groups.
    """
    said = openid_provider.claim_at(claims, options.groups_claim)
    if said is None and provider.userinfo_endpoint and access_token:
        more = openid_provider.fetch_userinfo(
            provider,
            subject=str(claims["sub"]),
            access_token=access_token,
            networks=conf.allowed_networks(),
            ca_bundle=settings.SMARTPORTAL_CA_BUNDLE,
        )
        said = openid_provider.claim_at(more, options.groups_claim)
    return words(said)


def _door(provider: Provider) -> Door:
    return openid_provider.door_to(provider, networks=conf.allowed_networks(), ca_bundle=settings.SMARTPORTAL_CA_BUNDLE)
