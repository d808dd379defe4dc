"""Refreshing (RFC 6749, section 6; SMART App Launch 2.2, "Refresh access token"), and the faults in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpResponse

from sandbox import identity, scopes, store, tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient
from sandbox.endpoints import answers
from sandbox.endpoints.bearer import access_seconds, access_token
from sandbox.endpoints.client_authentication import Form, Refusal
from sandbox.endpoints.token_response import MEDICATION_TYPES
from sandbox.tokens import Grant

Body = dict[str, Any]

INSTEAD: dict[str, Callable[[], HttpResponse]] = {
    "refresh-invalid-grant": lambda: answers.oauth_error("invalid_grant", "the session has ended"),
    "refresh-500": lambda: answers.html_answer(answers.ERROR_HTML, status=500),
    "token_expired_refresh_token": lambda: answers.oauth_error(
        "invalid_grant", "Simulated expired refresh token", status=403
    ),
}


def own(address: EhrAddress, client: SandboxClient, grant: Grant, *, what: str) -> None:
    if grant.client_id != client.client_id or grant.scenario.ehr != address.slug:
        raise Refusal("invalid_grant", f"the {what} was issued to another client")


def spend(grant: Grant, *, what: str, seconds: int) -> None:
    if not tokens.spend(grant, seconds=seconds):
        tokens.revoke(grant)
        raise Refusal("invalid_grant", f"the {what} was used before")


def refreshed(address: EhrAddress, client: SandboxClient, form: Form) -> HttpResponse:
    """A new access token, and a new refresh token where this EHR gives one; raises Refusal."""
    grant = _known(address, client, form)
    wanted = form.get("scope", grant.scope).split()
    if not set(wanted) <= set(grant.scope.split()):
        raise Refusal("invalid_scope", "a refresh cannot widen the scope")
    fault = grant.scenario.fault
    if fault in INSTEAD:
        return INSTEAD[fault]()
    if _style(address, grant) == "rotating" and fault != "refresh-no-new-token":
        spend(grant, what="refresh token", seconds=tokens.REFRESH_SECONDS)
    fresh = replace(grant, scope=" ".join(wanted))
    body = _body(address, fresh, again=_again(address, grant, form["refresh_token"]))
    if fault in CHANGES:
        body = CHANGES[fault](body, address, fresh)
    return answers.oauth_answer(body)


def _known(address: EhrAddress, client: SandboxClient, form: Form) -> Grant:
    try:
        grant = tokens.read("refresh", form.get("refresh_token", ""), max_age=tokens.REFRESH_SECONDS)
    except tokens.TokenError as error:
        raise Refusal("invalid_grant", "the refresh token is unknown or expired") from error
    own(address, client, grant, what="refresh token")
    if tokens.is_revoked(grant):
        raise Refusal("invalid_grant", "the refresh token was revoked")
    return grant


def _style(address: EhrAddress, grant: Grant) -> str:
    return grant.scenario.refresh or address.personality.refresh


def _again(address: EhrAddress, grant: Grant, shown: str) -> str:
    """The refresh token of the answer, of the whole scope whatever this request asked for; "" for none."""
    style = _style(address, grant)
    if style == "rotating":
        return tokens.mint("refresh", grant)
    return shown if style == "same" else ""


def _body(address: EhrAddress, grant: Grant, *, again: str) -> Body:
    """The plain answer. The proxy passes a refresh straight through: the launch context is not repeated there."""
    body: Body = {
        "access_token": access_token(grant),
        "token_type": "Bearer",
        "expires_in": access_seconds(grant, address),
        "scope": grant.scope,
    }
    if again:
        body["refresh_token"] = again
    if grant.scenario.patient and grant.scenario.patient_in == "token" and not address.personality.proxied:
        body["patient"] = grant.scenario.patient
    return body


def _other_patient(body: Body, address: EhrAddress, grant: Grant) -> Body:
    person = store.person_of(address.slug, grant.scenario.patient)
    other = store.somebody_else(person).id if person else store.people(address.slug)[0].id
    theirs = replace(grant, scenario=replace(grant.scenario, patient=other))
    return {**body, "patient": other, "access_token": access_token(theirs)}


def _other_person(body: Body, address: EhrAddress, grant: Grant) -> Body:
    return {**body, "id_token": identity.id_token(address, replace(grant, nonce=""), sub="somebody-else")}


def _narrower(body: Body, address: EhrAddress, grant: Grant) -> Body:
    less = scopes.without_types(grant.scope, address.personality, removed=MEDICATION_TYPES)
    return {**body, "scope": less, "access_token": access_token(replace(grant, scope=less))}


CHANGES: dict[str, Callable[[Body, EhrAddress, Grant], Body]] = {
    "refresh-other-patient": _other_patient,
    "refresh-no-new-token": lambda body, address, grant: {
        name: value for name, value in body.items() if name != "refresh_token"
    },
    "refresh-other-sub": _other_person,
    "refresh-narrow-scope": _narrower,
    "refresh-wider-scope": lambda body, address, grant: {**body, "scope": f"{grant.scope} user/*.cruds"},
}
