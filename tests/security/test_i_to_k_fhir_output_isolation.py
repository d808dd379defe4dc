"""Cases 91 to 94, 103 and 105 (FHIR answers), 113 and 114 (output), 122 and 125 (isolation), by number."""

from __future__ import annotations

import io
import json
import re
import threading
from html.parser import HTMLParser
from typing import Any

import pytest

from launcher.models import AuditEvent, Launch
from launcher.smart import http
from launcher.smart.fhir_version import FhirVersion
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.fhir_answers import searching_panels
from tests.security.steps import (
    DSTU2,
    R4,
    asked,
    faulty_launch_url,
    launch_url,
    opened,
    refused,
)

pytestmark = pytest.mark.django_db
NEVER = re.compile(r"none recorded|no conditions|\(none\)", re.IGNORECASE)


@pytest.mark.parametrize(
    "fault", ["conditions-outcome-200", "conditions-html-200", "conditions-500", "conditions-bad-json"]
)
@pytest.mark.parametrize("ehr", [R4, DSTU2])
def test_case_91_a_failure_is_never_shown_as_emptiness(fault: str, ehr: str, ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, fault, ehr=ehr))
    panel = page.panel("conditions")
    assert page.state("conditions") == "failed"
    assert "could not be loaded" in panel
    assert "does not mean there are none" in panel
    assert not NEVER.search(panel)
    assert page.state("medications") in {"ready", "partial"}
    event = AuditEvent.objects.get(event="panel.read", detail__panel="conditions")
    assert event.outcome != "success"


def test_case_92_an_empty_answer_is_not_a_statement(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "conditions-empty"))
    assert page.state("conditions") == "empty"
    assert "This is not a statement that there are none" in page.panel("conditions")


def test_case_92_a_warning_in_the_bundle_is_said(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "conditions-warning"))
    assert page.state("conditions") == "partial"
    assert "could not be read" in page.panel("conditions")
    assert 'data-record="Condition/' in page.panel("conditions")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("patient-other", "patient_mismatch"),
        ("patient-practitioner", "patient_mismatch"),
        ("patient-two-bundle", "patient_mismatch"),
        ("patient-401", "session_ended"),
        ("patient-403", "patient_unavailable"),
        ("patient-404", "patient_unavailable"),
        ("patient-410", "patient_unavailable"),
        ("patient-500", "patient_unavailable"),
        ("patient-html", "patient_unavailable"),
        ("patient-outcome", "patient_unavailable"),
    ],
)
def test_case_93_without_the_right_patient_nothing_is_shown(
    fault: str, code: str, ehrs: Bridge, browser: Browser
) -> None:
    page = browser.visit(faulty_launch_url(browser, fault))
    status = 403 if code == "session_ended" else 502
    event = "session.denied" if code == "session_ended" else "fhir.failed"
    refused(page, status=status, code=code, event=event)
    assert not page.marks("data-record")
    assert not page.patient
    assert asked(ehrs, "/fhir/Condition") == 0
    assert not AuditEvent.objects.filter(event="patient.read").exists()


@pytest.mark.parametrize("fault", ["conditions-other-patient", "conditions-no-subject"])
@pytest.mark.parametrize("ehr", [R4, DSTU2])
def test_case_94_a_record_that_is_not_clearly_this_patients_is_withheld_and_counted(
    fault: str, ehr: str, ehrs: Bridge, browser: Browser
) -> None:
    normal = set(opened(Browser(), launch_url(ehr)).marks("data-record"))
    page = opened(browser, faulty_launch_url(browser, fault, ehr=ehr))
    assert page.state("conditions") == "partial"
    assert re.search(r"1 record", page.panel("conditions"))
    assert len(set(page.marks("data-record")) - normal) == 0
    event = AuditEvent.objects.filter(event="panel.read", detail__panel="conditions").order_by("-id")[0]
    assert event.detail["withheld"] == 1


def test_case_103_a_next_link_elsewhere_is_never_followed(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "conditions-foreign-next"))
    assert page.state("conditions") in {"truncated", "partial"}
    assert "incomplete" in page.panel("conditions")
    assert not [seen for seen in ehrs.seen if not seen.path.startswith("/sandbox/")]


def test_case_105_a_redirect_is_never_followed(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, faulty_launch_url(browser, "conditions-redirect"))
    assert page.state("conditions") == "failed"
    searches = [seen for seen in ehrs.seen if seen.path.endswith("/Condition")]
    assert len(searches) == 1
    with_token = [seen for seen in ehrs.seen if seen.headers.get("Authorization", "").startswith("Bearer")]
    assert all(seen.path.startswith("/sandbox/smart-r4/fhir/") for seen in with_token)


class Shape(HTMLParser):
    """Counts elements, and collects what would run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.dangerous: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "src", "action"} and "javascript:" in (value or "")):
                self.dangerous.append(f"{tag} {name}={value}")


ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{7*7}}",
    "${7*7}",
    "{% now 'Y' %}",
]
KEPT = re.compile(r"^(resourceType|reference|id|url|system|status|use|code|.*[dD]ate.*|start|end|div|.*[uU]nits?)$")


def poisoned(value: Any, attack: str, key: str = "") -> Any:
    """The same resource with `attack` in every text leaf that a person reads."""
    if isinstance(value, dict):
        return {name: poisoned(inner, attack, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, attack, key) for inner in value]
    return attack if isinstance(value, str) and not KEPT.match(key) else value


DISCOVERY = re.compile(r"/metadata|/\.well-known/")


def rewritten(bridge: Bridge, change: Any) -> None:
    """Let every FHIR answer pass through `change` on its way to us."""
    original = type(bridge).__call__

    def wire(request: Any, call: Any) -> Any:
        response = original(bridge, request, call)
        if "/fhir/" in (request.url or "") and response.status_code == 200 and not DISCOVERY.search(request.url):
            body = json.loads(response.raw.read())
            content = json.dumps(change(body)).encode()
            response.raw = type(response.raw)(
                body=io.BytesIO(content), headers=response.headers, status=200, preload_content=False
            )
        return response

    http.set_transport(wire)


@pytest.mark.parametrize("ehr", [R4, DSTU2])
@pytest.mark.parametrize("attack", ATTACKS)
def test_case_113_text_that_would_run_is_shown_as_text(attack: str, ehr: str, ehrs: Bridge, browser: Browser) -> None:
    url = launch_url(ehr)
    rewritten(ehrs, lambda body: poisoned(body, "harmless words"))
    harmless = Shape()
    harmless.feed(opened(Browser(), url).text)
    rewritten(ehrs, lambda body: poisoned(body, attack))
    page = opened(browser, url)
    hostile = Shape()
    hostile.feed(page.text)
    assert hostile.dangerous == []
    assert sorted(hostile.tags) == sorted(harmless.tags)
    assert "49" not in re.findall(r">\s*(49)\s*<", page.text)
    assert "<script>alert" not in page.text


def test_case_114_narrative_is_not_rendered(ehrs: Bridge, browser: Browser) -> None:
    narrative = (
        '<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script><form action="//evil.test"></form></div>'
    )

    def with_narrative(body: Any) -> Any:
        for entry in body.get("entry", []):
            entry["resource"]["text"] = {"status": "generated", "div": narrative}
        if body.get("resourceType") == "Patient":
            body["text"] = {"status": "generated", "div": narrative}
        return body

    rewritten(ehrs, with_narrative)
    page = opened(browser)
    assert "alert(1)" not in page.text
    assert "evil.test" not in page.text


def test_case_122_two_charts_in_two_tabs_always_show_their_own_patient(ehrs: Bridge, browser: Browser) -> None:
    first = opened(browser, launch_url(R4, "54520"))
    second = opened(browser, launch_url(DSTU2, "54531"))
    mine = {first.url: ("54520", first.marks("data-record")), second.url: ("54531", second.marks("data-record"))}
    for _ in range(20):
        for url, (patient, records) in mine.items():
            page = browser.get(url)
            assert page.patient == patient
            assert page.marks("data-record") == records
            assert page.marks("data-record")[0]


def test_two_launches_started_before_either_returns_both_finish(ehrs: Bridge, browser: Browser) -> None:
    callbacks = {
        patient: browser.visit(launch_url(ehr, patient), until="/callback").location
        for ehr, patient in ((R4, "54520"), (DSTU2, "54531"))
    }
    pages = {patient: browser.visit(callback) for patient, callback in reversed(callbacks.items())}
    assert {patient: page.patient for patient, page in pages.items()} == {"54520": "54520", "54531": "54531"}


def test_case_125_a_copied_address_opens_nothing_and_looks_like_one_that_never_existed(
    ehrs: Bridge, browser: Browser
) -> None:
    page = opened(browser)
    ehrs.forget()
    stranger = Browser()
    copied = stranger.get(page.url)
    refused(copied, status=403, code="session_ended", event="session.denied")
    invented = stranger.get(f"/chart/{'0' * 32}/")
    nonsense = stranger.get("/chart/1/")
    faceless = [re.sub(r"[A-Z0-9]{6}|\d\d:\d\d", "*", found.text) for found in (copied, invented, nonsense)]
    assert faceless[0] == faceless[1] == faceless[2]
    assert ehrs.seen == []
    assert len(Launch.objects.get().pk) == 32


@pytest.mark.parametrize(
    "address", ["", "/", "/panels/conditions", "/panels/conditions/?fragment=1", "/print/", "/end/"]
)
def test_case_125_no_part_of_a_chart_opens_for_a_stranger(address: str, ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser)
    ehrs.forget()
    url = page.url.rstrip("/") + address
    stranger = Browser()
    answer = stranger.post(url) if address == "/end/" else stranger.get(url)
    assert answer.error in {"session_ended", "not_found"}
    assert ehrs.seen == []
    assert browser.get(page.url).patient == "54520"


def test_case_125_guessing_is_slowed_down_and_reported(
    ehrs: Bridge, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    page = opened(browser)
    stranger = Browser()
    answers = [stranger.get(f"/chart/{number:032x}/") for number in range(25)]
    assert [answer.status for answer in answers].count(403) == 20
    assert [answer.error for answer in answers[20:]] == ["too_many_requests"] * 5
    assert "guessing" in caplog.text
    assert browser.get(page.url).patient == "54520"


def test_panels_are_fetched_side_by_side(ehrs: Bridge, browser: Browser) -> None:
    """Two round trips in a row at most: the Patient, then every search at once; sequential ones break the barrier."""
    searches = sum(len(panel.queries[FhirVersion.R4]) for panel in searching_panels())
    callback = browser.visit(launch_url(), until="/callback").location
    chart = browser.get(callback).location
    ehrs.forget()
    ehrs.gate = threading.Barrier(searches)
    page = browser.get(chart)
    assert page.status == 200
    assert {page.state(panel) for panel in ("conditions", "medications")} <= {"ready", "partial"}
    assert ehrs.most_in_flight == searches
    assert len(ehrs.seen) == 1 + searches
    assert ehrs.seen[0].path.endswith("/Patient/54520")
