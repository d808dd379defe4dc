"""The line under the banner: one of four sentences, and never more than the EHR has proven."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from launcher.smart.fhir import SearchResult
from patients import chart as charts
from tests.patients.fakes import (
    PATIENT_ID,
    Answer,
    AuditTrail,
    FakeAccess,
    FakeFhir,
    Json,
    audited,
    condition,
    found,
    trouble,
)
from tests.patients.test_views_templates import Page, chart_of


@pytest.fixture
def trail() -> Iterator[AuditTrail]:
    with audited() as made:
        yield made


def allergy(number: int, substance: str, **changes: object) -> Json:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"a{number}",
        "patient": {"reference": f"Patient/{PATIENT_ID}"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "verificationStatus": {"coding": [{"code": "confirmed"}]},
        "code": {"text": substance, "coding": [{"system": "http://snomed.info/sct", "code": f"9193600{number}"}]},
        **changes,
    }


def none_known() -> Json:
    coding = [{"system": "http://snomed.info/sct", "code": "716186003", "display": "No known allergy"}]
    return allergy(1, "No known allergies", code={"coding": coding}, recordedDate="2026-01-12")


def page_with(answer: Answer) -> Page:
    return chart_of(FakeAccess(fhir=FakeFhir(answers={"AllergyIntolerance": answer, "Condition": found(condition())})))


def strip(answer: Answer) -> str:
    return page_with(answer).text(data_testid="allergy-strip").removesuffix(" See all")


def test_dangerous_allergies_are_all_named_and_what_is_left_out_is_counted(trail: AuditTrail) -> None:
    high = [allergy(number, f"drug {number}", criticality="high") for number in range(4)]
    low = [allergy(number, f"food {number}", criticality="low") for number in range(4, 9)]
    said = strip(found(*low, *high))
    assert said.startswith("Known allergies")
    assert all(f"drug {number} High" in said for number in range(4))
    assert "food 4, food 5, food 6 and 2 more" in said
    assert "food 7" not in said


def test_a_statement_that_there_are_none_is_passed_on(trail: AuditTrail) -> None:
    assert strip(found(none_known())) == "No known allergies"


@pytest.mark.parametrize(
    "answer",
    [trouble("failed", status=500), trouble("forbidden", status=403), trouble("unsupported", status=404)],
)
def test_what_could_not_be_read_is_not_called_none(trail: AuditTrail, answer: Exception) -> None:
    assert strip(answer) == "Allergies unavailable"


def test_silence_is_not_a_statement(trail: AuditTrail) -> None:
    assert strip(found()) == "Allergies not recorded"


def test_an_incomplete_list_says_so(trail: AuditTrail) -> None:
    assert strip(found(allergy(1, "latex"), truncated="entries")) == "Known allergies latex This list is not complete."
    assert strip(found(unreadable=1)) == "Allergies unavailable This list is not complete."
    # Somebody else's allergy is neither shown nor forgotten.
    other = allergy(1, "latex", patient={"reference": "Patient/other"})
    assert strip(found(other)) == "Allergies unavailable This list is not complete."


def test_a_contradiction_is_decided_for_safety(trail: AuditTrail) -> None:
    assert strip(found(none_known(), allergy(2, "latex"))).startswith("Known allergies latex")


@pytest.mark.parametrize(
    "over",
    [
        {"verificationStatus": {"coding": [{"code": "refuted"}]}},
        {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
        {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}},
    ],
)
def test_what_is_over_or_ruled_out_is_not_a_known_allergy(trail: AuditTrail, over: dict[str, Any]) -> None:
    assert "latex" not in strip(found(allergy(1, "latex", **over)))


def test_the_strip_stands_between_the_banner_and_the_panels(trail: AuditTrail) -> None:
    html = page_with(found(allergy(1, "latex"))).html
    banner, line, panel = (html.index(mark) for mark in ("patient-banner", "allergy-strip", "data-panel="))
    assert banner < line < panel
    assert html.count('data-record="AllergyIntolerance/a1"') == 1


def test_the_event_is_written_before_the_strip_names_anything(trail: AuditTrail) -> None:
    trail.broken = lambda event, facts: facts.get("panel") == "allergies"
    page = page_with(found(allergy(1, "latex")))
    assert "latex" not in page.html
    assert page.text(data_testid="allergy-strip").startswith("Allergies unavailable")
    assert page.states()["allergies"] == "failed"


def test_allergies_that_hang_hold_up_nothing_else(trail: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other panels are written, with their rows, while the EHR still owes its answer on allergies."""
    monkeypatch.setattr(charts, "EARLY_SECONDS", 0.0)
    monkeypatch.setattr(charts, "GRACE_SECONDS", 0.2)
    answered = threading.Event()

    def late() -> SearchResult:
        answered.wait(10)
        return found()

    try:
        page = page_with(late)
    finally:
        answered.set()
    assert page.text(data_testid="allergy-strip").startswith("Allergies unavailable The EHR has not answered yet.")
    assert page.states()["conditions"] == "ready"
    assert page.states()["allergies"] == "failed"
