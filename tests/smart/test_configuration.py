"""Discovery: two documents, an order, a version, and a reason for whatever cannot be used."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from launcher.smart import configuration
from launcher.smart.answer import Answer
from launcher.smart.configuration import SmartConfiguration, discover
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.quirks import Quirks
from launcher.smart.registration import ClientRegistration
from tests.smart.fake_door import FakeDoor, Reply, reply, unreachable

BASE = "https://ehr.test/r4"
WELL_KNOWN = f"{BASE}/.well-known/smart-configuration"
METADATA = f"{BASE}/metadata"
AUTHORIZE = "https://ehr.test/oauth/authorize"
TOKEN = "https://ehr.test/oauth/token"
CLIENT = ClientRegistration(
    iss=BASE, client_id="c", redirect_uri="", scopes="launch", approved_origins=("https://login.test",)
)
R4_CLIENT = dataclasses.replace(CLIENT, fhir_version=FhirVersion.R4)
SMART: dict[str, Any] = {
    "issuer": "https://ehr.test/oauth",
    "jwks_uri": "https://ehr.test/keys",
    "authorization_endpoint": AUTHORIZE,
    "token_endpoint": TOKEN,
    "capabilities": ["launch-ehr", "permission-v2"],
    "scopes_supported": ["launch", "openid"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    "grant_types_supported": ["authorization_code"],
}
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
MISSING = reply("", status=404)
HTML = reply("<html>CANARY</html>", kind="text/html")


def uris(address: str = OAUTH_URIS, **endpoints: str) -> dict[str, Any]:
    chosen = endpoints or {"authorize": AUTHORIZE, "token": TOKEN}
    return {"url": address, "extension": [{"url": name, "valueUri": value} for name, value in chosen.items()]}


def statement(
    *extensions: dict[str, Any], kind: str = "CapabilityStatement", version: str = "4.0.1", **rest: Any
) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "fhirVersion": version,
        "rest": [
            {
                "mode": "server",
                "security": {"extension": list(extensions)},
                "resource": [{"type": "Patient"}, {"type": "Condition"}, {"type": "Patient"}, {"type": 5}, "odd"],
                **rest,
            }
        ],
    }


def ask(
    well_known: Reply, metadata: Reply, *, client: ClientRegistration = CLIENT
) -> tuple[SmartConfiguration, FakeDoor]:
    door = FakeDoor(client, {WELL_KNOWN: well_known, METADATA: metadata})
    return discover(door, client), door


def failure(well_known: Reply, metadata: Reply = MISSING, *, client: ClientRegistration = CLIENT) -> SmartError:
    with pytest.raises(SmartError) as caught:
        ask(well_known, metadata, client=client)
    assert "CANARY" not in f"{caught.value} {dict(caught.value.context)}"
    return caught.value


def test_the_smart_configuration_is_read_whole() -> None:
    found, _ = ask(reply(SMART), reply(statement(version="4.0.1")))
    assert found == SmartConfiguration(
        authorization_endpoint=AUTHORIZE,
        token_endpoint=TOKEN,
        issuer="https://ehr.test/oauth",
        jwks_uri="https://ehr.test/keys",
        capabilities=("launch-ehr", "permission-v2"),
        scopes_supported=("launch", "openid"),
        code_challenge_methods_supported=("S256",),
        token_endpoint_auth_methods_supported=("client_secret_basic",),
        grant_types_supported=("authorization_code",),
        fhir_version=FhirVersion.R4,
        source="well-known",
        resources=("Patient", "Condition"),
    )


def test_with_the_version_known_a_good_smart_configuration_is_all_that_is_asked_for() -> None:
    found, door = ask(reply(SMART), reply(statement()), client=R4_CLIENT)
    assert door.urls == [WELL_KNOWN]
    assert (found.fhir_version, found.resources) == (FhirVersion.R4, ())
    assert (door.calls[0].accept, door.calls[0].max_bytes) == ("application/json", 256 * 1024)


def test_the_registered_version_outranks_the_ehrs() -> None:
    client = dataclasses.replace(CLIENT, fhir_version=FhirVersion.STU3)
    assert ask(MISSING, reply(statement(uris(), version="4.0.1")), client=client)[0].fhir_version is FhirVersion.STU3


@pytest.mark.parametrize(
    ("number", "version"), [("1.0.2", "DSTU2"), ("3.0.1", "STU3"), ("4.0.1", "R4"), ("4.3.0", "R4B"), ("5.0.0", "R5")]
)
def test_the_version_is_read_from_the_conformance_statement(number: str, version: str) -> None:
    kind = "Conformance" if number == "1.0.2" else "CapabilityStatement"
    found, _ = ask(reply(SMART), reply(statement(kind=kind, version=number)))
    assert (found.fhir_version, found.notes) == (FhirVersion(version), ())


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (MISSING, "missing"),
        (HTML, "not_json"),
        (unreachable("timeout"), "timeout"),
        (reply({"resourceType": "Patient"}), "content"),
        (reply(statement(uris(), version="9.9")), "unknown"),
    ],
)
def test_without_a_version_a_smart_configuration_means_r4_and_a_note_says_why(metadata: Reply, why: str) -> None:
    found, _ = ask(reply(SMART), metadata)
    assert (found.fhir_version, found.token_endpoint) == (FhirVersion.R4, TOKEN)
    assert found.notes == (f"version_assumed:{why}",)


def test_both_documents_are_fetched_side_by_side() -> None:
    together = threading.Barrier(2, timeout=5)

    def meet(answer: Answer) -> Callable[[], Answer]:
        def play() -> Answer:
            together.wait()
            return answer

        return play

    found, door = ask(meet(reply(SMART)), meet(reply(statement())))
    assert found.fhir_version is FhirVersion.R4
    assert sorted(door.urls) == [WELL_KNOWN, METADATA]


@pytest.mark.parametrize("client", [CLIENT, R4_CLIENT])
@pytest.mark.parametrize(
    "well_known",
    [
        MISSING,
        HTML,
        reply(""),
        reply("", status=500),
        unreachable("timeout"),
        SmartError("discovery_failed", "no", reason="redirect"),
    ],
)
def test_an_unusable_smart_configuration_is_passed_over_for_the_conformance_statement(
    well_known: Reply, client: ClientRegistration
) -> None:
    found, _ = ask(well_known, reply(statement(uris())), client=client)
    assert (found.source, found.authorization_endpoint, found.token_endpoint) == ("metadata", AUTHORIZE, TOKEN)
    assert (found.fhir_version, found.resources) == (FhirVersion.R4, ("Patient", "Condition"))


@pytest.mark.parametrize(
    "well_known", [reply([SMART]), reply({"capabilities": []}), reply({**SMART, "token_endpoint": ""})]
)
def test_a_json_document_with_gaps_is_the_ehrs_own_word_and_is_not_filled_from_elsewhere(well_known: Reply) -> None:
    with pytest.raises(SmartError) as caught:
        ask(well_known, reply(statement(uris())), client=CLIENT)
    assert caught.value.code == "discovery_failed"
    assert caught.value.reason in {"content", "endpoint_missing"}


def test_an_older_ehr_is_asked_for_its_conformance_statement_alone() -> None:
    client = dataclasses.replace(CLIENT, quirks=Quirks(discovery=("metadata",)))
    found, door = ask(reply(SMART), reply(statement(uris(), kind="Conformance", version="1.0.2")), client=client)
    assert (found.source, found.fhir_version, door.urls) == ("metadata", FhirVersion.DSTU2, [METADATA])
    assert door.calls[0].max_bytes == 2 * 1024 * 1024


def test_a_conformance_statement_out_of_the_order_serves_for_the_version_alone() -> None:
    client = dataclasses.replace(CLIENT, quirks=Quirks(discovery=("well-known",)))
    metadata = reply(statement(uris(authorize="https://evil.test/a", token=TOKEN), version="3.0.2"))
    found, _ = ask(reply(SMART), metadata, client=client)
    assert (found.source, found.fhir_version) == ("well-known", FhirVersion.STU3)
    assert failure(MISSING, reply(statement(uris())), client=client).reason == "missing"


def test_where_the_statement_is_preferred_its_endpoints_count_and_gaps_are_filled() -> None:
    client = dataclasses.replace(CLIENT, quirks=Quirks(discovery=("metadata", "well-known")))
    other = uris(authorize="https://login.test/a", token="https://login.test/t", revoke="https://login.test/r")
    found, _ = ask(reply(SMART), reply(statement(other)), client=client)
    assert (found.source, found.token_endpoint) == ("metadata", "https://login.test/t")
    assert (found.revocation_endpoint, found.issuer) == ("https://login.test/r", "https://ehr.test/oauth")
    assert found.token_endpoint_auth_methods_supported == ("client_secret_basic",)


@pytest.mark.parametrize(
    "address", [OAUTH_URIS, "http://DSTU2/fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"]
)
@pytest.mark.parametrize("kind", ["Conformance", "CapabilityStatement"])
def test_both_spellings_of_the_extension_are_read(address: str, kind: str) -> None:
    found, _ = ask(MISSING, reply(statement({"url": "http://x/other"}, uris(address), kind=kind)))
    assert found.token_endpoint == TOKEN


def test_the_flattened_extension_of_very_old_servers_is_read() -> None:
    flat = [
        {"url": f"{OAUTH_URIS}#{name}", "valueUri": url} for name, url in (("authorize", AUTHORIZE), ("token", TOKEN))
    ]
    found, _ = ask(MISSING, reply(statement(*flat)))
    assert (found.authorization_endpoint, found.token_endpoint) == (AUTHORIZE, TOKEN)


def test_what_a_statement_says_as_a_client_does_not_count() -> None:
    assert failure(MISSING, reply(statement(uris(), mode="client"))).reason == "endpoint_missing"


@pytest.mark.parametrize("rest", [None, {}, [], [5], [{"security": []}], [{"security": {"extension": {}}}]])
def test_a_statement_without_readable_endpoints_has_none(rest: object) -> None:
    body = {"resourceType": "CapabilityStatement", "fhirVersion": 4, "rest": rest}
    assert failure(MISSING, reply(body)).reason == "endpoint_missing"


@pytest.mark.parametrize("kind", ["application/xml", "application/fhir+xml", "text/xml;charset=utf-8"])
def test_a_server_that_answers_xml_is_asked_once_more_for_json(kind: str) -> None:
    door = FakeDoor(CLIENT, {METADATA: reply("<Conformance/>", kind=kind)})
    door.replies[f"{METADATA}?_format=json"] = reply(statement(uris()))
    assert discover(door, CLIENT).source == "metadata"
    assert door.urls.count(f"{METADATA}?_format=json") == 1


def test_the_older_name_of_the_auth_methods_is_read() -> None:
    body = {**SMART, "token_endpoint_auth_methods": ["client_secret_post"]}
    del body["token_endpoint_auth_methods_supported"]
    found, _ = ask(reply(body), MISSING, client=R4_CLIENT)
    assert found.token_endpoint_auth_methods_supported == ("client_secret_post",)


def test_relative_endpoints_lie_below_the_base() -> None:
    body = {**SMART, "authorization_endpoint": "auth/authorize?x=1", "token_endpoint": "/oauth/token"}
    found, _ = ask(reply(body), MISSING, client=R4_CLIENT)
    assert (found.authorization_endpoint, found.token_endpoint) == (f"{BASE}/auth/authorize?x=1", TOKEN)


def test_endpoints_may_lie_on_an_approved_origin() -> None:
    found, _ = ask(reply({**SMART, "token_endpoint": "https://login.test/token"}), MISSING, client=R4_CLIENT)
    assert found.token_endpoint == "https://login.test/token"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("https://evil.test/x", "host_unapproved"),
        ("https://ehr.test.evil.test/x", "host_unapproved"),
        ("//evil.test/x", "host_unapproved"),
        ("https://ehr.test:8443/x", "host_unapproved"),
        ("http://ehr.test/x", "endpoint_scheme"),
        ("javascript:alert(1)", "endpoint_scheme"),
        ("data:text/html,x", "endpoint_scheme"),
        ("https://ehr.test@evil.test/x", "endpoint_malformed"),
        ("https://ehr.test/x#fragment", "endpoint_malformed"),
        ("https://ehr.test/x\r\ny", "endpoint_malformed"),
        (["https://ehr.test/x"], "endpoint_malformed"),
    ],
)
@pytest.mark.parametrize("client", [CLIENT, R4_CLIENT], ids=["auto", "R4"])
def test_a_dangerous_endpoint_ends_discovery_whatever_the_other_document_says(
    name: str, value: object, reason: str, client: ClientRegistration
) -> None:
    error = failure(reply({**SMART, name: value}), reply(statement(uris())), client=client)
    assert (error.code, error.reason, error.context["endpoint"]) == ("discovery_failed", reason, name)


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
def test_a_missing_endpoint_is_named(name: str, value: object) -> None:
    error = failure(reply({**SMART, name: value}), client=R4_CLIENT)
    assert (error.code, error.reason, error.context["endpoint"]) == ("discovery_failed", "endpoint_missing", name)


def test_an_endpoint_that_a_launch_does_not_need_is_dropped_when_it_is_not_approved() -> None:
    body = {**SMART, "revocation_endpoint": "https://evil.test/r", "introspection_endpoint": "https://ehr.test/i"}
    found, _ = ask(reply(body), MISSING, client=R4_CLIENT)
    assert (found.revocation_endpoint, found.introspection_endpoint) == ("", "https://ehr.test/i")
    assert found.notes == ("dropped:revocation_endpoint",)


def test_an_ehr_without_tls_may_have_endpoints_without_tls() -> None:
    client = dataclasses.replace(R4_CLIENT, iss="http://10.0.0.5:8080/fhir")
    body = {"authorization_endpoint": "http://10.0.0.5:8080/a", "token_endpoint": "token"}
    door = FakeDoor(client, {"http://10.0.0.5:8080/fhir/.well-known/smart-configuration": reply(body)})
    assert discover(door, client).token_endpoint == "http://10.0.0.5:8080/fhir/token"


def test_a_base_with_a_trailing_slash_gets_one_slash() -> None:
    client = dataclasses.replace(CLIENT, iss=f"{BASE}/")
    assert sorted(ask(reply(SMART), reply(statement()), client=client)[1].urls) == [WELL_KNOWN, METADATA]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (MISSING, "missing"),
        (HTML, "not_json"),
        (reply(""), "not_json"),
        (reply([SMART]), "content"),
        (reply("", status=500), "status"),
        (reply(b"\xff{}"), "not_utf8"),
        (reply('{"token_endpoint":"a","token_endpoint":"b"}'), "duplicate_key"),
        (SmartError("discovery_failed", "no", reason="redirect"), "redirect"),
        (SmartError("discovery_failed", "no", reason="too_large"), "too_large"),
    ],
)
@pytest.mark.parametrize("client", [CLIENT, R4_CLIENT], ids=["auto", "R4"])
def test_two_unusable_documents_are_a_failure_with_a_reason(
    answer: Reply, reason: str, client: ClientRegistration
) -> None:
    error = failure(answer, answer, client=client)
    assert (error.code, error.reason) == ("discovery_failed", reason)


@pytest.mark.parametrize(
    ("well_known", "metadata", "code", "reason"),
    [
        (unreachable("dns"), unreachable("timeout"), "ehr_unreachable", "dns"),
        (MISSING, unreachable("timeout"), "ehr_unreachable", "timeout"),
        (unreachable("timeout"), MISSING, "ehr_unreachable", "timeout"),
        (HTML, unreachable("timeout"), "discovery_failed", "not_json"),
        (unreachable("timeout"), HTML, "discovery_failed", "not_json"),
        (MISSING, reply(statement()), "discovery_failed", "endpoint_missing"),
        (MISSING, reply(statement(uris(token="http://x"))), "discovery_failed", "endpoint_missing"),
        (SmartError("ehr_address_forbidden", "no", reason="address"), MISSING, "ehr_address_forbidden", "address"),
    ],
)
def test_the_error_that_says_most_is_reported(well_known: Reply, metadata: Reply, code: str, reason: str) -> None:
    error = failure(well_known, metadata)
    assert (error.code, error.reason) == (code, reason)


def test_all_of_discovery_has_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "TOTAL_SECONDS", 0.2)
    monkeypatch.setattr(configuration, "FIRST_SECONDS", 0.15)

    def slow() -> Answer:
        time.sleep(0.1)
        return MISSING

    door = FakeDoor(R4_CLIENT, {WELL_KNOWN: slow, METADATA: reply(statement(uris()))})
    assert discover(door, R4_CLIENT).source == "metadata"
    assert door.calls[0].seconds == 0.15
    assert 0 < door.calls[1].seconds <= 0.11


def test_the_promise_of_an_issuer_in_answers_is_noted_only_when_it_is_one() -> None:
    name = "authorization_response_iss_parameter_supported"
    for value, noted in ((True, True), (False, False), ("true", False), (None, False)):
        assert ask(reply({**SMART, name: value}), MISSING, client=R4_CLIENT)[0].iss_parameter_supported is noted


@pytest.mark.parametrize("odd", [5, {}, "launch-ehr", [None, 5, "launch-ehr", "a\x00b"]])
def test_lists_of_odd_shape_give_what_can_be_read(odd: object) -> None:
    found, _ = ask(reply({**SMART, "capabilities": odd}), MISSING, client=R4_CLIENT)
    assert found.capabilities == (("launch-ehr",) if odd not in (5, {}) else ())


def test_an_issuer_given_as_the_address_of_its_document_is_the_issuer() -> None:
    body = {**SMART, "issuer": "https://ehr.test/oauth/.well-known/openid-configuration"}
    assert ask(reply(body), MISSING, client=R4_CLIENT)[0].issuer == "https://ehr.test/oauth"


def test_a_configuration_survives_storage_as_json() -> None:
    found, _ = ask(reply({**SMART, "revocation_endpoint": "https://evil.test/r"}), reply(statement(version="1.0.2")))
    assert SmartConfiguration.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_configuration_stored_by_another_release_can_be_read() -> None:
    stored = {"authorization_endpoint": AUTHORIZE, "token_endpoint": TOKEN, "from_the_future": 1}
    found = SmartConfiguration.from_json(stored)
    assert found == SmartConfiguration(authorization_endpoint=AUTHORIZE, token_endpoint=TOKEN)


# Outside documents: collected only where the folder is named.
_EXAMPLES = os.environ.get("SMARTPORTAL_EXAMPLES", "")
_DOCUMENTS = sorted((Path(_EXAMPLES).parent / "metadata").glob("*.json")) if _EXAMPLES else []


def _hosts(value: Any) -> set[str]:
    """The origins of every https address in a document."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return set().union(*(_hosts(each) for each in inner)) if inner else set()
    parts = urlsplit(value) if isinstance(value, str) and "://" in value else None
    return {f"https://{parts.netloc}"} if parts and parts.scheme == "https" and parts.hostname else set()


def read_example(document: Path) -> None:
    """A published document is read, with its version; without endpoints it fails by name."""
    raw = document.read_bytes()
    body = json.loads(raw)
    client = dataclasses.replace(CLIENT, approved_origins=tuple(sorted(_hosts(body))))
    is_statement = "resourceType" in body
    door = FakeDoor(client, {METADATA if is_statement else WELL_KNOWN: reply(raw)})
    if is_statement and "oauth-uris" not in raw.decode():
        with pytest.raises(SmartError) as caught:
            discover(door, client)
        assert (caught.value.code, caught.value.reason) == ("discovery_failed", "endpoint_missing")
        return
    found = discover(door, client)
    assert urlsplit(found.authorization_endpoint).scheme == urlsplit(found.token_endpoint).scheme == "https"
    assert found.source == ("metadata" if is_statement else "well-known")
    version = FhirVersion.from_number(body["fhirVersion"]) if is_statement else FhirVersion.R4
    assert found.fhir_version is version
    assert bool(found.resources) is is_statement


if _DOCUMENTS:

    @pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.stem)
    def test_published_documents_are_read(document: Path) -> None:
        read_example(document)


def test_an_ehr_that_keeps_its_smart_configuration_at_the_hosts_root_is_asked_there() -> None:
    client = dataclasses.replace(R4_CLIENT, quirks=Quirks(well_known_at_host_root=True))
    _, door = ask(reply(SMART), reply(statement(uris())), client=client)
    assert door.urls[0] == "https://ehr.test/.well-known/smart-configuration"
