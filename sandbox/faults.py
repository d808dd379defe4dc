"""The named faults a simulated EHR can be told to make: the one table of what each of them does.

How a fault behaves is written beside the endpoint that plays it; a test holds both one to one. Discovery faults stand
in the address ("smart-r4~discovery-html"), because discovery happens before any launch handle is known; the others
travel in the launch handle, the code and the token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.personality import Personality

Where = Literal["discovery", "authorize", "token", "fhir", "refresh"]
Needs = Literal["", "id_token", "iss", "well-known", "refresh", "whole-answer", "banner", "new-refresh", "encounters"]

NO_FAULT = "none"
STRANGER = "https://stranger.invalid"
"""The origin that no client may ever speak to; `.invalid` never resolves (RFC 6761, section 6.4)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`needs` names what the EHR must do at all for this fault to show. "whole-answer": errors that carry `state`;
    "banner": a `need_patient_banner` that is a boolean; "new-refresh": a refresh token in the answer to a refresh;
    "encounters": that it serves them."""

    name: str
    where: Where
    what: str
    needs: Needs = ""

    def applies_to(self, personality: Personality) -> bool:
        met: dict[Needs, bool] = {
            "": True,
            "id_token": personality.identifies,
            "iss": personality.sends_iss,
            "well-known": personality.well_known,
            "refresh": personality.refreshes,
            "new-refresh": personality.refresh in ("rotating", "same"),
            "banner": not personality.banner_as_text,
            "whole-answer": not personality.proxied,
            "encounters": "Encounter" in personality.type_names,
        }
        return met[self.needs]


_DISCOVERY: tuple[tuple[str, str, Needs], ...] = (
    ("discovery-404", "Both discovery documents answer 404", ""),
    ("discovery-html", "Both answer 200 with an HTML login page", ""),
    ("discovery-empty", "Both answer 200 with an empty body", ""),
    ("discovery-array", "Both answer 200 with a JSON array", ""),
    ("discovery-redirect", "Both redirect to another origin", ""),
    ("discovery-no-token-endpoint", "The token endpoint is not named", ""),
    ("discovery-http-endpoint", "The token endpoint is a plain http address", ""),
    ("discovery-javascript-endpoint", "The authorization endpoint is a javascript: address", ""),
    ("discovery-foreign-endpoint", "The token endpoint lies on a foreign host", ""),
    ("discovery-500", "Both answer 500 with an HTML page", ""),
    ("discovery-metadata-only", "There is no SMART configuration, only the conformance statement", "well-known"),
    ("discovery-host-root", "The SMART configuration lies above the FHIR base, at the EHR's root", "well-known"),
    ("discovery-no-auth-methods", "The SMART configuration names no ways of authentication", "well-known"),
    ("discovery-old-auth-methods", "It names them as token_endpoint_auth_methods", "well-known"),
    ("discovery-content-type", "Both documents come as application/octet-stream", ""),
    ("discovery-other-issuer", "The SMART configuration names another issuer than the id_token", "well-known"),
)
_AUTHORIZE: tuple[tuple[str, str, Needs], ...] = (
    ("login-page", "Asks the provider to allow or deny, instead of signing in silently", ""),
    ("access-denied", "Comes back with error=access_denied", ""),
    ("invalid-scope", "Comes back with error=invalid_scope", ""),
    ("server-error", "Comes back with error=server_error", ""),
    ("unknown-error", "Comes back with an error code that no standard knows", ""),
    ("wrong-iss", "Comes back with another issuer in iss", "iss"),
    ("missing-iss", "Comes back without the promised iss", "iss"),
    ("no-state", "Comes back without state", ""),
    ("code-and-error", "Comes back with a code and an error together", ""),
    ("double-code", "Comes back with two codes", ""),
    ("error-no-state", "Comes back with error=access_denied and without state", "whole-answer"),
    ("auth_invalid_client_id", "Answers 401 in JSON that the client is unknown, without going back", ""),
    ("auth_invalid_redirect_uri", "Answers 400 in JSON that the redirect URI is wrong, without going back", ""),
    ("auth_invalid_scope", "Comes back with invalid_scope and the launcher's own words", ""),
)
_TOKEN: tuple[tuple[str, str, Needs], ...] = (
    ("invalid-client", "401 invalid_client", ""),
    ("invalid-grant", "400 invalid_grant", ""),
    ("unauthorized-client", "400 unauthorized_client", ""),
    ("token-429", "429 with Retry-After", ""),
    ("token-503", "503 with Retry-After", ""),
    ("token-500-html", "500 with an HTML page", ""),
    ("token-200-html", "200 with an HTML page", ""),
    ("token-204", "204 without content", ""),
    ("token-empty", "200 with an empty body", ""),
    ("token-redirect", "307 to another origin", ""),
    ("token-array", "200 with the token response in an array", ""),
    ("auth_invalid_client_secret", "401 invalid_client: the secret is wrong", ""),
    ("token_invalid_token", "401 invalid_client: the token is invalid", ""),
    ("token_expired_registration_token", "401 invalid_client: the registration has expired", ""),
    ("token_invalid_scope", "400 invalid_scope", ""),
    ("token_invalid_jti", "401 invalid_client: the jti is invalid", ""),
    ("invalid-client-500", "500 invalid_client", ""),
    ("no-access-token", "No access_token", ""),
    ("token-type-mac", "token_type is mac", ""),
    ("token-type-upper", "token_type is BEARER (harmless)", ""),
    ("token-type-lower", "token_type is bearer (harmless)", ""),
    ("expires-zero", "expires_in is 0 (harmless)", ""),
    ("state-echoed", "The answer repeats state (harmless)", ""),
    ("expires-string", "expires_in is a string (harmless)", ""),
    ("no-expires", "No expires_in (harmless)", ""),
    ("no-patient", "No patient", ""),
    ("bad-patient-id", "patient is ../Practitioner/1", ""),
    ("patient-number", "patient is a number", ""),
    ("narrow-scope", "Medications are not granted", ""),
    ("no-scope", "No scope in the answer", ""),
    ("banner-false-string", 'need_patient_banner is the string "false"', "banner"),
    ("no-id-token", "No id_token though openid was asked for", "id_token"),
    ("id-alg-none", "id_token unsigned, alg none", "id_token"),
    ("id-bad-signature", "id_token with one bit of the signature flipped", "id_token"),
    ("id-wrong-iss", "id_token of another issuer", "id_token"),
    ("id-wrong-aud", "id_token for another client", "id_token"),
    ("id-wrong-nonce", "id_token with another nonce", "id_token"),
    ("id-no-nonce", "id_token without the nonce that was sent", "id_token"),
    ("id-no-sub", "id_token without sub", "id_token"),
    ("id-expired", "id_token that ended six minutes ago", "id_token"),
    ("id-unknown-kid", "id_token signed by a key that is not published", "id_token"),
)
_FHIR: tuple[tuple[str, str], ...] = (
    ("patient-other", "The Patient read answers with another patient"),
    ("patient-practitioner", "The Patient read answers with a Practitioner of the same id"),
    ("patient-two-bundle", "The Patient read answers with a Bundle of two patients"),
    ("patient-401", "The Patient read answers 401"),
    ("patient-403", "The Patient read answers 403"),
    ("patient-404", "The Patient read answers 404"),
    ("patient-410", "The Patient read answers 410"),
    ("patient-500", "The Patient read answers 500"),
    ("patient-html", "The Patient read answers 200 with an HTML login page"),
    ("patient-outcome", "The Patient read answers 200 with an OperationOutcome"),
    ("conditions-outcome-200", "Conditions: 200 with an OperationOutcome"),
    ("conditions-html-200", "Conditions: 200 with an HTML login page"),
    ("conditions-500", "Conditions: 500"),
    ("conditions-403", "Conditions: 403"),
    ("conditions-404", "Conditions: 404"),
    ("conditions-401", "Conditions: 401"),
    ("conditions-redirect", "Conditions: 302 to another origin"),
    ("conditions-foreign-next", "Conditions: the next page lies on another origin"),
    ("conditions-other-patient", "Conditions: one of them belongs to somebody else"),
    ("conditions-no-subject", "Conditions: one of them has no subject"),
    ("conditions-warning", "Conditions: the EHR warns that the list may be incomplete"),
    ("conditions-empty", "Conditions: none"),
    ("conditions-bad-json", "Conditions: JSON cut off in the middle"),
    ("conditions-slow", "Conditions: answer late (by the scenario's delay, else six seconds)"),
    ("medications-500", "Medications: 500"),
    ("medications-403", "Medications: 403"),
    ("allergies-500", "Allergies: 500"),
    ("allergies-403", "Allergies: 403"),
    ("allergies-empty", "Allergies: none recorded, and no entry that says so"),
    ("allergies-other-patient", "Allergies: one of them belongs to somebody else"),
    ("allergies-warning", "Allergies: the EHR warns that the list may be incomplete"),
    ("vitals-500", "Vital signs: 500"),
    ("vitals-slow", "Vital signs: answer late (by the scenario's delay, else six seconds)"),
    ("labs-403", "Lab results: 403"),
    ("labs-html", "Lab results: 200 with an HTML login page"),
    ("labs-other-patient", "Lab results: one of them belongs to somebody else"),
    ("immunizations-404", "Immunizations: 404"),
    ("immunizations-500", "Immunizations: 500"),
    ("documents-500", "Documents: 500"),
    ("documents-foreign-url", "Documents: one of them lies on another origin"),
    ("binary-404", "A document's content answers 404"),
    ("binary-redirect", "A document's content redirects to another origin"),
    ("binary-html-as-pdf", "A document's content is an HTML login page said to be a PDF"),
    ("xss", "Names and texts carry script"),
    ("request_invalid_token", "Every FHIR request is answered 401: the token is invalid"),
    ("request_expired_token", "Every FHIR request is answered 401: the token has expired"),
)
_ENCOUNTERS: tuple[tuple[str, str], ...] = (
    ("encounters-403", "Encounters: 403"),
    ("encounters-500", "Encounters: 500"),
)
_REFRESH: tuple[tuple[str, str, Needs], ...] = (
    ("refresh-invalid-grant", "A refresh answers 400 invalid_grant", "refresh"),
    ("refresh-other-patient", "A refresh answers with another patient", "refresh"),
    ("refresh-500", "A refresh answers 500 with an HTML page, as after a time-out", "refresh"),
    ("refresh-no-new-token", "A refresh answers without a refresh token (keep the old one)", "new-refresh"),
    ("refresh-other-sub", "A refresh answers with an id_token of another person", "id_token"),
    ("refresh-narrow-scope", "A refresh answers with less scope: no medications", "refresh"),
    ("refresh-wider-scope", "A refresh answers with more scope than was granted", "refresh"),
    ("token_expired_refresh_token", "A refresh answers 403: the refresh token has expired", "refresh"),
)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *(Fault(name, "discovery", what, needs) for name, what, needs in _DISCOVERY),
        *(Fault(name, "authorize", what, needs) for name, what, needs in _AUTHORIZE),
        *(Fault(name, "token", what, needs) for name, what, needs in _TOKEN),
        *(Fault(name, "fhir", what) for name, what in _FHIR),
        *(Fault(name, "fhir", what, "encounters") for name, what in _ENCOUNTERS),
        *(Fault(name, "refresh", what, needs) for name, what, needs in _REFRESH),
    )
}


def names(where: Where) -> frozenset[str]:
    """All fault names played at one place."""
    return frozenset(name for name, fault in FAULTS.items() if fault.where == where)


def for_launches(personality: Personality) -> list[Fault]:
    """The faults that a launch at this EHR can carry, in table order."""
    return [fault for fault in FAULTS.values() if fault.where != "discovery" and fault.applies_to(personality)]


def in_addresses(personality: Personality) -> list[Fault]:
    """The faults that the address of this EHR can carry, in table order."""
    return [fault for fault in FAULTS.values() if fault.where == "discovery" and fault.applies_to(personality)]
