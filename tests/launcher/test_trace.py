"""The launch trace: how far a launch came, what failed, by which reference it is found, and what it never holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError
from django.test import RequestFactory
from django.utils import timezone

from launcher import trace, tracing
from launcher.models import Launch, LaunchTrace, PendingLaunch, Person, TraceReference
from launcher.probe.checks import ALL_CHECKS
from launcher.smart.errors import ERROR_CODES, SmartError
from launcher.smart.exchanges import MOST, Exchange, Recorder, recording
from launcher.trace_export import as_json, as_text, failure_of
from launcher.trace_words import TRACE_WORDS
from sandbox import faults, population
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import R4, faulty_launch_url, iss_of, launch_url, opened, registration, to_callback

pytestmark = pytest.mark.django_db


def only_trace() -> LaunchTrace:
    return LaunchTrace.objects.get()


def step_of(row: LaunchTrace, name: str) -> dict[str, Any]:
    return next(step for step in row.steps if step["name"] == name)


def found_by(reference: str) -> LaunchTrace:
    return TraceReference.objects.get(reference=reference).trace


def _launch_with(browser: Browser, fault: str) -> str:
    """The address of a launch with this fault; those of discovery lie in the issuer itself."""
    if fault not in faults.names("discovery"):
        return faulty_launch_url(browser, fault)
    row = registration()
    row.iss = iss_of(f"{R4}~{fault}")
    row.save()
    return f"/launch?launch=54520&iss={row.iss}"


@dataclass(frozen=True)
class Ending:
    """Where a launch with this mistake of the EHR stops."""

    fault: str
    stage: str
    code: str
    step: str


@pytest.mark.parametrize(
    "ending",
    [
        Ending("discovery-500", "received", "discovery_failed", "discovery"),
        Ending("access-denied", "returned", "access_denied", "returned"),
        Ending("invalid-scope", "returned", "authorization_failed", "returned"),
        Ending("wrong-iss", "returned", "issuer_mismatch", "returned"),
        Ending("invalid-client", "returned", "client_rejected", "token"),
        Ending("invalid-grant", "returned", "code_rejected", "token"),
        Ending("token-200-html", "returned", "token_unreadable", "token"),
        Ending("id-bad-signature", "token", "identity_invalid", "identity"),
        Ending("no-patient", "token", "no_patient", "context"),
        Ending("patient-other", "token", "patient_mismatch", "patient"),
        Ending("patient-403", "token", "patient_unavailable", "patient"),
    ],
    ids=lambda ending: ending.fault,
)
def test_a_failed_launch_says_how_far_it_came_and_which_step_failed(
    ehrs: Bridge, browser: Browser, ending: Ending
) -> None:
    page = browser.visit(_launch_with(browser, ending.fault))
    row = only_trace()
    assert page.error == ending.code
    assert (row.outcome, row.stage, row.code) == ("failed", ending.stage, ending.code)
    assert (row.registration_slug, row.mode) == (R4, "ehr")
    failed = step_of(row, ending.step)
    assert (failed["code"], failed["reference"]) == (ending.code, page.reference)
    assert found_by(page.reference) == row
    failure = failure_of(row)
    assert failure is not None
    assert failure.name == ending.step


def test_a_launch_that_opens_is_followed_from_the_ehrs_call_to_the_last_panel(ehrs: Bridge, browser: Browser) -> None:
    opened(browser)
    row, launch = only_trace(), Launch.objects.get()
    assert (row.outcome, row.stage, row.code, row.launch) == ("opened", "chart", "", launch.pk)
    assert row.reference == launch.reference
    names = [step["name"] for step in row.steps]
    assert names == [
        "received",
        "discovery",
        "redirected",
        "returned",
        "token",
        "identity",
        "context",
        "patient",
        "chart",
    ]
    assert {panel["panel"]: panel["state"] for panel in step_of(row, "chart")["facts"]["panels"]}[
        "conditions"
    ] == "ready"
    assert len(row.correlation_ids) == 3, "launch, callback, chart"
    assert len(row.patient) == len(row.person) == 16
    assert row.milliseconds > 0


def test_both_sides_of_the_token_request_are_there_by_name(ehrs: Bridge, browser: Browser) -> None:
    browser.visit(faulty_launch_url(browser, "invalid-client"))
    [exchange] = step_of(only_trace(), "token")["exchanges"]
    assert exchange["address"].endswith("/sandbox/smart-r4/oauth2/token")
    assert exchange["status"] == 401
    assert ["grant_type", "authorization_code"] in exchange["sent"]
    assert ["code", "…"] in exchange["sent"]
    assert ["error", "invalid_client"] in exchange["received"]
    assert ["error_description", "…"] in exchange["received"]


def test_searches_of_the_chart_are_recorded_from_their_own_threads(ehrs: Bridge, browser: Browser) -> None:
    opened(browser)
    asked = {each["address"].rpartition("/")[2] for each in step_of(only_trace(), "chart")["exchanges"]}
    assert {"Condition", "Observation", "AllergyIntolerance", "Immunization"} <= asked


def test_the_chart_is_traced_even_when_the_browser_goes_away_halfway(ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(launch_url())
    pieces = iter(page.response)  # type: ignore[call-overload]
    next(pieces)
    next(pieces)
    # What a server does then; the response's own `close` would take the connection of the test along.
    page.response._iterator.close()  # type: ignore[attr-defined]
    row = only_trace()
    assert (row.outcome, row.stage) == ("opened", "patient")
    assert step_of(row, "chart")


def test_a_panel_that_failed_is_found_by_the_reference_in_its_box(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "conditions-500"))
    row = only_trace()
    [failed] = [each for each in step_of(row, "chart")["facts"]["panels"] if each["state"] == "failed"]
    assert failed["panel"] == "conditions"
    assert failed["reference"] in page.panel("conditions")
    assert found_by(failed["reference"]) == row
    assert row.outcome == "opened"


def test_later_errors_of_a_launch_are_found_by_their_own_references_and_change_no_outcome(
    ehrs: Bridge, browser: Browser
) -> None:
    address = opened(browser).url
    Launch.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    first = browser.get(address)
    second = Browser().get(address)
    row = only_trace()
    assert (first.error, second.error) == ("session_ended", "session_ended")
    assert found_by(first.reference) == found_by(second.reference) == row
    assert (row.outcome, row.code) == ("opened", "")
    assert [step["reason"] for step in row.steps if step["name"] == "error"] == ["idle", "not_owner"]


def test_a_launch_that_recovers_counts_as_opened(ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(faulty_launch_url(browser, "patient-403"))
    assert only_trace().outcome == "failed"
    ehrs.answers["/Patient/54520"] = json.dumps({"resourceType": "Patient", "id": "54520"}).encode()
    assert browser.visit(page.url).text
    row = only_trace()
    assert (row.outcome, row.code, row.stage) == ("opened", "", "chart")
    assert found_by(page.reference) == row


def test_a_reload_after_a_failure_does_not_hide_why_the_launch_failed(ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(faulty_launch_url(browser, "invalid-client"))
    again = browser.get(page.url)
    row = only_trace()
    assert again.error == "state_unknown"
    assert row.code == "client_rejected"
    assert found_by(again.reference) == row


def test_a_sign_in_in_another_browser_stops_before_anything_came_back(ehrs: Bridge, browser: Browser) -> None:
    page = Browser().get(to_callback(browser))
    row = only_trace()
    assert (row.stage, row.code) == ("redirected", "state_foreign")
    assert found_by(page.reference) == row


def test_somebody_who_never_comes_back_stays_under_way(ehrs: Bridge, browser: Browser) -> None:
    to_callback(browser)
    row = only_trace()
    assert (row.outcome, row.stage, row.code, row.ended_at) == ("under-way", "redirected", "", None)
    assert PendingLaunch.objects.get().trace_id == row.pk


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/launch?iss=https://nobody.example.org/fhir&launch=1", "unknown_issuer"),
        ("/launch", "launch_incomplete"),
        ("/launch/no-such-ehr?iss=https://nobody.example.org/fhir&launch=1", "not_found"),
        ("/callback?code=abc&state=nobody-knows-this-state", "state_unknown"),
    ],
)
def test_what_belongs_to_no_registration_is_traced_too(ehrs: Bridge, browser: Browser, url: str, code: str) -> None:
    page = browser.get(url)
    row = only_trace()
    assert (page.error, row.code, row.outcome, row.stage) == (code, code, "failed", "received")
    assert (row.registration, row.registration_slug) == (None, "")
    assert found_by(page.reference) == row


def test_strangers_cannot_fill_the_history(ehrs: Bridge, browser: Browser, settings: Any) -> None:
    for _ in range(trace.STRANGERS_PER_MINUTE + 5):
        assert browser.get("/launch?iss=https://nobody.example.org/fhir&launch=1").error == "unknown_issuer"
    assert LaunchTrace.objects.count() <= trace.STRANGERS_PER_MINUTE
    assert browser.visit(launch_url()).text
    assert LaunchTrace.objects.filter(registration_slug=R4, outcome="opened").exists(), "real launches still are"


def test_the_frame_and_the_family_of_the_browser_are_kept(ehrs: Bridge) -> None:
    edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
    browser = Browser(**{"Sec-Fetch-Dest": "iframe", "User-Agent": edge})
    browser.visit(launch_url())
    row = only_trace()
    assert (row.framed, row.browser) == (True, "Edge"), "and the try for a cookie is no launch of its own"


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
            "Chromium",
        ),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari"),
        ("Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko", "other"),
        ("", "other"),
    ],
)
def test_browsers_are_told_apart_coarsely(user_agent: str, family: str) -> None:
    assert trace.browser_family(user_agent) == family


def _secrets_of(pages: list[Page], ehrs: Bridge) -> Iterator[str]:
    for page in pages:
        for name in ("code", "state", "nonce", "code_challenge", "launch"):
            yield from page.query.get(name, [])
    for seen in ehrs.seen:
        yield seen.headers.get("Authorization", "").partition(" ")[2]
    for launch in Launch.objects.all():
        yield from (launch.access_token.reveal(), launch.refresh_token.reveal(), launch.fhir_user, launch.viewer)
    for pending in PendingLaunch.objects.all():
        yield from (pending.verifier.reveal(), pending.client_secret.reveal(), pending.nonce)
    for person in Person.objects.all():
        yield person.subject
    patient = population.by_id("54520")
    assert patient is not None
    yield from (patient.id, patient.display_name, patient.born, patient.mrn, "Practitioner/")


def _shown(row: LaunchTrace) -> Iterator[str]:
    yield json.dumps({field.name: str(getattr(row, field.attname)) for field in row._meta.fields})
    yield json.dumps(row.steps, ensure_ascii=False)
    yield as_text(row)
    yield json.dumps(as_json(row), ensure_ascii=False)


@pytest.mark.parametrize(
    "fault", ["", "id-wrong-nonce", "patient-other", "token-200-html", "no-patient", "conditions-500"]
)
def test_nothing_secret_and_nobody_stands_in_a_trace(ehrs: Bridge, browser: Browser, fault: str) -> None:
    Browser.everything.clear()
    page = browser.visit(faulty_launch_url(browser, fault) if fault else launch_url())
    assert page.text
    canaries = {value for value in _secrets_of(list(Browser.everything), ehrs) if len(value) >= 5}
    assert "54520" in canaries
    assert len(canaries) > 8, "the canaries were found at all"
    for text in _shown(only_trace()):
        for canary in canaries:
            assert canary not in text, f"{canary[:6]}… is in the trace"


def test_patient_and_person_are_hashes_that_need_our_key(ehrs: Bridge, settings: Any) -> None:
    opened(Browser())
    opened(Browser())
    opened(Browser(), launch_url(patient="385800201"))
    first, second, third = LaunchTrace.objects.order_by("started_at")
    assert (first.patient, first.person) == (second.patient, second.person)
    assert third.patient not in {first.patient, ""}
    before = trace.keyed_hash("patient", "1", "https://ehr.example.org", "54520")
    settings.SECRET_KEY = "another-key-for-this-one-test" * 3
    assert trace.keyed_hash("patient", "1", "https://ehr.example.org", "54520") != before


def test_a_trace_that_cannot_be_written_costs_no_launch(
    ehrs: Bridge, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("54520 and other private things")

    monkeypatch.setattr(LaunchTrace, "save", broken)
    assert opened(browser).patient == "54520"
    assert not LaunchTrace.objects.exists()
    lines = [line for line in caplog.messages if "trace of a launch could not be written" in line]
    assert len(lines) == 3, "one for each request that wanted to write"
    assert "private" not in caplog.text


def test_a_trace_lost_at_the_first_step_is_begun_again_by_the_next(ehrs: Bridge, browser: Browser) -> None:
    callback = to_callback(browser)
    LaunchTrace.objects.all().delete()
    assert PendingLaunch.objects.get().trace_id is None
    assert browser.visit(callback).text
    row = only_trace()
    assert (row.outcome, row.stage, row.registration_slug) == ("opened", "chart", R4)


def test_traces_are_deleted_after_the_days_that_the_setting_says(ehrs: Bridge, browser: Browser, settings: Any) -> None:
    settings.SMARTPORTAL_TRACE_DAYS = 30
    opened(browser)
    opened(Browser())
    old, young = LaunchTrace.objects.order_by("started_at")
    LaunchTrace.objects.filter(pk=old.pk).update(started_at=timezone.now() - timedelta(days=31))
    LaunchTrace.objects.filter(pk=young.pk).update(started_at=timezone.now() - timedelta(days=29))
    call_command("purge_launches", verbosity=0)
    assert only_trace() == young
    assert TraceReference.objects.exclude(trace=young).count() == 0
    assert Launch.objects.count() == 2, "launches have a time of their own"


def test_a_registration_that_is_deleted_leaves_its_name_in_the_history(ehrs: Bridge, browser: Browser) -> None:
    browser.visit(faulty_launch_url(browser, "invalid-client"))
    registration().delete()
    row = only_trace()
    assert (row.registration, row.registration_slug) == (None, R4)


def test_an_end_by_the_provider_is_a_step(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser)
    token = page.marks("value")[-1]
    assert browser.post(f"{page.url}end/", {"token": token}).status == 200
    assert step_of(only_trace(), "ended")["facts"] == {"reason": "signed-out"}


def test_a_refresh_and_its_failure_are_steps_of_the_launch_they_belong_to(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "refresh-invalid-grant"))
    Launch.objects.update(token_expires_at=timezone.now() - timedelta(seconds=1))
    ended = browser.get(page.url)
    row = only_trace()
    assert ended.error == "session_ended"
    refresh = step_of(row, "refresh")
    assert (refresh["code"], refresh["exchanges"][0]["status"]) == ("session_ended", 400)
    assert ["grant_type", "refresh_token"] in refresh["exchanges"][0]["sent"]
    assert found_by(ended.reference) == row
    assert row.outcome == "opened"


def _steps(number: int, *, size: int = 10) -> list[dict[str, Any]]:
    exchange = {"method": "GET", "address": "x" * size}
    return [{"name": f"step {n}", "at": "", "ms": 1, "exchanges": [exchange]} for n in range(number)]


def test_a_trace_never_has_more_than_sixty_steps_and_counts_what_it_left_out() -> None:
    steps: list[dict[str, Any]] = []
    for step in _steps(100):
        steps = trace.bounded([*steps, step])
    assert len(steps) == trace.STEPS_MOST
    assert (steps[0]["name"], steps[-1]["name"]) == ("step 0", "step 99")
    [mark] = [step for step in steps if step["name"] == trace.LEFT_OUT]
    assert mark["facts"]["steps"] == 100 - 59


def test_a_trace_never_has_more_than_sixty_kilobytes_and_keeps_how_the_launch_began() -> None:
    steps = trace.bounded(_steps(40, size=4000))
    assert len(json.dumps(steps)) <= trace.STEPS_BYTES + 2000
    assert steps[0]["exchanges"], "the launch itself"
    assert "exchanges" not in steps[20]
    assert steps[20]["left_out"] == 1


def test_recorders_of_two_threads_do_not_mix() -> None:
    barrier = threading.Barrier(2)
    found: dict[str, list[str]] = {}

    def launch(name: str) -> None:
        trail = tracing.Trail()
        with trail.active():
            barrier.wait(5)
            with tracing.step(name) as step:
                barrier.wait(5)
                step.say(Exchange(method="GET", address=name))
                barrier.wait(5)
            found[name] = [each.address for one in trail.steps for each in one.recorder.exchanges]

    threads = [threading.Thread(target=launch, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == {"one": ["one"], "two": ["two"]}


def test_a_recorder_counts_what_it_cannot_hold() -> None:
    recorder = Recorder()
    with recording(recorder):
        for number in range(MOST + 3):
            recorder.add(Exchange(method="GET", address=str(number)))
    assert (len(recorder.exchanges), recorder.left_out) == (MOST, 3)


def test_a_request_that_is_no_launch_leaves_no_trace(ehrs: Bridge, browser: Browser) -> None:
    browser.get("/")
    browser.get("/no/such/page")
    assert not LaunchTrace.objects.exists()
    assert trace.failed(RequestFactory().get("/"), SmartError("internal"), "ABCDEF") == ""


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_code_has_a_paragraph_and_something_to_do(code: str) -> None:
    words = TRACE_WORDS[code]  # type: ignore[index]
    assert words.standard
    assert words.remedy.endswith(".")
    assert set(words.checks) <= {check.id for check in ALL_CHECKS}
