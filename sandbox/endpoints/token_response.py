"""The answer to a redeemed code, and the faults in it (SMART App Launch 2.2, section "Obtain access token")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpResponse

from sandbox import identity, scopes, tokens
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers
from sandbox.endpoints.bearer import access_seconds
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


def token_response(address: EhrAddress, grant: Grant) -> HttpResponse:
    """The token response for a grant, with the fault that its scenario asks for."""
    fault = grant.scenario.fault
    if fault in INSTEAD:
        return INSTEAD[fault]()
    if fault in SCOPE_FAULTS:
        grant = replace(grant, scope=scopes.without_types(grant.scope, address.personality, removed=MEDICATION_TYPES))
    body = _body(address, grant)
    return answers.oauth_answer(CHANGES[fault](body) if fault in CHANGES else body)


def _body(address: EhrAddress, grant: Grant) -> Body:
    words = set(grant.scope.split())
    body: Body = {
        "access_token": tokens.mint("access", grant),
        "token_type": "Bearer",
        "expires_in": access_seconds(grant, address),
        "scope": grant.scope,
        "patient": grant.scenario.patient,
        "need_patient_banner": grant.scenario.banner,
    }
    if grant.scenario.encounter:
        body["encounter"] = grant.scenario.encounter
    if address.personality.refreshes and words & scopes.REFRESH_SCOPES:
        body["refresh_token"] = tokens.mint("refresh", grant)
    if address.personality.identifies and "openid" in words:
        body["id_token"] = identity.id_token(address, grant)
    return body
