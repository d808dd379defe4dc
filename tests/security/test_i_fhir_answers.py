"""Cases 91 to 94 and 96: failure is not emptiness, and nobody else's record, in every panel, by number."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from launcher.models import AuditEvent
from launcher.smart.fhir_version import FhirVersion
from patients.panels import Panel
from tests.browser import Browser
from tests.loopback import Bridge
from tests.patients.clinical import SAMPLES
from tests.security.fhir_answers import (
    VERSION_OF,
    Json,
    Shape,
    bundle,
    every_search,
    outcome,
    searched_types,
    searching_panels,
)
from tests.security.playing import Wire, answer, wired
from tests.security.steps import DSTU2, R4, launch_url, opened, refused

pytestmark = pytest.mark.django_db
EMPTINESS = re.compile(r"none recorded|returned no |\bno known\b|\(none\)|not a statement that there are none", re.I)
LOGIN_PAGE = "<!doctype html><html><title>Sign in</title><form action=/login><input name=user></form></html>"
EHRS = pytest.mark.parametrize("ehr", [R4, DSTU2])


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    with wired(ehrs) as found:
        yield found


def words_of(html: str) -> str:
    return Shape.of(html).text


def samples(version: FhirVersion) -> dict[str, list[Json]]:
    """One good resource of every panel, by type."""
    found: dict[str, list[Json]] = {}
    for slug, sample in SAMPLES.items():
        resource = {**sample.make(version, 1), "id": f"case-{slug}"}
        found.setdefault(resource["resourceType"], []).append(resource)
    return found


def about(version: FhirVersion, kind: str) -> str:
    """The element that says whose a resource is."""
    has_patient = {"AllergyIntolerance", "Immunization"}
    old = {"Condition", "MedicationOrder", "MedicationStatement", "Encounter"}
    return "patient" if kind in has_patient or (version is FhirVersion.DSTU2 and kind in old) else "subject"


def answered(wire: Wire, resources: dict[str, list[Json]], *more: object, version: FhirVersion) -> None:
    """Searches bring these resources of their type, and `more` entries each."""
    for kind in searched_types(version):
        wire.plays[f"/{kind}"] = answer(200, bundle(*resources.get(kind, []), *more))


@EHRS
@pytest.mark.parametrize(
    "play",
    [
        answer(200, outcome("error", "exception")["resource"], kind="application/fhir+json"),
        answer(200, outcome("information", "informational")["resource"]),
        answer(200, LOGIN_PAGE, kind="text/html"),
        answer(200, LOGIN_PAGE),
    ],
    ids=["outcome", "kind outcome", "login page", "login page said to be JSON"],
)
def test_case_91_no_panel_takes_a_failure_for_emptiness(ehr: str, play: Any, wire: Wire, browser: Browser) -> None:
    version = VERSION_OF[ehr]
    every_search(wire, play, version)
    page = opened(browser, launch_url(ehr))
    for panel in searching_panels(version):
        section = page.panel(panel.slug)
        assert page.state(panel.slug) == "failed", panel.slug
        assert "could not be loaded. This does not mean there are none" in words_of(section)
        assert re.search(r"as of \d\d:\d\d", words_of(section)), "when it was tried"
        assert re.search(rf'href="/chart/[0-9a-f]{{32}}/panels/{panel.slug}/"[^>]*>Try again<', section)
        event = AuditEvent.objects.get(event="panel.read", detail__panel=panel.slug)
        assert (event.outcome, event.reason, event.detail["shown"]) == ("failure", "failed", 0)
    assert not EMPTINESS.search(words_of(page.text)), "neither in the panels nor in the line about allergies"
    assert page.state("demographics") == "ready", "the page stands"
    assert "Sign in" not in words_of(page.text)


@EHRS
def test_case_92_an_empty_list_is_dated_and_no_statement(ehr: str, wire: Wire, browser: Browser) -> None:
    version = VERSION_OF[ehr]
    every_search(wire, answer(200, bundle()), version)
    page = opened(browser, launch_url(ehr))
    for panel in searching_panels(version):
        said = words_of(page.panel(panel.slug))
        assert page.state(panel.slug) == "empty"
        assert f"The EHR returned no {panel.things}. This is not a statement that there are none." in said
        assert re.search(r"as of \d\d:\d\d", said)


@EHRS
def test_case_92_a_remark_of_the_server_is_passed_on_beside_the_records(ehr: str, wire: Wire, browser: Browser) -> None:
    version = VERSION_OF[ehr]
    answered(wire, samples(version), outcome(), version=version)
    page = opened(browser, launch_url(ehr))
    for panel in searching_panels(version):
        said = words_of(page.panel(panel.slug))
        assert page.state(panel.slug) == "partial"
        assert "Some records were withheld or could not be read." in said
        assert SAMPLES[panel.slug].words in said
        assert "words of the EHR" not in said


def test_case_92_a_remark_beside_nothing_takes_the_emptiness_back(wire: Wire, browser: Browser) -> None:
    every_search(wire, answer(200, bundle(outcome())))
    page = opened(browser)
    for panel in searching_panels():
        assert page.state(panel.slug) == "partial"
        assert "The EHR returned no" not in words_of(page.panel(panel.slug))


THE_PATIENT = {"resourceType": "Patient", "id": "54520", "name": [{"family": "Quillfeather"}], "birthDate": "1961"}
OTHER = {**THE_PATIENT, "id": "54531", "name": [{"family": "Strangeways"}]}
WRONG_PATIENTS: dict[str, tuple[Json, str]] = {
    "another": (OTHER, "id"),
    "another in a Bundle": (bundle(OTHER), "id"),
    "two in a Bundle": (bundle(THE_PATIENT, OTHER), "type"),
    "the right one twice": (bundle(THE_PATIENT, THE_PATIENT), "type"),
    "an empty Bundle": (bundle(), "type"),
    "a Practitioner": ({**OTHER, "resourceType": "Practitioner", "id": "54520"}, "type"),
    "no id": ({name: value for name, value in OTHER.items() if name != "id"}, "id"),
    "a number for an id": ({**OTHER, "id": 54520}, "id"),
    "another case of letters": ({**OTHER, "id": "54520 "}, "id"),
}


@pytest.mark.parametrize("name", WRONG_PATIENTS)
def test_case_93_anybody_else_than_the_launchs_patient_refuses_the_whole_page(
    name: str, wire: Wire, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    body, reason = WRONG_PATIENTS[name]
    address = opened(browser).url
    wire.plays["/Patient/54520"] = answer(200, body)
    for part in ("", "print/", "panels/conditions/", "panels/conditions/?fragment=1"):
        wire.asked.clear()
        caplog.clear()
        page = browser.get(address + part)
        refused(page, status=502, code="patient_mismatch", event="fhir.failed", reason=reason)
        assert (page.patient, page.marks("data-record"), page.marks("data-panel")) == ("", [], [])
        assert not re.search("Strangeways|Quillfeather|1961", page.text)
        assert len(wire.asked) == 1, "nothing but the patient was asked for"
        alerts = [line for line in caplog.records if line.levelno >= logging.ERROR and line.name == "smartportal"]
        assert [page.reference in line.getMessage() for line in alerts] == [True]


def test_case_93_a_bundle_with_the_one_patient_is_that_patient(wire: Wire, browser: Browser) -> None:
    wire.plays["/Patient/54520"] = answer(200, bundle(THE_PATIENT))
    page = opened(browser)
    assert page.patient == "54520"
    assert "QUILLFEATHER" in page.text


@EHRS
def test_case_94_in_every_panel_a_record_of_somebody_else_or_of_nobody_is_withheld(
    ehr: str, wire: Wire, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    version = VERSION_OF[ehr]
    resources = samples(version)
    for kind, mine in resources.items():
        key = about(version, kind)
        good = [{**mine[0], "id": f"mine-{number}"} for number in range(18)]
        foreign = {**mine[0], "id": "foreign-1", key: {"reference": "Patient/54531", "display": "Strangeways"}}
        nobody = {name: value for name, value in mine[0].items() if name != key} | {"id": "nobody-1"}
        resources[kind] = [*good[:9], foreign, *good[9:], nobody]
    answered(wire, resources, version=version)
    page = opened(browser, launch_url(ehr))
    assert not re.search("foreign-1|nobody-1|Strangeways", page.text)
    for panel in searching_panels(version):
        twice = _searches_that_bring(panel, version, resources)
        said = words_of(page.panel(panel.slug))
        assert page.state(panel.slug) == "partial"
        assert re.search(r"\b2 records that are not clearly about this patient were returned", said), said
        event = AuditEvent.objects.get(event="panel.read", detail__panel=panel.slug)
        assert (event.detail["withheld"], event.outcome) == (2, "success")
        assert twice, panel.slug
    assert not re.search("Strangeways|foreign-1", caplog.text)


def _searches_that_bring(panel: Panel, version: FhirVersion, resources: dict[str, list[Json]]) -> int:
    return sum(query.resource in resources for query in panel.queries[version])


OTHER_ENTRIES: tuple[object, ...] = (
    {"resource": {"resourceType": "Basic", "id": "basic-1", "subject": {"reference": "Patient/54520"}}},
    {"resource": {"resourceType": "Practitioner", "id": "p1", "name": [{"family": "Unasked"}]}},
)
NO_RECORDS: tuple[object, ...] = (None, {}, {"fullUrl": "urn:uuid:1"}, {"resource": None}, {"resource": []}, "x", 3, [])


@EHRS
def test_case_96_unasked_types_are_ignored_and_malformed_entries_counted(
    ehr: str, wire: Wire, browser: Browser
) -> None:
    version = VERSION_OF[ehr]
    included = {"resource": {**samples(version)["Condition"][0], "id": "inc"}, "search": {"mode": "include"}}
    answered(wire, samples(version), *OTHER_ENTRIES, included, version=version)
    clean = opened(browser, launch_url(ehr))
    assert not re.search(r"Unasked|basic-1|Condition/inc", clean.text)
    assert {clean.state(panel.slug) for panel in searching_panels(version)} == {"ready"}
    answered(wire, samples(version), *NO_RECORDS, version=version)
    broken = browser.get(clean.url)
    for panel in searching_panels(version):
        searches = len(panel.queries[version])
        said = words_of(broken.panel(panel.slug))
        assert broken.state(panel.slug) == "partial"
        assert f"{searches * len(NO_RECORDS)} records could not be read and are not shown" in said
        assert SAMPLES[panel.slug].words in said


@pytest.mark.parametrize("entry", [{"resource": {}}, "none", 7, True])
def test_case_96_entries_that_are_no_array_are_one_unreadable_record(
    entry: object, wire: Wire, browser: Browser
) -> None:
    every_search(wire, answer(200, {"resourceType": "Bundle", "type": "searchset", "entry": entry}))
    page = opened(browser)
    for panel in searching_panels():
        assert page.state(panel.slug) == "partial"
        assert re.search(r"\d records? could not be read and (is|are) not shown", words_of(page.panel(panel.slug)))
        assert "The EHR returned no" not in words_of(page.panel(panel.slug))
