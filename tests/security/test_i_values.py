"""Cases 97 to 99 and 107: odd elements, dates, statuses and letters in whole pages, by number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from launcher.models import AuditEvent
from launcher.smart.fhir_version import FhirVersion
from tests.browser import Page
from tests.patients.clinical import DSTU2, R4, SAMPLES, STU3, concept
from tests.patients.fakes import patient
from tests.patients.readers import golden
from tests.patients.readers.variants.making import REMOVED, WRONG, changed, paths
from tests.security.fhir_answers import (
    Json,
    ListenedChart,
    Shape,
    answering_with,
    bundle,
    chart_at,
    every_search_play,
    searched_types,
    searching_panels,
)
from tests.security.playing import Answer, answer

pytestmark = pytest.mark.django_db
BASE = "https://ehr.example.org/fhir"
NON_WORDS = re.compile(r"\bNone\b|\bnull\b|undefined|\[object|Decimal\(|\{'|\{\}|\[\]|mappingproxy")
BLANK = re.compile(r"<(b|td|dd|h1|summary|caption)\b[^>]*>(\s|&nbsp;)*</\1>")
VERSIONS = (DSTU2, STU3, R4)
PANEL_OF = {"Condition": "conditions", "MedicationOrder": "medications", "MedicationRequest": "medications"}
RICH: tuple[tuple[FhirVersion, str, Json], ...] = tuple(
    (version, PANEL_OF.get(resource["resourceType"], "medications"), resource)
    for version, resource in (
        (DSTU2, golden.CONDITION_DSTU2),
        (STU3, golden.CONDITION_STU3),
        (R4, golden.CONDITION_R4),
        (STU3, golden.REQUEST_STU3),
        (DSTU2, golden.MEDICATION_ORDER),
        (R4, golden.MEDICATION_REQUEST),
        (R4, golden.STATEMENT_R4),
    )
)
PLAIN = tuple((version, slug, sample.make(version)) for version in VERSIONS for slug, sample in SAMPLES.items())
SWEPT = (*RICH, *PLAIN)


def chart_of(slug: str, version: FhirVersion, *, time_zone: str = "") -> ListenedChart:
    """A chart that has this panel alone."""
    return chart_at(BASE, shown=[slug], version=str(version), time_zone=time_zone)


def shown(chart: ListenedChart, *resources: Json, person: Json | None = None, part: str = "") -> Page:
    plays: dict[str, Answer] = {"/Patient/54520": answer(200, person or patient())}
    for kind in {str(each["resourceType"]) for each in resources}:
        plays[f"/{kind}"] = answer(200, bundle(*(each for each in resources if each["resourceType"] == kind)))
    with answering_with(plays):
        page = chart.get(part) if len(resources) < 50 else chart.long_page(part)
    assert page.status == 200, (page.status, page.error)
    return page


def rows(resource: Json) -> Iterator[Json]:
    """The resource with each element removed, and set to each wrong JSON type; what says whose it is stays."""
    number = 0
    for place in paths(resource):
        if place[0] in {"resourceType", "id", "subject", "patient"}:
            continue
        for value in WRONG:
            number += 1
            yield {**changed(resource, place, value), "id": f"row-{number}"}


def _mine(resource: Json) -> Json:
    """About the patient of these charts, with numbers that JSON can write."""
    resource = json.loads(json.dumps(resource, default=float))
    return {**resource, **{key: {"reference": "Patient/54520"} for key in ("subject", "patient") if key in resource}}


@pytest.mark.parametrize(
    ("version", "slug", "resource"), SWEPT, ids=[f"{each[0]}-{each[1]}-{each[2]['id']}" for each in SWEPT]
)
def test_case_97_no_broken_element_breaks_a_page_or_is_shown_as_a_non_word(
    version: FhirVersion, slug: str, resource: Json
) -> None:
    broken = list(rows(_mine(resource)))
    page = shown(chart_of(slug, version), *broken)
    section = page.panel(slug)
    assert page.state(slug) in {"ready", "partial"}, Shape.of(section).text[:300]
    assert not (found := NON_WORDS.search(Shape.of(page.text).text)), found
    assert not (blank := BLANK.search(page.text)), blank
    there = {name.partition("/")[2] for names in page.marks("data-record") for name in names.split()}
    counts = AuditEvent.objects.get(event="panel.read", detail__panel=slug).detail
    lost = [each["id"] for each in broken if each["id"] not in there]
    assert len(lost) <= counts["unreadable"] + counts["entered_in_error"], (lost[:5], counts)


@pytest.mark.parametrize("person", [golden.PATIENT_DSTU2, golden.PATIENT_R4], ids=["DSTU2", "R4"])
def test_case_97_no_broken_element_of_the_patient_breaks_banner_or_demographics(person: Json) -> None:
    version = DSTU2 if person is golden.PATIENT_DSTU2 else R4
    chart = chart_of("demographics", version)
    whole = {**_mine(person), "id": "54520"}
    places = [place for place in paths(whole) if place[0] not in {"resourceType", "id"}]
    for number, place in enumerate(places):
        # Each element once, in each of the ways in turn: every way for every element is the readers' own sweep.
        value = REMOVED if number % 2 else WRONG[1:][number // 2 % len(WRONG[1:])]
        with answering_with({"/Patient/54520": answer(200, changed(whole, place, value))}):
            page = chart.long_page("panels/demographics/")
        assert page.status == 200, (place, value)
        found = NON_WORDS.search(Shape.of(page.text).text) or BLANK.search(page.text)
        assert not found, (place, value, found)
        assert page.state("demographics") == "ready", (place, value)


def test_case_97_is_played_with_more_than_three_thousand_rows() -> None:
    assert sum(1 for _, _, resource in SWEPT for _ in rows(resource)) > 3000


UNREADABLE_DATES = ("2024-13-45", "2020-02-30", "0000", "Feb 2020", "2020-02-03T25:00:00Z", "2020-02-03T10:00:00+15:00")
PARTIAL_DATES = {"1850": "1850", "2020": "2020", "2020-02": "Feb-2020", "2020-02-03T10:00:60Z": "03-Feb-2020"}
ZONES = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Chicago", "")


def born(page: Page) -> str:
    found = re.search(r'<div data-field="born">(.*?)</div>', page.text, re.DOTALL)
    return Shape.of(found.group(0)).text.removeprefix("Born ") if found else ""


@pytest.mark.parametrize("zone", ZONES)
def test_case_98_a_birth_date_never_moves_with_the_time_zone(zone: str) -> None:
    chart = chart_of("demographics", R4, time_zone=zone)
    for sent in ("1945-07-14", "1945-07-14T00:00:00Z", "1945-07-14T23:59:60+14:00", "1945-07-14T01:00:00-12:00"):
        page = shown(chart, person=patient(birthDate=sent), part="panels/demographics/")
        assert born(page).startswith("14-Jul-1945 ("), sent


def test_case_98_a_partial_birth_date_is_shown_as_partial_and_one_that_is_none_as_it_was_sent() -> None:
    chart = chart_of("demographics", R4)
    for sent, words in {"1945": "1945 (Approx ", "1945-07": "Jul-1945 (Approx "}.items():
        assert born(shown(chart, person=patient(birthDate=sent), part="panels/demographics/")).startswith(words)
    for sent in UNREADABLE_DATES:
        page = shown(chart, person=patient(birthDate=sent), part="panels/demographics/")
        assert born(page) == f"{sent} (not a readable date)", "and no age"


def test_case_98_dates_of_records_keep_their_precision_and_odd_ones_stay_as_given_and_marked() -> None:
    sent = [*UNREADABLE_DATES, *PARTIAL_DATES, "2020-02-03T10:00:00"]
    resources = [
        SAMPLES["conditions"].make(R4, number, id=f"date-{number}", onsetDateTime=date)
        for number, date in enumerate(sent)
    ]
    page = shown(chart_of("conditions", R4, time_zone="America/Chicago"), *resources)
    said = dict(zip(sent, (row_of(page, f"Condition/date-{number}") for number in range(len(sent))), strict=True))
    for date in UNREADABLE_DATES:
        assert f"{date} (not a readable date)" in said[date]
        assert "could not be read" in said[date]
    for date, words in PARTIAL_DATES.items():
        assert re.search(rf"(^|\s){words}(\s|$)", said[date]), said[date]
        assert "could not be read" not in said[date]
    assert "03-Feb-2020" in said["2020-02-03T10:00:00"], "a time without a zone belongs to no other day"


def row_of(page: Page, reference: str) -> str:
    """The words of the row of this record."""
    start = re.search(rf'<(\w+)[^>]*data-record="[^"]*{re.escape(reference)}[" ]', page.text)
    assert start, f"{reference} has no row"
    end = page.text.index(f"</{start.group(1)}>", start.start())
    return Shape.of(page.text[start.start() : end]).text


def group_of(page: Page, reference: str) -> str:
    found = re.search(rf'data-record="{re.escape(reference)}" data-group="([a-z-]+)"', page.text)
    return found.group(1) if found else ""


def status(code: object) -> Json:
    return {"coding": [{"code": code}]}


CONDITIONS: dict[str, tuple[Json, str]] = {
    "active": ({}, "active"),
    "unknown-code": ({"clinicalStatus": status("smouldering")}, "active"),
    "unknown-both": ({"clinicalStatus": status("smouldering"), "verificationStatus": status("hunch")}, "active"),
    "refuted": ({"verificationStatus": status("refuted")}, "ruled-out"),
    "inactive": ({"clinicalStatus": status("inactive")}, "resolved"),
    "resolved": ({"clinicalStatus": status("resolved")}, "resolved"),
    "in-error": ({"verificationStatus": status("entered-in-error")}, ""),
    "in-error-clinical": ({"clinicalStatus": status("entered-in-error")}, ""),
}


def test_case_99_statuses_decide_the_group_and_unknown_ones_are_shown_raw_and_marked() -> None:
    resources = [
        SAMPLES["conditions"].make(R4, number, id=name, **changes)
        for number, (name, (changes, _)) in enumerate(CONDITIONS.items())
    ]
    page = shown(chart_of("conditions", R4), *resources)
    assert {name: group_of(page, f"Condition/{name}") for name in CONDITIONS} == {
        name: group for name, (_, group) in CONDITIONS.items()
    }
    assert "smouldering" in row_of(page, "Condition/unknown-code")
    assert re.search(r'<span class="tag unk">\s*hunch', page.text), "in the look of what is not known"
    assert "2 records marked entered-in-error" in Shape.of(page.panel("conditions")).text
    assert "Ruled out:" in row_of(page, "Condition/refuted")


NAMES: dict[str, tuple[Json, str]] = {
    "display": ({"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "By display"}]}, "By display"),
    "known": ({"coding": [{"system": "http://snomed.info/sct", "code": "59621000"}]}, "59621000"),
    "unknown": ({"coding": [{"system": "urn:oid:2.999.1", "code": "X-77"}]}, "X-77"),
    "blank": ({"text": "   ", "coding": [{"code": "Y-88", "display": ""}]}, "Y-88"),
    "nothing": ({"text": ""}, "Condition not named"),
}


def test_case_99_a_code_without_words_falls_back_and_is_never_blank() -> None:
    resources = [
        SAMPLES["conditions"].make(R4, number, id=name, code=code)
        for number, (name, (code, _)) in enumerate(NAMES.items())
    ]
    page = shown(chart_of("conditions", R4), *resources)
    for name, (_, words) in NAMES.items():
        assert words in row_of(page, f"Condition/{name}")
    assert "urn:oid:2.999.1" in row_of(page, "Condition/unknown")
    assert not BLANK.search(page.text)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("slug", SAMPLES)
def test_case_99_what_was_entered_in_error_is_in_no_panel_and_unknown_statuses_stay(
    slug: str, version: FhirVersion
) -> None:
    sample = SAMPLES[slug]
    wrong = sample.make(version, 2, id="wrong", **sample.mistaken(version))
    odd = sample.make(version, 3, id="odd", **_unknown_status(sample.make(version)))
    page = shown(chart_of(slug, version), sample.make(version, 1, id="good"), wrong, odd)
    there = " ".join(page.marks("data-record"))
    assert re.search(r"/good\b", there)
    assert re.search(r"/odd\b", there)
    assert not re.search(r"/wrong\b", page.text)
    assert "1 record marked entered-in-error by the EHR is not shown." in Shape.of(page.panel(slug)).text
    assert "smouldering" in Shape.of(page.panel(slug)).text.lower()


def _unknown_status(resource: Json) -> Json:
    key = "verificationStatus" if "verificationStatus" in resource else "status"
    return {key: {"coding": [{"code": "smouldering"}]} if isinstance(resource[key], dict) else "smouldering"}


def named(text: str) -> dict[str, Any]:
    """A searchset with one condition, and a Patient, that have this text inside their names."""
    return bundle(SAMPLES["conditions"].make(R4, 1, id="letters", code=concept(text)))


BODIES = {
    "invalid UTF-8": json.dumps(named("ab")).encode().replace(b'"ab"', b'"a\xc3\x28b"'),
    "UTF-16": json.dumps(named("ab")).encode("utf-16"),
    "UTF-16 without a mark": json.dumps(named("ab")).encode("utf-16-le"),
    "Latin-1": json.dumps(named("Ménière"), ensure_ascii=False).encode("latin-1"),
    "a raw NUL": json.dumps(named("ab")).encode().replace(b"ab", b"a\0b"),
}


@pytest.mark.parametrize("name", BODIES)
def test_case_107_what_is_not_utf_8_fails_its_panel(name: str, caplog: pytest.LogCaptureFixture) -> None:
    chart = chart_at(BASE)
    plays = {"/Patient/54520": answer(200, patient()), **every_search_play(answer(200, BODIES[name]))}
    with answering_with(plays):
        page = chart.get()
    assert page.status == 200
    assert {page.state(panel.slug) for panel in searching_panels()} == {"failed"}
    assert caplog.text.count("not_utf8") == sum(len(panel.queries[R4]) for panel in searching_panels())
    assert searched_types()


def test_case_107_nul_and_lone_surrogates_become_replacement_marks_and_the_audit_is_written() -> None:
    odd = "a\x00b\ud800c\x1b[31m\u202ed"
    person = patient(name=[{"family": "Smith", "given": [f"Jo{odd}hn"]}])
    resources = [
        {**sample.make(R4), "id": f"letters-{slug}", **_texts(sample.make(R4), odd)} for slug, sample in SAMPLES.items()
    ]
    for sent in (person, *resources):
        assert "\\u0000" in json.dumps(sent), "goes over the wire as an escape"
    page = shown(chart_at(BASE), *resources, person=person)
    assert not re.search("[\x00\x1b\u202e]", page.text)
    assert "a\ufffdb\ufffdc" in Shape.of(page.panel("conditions")).text
    assert "\ufffd" in page.text.partition("</h1>")[0]
    assert {page.state(panel.slug) for panel in searching_panels()} <= {"ready", "partial"}
    assert AuditEvent.objects.filter(event="patient.read", outcome="success").count() == 1
    assert AuditEvent.objects.filter(event="panel.read", outcome="success").count() == len(page.marks("data-panel"))


def _texts(resource: Json, odd: str) -> Json:
    """The concept that names the resource, with these letters in it."""
    for key in ("code", "vaccineCode", "medicationCodeableConcept"):
        if key in resource:
            return {key: {**resource[key], "text": f"{resource[key]['text']} {odd}"}}
    (first, *_) = resource["type"] if isinstance(resource["type"], list) else [resource["type"]]
    worded = {**first, "text": f"{first['text']} {odd}"}
    return {"type": [worded] if isinstance(resource["type"], list) else worded}
