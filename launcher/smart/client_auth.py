"""How a client says who it is at the token endpoint: a table of methods.

Source: SMART App Launch 2.2, "Client Authentication"; RFC 6749, 2.3.1; RFC 7523, 2.2.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from launcher.smart.client_assertion import ASSERTION_TYPE, SigningKeyPair, make_assertion
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret

_PUBLIC = "client-public"
_ASYMMETRIC = "client-confidential-asymmetric"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a method adds to a token request: form fields, and the value of the Authorization header."""

    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    authorization: Secret | None = None


def _public(client: ClientRegistration, configuration: SmartConfiguration) -> Credentials:
    return Credentials(form=(("client_id", client.client_id),))


def _basic(client: ClientRegistration, configuration: SmartConfiguration) -> Credentials:
    """Each part is form-encoded before they are joined, so that a colon in the client ID stays what it is.

    Some EHRs do not decode the parts; for them the registration says `basic_raw`.
    """
    parts = (client.client_id, _secret(client))
    pair = ":".join(parts if client.basic_raw else map(quote_plus, parts))
    value = base64.b64encode(pair.encode()).decode("ascii")
    return Credentials(form=_named(client), authorization=Secret(f"Basic {value}"))


def _post(client: ClientRegistration, configuration: SmartConfiguration) -> Credentials:
    return Credentials(form=(("client_id", client.client_id), ("client_secret", _secret(client))))


def _signed(client: ClientRegistration, configuration: SmartConfiguration) -> Credentials:
    """An assertion for the token endpoint, which names the EHR's authorization server at its other endpoints too."""
    key = choose_key(client, configuration)
    if key is None:
        raise SmartError("client_rejected", "private_key_jwt needs a signing key, and none is active", reason="no_key")
    assertion = make_assertion(key, client_id=client.client_id, audience=configuration.token_endpoint, now=time.time())
    proof = (("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion.reveal()))
    return Credentials(form=(*_named(client), *proof))


def _named(client: ClientRegistration) -> tuple[tuple[str, str], ...]:
    """A confidential client's ID stays out of the body, save for EHRs that look for it there."""
    return (("client_id", client.client_id),) if client.quirks.client_id_in_token_body else ()


def _secret(client: ClientRegistration) -> str:
    if not client.client_secret:
        raise SmartError(
            "client_rejected", f"{client.auth_method} needs a client secret, and none is set", reason="no_secret"
        )
    return client.client_secret.reveal()


METHODS: dict[str, Callable[[ClientRegistration, SmartConfiguration], Credentials]] = {
    "none": _public,
    "client_secret_basic": _basic,
    "client_secret_post": _post,
    "private_key_jwt": _signed,
}


def choose_method(client: ClientRegistration, configuration: SmartConfiguration) -> str:
    """The method in force: the registration's own, or with "auto" the first fitting one that the EHR advertises.

    A client with a secret was registered with it; one without signs where the EHR verifies signatures and does not say
    that it takes public clients. An EHR that advertises nothing takes Basic (RFC 6749's
    default) where it has a smart-configuration, and the secret in the body where it is of the generation before that
    document.
    """
    if client.auth_method != "auto":
        return client.auth_method
    if not client.client_secret:
        signs = client.signing_key is not None and _verifies_signatures(configuration)
        return "private_key_jwt" if signs and _PUBLIC not in configuration.capabilities else "none"
    offered = configuration.token_endpoint_auth_methods_supported
    for method in ("client_secret_basic", "client_secret_post"):
        if method in offered:
            return method
    return "client_secret_post" if configuration.source == "metadata" and not offered else "client_secret_basic"


def choose_key(client: ClientRegistration, configuration: SmartConfiguration) -> SigningKeyPair | None:
    """The key to sign with: the registration's, or the other one where the EHR lists its algorithm and not the first's.

    Where neither is listed the registration's own is tried: some EHRs take more than they list (`unlisted_algorithm`).
    """
    listed = configuration.token_endpoint_auth_signing_alg_values_supported
    own, other = client.signing_key, client.other_key
    if own is None or not listed or own.algorithm in listed:
        return own
    return other if other is not None and other.algorithm in listed else own


def unlisted_algorithm(client: ClientRegistration, configuration: SmartConfiguration) -> str:
    """The algorithm that this client signs with though the EHR lists others and not this one, or ""."""
    listed = configuration.token_endpoint_auth_signing_alg_values_supported
    key = choose_key(client, configuration)
    if key is None or choose_method(client, configuration) != "private_key_jwt" or not listed:
        return ""
    return "" if key.algorithm in listed else key.algorithm


def _verifies_signatures(configuration: SmartConfiguration) -> bool:
    """Whether the EHR lists the method or, where it lists no methods at all, the capability."""
    offered = configuration.token_endpoint_auth_methods_supported
    return "private_key_jwt" in offered or (not offered and _ASYMMETRIC in configuration.capabilities)


def credentials(client: ClientRegistration, configuration: SmartConfiguration) -> Credentials:
    """Build the credentials for one request to the token, revocation or introspection endpoint, never for two.

    Raises `client_rejected` when the method needs a secret or a signing key and there is none, `unavailable` for a key
    that cannot sign.
    """
    method = choose_method(client, configuration)
    build = METHODS.get(method)
    if build is None:
        raise SmartError("client_rejected", f"the method {method} is not known", reason="method")
    return build(client, configuration)
