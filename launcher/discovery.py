"""An EHR's endpoints and keys, cached per registration."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from launcher import tracing
from launcher.models import EhrRegistration
from launcher.smart import configuration, identity
from launcher.smart.circuit import Ehr
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from launcher.smart.origins import same_base
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.stale_cache import fetched_once, last_fetched


def door_for(client: ClientRegistration, *, correlation_id: str = "") -> Door:
    """The door to the network for one registration: its FHIR base, and the origins approved for it.

    What leaves by it carries the id of the request that is being answered, or the one that is given.
    """
    return Door(
        fhir_base=client.iss,
        approved_origins=client.approved_origins,
        networks=client.networks,
        ca_bundle=client.ca_bundle,
        ehr=Ehr(client.site, client.slug),
        correlation_id=correlation_id or tracing.correlation_id(),
    )


def configuration_of(registration: EhrRegistration, client: ClientRegistration, door: Door) -> SmartConfiguration:
    """What the EHR publishes about itself, with the registration's own endpoints in place of those it overrides.

    Raises `discovery_failed`, `ehr_unreachable` or `ehr_address_forbidden`; not `discovery_failed` where the
    registration names both endpoints that a launch needs. A server without a sign-in has no endpoints.
    """
    overrides = registration.endpoint_overrides
    if unapproved := [name for name, url in overrides.items() if not door.approves(url)]:
        raise SmartError("discovery_failed", f"{unapproved[0]} is on an unapproved host", reason="host_unapproved")
    read = configuration.read_open_server if client.quirks.open_server else configuration.discover
    try:
        found = fetched_once("discovery", _known_by(registration, client), lambda: read(door, client).to_json())
    except SmartError as error:
        if error.code != "discovery_failed" or not overrides.keys() >= {"authorization_endpoint", "token_endpoint"}:
            raise
        found = {"authorization_endpoint": "", "token_endpoint": "", "fhir_version": client.fhir_version or "R4"}
    return replace(SmartConfiguration.from_json(found), **overrides)


def discovered(registration: EhrRegistration) -> SmartConfiguration | None:
    """What the EHR published when it was last asked, if that is still known; asks nothing."""
    found = last_fetched("discovery", _known_by(registration, registration.as_client()))
    return SmartConfiguration.from_json(found) if found else None


def _known_by(registration: EhrRegistration, client: ClientRegistration) -> tuple[str, ...]:
    """What the answer depends on, so that a changed registration asks anew."""
    quirks = client.quirks
    order = repr((quirks.discovery, quirks.well_known_at_host_root, quirks.open_server))
    return (str(registration.uuid), client.iss, str(client.fhir_version), order, *sorted(client.approved_origins))


def identity_keys(
    registration: EhrRegistration,
    client: ClientRegistration,
    config: SmartConfiguration,
    door: Door,
    *,
    claimed: str = "",
    refetch: bool = False,
) -> tuple[str, list[dict[str, object]]]:
    """The issuer that must have signed an id_token, and its public keys (RFC 7517).

    Both come from the issuer's own OpenID configuration: an EHR that names somebody else's issuer is then judged by
    somebody else's keys. An issuer without that document is trusted for itself alone: it must be the registered one
    or the FHIR base, and the EHR's own documents name its keys. An EHR of the older kind publishes no issuer at all:
    then the one that the token claims is asked, on an approved host.
    """
    issuer = client.oidc_issuer or config.issuer or (claimed if door.approves(claimed) else client.iss)
    try:
        document = fetched_once("openid", (str(registration.uuid), issuer), lambda: _openid(door, issuer))
        jwks_uri = registration.jwks_uri or document["jwks_uri"]
    except SmartError as error:
        own = issuer == client.oidc_issuer or same_base(issuer, client.iss)
        if error.reason != "missing" or not own or not config.jwks_uri:
            raise
        jwks_uri = config.jwks_uri
    keys = fetched_once(
        "keys",
        (str(registration.uuid), jwks_uri),
        lambda: identity.fetch_keys(door, jwks_uri),
        refetch=refetch,
    )
    return issuer, keys


def _openid(door: Door, issuer: str) -> dict[str, str]:
    document = identity.fetch_openid(door, issuer)
    return {"issuer": document.issuer, "jwks_uri": document.jwks_uri}


def verified_identity(
    registration: EhrRegistration,
    client: ClientRegistration,
    config: SmartConfiguration,
    door: Door,
    *,
    id_token: Secret,
    nonce: str,
) -> identity.IdentityClaims:
    """Check an id_token; an unknown key id makes us ask for the keys once more (at most once a minute)."""
    claimed = identity.claimed_issuer(id_token)
    verify = partial(
        identity.verify_id_token,
        client_id=client.client_id,
        nonce=nonce,
        algorithms=tuple(registration.id_token_algorithms) or ("RS256",),
    )
    issuer, keys = identity_keys(registration, client, config, door, claimed=claimed)
    try:
        return verify(id_token, issuer=issuer, keys=keys)
    except SmartError as error:
        if error.reason != "kid":
            raise
    issuer, keys = identity_keys(registration, client, config, door, claimed=claimed, refetch=True)
    return verify(id_token, issuer=issuer, keys=keys)
