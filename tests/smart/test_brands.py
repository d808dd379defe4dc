"""What is read from a Bundle of User-access Brands, and what is passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from launcher.smart.brands import Directory, EndpointEntry, folded, identifier_text, read_bundle
from launcher.smart.strict_json import parse

BASE = "https://directory.test"
FHIR = "https://ehr.test/r4"


def endpoint(key: str = "e", address: str = FHIR, /, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Endpoint",
        "id": key,
        "status": "active",
        "name": "Internal name of the endpoint",
        "connectionType": {"code": "hl7-fhir-rest"},
        "address": address,
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": "4.0.1"},
        ],
        **more,
    }


def organization(key: str = "o", title: str = "Riverside Hospital", /, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": key,
        "active": True,
        "name": title,
        "endpoint": [{"reference": "Endpoint/e"}],
        **more,
    }


def read(*resources: Any, full: bool = True, **bundle: Any) -> Directory:
    entries = [
        {"fullUrl": f"{BASE}/{each['resourceType']}/{each['id']}", "resource": each} if full else {"resource": each}
        for each in resources
    ]
    body = {"resourceType": "Bundle", "type": "collection", "timestamp": "2026-01-02T03:04:05Z", "entry": entries}
    return read_bundle(parse(json.dumps({**body, **bundle}).encode()))


def test_a_brand_is_its_organization_with_other_names_places_identifiers_and_fhir_bases() -> None:
    found = read(
        organization(
            alias=["Riverside", "RVH"],
            address=[{"city": "Springfield", "state": "MA", "postalCode": "02115"}, {"city": "Shelby"}],
            identifier=[{"system": "urn:ietf:rfc:3986", "value": "https://riverside.test"}],
        ),
        endpoint(address=f"{FHIR}/"),
    )
    assert found.timestamp == "2026-01-02T03:04:05Z"
    (brand,) = found.brands
    assert (brand.name, brand.aliases) == ("Riverside Hospital", ("Riverside", "RVH"))
    assert brand.places == ("Springfield, MA 02115", "Shelby")
    assert brand.identifiers == ("urn:ietf:rfc:3986|https://riverside.test",)
    assert brand.endpoints == (EndpointEntry(f"{FHIR}/", FHIR, ("4.0.1",)),)
    assert "internal" not in brand.words


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("reference", ["Endpoint/e", f"{BASE}/Endpoint/e"])
def test_references_are_followed_however_they_are_written(reference: str, full: bool) -> None:
    found = read(organization(endpoint=[{"reference": reference}]), endpoint(), full=full)
    assert len(found.brands) == (1 if full or reference == "Endpoint/e" else 0)


def test_equal_ids_of_two_servers_are_told_apart() -> None:
    entries = [
        {"fullUrl": f"https://{server}.test/{each['resourceType']}/{each['id']}", "resource": each}
        for server in ("one", "two")
        for each in (organization("o", server), endpoint(address=f"https://{server}.test/fhir"))
    ]
    found = read(entry=entries)
    assert [(brand.name, brand.endpoints[0].key) for brand in found.brands] == [
        ("one", "https://one.test/fhir"),
        ("two", "https://two.test/fhir"),
    ]


def test_a_place_without_a_base_of_its_own_is_reached_by_what_it_is_part_of() -> None:
    found = read(
        organization(identifier=[{"system": "s", "value": "whole"}]),
        organization("clinic", "Hill Clinic", endpoint=[], partOf={"reference": "Organization/o"}),
        endpoint(),
    )
    _, clinic = found.brands
    assert (clinic.name, clinic.endpoints[0].key) == ("Hill Clinic", FHIR)
    assert (clinic.identifiers, clinic.above) == ((), ("s|whole",))


def test_organizations_that_are_part_of_each_other_end_somewhere() -> None:
    ring = [
        organization(name, name, endpoint=[], partOf={"reference": f"Organization/{other}"})
        for name, other in (("a", "b"), ("b", "a"))
    ]
    found = read(*ring, endpoint())
    assert (found.brands, found.passed_over) == ((), 2)


def test_the_endpoints_of_portals_count() -> None:
    portal = {
        "url": "http://hl7.org/fhir/StructureDefinition/organization-portal",
        "extension": [{"url": "portalEndpoint", "valueReference": {"reference": "Endpoint/e"}}],
    }
    assert len(read(organization(endpoint=[], extension=[portal]), endpoint()).brands) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"status": "off"},
        {"status": "entered-in-error"},
        {"connectionType": {"code": "dicom-wado-rs"}},
        {"address": "not an address"},
        {"address": "https://ehr.test/r4?x=1"},
        {"address": "https://good.test@evil.test/"},
        {"address": "javascript:alert(1)"},
        {"address": None},
    ],
)
def test_endpoints_that_are_no_fhir_base_in_use_do_not_count(odd: dict[str, Any]) -> None:
    found = read(organization(), endpoint(**odd))
    assert (found.brands, found.passed_over) == ((), 1)


@pytest.mark.parametrize(
    "odd",
    [
        {"active": False},
        {"name": None},
        {"name": ["x"]},
        {"name": "a\u202eb"},
        {"name": "x" * 201},
        {"endpoint": [{"reference": "Organization/o"}]},
        {"endpoint": "Endpoint/e"},
        {"endpoint": [{"reference": "Endpoint/absent"}, 5, {}]},
    ],
)
def test_organizations_without_a_usable_name_or_base_are_passed_over(odd: dict[str, Any]) -> None:
    found = read(organization(**odd), endpoint())
    assert (found.brands, found.passed_over) == ((), 1)


def test_odd_parts_of_an_organization_do_not_cost_the_rest() -> None:
    found = read(
        organization(alias="Riverside", address={"city": "x"}, identifier=[5, {"system": "s"}], extension=[None, {}]),
        endpoint(extension="x"),
    )
    (brand,) = found.brands
    assert (brand.aliases, brand.places, brand.identifiers) == (("Riverside",), (), ())
    assert brand.endpoints[0].fhir_versions == ()


def test_the_connection_type_of_a_later_fhir_version_is_read() -> None:
    later = [{"coding": [{"code": "hl7-fhir-rest"}]}]
    assert len(read(organization(), endpoint(connectionType=later)).brands) == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "Bundle",
        {"resourceType": "Organization"},
        {"resourceType": "Bundle", "type": "searchset"},
        {"resourceType": "Bundle"},
    ],
)
def test_something_else_than_a_collection_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="not a FHIR Bundle of type collection"):
        read_bundle(body)


@pytest.mark.parametrize("entry", [None, "x", [None, 5, {"resource": "x"}, {"resource": {}}]])
def test_odd_entries_are_no_brands(entry: Any) -> None:
    assert read(entry=entry).brands == ()


def test_searching_knows_neither_case_nor_accents() -> None:
    assert folded("Hôpital Saint-Élie STRASSE Straße") == "hopital saint-elie strasse strasse"


def test_an_identifier_is_written_with_its_system() -> None:
    assert identifier_text({"system": "s", "value": "v"}) == "s|v"
    assert identifier_text({"value": "v"}) == "|v"
    assert identifier_text({"system": "s"}) == identifier_text("v") == identifier_text(None) == ""
