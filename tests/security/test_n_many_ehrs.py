"""Cases 150, 151 and 153 (many EHRs beside each other), by number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from launcher.discovery import door_for
from launcher.models import AuditEvent, Launch, Person
from launcher.smart import circuit, http
from launcher.smart.circuit import FAILURES, OPEN_SECONDS, Circuit, Ehr
from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.fhir_answers import bundle
from tests.security.playing import SignIn, Wire, answer, begin, publishes, shortened_deadlines, signed_in_with, wired
from tests.security.steps import R4, iss_of, launch_url, opened, refused, registration
from tests.smart import forging
from tests.smart.misbehaving import Server, Visit, answering, plain, serving

pytestmark = pytest.mark.django_db

OTHER = "epic"
"""A second EHR of the same FHIR version, on the same host as the first."""

BUSY_SECONDS = 0.1


# --- 150: the same person, as it seems, at two EHRs


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    """Both EHRs publish the tests' own key, so that their id_tokens can be made here."""
    with wired(ehrs) as found:
        publishes(found, forging.jwk("a"))
        yield found


def signed_in(wire: Wire, browser: Browser, ehr: str) -> tuple[SignIn, Launch]:
    """A launch of "provider-7" with one and the same mail address, whichever EHR it is."""
    launch = begin(browser, launch_url(ehr), ehr)
    token = forging.rs256(launch.claims(sub="provider-7", email="ada@hosp.example", email_verified=True))
    page = signed_in_with(wire, launch, token)
    assert page.status == 303, page.error
    return launch, Launch.objects.select_related("person__user").latest("created_at")


def test_case_150_one_subject_and_mail_address_at_two_issuers_are_two_people(wire: Wire, browser: Browser) -> None:
    begun, first = signed_in(wire, browser, R4)
    begun_there, second = signed_in(wire, browser, OTHER)
    assert begun.issuer != begun_there.issuer
    people = (first.person, second.person)
    assert [(person.issuer, person.subject) for person in people if person] == [
        (begun.issuer, "provider-7"),
        (begun_there.issuer, "provider-7"),
    ]
    assert people[0] != people[1]
    assert people[0].user != people[1].user  # type: ignore[union-attr]  # just looked at
    assert Person.objects.count() == 2


def test_case_150_they_share_neither_session_nor_identity_in_the_audit(wire: Wire, browser: Browser) -> None:
    _, first = signed_in(wire, browser, R4)
    _, second = signed_in(wire, browser, OTHER)
    for launch in (first, second):
        launch.refresh_from_db()
        assert launch.ended_at is None, "somebody else at another EHR ends nobody's session"
        actors = set(AuditEvent.objects.filter(launch=launch.pk).values_list("actor", flat=True))
        assert launch.person is not None
        assert actors == {f"provider-7 ({launch.person.issuer})"}
    assert first.binding_hash != second.binding_hash
    assert first.access_token.reveal() != second.access_token.reveal()


# --- 151: two EHRs on one host


@dataclass
class Asked:
    """Everything that left, and the token it carried."""

    bridge: Bridge
    sent: list[tuple[str, str]] = field(default_factory=list)
    searches: dict[str, Any] = field(default_factory=dict)

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        url = urlsplit(request.url or "")
        self.sent.append((url.path, request.headers.get("Authorization", "")))
        for end, body in self.searches.items():
            if url.path.endswith(end):
                return answer(200, body)(request)
        return self.bridge(request, call)

    def tokens_at(self, ehr: str) -> set[str]:
        return {token for path, token in self.sent if path.startswith(f"/sandbox/{ehr}/fhir/") and token}


@pytest.fixture
def seen(ehrs: Bridge) -> Iterator[Asked]:
    found = Asked(ehrs)
    before = http.set_transport(found)
    yield found
    http.set_transport(before)


def elsewhere(path: str) -> list[str]:
    """Ways to write an address below the other EHR's base in an answer of the first one's."""
    there = iss_of(OTHER)
    return [
        f"{there}/{path}",
        f"/sandbox/{OTHER}/fhir/{path}",
        f"../../{OTHER}/fhir/{path}",
        f"{iss_of(R4)}/../../{OTHER}/fhir/{path}",
        f"{iss_of(R4)}/..%2f..%2f{OTHER}/fhir/{path}",
        f"{iss_of(R4)}/%2e%2e/%2e%2e/{OTHER}/fhir/{path}",
        f"//testserver/sandbox/{OTHER}/fhir/{path}",
    ]


CONDITION = {
    "resourceType": "Condition",
    "id": "one",
    "subject": {"reference": "Patient/54520"},
    "code": {"text": "An invented finding"},
    "clinicalStatus": {"coding": [{"code": "active"}]},
}


@pytest.mark.parametrize("written", elsewhere("Condition?patient=54520"))
def test_case_151_a_next_page_at_the_neighbour_is_not_asked_for(written: str, seen: Asked, browser: Browser) -> None:
    seen.searches["/Condition"] = bundle(CONDITION, link=[{"relation": "next", "url": written}])
    page = opened(browser)
    assert page.state("conditions") == "truncated"
    assert seen.tokens_at(R4)
    assert not seen.tokens_at(OTHER)


@pytest.mark.parametrize("written", elsewhere("Medication/one"))
def test_case_151_a_reference_to_the_neighbour_is_not_followed(written: str, seen: Asked, browser: Browser) -> None:
    order = {
        "resourceType": "MedicationRequest",
        "id": "one",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/54520"},
        "medicationReference": {"reference": written},
    }
    seen.searches["/MedicationRequest"] = bundle(order)
    page = opened(browser)
    assert "MedicationRequest/one" in " ".join(page.marks("data-record"))
    assert not seen.tokens_at(OTHER)


@pytest.mark.parametrize("written", elsewhere("Binary/one"))
def test_case_151_a_document_at_the_neighbour_is_not_fetched(written: str, seen: Asked, browser: Browser) -> None:
    document = {
        "resourceType": "DocumentReference",
        "id": "one",
        "status": "current",
        "subject": {"reference": "Patient/54520"},
        "content": [{"attachment": {"contentType": "text/plain", "url": written}}],
    }
    seen.searches["/DocumentReference"] = bundle(document)
    seen.searches["/DocumentReference/one"] = document
    page = opened(browser)
    browser.get(f"{page.url}documents/one/")
    browser.get(f"{page.url}documents/one/?file=0")
    assert "/sandbox/smart-r4/fhir/DocumentReference/one" in {path for path, _ in seen.sent}
    assert not seen.tokens_at(OTHER)


def test_case_151_an_address_of_the_chart_leads_to_its_own_ehr_whatever_is_written_behind_it(
    seen: Asked, browser: Browser
) -> None:
    page = opened(browser)
    own = seen.tokens_at(R4)
    crafted = ("next", "iss", "reference", "url", "patient", "fhir")
    for name in crafted:
        browser.get(f"{page.url}?{urlencode({name: f'{iss_of(OTHER)}/Patient/1'})}")
    browser.get(f"{page.url}documents/{OTHER}%2ffhir%2fPatient%2f1/")
    browser.get(f"{page.url}documents/..%2f..%2f{OTHER}/")
    assert seen.tokens_at(R4) == own
    assert not seen.tokens_at(OTHER)


def test_case_151_the_door_of_one_ehr_does_not_lead_to_the_other_on_the_same_host(ehrs: Bridge) -> None:
    door = door_for(registration(R4).as_client())
    token = Launch(access_token="t").access_token
    ehrs.forget()
    for url in elsewhere("Patient/1"):
        with pytest.raises(SmartError) as refusal:
            door.get_fhir(url, token=token, accept="application/json")
        assert refusal.value.reason == "host_unapproved"
    assert ehrs.seen == []


# --- 153: one EHR is silent


@dataclass
class Clock:
    """The circuits' time, which the test moves on."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    made = Circuit
    monkeypatch.setattr(circuit, "Circuit", lambda **given: made(**given, clock=found))
    return found


@contextmanager
def out_of_order(bridge: Bridge, ehr: str, play: Callable[[str], bool] = lambda path: True) -> Iterator[list[str]]:
    """For a while this EHR answers nothing where `play` says so; gives the paths that were asked in vain."""
    in_vain: list[str] = []

    def wire(request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        path = urlsplit(request.url or "").path
        if path.startswith(f"/sandbox/{ehr}/") and play(path):
            in_vain.append(path)
            raise requests.exceptions.ReadTimeout("no answer in time")
        return bridge(request, call)

    before = http.set_transport(wire)
    try:
        yield in_vain
    finally:
        http.set_transport(before)


def test_case_153_five_failures_open_the_circuit_and_the_sixth_launch_is_told_at_once(
    ehrs: Bridge, clock: Clock
) -> None:
    with out_of_order(ehrs, R4) as in_vain:
        while len(in_vain) < FAILURES:
            refused(Browser().get(launch_url(R4)), status=504, code="ehr_unreachable", event="discovery.failed")
        before, started = len(in_vain), time.perf_counter()
        page = Browser().get(launch_url(R4))
        seconds = time.perf_counter() - started
        refused(page, status=503, code="ehr_busy", event="discovery.failed", reason="circuit")
        assert seconds < BUSY_SECONDS
        assert int(page.response["Retry-After"]) == OPEN_SECONDS
        assert len(in_vain) == before, "nobody was asked"
        assert opened(Browser(), launch_url(OTHER)).state("conditions") == "ready"


def test_case_153_it_recovers_by_itself_within_a_minute(ehrs: Bridge, clock: Clock) -> None:
    with out_of_order(ehrs, R4) as in_vain:
        for _ in range(60):
            clock.now += 2.0
            Browser().get(launch_url(R4))
        assert len(in_vain) <= 2 * FAILURES + 120 / OPEN_SECONDS, "while it is away it is asked every ten seconds"
    back = clock.now
    while Browser().get(launch_url(R4)).status != 302:
        clock.now += 1.0
        assert clock.now - back <= 60
    assert opened(Browser(), launch_url(R4)).state("conditions") == "ready"


def test_case_153_an_open_chart_is_told_at_once_and_is_not_ended(ehrs: Bridge, browser: Browser, clock: Clock) -> None:
    page = opened(browser, launch_url(R4))
    with out_of_order(ehrs, R4):
        while (again := browser.get(page.url)).error == "ehr_unreachable":
            assert again.status == 504
        started = time.perf_counter()
        refused(browser.get(page.url), status=503, code="ehr_busy", event="fhir.failed", reason="circuit")
        assert time.perf_counter() - started < BUSY_SECONDS
    assert Launch.objects.get().ended_at is None
    clock.now += OPEN_SECONDS
    assert browser.get(page.url).state("conditions") == "ready"


def test_case_153_panels_of_an_ehr_that_falls_silent_say_so_and_claim_nothing(
    ehrs: Bridge, browser: Browser, clock: Clock
) -> None:
    with out_of_order(ehrs, R4, lambda path: "/fhir/" in path and "/Patient/" not in path and "/metadata" not in path):
        page = browser.visit(launch_url(R4))
        states = {slug: page.state(slug) for slug in page.marks("data-panel") if slug != "demographics"}
        assert set(states.values()) == {"failed"}
        refused(browser.get(page.url), status=503, code="ehr_busy", event="fhir.failed", reason="circuit")


def test_case_153_one_search_that_never_answers_closes_nothing_else(
    ehrs: Bridge, browser: Browser, clock: Clock
) -> None:
    with out_of_order(ehrs, R4, lambda path: path.endswith("/Observation")) as in_vain:
        for _ in range(6):
            page = browser.visit(launch_url(R4))
            assert (page.state("conditions"), page.state("vitals")) == ("ready", "failed")
    assert len(in_vain) > 2 * FAILURES


def test_case_153_searches_that_answer_500_all_day_close_nothing_else(ehrs: Bridge, browser: Browser) -> None:
    with wired(ehrs) as wire:
        wire.plays["/Observation"] = answer(500)
        for _ in range(6):
            page = browser.visit(launch_url(R4))
            assert (page.state("conditions"), page.state("vitals")) == ("ready", "failed")
        assert wire.to("/Observation") > 2 * FAILURES


def test_case_153_a_connection_check_always_asks(ehrs: Bridge, clock: Clock) -> None:
    with out_of_order(ehrs, R4) as in_vain:
        while Browser().get(launch_url(R4)).error == "ehr_unreachable":
            continue
        before = len(in_vain)
        row = registration(R4)
        unnamed = Door(fhir_base=row.iss)
        with pytest.raises(SmartError) as failure:
            unnamed.get(f"{row.iss}/metadata", accept="*/*", max_bytes=1000, failure="discovery_failed")
        assert (failure.value.code, len(in_vain)) == ("ehr_unreachable", before + 1)


# --- 153 over real sockets


def hanging(visit: Visit) -> None:
    """Takes the request and says nothing for as long as the test lasts."""
    visit.request()
    visit.closing.wait()


def door_to(server: Server, slug: str) -> Door:
    return Door(fhir_base=server.url("/fhir"), networks=[ip_network("127.0.0.0/8")], ehr=Ehr("testserver", slug))


def ask(door: Door, server: Server) -> tuple[str, float]:
    """The outcome of reading one Patient, and how long it took."""
    started = time.perf_counter()
    try:
        door.get_fhir(server.url("/fhir/Patient/1"), token=None, accept="application/json", seconds=5)
        outcome = "ok"
    except SmartError as error:
        outcome = error.code
    return outcome, time.perf_counter() - started


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


def test_case_153_while_one_ehr_hangs_the_other_answers_always_and_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    shortened_deadlines(monkeypatch, 0.3)
    with serving(hanging) as silent, answering(plain(b'{"resourceType":"Patient","id":"1"}')) as good:
        a, b = door_to(silent, "a"), door_to(good, "b")
        alone = [ask(b, good) for _ in range(200)]
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(ask, a, silent) for _ in range(40)]
            beside = [ask(b, good) for _ in range(200)]
            outcomes = [each.result() for each in waiting]
        assert {outcome for outcome, _ in (*alone, *beside)} == {"ok"}
        # A fifth more, and what two cores may need to turn to something else.
        assert p95([seconds for _, seconds in beside]) <= 1.2 * p95([seconds for _, seconds in alone]) + 0.02
        busy = [seconds for outcome, seconds in outcomes if outcome == "ehr_busy"]
        assert {outcome for outcome, _ in outcomes} == {"ehr_unreachable", "ehr_busy"}
        assert len(busy) >= 40 - 2 * 8, "those under way when it opened are the last to wait"
        assert max(busy) < BUSY_SECONDS
        assert silent.connections == 40 - len(busy)


def test_case_153_the_first_answer_after_ten_seconds_brings_everybody_back(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    shortened_deadlines(monkeypatch, 0.2)
    awake = threading.Event()

    def handler(visit: Visit) -> None:
        while visit.request():
            if not awake.is_set():
                visit.closing.wait()
                return
            visit.send(plain(b'{"resourceType":"Patient","id":"1"}'))

    with serving(handler) as server:
        door = door_to(server, "a")
        with ThreadPoolExecutor(FAILURES) as pool:
            assert {outcome for outcome, _ in pool.map(lambda _: ask(door, server), range(5))} == {"ehr_unreachable"}
        awake.set()
        assert ask(door, server)[0] == "ehr_busy"
        clock.now += OPEN_SECONDS
        assert [ask(door, server)[0] for _ in range(3)] == ["ok"] * 3
