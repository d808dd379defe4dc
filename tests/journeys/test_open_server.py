"""Launches at a FHIR server that asks for no sign-in: in development alone, and otherwise like any other launch."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from launcher.smart import http
from tests.browser import Browser
from tests.security.steps import refused

pytestmark = pytest.mark.django_db

ISS = "https://open.example.org/fhir"
PEOPLE: dict[str, dict[str, Any]] = {
    "p-1": {"resourceType": "Patient", "id": "p-1", "name": [{"family": "Quillfeather", "given": ["Ada"]}]},
    "p-2": {"resourceType": "Patient", "id": "p-2", "name": [{"family": "Quillon"}]},
}
CONDITION = {
    "resourceType": "Condition",
    "id": "c-1",
    "subject": {"reference": "Patient/p-1"},
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {"text": "Hay fever"},
}


@dataclass
class OpenServer:
    """An invented FHIR server that answers whoever asks, and remembers what it was asked."""

    seen: list[requests.PreparedRequest] = field(default_factory=list)
    statement: dict[str, Any] = field(
        default_factory=lambda: {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    )

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        self.seen.append(request)
        url = urlsplit(request.url or "")
        assert f"{url.scheme}://{url.netloc}" == "https://open.example.org"
        body = self._answer(url.path.removeprefix("/fhir"), parse_qs(url.query))
        status = 404 if body is None else 200
        return answered(request, status, body)

    def _answer(self, path: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        kind, _, found_id = path.strip("/").partition("/")
        if kind == "metadata":
            return self.statement
        if kind == "Patient" and found_id:
            return PEOPLE.get(found_id)
        if kind == "Patient":
            name = query.get("name", [""])[0]
            return bundle(*(person for person in PEOPLE.values() if name in person["name"][0]["family"]))
        if not kind:
            # The next page of a search, at the base itself.
            return bundle(CONDITION)
        if kind == "Condition":
            return {**bundle(), "link": [{"relation": "next", "url": f"{ISS}?_getpages=1&_getpagesoffset=20"}]}
        return None if kind == ".well-known" else bundle()

    @property
    def paths(self) -> list[str]:
        return [urlsplit(request.url or "").path for request in self.seen]


def answered(request: requests.PreparedRequest, status: int, body: dict[str, Any] | None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers["Content-Type"] = "application/fhir+json"
    response.url = request.url or ""
    response.request = request
    content = io.BytesIO(json.dumps(body).encode())
    response.raw = urllib3.HTTPResponse(body=content, headers=response.headers, status=status, preload_content=False)
    return response


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


@pytest.fixture
def server(settings: Any) -> Iterator[OpenServer]:
    settings.DEBUG = True
    played = OpenServer()
    before = http.set_transport(played)
    try:
        yield played
    finally:
        http.set_transport(before)


def register(*more: str) -> EhrRegistration:
    call_command("register_ehr", "open", "--preset", "hapi-open", "--iss", ISS, *more, stdout=StringIO())
    return EhrRegistration.objects.get(slug="open")


def events() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("event", flat=True))


def test_an_ehr_launch_opens_the_patient_it_names(server: OpenServer, browser: Browser) -> None:
    register()
    page = browser.visit(f"/launch?iss={ISS}&launch=p-1")
    assert (page.status, page.patient) == (200, "p-1"), page.error
    assert [urlsplit(url).netloc for url in page.history[1:]] == ["testserver"]
    assert "QUILLFEATHER" in page.text
    assert "Hay fever" in page.panel("conditions")
    assert "TEST DATA" in page.text


def test_no_authorization_is_asked_for_and_no_token_is_sent(server: OpenServer, browser: Browser) -> None:
    register()
    browser.visit(f"/launch?iss={ISS}&launch=p-1")
    assert server.paths.count("/fhir/metadata") == 1
    assert "/fhir/Patient/p-1" in server.paths
    assert {request.method for request in server.seen} == {"GET"}
    assert not [request.url for request in server.seen if "Authorization" in request.headers]
    assert not [path for path in server.paths if ".well-known" in path]
    launch = Launch.objects.get()
    assert not launch.access_token
    assert not launch.refresh_token
    assert not PendingLaunch.objects.exists()


def test_a_launch_from_here_lets_the_provider_choose_the_patient(server: OpenServer, browser: Browser) -> None:
    register()
    picker = browser.visit("/standalone/open")
    assert picker.marks("data-page") == ["picker"]
    found = browser.get(f"{picker.url}?name=Quill")
    assert re.findall(r'name="patient" value="([^"]+)"', found.text) == ["p-1", "p-2"]
    token = re.search(r'name="token" value="([0-9a-f]+)"', found.text)
    assert token
    page = browser.visit(browser.post(picker.url, {"token": token.group(1), "patient": "p-2"}).location)
    assert (page.status, page.patient) == (200, "p-2")


def test_it_is_audited_as_every_launch_and_no_event_speaks_of_a_token(server: OpenServer, browser: Browser) -> None:
    register()
    assert browser.visit(f"/launch?iss={ISS}&launch=p-1").text
    assert events()[0] == "registration.created"
    assert events()[1:4] == ["launch.received", "session.opened", "patient.read"]
    assert "panel.read" in events()
    assert "token.obtained" not in events()
    assert AuditEvent.objects.get(event="session.opened").patient == "p-1"


def test_the_chart_opens_in_this_browser_alone_and_ends_like_any(server: OpenServer, browser: Browser) -> None:
    register()
    page = browser.visit(f"/launch?iss={ISS}&launch=p-1")
    assert Browser().get(page.url).error == "session_ended"
    token = re.search(r'name="token" value="([0-9a-f]+)"', page.text)
    assert token
    assert browser.post(f"{page.url}end/", {"token": token.group(1)}).status == 200
    assert browser.get(page.url).error == "session_ended"


def test_two_launches_of_one_browser_stay_apart(server: OpenServer, browser: Browser) -> None:
    register()
    first = browser.visit(f"/launch?iss={ISS}&launch=p-1")
    second = browser.visit(f"/launch?iss={ISS}&launch=p-2")
    assert first.url != second.url
    assert (browser.get(first.url).patient, browser.get(second.url).patient) == ("p-1", "p-2")


@pytest.mark.parametrize("launch", ["../p-1", "p-1/Condition", "x" * 65, "a b"])
def test_a_launch_that_is_no_patients_id_asks_the_server_nothing(
    launch: str, server: OpenServer, browser: Browser
) -> None:
    register()
    page = browser.get(f"/launch?iss={ISS}&launch={launch}")
    refused(page, status=400, code="launch_incomplete", event="launch.rejected")
    assert server.seen == []


def test_the_version_is_read_from_the_servers_statement(server: OpenServer, browser: Browser) -> None:
    register("--fhir-version", "auto")
    server.statement = {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}
    browser.get(f"/launch?iss={ISS}&launch=p-1")
    assert Launch.objects.get().fhir_version == "STU3"


def test_a_server_that_does_not_say_what_it_is_opens_nothing(server: OpenServer, browser: Browser) -> None:
    register()
    server.statement = {"resourceType": "OperationOutcome"}
    refused(browser.get(f"/launch?iss={ISS}&launch=p-1"), status=502, code="discovery_failed", event="discovery.failed")
    assert not Launch.objects.exists()


@pytest.mark.parametrize("address", [f"/launch?iss={ISS}&launch=p-1", "/standalone/open"])
def test_without_debug_nothing_opens(address: str, server: OpenServer, browser: Browser, settings: Any) -> None:
    register()
    settings.DEBUG = False
    page = browser.get(address)
    refused(page, status=403, code="registration_disabled", event="launch.rejected", reason="development_only")
    assert server.seen == []
    assert not Launch.objects.exists()


def test_a_row_that_became_production_by_another_way_opens_nothing(server: OpenServer, browser: Browser) -> None:
    register()
    EhrRegistration.objects.update(environment="production")
    assert browser.get(f"/launch?iss={ISS}&launch=p-1").error == "registration_disabled"
    assert server.seen == []


def test_it_can_be_registered_in_development_alone(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match=r"vendor: .*with DEBUG on"):
        register()
    assert not EhrRegistration.objects.exists()


@pytest.mark.parametrize(
    ("field_name", "value", "words"),
    [("environment", "production", "Production needs one that does"), ("auth_method", "auto", "must be None")],
)
def test_it_is_never_production_and_never_shows_a_credential(
    field_name: str, value: str, words: str, server: OpenServer
) -> None:
    row = register()
    setattr(row, field_name, value)
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert words in str(caught.value.message_dict["vendor"])
