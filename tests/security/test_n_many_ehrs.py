"""Cases 150, 151 and 153 (many EHRs beside each other), by number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from django.test import Client

from launcher.discovery import door_for
from launcher.models import AuditEvent, Launch, Person
from launcher.smart import circuit, http
from launcher.smart.circuit import FAILURES, OPEN_SECONDS, Circuit
from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.fhir_answers import bundle
from tests.security.playing import SignIn, Wire, answer, begin, publishes, signed_in_with, wired
from tests.security.steps import R4, iss_of, launch_url, opened, refused, registration
from tests.smart import forging

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


def patients_own(kind: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": f"no-{number}",
        "status": "current" if kind == "DocumentReference" else "active",
        "subject": {"reference": "Patient/54520"},
        **more,
    }


def unwatched(browser: Browser, address: str) -> int:
    """What this browser's owner may type: asked without the harness, which reads addresses more strictly than they."""
    cookies = "; ".join(f"{name}={morsel.value}" for (name, _), morsel in browser.cookies.items())
    return Client().get(urlsplit(address).path, secure=True, headers={"Cookie": cookies}).status_code


def test_case_151_a_next_page_at_the_neighbour_is_not_asked_for(seen: Asked, browser: Browser) -> None:
    kinds = ("Condition", "AllergyIntolerance", "Immunization", "Encounter", "MedicationRequest", "DocumentReference")
    written = elsewhere("Condition?patient=54520")
    for number, kind in enumerate(kinds):
        seen.searches[f"/{kind}"] = bundle(
            patients_own(kind, number), link=[{"relation": "next", "url": written[number]}]
        )
    page = opened(browser)
    states = {slug: page.state(slug) for slug in page.marks("data-panel")}
    cut = [slug for slug, state in states.items() if state in {"truncated", "partial"}]
    assert len(cut) == len(kinds), f"each says that it is not the whole list: {states}"
    assert seen.tokens_at(R4)
    assert not seen.tokens_at(OTHER)


def test_case_151_a_reference_to_the_neighbour_is_not_followed(seen: Asked, browser: Browser) -> None:
    orders = [
        patients_own("MedicationRequest", number, intent="order", medicationReference={"reference": written})
        for number, written in enumerate(elsewhere("Medication/one"))
    ]
    seen.searches["/MedicationRequest"] = bundle(*orders)
    page = opened(browser)
    shown = " ".join(page.marks("data-record"))
    assert all(f"MedicationRequest/no-{number}" in shown for number in range(len(orders)))
    assert not seen.tokens_at(OTHER)


def test_case_151_a_document_at_the_neighbour_is_not_fetched(seen: Asked, browser: Browser) -> None:
    documents = [
        patients_own("DocumentReference", number, content=[{"attachment": {"contentType": "text/plain", "url": url}}])
        for number, url in enumerate(elsewhere("Binary/one"))
    ]
    seen.searches["/DocumentReference"] = bundle(*documents)
    seen.searches |= {f"/DocumentReference/{document['id']}": document for document in documents}
    page = opened(browser)
    for document in documents:
        assert unwatched(browser, f"{page.url}documents/{document['id']}/") == 404
    paths = {path for path, _ in seen.sent}
    assert {f"/sandbox/{R4}/fhir/DocumentReference/{document['id']}" for document in documents} <= paths
    assert not seen.tokens_at(OTHER)


def test_case_151_an_address_of_the_chart_leads_to_its_own_ehr_whatever_is_written_behind_it(
    seen: Asked, browser: Browser
) -> None:
    page = opened(browser)
    own = seen.tokens_at(R4)
    for name in ("next", "iss", "reference", "url", "patient", "fhir"):
        browser.get(f"{page.url}panels/conditions/?{urlencode({name: f'{iss_of(OTHER)}/Patient/1'})}")
    for crafted in (f"{OTHER}%2ffhir%2fPatient%2f1", f"..%2f..%2f{OTHER}", "%2e%2e"):
        assert unwatched(browser, f"{page.url}documents/{crafted}/") in {400, 404, 502}
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


def at_once(visit: Callable[[], Page]) -> Page:
    """A page that takes less than a tenth of a second of work, and nothing is waited for.

    The clock on the wall counts what else the machine does as well, so that it is allowed more.
    """
    started, worked = time.perf_counter(), time.thread_time()
    page = visit()
    assert time.thread_time() - worked < BUSY_SECONDS
    assert time.perf_counter() - started < 10 * BUSY_SECONDS
    return page


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
        before = len(in_vain)
        page = at_once(lambda: Browser().get(launch_url(R4)))
        refused(page, status=503, code="ehr_busy", event="discovery.failed", reason="circuit")
        assert int(page.response["Retry-After"]) == OPEN_SECONDS
        assert len(in_vain) == before, "nobody was asked"
        assert opened(Browser(), launch_url(OTHER)).state("conditions") == "ready"


def test_case_153_it_recovers_by_itself_within_a_minute(ehrs: Bridge, clock: Clock) -> None:
    with out_of_order(ehrs, R4) as in_vain:
        for _ in range(20):
            clock.now += 5.0
            Browser().get(launch_url(R4))
        assert len(in_vain) <= 2 * FAILURES + 100 / OPEN_SECONDS, "while it is away it is asked every ten seconds"
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
        busy = at_once(lambda: browser.get(page.url))
        refused(busy, status=503, code="ehr_busy", event="fhir.failed", reason="circuit")
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
