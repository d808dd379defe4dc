from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from sandbox import faults
from sandbox.addresses import EhrAddress
from sandbox.endpoints.conformance import OAUTH_URIS
from tests.sandbox.house import EHRS, ORIGIN, path_of

ALLSCRIPTS = [ehr for ehr in EHRS if ehr.startswith("allscripts")]
WELL_KNOWN = "/.well-known/smart-configuration"


def oauth_uris(document: dict[str, Any]) -> dict[str, str]:
    extensions = document["rest"][0]["security"]["extension"]
    found = next(extension for extension in extensions if extension["url"] == OAUTH_URIS)
    return {part["url"]: part["valueUri"] for part in found["extension"]}


def metadata(http: Client, ehr: str) -> dict[str, Any]:
    body: dict[str, Any] = http.get(f"/sandbox/{ehr}/fhir/metadata").json()
    return body


@pytest.mark.parametrize("ehr", ALLSCRIPTS)
def test_the_older_ehrs_are_found_by_their_conformance_alone(http: Client, ehr: str) -> None:
    assert http.get(f"/sandbox/{ehr}/fhir{WELL_KNOWN}").status_code == 404
    answer = http.get(f"/sandbox/{ehr}/fhir/metadata", headers={"Accept": "application/json+fhir"})
    assert answer["Content-Type"].partition(";")[0] == "application/json+fhir"
    body = answer.json()
    assert (body["resourceType"], body["fhirVersion"]) == ("Conformance", "1.0.2")
    start = f"{ORIGIN}/sandbox/{ehr}/authorization/connect"
    assert oauth_uris(body) == {"authorize": f"{start}/authorize", "token": f"{start}/token"}


def test_the_older_ehrs_list_the_fourteen_types_of_their_time(http: Client) -> None:
    types = {resource["type"] for resource in metadata(http, "allscripts-sunrise")["rest"][0]["resource"]}
    assert len(types) == 14
    assert {"Patient", "Condition", "MedicationOrder", "MedicationStatement"} <= types
    assert not types & {"Medication", "Encounter", "Practitioner", "MedicationRequest"}


def test_the_reference_ehr_says_the_same_in_both_documents(http: Client) -> None:
    body = metadata(http, "smart-r4")
    config = http.get(f"/sandbox/smart-r4/fhir{WELL_KNOWN}").json()
    assert (body["resourceType"], body["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    assert oauth_uris(body) == {
        "authorize": config["authorization_endpoint"],
        "token": config["token_endpoint"],
        "introspect": config["introspection_endpoint"],
        "revoke": config["revocation_endpoint"],
    }


def test_the_smart_configuration_has_what_the_standard_requires(http: Client) -> None:
    answer = http.get(f"/sandbox/smart-r4/fhir{WELL_KNOWN}")
    config = answer.json()
    assert answer["Content-Type"] == "application/json"
    assert config["code_challenge_methods_supported"] == ["S256"]
    assert set(config["token_endpoint_auth_methods_supported"]) == {
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    }
    assert config["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert config["authorization_response_iss_parameter_supported"] is True
    assert "authorization_code" in config["grant_types_supported"]
    assert {
        "launch-ehr",
        "launch-standalone",
        "context-standalone-patient",
        "sso-openid-connect",
        "client-public",
        "permission-v1",
        "permission-v2",
    } <= set(config["capabilities"])
    assert "client_credentials" in config["grant_types_supported"]


def test_the_issuer_leads_to_its_own_configuration_and_keys(http: Client) -> None:
    config = http.get(f"/sandbox/smart-r4/fhir{WELL_KNOWN}").json()
    openid = http.get(path_of(config["issuer"] + "/.well-known/openid-configuration")).json()
    assert openid["issuer"] == config["issuer"] == f"{ORIGIN}/sandbox/smart-r4"
    assert openid["jwks_uri"] == config["jwks_uri"]
    (key,) = http.get(path_of(openid["jwks_uri"])).json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


@pytest.mark.parametrize("ehr", ALLSCRIPTS)
def test_an_ehr_that_identifies_nobody_has_no_openid_documents(http: Client, ehr: str) -> None:
    for path in (".well-known/openid-configuration", "jwks"):
        assert http.get(f"/sandbox/{ehr}/{path}").status_code == 404


@pytest.mark.parametrize("ehr", EHRS)
def test_addresses_come_from_the_settings_and_never_from_the_host_header(http: Client, ehr: str) -> None:
    for path in ("metadata", WELL_KNOWN.lstrip("/")):
        answer = http.get(f"/sandbox/{ehr}/fhir/{path}", headers={"Host": "evil.test"})
        assert b"evil.test" not in answer.content


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/fhir+json, application/json;q=0.9", 200), ("*/*", 200), ("application/fhir+xml", 406)],
)
def test_metadata_is_json_or_nothing(http: Client, accept: str, status: int) -> None:
    assert http.get("/sandbox/smart-r4/fhir/metadata", headers={"Accept": accept}).status_code == status


def test_format_is_heard_before_accept(http: Client) -> None:
    xml = {"Accept": "application/fhir+xml"}
    assert http.get("/sandbox/smart-r4/fhir/metadata?_format=json", headers=xml).status_code == 200
    assert http.get("/sandbox/smart-r4/fhir/metadata?_format=application/fhir%2Bjson").status_code == 200
    assert http.get("/sandbox/smart-r4/fhir/metadata?_format=xml").status_code == 406


@pytest.mark.parametrize("segment", ["nobody", "smart-r4~", "smart-r4~xss", "smart-r4~nonsense", "~discovery-html"])
def test_an_ehr_or_discovery_fault_that_does_not_exist_is_not_found(http: Client, segment: str) -> None:
    assert http.get(f"/sandbox/{segment}/fhir/metadata").status_code == 404


# --- Discovery faults -----------------------------------------------------------------------------------------------


def both_documents(http: Client, fault: str) -> list[Any]:
    base = path_of(EhrAddress.parse(f"smart-r4~{fault}").fhir_base)
    return [http.get(f"{base}/metadata"), http.get(f"{base}{WELL_KNOWN}")]


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "start"),
    [
        ("discovery-404", 404, "text/html", b"<!DOCTYPE html>"),
        ("discovery-html", 200, "text/html", b"<!DOCTYPE html>"),
        ("discovery-empty", 200, "application/json", b""),
        ("discovery-array", 200, "application/json", b"[]"),
        ("discovery-500", 500, "text/html", b"<!DOCTYPE html>"),
    ],
)
def test_a_broken_discovery_is_broken_in_both_documents(
    http: Client, fault: str, status: int, content_type: str, start: bytes
) -> None:
    for answer in both_documents(http, fault):
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (status, content_type)
        assert answer.content[: len(start) or 1] == start


def test_a_redirected_discovery_leads_to_a_stranger(http: Client) -> None:
    for answer in both_documents(http, "discovery-redirect"):
        assert answer.status_code == 302
        assert urlsplit(answer["Location"]).netloc == urlsplit(faults.STRANGER).netloc


@pytest.mark.parametrize(
    ("fault", "name", "value"),
    [
        ("discovery-no-token-endpoint", "token", None),
        ("discovery-http-endpoint", "token", "http://testserver/sandbox/smart-r4~discovery-http-endpoint/oauth2/token"),
        ("discovery-javascript-endpoint", "authorize", "javascript:alert(document.domain)"),
        ("discovery-foreign-endpoint", "token", f"{faults.STRANGER}/token"),
    ],
)
def test_a_bad_endpoint_is_named_in_both_documents(http: Client, fault: str, name: str, value: str | None) -> None:
    statement, config = (answer.json() for answer in both_documents(http, fault))
    key = {"token": "token_endpoint", "authorize": "authorization_endpoint"}[name]
    assert oauth_uris(statement).get(name) == config.get(key) == value


def test_on_an_http_site_the_http_endpoint_lies_on_another_host(http: Client, settings: Any) -> None:
    settings.SMARTPORTAL_BASE_URL = "http://127.0.0.1:8000"
    statement, _ = (answer.json() for answer in both_documents(http, "discovery-http-endpoint"))
    token = urlsplit(oauth_uris(statement)["token"])
    assert (token.scheme, token.netloc) == ("http", "plain.invalid")
