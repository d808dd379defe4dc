"""The clients that a simulated EHR knows: their secrets are derived from SECRET_KEY, never written down."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from django.utils.crypto import salted_hmac

from sandbox.addresses import site_origin
from sandbox.personalities import PERSONALITIES
from sandbox.personality import AuthMethod


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """One registered client. `redirect_uris` are compared exactly; a public client has an empty `secret`."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    auth_methods: tuple[AuthMethod, ...]

    @property
    def jwks_url(self) -> str:
        """Where the client's public keys lie, as it was registered (for `private_key_jwt`)."""
        return f"{site_origin()}/.well-known/jwks.json"

    @property
    def is_public(self) -> bool:
        return self.auth_methods == ("none",)

    def accepts_secret(self, secret: str) -> bool:
        return not self.is_public and hmac.compare_digest(secret.encode(), self.secret.encode())


def client_for(ehr: str) -> SandboxClient:
    """The app's confidential client at one EHR (by slug); raises KeyError for an unknown EHR."""
    personality = PERSONALITIES[ehr]
    return SandboxClient(
        client_id=f"smartportal-{ehr}",
        secret=salted_hmac("sandbox.client", ehr, algorithm="sha256").hexdigest(),
        redirect_uris=(f"{site_origin()}/callback/{ehr}",),
        auth_methods=tuple(method for method in personality.auth_methods if method != "none"),
    )


def public_client_for(ehr: str) -> SandboxClient | None:
    """The app's public client, where the EHR takes one; it may also be registered under the slug `<ehr>-public`."""
    client_id = PERSONALITIES[ehr].public_client_id
    if not client_id:
        return None
    uris = tuple(f"{site_origin()}/callback/{slug}" for slug in (ehr, f"{ehr}-public"))
    return SandboxClient(client_id=client_id, secret="", redirect_uris=uris, auth_methods=("none",))


def find_client(ehr: str, client_id: str) -> SandboxClient | None:
    """The client of that id at that EHR, or None."""
    return next((client for client in known_clients(ehr) if client.client_id == client_id), None)


def known_clients(ehr: str) -> tuple[SandboxClient, ...]:
    """All that are registered at one EHR, the confidential one first."""
    public = public_client_for(ehr)
    return (client_for(ehr), public) if public else (client_for(ehr),)
