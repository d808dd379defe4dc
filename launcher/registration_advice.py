"""What is worth a second look in a registration that is sound: told after saving, never in the way of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured

from launcher import needs
from launcher.discovery import discovered
from launcher.models import EhrRegistration
from launcher.secret_sources import read_secret_source
from launcher.smart import scopes
from launcher.smart.client_auth import METHODS
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion

_PANELS_NAMED = 4


def advice(registration: EhrRegistration) -> Iterator[str]:
    """Sentences for whoever has saved it. Asks nobody: of the EHR only what was heard before is known."""
    config = known_configuration(registration)
    yield from _twins(registration)
    yield from _source(registration)
    yield from _scopes(registration, config)
    if config:
        yield from _server(registration, config)


def known_configuration(registration: EhrRegistration) -> SmartConfiguration | None:
    """What the EHR published when it was last asked; None too where the registration cannot be read just now."""
    try:
        return discovered(registration)
    except (SmartError, ImproperlyConfigured, UnicodeDecodeError):
        return None


def _twins(registration: EhrRegistration) -> Iterator[str]:
    same = EhrRegistration.objects.for_site(registration.site_id).with_iss(registration.iss)
    names = same.exclude(pk=registration.pk).values_list("name", flat=True)
    if named := ", ".join(f"“{name}”" for name in names):
        yield f"This issuer is registered as {named} too: launches must use /launch/{registration.slug}."


def _source(registration: EhrRegistration) -> Iterator[str]:
    kind, _, where = registration.secret_from.partition(":")
    try:
        if registration.secret_from:
            read_secret_source(registration.secret_from)
    except (SmartError, UnicodeDecodeError):
        what = f"Variable {where} is not set" if kind == "env" else f"The file {where} cannot be read"
        yield f"{what} on this server. Launches are refused until it is."


def _scopes(registration: EhrRegistration, config: SmartConfiguration | None) -> Iterator[str]:
    if "offline_access" in registration.scopes.split():
        yield "“offline_access” keeps a token after staff log out; needed only for refresh."
    asked = scopes.parse(registration.scopes)
    if not asked.has_resource_scopes or "{" in registration.scopes:
        return
    version = _version(registration, config)
    lacking = {
        (need.label, need.resource): None
        for need in needs.all_needs()
        if version in need.versions
        and (not registration.panels or need.panel in registration.panels)
        and not asked.allows(need.resource, "s" if need.params else "r")
    }
    for label, resource in list(lacking)[:_PANELS_NAMED]:
        yield f"Panel {label} needs {resource} read."


def _version(registration: EhrRegistration, config: SmartConfiguration | None) -> FhirVersion:
    if registration.fhir_version != EhrRegistration.Version.AUTO:
        return FhirVersion(registration.fhir_version)
    return (config.fhir_version if config else None) or FhirVersion.R4


def _server(registration: EhrRegistration, config: SmartConfiguration) -> Iterator[str]:
    found, chosen = config.fhir_version, registration.fhir_version
    if found and not config.version_assumed and chosen not in {EhrRegistration.Version.AUTO, str(found)}:
        yield f"Server says {found} but {chosen} is selected."
    # Only names that we know are repeated: the list is the EHR's.
    offered = [method for method in METHODS if method in config.token_endpoint_auth_methods_supported]
    if offered and registration.auth_method in METHODS and registration.auth_method not in offered:
        yield f"Server advertises only {', '.join(offered)}."
