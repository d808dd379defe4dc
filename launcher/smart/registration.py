"""A client registration at one EHR as plain data: what both sides agreed on before the first launch."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from launcher.smart.client_assertion import SigningKeyPair
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.quirks import STANDARD, Quirks
from launcher.smart.secret import Secret

AuthMethod = Literal["auto", "none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """One app at one EHR (SMART App Launch 2.2, section "Register App with EHR").

    `iss` is the FHIR base URL as registered. `approved_origins` are origins besides that of `iss` where endpoints
    and keys may lie. `networks` are the address ranges that the door lets through besides public addresses.
    `fhir_version` is None when it is to be read from the EHR. `signing_key` is what `private_key_jwt` signs with,
    `other_key` an active key of the other algorithm, for an EHR that does not take the first one's. `basic_raw` leaves
    client ID and secret as they are in the Basic header. `site` and `slug` name the registration in figures.
    """

    iss: str
    client_id: str
    redirect_uri: str
    scopes: str
    auth_method: AuthMethod = "auto"
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    fhir_version: FhirVersion | None = None
    oidc_issuer: str = ""
    require_identity: bool = False
    approved_origins: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    ca_bundle: str = ""
    quirks: Quirks = STANDARD
    signing_key: SigningKeyPair | None = None
    other_key: SigningKeyPair | None = None
    basic_raw: bool = False
    site: str = ""
    slug: str = ""
