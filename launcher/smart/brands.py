"""Reads a Bundle of User-access Brands: organizations as people know them, and the FHIR bases they lead to.

SMART App Launch 2.2, "User-access Brands and Endpoints". Read for names alone: logos and portals are passed over, so
that a page of ours makes no browser ask another origin.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from launcher.smart.foreign_text import plain, words
from launcher.smart.origins import parse_base
from launcher.smart.strict_json import JsonValue

NAME_MOST = 200
_LIST_MOST = 50
_LEVELS = 6
_FHIR_REST = "hl7-fhir-rest"
_OUT_OF_USE = {"off", "error", "suspended", "entered-in-error"}

Json = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """A FHIR base: the address as written and rebuilt from parsed parts, and the versions it names (4.0.1)."""

    address: str
    key: str
    fhir_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandEntry:
    """One organization: `Organization.name`, other names, places such as "Boston, MA 02115", and where it leads.

    `identifiers` and `above` are written "system|value"; `above` are those of what the organization is part of.
    """

    name: str
    aliases: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    endpoints: tuple[EndpointEntry, ...] = ()

    @property
    def words(self) -> str:
        """Everything it may be searched by, folded; line by line, so that no search matches across two names."""
        return folded("\n".join((self.name, *self.aliases, *self.places)))


@dataclass(frozen=True, slots=True)
class Directory:
    """A whole bundle. `passed_over` counts organizations without a usable name or FHIR base."""

    timestamp: str
    brands: tuple[BrandEntry, ...]
    passed_over: int


def read_bundle(body: JsonValue) -> Directory:
    """Raises ValueError, with a few words, for what is no Bundle of type `collection`."""
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle" or body.get("type") != "collection":
        raise ValueError("not a FHIR Bundle of type collection")
    bundle = _Bundle(body)
    found = [bundle.brand(organization) for organization in bundle.of_type("Organization")]
    brands = tuple(brand for brand in found if brand is not None)
    return Directory(plain(body.get("timestamp"), most=40), brands, len(found) - len(brands))


def folded(text: str) -> str:
    """In lower case and without accents, as names are compared when somebody searches."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char)).casefold()


def identifier_text(value: JsonValue) -> str:
    """An Identifier as "system|value", "" without a value."""
    if not isinstance(value, dict):
        return ""
    found = plain(value.get("value"), most=240)
    return f"{plain(value.get('system'), most=240)}|{found}" if found else ""


class _Bundle:
    """The entries of one bundle, to be found by what refers to them."""

    def __init__(self, body: Json) -> None:
        self._resources: list[tuple[str, Json]] = []
        self._by_reference: dict[str, Json] = {}
        for full_url, resource in _entries(body):
            kind, found = plain(resource.get("resourceType"), most=60), plain(resource.get("id"), most=64)
            self._resources.append((full_url, resource))
            for key in filter(None, (full_url, f"{kind}/{found}" if found else "")):
                self._by_reference.setdefault(key, resource)
        self._url_of = {id(resource): full_url for full_url, resource in self._resources}

    def of_type(self, kind: str) -> Iterator[Json]:
        return (resource for _, resource in self._resources if resource.get("resourceType") == kind)

    def brand(self, organization: Json) -> BrandEntry | None:
        name = plain(organization.get("name"), most=NAME_MOST)
        line = list(self._line(organization))
        endpoints = next(filter(None, map(self._endpoints, line)), ())
        if not name or not endpoints or organization.get("active") is False:
            return None
        above = (identifier for each in line[1:] for identifier in _identifiers(each))
        return BrandEntry(
            name=name,
            aliases=words(organization.get("alias"), most=_LIST_MOST),
            places=tuple(dict.fromkeys(_places(organization)))[:_LIST_MOST],
            identifiers=tuple(_identifiers(organization)),
            above=tuple(dict.fromkeys(above)),
            endpoints=endpoints,
        )

    def _line(self, organization: Json) -> Iterator[Json]:
        """The organization, what it is part of, and so on; a few levels, so that a ring ends."""
        each: Json | None = organization
        for _ in range(_LEVELS):
            if each is None:
                return
            yield each
            each = self._referred(each, each.get("partOf"), kind="Organization")

    def _endpoints(self, organization: Json) -> tuple[EndpointEntry, ...]:
        """Those of the organization and of its portals, each once."""
        references = [*_objects(organization.get("endpoint")), *_portal_endpoints(organization)]
        resources = (self._referred(organization, reference, kind="Endpoint") for reference in references)
        entries = (_endpoint(resource) for resource in resources if resource is not None)
        return tuple({entry.key: entry for entry in entries if entry is not None}.values())

    def _referred(self, referrer: Json, reference: JsonValue, *, kind: str) -> Json | None:
        written = plain(reference.get("reference")) if isinstance(reference, dict) else ""
        root = self._url_of.get(id(referrer), "").rsplit("/", 2)[0]
        found = self._by_reference.get(f"{root}/{written}") or self._by_reference.get(written)
        return found if written and found is not None and found.get("resourceType") == kind else None


def _entries(body: Json) -> Iterator[tuple[str, Json]]:
    for entry in _objects(body.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict):
            yield plain(entry.get("fullUrl")), resource


def _objects(value: JsonValue) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _extensions(resource: Json, name: str) -> Iterator[Json]:
    """By the last part of their address, which has moved between the guide's versions."""
    found = _objects(resource.get("extension"))
    return (each for each in found if plain(each.get("url")).rpartition("/")[2] == name)


def _portal_endpoints(organization: Json) -> Iterator[Json]:
    for portal in _extensions(organization, "organization-portal"):
        for part in _extensions(portal, "portalEndpoint"):
            reference = part.get("valueReference")
            if isinstance(reference, dict):
                yield reference


def _endpoint(resource: Json) -> EndpointEntry | None:
    address = plain(resource.get("address"))
    if resource.get("status") in _OUT_OF_USE or not _is_fhir(resource.get("connectionType")):
        return None
    try:
        key = str(parse_base(address))
    except ValueError:
        return None
    versions = (plain(each.get("valueCode"), most=20) for each in _extensions(resource, "endpoint-fhir-version"))
    return EndpointEntry(address, key, tuple(dict.fromkeys(filter(None, versions)))[:_LIST_MOST])


def _is_fhir(connection: JsonValue) -> bool:
    """A Coding; FHIR R5 has a list of CodeableConcepts. One that is not said is what such a bundle is for."""
    if connection is None:
        return True
    if isinstance(connection, dict):
        return connection.get("code") == _FHIR_REST
    codings = (coding for concept in _objects(connection) for coding in _objects(concept.get("coding")))
    return any(coding.get("code") == _FHIR_REST for coding in codings)


def _identifiers(organization: Json) -> Iterable[str]:
    found = (identifier_text(each) for each in _objects(organization.get("identifier"))[:_LIST_MOST])
    return list(filter(None, found))


def _places(organization: Json) -> Iterator[str]:
    for address in _objects(organization.get("address")):
        city, state, code = (plain(address.get(name), most=80) for name in ("city", "state", "postalCode"))
        if place := ", ".join(filter(None, (city, f"{state} {code}".strip()))):
            yield place
