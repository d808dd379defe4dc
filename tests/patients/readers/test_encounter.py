"""Visits in five versions: when, what kind, where, with whom, and which one the app was launched from."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import Unreadable
from patients.readers.encounter import encounter
from patients.readers.select import reader_for
from patients.records import Encounter, EncounterGroup, Missing, PartialDate, Tag, Tone, When
from tests.patients.readers.mutating import losses

Json = dict[str, Any]


def row(**fields: Any) -> Encounter:
    return encounter({"resourceType": "Encounter", "id": "e", **fields})


DSTU2: Json = {
    "resourceType": "Encounter",
    "id": "e-2",
    "status": "finished",
    "class": "outpatient",
    "type": [{"text": "Follow-up"}],
    "patient": {"reference": "Patient/p-2"},
    "participant": [{"type": [{"text": "attender"}], "individual": {"display": "Dr. Grey Example"}}],
    "period": {"start": "2026-01-08T09:00:00Z", "end": "2026-01-08T09:30:00Z"},
    "reason": [{"text": "Cough"}],
    "location": [{"location": {"display": "Room 4"}}],
    "serviceProvider": {"display": "Example Clinic"},
}
STU3: Json = {**DSTU2, "id": "e-3", "class": {"code": "OUTPATIENT"}}
R4: Json = {
    **{key: item for key, item in DSTU2.items() if key != "reason"},
    "id": "e-4",
    "class": {"system": "urn:local", "code": "13", "display": "Outpatient"},
    "reasonCode": [{"text": "Cough"}],
}
R4B: Json = {**R4, "id": "e-4b"}
R5: Json = {
    **{key: item for key, item in DSTU2.items() if key not in {"period", "reason"}},
    "id": "e-5",
    "status": "completed",
    "class": [{"coding": [{"code": "outpatient"}]}],
    "participant": [{"type": [{"text": "attender"}], "actor": {"display": "Dr. Grey Example"}}],
    "actualPeriod": DSTU2["period"],
    "reason": [{"value": [{"concept": {"text": "Cough"}}]}],
}
GOLDEN = (DSTU2, STU3, R4, R4B, R5)


@pytest.mark.parametrize("resource", GOLDEN, ids=["DSTU2", "STU3", "R4", "R4B", "R5"])
def test_a_visit_in_every_version(resource: Json) -> None:
    found = encounter(resource)
    assert isinstance(found.period, When)
    assert found.period.start
    assert found.period.start.exact == PartialDate("2026-01-08", 2026, 1, 8).exact
    assert (found.name, found.setting) == ("Follow-up", "Outpatient")
    assert (found.group, found.status) == (EncounterGroup.FINISHED, Tag("Finished", Tone.INFO))
    assert (found.places, found.people) == (("Room 4",), ("Dr. Grey Example (attender)",))
    assert (found.reasons, found.organization, found.marks) == (("Cough",), "Example Clinic", ())


@pytest.mark.parametrize(
    ("status", "group", "word"),
    [
        ("planned", EncounterGroup.PLANNED, "Planned"),
        ("arrived", EncounterGroup.IN_PROGRESS, "Arrived"),
        ("in-progress", EncounterGroup.IN_PROGRESS, "In progress"),
        ("Finished", EncounterGroup.FINISHED, "Finished"),
        ("discharged", EncounterGroup.FINISHED, "Discharged"),
        ("cancelled", EncounterGroup.CANCELLED, "Cancelled"),
        ("entered-in-error", EncounterGroup.ENTERED_IN_ERROR, "Entered in error"),
        ("elsewhere", EncounterGroup.UNKNOWN, "elsewhere"),
        (None, EncounterGroup.UNKNOWN, "Status not given"),
        (7, EncounterGroup.UNKNOWN, "Status could not be read"),
    ],
)
def test_status_words(status: object, group: EncounterGroup, word: str) -> None:
    found = row(status=status)
    assert (found.group, found.status.word) == (group, word)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("inpatient", "Inpatient"),
        ({"code": "AMB"}, "Ambulatory"),
        ({"code": "EMER", "display": "emergency room"}, "Emergency"),
        ([{"coding": [{"code": "IMP"}]}, {"text": "Ward round"}], "Inpatient, Ward round"),
        ({"code": "99"}, "Code 99 (no description)"),
        (5, ""),
    ],
)
def test_the_class_in_every_shape(sent: object, words: str) -> None:
    assert row(**{"class": sent}).setting == words


def test_a_visit_without_type_goes_by_its_class() -> None:
    assert row(**{"class": "home"}).name == "Home"
    assert row().name is Missing.NOT_RECORDED


def test_the_visit_of_the_launch_is_marked_and_no_other() -> None:
    assert encounter(R4, launched="e-4").this_visit
    assert encounter(R4, launched="Encounter/e-4").this_visit
    assert not encounter(R4, launched="e-44").this_visit
    assert not encounter(R4).this_visit
    assert not encounter({"resourceType": "Encounter"}, launched="").this_visit


def test_a_planned_visit_has_its_planned_dates() -> None:
    found = row(status="planned", plannedStartDate="2099-01-08")
    assert found.period == When(start=PartialDate("2099-01-08", 2099, 1, 8), is_period=True, label="Planned")


def test_a_visit_that_should_be_over_is_marked() -> None:
    assert row(status="in-progress", period={"start": "2020", "end": "2021"}).marks == (
        "An end in the past is recorded although the visit is not marked as finished",
    )
    assert row(status="finished", period={"start": "2021", "end": "2020"}).marks == ("The end lies before the start",)


def test_a_reason_may_be_a_reference_with_a_name() -> None:
    inside = {"resourceType": "Condition", "id": "c", "code": {"text": "Asthma"}}
    found = row(contained=[inside], reasonReference=[{"reference": "#c"}, {"display": "Fever"}])
    assert found.reasons == ("Asthma", "Fever")


TOUCHES = {
    "id": frozenset({"reference"}),
    "status": frozenset({"group", "status"}),
    "class": frozenset({"setting"}),
    "type": frozenset({"kinds"}),
    "participant": frozenset({"people"}),
    "period": frozenset({"period"}),
    "actualPeriod": frozenset({"period"}),
    "reason": frozenset({"reasons"}),
    "reasonCode": frozenset({"reasons"}),
    "location": frozenset({"places"}),
    "serviceProvider": frozenset({"organization"}),
}


@pytest.mark.parametrize("golden", [DSTU2, R4, R5], ids=lambda golden: str(golden["id"]))
def test_a_broken_element_costs_no_more_than_itself(golden: Json) -> None:
    assert list(losses(encounter, golden, TOUCHES)) == []


@pytest.mark.parametrize("resource", [None, [], "x", {}, {"resourceType": "Condition"}])
def test_what_is_no_encounter_is_unreadable(resource: Any) -> None:
    with pytest.raises(Unreadable):
        encounter(resource)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_every_version_asks_for_visits_by_patient(version: FhirVersion) -> None:
    reader = reader_for(version)
    assert reader.ENCOUNTER_QUERIES == (("Encounter", (("patient", "{patient}"),)),)
    assert reader.encounter(R4, launched="e-4").this_visit
