"""For each error code: the paragraph of the standard it is about, the connection checks that look there, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.explanations import EXPLANATIONS
from launcher.smart.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class TraceWords:
    """`standard` names the paragraph; `checks` the ids of the connection checks that would find it, () for none.

    `remedy` is the next step for the administrator, in one or two sentences.
    """

    standard: str
    checks: tuple[str, ...]
    remedy: str

    @classmethod
    def of(cls, standard: str, checks: str, remedy: str) -> TraceWords:
        return cls(standard, tuple(f"SP-CHK-{number}" for number in checks.split()), remedy)


_EHR_LAUNCH = "SMART App Launch 2.2, “Launch App: EHR Launch”"
_OURS = "None: this is about our own installation."
_SESSION = "SMART App Launch 2.2, “Use refresh token”; RFC 6749, section 6"

TRACE_WORDS: dict[ErrorCode, TraceWords] = {
    "launch_incomplete": TraceWords.of(
        _EHR_LAUNCH,
        "31",
        "Look at the parameters that came. The launch address in the EHR must be ours, and the EHR must add iss "
        "and launch to it, each once. Where several registrations have this iss, give the EHR /launch/<slug>.",
    ),
    "unknown_issuer": TraceWords.of(
        f"{_EHR_LAUNCH} (iss); RFC 9700, section 4.4",
        "01 31",
        "Compare the iss that came with the issuer of the registration, letter by letter. Correct that one, "
        "or register this EHR.",
    ),
    "registration_disabled": TraceWords.of(
        _OURS,
        "31",
        "Enable the registration, if it was not switched off on purpose. For an open server: that is for "
        "development only.",
    ),
    "discovery_failed": TraceWords.of(
        "SMART App Launch 2.2, “Conformance” (.well-known/smart-configuration); RFC 8414, section 3",
        "09 10 12 13",
        "Run the connection check; it names the document and the endpoint. Approve the endpoint's origin in the "
        "registration, or fill in its own endpoints.",
    ),
    "ehr_unreachable": TraceWords.of(
        "SMART App Launch 2.2, “App protection” (TLS); RFC 9325",
        "02 04 05 06 07",
        "Run the connection check from here. If name, port and certificate are good, ask network staff about the "
        "firewall, or the EHR's help desk whether it was down at this time.",
    ),
    "ehr_address_forbidden": TraceWords.of(
        "None: our own guard against requests to addresses that others chose.",
        "03",
        "If the EHR is on site, add its network to SMARTPORTAL_ALLOWED_NETWORKS. If not, its name leads to an "
        "address it should not: ask who runs the name server.",
    ),
    "access_denied": TraceWords.of(
        "RFC 6749, section 4.1.2.1 (access_denied)",
        "17 32",
        "Ask the provider whether they chose “Deny”. If not, a rule of the EHR refused: its help desk can say "
        "which, for the client ID and the time above.",
    ),
    "authorization_failed": TraceWords.of(
        "RFC 6749, section 4.1.2.1; SMART App Launch 2.2, “Request authorization code”",
        "17 19 20",
        "Compare client ID, redirect URI and scopes of the request with what the EHR has registered. "
        "invalid_scope: ask for fewer; unauthorized_client: the EHR has not switched the app on.",
    ),
    "state_unknown": TraceWords.of(
        "RFC 6749, section 10.12; SMART App Launch 2.2, “Request authorization code” (state)",
        "25",
        "Once: the provider waited more than ten minutes or went back; they start again. Always: the EHR does not"
        " give our state back, or the redirect URI leads to another installation.",
    ),
    "state_foreign": TraceWords.of(
        "RFC 6749, section 10.12; RFC 9700, section 4.7.1",
        "26 27",
        "Often: the browser lost a cookie between our page and the EHR's. Check that both ends use the same host "
        "name, and that the browser's policy keeps our cookies in the EHR's frame.",
    ),
    "issuer_mismatch": TraceWords.of(
        "RFC 9207, section 2.4; RFC 9700, section 4.4",
        "14 30",
        "Compare the iss that came back with the issuer the EHR publishes. If only this differs, ask the EHR's "
        "help desk to correct one of the two; do not go on without it.",
    ),
    "client_rejected": TraceWords.of(
        "RFC 6749, section 5.2 (invalid_client); SMART App Launch 2.2, “Obtain access token”",
        "18 21 22 23",
        "Check client ID, secret and its expiry, and how the token endpoint wants to be told. With signing keys: "
        "the EHR must reach our JWKS address.",
    ),
    "code_rejected": TraceWords.of(
        "RFC 6749, sections 4.1.2 and 5.2 (invalid_grant); RFC 7636, section 4.6",
        "16 20 32",
        "Once: the code was too old; the provider starts again. Always: the redirect URI or PKCE differs from "
        "what the EHR registered, or its clock does.",
    ),
    "token_unreadable": TraceWords.of(
        "RFC 6749, section 5.1; SMART App Launch 2.2, “Obtain access token” (launch context)",
        "12 21 32",
        "Look at status, type and members of the token endpoint's answer. An HTML page means a wrong endpoint or "
        "a proxy; otherwise send this trace to the EHR's help desk.",
    ),
    "identity_invalid": TraceWords.of(
        "OpenID Connect Core 1.0, section 3.1.3.7; SMART App Launch 2.2, “Scopes for requesting identity data”",
        "08 30",
        "The reason names the part that failed: iss, aud, exp, nonce, kid or signature. Check our clock, the "
        "OpenID issuer in the registration, and that openid and fhirUser are among the scopes.",
    ),
    "no_patient": TraceWords.of(
        "SMART App Launch 2.2, “Launch context arrives with your access_token”",
        "15 32",
        "See that the scope “launch” (standalone: “launch/patient”) was asked for and granted. If it was, the EHR"
        " opened the app outside of a chart, or keeps the patient elsewhere in its token.",
    ),
    "patient_mismatch": TraceWords.of(
        "FHIR R4, “RESTful API: read”; SMART App Launch 2.2, “Launch context” (patient)",
        "32",
        "Patient safety: report it to the EHR's help desk with this trace, today. Do not try again with real "
        "patients before they have answered.",
    ),
    "patient_unavailable": TraceWords.of(
        "FHIR R4, “RESTful API: read”; SMART App Launch 2.2, “Scopes for requesting FHIR Resources”",
        "11 28 32",
        "Look at the status of the Patient request. 401 or 403: the scopes granted do not cover Patient; 404: "
        "another FHIR base; 5xx: ask the EHR's help desk.",
    ),
    "session_ended": TraceWords.of(
        _SESSION,
        "31",
        "The reason says why: idle, absolute-limit or token-expired are as they should be. refresh-refused: look "
        "at the EHR's rule for refresh tokens. not_owner: another browser, or its cookie is gone.",
    ),
    "ehr_busy": TraceWords.of(
        "RFC 6585, section 4 (429); RFC 9110, section 15.6.4 (503)",
        "07",
        "Wait. If it comes back, ask the EHR's help desk how many requests a minute it allows this client. Reason"
        " “circuit”: it had stopped answering, and we left it alone for a moment.",
    ),
    "unavailable": TraceWords.of(
        _OURS, "22", "Look at /readyz and at the log under this reference: they name the part that is out of order."
    ),
    "cookies_blocked": TraceWords.of(
        "RFC 6265bis (SameSite, Partitioned); our own rule: one cookie for each chart",
        "26 27",
        "Allow cookies of this host within the EHR's frame in the browser's policy, or have the EHR open the app "
        "in a window of its own.",
    ),
    "too_many_requests": TraceWords.of(
        "RFC 6585, section 4 (429), sent by us",
        "",
        "If this was no attack: many people behind one address. Name your proxy in SMARTPORTAL_TRUSTED_PROXIES, "
        "so that they are told apart.",
    ),
    "form_expired": TraceWords.of(_OURS, "26", "The page was older than its session: reload it and try again."),
    "not_found": TraceWords.of(
        f"{_EHR_LAUNCH} (launch URL)",
        "31",
        "The address has a slug or a host name that is none of ours: compare it with the registration's launch "
        "address.",
    ),
    "method_not_allowed": TraceWords.of(
        "RFC 9110, section 15.5.6 (405)", "", "Give the EHR the launch address as the registration shows it."
    ),
    "internal": TraceWords.of(_OURS, "", "Look for this reference in the log, and report the lines that stand there."),
}


def words_for(code: str) -> TraceWords | None:
    """What to say of a code; None for "" and for codes that are not ours any more."""
    return next((words for known, words in TRACE_WORDS.items() if known == code), None)


def cause_of(code: str) -> str:
    """What the code means, for the administrator; "" for none of ours."""
    return next((said.administrator for known, said in EXPLANATIONS.items() if known == code), "")
