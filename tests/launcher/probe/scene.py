"""A stage for the checks: an EHR that answers by hand over real sockets, and a registration for it.

A healthy EHR is what each test begins with; it then breaks one thing, in what the server does or in what is registered,
and never by telling anybody which check it is about.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.conf import settings as django_settings

from launcher.models import EhrRegistration
from launcher.probe.ehr import LIMITS, Limits
from launcher.probe.facts import facts_of
from launcher.probe.findings import Result, check_id
from launcher.probe.runner import run
from tests.launcher.probe.certificates import Authority
from tests.smart.misbehaving import Handler, Server, Visit, plain, serving

SECRET = "s3cret+of/the=vendor"
PANEL_TYPES = [
    "Patient",
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "Medication",
    "AllergyIntolerance",
    "Observation",
    "Immunization",
    "Encounter",
    "DocumentReference",
]
Page = bytes | Callable[[Visit, bytes], bytes]


@dataclass
class HealthyEhr:
    """The server of a test module. `pages` are answers by path; `begin` puts the healthy ones back."""

    server: Server
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    @property
    def base(self) -> str:
        return self.server.url("/fhir")

    def begin(self) -> None:
        self.asked.clear()
        self.pages = {
            "/fhir/.well-known/smart-configuration": as_json(self.configuration()),
            "/fhir/metadata": as_json(self.statement()),
            "/authorize": html("<form>Please sign in <input type='password'></form>"),
            "/token": as_json({"error": "invalid_grant"}, status="400 Bad Request"),
            "/.well-known/openid-configuration": as_json(
                {"issuer": self.server.url(), "jwks_uri": self.server.url("/keys")}
            ),
            "/keys": as_json({"keys": [{"kty": "RSA", "kid": "1", "n": "AQ", "e": "AQAB"}]}),
        }

    def configuration(self, **changes: Any) -> dict[str, Any]:
        """The SMART configuration of the healthy EHR; None takes a member out."""
        whole = {
            "issuer": self.server.url(),
            "jwks_uri": self.server.url("/keys"),
            "authorization_endpoint": self.server.url("/authorize"),
            "token_endpoint": self.server.url("/token"),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": ["launch", "launch/patient", "openid", "fhirUser", "patient/*.rs"],
            "capabilities": [
                "launch-ehr",
                "context-ehr-patient",
                "client-confidential-symmetric",
                "permission-v2",
            ],
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def statement(
        self, *, version: str = "4.0.1", types: list[str] = PANEL_TYPES, endpoints: bool = True, token: str = "/token"
    ) -> dict[str, Any]:
        """The conformance statement of the healthy EHR."""
        address = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
        uris = [
            {"url": "authorize", "valueUri": self.server.url("/authorize")},
            {"url": "token", "valueUri": self.server.url(token)},
        ]
        security = {"extension": [{"url": address, "extension": uris}]} if endpoints else {}
        rest = {"mode": "server", "security": security, "resource": [{"type": name} for name in types]}
        return {"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": [rest]}

    def __call__(self, visit: Visit) -> None:
        while asked := visit.request():
            self.asked.append(asked)
            path = asked.split(b" ", 2)[1].decode().partition("?")[0]
            page = self.pages.get(path, plain(b"nothing here", status="404 Not Found"))
            visit.send(page if isinstance(page, bytes) else page(visit, asked))


@dataclass
class Scene:
    """What a test arranges: the server's pages, the registration's values, settings, limits."""

    ehr: HealthyEhr
    authority: Authority
    settings: Any
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack
    values: dict[str, Any] = field(default_factory=dict)
    limits: Limits = LIMITS
    after: Callable[[EhrRegistration], object] = lambda registration: None

    @property
    def pages(self) -> dict[str, Page]:
        return self.ehr.pages

    def configure(self, **changes: Any) -> None:
        """The same SMART configuration with these members changed."""
        self.pages["/fhir/.well-known/smart-configuration"] = as_json(self.ehr.configuration(**changes))

    def state(self, **changes: Any) -> None:
        """The same conformance statement with these parts changed."""
        self.pages["/fhir/metadata"] = as_json(self.ehr.statement(**changes))

    def without(self, *paths: str) -> None:
        for path in paths:
            del self.pages[path]

    def move_to(self, handler: Handler, *, tls: ssl.SSLContext | None, scheme: str = "https") -> None:
        """Register another server that is started for this test alone."""
        server = self.stack.enter_context(serving(handler, tls=tls))
        self.values["iss"] = f"{scheme}://127.0.0.1:{server.port}/fhir"

    def registration(self) -> EhrRegistration:
        given: dict[str, Any] = {
            "slug": "main",
            "name": "Main",
            "iss": self.ehr.base,
            "client_id": "app-1",
            "client_secret": SECRET,
            **self.values,
        }
        row = EhrRegistration(site_id=django_settings.SITE_ID, **given)
        row.save()
        row = EhrRegistration.objects.select_related("site").get(pk=row.pk)
        self.after(row)
        return row

    def results(self, *numbers: int, daily: bool = False) -> dict[int, Result]:
        """What the checks said, by number; those that they need are there too."""
        found = run(
            facts_of(self.registration()),
            daily=daily,
            only=[check_id(number) for number in numbers],
            limits=self.limits,
        )
        return {int(result.id[-2:]): result for result in found}

    def limit(self, **changes: float) -> None:
        self.limits = replace(self.limits, **changes)  # type: ignore[arg-type]  # all of them are numbers


@dataclass(frozen=True)
class Case:
    """One outcome of one check: what is arranged, in words and in deeds, and what the remedy has to name."""

    number: int
    status: str
    when: str
    arrange: Callable[[Scene], object]
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.number:02}-{self.status}-{self.when.replace(' ', '_')}"


def prove(case: Case, scene: Scene) -> None:
    """Play one case: the outcome, its remedy, and that no secret is told."""
    case.arrange(scene)
    results = scene.results(case.number)
    result = results[case.number]
    assert (result.status, result.title) == (case.status, result.title), result
    assert result.evidence.endswith("."), result
    assert bool(result.remedy) == (case.status in {"warn", "fail"}), result
    assert case.remedy in result.remedy, result
    told = json.dumps([each.to_json() for each in results.values()])
    assert SECRET not in told


def serving_ehr(authority: Authority) -> Iterator[HealthyEhr]:
    """The fixture's body: one server with TLS for a module."""
    holder: list[HealthyEhr] = []
    with serving(lambda visit: holder[0](visit), tls=authority.issue("healthy")) as server:
        holder.append(HealthyEhr(server))
        yield holder[0]


def as_json(body: Any, *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    return plain(json.dumps(body).encode(), status=status, headers=headers)


def html(text: str, *, status: str = "200 OK") -> bytes:
    return typed(text, "text/html; charset=utf-8", status=status)


def typed(text: str, kind: str, *, status: str = "200 OK") -> bytes:
    body = f"<html>{text}</html>".encode()
    head = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {kind}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def redirect(location: str) -> bytes:
    return plain(b"", status="302 Found", headers=(f"Location: {location}",))


def healthy(scene: Scene) -> None:
    """Nothing is changed."""
