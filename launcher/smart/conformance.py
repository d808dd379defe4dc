"""Reads a server's conformance statement (DSTU2's Conformance, later CapabilityStatement) as far as SMART needs it.

SMART App Launch 1.0, "Conformance": `rest[].security` carries the extension `oauth-uris`. Servers spell its address and
the system of the security service in several ways: nothing is compared but the last part of the extension's address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import plain
from launcher.smart.strict_json import JsonValue

_TYPES = {"Conformance", "CapabilityStatement"}
_EXTENSION = "oauth-uris"
_NAMES = {
    "authorize": "authorization_endpoint",
    "token": "token_endpoint",
    "introspect": "introspection_endpoint",
    "revoke": "revocation_endpoint",
}
_VALUES = ("valueUri", "valueUrl", "valueString")


@dataclass(frozen=True, slots=True)
class Statement:
    """`endpoints` by the names of the SMART configuration, as written; `resources` are the types it lists."""

    endpoints: Mapping[str, str]
    fhir_version: FhirVersion | None
    resources: tuple[str, ...]


def read(body: Mapping[str, JsonValue]) -> Statement | None:
    """The statement, or None if the body is another kind of resource or none at all."""
    if body.get("resourceType") not in _TYPES:
        return None
    rests = [rest for rest in _objects(body.get("rest")) if rest.get("mode") != "client"]
    endpoints: dict[str, str] = {}
    for rest in rests:
        security = rest.get("security")
        for name, url in _uris(security) if isinstance(security, dict) else ():
            endpoints.setdefault(name, url)
    types = (plain(resource.get("type"), most=64) for rest in rests for resource in _objects(rest.get("resource")))
    number = plain(body.get("fhirVersion"), most=64)
    return Statement(endpoints, FhirVersion.from_number(number), tuple(dict.fromkeys(filter(None, types))))


def _uris(security: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """The named addresses, nested as in the guide or flattened ("...oauth-uris#token") as very old servers have it."""
    for extension in _objects(security.get("extension")):
        address, _, flattened = plain(extension.get("url")).partition("#")
        if address.rpartition("/")[2] != _EXTENSION:
            continue
        inner = [(flattened, extension)] if flattened else []
        inner += [(plain(each.get("url")), each) for each in _objects(extension.get("extension"))]
        for name, holder in inner:
            url = next((text for text in (plain(holder.get(value)) for value in _VALUES) if text), "")
            if name in _NAMES and url:
                yield _NAMES[name], url


def _objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
