"""Who asks at the token endpoint: Basic, secret in the body, signed assertion, or a public client.

RFC 6749, section 2.3; SMART App Launch 2.2, "Client Authentication".
"""

from __future__ import annotations

import base64
import binascii
from typing import Protocol
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse

from sandbox import client_assertion, tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient, find_client
from sandbox.endpoints import answers
from sandbox.endpoints.bearer import opened
from sandbox.personality import AuthMethod
from sandbox.scenario import LaunchScenario

Form = dict[str, str]
_FORM = "application/x-www-form-urlencoded"


class Refusal(Exception):
    """An error answer of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, code: str, description: str, *, basic: bool = False, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.basic = basic
        self.status = status

    def answer(self, address: EhrAddress, scenario: LaunchScenario | None = None) -> HttpResponse:
        status = 401 if self.basic else self.status
        style = scenario.errors if scenario else None
        refused = answers.oauth_error_of(address, self.code, self.description, status=status, style=style)
        if self.basic:
            refused["WWW-Authenticate"] = 'Basic realm="token"'
        return refused


class Endpoint(Protocol):
    """What answers an authenticated request of a client."""

    def __call__(self, address: EhrAddress, client: SandboxClient, form: Form) -> HttpResponse: ...


def answered(request: HttpRequest, address: EhrAddress, endpoint: Endpoint) -> HttpResponse:
    """POST, form and client judged in this order, then the endpoint; every refusal is an OAuth error."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    scenario = None
    try:
        form = form_of(request)
        scenario = _scenario(form, address)
        return endpoint(address, authenticated(request, address, form, scenario), form)
    except Refusal as refusal:
        return refusal.answer(address, scenario)


def form_of(request: HttpRequest) -> Form:
    if request.content_type != _FORM:
        raise Refusal("invalid_request", f"the body must be {_FORM}")
    if request.GET:
        raise Refusal("invalid_request", "parameters belong in the body")
    try:
        return answers.single_values(request.POST)
    except answers.RepeatedParameter as error:
        raise Refusal("invalid_request", f"{error} came more than once") from error


def _scenario(form: Form, address: EhrAddress) -> LaunchScenario | None:
    """The scenario of the code or token that is shown: it says how this very launch is to be treated."""
    kinds: tuple[tuple[str, tokens.Kind], ...] = (("code", "code"), ("refresh_token", "refresh"), ("token", "refresh"))
    for name, kind in kinds:
        try:
            return tokens.read(kind, form.get(name, ""), max_age=tokens.REFRESH_SECONDS).scenario
        except tokens.TokenError:
            continue
    grant = opened(form.get("token", ""), address)
    return grant.scenario if grant else None


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


def _method(header: str, form: Form) -> AuthMethod:
    ways: list[AuthMethod] = []
    if header:
        ways.append("client_secret_basic")
    if "client_secret" in form:
        ways.append("client_secret_post")
    if "client_assertion" in form or "client_assertion_type" in form:
        ways.append("private_key_jwt")
    if len(ways) > 1:
        raise Refusal("invalid_request", "more than one way of client authentication")
    return ways[0] if ways else "none"


def authenticated(
    request: HttpRequest, address: EhrAddress, form: Form, scenario: LaunchScenario | None
) -> SandboxClient:
    """The client, once it has shown who it is in a way that this EHR takes."""
    header = request.headers.get("Authorization", "")
    method = _method(header, form)
    if method == "client_secret_basic":
        client_id, secret = _basic_parts(header)
    elif method == "private_key_jwt":
        client_id, secret = _asserted(form), ""
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if form.get("client_id", client_id) != client_id:
        raise Refusal("invalid_request", "client_id differs from the client authentication")
    client = find_client(address.slug, client_id)
    if client is None or method not in _accepted(client, scenario):
        status = 401 if method == "private_key_jwt" else 400
        told = "unknown client, or it authenticates in another way"
        raise Refusal("invalid_client", told, basic=bool(header), status=status)
    _prove(address, client, form, method, secret)
    return client


def _accepted(client: SandboxClient, scenario: LaunchScenario | None) -> tuple[AuthMethod, ...]:
    return (scenario.client_auth,) if scenario and scenario.client_auth else client.auth_methods


def _asserted(form: Form) -> str:
    if form.get("client_assertion_type") != client_assertion.TYPE:
        raise Refusal("invalid_client", "client_assertion_type is not jwt-bearer", status=401)
    try:
        return client_assertion.client_id_of(form.get("client_assertion", ""))
    except client_assertion.AssertionRefused as error:
        raise Refusal("invalid_client", str(error), status=401) from error


def _prove(address: EhrAddress, client: SandboxClient, form: Form, method: AuthMethod, secret: str) -> None:
    if method == "private_key_jwt":
        try:
            client_assertion.check(form["client_assertion"], client, token_url=address.token_url)
        except client_assertion.AssertionRefused as error:
            raise Refusal("invalid_client", str(error), status=401) from error
    elif method != "none" and not client.accepts_secret(secret):
        raise Refusal("invalid_client", "wrong secret", basic=method == "client_secret_basic")
