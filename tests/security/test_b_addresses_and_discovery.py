"""Cases 15, 16, 18 and 21 (addresses of an EHR, the guard, discovery that fails), by number."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from time_machine import TimeMachineFixture

from launcher import discovery
from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from launcher.smart import configuration, guard
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.playing import Answer, Wire, answer, shortened_deadlines, silence, wired
from tests.security.steps import R4, launch_url, opened, refused, registration
from tests.smart.misbehaving import Server, Visit, answering, plain, serving

pytestmark = pytest.mark.django_db
ADD = "/admin/launcher/ehrregistration/add/"


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    with wired(ehrs) as found:
        yield found


# --- 15: what an administrator may write


def saved(**changes: Any) -> tuple[int, str]:
    """Status and page of the admin's add form, filled in well but for these changes."""
    client = Client()
    user, _ = get_user_model().objects.get_or_create(username="root", is_superuser=True, is_staff=True)
    client.force_login(user)
    values = {
        "name": "Main Clinic",
        "slug": "main-clinic",
        "site": 1,
        "environment": "sandbox",
        "enabled": "on",
        "iss": "https://ehr.example.org/fhir",
        "fhir_version": "auto",
        "launch_modes": ["ehr"],
        "client_id": "our-client",
        "auth_method": "auto",
        "scopes": "launch openid fhirUser",
        "send_pkce": "on",
        **changes,
    }
    page = client.post(ADD, values, secure=True)
    return page.status_code, page.content.decode()


INSIDE = (
    "https://127.0.0.1/fhir",
    "https://127.8.8.8:8443/fhir",
    "https://[::1]/fhir",
    "https://169.254.169.254/latest",
    "https://10.20.30.40/fhir",
    "https://172.16.0.9/fhir",
    "https://192.168.1.1/fhir",
    "https://100.64.0.1/fhir",
    "https://0.0.0.0/fhir",
    "https://[fd00::1]/fhir",
    "https://[fe80::1]/fhir",
    "https://[::ffff:127.0.0.1]/fhir",
    "https://[64:ff9b::7f00:1]/fhir",
    "https://2130706433/fhir",
    "https://0177.0.0.1/fhir",
    "https://0x7f000001/fhir",
    "https://127.1/fhir",
    "http://ehr.example.org/fhir",
)


def test_case_15_the_form_is_accepted_when_nothing_is_wrong(db: None, settings: Any) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    status, page = saved(token_endpoint="https://ehr.example.org/token")
    assert status == 302, page
    assert EhrRegistration.objects.get().token_endpoint == "https://ehr.example.org/token"


@pytest.mark.parametrize("address", INSIDE)
def test_case_15_an_issuer_inside_the_network_is_not_saved(address: str, db: None, settings: Any) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    status, page = saved(iss=address)
    assert status == 200
    assert "errorlist" in page
    assert not EhrRegistration.objects.exists()


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_case_15_an_endpoint_inside_the_network_is_not_saved_even_when_its_origin_is_named(
    name: str, address: str, db: None, settings: Any
) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    origin = address.rpartition("/")[0]
    for more in ({}, {"approved_origins": origin}):
        status, page = saved(**{name: address}, **more)
        assert status == 200
        assert "errorlist" in page
    assert not EhrRegistration.objects.exists()


@pytest.mark.parametrize("field", ["approved_origins", "oidc_issuer"])
def test_case_15_neither_an_approved_origin_nor_the_openid_issuer_lies_inside(
    field: str, db: None, settings: Any
) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    for address in ("https://169.254.169.254", "https://10.0.0.1", "https://127.0.0.1:6379", "https://[::1]"):
        assert saved(**{field: address})[0] == 200
    assert not EhrRegistration.objects.exists()


def test_case_15_a_private_network_that_the_installation_names_may_be_used(db: None, settings: Any) -> None:
    """Section 6 of the contract: the installation's list is what opts in; a registration can only narrow it."""
    settings.SMARTPORTAL_ALLOWED_NETWORKS = ["10.20.0.0/16"]
    assert saved(iss="https://10.20.0.9/fhir", allowed_networks="10.0.0.0/8")[0] == 200
    assert saved(iss="https://10.21.0.9/fhir")[0] == 200
    assert saved(iss="https://10.20.0.9/fhir", allowed_networks="10.20.0.0/24")[0] == 302


def resolves_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Every name resolves to one list after the other, and to the last for ever; gives the names that were asked."""
    left, names = list(answers), []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[Any]:
        names.append(host)
        now = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, 1, 6, "", (ip, port)) for ip in now]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


def registered_at(iss: str) -> str:
    row = registration()
    row.iss = iss
    row.save()
    return f"/launch/{R4}?" + urlencode({"iss": iss, "launch": "1"})


@pytest.mark.parametrize(
    "name", ["metadata.google.internal", "ehr.hosp.test"], ids=["cloud-metadata", "any-other-name"]
)
def test_case_15_a_name_inside_the_network_is_refused_when_it_is_called(
    name: str, wire: Wire, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    wire.hosts.add(name)
    monkeypatch.setattr(guard, "_connect_one", lambda *_: pytest.fail("a connection was made"))
    resolves_to(monkeypatch, ["169.254.169.254"])
    page = browser.get(registered_at(f"https://{name}/computeMetadata/v1"))
    refused(page, status=502, code="ehr_address_forbidden", event="egress.blocked", reason="address")
    assert not PendingLaunch.objects.exists()


# --- 16: a name that means something else a moment later


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize(
    "answers",
    [
        [["8.8.8.8"], ["127.0.0.1"]],
        [["127.0.0.1"]],
        [["8.8.8.8", "127.0.0.1"]],
        [["127.0.0.1"], ["8.8.8.8"]],
    ],
    ids=["rebinds", "loopback", "both-at-once", "rebinds-back"],
)
def test_case_16_a_name_that_changes_its_address_leads_nowhere_but_to_the_one_that_was_checked(
    answers: list[list[str]],
    scheme: str,
    wire: Wire,
    browser: Browser,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    went_to: list[str] = []

    def connect(address: str, port: int, seconds: float) -> socket.socket:
        went_to.append(address)
        raise ConnectionRefusedError

    with answering(plain()) as inside:
        wire.hosts.add("ehr.hosp.test")
        names = resolves_to(monkeypatch, *answers)
        monkeypatch.setattr(guard, "_connect_one", connect)
        page = browser.get(registered_at(f"{scheme}://ehr.hosp.test:{inside.port}/fhir"))
        assert inside.connections == 0
    checked_public = answers[0] == ["8.8.8.8"] and scheme == "https"
    # One look-up for one connection: what was judged is what is connected to.
    assert len(went_to) == (1 if checked_public else 0)
    assert set(went_to) <= {"8.8.8.8"}
    assert names
    refused(page, status=502, code="ehr_address_forbidden", event="egress.blocked", reason="address")
    assert not PendingLaunch.objects.exists()


def test_case_16_a_token_endpoint_that_rebinds_gets_no_code_and_no_secret(
    wire: Wire, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(plain()) as inside:
        row = registration()
        row.token_endpoint = inside.url("/token", host="login.hosp.test")
        row.approved_origins = [inside.url(host="login.hosp.test")]
        row.save()
        callback = browser.visit(launch_url(), until="/callback").location
        settings.SMARTPORTAL_ALLOWED_NETWORKS = []
        wire.hosts.add("login.hosp.test")
        resolves_to(monkeypatch, ["127.0.0.1"])
        page = browser.get(callback)
        assert inside.connections == 0
    refused(page, status=502, code="ehr_address_forbidden", event="egress.blocked", reason="address")
    assert not Launch.objects.exists()


# --- 18: endpoints elsewhere

ELSEWHERE = "https://login.elsewhere.test"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_case_18_an_endpoint_on_a_host_that_is_not_approved_stops_the_launch(
    name: str, wire: Wire, browser: Browser
) -> None:
    wire.changed("/smart-configuration", **{name: f"{ELSEWHERE}/it"})
    page = browser.get(launch_url())
    refused(page, status=502, code="discovery_failed", event="discovery.failed", reason="host_unapproved")
    assert AuditEvent.objects.get(event="discovery.failed").detail["endpoint"] == name
    assert not [url for url in wire.asked if urlsplit(url).hostname == urlsplit(ELSEWHERE).hostname]
    assert not PendingLaunch.objects.exists()
    row = registration()
    row.approved_origins = [ELSEWHERE]
    row.save()
    assert browser.get(launch_url()).status == 302


@pytest.mark.parametrize("lookalike", ["https://testserver.evil.test/t", "https://testserver:444/t"])
def test_case_18_a_host_that_only_looks_approved_is_not(lookalike: str, wire: Wire, browser: Browser) -> None:
    wire.changed("/smart-configuration", token_endpoint=lookalike)
    page = browser.get(launch_url())
    refused(page, status=502, code="discovery_failed", event="discovery.failed", reason="host_unapproved")


@pytest.mark.parametrize("name", ["introspection_endpoint", "revocation_endpoint"])
def test_case_18_an_endpoint_that_no_launch_needs_is_left_out(name: str, wire: Wire, browser: Browser) -> None:
    wire.changed("/smart-configuration", **{name: f"{ELSEWHERE}/it"})
    page = opened(browser)
    assert Launch.objects.get().configuration[name] == ""
    assert not [url for url in wire.asked if urlsplit(url).hostname == urlsplit(ELSEWHERE).hostname]
    assert page.patient == "54520"


# --- 21: discovery is down

DOWN: dict[str, Answer] = {
    "silent": silence,
    "500": answer(500, "<html>down</html>", kind="text/html"),
    "html": answer(200, "<html>login</html>", kind="text/html"),
}


@pytest.mark.parametrize("how", DOWN)
def test_case_21_a_copy_of_less_than_a_day_keeps_launches_going(
    how: str, wire: Wire, browser: Browser, time_machine: TimeMachineFixture, caplog: pytest.LogCaptureFixture
) -> None:
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    opened(browser)
    wire.plays |= {"/smart-configuration": DOWN[how], "/metadata": DOWN[how]}
    time_machine.move_to(start + timedelta(hours=23, minutes=50), tick=False)
    caplog.clear()
    assert browser.visit(launch_url(), until="/callback").status in {302, 303}
    stale = [each for each in caplog.records if each.getMessage().startswith("config.stale: discovery")]
    assert [each.levelno for each in stale] == [logging.WARNING]
    time_machine.move_to(start + timedelta(hours=24, minutes=1), tick=False)
    page = browser.get(launch_url())
    wanted = (504, "ehr_unreachable") if how == "silent" else (502, "discovery_failed")
    assert (page.status, page.error) == wanted


def says_nothing(visit: Visit) -> None:
    visit.request()
    visit.closing.wait(20)


def drips(visit: Visit) -> None:
    visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nContent-Type: application/json\r\n\r\n")
    visit.drip(b" " * 5000)


@pytest.mark.parametrize("handler", [says_nothing, drips], ids=["silent", "one-byte-at-a-time"])
def test_case_21_without_a_copy_a_silent_ehr_is_given_up_within_ten_seconds(
    handler: Callable[[Visit], None], wire: Wire, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configuration.TOTAL_SECONDS < 10
    monkeypatch.setattr(configuration, "TOTAL_SECONDS", 0.6)
    monkeypatch.setattr(configuration, "FIRST_SECONDS", 0.3)
    allowed = shortened_deadlines(monkeypatch, 10)
    wire.hosts.add("127.0.0.1")
    server: Server
    with serving(handler) as server:
        started = time.monotonic()
        page = browser.get(registered_at(server.url("/fhir")))
        took = time.monotonic() - started
    refused(page, status=504, code="ehr_unreachable", event="discovery.failed", reason="timeout")
    assert took < 2
    assert all(seconds <= 0.6 for seconds in allowed)
    assert not PendingLaunch.objects.exists()


def test_case_21_two_hundred_launches_at_once_ask_a_cold_cache_once(wire: Wire) -> None:
    row = registration()
    client = row.as_client()
    door = discovery.door_for(client)
    everybody = threading.Barrier(200)

    def launch(_: int) -> str:
        everybody.wait(20)
        return discovery.configuration_of(row, client, door).token_endpoint

    with ThreadPoolExecutor(200) as pool:
        endpoints = set(pool.map(launch, range(200)))
    assert len(endpoints) == 1
    assert wire.to("/smart-configuration") == 1
    assert wire.to("/metadata") <= 1
