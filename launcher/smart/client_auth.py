"""How a client says who it is at the token endpoint: a table of methods.

Source: SMART App Launch 2.2, "Client Authentication"; RFC 6749, 2.3.1.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a method adds to a token request: form fields, and the value of the Authorization header."""

    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    authorization: Secret | None = None


def _public(client: ClientRegistration) -> Credentials:
    return Credentials(form=(("client_id", client.client_id),))


def _basic(client: ClientRegistration) -> Credentials:
    """Each part is form-encoded before they are joined, so that a colon in the client ID stays what it is."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret.reveal())}"
    value = base64.b64encode(pair.encode("ascii")).decode("ascii")
    form = (("client_id", client.client_id),) if client.quirks.client_id_in_token_body else ()
    return Credentials(form=form, authorization=Secret(f"Basic {value}"))


def _post(client: ClientRegistration) -> Credentials:
    return Credentials(form=(("client_id", client.client_id), ("client_secret", client.client_secret.reveal())))


METHODS: dict[str, Callable[[ClientRegistration], Credentials]] = {
    "none": _public,
    "client_secret_basic": _basic,
    "client_secret_post": _post,
}


def choose_method(client: ClientRegistration, configuration: SmartConfiguration) -> str:
    """The method in force: the registration's own, or with "auto" the first fitting one that the EHR advertises.

    An EHR that advertises nothing takes Basic (RFC 6749's default) where it has a smart-configuration, and the secret
    in the body where it is of the generation before that document.
    """
    if client.auth_method != "auto":
        return client.auth_method
    if not client.client_secret:
        return "none"
    offered = configuration.token_endpoint_auth_methods_supported
    for method in ("client_secret_basic", "client_secret_post"):
        if method in offered:
            return method
    return "client_secret_post" if configuration.source == "metadata" and not offered else "client_secret_basic"


def credentials(client: ClientRegistration, configuration: SmartConfiguration) -> Credentials:
    """Build the credentials. Raises `client_rejected` when the method needs a secret and there is none."""
    method = choose_method(client, configuration)
    build = METHODS.get(method)
    if build is None:
        raise SmartError("client_rejected", f"the method {method} is not known", reason="method")
    if method != "none" and not client.client_secret:
        raise SmartError("client_rejected", f"{method} needs a client secret, and none is set", reason="no_secret")
    return build(client)
