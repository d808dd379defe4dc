"""Discovery: Conformance or CapabilityStatement, smart-configuration, OpenID configuration, keys.

SMART App Launch 2.2, section "Conformance"; the `oauth-uris` extension of 1.0 for EHRs without a well-known document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sandbox import faults, keys
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers
from sandbox.endpoints.negotiation import speaks_json
from sandbox.personality import Personality, ResourceType

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICE_SYSTEMS = {
    "1.0.2": "http://hl7.org/fhir/restful-security-service",
    "3.0.2": "http://hl7.org/fhir/restful-security-service",
    "4.0.1": "http://terminology.hl7.org/CodeSystem/restful-security-service",
}
_PUBLISHED = "2026-11-23"

Document = dict[str, Any]


def _endpoints(address: EhrAddress) -> dict[str, str]:
    """The endpoints as discovery names them, with the fault that the address carries."""
    personality = address.personality
    found = {"authorize": address.authorize_url, "token": address.token_url}
    if personality.introspects:
        found["introspect"] = address.introspect_url
    if personality.revokes:
        found["revoke"] = address.revoke_url
    change = ENDPOINT_FAULTS.get(address.discovery_fault)
    return change(found) if change else found


def _named(address: EhrAddress, document: str) -> dict[str, str]:
    """The endpoints as one of the documents writes them: in some, relative to the FHIR base (RFC 3986)."""
    found = _endpoints(address)
    if address.personality.relative_in != document:
        return found
    return {name: url.replace(f"{address.root}/", "../", 1) for name, url in found.items()}


def _plain_http(endpoints: dict[str, str]) -> dict[str, str]:
    """The token endpoint over http; on a site that is http itself, on another http host."""
    parts = urlsplit(endpoints["token"])
    host = parts.netloc if parts.scheme == "https" else "plain.invalid"
    return {**endpoints, "token": parts._replace(scheme="http", netloc=host).geturl()}


ENDPOINT_FAULTS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "discovery-no-token-endpoint": lambda found: {name: url for name, url in found.items() if name != "token"},
    "discovery-http-endpoint": _plain_http,
    "discovery-javascript-endpoint": lambda found: {**found, "authorize": "javascript:alert(document.domain)"},
    "discovery-foreign-endpoint": lambda found: {**found, "token": f"{faults.STRANGER}/token"},
}
INSTEAD: dict[str, Callable[[], HttpResponse]] = {
    "discovery-404": answers.not_found,
    "discovery-html": lambda: answers.html_answer(answers.LOGIN_HTML),
    "discovery-empty": lambda: HttpResponse(b"", content_type="application/json"),
    "discovery-array": lambda: answers.json_answer([]),
    "discovery-redirect": lambda: answers.redirect_to_stranger("/discovery"),
    "discovery-500": lambda: answers.html_answer(answers.ERROR_HTML, status=500),
}


def _security(address: EhrAddress) -> Document:
    system = _SERVICE_SYSTEMS[address.personality.fhir_number]
    uris = [{"url": name, "valueUri": uri} for name, uri in _named(address, "metadata").items()]
    return {
        "cors": True,
        "service": [{"coding": [{"system": system, "code": "SMART-on-FHIR"}], "text": "OAuth2 using SMART-on-FHIR"}],
        "extension": [{"url": OAUTH_URIS, "extension": uris}],
    }


def _resource(resource: ResourceType, personality: Personality) -> Document:
    found: Document = {"type": resource.name, "interaction": [{"code": "read"}], "versioning": "no-version"}
    if resource.params:
        found["interaction"] = [{"code": "read"}, {"code": "search-type"}]
        found["searchParam"] = [{"name": name, "type": kind} for name, kind in resource.params]
    if resource.name == "MedicationRequest":
        found["searchInclude"] = ["MedicationRequest:medication"]
    return found


def _statement(address: EhrAddress) -> Document:
    """What Conformance (DSTU2) and CapabilityStatement (R4) have in common."""
    personality = address.personality
    name, version = personality.software
    return {
        "url": f"{address.fhir_base}/metadata",
        "version": version,
        "name": f"{name} (simulated)",
        "status": "active",
        "experimental": True,
        "publisher": "smartportal sandbox",
        "date": _PUBLISHED,
        "description": f"A simulation of {personality.label}; every patient in it is invented.",
        "kind": "instance",
        "software": {"name": name, "version": version},
        "implementation": {"description": personality.hospital, "url": address.fhir_base},
        "fhirVersion": personality.fhir_number,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": _security(address),
                "resource": [_resource(resource, personality) for resource in personality.resources],
            }
        ],
    }


def metadata_document(address: EhrAddress) -> Document:
    """The Conformance (DSTU2) or CapabilityStatement of this EHR."""
    if address.personality.fhir_number == "1.0.2":
        return {"resourceType": "Conformance", **_statement(address), "acceptUnknown": "both"}
    if address.personality.fhir_number == "3.0.2":
        return {"resourceType": "CapabilityStatement", **_statement(address), "acceptUnknown": "both"}
    return {"resourceType": "CapabilityStatement", **_statement(address)}


_RESOURCE_SCOPES = {
    "narrowed": ("patient/*.rs", "patient/*.read", "user/*.rs", "user/*.read"),
    "registered": (),
}


def _scopes(personality: Personality) -> list[str]:
    """What `scopes_supported` lists; where the app's registration decides, resource scopes are not in it."""
    if personality.scope_style == "explicit":
        levels = [(level, name) for level in ("patient", "user") for name in sorted(personality.type_names)]
        return [*personality.plain_scopes, *(f"{level}/{name}.read" for level, name in levels)]
    return [*personality.plain_scopes, *_RESOURCE_SCOPES.get(personality.scope_style, ())]


def _capabilities(personality: Personality) -> list[str]:
    """SMART App Launch 2.2, section "Capabilities"."""
    has = {
        "launch-ehr": True,
        "launch-standalone": personality.standalone,
        "authorize-post": personality.accepts_post,
        "client-public": bool(personality.public_client_id),
        "client-confidential-symmetric": True,
        "client-confidential-asymmetric": "private_key_jwt" in personality.auth_methods,
        "sso-openid-connect": personality.identifies,
        "context-banner": True,
        "context-style": personality.styles,
        "context-ehr-patient": True,
        "context-ehr-encounter": True,
        "context-standalone-patient": personality.standalone and not personality.proxied,
        "permission-offline": personality.refreshes,
        "permission-online": personality.refreshes,
        "permission-patient": True,
        "permission-user": True,
        "permission-v1": True,
        "permission-v2": personality.fhir_number == "4.0.1" and not personality.proxied,
    }
    return [name for name, there in has.items() if there]


def smart_configuration_document(address: EhrAddress) -> Document:
    personality = address.personality
    endpoints = _named(address, "well-known")
    document: Document = {
        "authorization_endpoint": endpoints["authorize"],
        "token_endpoint_auth_methods_supported": list(personality.auth_methods),
        "grant_types_supported": [
            "authorization_code",
            *(["refresh_token"] if personality.refreshes else []),
            *(["client_credentials"] if personality.backend else []),
        ],
        "scopes_supported": _scopes(personality),
        "response_types_supported": ["code"],
        "authorization_response_iss_parameter_supported": personality.sends_iss,
        "capabilities": _capabilities(personality),
    }
    if personality.identifies:
        document |= {"issuer": address.issuer, "jwks_uri": address.jwks_url}
    if personality.pkce in ("required", "optional"):
        document["code_challenge_methods_supported"] = ["S256"]
    if personality.form_post:
        document["response_modes_supported"] = ["query", "form_post"]
    if "private_key_jwt" in personality.auth_methods:
        document["token_endpoint_auth_signing_alg_values_supported"] = ["RS384", "ES384"]
    names = {"token": "token_endpoint", "introspect": "introspection_endpoint", "revoke": "revocation_endpoint"}
    document |= {names[name]: url for name, url in endpoints.items() if name in names}
    change = CONFIGURATION_FAULTS.get(address.discovery_fault)
    return change(document) if change else document


def _without_methods(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "token_endpoint_auth_methods_supported"}


def _old_methods(document: Document) -> Document:
    methods = document["token_endpoint_auth_methods_supported"]
    return {**_without_methods(document), "token_endpoint_auth_methods": methods}


CONFIGURATION_FAULTS: dict[str, Callable[[Document], Document]] = {
    "discovery-no-auth-methods": _without_methods,
    "discovery-old-auth-methods": _old_methods,
    "discovery-other-issuer": lambda document: {**document, "issuer": faults.STRANGER},
}
NOT_AT_THE_BASE = frozenset({"discovery-metadata-only", "discovery-host-root"})
CONTENT_TYPE_FAULTS = frozenset({"discovery-content-type"})


def openid_configuration_document(address: EhrAddress) -> Document:
    """OpenID Connect Discovery 1.0, section 3."""
    return {
        "issuer": address.issuer,
        "authorization_endpoint": address.authorize_url,
        "token_endpoint": address.token_url,
        "userinfo_endpoint": address.userinfo_url,
        "jwks_uri": address.jwks_url,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": list(address.personality.auth_methods),
        "scopes_supported": ["openid", "profile", "fhirUser"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "name", "fhirUser", "profile"],
    }


def _open_to_all(answer: HttpResponse) -> HttpResponse:
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _sent(address: EhrAddress, answer: HttpResponse) -> HttpResponse:
    if address.discovery_fault in CONTENT_TYPE_FAULTS:
        answer["Content-Type"] = "application/octet-stream"
    return _open_to_all(answer)


@require_safe
def metadata(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    instead = INSTEAD.get(address.discovery_fault)
    if instead:
        return instead()
    if not speaks_json(request):
        return answers.outcome_answer(address, 406, "not-supported", "this server answers in JSON")
    return _sent(address, answers.fhir_answer(metadata_document(address), address))


def _configuration(address: EhrAddress) -> HttpResponse:
    instead = INSTEAD.get(address.discovery_fault)
    return instead() if instead else _sent(address, answers.json_answer(smart_configuration_document(address)))


@require_safe
def smart_configuration(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    if not address.personality.well_known or address.discovery_fault in NOT_AT_THE_BASE:
        return answers.not_found()
    return _configuration(address)


@require_safe
def smart_configuration_at_root(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """At the root of the simulated EHR, which stands for that of its host."""
    if not address.personality.well_known or address.discovery_fault != "discovery-host-root":
        return answers.not_found()
    return _configuration(address)


@require_safe
def openid_configuration(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    if not address.personality.identifies:
        return answers.not_found()
    return _open_to_all(answers.json_answer(openid_configuration_document(address)))


@require_safe
def jwks(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    if not address.personality.identifies:
        return answers.not_found()
    answer = answers.json_answer({"keys": [keys.public_jwk()]})
    answer["Cache-Control"] = "public, max-age=300"
    return _open_to_all(answer)
