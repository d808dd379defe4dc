"""The token endpoint: strict, then faulty if told so (RFC 6749, sections 4.1.3, 4.4, 5, 6; SMART App Launch 2.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox import scopes, tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient
from sandbox.endpoints import answers, refreshing
from sandbox.endpoints.bearer import BACKEND_SECONDS, access_token, bearer_grant
from sandbox.endpoints.client_authentication import Form, Refusal, answered
from sandbox.endpoints.token_response import token_response
from sandbox.scenario import LaunchScenario
from sandbox.tokens import Grant

_SPENT_SECONDS = 3600


@csrf_exempt
@answers.at_own_path("exchange_base")
def token(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    return answered(request, address, _granted)


def _granted(address: EhrAddress, client: SandboxClient, form: Form) -> HttpResponse:
    match form.get("grant_type"):
        case "authorization_code":
            return token_response(address, redeemed(address, client, form))
        case "refresh_token" if address.personality.refreshes:
            return refreshing.refreshed(address, client, form)
        case "client_credentials" if address.personality.backend:
            return _for_itself(address, client, form)
        case None | "":
            raise Refusal("invalid_request", "grant_type is missing")
        case _:
            raise Refusal("unsupported_grant_type", "this grant_type is not supported")


def redeemed(address: EhrAddress, client: SandboxClient, form: Form) -> Grant:
    """The grant behind an authorization code, which is spent by being shown at all; raises Refusal."""
    if not form.get("code"):
        raise Refusal("invalid_request", "code is missing")
    try:
        grant = tokens.read("code", form["code"], max_age=address.personality.code_seconds)
    except tokens.TokenError as error:
        raise Refusal("invalid_grant", "the code is unknown or expired") from error
    refreshing.own(address, client, grant, what="code")
    refreshing.spend(grant, what="code", seconds=_SPENT_SECONDS)
    if form.get("redirect_uri") != grant.redirect_uri:
        raise Refusal("invalid_grant", "redirect_uri is not that of the authorization request")
    if grant.code_challenge and not _fits(_verifier(address, grant, form), grant.code_challenge):
        raise Refusal("invalid_grant", "code_verifier does not fit")
    return grant


def _verifier(address: EhrAddress, grant: Grant, form: Form) -> str:
    dropped = (grant.scenario.pkce or address.personality.pkce) == "dropped"
    return "" if dropped else form.get("code_verifier", "")


def _fits(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def _for_itself(address: EhrAddress, client: SandboxClient, form: Form) -> HttpResponse:
    """A token for the client itself, five minutes long and never refreshed (SMART App Launch 2.2, backend services)."""
    if "client_assertion" not in form:
        raise Refusal("invalid_client", "client_credentials needs a signed assertion", status=401)
    if not form.get("scope"):
        raise Refusal("invalid_request", "scope is missing")
    scope = scopes.granted_to_system(form["scope"], address.personality)
    if not scope:
        raise Refusal("invalid_scope", "none of these scopes can be granted to a client by itself")
    nobody = LaunchScenario(ehr=address.slug, patient="")
    grant = Grant(scenario=nobody, client_id=client.client_id, redirect_uri="", scope=scope)
    return answers.oauth_answer(
        {
            "access_token": access_token(grant),
            "token_type": "bearer",
            "expires_in": BACKEND_SECONDS,
            "scope": scope,
        }
    )


@answers.at_own_path("exchange_base")
def userinfo(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """Who is signed in (OpenID Connect Core 1.0, section 5.3)."""
    grant = bearer_grant(request, address)
    if grant is None or "openid" not in grant.scope.split():
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    provider = address.personality.provider
    return answers.oauth_answer({"sub": provider.login, "name": provider.name, "preferred_username": provider.login})
