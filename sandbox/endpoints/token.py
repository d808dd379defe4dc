"""The token endpoint: strict, then faulty if told so (RFC 6749, sections 4.1.3, 5, 6; SMART App Launch 2.2, step 5)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox import tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient, find_client
from sandbox.endpoints import answers
from sandbox.endpoints.bearer import access_seconds, bearer_grant
from sandbox.endpoints.token_response import token_response
from sandbox.tokens import Grant

_FORM = "application/x-www-form-urlencoded"
_SPENT_SECONDS = 3600


class Refusal(Exception):
    """An error answer of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, code: str, description: str, *, basic: bool = False) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.basic = basic

    def answer(self) -> HttpResponse:
        if not self.basic:
            return answers.oauth_error(self.code, self.description)
        refused = answers.oauth_error(self.code, self.description, status=401)
        refused["WWW-Authenticate"] = 'Basic realm="token"'
        return refused


@csrf_exempt
@answers.at_own_oauth_path
def token(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    try:
        form = _form(request)
        client = _authenticated(request, address, form)
        return _granted(address, client, form)
    except Refusal as refusal:
        return refusal.answer()


def _form(request: HttpRequest) -> dict[str, str]:
    if request.content_type != _FORM:
        raise Refusal("invalid_request", f"the body must be {_FORM}")
    if request.GET:
        raise Refusal("invalid_request", "parameters belong in the body")
    try:
        return answers.single_values(request.POST)
    except answers.RepeatedParameter as error:
        raise Refusal("invalid_request", f"{error} came more than once") from error


def _basic_parts(header: str) -> tuple[str, str]:
    """Client id and secret from the header, each form-decoded (RFC 6749, section 2.3.1)."""
    scheme, _, value = header.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refusal("invalid_client", "the Authorization header is unreadable", basic=True) from error
    if scheme.lower() != "basic" or not colon:
        raise Refusal("invalid_client", "the Authorization header is not Basic", basic=True)
    return unquote_plus(client_id), unquote_plus(secret)


def _authenticated(request: HttpRequest, address: EhrAddress, form: dict[str, str]) -> SandboxClient:
    """The client, once it has shown who it is in a way that this EHR takes."""
    header = request.headers.get("Authorization", "")
    if header and "client_secret" in form:
        raise Refusal("invalid_request", "more than one way of client authentication")
    client_id, secret = _basic_parts(header) if header else (form.get("client_id", ""), form.get("client_secret", ""))
    if form.get("client_id", client_id) != client_id:
        raise Refusal("invalid_request", "client_id differs from the Authorization header")
    client = find_client(address.slug, client_id)
    method = "client_secret_basic" if header else "client_secret_post" if "client_secret" in form else "none"
    if client is None or method not in client.auth_methods:
        raise Refusal("invalid_client", "unknown client, or it authenticates in another way", basic=bool(header))
    if not client.is_public and not client.accepts_secret(secret):
        raise Refusal("invalid_client", "wrong secret", basic=bool(header))
    return client


def _granted(address: EhrAddress, client: SandboxClient, form: dict[str, str]) -> HttpResponse:
    match form.get("grant_type"):
        case "authorization_code":
            return token_response(address, _redeemed(address, client, form))
        case "refresh_token" if address.personality.refreshes:
            return _refreshed(address, client, form)
        case None | "":
            raise Refusal("invalid_request", "grant_type is missing")
        case _:
            raise Refusal("unsupported_grant_type", "this grant_type is not supported")


def _own(address: EhrAddress, client: SandboxClient, grant: Grant, *, what: str) -> None:
    if grant.client_id != client.client_id or grant.scenario.ehr != address.slug:
        raise Refusal("invalid_grant", f"the {what} was issued to another client")


def _spend(grant: Grant, *, what: str, seconds: int) -> None:
    if not tokens.spend(grant, seconds=seconds):
        tokens.revoke(grant)
        raise Refusal("invalid_grant", f"the {what} was used before")


def _redeemed(address: EhrAddress, client: SandboxClient, form: dict[str, str]) -> Grant:
    """The grant behind an authorization code, which is spent by being shown at all."""
    if not form.get("code"):
        raise Refusal("invalid_request", "code is missing")
    try:
        grant = tokens.read("code", form["code"], max_age=address.personality.code_seconds)
    except tokens.TokenError as error:
        raise Refusal("invalid_grant", "the code is unknown or expired") from error
    _own(address, client, grant, what="code")
    _spend(grant, what="code", seconds=_SPENT_SECONDS)
    if form.get("redirect_uri") != grant.redirect_uri:
        raise Refusal("invalid_grant", "redirect_uri is not that of the authorization request")
    if grant.code_challenge and not _fits(form.get("code_verifier", ""), grant.code_challenge):
        raise Refusal("invalid_grant", "code_verifier does not fit")
    return grant


def _fits(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def _refreshed(address: EhrAddress, client: SandboxClient, form: dict[str, str]) -> HttpResponse:
    """A new pair for a refresh token, which is good once."""
    try:
        grant = tokens.read("refresh", form.get("refresh_token", ""), max_age=tokens.REFRESH_SECONDS)
    except tokens.TokenError as error:
        raise Refusal("invalid_grant", "the refresh token is unknown or expired") from error
    _own(address, client, grant, what="refresh token")
    if tokens.is_revoked(grant):
        raise Refusal("invalid_grant", "the refresh token was revoked")
    _spend(grant, what="refresh token", seconds=tokens.REFRESH_SECONDS)
    wanted = form.get("scope", grant.scope).split()
    if not set(wanted) <= set(grant.scope.split()):
        raise Refusal("invalid_scope", "a refresh cannot widen the scope")
    return answers.oauth_answer(
        {
            "access_token": tokens.mint("access", replace(grant, scope=" ".join(wanted))),
            "token_type": "Bearer",
            "expires_in": access_seconds(grant, address),
            "scope": " ".join(wanted),
            "refresh_token": tokens.mint("refresh", grant),
            "patient": grant.scenario.patient,
        }
    )


@answers.at_own_oauth_path
def userinfo(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """Who is signed in (OpenID Connect Core 1.0, section 5.3)."""
    grant = bearer_grant(request, address)
    if grant is None or "openid" not in grant.scope.split():
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    provider = address.personality.provider
    return answers.oauth_answer({"sub": provider.login, "name": provider.name, "preferred_username": provider.login})
