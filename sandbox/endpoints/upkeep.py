"""Revocation (RFC 7009) and introspection (RFC 7662, with the launch context that SMART App Launch 2.2 asks for)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox import tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient
from sandbox.endpoints import answers
from sandbox.endpoints.bearer import access_seconds, bearer_grant, is_backend, opened
from sandbox.endpoints.client_authentication import Form, Refusal, answered, form_of
from sandbox.tokens import Grant

Facts = dict[str, Any]


@csrf_exempt
@answers.at_own_path("exchange_base")
def revoke(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """Ends the token that is shown and all that were made with it; an unknown token is no error."""
    if not address.personality.revokes:
        return answers.not_found()
    return answered(request, address, _revoked)


def _revoked(address: EhrAddress, client: SandboxClient, form: Form) -> HttpResponse:
    if not form.get("token"):
        raise Refusal("invalid_request", "token is missing")
    grant = _known(address, form["token"])
    if grant is not None and grant.client_id == client.client_id:
        tokens.revoke(grant)
    return HttpResponse(status=200, headers={"Cache-Control": "no-store"})


def _known(address: EhrAddress, token: str) -> Grant | None:
    """The grant behind an access or refresh token that is still good, or None."""
    return opened(token, address) or _refresh(address, token)


def _refresh(address: EhrAddress, token: str) -> Grant | None:
    try:
        grant = tokens.read("refresh", token, max_age=tokens.REFRESH_SECONDS)
    except tokens.TokenError:
        return None
    if grant.scenario.ehr != address.slug or tokens.is_revoked(grant) or tokens.is_spent(grant):
        return None
    return grant


@csrf_exempt
@answers.at_own_path("exchange_base")
def introspect(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """Asked by a client that shows who it is, or by whoever holds a good token of this EHR."""
    if not address.personality.introspects:
        return answers.not_found()
    bearer = bearer_grant(request, address)
    if request.method != "POST" or bearer is None:
        return answered(request, address, lambda address, client, form: _told(address, client.client_id, form))
    try:
        return _told(address, bearer.client_id, form_of(request))
    except Refusal as refusal:
        return refusal.answer(address)


def _told(address: EhrAddress, client_id: str, form: Form) -> HttpResponse:
    if not form.get("token"):
        raise Refusal("invalid_request", "token is missing")
    grant = _known(address, form["token"])
    if grant is None or grant.client_id != client_id:
        return answers.oauth_answer({"active": False})
    return answers.oauth_answer(_facts(address, grant, form["token"]))


def _facts(address: EhrAddress, grant: Grant, token: str) -> Facts:
    seconds = access_seconds(grant, address) if opened(token, address) else tokens.REFRESH_SECONDS
    facts: Facts = {
        "active": True,
        "scope": grant.scope,
        "client_id": grant.client_id,
        "exp": grant.made_at + seconds,
        "token_type": "Bearer",
    }
    if is_backend(grant):
        return facts
    words = grant.scope.split()
    context = {"patient": grant.scenario.patient, "encounter": grant.scenario.encounter}
    if address.personality.identifies and "openid" in words:
        context |= {"iss": address.issuer, "sub": address.personality.provider.login}
        context |= {"fhirUser": address.fhir_user} if "fhirUser" in words else {}
    return {**facts, **{name: value for name, value in context.items() if value}}
