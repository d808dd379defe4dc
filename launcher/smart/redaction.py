"""Makes what two servers said to each other fit to be kept: names, and only those values that cannot tell a secret.

Everything is shown by permission and nothing by default: a value is kept when its name is on a list and the value is
one of a few words, a number, or text of our own registration. Codes, tokens, states, handles, ids, names and free text
(`error_description`) have no permission, so that they cannot be kept by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from launcher.smart import scopes
from launcher.smart.origins import Base, origin_of, parse_base

HIDDEN = "…"
EMPTY = "(empty)"
NAMES_MOST = 40

Shown = tuple[tuple[str, str], ...]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OAUTH_ERRORS = _words(
    # RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core, 3.1.2.6; RFC 8707; RFC 9449; RFC 6750, 3.1.
    "invalid_request unauthorized_client access_denied unsupported_response_type invalid_scope server_error "
    "temporarily_unavailable interaction_required login_required account_selection_required consent_required "
    "invalid_client invalid_grant unsupported_grant_type invalid_target invalid_token insufficient_scope"
)
RESOURCE_TYPES = _words(
    "Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic "
    "Binary BodySite BodyStructure Bundle CapabilityStatement CarePlan CareTeam ChargeItem Claim ClaimResponse "
    "ClinicalImpression CodeSystem Communication CommunicationRequest Composition ConceptMap Condition Conformance "
    "Consent Contract Coverage DetectedIssue Device DeviceRequest DeviceUseStatement DiagnosticOrder DiagnosticReport "
    "DocumentManifest DocumentReference Encounter Endpoint EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Flag "
    "Goal Group HealthcareService ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation "
    "InsurancePlan Invoice Library List Location Measure MeasureReport Media Medication MedicationAdministration "
    "MedicationDispense MedicationOrder MedicationPrescription MedicationRequest MedicationStatement "
    "MolecularSequence NutritionOrder Observation OperationOutcome Organization OrganizationAffiliation Parameters "
    "Patient PaymentNotice Person PlanDefinition Practitioner PractitionerRole Procedure ProcedureRequest Provenance "
    "Questionnaire QuestionnaireResponse ReferralRequest RelatedPerson RequestGroup ResearchStudy ResearchSubject "
    "RiskAssessment Schedule ServiceRequest Slot Specimen StructureDefinition Subscription Substance SupplyDelivery "
    "SupplyRequest Task ValueSet VisionPrescription"
)
MEDIA_TYPES = _words(
    "application/json application/fhir+json application/json+fhir application/xml application/fhir+xml "
    "application/xml+fhir application/jwk-set+json application/problem+json application/octet-stream application/pdf "
    "text/html text/plain text/xml text/css"
)

_ABOUT_NOBODY = ("Bundle", "OperationOutcome", "CapabilityStatement", "Conformance")
_SCOPE_WORDS = _words(
    "openid profile fhirUser launch launch/patient launch/encounter launch/practitioner offline_access online_access "
    "email"
)
_PLACES = _words(
    ".well-known smart-configuration openid-configuration oauth-authorization-server metadata jwks jwks.json keys "
    "certs oauth oauth2 openid connect auth authorize authorization token discovery v1 v2 v2.0 r4 R4 fhir FHIR _search"
)
# Names in RFC 6749, OpenID Connect and SMART App Launch begin with a small letter and have no digits.
_NAME = re.compile(r"_?[a-z]{1,24}(?:[_-][a-z]{1,24}){0,5}(?:[A-Z][a-z]{1,20}){0,3}")
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9._~-]{1,40}")
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_VERSION = re.compile(r"[0-9](?:\.[0-9]{1,3}){1,2}")
_ISSUE = re.compile(r"fatal|error|warning|information")
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def address_shown(url: str) -> str:
    """Scheme, host and path of an address of our own registration or of the EHR's public documents, without its query.

    Long or strange segments are left out (some test servers keep whole settings in one).
    """
    try:
        return _rebuilt(parse_base(url.partition("?")[0]), _plain_segment)
    except ValueError:
        return "(not an address)"


def fetched_address(url: str, *, base: Base) -> str:
    """The same for an address that was fetched: below the FHIR base its resource type, elsewhere well-known names only.

    Such an address may come out of somebody's answer, and may name a patient.
    """
    try:
        asked = parse_base(url.partition("?")[0])
    except ValueError:
        return "(not an address)"
    own = base.segments
    if asked.origin == base.origin and asked.segments[: len(own)] == own:
        inner = Base(asked.scheme, asked.host, asked.port, asked.segments[len(own) :])
        return "/".join((_rebuilt(base, _plain_segment), *map(_below_base, inner.segments)))
    return _rebuilt(asked, lambda segment: segment if segment in _PLACES or segment in own else HIDDEN)


def host_shown(url: str) -> str:
    try:
        return str(origin_of(url))[:200]
    except ValueError:
        return "(not an address)"


def _rebuilt(address: Base, show: Callable[[str], str]) -> str:
    return "/".join((str(address.origin)[:200], *(show(segment) for segment in address.segments[:12])))


def _plain_segment(segment: str) -> str:
    return segment if _PLAIN_SEGMENT.fullmatch(segment) else HIDDEN


def _below_base(segment: str) -> str:
    return segment if segment in RESOURCE_TYPES or segment in _PLACES else HIDDEN


def name_shown(name: str) -> str:
    """A parameter's or member's name when it looks like one of a standard, else a mark."""
    return name if len(name) <= 60 and _NAME.fullmatch(name) else "(other)"


def scopes_shown(text: str) -> str:
    """The scopes that are words of SMART and OpenID Connect; resource scopes without their queries, others counted."""
    words, others = [], 0
    for word in text.split()[:200]:
        known = word if word in _SCOPE_WORDS else _resource_scope(word)
        words += [known] if known else []
        others += not known
    return " ".join([*words, *([f"(and {others} other)"] if others else [])]) or EMPTY


def _resource_scope(word: str) -> str:
    for scope in scopes.parse(word).resources:
        if scope.resource != "*" and scope.resource not in RESOURCE_TYPES:
            return ""
        plain = word.partition("?")[0]
        written = f"{scope.level}/{scope.resource}.{scope.rights}"
        as_sent = re.fullmatch(rf"{scope.level}/{re.escape(scope.resource)}\.(?:read|write|\*|c?r?u?d?s?)", plain)
        return (plain if as_sent else written) + (f"?{HIDDEN}" if scope.query else "")
    return ""


def _one_of(*allowed: str) -> Callable[[str], str]:
    return lambda value: value if value in allowed else HIDDEN


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda value: value if pattern.fullmatch(value) else HIDDEN


SENT: Mapping[str, Callable[[str], str]] = {
    "grant_type": _one_of("authorization_code", "refresh_token", "client_credentials"),
    "response_type": _one_of("code"),
    "response_mode": _one_of("query", "form_post", "fragment"),
    "scope": scopes_shown,
    "client_id": _matching(_CLIENT_ID),
    "redirect_uri": address_shown,
    "aud": address_shown,
    "code_challenge_method": _one_of("S256"),
    "token_type_hint": _one_of("access_token", "refresh_token"),
    "client_assertion_type": _one_of(_JWT_BEARER),
}
"""What we send. Our own values alone: none of them comes from an answer."""

RECEIVED: Mapping[str, Callable[[str], str]] = {
    "error": _one_of(*sorted(OAUTH_ERRORS)),
    "token_type": lambda value: "Bearer" if value.lower() == "bearer" else HIDDEN,
    "expires_in": _matching(_NUMBER),
    "scope": scopes_shown,
    "need_patient_banner": _one_of("true", "false"),
    "active": _one_of("true", "false"),
    "resourceType": _one_of(*sorted(RESOURCE_TYPES)),
    "total": _matching(_NUMBER),
    "fhirVersion": _matching(_VERSION),
    "authorization_endpoint": address_shown,
    "token_endpoint": address_shown,
    "jwks_uri": address_shown,
    "issuer": address_shown,
}
"""What others send. A value is repeated only when it is one of the words, numbers or forms that a standard knows."""


def parameters_shown(pairs: Iterable[tuple[str, str]], allowed: Mapping[str, Callable[[str], str]]) -> Shown:
    """Names and, where allowed, values of a query or form, in order; a parameter that came twice is there twice."""
    found = []
    for name, value in list(pairs)[:NAMES_MOST]:
        found.append((name_shown(name), _value(name, value, allowed)))
    return tuple(found)


def members_shown(value: object) -> Shown:
    """The same for a JSON answer's own members; nothing within them is looked at, the issues of an outcome aside.

    Of a resource about a person only its type: that there is a date of death would say something, too.
    """
    if not isinstance(value, dict):
        return (("(not an object)", ""),)
    if "resourceType" in value and value["resourceType"] not in _ABOUT_NOBODY:
        return (("resourceType", _member("resourceType", value["resourceType"])),)
    found = [(name_shown(str(name)), _member(str(name), each)) for name, each in list(value.items())[:NAMES_MOST]]
    return tuple(found) + _issues(value)


def _member(name: str, value: object) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, str | int | Decimal):
        return _value(name, str(value), RECEIVED)
    if isinstance(value, list):
        return f"[{len(value)}]"
    return "{…}" if isinstance(value, dict) else "null"


def _value(name: str, value: str, allowed: Mapping[str, Callable[[str], str]]) -> str:
    if not value:
        return EMPTY
    show = allowed.get(name)
    return show(value)[:2000] if show and len(value) <= 4000 else HIDDEN


def _issues(body: Mapping[str, object]) -> Shown:
    """Severity and code of an OperationOutcome's issues; both are words of closed lists (FHIR R4, IssueType)."""
    issues = body.get("issue")
    if body.get("resourceType") != "OperationOutcome" or not isinstance(issues, list):
        return ()
    return tuple(("issue", _issue(each)) for each in issues[:5] if isinstance(each, dict))


def _issue(issue: Mapping[str, object]) -> str:
    severity, code = str(issue.get("severity")), str(issue.get("code"))
    return " ".join(
        (severity if _ISSUE.fullmatch(severity) else HIDDEN, code if code in _ISSUE_CODES else HIDDEN),
    )


_ISSUE_CODES = _words(
    "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
    "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
    "business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational "
    "success"
)


def media_type_shown(content_type: str) -> str:
    if not content_type:
        return "(none)"
    return content_type if content_type in MEDIA_TYPES else "(other)"
