"""Reading the Patient, and running panels side by side with each failure in its own box."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest

from launcher.current import LaunchAccess
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from patients import chart
from patients.panels import ChartContext, Fetched, Panel, PanelContent, PanelQuery, PanelResult, PanelState
from tests.patients.fakes import (
    PATIENT_ID,
    Answer,
    FakeAccess,
    FakeFhir,
    Json,
    condition,
    found,
    medication,
    patient,
    trouble,
)


def access_of(fhir: FakeFhir, **facts: Any) -> LaunchAccess:
    return cast(LaunchAccess, FakeAccess(fhir=fhir, **facts))


def build(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
    return PanelContent(shown=sum(len(each.resources) for each in fetched))


def panel(slug: str, *resources: str, **changes: Any) -> Panel:
    queries = tuple(PanelQuery(name, (("patient", "{patient}"),), name.lower()) for name in resources)
    values = {"title": slug, "things": slug, "template": "x", "queries": {FhirVersion.R4: queries}, "build": build}
    return Panel(slug=slug, **{**values, **changes})


def words(panel: Panel, result: PanelResult) -> str:
    return f"{panel.slug} {result.state}"


def run(access: LaunchAccess, *panels: Panel) -> dict[str, PanelResult]:
    _, person = chart.read_patient(access)
    made = chart.PanelRun(access, chart.context_for(access, person), panels)
    return {box.panel.slug: box.result for box in made.boxes(words)}


# --- The Patient --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("unauthorized", 401, "session_ended"),
        ("forbidden", 403, "patient_unavailable"),
        ("not_found", 404, "patient_unavailable"),
        ("not_found", 410, "patient_unavailable"),
        ("failed", 500, "patient_unavailable"),
        ("failed", 200, "patient_unavailable"),
        ("busy", 503, "patient_unavailable"),
        ("busy", 429, "ehr_busy"),
        ("unreachable", 0, "ehr_unreachable"),
        ("forbidden_address", 0, "ehr_address_forbidden"),
    ],
)
def test_a_patient_that_cannot_be_read_gives_the_contracts_code(kind: str, status: int, code: str) -> None:
    with pytest.raises(SmartError) as caught:
        chart.read_patient(access_of(FakeFhir(body=trouble(kind, status=status))))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        patient(id="another"),
        {"resourceType": "Practitioner", "id": PATIENT_ID},
        {"resourceType": "Bundle", "entry": [{"resource": patient(id="another")}]},
    ],
)
def test_another_patient_or_type_is_a_mismatch(body: Json) -> None:
    with pytest.raises(SmartError) as caught:
        chart.read_patient(access_of(FakeFhir(body=body)))
    assert caught.value.code == "patient_mismatch"


def test_an_operation_outcome_is_no_patient() -> None:
    with pytest.raises(SmartError) as caught:
        chart.read_patient(access_of(FakeFhir(body={"resourceType": "OperationOutcome", "issue": []})))
    assert caught.value.code == "patient_unavailable"


def test_a_bundle_with_the_one_patient_is_that_patient() -> None:
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": patient()}]}
    resource, person = chart.read_patient(access_of(FakeFhir(body=bundle)))
    assert resource["id"] == person.id == PATIENT_ID


def test_an_unknown_time_zone_becomes_utc() -> None:
    access = access_of(FakeFhir(), time_zone="Middle/Earth")
    _, person = chart.read_patient(access)
    assert str(chart.context_for(access, person).at.tzinfo) == "UTC"


# --- The panels ---------------------------------------------------------------------------------------------


def test_the_searches_of_all_panels_are_under_way_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=2)

    def answer() -> Any:
        together.wait()
        return found()

    fhir = FakeFhir(answers={"A": answer, "B": answer, "C": answer})
    results = run(access_of(fhir), panel("one", "A", "B"), panel("two", "C"))
    assert [result.state for result in results.values()] == [PanelState.EMPTY, PanelState.EMPTY]


def test_a_query_asks_for_the_patient_of_the_launch() -> None:
    fhir = FakeFhir()
    run(access_of(fhir), panel("one", "A"))
    assert fhir.asked[0].params == (("patient", PATIENT_ID),)


def test_what_was_not_granted_is_not_asked_for() -> None:
    fhir = FakeFhir(answers={"Condition": found(condition())})
    access = access_of(fhir, granted_scope="launch patient/Condition.read")
    results = run(access, panel("conditions", "Condition"), panel("medications", "MedicationRequest"))
    assert results["conditions"].state is PanelState.READY
    assert results["medications"].state is PanelState.FORBIDDEN
    assert [query.resource for query in fhir.asked] == ["Condition"]


def test_one_of_several_queries_refused_or_failed_makes_the_panel_partial_and_names_it() -> None:
    for kind in ("forbidden", "failed", "unsupported", "busy", "unauthorized", "unreachable"):
        fhir = FakeFhir(answers={"A": found(condition()), "B": trouble(kind)})
        result = run(access_of(fhir), panel("one", "A", "B"))["one"]
        assert result.state is PanelState.PARTIAL, kind
        assert "b" in result.notices[0].text.lower()
        assert result.counts.shown == 1


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("forbidden", PanelState.FORBIDDEN),
        ("unsupported", PanelState.UNSUPPORTED),
        ("failed", PanelState.FAILED),
        ("busy", PanelState.FAILED),
        ("unauthorized", PanelState.FAILED),
        ("unreachable", PanelState.FAILED),
        ("forbidden_address", PanelState.FAILED),
    ],
)
def test_a_failed_search_is_the_state_of_its_own_panel_only(kind: str, state: PanelState) -> None:
    fhir = FakeFhir(answers={"A": trouble(kind), "B": found(condition())})
    results = run(access_of(fhir), panel("one", "A"), panel("two", "B"))
    assert results["one"].state is state
    assert bool(results["one"].reference) is (state is PanelState.FAILED)
    assert results["two"].state is PanelState.READY


def test_records_of_another_patient_or_of_nobody_are_withheld_and_counted() -> None:
    resources = (condition(1), condition(2, subject={"reference": "Patient/B"}), condition(3, subject=None))
    result = run(access_of(FakeFhir(answers={"A": found(*resources)})), panel("one", "A"))["one"]
    assert result.state is PanelState.PARTIAL
    assert (result.counts.shown, result.counts.withheld) == (1, 2)


def test_a_resource_that_comes_twice_is_shown_once() -> None:
    fhir = FakeFhir(answers={"A": found(condition(1), condition(1)), "B": found(condition(1), condition(2))})
    assert run(access_of(fhir), panel("one", "A", "B"))["one"].counts.shown == 2


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (("warning:incomplete",), PanelState.PARTIAL),
        (("information:suppressed",), PanelState.PARTIAL),
        (("information:informational",), PanelState.READY),
    ],
)
def test_a_warning_among_the_entries_makes_the_panel_partial(outcomes: tuple[str, ...], state: PanelState) -> None:
    fhir = FakeFhir(answers={"A": found(condition(), outcomes=outcomes)})
    assert run(access_of(fhir), panel("one", "A"))["one"].state is state


def test_a_bug_in_one_panel_stays_in_its_box_and_is_logged_once_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
        raise KeyError("John Smith's secret")

    fhir = FakeFhir(answers={"A": found(condition()), "B": found(condition())})
    with caplog.at_level(logging.INFO):
        results = run(access_of(fhir), panel("one", "A", build=broken), panel("two", "B"))
    assert results["one"].state is PanelState.FAILED
    assert results["one"].content is None
    assert results["two"].state is PanelState.READY
    lines = [record.getMessage() for record in caplog.records if results["one"].reference in record.getMessage()]
    assert len(lines) == 1
    assert "KeyError" in lines[0]
    assert "secret" not in caplog.text


def test_a_bug_in_a_search_fails_its_panel() -> None:
    fhir = FakeFhir(answers={"A": ZeroDivisionError()})
    assert run(access_of(fhir), panel("one", "A"))["one"].state is PanelState.FAILED


def test_a_template_that_breaks_fails_its_panel() -> None:
    access = access_of(FakeFhir(answers={"A": found(condition())}))
    _, person = chart.read_patient(access)

    def render(panel: Panel, result: PanelResult) -> str:
        if result.state is not PanelState.FAILED:
            raise RuntimeError("template")
        return "a box"

    (box,) = chart.PanelRun(access, chart.context_for(access, person), [panel("one", "A")]).boxes(render)
    assert (box.html, box.result.state) == ("a box", PanelState.FAILED)


def slow(release: threading.Event) -> Answer:
    def answer() -> Any:
        release.wait(timeout=5)
        return found(condition())

    return answer


def test_a_panel_still_running_after_the_others_is_given_up_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "GRACE_SECONDS", 0.05)
    release = threading.Event()
    fhir = FakeFhir(answers={"A": slow(release), "B": found(condition())})
    began = time.monotonic()
    results = run(access_of(fhir), panel("one", "A"), panel("two", "B"))
    release.set()
    assert time.monotonic() - began < 2
    assert results["one"].state is PanelState.FAILED
    assert "taking longer" in results["one"].notices[0].detail
    assert results["two"].state is PanelState.READY


def test_a_panel_on_its_own_page_has_until_the_hard_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "GRACE_SECONDS", 0.0)
    release = threading.Event()
    threading.Timer(0.1, release.set).start()
    assert run(access_of(FakeFhir(answers={"A": slow(release)})), panel("one", "A"))["one"].state is PanelState.READY


def test_nothing_runs_past_the_hard_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "HARD_STOP_SECONDS", 0.1)
    release = threading.Event()
    fhir = FakeFhir(answers={"A": slow(release), "B": slow(release)})
    results = run(access_of(fhir), panel("one", "A"), panel("two", "B"))
    release.set()
    assert [result.state for result in results.values()] == [PanelState.FAILED, PanelState.FAILED]


def test_the_patience_with_a_panel_counts_from_the_end_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "GRACE_SECONDS", 0.2)

    def after(seconds: float) -> Answer:
        def answer() -> Any:
            time.sleep(seconds)
            return found(condition())

        return answer

    results = run(
        access_of(FakeFhir(answers={"A": after(0.28), "B": after(0.3)})), panel("one", "A"), panel("two", "B")
    )
    assert {result.state for result in results.values()} == {PanelState.READY}


def test_the_panels_of_both_generations_read_their_resources() -> None:
    for version, kind in ((FhirVersion.DSTU2, "MedicationOrder"), (FhirVersion.R4, "MedicationRequest")):
        query = PanelQuery(kind, (("patient", "{patient}"),), "prescriptions")
        about = {"subject": None, "patient": {"reference": f"Patient/{PATIENT_ID}"}}
        fhir = FakeFhir(answers={kind: found(medication(1, kind, **about))})
        made = panel("one", queries={version: (query,)})
        assert run(access_of(fhir, version=version), made)["one"].state is PanelState.READY
