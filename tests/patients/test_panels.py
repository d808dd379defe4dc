"""Door 2, the judgement of a panel's state, and our own three panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured

from launcher.registry import Registry
from launcher.smart.fhir_version import FhirVersion
from patients import panel_states, panels
from patients.panels import (
    ChartContext,
    Fetched,
    Outcome,
    Panel,
    PanelContent,
    PanelQuery,
    PanelResult,
    PanelState,
)
from patients.readers.select import reader_for
from tests.patients.fakes import BASE, PATIENT_ID, Json, condition, medication, patient

QUERY = PanelQuery("Condition", (("patient", "{patient}"),), "conditions")
STATEMENTS = PanelQuery("MedicationStatement", (), "reported medications", optional=True)


def context(version: FhirVersion = FhirVersion.R4) -> ChartContext:
    reader = reader_for(version)
    return ChartContext(
        patient_id=PATIENT_ID,
        base=BASE,
        version=version,
        demographics=reader.demographics(patient()),
        reader=reader,
        at=datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    )


def make_panel(content: PanelContent | None = None, **changes: object) -> Panel:
    def build(context: ChartContext, fetched: Sequence[Fetched]) -> PanelContent:
        return content or PanelContent(shown=sum(len(each.resources) for each in fetched))

    values: dict[str, object] = {
        "slug": "example",
        "title": "Examples",
        "things": "examples",
        "template": "unused.html",
        "queries": {FhirVersion.R4: (QUERY,)},
        "build": build,
        **changes,
    }
    return Panel(**values)  # type: ignore[arg-type]  # the values are the dataclass's own


def shown(slug: str, *resources: Json, version: FhirVersion = FhirVersion.R4) -> PanelResult:
    panel = panels.get(slug)
    assert panel is not None
    by_type = {query.resource: query for query in panel.queries[version]}
    fetched = [
        Fetched(query=query, resources=tuple(each for each in resources if each["resourceType"] == name))
        for name, query in by_type.items()
    ]
    return panel_states.assemble(panel, context(version), fetched)


def rows(result: PanelResult, group: str) -> list[str]:
    assert result.content is not None
    return [
        " ".join(getattr(row, "references", None) or [row.reference])
        for each in result.content["groups"]  # type: ignore[attr-defined]  # our own panels' content
        if each.slug == group
        for row in each.rows
    ]


# --- The door -----------------------------------------------------------------------------------------------


@pytest.fixture
def open_door() -> Iterator[Registry[Panel]]:
    registry: Registry[Panel] = Registry(Panel, "panel")
    with mock.patch.object(panels, "_panels", registry):
        yield registry


def test_our_own_panels_came_in_by_the_door_in_reading_order() -> None:
    assert [panel.slug for panel in panels.all_panels()][:3] == ["demographics", "conditions", "medications"]


def test_a_second_panel_of_the_same_name_is_refused_with_a_sentence(open_door: Registry[Panel]) -> None:
    panels.register(make_panel())
    with pytest.raises(ImproperlyConfigured, match="two panels named “example”"):
        panels.register(make_panel())


def test_something_that_is_no_panel_is_refused_with_a_sentence(open_door: Registry[Panel]) -> None:
    with pytest.raises(ImproperlyConfigured, match="register a Panel"):
        panels.register("conditions")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("slug", ["", "Big", "two words", "a/b", "ünder", "x" * 41])
def test_a_name_that_cannot_stand_in_an_address_is_refused(open_door: Registry[Panel], slug: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="cannot name a panel"):
        panels.register(make_panel(slug=slug))


def test_a_panel_that_comes_after_the_start_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="too late"):
        panels.register(make_panel())


def test_panels_stand_by_order_and_then_as_registered(open_door: Registry[Panel]) -> None:
    for slug, order in (("late", 200), ("second", 100), ("third", 100), ("first", 5)):
        panels.register(make_panel(slug=slug, order=order))
    assert [panel.slug for panel in panels.all_panels()] == ["first", "second", "third", "late"]


def test_a_panels_needs_name_each_search_once_with_all_its_versions() -> None:
    needs = list(panels.data_needs(make_panel(queries={FhirVersion.R4: (QUERY,), FhirVersion.DSTU2: (QUERY,)})))
    assert [(need.panel, need.label, need.resource) for need in needs] == [("example", "Examples", "Condition")]
    assert needs[0].versions == {FhirVersion.R4, FhirVersion.DSTU2}


def test_a_panel_without_queries_needs_the_patient() -> None:
    needs = list(panels.data_needs(make_panel(queries={FhirVersion.R4: ()})))
    assert [(need.resource, need.params) for need in needs] == [("Patient", ())]


# --- The judgement ------------------------------------------------------------------------------------------

ROWS = PanelContent(shown=2)


def fetched(outcome: Outcome = "ok", **more: object) -> Fetched:
    return Fetched(query=QUERY, outcome=outcome, **more)  # type: ignore[arg-type]  # the dataclass's own


@pytest.mark.parametrize(
    ("what", "content", "state"),
    [
        ([fetched()], ROWS, PanelState.READY),
        ([fetched()], PanelContent(shown=0), PanelState.EMPTY),
        ([fetched()], PanelContent(shown=0, entered_in_error=2), PanelState.EMPTY),
        ([fetched()], PanelContent(shown=1, explicit_none=True), PanelState.EXPLICIT_NONE),
        ([fetched(truncated="entries")], ROWS, PanelState.TRUNCATED),
        ([fetched(truncated="entries")], PanelContent(shown=1, explicit_none=True), PanelState.TRUNCATED),
        ([fetched(withheld=1)], ROWS, PanelState.PARTIAL),
        ([fetched(unreadable=1, truncated="pages")], ROWS, PanelState.PARTIAL),
        ([fetched(warned=True)], PanelContent(shown=0), PanelState.PARTIAL),
        ([fetched()], PanelContent(shown=2, unreadable=1), PanelState.PARTIAL),
        ([fetched(), fetched("failed")], ROWS, PanelState.PARTIAL),
        ([fetched(), fetched("forbidden")], ROWS, PanelState.PARTIAL),
        ([fetched(), fetched("unsupported")], ROWS, PanelState.PARTIAL),
        ([fetched(), Fetched(query=STATEMENTS, outcome="unsupported")], ROWS, PanelState.READY),
        ([fetched(), Fetched(query=STATEMENTS, outcome="failed")], ROWS, PanelState.PARTIAL),
        ([fetched("forbidden")], None, PanelState.FORBIDDEN),
        ([fetched("unsupported")], None, PanelState.UNSUPPORTED),
        ([fetched("unsupported"), fetched("forbidden")], None, PanelState.FORBIDDEN),
        ([fetched("forbidden"), fetched("failed")], None, PanelState.FAILED),
        ([fetched("busy")], None, PanelState.FAILED),
        ([Fetched(query=STATEMENTS, outcome="unsupported")], None, PanelState.UNSUPPORTED),
        ([], None, PanelState.UNSUPPORTED),
    ],
)
def test_the_strongest_state_wins(what: list[Fetched], content: PanelContent | None, state: PanelState) -> None:
    assert panel_states.judge(what, content) is state


def test_a_query_out_of_time_fails_the_panel_even_when_another_has_answered() -> None:
    result = panel_states.assemble(make_panel(), context(), [fetched(resources=(condition(),)), fetched("late")])
    assert result.state is PanelState.FAILED
    assert result.content is None
    assert result.retry
    assert "taking longer" in result.notices[0].detail


def test_only_an_ehr_that_returned_nothing_is_said_to_have_returned_nothing() -> None:
    for content, withheld in ((PanelContent(shown=0), 1), (PanelContent(shown=0, entered_in_error=1), 0)):
        result = panel_states.assemble(make_panel(content), context(), [fetched(withheld=withheld)])
        assert "returned no" not in result.body
        assert result.body == "No examples can be shown. This is not a statement that there are none."
    assert "The EHR returned no examples" in panel_states.assemble(make_panel(), context(), [fetched()]).body


@pytest.mark.parametrize("outcome", ["failed", "busy", "late", "forbidden", "unsupported"])
def test_a_panel_without_any_answer_never_speaks_of_emptiness(outcome: Outcome) -> None:
    result = panel_states.assemble(make_panel(), context(), [fetched(outcome)])
    said = " ".join((result.body, *(notice.text + notice.detail for notice in result.notices)))
    assert said
    assert "Not recorded" not in said
    assert "returned no" not in said
    assert result.retry is (outcome in {"failed", "busy", "late"})


def test_a_version_the_panel_has_no_queries_for_is_unsupported_and_nothing_is_built() -> None:
    result = panel_states.assemble(make_panel(), context(FhirVersion.DSTU2), [])
    assert result.state is PanelState.UNSUPPORTED
    assert result.notices[0].text == "Not available from this EHR."


def test_a_truncated_list_says_how_much_is_missing_above_its_rows() -> None:
    two = (condition(1), condition(2))
    known = panel_states.assemble(make_panel(), context(), [fetched(resources=two, truncated="entries", total=143)])
    unknown = panel_states.assemble(make_panel(), context(), [fetched(resources=two, truncated="pages")])
    assert known.notices[0].detail == "The EHR returned the first 2 of about 143 conditions."
    assert unknown.notices[0].detail == "The EHR returned the first 2 conditions and says there are more."


def test_withheld_unreadable_and_mistaken_records_are_counted_each_in_a_sentence() -> None:
    panel = make_panel(PanelContent(shown=1, unreadable=2, entered_in_error=3))
    result = panel_states.assemble(panel, context(), [fetched(withheld=1, unreadable=1)])
    assert result.counts.as_dict() == {"shown": 1, "withheld": 1, "unreadable": 3, "entered_in_error": 3}
    said = [notice.text for notice in result.notices]
    assert said[0].startswith("1 record that is not clearly about this patient")
    assert said[1].startswith("3 records could not be read")
    assert said[2] == "3 records marked entered-in-error by the EHR are not shown."


# --- Our own panels -----------------------------------------------------------------------------------------


def test_conditions_stand_in_their_groups_and_mistaken_ones_nowhere() -> None:
    result = shown(
        "conditions",
        condition(1),
        condition(2, clinicalStatus={"coding": [{"code": "resolved"}]}),
        condition(3, verificationStatus={"coding": [{"code": "refuted"}]}),
        condition(4, verificationStatus={"coding": [{"code": "entered-in-error"}]}),
        condition(5, clinicalStatus=None),
    )
    assert sorted(rows(result, "active")) == ["Condition/c1", "Condition/c5"]
    assert rows(result, "resolved") == ["Condition/c2"]
    assert rows(result, "ruled-out") == ["Condition/c3"]
    assert result.summary == "2 active"
    assert result.counts.entered_in_error == 1
    assert result.counts.shown == 4


def test_active_conditions_stand_newest_recorded_first() -> None:
    result = shown("conditions", *(condition(n, recordedDate=f"202{n}-01-01") for n in (3, 5, 1)))
    assert rows(result, "active") == ["Condition/c5", "Condition/c3", "Condition/c1"]


def test_encounter_diagnoses_of_one_code_share_a_row() -> None:
    same = {
        "clinicalStatus": None,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "Cold"}]},
        "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
    }
    result = shown("conditions", condition(1, **same), condition(2, **same))
    assert [set(row.split()) for row in rows(result, "encounter")] == [{"Condition/c1", "Condition/c2"}]


def test_a_stated_absence_is_explicit_and_contradicted_by_rows_it_becomes_a_warning() -> None:
    none = {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "160245001", "display": "No problems"}]}}
    assert shown("conditions", condition(1, **none)).state is PanelState.EXPLICIT_NONE
    both = shown("conditions", condition(1, **none), condition(2))
    assert both.state is PanelState.READY
    assert "also lists 1" in both.notices[-1].text


def test_what_must_not_be_given_stands_above_all_other_medications() -> None:
    result = shown("medications", medication(1), medication(2, doNotPerform=True), medication(3, status="completed"))
    assert result.content is not None
    groups = result.content["groups"]
    assert [group.slug for group in groups] == ["do-not-give", "current", "past"]  # type: ignore[attr-defined]
    assert result.summary == "1 current"


def test_the_same_drug_ordered_and_reported_stands_side_by_side() -> None:
    result = shown(
        "medications",
        medication(1, authoredOn="2020-01-01"),
        medication(2, authoredOn="2026-01-01"),
        medication(3, "MedicationStatement", medicationCodeableConcept={"text": "Drug 1"}),
    )
    places = rows(result, "current")
    assert abs(places.index("MedicationRequest/m1") - places.index("MedicationStatement/m3")) == 1


@pytest.mark.parametrize("version", [FhirVersion.DSTU2, FhirVersion.R4])
def test_each_version_asks_for_its_own_resource_types(version: FhirVersion) -> None:
    panel = panels.get("medications")
    assert panel is not None
    orders = "MedicationOrder" if version is FhirVersion.DSTU2 else "MedicationRequest"
    assert [query.resource for query in panel.queries[version]] == [orders, "MedicationStatement"]
    assert panel.queries[version][1].optional is (version is FhirVersion.R4)


def test_a_hopeless_resource_is_counted_and_the_others_are_shown() -> None:
    panel = panels.get("conditions")
    assert panel is not None
    wrong: Json = {"resourceType": "Observation", "id": "o1"}
    result = panel_states.assemble(
        panel, context(), [Fetched(query=panel.queries[FhirVersion.R4][0], resources=(condition(1), wrong))]
    )
    assert result.state is PanelState.PARTIAL
    assert result.counts.unreadable == 1
    assert rows(result, "active") == ["Condition/c1"]
