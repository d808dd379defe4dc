"""What a trace keeps of an EHR's documents, of our request for a code and of a token response: nothing of a person."""

from __future__ import annotations

from typing import TypedDict

from launcher.smart.authorization import AuthorizeRequest
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.exchanges import Exchange, browser_message
from launcher.smart.redaction import SENT, address_shown, parameters_shown, scopes_shown
from launcher.smart.token import TokenResponse


class Published(TypedDict):
    """What the EHR says of itself, in a few words; every address without its query."""

    document: str
    version: str
    authorization_endpoint: str
    token_endpoint: str
    pkce: str


class Granted(TypedDict):
    """What a token response grants and what it lacks; the tokens are named and not kept."""

    granted: str
    not_granted: str
    expires_in: int | str
    tokens: list[str]
    unusable: list[str]


def published(config: SmartConfiguration) -> Published:
    return {
        "document": config.source,
        "version": config.fhir_version.value if config.fhir_version else "",
        "authorization_endpoint": address_shown(config.authorization_endpoint) if config.authorization_endpoint else "",
        "token_endpoint": address_shown(config.token_endpoint) if config.token_endpoint else "",
        "pkce": "S256" if "S256" in config.code_challenge_methods_supported else "not advertised",
    }


def authorization_request(ask: AuthorizeRequest, config: SmartConfiguration, *, by_form: bool) -> Exchange:
    """The request for a code (SMART App Launch 2.2, "Request authorization code"), as the browser carries it."""
    shown = parameters_shown(ask.parameters(), SENT)
    return browser_message("POST" if by_form else "GET", address_shown(config.authorization_endpoint), shown)


def granted(tokens: TokenResponse, *, requested: str) -> Granted:
    """Scopes that were asked for and not granted word by word are named; the EHR may mean the same by another word."""
    lacking = [] if tokens.scope is None else [word for word in requested.split() if word not in tokens.scope.split()]
    came = {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "id_token": tokens.id_token,
    }
    return {
        "granted": "as requested (no scope came)" if tokens.scope is None else scopes_shown(tokens.scope),
        "not_granted": scopes_shown(" ".join(lacking)) if lacking else "",
        "expires_in": tokens.expires_in or "not told",
        "tokens": [name for name, value in came.items() if value],
        "unusable": [warning.removesuffix(" is unusable") for warning in tokens.warnings],
    }
