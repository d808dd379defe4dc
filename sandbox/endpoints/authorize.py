"""The authorization endpoint: signs the provider in silently and goes straight back (SMART App Launch 2.2, step 4).

Who asks and where the answer goes are settled first: while either is in doubt, the EHR shows a page of its own and
redirects nowhere (RFC 6749, section 4.1.2.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sandbox import faults, scopes, store, tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient, find_client
from sandbox.endpoints import answers
from sandbox.scenario import LaunchScenario, ScenarioError
from sandbox.tokens import Grant

_S256 = re.compile(r"[A-Za-z0-9_-]{43}")
_CONSENT_SECONDS = 600

Pairs = list[tuple[str, str]]


class Doubt(Exception):
    """Client or redirect URI are in doubt: a page of the EHR, never a redirect."""


class Refusal(Exception):
    """An error that goes back to the client (RFC 6749, section 4.1.2.1)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@csrf_exempt
@answers.at_own_oauth_path
def authorize(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    allowed = ("GET", "POST") if address.personality.accepts_post else ("GET",)
    if request.method not in allowed:
        return HttpResponse(status=405, headers={"Allow": ", ".join(allowed)})
    try:
        params = answers.single_values(request.POST if request.method == "POST" else request.GET)
        client = _client(address, params)
        redirect_uri = _redirect_uri(client, params)
        if address.personality.needs_state and not params.get("state"):
            raise Doubt("The app sent no state.")
    except answers.RepeatedParameter as error:
        return _doubt_page(request, address, f"The app sent {error} more than once.")
    except Doubt as error:
        return _doubt_page(request, address, str(error))
    state = params.get("state", "")
    try:
        grant = _grant(address, client, params)
    except Refusal as refusal:
        return _go_back(redirect_uri, _error_pairs(address, refusal.code, refusal.description, state))
    if grant.scenario.fault == "login-page":
        return _consent_page(request, address, grant)
    return _answer(address, grant)


def _doubt_page(request: HttpRequest, address: EhrAddress, reason: str) -> HttpResponse:
    return answers.page(request, "sandbox/refused.html", {"ehr": address, "reason": reason}, status=400)


def _client(address: EhrAddress, params: Mapping[str, str]) -> SandboxClient:
    client = find_client(address.slug, params.get("client_id", ""))
    if client is None:
        raise Doubt("This app is not registered with this EHR (unknown client_id).")
    return client


def _redirect_uri(client: SandboxClient, params: Mapping[str, str]) -> str:
    uri = params.get("redirect_uri", "")
    if uri not in client.redirect_uris:
        raise Doubt("The app asked to be answered at an address that is not registered (redirect_uri).")
    return uri


def _grant(address: EhrAddress, client: SandboxClient, params: Mapping[str, str]) -> Grant:
    """What the provider is taken to allow; raises Refusal."""
    if params.get("response_type") != "code":
        raise Refusal("unsupported_response_type", "response_type must be code")
    if address.personality.checks_aud and params.get("aud") != address.fhir_base:
        raise Refusal("invalid_request", "aud is not the FHIR base address of this EHR")
    scenario = _scenario(address, params.get("launch", ""))
    if scenario.client != "any" and (scenario.client == "public") != client.is_public:
        raise Refusal("unauthorized_client", f"this launch is for a {scenario.client} client")
    scope = scopes.granted(params.get("scope", ""), address.personality)
    if "launch" not in scope.split():
        raise Refusal("invalid_scope", "an EHR launch needs the scope launch")
    return Grant(
        scenario=scenario,
        client_id=client.client_id,
        redirect_uri=params["redirect_uri"],
        scope=scope,
        nonce=params.get("nonce", ""),
        code_challenge=_challenge(address, scenario, params),
        state=params.get("state", ""),
    )


def _scenario(address: EhrAddress, launch: str) -> LaunchScenario:
    """Our own signed handle, or a patient's id as it is."""
    if store.person_of(address.slug, launch) is not None:
        return LaunchScenario(ehr=address.slug, patient=launch)
    try:
        scenario = LaunchScenario.decode(launch)
    except ScenarioError as error:
        raise Refusal("invalid_request", str(error)) from error
    if scenario.ehr != address.slug or store.person_of(address.slug, scenario.patient) is None:
        raise Refusal("invalid_request", "the launch belongs to another EHR")
    return scenario


def _challenge(address: EhrAddress, scenario: LaunchScenario, params: Mapping[str, str]) -> str:
    rule = scenario.pkce or address.personality.pkce
    challenge = params.get("code_challenge", "")
    if rule == "ignored":
        return ""
    if not challenge and rule == "optional":
        return ""
    if params.get("code_challenge_method") != "S256" or not _S256.fullmatch(challenge):
        raise Refusal("invalid_request", "a code_challenge of method S256 is needed")
    return challenge


def _error_pairs(address: EhrAddress, code: str, description: str, state: str) -> Pairs:
    pairs = [("error", code), ("error_description", description), *([("state", state)] if state else [])]
    return [*pairs, *([("iss", address.issuer)] if address.personality.sends_iss else [])]


def _success_pairs(address: EhrAddress, grant: Grant) -> Pairs:
    pairs = [
        ("code", tokens.mint("code", replace(grant, state=""))),
        *([("state", grant.state)] if grant.state else []),
    ]
    return [*pairs, *([("iss", address.issuer)] if address.personality.sends_iss else [])]


def _without(name: str) -> Callable[[Pairs], Pairs]:
    return lambda pairs: [pair for pair in pairs if pair[0] != name]


def _double_code(pairs: Pairs) -> Pairs:
    return [*pairs, ("code", next(value for name, value in pairs if name == "code"))]


ERRORS: dict[str, tuple[str, str]] = {
    "access-denied": ("access_denied", "the provider said no"),
    "invalid-scope": ("invalid_scope", "a scope is unknown or not allowed"),
    "server-error": ("server_error", "something broke"),
    "unknown-error": ("ehr_is_closed_today", "an error code of our own"),
}
CHANGES: dict[str, Callable[[Pairs], Pairs]] = {
    "wrong-iss": lambda pairs: [*_without("iss")(pairs), ("iss", faults.STRANGER)],
    "missing-iss": _without("iss"),
    "no-state": _without("state"),
    "code-and-error": lambda pairs: [*pairs, ("error", "access_denied")],
    "double-code": _double_code,
}


def _answer(address: EhrAddress, grant: Grant) -> HttpResponse:
    fault = grant.scenario.fault
    if fault in ERRORS:
        return _go_back(grant.redirect_uri, _error_pairs(address, *ERRORS[fault], grant.state))
    pairs = _success_pairs(address, grant)
    return _go_back(grant.redirect_uri, CHANGES[fault](pairs) if fault in CHANGES else pairs)


def _go_back(redirect_uri: str, pairs: Pairs) -> HttpResponse:
    """302 to a redirect URI that was found registered; its own query, if any, stays in front."""
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, (parts.query, urlencode(pairs))))
    location = parts._replace(query=query).geturl()
    return HttpResponse(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _consent_page(request: HttpRequest, address: EhrAddress, grant: Grant) -> HttpResponse:
    ticket = tokens.mint("consent", grant)
    url = reverse("sandbox:consent", kwargs={"address": address})
    person = store.person_of(address.slug, grant.scenario.patient)
    context = {
        "ehr": address,
        "patient": person.display_name if person else "",
        "scopes": grant.scope.split(),
        "allow": f"{url}?{urlencode({'ticket': ticket, 'answer': 'allow'})}",
        "deny": f"{url}?{urlencode({'ticket': ticket, 'answer': 'deny'})}",
    }
    return answers.page(request, "sandbox/consent.html", context)


@require_safe
def consent(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """The provider's answer to the consent page; both answers are links, so that no form leads out of the EHR."""
    try:
        grant = tokens.read("consent", request.GET.get("ticket", ""), max_age=_CONSENT_SECONDS)
    except tokens.TokenError:
        return _doubt_page(request, address, "This question is no longer open. Open the app again.")
    if grant.scenario.ehr != address.slug:
        return _doubt_page(request, address, "This question was asked by another EHR.")
    if request.GET.get("answer") != "allow":
        return _go_back(grant.redirect_uri, _error_pairs(address, *ERRORS["access-denied"], grant.state))
    return _answer(address, replace(grant, scenario=replace(grant.scenario, fault=faults.NO_FAULT)))
