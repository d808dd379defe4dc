"""Checks 9 to 16 against documents that are missing, unreadable, contradictory or dangerous."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.launcher.probe.scene import Case, Page, Scene, as_json, healthy, html, prove, redirect, typed
from tests.smart.misbehaving import plain

WELL_KNOWN = "/fhir/.well-known/smart-configuration"
METADATA = "/fhir/metadata"
EVERY_CAPABILITY = [
    "launch-ehr",
    "launch-standalone",
    "context-ehr-patient",
    "context-standalone-patient",
    "client-public",
]


def old_server(scene: Scene) -> None:
    scene.without(WELL_KNOWN)
    statement = scene.ehr.statement(version="1.0.2")
    scene.pages[METADATA] = as_json({**statement, "resourceType": "Conformance"})


def answers(path: str, page: Page, **values: Any) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.pages[path] = page
        scene.values.update(values)

    return arrange


def nothing_published(scene: Scene) -> None:
    scene.without(WELL_KNOWN, METADATA)


def no_endpoints_elsewhere(page: Page) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.pages[WELL_KNOWN] = page
        scene.state(endpoints=False)

    return arrange


def registered(**values: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.values.update(values)


def configured(changes: dict[str, Any], **values: Any) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.configure(**changes)
        scene.values.update(values)

    return arrange


def stated(**changes: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.state(**changes)


def told_and_registered(told: str, registered: str) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.state(version=told)
        scene.values["fhir_version"] = registered

    return arrange


def own_endpoints(scene: Scene) -> None:
    nothing_published(scene)
    server = scene.ehr.server
    scene.values.update(authorization_endpoint=server.url("/authorize"), token_endpoint=server.url("/token"))


def own_endpoint_elsewhere(scene: Scene) -> None:
    scene.values["token_endpoint"] = "https://login.vendor.test/token"


def danger_that_is_not_used(scene: Scene) -> None:
    """With the version registered, the statement is not asked for; what stands in it harms nobody yet."""
    statement = scene.ehr.statement()
    uris = statement["rest"][0]["security"]["extension"][0]["extension"]
    uris[1]["valueUri"] = "https://login.vendor.test/token"
    scene.pages[METADATA] = as_json(statement)
    scene.values["fhir_version"] = "R4"


def public(**changes: Any) -> Callable[[Scene], None]:
    return configured(changes, client_secret="")


OLD = typed("<x/>", "application/fhir+xml")
CASES = [
    Case(9, "pass", "json", healthy),
    Case(9, "warn", "404 of an old server", old_server, "usual for DSTU2"),
    Case(9, "warn", "404 of a new server", lambda scene: scene.without(WELL_KNOWN), "SMART App Launch 2"),
    Case(9, "warn", "html beside a good statement", answers(WELL_KNOWN, html("hello")), "SMART configuration"),
    Case(9, "fail", "nothing anywhere", nothing_published, "Issuer (iss)"),
    Case(9, "fail", "a redirect", no_endpoints_elsewhere(redirect("https://portal.test/")), "Issuer (iss)"),
    Case(9, "fail", "empty", no_endpoints_elsewhere(plain(b"")), "Issuer (iss)"),
    Case(9, "fail", "a list", no_endpoints_elsewhere(plain(b"[]")), "Issuer (iss)"),
    Case(9, "info", "a preset without one", registered(vendor="allscripts-professional-17-1")),
    Case(10, "pass", "a statement", healthy),
    Case(10, "warn", "401 not needed", answers(METADATA, plain(status="401 No"), fhir_version="R4"), "token"),
    Case(10, "fail", "401", answers(METADATA, plain(status="401 No")), "wants a token"),
    Case(10, "fail", "html", answers(METADATA, html("portal")), "portal's page"),
    Case(10, "fail", "xml only", answers(METADATA, OLD), "XML only"),
    Case(10, "fail", "404", lambda scene: scene.without(METADATA), "Issuer (iss)"),
    Case(10, "fail", "another resource", answers(METADATA, plain(b'{"resourceType": "Patient"}')), "Issuer (iss)"),
    Case(11, "pass", "detected", healthy),
    Case(11, "pass", "the same", told_and_registered("4.0.1", "R4")),
    Case(11, "warn", "a version that nobody knows", stated(version="9.9.9"), "FHIR version"),
    Case(11, "fail", "another", told_and_registered("1.0.2", "R4"), "set it to DSTU2"),
    Case(11, "info", "registered, and not told", told_and_registered("", "R4")),
    Case(12, "pass", "published", healthy),
    Case(12, "pass", "registered", own_endpoints),
    Case(12, "fail", "nowhere", nothing_published, "authorization_endpoint, token_endpoint"),
    Case(12, "fail", "no token endpoint", configured({"token_endpoint": None}), "Endpoints"),
    Case(12, "skipped", "an open server", registered(vendor="hapi-open")),
    Case(13, "pass", "its own origin", healthy),
    Case(13, "warn", "another host where it is not used", danger_that_is_not_used, "https://login.vendor.test"),
    Case(13, "fail", "another host", configured({"token_endpoint": "https://login.vendor.test/t"}), "approved_origins"),
    Case(13, "fail", "another host of ours", own_endpoint_elsewhere, "add https://login.vendor.test"),
    Case(13, "fail", "without TLS", configured({"token_endpoint": "http://127.0.0.1/token"}), "with https"),
    Case(13, "fail", "a script", configured({"authorization_endpoint": "javascript:alert(1)"}), "Endpoints"),
    Case(13, "skipped", "none at all", nothing_published),
    Case(14, "pass", "the same", healthy),
    Case(14, "warn", "another token endpoint", stated(token="/other"), "the SMART configuration wins"),
    Case(14, "info", "only one has them", stated(endpoints=False)),
    Case(15, "pass", "all", healthy),
    Case(15, "warn", "no EHR launch", configured({"capabilities": ["launch-standalone"]}), "Launch modes"),
    Case(15, "warn", "no standalone launch", registered(launch_modes=["ehr", "standalone"]), "Launch modes"),
    Case(15, "warn", "no public clients", public(), "token authentication"),
    Case(15, "info", "none published", configured({"capabilities": None})),
    Case(16, "pass", "S256", healthy),
    Case(16, "warn", "plain too", configured({"code_challenge_methods_supported": ["S256", "plain"]}), "“plain”"),
    Case(16, "warn", "not advertised", configured({"code_challenge_methods_supported": None}), "PKCE"),
    Case(16, "warn", "switched off", registered(send_pkce=False), "send_pkce"),
    Case(16, "warn", "off by the preset", registered(vendor="azure-api-for-fhir-proxy"), "preset"),
    Case(16, "fail", "public", public(code_challenge_methods_supported=None, capabilities=EVERY_CAPABILITY), "S256"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_the_ehr_publishes_is_judged_as_a_launch_would_read_it(case: Case, scene: Scene) -> None:
    prove(case, scene)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (plain(b"{}", status="503 Busy"), "status 503"),
        (html("hello"), "text/html"),
        (plain(b"{"), "not_json"),
        (redirect("https://portal.test/secret"), "a redirect (302)"),
    ],
)
def test_evidence_has_status_type_and_cause_and_nothing_of_the_body(page: bytes, words: str, scene: Scene) -> None:
    scene.pages[WELL_KNOWN] = page
    evidence = scene.results(9)[9].evidence
    assert words in evidence
    assert "hello" not in evidence
    assert "portal.test" not in evidence


def test_each_document_is_asked_for_once_in_a_run(scene: Scene) -> None:
    scene.results(7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 28)
    asked = [request.split(b" ")[1].decode() for request in scene.ehr.asked]
    assert sorted(asked) == [WELL_KNOWN, METADATA]
