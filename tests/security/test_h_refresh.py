"""Cases 81 to 85, 88 and 90: refreshing the access token, and the end of a session, by number."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import jwt
import pytest
import requests
from django.conf import settings
from django.db import connection
from django.utils import timezone
from time_machine import TimeMachineFixture

from launcher import revocation
from launcher.models import AuditEvent, EhrRegistration, Launch, Person
from launcher.smart import http
from sandbox import keys
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.refresh_race import Racers, token_endpoint
from tests.security.steps import R4, asked, launch_url, opened, refused

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
Reply = tuple[int, Json]
ROUNDS = int(os.environ.get("REFRESH_RACE_ROUNDS", "200"))
REVOKE = "https://testserver/sandbox/smart-r4/oauth/revoke-here"


@dataclass
class Wire:
    """The wire to the simulated EHR, which changes answers on their way back and notes what came of refreshes."""

    bridge: Bridge
    refresh: Callable[[Json], Reply] = lambda body: (200, body)
    patient: Callable[[str], int] = lambda token: 200
    revoke: Callable[[], int] = lambda: 200
    before_patient: Callable[[str], None] = lambda token: None
    sent: list[str] = field(default_factory=list)
    given: list[Json] = field(default_factory=list)
    revoked: list[Json] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        path = urlsplit(request.url or "").path
        form = parse_qs((request.body or b"").decode() if isinstance(request.body, bytes) else "")
        if request.url == REVOKE:
            self.revoked.append(form)
            return rewritten(self.bridge(_elsewhere(request), call), self.revoke(), {})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if "/fhir/Patient/" in path:
            self.before_patient(token)
        response = self.bridge(request, call)
        if "refresh_token" in form.get("grant_type", []):
            self.sent += form["refresh_token"]
            status, body = self.refresh(json.loads(response.raw.read()))
            self.given.append(body)
            return rewritten(response, status, body)
        if "/fhir/Patient/" in path and (status := self.patient(token)) != 200:
            return rewritten(response, status, {})
        return response


def _elsewhere(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """The bridge takes note of it, and asks an address that the simulator has."""
    moved = request.copy()
    moved.prepare_method("GET")
    moved.url = "https://testserver/sandbox/smart-r4/fhir/.well-known/smart-configuration"
    return moved


def rewritten(response: requests.Response, status: int, body: Json) -> requests.Response:
    response.status_code = status
    response.headers["Content-Type"] = "application/json"
    response.raw = type(response.raw)(body=io.BytesIO(json.dumps(body).encode()), status=status, preload_content=False)
    return response


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    """The EHR gives refresh tokens, and its answers can be changed."""
    row = EhrRegistration.objects.get(slug=R4)
    EhrRegistration.objects.filter(pk=row.pk).update(scopes=f"{row.scopes} offline_access")
    found = Wire(ehrs)
    http.set_transport(found)
    yield found
    assert revocation.drain()


@pytest.fixture
def chart(wire: Wire, browser: Browser) -> Page:
    """A chart that is open; what reaches the EHR counts from here."""
    page = opened(browser, launch_url(R4))
    assert Launch.objects.get().refresh_token
    wire.bridge.forget()
    return page


def pass_time(clock: TimeMachineFixture, **span: float) -> None:
    clock.move_to(timezone.now() + timedelta(**span))
    Launch.objects.update(last_seen_at=timezone.now())


def it_ended(reason: str) -> None:
    launch = Launch.objects.get()
    assert launch.end_reason == reason
    assert launch.ended_at is not None
    assert not launch.access_token
    assert not launch.refresh_token


def calls(wire: Wire) -> list[str]:
    return [seen.path.rsplit("/", 1)[-1] for seen in wire.bridge.seen]


# --- 81: the token ends while pages are in use ----------------------------------------------------------------


def test_case_81_nobody_notices_that_a_token_ended(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    old = Launch.objects.get()
    stored: list[bool] = []
    wire.before_patient = lambda token: stored.append(Launch.objects.get().access_token.reveal() == token)
    for number in (1, 2, 3):
        wire.bridge.forget()
        pass_time(time_machine, hours=1, seconds=1)
        page = browser.get(chart.url)
        assert (page.status, page.patient, page.state("conditions")) == (200, "54520", "ready")
        assert asked(wire.bridge, "/token") == 1
        assert Launch.objects.get().token_version == number
        assert browser.get(chart.url).status == 200
        assert asked(wire.bridge, "/token") == 1
    assert stored == [True] * 6, "the new pair is in the database before it is used"
    assert len(set(wire.sent)) == 3, "no refresh token is sent twice"
    assert wire.sent[0] == old.refresh_token.reveal()
    assert wire.sent[1:] == [body["refresh_token"] for body in wire.given[:2]]
    assert AuditEvent.objects.filter(event="token.refreshed", launch=old.pk, outcome="success").count() == 3


@pytest.mark.parametrize(("seconds_left", "refreshes"), [(50, 1), (90, 0)])
def test_case_81_it_is_renewed_a_minute_ahead(
    seconds_left: int, refreshes: int, wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    pass_time(time_machine, seconds=3600 - seconds_left)
    assert browser.get(chart.url).status == 200
    assert asked(wire.bridge, "/token") == refreshes


def test_case_81_a_token_of_unknown_life_is_used_as_it_is(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    Launch.objects.update(token_expires_at=None)
    pass_time(time_machine, minutes=50)
    assert browser.get(chart.url).status == 200
    assert asked(wire.bridge, "/token") == 0


def test_case_81_without_a_new_refresh_token_the_old_one_is_kept(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    old = Launch.objects.get()
    wire.refresh = lambda body: (200, {key: value for key, value in body.items() if key != "refresh_token"})
    pass_time(time_machine, hours=1)
    assert browser.get(chart.url).status == 200
    row = Launch.objects.get()
    assert row.refresh_token == old.refresh_token
    assert row.access_token != old.access_token


def test_case_81_a_panel_of_its_own_is_refreshed_too(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    pass_time(time_machine, hours=1)
    page = browser.get(f"{chart.url}panels/conditions/?fragment=1")
    assert page.state("conditions") == "ready"
    assert asked(wire.bridge, "/token") == 1


# --- 82: once, across processes -------------------------------------------------------------------------------


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_case_82_eight_threads_of_four_processes_refresh_once() -> None:
    with token_endpoint() as endpoint, Racers(_database_url()) as racers:
        launch = _launch_at(endpoint.port)
        for number in range(1, ROUNDS + 1):
            Launch.objects.filter(pk=launch.pk).update(token_expires_at=timezone.now() - timedelta(seconds=1))
            results = racers.race(launch.pk, stagger=(0.0, 0.0, 0.03)[number % 3])
            digest = hashlib.sha256(f"access-{number}".encode()).hexdigest()
            assert results == [{"version": number, "token": digest}] * 8, (number, results)
            assert endpoint.seen == {f"refresh-{each}": 1 for each in range(number)}, number
    row = Launch.objects.get(pk=launch.pk)
    assert (row.token_version, row.refresh_token.reveal()) == (ROUNDS, f"refresh-{ROUNDS}")
    assert AuditEvent.objects.filter(event="token.refreshed", launch=launch.pk).count() == ROUNDS
    assert not AuditEvent.objects.filter(event="token.refresh_failed").exists()


def _database_url() -> str:
    parts = urlsplit(os.environ["SMARTPORTAL_TEST_DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


def _launch_at(port: int) -> Launch:
    base = f"http://127.0.0.1:{port}"
    row = EhrRegistration.objects.create(
        site_id=settings.SITE_ID, slug="race", name="Race", iss=f"{base}/fhir", client_id="app", auth_method="none"
    )
    now = timezone.now()
    return Launch.objects.create(
        site_id=settings.SITE_ID,
        registration=row,
        reference="RACE22",
        created_at=now,
        last_seen_at=now,
        binding_hash="0" * 64,
        browser_hash="0" * 64,
        iss=row.iss,
        fhir_version="R4",
        configuration={"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"},
        patient="54520",
        requested_scopes="launch",
        access_token="access-0",
        refresh_token="refresh-0",
        token_expires_at=now,
    )


# --- 83: the EHR refuses --------------------------------------------------------------------------------------


def test_case_83_a_refused_refresh_ends_the_session(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    Launch.objects.update(configuration={**Launch.objects.get().configuration, "revocation_endpoint": REVOKE})
    wire.refresh = lambda body: (400, {"error": "invalid_grant"})
    pass_time(time_machine, hours=1)
    page = browser.get(chart.url)
    refused(page, status=403, code="session_ended", event="session.denied", reason="refresh-refused")
    assert "EHR" in page.text
    it_ended("refresh-refused")
    event = AuditEvent.objects.get(event="token.refresh_failed")
    assert (event.outcome, event.reason, event.patient) == ("failure", "refresh-refused", "54520")
    assert calls(wire) == ["token"]
    assert browser.get(chart.url).error == "session_ended"
    assert revocation.drain()
    assert calls(wire) == ["token"], "nothing reaches the EHR any more"


@pytest.mark.parametrize("status", [200, 500, 502])
def test_case_83_an_unusable_answer_ends_the_session_rather_than_ask_again(
    status: int, wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    wire.refresh = lambda body: (status, {"hello": "world"})
    pass_time(time_machine, hours=1)
    assert browser.get(chart.url).error == "session_ended"
    it_ended("refresh-unknown")
    assert browser.get(chart.url).error == "session_ended"
    assert calls(wire) == ["token"]


# --- 84: the EHR refuses a token before its time ---------------------------------------------------------------


def test_case_84_a_token_that_is_refused_early_is_renewed_once(wire: Wire, chart: Page, browser: Browser) -> None:
    old = Launch.objects.get().access_token.reveal()
    wire.patient = lambda token: 401 if token == old else 200
    page = browser.get(chart.url)
    assert (page.status, page.patient, page.state("conditions")) == (200, "54520", "ready")
    assert calls(wire)[:3] == ["54520", "token", "54520"]
    bearers = {seen.headers["Authorization"] for seen in wire.bridge.seen if "/fhir/" in seen.path}
    assert len(bearers) == 2, "the panels use the new token"


def test_case_84_a_new_token_that_is_refused_too_ends_it(wire: Wire, chart: Page, browser: Browser) -> None:
    wire.patient = lambda token: 401
    page = browser.get(chart.url)
    refused(page, status=403, code="session_ended", event="session.denied")
    assert calls(wire) == ["54520", "token", "54520"]
    it_ended("token-refused")
    assert browser.get(chart.url).error == "session_ended"
    assert calls(wire) == ["54520", "token", "54520"]


def test_case_84_a_token_renewed_because_its_time_was_up_is_renewed_once_more_at_most(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    wire.patient = lambda token: 401
    pass_time(time_machine, hours=1)
    assert browser.get(chart.url).error == "session_ended"
    assert calls(wire).count("54520") == 2
    it_ended("token-refused")


def test_case_84_without_a_refresh_token_a_401_is_the_end(wire: Wire, chart: Page, browser: Browser) -> None:
    Launch.objects.update(refresh_token="")
    wire.patient = lambda token: 401
    assert browser.get(chart.url).error == "session_ended"
    assert calls(wire) == ["54520"]
    it_ended("token-refused")


def test_case_84_a_403_is_no_reason_to_refresh(wire: Wire, chart: Page, browser: Browser) -> None:
    wire.patient = lambda token: 403
    assert browser.get(chart.url).error == "patient_unavailable"
    assert calls(wire) == ["54520"]
    assert Launch.objects.get().ended_at is None


def test_case_84_a_panels_401_is_that_panels_affair(wire: Wire, chart: Page, browser: Browser) -> None:
    original = wire.bridge.__class__.__call__

    def refusing(request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        response = original(wire.bridge, request, call)
        return rewritten(response, 401, {}) if "/fhir/Condition" in (request.url or "") else response

    http.set_transport(refusing)
    page = browser.get(chart.url)
    assert page.state("conditions") == "failed"
    assert "/panels/conditions/" in page.panel("conditions"), "the link to try again"
    assert page.state("medications") in {"ready", "partial"}
    assert asked(wire.bridge, "/token") == 0


# --- 85 and 88: somebody else ----------------------------------------------------------------------------------


def test_case_85_another_patient_ends_the_session_loudly(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture, caplog: pytest.LogCaptureFixture
) -> None:
    wire.refresh = lambda body: (200, {**body, "patient": "19"})
    pass_time(time_machine, hours=1)
    page = browser.get(chart.url)
    refused(page, status=403, code="session_ended", event="session.denied", reason="patient-changed")
    it_ended("patient-changed")
    event = AuditEvent.objects.get(event="token.refresh_failed")
    assert (event.code, event.reason, event.patient) == ("patient_mismatch", "patient-changed", "54520")
    assert calls(wire) == ["token"]
    reference = Launch.objects.get().reference
    assert [row.levelno for row in caplog.records if reference in row.getMessage()] == [logging.ERROR]


def _id_token(**changes: Any) -> str:
    person = Person.objects.get()
    now = int(timezone.now().timestamp())
    client_id = EhrRegistration.objects.get(slug=R4).client_id
    claims = {"iss": person.issuer, "sub": person.subject, "aud": client_id, "iat": now, "exp": now + 300, **changes}
    return jwt.encode(claims, keys.signing_key(), algorithm="RS256", headers={"kid": keys.public_jwk()["kid"]})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sub": "somebody-else"}, "person-changed"),
        ({"iss": "https://stranger.invalid"}, "person-changed"),
        ({"aud": "another-client"}, "identity-invalid"),
    ],
)
def test_case_88_another_person_ends_the_session(
    changes: Json, reason: str, wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    wire.refresh = lambda body: (200, {**body, "id_token": _id_token(**changes)})
    pass_time(time_machine, hours=1)
    page = browser.get(chart.url)
    refused(page, status=403, code="session_ended", event="session.denied", reason=reason)
    it_ended(reason)
    assert AuditEvent.objects.get(event="token.refresh_failed").code == "identity_invalid"
    assert not [seen for seen in wire.bridge.seen if "/fhir/Patient" in seen.path]


def test_case_88_the_same_person_may_be_named_again(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    wire.refresh = lambda body: (200, {**body, "id_token": _id_token()})
    pass_time(time_machine, hours=1)
    assert browser.get(chart.url).status == 200


def test_case_88_a_narrower_scope_is_taken_and_panels_follow(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    narrow = "launch openid patient/Patient.rs patient/Condition.rs"
    wire.refresh = lambda body: (200, {**body, "scope": narrow})
    pass_time(time_machine, hours=1)
    page = browser.get(chart.url)
    assert (page.state("conditions"), page.state("medications")) == ("ready", "forbidden")
    assert asked(wire.bridge, "/fhir/Medication") == 0
    assert set((Launch.objects.get().granted_scopes or "").split()) == set(narrow.split())


def test_case_88_a_wider_scope_is_ignored(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    Launch.objects.update(granted_scopes="launch patient/Patient.rs patient/Condition.rs")
    wire.refresh = lambda body: (200, {**body, "scope": "launch patient/*.cruds user/*.rs"})
    pass_time(time_machine, hours=1)
    page = browser.get(chart.url)
    assert (page.state("conditions"), page.state("medications")) == ("ready", "forbidden")
    assert Launch.objects.get().granted_scopes == "launch patient/Patient.rs patient/Condition.rs"


# --- 90: the end -----------------------------------------------------------------------------------------------

Committing = Callable[..., Any]


@pytest.fixture
def revocable(chart: Page) -> Launch:
    """A launch at an EHR with a revocation endpoint, as it was while it was open."""
    row = Launch.objects.get()
    Launch.objects.update(configuration={**row.configuration, "revocation_endpoint": REVOKE})
    return row


def sign_out(browser: Browser, chart: Page) -> Page:
    return browser.post(f"{chart.url}end/", {"token": chart.marks("value")[0]})


def both_were_revoked(wire: Wire, row: Launch) -> None:
    assert revocation.drain()
    assert [(form["token"], form["token_type_hint"]) for form in wire.revoked] == [
        ([row.refresh_token.reveal()], ["refresh_token"]),
        ([row.access_token.reveal()], ["access_token"]),
    ]


def test_case_90_signing_out_erases_the_tokens_and_revokes_them(
    wire: Wire,
    chart: Page,
    revocable: Launch,
    browser: Browser,
    django_capture_on_commit_callbacks: Committing,
) -> None:
    erased: list[bool] = []
    wire.revoke = lambda: erased.append(True) or 200  # type: ignore[func-returns-value]
    with django_capture_on_commit_callbacks(execute=True):
        assert sign_out(browser, chart).status == 200
        it_ended("signed-out")
        assert not erased, "the EHR is told when the end is in the database"
    both_were_revoked(wire, revocable)


@pytest.mark.parametrize("trouble", ["slow", "broken", 500])
def test_case_90_a_revocation_that_fails_or_hangs_delays_nobody(
    trouble: str | int,
    wire: Wire,
    chart: Page,
    revocable: Launch,
    browser: Browser,
    django_capture_on_commit_callbacks: Committing,
) -> None:
    released = threading.Event()

    def answer() -> int:
        if trouble == "slow":
            assert released.wait(10)
        if trouble == "broken":
            raise requests.exceptions.ConnectionError("the connection broke")
        return trouble if isinstance(trouble, int) else 200

    wire.revoke = answer
    with django_capture_on_commit_callbacks(execute=True):
        page = sign_out(browser, chart)
    assert page.status == 200
    it_ended("signed-out")
    assert browser.get(chart.url).error == "session_ended"
    released.set()
    both_were_revoked(wire, revocable)


def test_case_90_one_signs_out_even_if_the_token_could_not_be_refreshed(
    wire: Wire, chart: Page, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    pass_time(time_machine, hours=1)
    assert sign_out(browser, chart).status == 200
    assert calls(wire) == []
    it_ended("signed-out")


def test_case_90_idle_ends_are_revoked_too(
    wire: Wire,
    chart: Page,
    revocable: Launch,
    browser: Browser,
    time_machine: TimeMachineFixture,
    django_capture_on_commit_callbacks: Committing,
) -> None:
    time_machine.move_to(timezone.now() + timedelta(minutes=15, seconds=1))
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.get(chart.url).error == "session_ended"
    it_ended("idle")
    both_were_revoked(wire, revocable)


def test_case_90_switching_a_registration_off_ends_what_it_opened(
    wire: Wire, chart: Page, revocable: Launch, django_capture_on_commit_callbacks: Committing
) -> None:
    registration = EhrRegistration.objects.get(slug=R4)
    registration.enabled = False
    with django_capture_on_commit_callbacks(execute=True):
        registration.save()
    it_ended("registration-disabled")
    event = AuditEvent.objects.get(event="session.ended")
    assert (event.launch, event.reason, event.patient) == (revocable.pk, "registration-disabled", "54520")
    both_were_revoked(wire, revocable)


def test_case_90_saving_a_registration_that_is_on_ends_nothing(wire: Wire, chart: Page) -> None:
    EhrRegistration.objects.get(slug=R4).save()
    assert Launch.objects.get().ended_at is None


def test_case_90_without_an_endpoint_nobody_is_told(
    wire: Wire, chart: Page, browser: Browser, django_capture_on_commit_callbacks: Committing
) -> None:
    Launch.objects.update(configuration={**Launch.objects.get().configuration, "revocation_endpoint": ""})
    with django_capture_on_commit_callbacks(execute=True):
        assert sign_out(browser, chart).status == 200
    assert revocation.drain()
    assert calls(wire) == []
