"""The scopes of one request to one EHR: as registered, with what the shown panels read where that is left to them."""

from __future__ import annotations

from launcher import needs
from launcher.models import EhrRegistration
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.registration import ClientRegistration
from launcher.smart.scope_writing import filled


def asked_scopes(
    registration: EhrRegistration, client: ClientRegistration, config: SmartConfiguration, *, scopes: str
) -> str:
    """`scopes` with their placeholders filled for what this EHR is and has, in one version of SMART's scopes."""
    wanted = needs.wanted_of(
        client.fhir_version or config.fhir_version or FhirVersion.R4,
        panels=registration.panels,
        resources=config.resources,
    )
    return filled(
        scopes,
        wanted,
        preference=registration.scope_version,
        capabilities=config.capabilities,
        supported=config.scopes_supported,
    )
