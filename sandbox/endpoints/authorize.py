"""The authorization endpoint: signs the provider in silently and goes straight back (SMART App Launch 2.2, step 4).

Who asks and where the answer goes are settled first: while either is in doubt, the EHR shows a page of its own and
redirects nowhere (RFC 6749, section 4.1.2.1). Without a launch handle it is a standalone launch: the provider chooses
the patient on a page of the EHR, where the scope asks for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from sandbox import faults, handles, scopes, store, tokens
from sandbox.addresses import EhrAddress
from sandbox.clients import SandboxClient, find_client
from sandbox.endpoints import answers, going_back
from sandbox.scenario import LaunchScenario, ScenarioError
from sandbox.tokens import Grant

_S256 = re.compile(r"[A-Za-z0-9_-]{43}")
CONSENT_SECONDS = 600


class Doubt(Exception):
    """Client or redirect URI are in doubt: a page of the EHR, never a redirect."""


class Refusal(Exception):
    """An error that goes back to the client (RFC 6749, section 4.1.2.1)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request whose client and way back are settled."""

    ehr: str
    client: SandboxClient
    params: Mapping[str, str]
    launch: LaunchScenario | None
    """None: a handle came that cannot be read."""

    @property
    def standalone(self) -> bool:
        return "launch" not in self.params

    @property
    def draft(self) -> Grant:
        """What an answer needs before anything is granted."""
        return Grant(
            scenario=self.launch or LaunchScenario(ehr=self.ehr, patient=""),
            client_id=self.client.client_id,
            redirect_uri=self.params["redirect_uri"],
            scope="",
            nonce=self.params.get("nonce", ""),
            state=self.params.get("state", ""),
            response_mode=self.params.get("response_mode", ""),
        )


@csrf_exempt
@answers.at_own_path("oauth_path")
def authorize(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    allowed = ("GET", "POST") if address.personality.accepts_post else ("GET",)
    if request.method not in allowed:
        return HttpResponse(status=405, headers={"Allow": ", ".join(allowed)})
    try:
        asked = _asked(request, address)
    except answers.RepeatedParameter as error:
        return going_back.doubt_page(request, address, f"The app sent {error} more than once.")
    except Doubt as error:
        return going_back.doubt_page(request, address, str(error))
    try:
        grant = _grant(address, asked)
    except Refusal as refusal:
        return going_back.refused(request, address, asked.draft, refusal.code, refusal.description)
    if asked.standalone and scopes.wants_patient(grant.scope):
        return _ask(request, address, grant)
    return proceed(request, address, grant)


def _asked(request: HttpRequest, address: EhrAddress) -> Asked:
    """Raises Doubt and RepeatedParameter."""
    params = answers.single_values(request.POST if request.method == "POST" else request.GET)
    if not (address.personality.form_post and params.get("response_mode") == "form_post"):
        params.pop("response_mode", None)
    client = find_client(address.slug, params.get("client_id", ""))
    if client is None:
        raise Doubt("This app is not registered with this EHR (unknown client_id).")
    if params.get("redirect_uri", "") not in client.redirect_uris:
        raise Doubt("The app asked to be answered at an address that is not registered (redirect_uri).")
    if address.personality.needs_state and not params.get("state"):
        raise Doubt("The app sent no state.")
    return Asked(address.slug, client, params, _launch(address, params))


def _launch(address: EhrAddress, params: Mapping[str, str]) -> LaunchScenario | None:
    if "launch" not in params:
        return LaunchScenario(ehr=address.slug, patient="")
    try:
        scenario = handles.scenario_of(address.slug, params["launch"])
    except ScenarioError:
        return None
    return replace(scenario, encounter=store.current_visit(address.slug, scenario.patient, scenario.encounter))


def _grant(address: EhrAddress, asked: Asked) -> Grant:
    """What the provider is taken to allow; raises Refusal."""
    params, client = asked.params, asked.client
    if params.get("response_type") != "code":
        raise Refusal("unsupported_response_type", "response_type must be code")
    rule = (asked.launch.aud if asked.launch else None) or address.personality.aud
    if not _aud_fits(rule, params.get("aud", ""), address.fhir_base):
        raise Refusal("invalid_request", "aud is not the FHIR base address of this EHR")
    if asked.launch is None:
        raise Refusal("invalid_request", "not a launch handle of this EHR, or expired")
    scenario = asked.launch
    if scenario.client != "any" and (scenario.client == "public") != client.is_public:
        raise Refusal("unauthorized_client", f"this launch is for a {scenario.client} client")
    return replace(
        asked.draft,
        scope=_scope(address, asked, scenario),
        code_challenge=challenge(address, scenario, params),
    )


def _aud_fits(rule: str, aud: str, base: str) -> bool:
    fitting = {
        "ignored": True,
        "present": bool(aud),
        "exact": aud == base,
        "slashed": aud == f"{base}/",
        "lenient": aud.removesuffix("/") == base,
    }
    return fitting[rule]


def _scope(address: EhrAddress, asked: Asked, scenario: LaunchScenario) -> str:
    requested = asked.params.get("scope", "")
    if asked.standalone and ("launch" in requested.split() or not address.personality.standalone):
        raise Refusal("invalid_request", "the scope launch needs a launch handle")
    try:
        scope = scopes.granted(requested, address.personality, scenario.scope_style)
    except scopes.MixedVersions as error:
        raise Refusal("invalid_scope", str(error)) from error
    if not asked.standalone and "launch" not in scope.split():
        raise Refusal("invalid_scope", "an EHR launch needs the scope launch")
    if not scope:
        raise Refusal("invalid_scope", "none of these scopes can be granted")
    return scope


def challenge(address: EhrAddress, scenario: LaunchScenario, params: Mapping[str, str]) -> str:
    """The code challenge to hold the code to, "" for none; raises Refusal."""
    rule = scenario.pkce or address.personality.pkce
    found = params.get("code_challenge", "")
    if rule == "ignored" or (not found and rule != "required"):
        return ""
    if params.get("code_challenge_method") != "S256" or not _S256.fullmatch(found):
        raise Refusal("invalid_request", "a code_challenge of method S256 is needed")
    return found


def proceed(request: HttpRequest, address: EhrAddress, grant: Grant) -> HttpResponse:
    """Go on with a grant whose patient is known: at once, or after the provider's consent."""
    if grant.scenario.fault == "login-page":
        return _consent_page(request, address, grant)
    return going_back.granted(request, address, grant)


# --- The EHR's own patient picker -----------------------------------------------------------------------------------


def _ask(request: HttpRequest, address: EhrAddress, grant: Grant, fault: str = faults.NO_FAULT) -> HttpResponse:
    """The EHR's own page on which the provider chooses the patient of a standalone launch."""
    url = reverse("sandbox:choose", kwargs={"address": address})
    ticket = tokens.mint("choice", grant)
    query = {"ticket": ticket, **({} if fault == faults.NO_FAULT else {"fault": fault})}
    context = {
        "ehr": address,
        "ticket": ticket,
        "faults": faults.for_launches(address.personality),
        "fault": faults.FAULTS.get(fault),
        "patients": [
            {"person": person, "choose": f"{url}?{urlencode({**query, 'patient': person.id})}"}
            for person in store.people(address.slug)
        ],
        "without": f"{url}?{urlencode({**query, 'patient': ''})}",
    }
    return answers.page(request, "sandbox/choose.html", context)


@require_safe
def choose(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """The provider's choice; `patient` empty is a launch without one, no `patient` at all shows the list again."""
    try:
        grant = tokens.read("choice", request.GET.get("ticket", ""), max_age=CONSENT_SECONDS)
    except tokens.TokenError:
        return going_back.doubt_page(request, address, "This list is no longer open. Open the app again.")
    fault = request.GET.get("fault") or faults.NO_FAULT
    known = {each.name for each in faults.for_launches(address.personality)} | {faults.NO_FAULT}
    patient = request.GET.get("patient")
    if grant.scenario.ehr != address.slug or fault not in known:
        return going_back.doubt_page(request, address, "This list was shown by another EHR.")
    if patient is None:
        return _ask(request, address, grant, fault)
    if patient and store.person_of(address.slug, patient) is None:
        return going_back.doubt_page(request, address, "There is no such patient.")
    scenario = replace(grant.scenario, patient=patient, fault=fault)
    return proceed(request, address, replace(grant, scenario=scenario))


# --- The consent page -----------------------------------------------------------------------------------------------


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
        grant = tokens.read("consent", request.GET.get("ticket", ""), max_age=CONSENT_SECONDS)
    except tokens.TokenError:
        return going_back.doubt_page(request, address, "This question is no longer open. Open the app again.")
    if grant.scenario.ehr != address.slug:
        return going_back.doubt_page(request, address, "This question was asked by another EHR.")
    if request.GET.get("answer") != "allow":
        return going_back.refused(request, address, grant, *going_back.ERRORS["access-denied"])
    return going_back.granted(request, address, replace(grant, scenario=replace(grant.scenario, fault=faults.NO_FAULT)))
