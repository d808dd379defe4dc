"""/metrics: who may read it, what it counts, what it never says, and that several workers count together."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from launcher import metrics, metrics_rows, signing
from launcher.models import CheckRun, EhrRegistration, Launch, SigningKey
from launcher.smart import circuit
from launcher.smart.circuit import Ehr, Host
from launcher.smart.origins import parse_base
from tests.browser import Browser
from tests.launcher.conftest import MakeRegistration
from tests.loopback import Bridge
from tests.security.playing import Answer, answer, wired
from tests.security.steps import R4, faulty_launch_url, launch_url, opened

pytestmark = pytest.mark.django_db

SCRAPER = "10.9.8.7"
SITE = "testserver"
Figures = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def _scrapers(settings: Any) -> None:
    settings.SMARTPORTAL_METRICS_NETWORKS = ["10.9.0.0/16"]


def scrape() -> Figures:
    """Every sample: its name and the values of its labels in the order of their names."""
    answer = Client().get("/metrics", REMOTE_ADDR=SCRAPER)
    assert answer.status_code == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.fixture
def since() -> Callable[[str], Figures]:
    """What has been counted under this name since the test began."""
    before = scrape()

    def grown(name: str) -> Figures:
        return {
            labels[1:]: value - before.get(labels, 0.0)
            for labels, value in scrape().items()
            if labels[0] == f"smartportal_{name}" and value != before.get(labels, 0.0)
        }

    return grown


# --- who may read it


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
@pytest.mark.parametrize("host", ["testserver", "10.1.1.1:8000"])
def test_a_network_that_is_named_reads_it_under_any_host_name(path: str, host: str) -> None:
    answer = Client().get(path, REMOTE_ADDR=SCRAPER, headers={"Host": host})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert b"smartportal_database_up 1.0\n" in answer.content
    head = Client().head(path, REMOTE_ADDR=SCRAPER, headers={"Host": host})
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("method", ["get", "head", "post", "delete"])
def test_for_everybody_else_there_is_no_such_page(method: str, settings: Any) -> None:
    def asked(path: str, **more: str) -> tuple[int, bytes]:
        answer = getattr(Client(), method)(path, **more)
        return answer.status_code, answer.content[:40]

    nothing = asked("/there-is-nothing-here")
    assert nothing[0] == 404
    assert asked("/metrics", REMOTE_ADDR="203.0.113.9") == nothing
    settings.SMARTPORTAL_METRICS_NETWORKS = []
    assert asked("/metrics", REMOTE_ADDR=SCRAPER) == nothing
    assert asked("/metrics/", REMOTE_ADDR="127.0.0.1") == nothing


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_whoever_may_read_it_may_do_nothing_else(method: str) -> None:
    answer = getattr(Client(), method)("/metrics", REMOTE_ADDR=SCRAPER)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("10.1.1.1", SCRAPER, 200),
        ("10.1.1.1", f"{SCRAPER}, 203.0.113.9", 404),
        ("203.0.113.9", SCRAPER, 404),
        ("", SCRAPER, 404),
        ("unix:", SCRAPER, 404),
        (SCRAPER, "203.0.113.9", 200),
        (f"::ffff:{SCRAPER}", "", 200),
        ("::1", "", 404),
    ],
)
def test_whose_word_about_the_address_is_taken(peer: str, forwarded: str, status: int, settings: Any) -> None:
    settings.SMARTPORTAL_TRUSTED_PROXIES = ["10.1.1.1/32"]
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert Client().get("/metrics", REMOTE_ADDR=peer, headers=headers).status_code == status


# --- what is counted


def test_a_launch_is_counted_where_it_was_sent_and_where_it_opened(
    ehrs: Bridge, browser: Browser, since: Callable[[str], Figures]
) -> None:
    page = opened(browser, launch_url(R4))
    assert page.status == 200
    assert since("launches_total") == {("", R4, "opened", SITE, "callback"): 1, ("", R4, "sent", SITE, "launch"): 1}
    assert since("errors_total") == {}
    assert since("banner_seconds_count") == {(R4, SITE): 1}
    panels = since("panel_seconds_count")
    assert {panel for panel, _ in panels} == set(page.marks("data-panel"))
    assert all(page.state(panel) == state and times == 1 for (panel, state), times in panels.items())


def test_requests_to_the_ehr_are_counted_by_kind_and_by_what_came_of_them(
    ehrs: Bridge, browser: Browser, since: Callable[[str], Figures]
) -> None:
    opened(browser, faulty_launch_url(browser, "conditions-500"))
    requests = since("ehr_requests_total")
    for kind in ("discovery", "token", "patient"):
        assert requests[R4, kind, "ok", SITE] >= 1
    assert requests[R4, "fhir", "5xx", SITE] == 1
    assert requests[R4, "fhir", "ok", SITE] > 5
    timed = since("ehr_request_seconds_count")
    assert timed[R4, "fhir", SITE] == requests[R4, "fhir", "ok", SITE] + 1


def test_launches_that_fail_are_counted_by_stage_and_code(
    ehrs: Bridge, browser: Browser, since: Callable[[str], Figures]
) -> None:
    browser.get("/launch?iss=https://unknown.example.org/fhir&launch=x")
    browser.get("/launch?iss=https://another.example.org/fhir&launch=x")
    browser.visit(faulty_launch_url(browser, "token-503"))
    browser.visit(faulty_launch_url(browser, "access-denied"))
    launches = since("launches_total")
    assert launches["unknown_issuer", "", "refused", SITE, "launch"] == 2, "no name that came from outside"
    assert launches["ehr_busy", R4, "failed", SITE, "callback"] == 1
    assert launches["access_denied", R4, "refused", SITE, "callback"] == 1
    assert since("errors_total")["unknown_issuer", "", SITE, "launch"] == 2


def test_an_error_of_an_open_chart_is_no_launch(
    ehrs: Bridge, browser: Browser, since: Callable[[str], Figures]
) -> None:
    browser.visit(faulty_launch_url(browser, "patient-500"))
    assert since("errors_total") == {("patient_unavailable", R4, SITE, "chart"): 1}
    assert {outcome for _, _, outcome, _, _ in since("launches_total")} == {"sent", "opened"}


@pytest.mark.parametrize(
    ("token_endpoint", "outcome"),
    [
        (None, "refreshed"),
        (answer(503), "postponed"),
        (answer(400, {"error": "invalid_grant"}), "ended"),
    ],
    ids=["good", "busy", "refused"],
)
def test_refreshes_are_counted_by_what_they_came_to(
    ehrs: Bridge, browser: Browser, since: Callable[[str], Figures], token_endpoint: Answer | None, outcome: str
) -> None:
    EhrRegistration.objects.filter(slug=R4).update(scopes="launch openid fhirUser offline_access patient/*.rs")
    page = opened(browser, launch_url(R4))
    Launch.objects.update(token_expires_at=timezone.now() + timedelta(seconds=30))
    with wired(ehrs) as wire:
        if token_endpoint is not None:
            wire.plays["/token"] = token_endpoint
        assert browser.get(page.url).text
    assert since("token_refreshes_total") == {(R4, outcome, SITE): 1}


def test_circuits_that_are_open_are_counted_while_they_are(since: Callable[[str], Figures]) -> None:
    base = parse_base("https://ehr.example.org/fhir")
    found = circuit.circuit_of(Host(Ehr(SITE, "main"), base, base.origin))
    for _ in range(circuit.FAILURES):
        found.settle(found.enter(), "failed")
    assert since("ehr_circuits_open") == {("main", SITE): 1}
    found.settle(circuit.Passage(0.0), "answered")
    assert since("ehr_circuits_open") == {}


def test_what_cannot_be_counted_stands_in_nobodys_way(
    ehrs: Bridge, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def labels(self, *_: str) -> None:
            raise OSError("no space left")

    for name in ("_LAUNCHES", "_BANNER", "_PANEL", "_EHR_REQUESTS"):
        monkeypatch.setattr(metrics, name, Full())
    page = opened(browser, launch_url(R4))
    assert page.state("conditions") == "ready"


# --- what it never says


def test_nothing_about_patient_person_address_or_token_is_in_it(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, launch_url(R4, patient="54520"))
    launch = Launch.objects.select_related("person").get()
    person = launch.person
    assert person is not None
    text = Client().get("/metrics", REMOTE_ADDR=SCRAPER).content.decode()
    assert R4 in text
    name = re.search(r'data-field="name"><span>([^<]+)</span>', page.text)
    assert name is not None
    hidden = ["54520", name[1], launch.pk, launch.reference, launch.viewer, launch.iss, "/fhir"]
    hidden += [person.subject, launch.access_token.reveal()]
    assert not [word for word in hidden if word and word in text]


# --- what the database says


def test_sessions_that_are_open_are_counted_by_registration(ehrs: Bridge) -> None:
    for _ in range(3):
        opened(Browser(), launch_url(R4))
    assert scrape()["smartportal_sessions_open", R4, SITE] == 3
    ended, idle, _ = Launch.objects.order_by("created_at")
    Launch.objects.filter(pk=ended.pk).update(ended_at=timezone.now())
    assert scrape()["smartportal_sessions_open", R4, SITE] == 2
    Launch.objects.filter(pk=idle.pk).update(last_seen_at=timezone.now() - timedelta(minutes=16))
    assert scrape()["smartportal_sessions_open", R4, SITE] == 1
    Launch.objects.update(created_at=timezone.now() - timedelta(hours=13))
    assert scrape()["smartportal_sessions_open", R4, SITE] == 0


def test_a_secret_that_ends_and_a_registration_that_is_off_are_told(make_registration: MakeRegistration) -> None:
    today = timezone.localdate()
    make_registration(slug="soon", secret_expires_on=today + timedelta(days=9))
    make_registration(slug="over", client_id="b", secret_expires_on=today - timedelta(days=2), enabled=False)
    make_registration(slug="without", client_id="c")
    found = scrape()
    assert found["smartportal_secret_expires_days", "soon", SITE] == 9
    assert found["smartportal_secret_expires_days", "over", SITE] == -2
    assert ("smartportal_secret_expires_days", "without", SITE) not in found
    enabled = {slug: found["smartportal_ehr_enabled", slug, SITE] for slug in ("soon", "over", "without")}
    assert enabled == {"soon": 1, "over": 0, "without": 1}


def test_registrations_of_the_same_slug_are_told_apart_by_their_site(make_registration: MakeRegistration) -> None:
    second = Site.objects.create(domain="second.test", name="Second")
    make_registration(slug="main")
    make_registration(slug="main", site_id=second.pk, enabled=False)
    found = scrape()
    assert found["smartportal_ehr_enabled", "main", SITE] == 1
    assert found["smartportal_ehr_enabled", "main", "second.test"] == 0


def test_the_newest_check_of_a_connection_is_told(registration: EhrRegistration) -> None:
    assert ("smartportal_check_failing", "main", SITE) not in scrape(), "never checked is not checked and fine"
    now = timezone.now()
    CheckRun.objects.create(
        registration=registration, at=now - timedelta(hours=2), finished=True, failing=True, fails=3
    )
    assert scrape()["smartportal_check_failures", "main", SITE] == 3
    CheckRun.objects.create(registration=registration, at=now - timedelta(hours=1), finished=True)
    found = scrape()
    assert found["smartportal_check_failing", "main", SITE] == 0
    assert found["smartportal_check_failures", "main", SITE] == 0
    assert 3600 <= found["smartportal_check_age_seconds", "main", SITE] < 3700


def test_signing_keys_are_counted_by_state_with_a_zero_where_there_is_none() -> None:
    assert scrape()["smartportal_signing_keys", "RS384", "active"] == 0
    first = signing.make_key("ES384")
    signing.make_key("ES384")
    found = scrape()
    assert found["smartportal_signing_keys", "ES384", "active"] == 1
    assert found["smartportal_signing_keys", "ES384", "published"] == 1
    SigningKey.objects.filter(pk=first.pk).update(retiring_at=timezone.now())
    found = scrape()
    assert found["smartportal_signing_keys", "ES384", "active"] == 0
    assert found["smartportal_signing_keys", "ES384", "retiring"] == 1


def test_however_many_registrations_there_are_it_asks_three_questions(
    make_registration: MakeRegistration, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        make_registration(slug=f"ehr-{number}", client_id=f"app-{number}")
    with django_assert_num_queries(3):
        scrape()


def test_without_the_database_what_was_counted_still_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics.note_refresh(site=SITE, ehr="main", outcome="refreshed")

    def away(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(metrics_rows, "_registrations", away)
    found = scrape()
    assert found["smartportal_database_up",] == 0
    assert found["smartportal_token_refreshes_total", "main", "refreshed", SITE] >= 1
    assert not [name for name, *_ in found if name == "smartportal_sessions_open"]
