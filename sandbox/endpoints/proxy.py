"""The proxy that gave one cloud's sign-in service a SMART launch, with that sign-in service behind it.

After AadSmartOnFhirProxyController of https://github.com/microsoft/fhir-server: it hides the launch in `state` on the
way there and in `code` on the way back, has a callback of its own, spells scopes the sign-in service's way, forgets the
code verifier, and repeats what the launch said without asking whether the token is good for it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sandbox import handles, scopes
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient, find_client
from sandbox.endpoints import answers, authorize, going_back, refreshing
from sandbox.endpoints.client_authentication import Form, Refusal, answered
from sandbox.endpoints.token import redeemed
from sandbox.endpoints.token_response import token_response
from sandbox.scenario import LaunchScenario, ScenarioError
from sandbox.tokens import Grant

_PLAIN = frozenset({"profile", "openid", "email", "offline_access"})
_SESSION = "00aa11bb-22cc-33dd-44ee-55ff66aa77bb"


def only_here(address: EhrAddress) -> bool:
    return address.personality.proxied


def callback_url(address: EhrAddress, redirect_uri: str) -> str:
    """Where the sign-in service answers: this is what has to be registered there, not the app's own address."""
    return f"{address.root}/{address.personality.oauth_path}/callback/{_text(redirect_uri)}"


def sign_in_url(address: EhrAddress) -> str:
    return f"{address.root}/oauth2/v2.0/authorize"


def _text(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).rstrip(b"=").decode()


def _read_text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


def _spelled(scope: str, aud: str) -> str:
    """`patient/Patient.read` as `{aud}/patient$Patient.read`: the sign-in service takes no slash in a scope's name."""
    words = scope.split()
    return " ".join(word if word in _PLAIN else f"{aud}/{word.replace('/', '$')}" for word in words)


def _turned_back(scope: str, aud: str) -> str:
    """The inverse; scopes of another audience are left out."""
    words = scope.split()
    back = [word if word in _PLAIN else word.removeprefix(f"{aud}/").replace("$", "/") for word in words]
    return " ".join(word for word in back if not word.startswith("http"))


# --- On the way to the sign-in service ------------------------------------------------------------------------------


@require_safe
def start(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """The authorization endpoint that discovery names: passes the request on, the launch hidden in `state`."""
    if not only_here(address):
        return answers.not_found()
    try:
        params = answers.single_values(request.GET)
        launch = handles.proxy_launch(address.slug, params.pop("launch", ""))
    except ValueError as error:
        return answers.oauth_error("invalid_request", f"launch or a repeated parameter: {error}")
    aud = params.pop("aud", "")
    onward = {
        **params,
        "redirect_uri": callback_url(address, params.get("redirect_uri", "")),
        "scope": _spelled(params.get("scope", ""), aud),
    }
    if "state" in params:
        onward["state"] = handles.as_base64url({"s": params["state"], "l": launch})
    return HttpResponse(status=302, headers={"Location": f"{sign_in_url(address)}?{urlencode(onward)}"})


# --- The sign-in service --------------------------------------------------------------------------------------------


@require_safe
def sign_in(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """Signs the provider in silently. Of launches it knows nothing; only the simulation's faults look into them."""
    if not only_here(address):
        return answers.not_found()
    try:
        params = answers.single_values(request.GET)
    except answers.RepeatedParameter as error:
        return going_back.doubt_page(request, address, f"The app sent {error} more than once.")
    client = find_client(address.slug, params.get("client_id", ""))
    own = [] if client is None else [callback_url(address, uri) for uri in client.redirect_uris]
    if client is None or params.get("redirect_uri", "") not in own:
        return going_back.doubt_page(request, address, "The app, or its reply address, is not registered.")
    draft = _draft(address, client, params)
    try:
        return authorize.proceed(request, address, _signed_in(address, draft, params))
    except authorize.Refusal as refusal:
        return going_back.refused(request, address, draft, refusal.code, refusal.description)


def _draft(address: EhrAddress, client: SandboxClient, params: Mapping[str, str]) -> Grant:
    return Grant(
        scenario=_scenario(address, params.get("state", "")),
        client_id=client.client_id,
        redirect_uri=params["redirect_uri"],
        scope="",
        nonce=params.get("nonce", ""),
        state=params.get("state", ""),
    )


def _scenario(address: EhrAddress, state: str) -> LaunchScenario:
    """What is to be played: a patient who is not known here is passed on all the same, and found nowhere later."""
    try:
        return handles.scenario_of_proxy(address.slug, handles.from_proxy(_hidden(state).get("l", "")))
    except (ScenarioError, ValueError):
        return LaunchScenario(ehr=address.slug, patient="")


def _hidden(state: str) -> dict[str, Any]:
    try:
        return handles.from_base64url(state)
    except ValueError:
        return {}


def _signed_in(address: EhrAddress, draft: Grant, params: Mapping[str, str]) -> Grant:
    if params.get("response_type") != "code":
        raise authorize.Refusal("unsupported_response_type", "response_type must be code")
    asked = _turned_back(params.get("scope", ""), address.fhir_base)
    scope = scopes.granted(asked, address.personality, draft.scenario.scope_style)
    if not set(scope.split()) - _PLAIN:
        raise authorize.Refusal("invalid_resource", "no scope of the FHIR service was asked for")
    return replace(draft, scope=scope, code_challenge=authorize.challenge(address, draft.scenario, params))


# --- And back -------------------------------------------------------------------------------------------------------


@require_safe
def callback(request: HttpRequest, address: EhrAddress, encoded: str) -> HttpResponse:
    """Back to the app: `code` now holds the launch, `state` is the app's again; an error comes without state."""
    if not only_here(address):
        return answers.not_found()
    redirect_uri = _read_text(encoded)
    if not _is_registered(address, redirect_uri):
        return answers.not_found()
    told = [(name, request.GET[name]) for name in ("error", "error_description") if name in request.GET]
    if told:
        return going_back.go_back(request, address, redirect_uri, told)
    hidden = _hidden(request.GET.get("state", ""))
    launch = _hidden(str(hidden.get("l", "")))
    pairs = [("code", handles.as_base64url({**launch, "code": code})) for code in request.GET.getlist("code")]
    pairs.append(("session_state", _SESSION))
    if "s" in hidden:
        pairs.append(("state", str(hidden["s"])))
    return going_back.go_back(request, address, redirect_uri, pairs)


def _is_registered(address: EhrAddress, redirect_uri: str) -> bool:
    client = find_client(address.slug, f"smartportal-{address.slug}")
    return client is not None and redirect_uri in client.redirect_uris


@csrf_exempt
def token(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """The token endpoint that discovery names; everything but a code goes straight through."""
    if not only_here(address):
        return answers.not_found()
    return answered(request, address, _exchanged)


def _exchanged(address: EhrAddress, client: SandboxClient, form: Form) -> HttpResponse:
    match form.get("grant_type"):
        case "refresh_token":
            return refreshing.refreshed(address, client, form)
        case "authorization_code":
            launch = _hidden(form.get("code", ""))
            inner = {
                **{name: value for name, value in form.items() if name != "code_verifier"},
                "code": str(launch.get("code", "")),
                "redirect_uri": callback_url(address, form.get("redirect_uri", "")),
            }
            return token_response(address, redeemed(address, client, inner), launch=launch)
        case _:
            raise Refusal("unsupported_grant_type", "this grant_type is not supported")
