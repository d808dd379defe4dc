"""A token for the app itself, with no person and no launch behind it (SMART App Launch 2.2, "Backend Services")."""

from __future__ import annotations

from dataclasses import replace

from launcher.smart import back_channel
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.http import Door
from launcher.smart.registration import ClientRegistration
from launcher.smart.token import TokenResponse, read_token_response


def client_credentials(
    door: Door, client: ClientRegistration, configuration: SmartConfiguration, *, scope: str
) -> TokenResponse:
    """Ask for a token by a signed assertion, which is the one way to prove oneself here, whatever launches use.

    `scope` are words such as `system/Observation.rs`; what was granted may be less. A token is asked for again when it
    has ended: a refresh token that came nevertheless is not kept. Raises ValueError for a blank scope,
    `client_rejected` (reason "no_key" without a signing key), `ehr_busy`, `token_unreadable`, and what the door raises.
    """
    words = " ".join(scope.split())
    if not words:
        raise ValueError("a backend service names the scopes that it asks for")
    form = [("grant_type", "client_credentials"), ("scope", words)]
    signing = replace(client, auth_method="private_key_jwt")
    body = back_channel.ask(door, signing, configuration, form=form, bad_grant="token_unreadable")
    return replace(read_token_response(body), refresh_token=None)
