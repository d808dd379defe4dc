"""After a while without a request, and where the registration wants it, the EHR is asked about the token first."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.utils import timezone

from launcher import revocation
from launcher.models import AuditEvent, EhrRegistration, Launch
from launcher.smart import http
from tests.browser import Browser, Page
from tests.loopback import Bridge, _response
from tests.security.steps import R4, asked, launch_url, opened, refused

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
ISS = "https://testserver/sandbox/smart-r4/fhir"


@dataclass
class Wire:
    """The simulated EHR, whose answers about tokens can be changed on their way back."""

    bridge: Bridge
    about: Callable[[Json], Json | int | Exception] = lambda body: body

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        response = self.bridge(request, call)
        if not urlsplit(request.url or "").path.endswith("/introspect"):
            return response
        said = self.about(response.json())
        if isinstance(said, Exception):
            raise said
        status, body = (said, {}) if isinstance(said, int) else (200, said)
        return _response(request, status, {"Content-Type": "application/json"}, json.dumps(body).encode())


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    row = EhrRegistration.objects.get(slug=R4)
    row.introspect_after_minutes = 5
    row.scopes = f"{row.scopes} offline_access"
    row.save()
    found = Wire(ehrs)
    http.set_transport(found)
    yield found
    assert revocation.drain()


@pytest.fixture
def chart(wire: Wire, browser: Browser) -> Page:
    page = opened(browser, launch_url(R4))
    wire.bridge.forget()
    return page


def idle(**span: float) -> None:
    Launch.objects.update(last_seen_at=timezone.now() - timedelta(**span))


def event() -> AuditEvent:
    return AuditEvent.objects.get(event="token.introspected")


def it_ended(reason: str) -> None:
    row = Launch.objects.get()
    assert (row.end_reason, bool(row.access_token), bool(row.refresh_token)) == (reason, False, False)


def test_after_the_registered_minutes_the_ehr_is_asked_once_before_anything_else(
    wire: Wire, chart: Page, browser: Browser
) -> None:
    idle(minutes=6)
    assert browser.get(chart.url).patient == "54520"
    assert wire.bridge.seen[0].path.endswith("/introspect")
    assert (event().outcome, event().patient) == ("success", "54520")
    browser.get(chart.url)
    assert asked(wire.bridge, "/introspect") == 1


@pytest.mark.parametrize(("minutes", "gone"), [(5, 4), (0, 14)])
def test_before_that_and_where_it_is_switched_off_nothing_is_asked(
    minutes: int, gone: int, wire: Wire, chart: Page, browser: Browser
) -> None:
    EhrRegistration.objects.update(introspect_after_minutes=minutes)
    idle(minutes=gone)
    assert browser.get(chart.url).patient == "54520"
    assert asked(wire.bridge, "/introspect") == 0


def test_it_is_off_unless_an_administrator_wants_it() -> None:
    assert EhrRegistration().introspect_after_minutes == 0


def test_a_panel_of_its_own_is_not_shown_unasked_either(wire: Wire, chart: Page, browser: Browser) -> None:
    idle(minutes=6)
    wire.about = lambda body: {**body, "patient": "19"}
    page = browser.get(f"{urlsplit(chart.url).path}panels/conditions/?fragment=1")
    assert page.status == 403
    assert "data-record" not in page.text


def test_another_patient_ends_the_session_loudly(
    wire: Wire, chart: Page, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    wire.about = lambda body: {**body, "patient": "19"}
    idle(minutes=6)
    page = browser.get(chart.url)
    refused(page, status=403, code="session_ended", event="session.denied", reason="patient-changed")
    it_ended("patient-changed")
    assert (event().code, event().reason, event().patient) == ("patient_mismatch", "patient-changed", "54520")
    assert asked(wire.bridge, "/fhir/") == 0
    reference = Launch.objects.get().reference
    assert [row.levelno for row in caplog.records if reference in row.getMessage()] == [logging.ERROR]


@pytest.mark.parametrize("patient", ["../54520", 54520, {"id": "54520"}])
def test_a_patient_that_is_no_id_is_not_the_one_of_the_launch(
    patient: object, wire: Wire, chart: Page, browser: Browser
) -> None:
    wire.about = lambda body: {**body, "patient": patient}
    idle(minutes=6)
    assert browser.get(chart.url).error == "session_ended"
    it_ended("patient-changed")


@pytest.mark.parametrize(("here", "there", "error"), [("54520", "19", ""), ("19", "54520", "session_ended")])
def test_of_several_fhir_bases_ours_is_the_one_that_counts(
    here: str, there: str, error: str, wire: Wire, chart: Page, browser: Browser
) -> None:
    details = [
        {"type": "smart_on_fhir", "locations": [f"{ISS}/"], "patient": here},
        {"type": "smart_on_fhir", "locations": ["https://testserver/elsewhere"], "patient": there},
    ]
    wire.about = lambda body: {**body, "patient": there, "authorization_details": details}
    idle(minutes=6)
    assert browser.get(chart.url).error == error


def test_an_inactive_token_is_refreshed_once(wire: Wire, chart: Page, browser: Browser) -> None:
    wire.about = lambda body: {"active": False}
    before = Launch.objects.get().access_token
    idle(minutes=6)
    assert browser.get(chart.url).patient == "54520"
    assert (asked(wire.bridge, "/introspect"), asked(wire.bridge, "/token")) == (1, 1)
    assert Launch.objects.get().access_token != before
    assert (event().outcome, event().reason) == ("failure", "inactive")


def test_an_inactive_token_that_cannot_be_refreshed_ends_the_session(wire: Wire, chart: Page, browser: Browser) -> None:
    Launch.objects.update(refresh_token="")
    wire.about = lambda body: {"active": False}
    idle(minutes=6)
    assert browser.get(chart.url).error == "session_ended"
    it_ended("token-refused")
    assert asked(wire.bridge, "/fhir/") == 0


@pytest.mark.parametrize("said", [500, 401, 404, {}, {"active": "yes"}, requests.Timeout("late")])
def test_without_a_usable_answer_the_chart_is_shown_and_that_is_noted(
    said: Json | int | Exception, wire: Wire, chart: Page, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    wire.about = lambda body: said
    idle(minutes=6)
    assert browser.get(chart.url).patient == "54520"
    assert event().outcome == "failure"
    assert f"{Launch.objects.get().reference} introspection" in caplog.text
    browser.get(chart.url)
    assert asked(wire.bridge, "/introspect") == 1, "an EHR that does not answer is not asked with every request"


def test_an_ehr_without_an_introspection_endpoint_is_not_asked(wire: Wire, chart: Page, browser: Browser) -> None:
    row = Launch.objects.get()
    row.configuration |= {"introspection_endpoint": ""}
    row.save()
    idle(minutes=6)
    assert browser.get(chart.url).patient == "54520"
    assert not AuditEvent.objects.filter(event="token.introspected").exists()


def test_a_token_that_was_just_refreshed_needs_no_question(wire: Wire, chart: Page, browser: Browser) -> None:
    Launch.objects.update(token_expires_at=timezone.now())
    idle(minutes=6)
    assert browser.get(chart.url).patient == "54520"
    assert (asked(wire.bridge, "/introspect"), asked(wire.bridge, "/token")) == (0, 1)


@pytest.mark.parametrize(("public", "proof"), [(True, "Bearer"), (False, "Basic")])
def test_a_public_client_shows_the_token_itself(
    public: bool, proof: str, wire: Wire, chart: Page, browser: Browser
) -> None:
    if public:
        EhrRegistration.objects.update(client_secret="", auth_method="none")
    idle(minutes=6)
    assert browser.get(chart.url).patient == "54520"
    assert wire.bridge.seen[0].headers["Authorization"].partition(" ")[0] == proof


def test_the_question_waits_no_longer_than_a_few_seconds(wire: Wire, chart: Page, browser: Browser) -> None:
    waits = []

    def watching(request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        if (request.url or "").endswith("/introspect"):
            waits.append(call.deadline.remaining)
        return wire(request, call)

    http.set_transport(watching)
    idle(minutes=6)
    browser.get(chart.url)
    assert len(waits) == 1
    assert waits[0] <= 5
