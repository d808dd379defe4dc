"""The answer to a redeemed code, and the faults in it (SMART App Launch 2.2, section "Obtain access token")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpResponse

from sandbox import identity, scopes, tokens
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers
from sandbox.endpoints.bearer import access_seconds, access_token
from sandbox.tokens import Grant

MEDICATION_TYPES = frozenset({"Medication", "MedicationOrder", "MedicationRequest", "MedicationStatement"})
RETRY_SECONDS = "2"

Body = dict[str, Any]


def _asked_to_wait(status: int) -> HttpResponse:
    answer = answers.oauth_error("temporarily_unavailable", "try again later", status=status)
    answer["Retry-After"] = RETRY_SECONDS
    return answer


INSTEAD: dict[str, Callable[[], HttpResponse]] = {
    "invalid-client": lambda: answers.oauth_error("invalid_client", "the client is not known here", status=401),
    "invalid-grant": lambda: answers.oauth_error("invalid_grant", "the code is not good"),
    "unauthorized-client": lambda: answers.oauth_error("unauthorized_client", "the client may not do this"),
    "token-429": lambda: _asked_to_wait(429),
    "token-503": lambda: _asked_to_wait(503),
    "auth_invalid_client_secret": lambda: answers.oauth_error(
        "invalid_client", "Simulated invalid client secret error", status=401
    ),
    "token_invalid_token": lambda: answers.oauth_error("invalid_client", "Simulated invalid token error", status=401),
    "token_expired_registration_token": lambda: answers.oauth_error(
        "invalid_client", "Simulated expired registration token error", status=401
    ),
    "token_invalid_scope": lambda: answers.oauth_error("invalid_scope", "Simulated invalid scope error"),
    "token_invalid_jti": lambda: answers.oauth_error("invalid_client", "Simulated invalid 'jti' value", status=401),
    "invalid-client-500": lambda: answers.oauth_error("invalid_client", "the client is not known here", status=500),
    "token-500-html": lambda: answers.html_answer(answers.ERROR_HTML, status=500),
    "token-200-html": lambda: answers.html_answer(answers.LOGIN_HTML),
    "token-204": lambda: HttpResponse(status=204),
    "token-empty": lambda: HttpResponse(b"", content_type="application/json"),
    "token-redirect": lambda: answers.redirect_to_stranger("/token", status=307),
}


def _set(changes: Body) -> Callable[[Body], Body]:
    return lambda body: {**body, **changes}


def _drop(name: str) -> Callable[[Body], Body]:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _patient_as_number(body: Body) -> Body:
    patient = str(body.get("patient", ""))
    return {**body, "patient": int(patient) if patient.isdecimal() else 123}


CHANGES: dict[str, Callable[[Body], object]] = {
    "token-array": lambda body: [body],
    "no-access-token": _drop("access_token"),
    "token-type-mac": _set({"token_type": "mac"}),
    "token-type-upper": _set({"token_type": "BEARER"}),
    "token-type-lower": _set({"token_type": "bearer"}),
    "expires-zero": _set({"expires_in": 0}),
    "expires-string": lambda body: {**body, "expires_in": str(body["expires_in"])},
    "no-expires": _drop("expires_in"),
    "no-patient": _drop("patient"),
    "bad-patient-id": _set({"patient": "../Practitioner/1"}),
    "patient-number": _patient_as_number,
    "no-scope": _drop("scope"),
    "no-id-token": _drop("id_token"),
    "banner-false-string": _set({"need_patient_banner": "false"}),
}
SCOPE_FAULTS = frozenset({"narrow-scope"})
STATE_FAULTS = frozenset({"state-echoed"})


def token_response(address: EhrAddress, grant: Grant, *, launch: Mapping[str, Any] | None = None) -> HttpResponse:
    """The token response for a grant, with the fault its scenario asks for. `launch` is the proxy's launch JSON."""
    fault = grant.scenario.fault
    if fault in INSTEAD:
        return INSTEAD[fault]()
    if fault in SCOPE_FAULTS:
        grant = replace(grant, scope=scopes.without_types(grant.scope, address.personality, removed=MEDICATION_TYPES))
    body = {**_body(address, grant), **(_context(address, grant) if launch is None else _repeated(launch, grant))}
    return answers.oauth_answer(CHANGES[fault](body) if fault in CHANGES else body)


def _body(address: EhrAddress, grant: Grant) -> Body:
    words = set(grant.scope.split())
    body: Body = {
        "access_token": access_token(grant),
        "token_type": "Bearer",
        "expires_in": access_seconds(grant, address),
        "scope": grant.scope,
    }
    if (grant.scenario.refresh or address.personality.refresh) != "none" and words & scopes.REFRESH_SCOPES:
        body["refresh_token"] = tokens.mint("refresh", grant)
    if address.personality.identifies and "openid" in words:
        body["id_token"] = identity.id_token(address, grant)
    if grant.scenario.fault in STATE_FAULTS and grant.state:
        body["state"] = grant.state
    return body


def _context(address: EhrAddress, grant: Grant) -> Body:
    """The launch context (SMART App Launch 2.2, "Launch context arrives with your access_token")."""
    personality, scenario = address.personality, grant.scenario
    banner = scenario.banner and not personality.banner_as_text
    context: Body = {"need_patient_banner": str(banner).lower() if personality.banner_as_text else banner}
    if scenario.patient and scenario.patient_in == "token":
        context["patient"] = scenario.patient
    if scenario.encounter and scenario.patient_in != "absent":
        context["encounter"] = scenario.encounter
    if personality.styles:
        context["smart_style_url"] = f"{address.style_url}\n"
    if personality.fhir_context:
        context["fhirContext"] = list(personality.fhir_context)
    return context


def _repeated(launch: Mapping[str, Any], grant: Grant) -> Body:
    """What the proxy adds: the launch JSON as it came, whatever the token is good for, and the client's id."""
    names = ("patient", "encounter", "need_patient_banner", "smart_style_url")
    return {**{name: launch[name] for name in names if launch.get(name)}, "client_id": grant.client_id}
