"""The contract that every panel keeps, ours and any plugin's: eight states, fixed words, marks, text that stays text.

A plugin's panel has no sample here; it is run through the states that need none.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients import panels, vocabulary
from patients.panels import Panel
from tests.patients.clinical import SAMPLES, VERSIONS, Shown, changed, shown
from tests.patients.fakes import LAUNCH_ID, PATIENT_ID, Json, found, trouble
from tests.patients.test_views_templates import HOSTILE, poisoned

NON_WORDS = ("None", "null", "undefined", "[object", "{'", "Decimal(", "Missing.")
GROUPED = {"conditions", "medications"}
OURS = ["demographics", "conditions", "medications", "vitals", "labs"]
OURS += ["allergies", "encounters", "immunizations", "documents"]

ASKING = [
    pytest.param(panel, version, id=f"{panel.slug}-{version.value}")
    for panel in panels.all_panels()
    for version in VERSIONS
    if panel.queries.get(version)
]
SAMPLED = [
    pytest.param(panel.slug, version, id=f"{panel.slug}-{version.value}")
    for panel in panels.all_panels()
    for version in VERSIONS
    if panel.slug in SAMPLES
]


def things(panel: Panel, words: vocabulary.Words) -> str:
    return vocabulary.sentence(words, things=panel.things)


def keeps_the_marks(result: Shown, slug: str) -> None:
    assert result.section["data-panel"] == slug
    assert result.section["data-subject"] == f"{LAUNCH_ID} {PATIENT_ID}"
    assert len(result.page.tags("h2")) == 1
    assert result.section["aria-labelledby"] == result.page.tags("h2")[0][0]["id"]
    assert [word for word in NON_WORDS if word in result.page.html] == []
    groups = {attrs["data-group"] for _, attrs, _ in result.page.elements if "data-group" in attrs}
    assert bool(groups) <= (slug in GROUPED)
    for _, attrs, text in result.page.elements:
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        if attrs.get("data-record"):
            assert "".join(text).strip()
    for attrs, words in (*result.page.tags("td"), *result.page.tags("th"), *result.page.tags("h3")):
        assert words, f"a blank cell: {attrs}"
    for attrs, _ in result.page.tags("th"):
        assert attrs.get("scope") in {"col", "row", "rowgroup"}


def good(slug: str, version: FhirVersion, number: int = 1, **changes: Any) -> Json:
    return SAMPLES[slug].make(version, number, **changes)


def reference(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def of_somebody_else(resource: Json) -> Json:
    other = copy.deepcopy(resource)
    for key in ("subject", "patient"):
        if key in other:
            other[key] = {"reference": "Patient/somebody-else"}
    return other


def test_every_panel_of_ours_is_there_in_reading_order_with_searches_for_every_version() -> None:
    registered = {panel.slug: panel for panel in panels.all_panels()}
    assert [slug for slug in registered if slug in OURS] == OURS
    assert {slug: set(registered[slug].queries) for slug in OURS} == {slug: set(FhirVersion) for slug in OURS}
    assert set(OURS) - {"demographics"} == set(SAMPLES)


# --- What an EHR may answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("panel", "version"), ASKING)
def test_an_empty_list_is_not_said_to_mean_that_there_are_none(panel: Panel, version: FhirVersion) -> None:
    result = shown(panel.slug, version=version)
    assert result.state == "empty"
    assert things(panel, vocabulary.EMPTY) in result.text
    assert result.records == []
    keeps_the_marks(result, panel.slug)


@pytest.mark.parametrize(("panel", "version"), ASKING)
def test_what_the_app_may_not_read_says_so_and_nothing_of_emptiness(panel: Panel, version: FhirVersion) -> None:
    refused = shown(panel.slug, version=version, answer=trouble("forbidden", status=403))
    not_granted = shown(panel.slug, version=version, granted_scope="launch patient/Patient.read")
    for result in (refused, not_granted):
        assert result.state == "forbidden"
        assert things(panel, vocabulary.FORBIDDEN) in result.text
        assert "returned no" not in result.text
        keeps_the_marks(result, panel.slug)


@pytest.mark.parametrize(("panel", "version"), ASKING)
def test_what_the_ehr_does_not_have_says_so(panel: Panel, version: FhirVersion) -> None:
    result = shown(panel.slug, version=version, answer=trouble("unsupported", status=404))
    assert result.state == "unsupported"
    assert str(vocabulary.UNSUPPORTED) in result.text
    assert "returned no" not in result.text
    keeps_the_marks(result, panel.slug)


@pytest.mark.parametrize(("panel", "version"), ASKING)
def test_a_failure_is_an_alert_with_a_way_to_try_again(panel: Panel, version: FhirVersion) -> None:
    result = shown(panel.slug, version=version, answer=trouble("failed", status=500))
    assert result.state == "failed"
    ((_, alert),) = result.page.find(role="alert")
    assert alert == things(panel, vocabulary.FAILED)
    assert [attrs for attrs, _ in result.page.tags("a") if "data-retry" in attrs]
    assert "returned no" not in result.text
    keeps_the_marks(result, panel.slug)


@pytest.mark.parametrize(("panel", "version"), ASKING)
def test_a_warning_beside_an_empty_list_takes_its_emptiness_back(panel: Panel, version: FhirVersion) -> None:
    result = shown(panel.slug, version=version, answer=found(outcomes=("warning:suppressed",)))
    assert result.state == "partial"
    assert str(vocabulary.WITHHELD_BY_EHR) in result.text
    assert things(panel, vocabulary.NOTHING_SHOWN) in result.text
    keeps_the_marks(result, panel.slug)


@pytest.mark.parametrize(("slug", "version"), SAMPLED)
def test_a_good_record_is_shown_once_with_its_mark(slug: str, version: FhirVersion) -> None:
    record = good(slug, version)
    result = shown(slug, record, version=version)
    assert result.state == "ready"
    assert result.records == [reference(record)]
    assert SAMPLES[slug].words in result.row(reference(record))
    assert result.counts == {"shown": 1, "withheld": 0, "unreadable": 0, "entered_in_error": 0}
    keeps_the_marks(result, slug)


@pytest.mark.parametrize(("slug", "version"), SAMPLED)
def test_a_record_of_somebody_else_is_withheld_and_counted(slug: str, version: FhirVersion) -> None:
    other = of_somebody_else(good(slug, version, 2))
    result = shown(slug, good(slug, version), other, version=version)
    assert result.state == "partial"
    assert reference(other) not in result.page.html
    assert vocabulary.withheld(1) in result.text
    assert (result.counts["shown"], result.counts["withheld"]) == (1, 1)
    alone = shown(slug, other, version=version)
    assert alone.state == "partial"
    assert "returned no" not in alone.text
    keeps_the_marks(result, slug)


@pytest.mark.parametrize(("slug", "version"), SAMPLED)
def test_what_cannot_be_read_is_counted_and_the_rest_is_shown(slug: str, version: FhirVersion) -> None:
    record = good(slug, version)
    stranger: Json = {"resourceType": "Basic", "id": "b1", "subject": {"reference": f"Patient/{PATIENT_ID}"}}
    answer = {record["resourceType"]: found(record, stranger, unreadable=1)}
    kind = record["resourceType"]
    result = shown(slug, version=version, answer=lambda: answer[kind])
    assert result.state == "partial"
    assert reference(record) in result.records
    assert result.counts["unreadable"] >= 2
    assert vocabulary.unreadable(result.counts["unreadable"]) in result.text
    keeps_the_marks(result, slug)


@pytest.mark.parametrize(("slug", "version"), SAMPLED)
def test_a_record_entered_in_error_is_nowhere_in_the_page_and_counted(slug: str, version: FhirVersion) -> None:
    wrong = good(slug, version, 2, **SAMPLES[slug].mistaken(version))
    result = shown(slug, good(slug, version), wrong, version=version)
    assert result.state == "ready"
    assert reference(wrong) not in result.page.html
    assert vocabulary.entered_in_error(1) in result.text
    assert (result.counts["shown"], result.counts["entered_in_error"]) == (1, 1)
    alone = shown(slug, wrong, version=version)
    assert alone.state == "empty"
    assert "returned no" not in alone.text
    keeps_the_marks(result, slug)


@pytest.mark.parametrize(("slug", "version"), SAMPLED)
def test_a_list_that_goes_on_says_so_above_its_rows(slug: str, version: FhirVersion) -> None:
    record = good(slug, version)
    result = shown(slug, version=version, answer=found(record, truncated="entries", total=143))
    assert result.state == "truncated"
    assert result.text.index(str(vocabulary.INCOMPLETE)) < result.text.index(SAMPLES[slug].words)
    assert "of about 143" in result.text
    keeps_the_marks(result, slug)


@pytest.mark.parametrize(
    ("slug", "version"),
    [
        pytest.param(slug, version, id=f"{slug}-{version.value}")
        for slug, sample in SAMPLES.items()
        for version in VERSIONS
        if sample.none
    ],
)
def test_a_stated_absence_is_explicit_until_a_record_contradicts_it(slug: str, version: FhirVersion) -> None:
    absence = SAMPLES[slug].none
    assert absence is not None
    stated = good(slug, version, 2, **absence(version))
    alone = shown(slug, stated, version=version)
    assert alone.state == "explicit-none"
    assert alone.records == [reference(stated)]
    assert "returned no" not in alone.text
    both = shown(slug, stated, good(slug, version), version=version)
    assert both.state == "ready"
    assert "and also lists 1" in both.text
    assert sorted(both.records) == sorted([reference(stated), reference(good(slug, version))])
    for result in (alone, both):
        keeps_the_marks(result, slug)


# --- What an EHR may write ----------------------------------------------------------------------------------

KEPT = {"clinicalStatus", "verificationStatus", "criticality", "category", "class", "contentType", "url"}


def everywhere(resource: Json, text: str) -> Json:
    """The same resource with `text` in all its words; codes stay, and so do dates, which would say another thing."""
    dates = {key: value for key, value in resource.items() if "ate" in key or "eriod" in key or key == "indexed"}
    codes = {key: value for key, value in resource.items() if key in KEPT}
    noted = changed(resource, {"note": [{"text": "x"}], "comments": "x"})
    made: Json = {**poisoned(noted, text), **dates, **codes}
    for content in made.get("content", ()):
        content["attachment"]["url"] = "Binary/b1"  # one that leads elsewhere is no link
    return made


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("slug", SAMPLES)
def test_whatever_an_ehr_writes_is_shown_as_text(slug: str, text: str) -> None:
    def elements(word: str) -> tuple[list[str], str]:
        page = shown(slug, everywhere(good(slug, FhirVersion.R4), word)).page
        return [tag for tag, _, _ in page.elements], page.html

    harmless, _ = elements("harmless")
    hostile, html = elements(text)
    assert hostile == harmless
    assert "<img" not in html
    assert "<script" not in html
    assert "{{7*7}}" in html or "49" not in html


@pytest.mark.parametrize("slug", SAMPLES)
def test_a_record_that_says_nothing_is_a_row_that_says_so(slug: str) -> None:
    record = good(slug, FhirVersion.R4)
    bare: Json = {key: record[key] for key in ("resourceType", "id", "subject", "patient") if key in record}
    result = shown(slug, bare)
    assert result.state == "ready"
    assert result.records == [reference(bare)]
    assert "not recorded" in result.text or "not given" in result.text.lower()
    keeps_the_marks(result, slug)
