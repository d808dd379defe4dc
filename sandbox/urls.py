"""The simulated EHRs' addresses, relative to `/sandbox/`; each EHR's OAuth endpoints answer at its own path only."""

from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from sandbox.addresses import EhrConverter
from sandbox.endpoints import authorize, binaries, conformance, desktop, fhir, proxy, token, upkeep
from sandbox.personalities import EXCHANGE_PATHS, OAUTH_PATHS

app_name = "sandbox"

register_converter(EhrConverter, "ehr")


def _exchange(oauth_path: str) -> list[URLPattern]:
    start = f"<ehr:address>/{oauth_path}"
    at = {"oauth_path": oauth_path}
    return [
        path(f"{start}/token", token.token, at),
        path(f"{start}/userinfo", token.userinfo, at),
        path(f"{start}/revoke", upkeep.revoke, at),
        path(f"{start}/introspect", upkeep.introspect, at),
    ]


urlpatterns = [
    path("", desktop.desktops, name="desktops"),
    path("applications", desktop.applications),
    path("applications/", desktop.applications, name="applications"),
    path("<ehr:address>", desktop.desktop),
    path("<ehr:address>/", desktop.desktop, name="desktop"),
    path("<ehr:address>/open", desktop.open_app, name="open"),
    path("<ehr:address>/open/", desktop.open_app),
    path("<ehr:address>/consent", authorize.consent, name="consent"),
    path("<ehr:address>/choose", authorize.choose, name="choose"),
    path("<ehr:address>/errors/<slug:code>", desktop.error),
    path("<ehr:address>/style.json", desktop.style),
    path("<ehr:address>/jwks", conformance.jwks),
    path("<ehr:address>/.well-known/openid-configuration", conformance.openid_configuration),
    path("<ehr:address>/.well-known/smart-configuration", conformance.smart_configuration_at_root),
    path("<ehr:address>/AadSmartOnFhirProxy/authorize", proxy.start),
    path("<ehr:address>/AadSmartOnFhirProxy/callback/<str:encoded>", proxy.callback),
    path("<ehr:address>/AadSmartOnFhirProxy/token", proxy.token),
    path("<ehr:address>/oauth2/v2.0/authorize", proxy.sign_in),
    *(path(f"<ehr:address>/{each}/authorize", authorize.authorize, {"oauth_path": each}) for each in OAUTH_PATHS),
    *(pattern for each in EXCHANGE_PATHS for pattern in _exchange(each)),
    path("<ehr:address>/fhir/metadata", conformance.metadata),
    path("<ehr:address>/fhir/.well-known/smart-configuration", conformance.smart_configuration),
    path("<ehr:address>/fhir/Patient/<str:patient_id>/<str:type_name>", fhir.search_compartment),
    path("<ehr:address>/fhir/Binary/<str:resource_id>", binaries.read),
    path("<ehr:address>/fhir/<str:type_name>", fhir.search),
    path("<ehr:address>/fhir/<str:type_name>/<str:resource_id>", fhir.read),
    path("<ehr:address>/fhir", fhir.unknown),
    path("<ehr:address>/fhir/", fhir.unknown),
    path("<ehr:address>/fhir/<path:rest>", fhir.unknown),
]
