"""Allergies in five versions: substance, status, criticality, reactions, and the many ways of saying "none known"."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.allergy import allergy
from patients.readers.datatypes import Unreadable
from patients.readers.select import reader_for
from patients.records import (
    Allergy,
    AllergyGroup,
    AllergyStatement,
    Coded,
    Missing,
    PartialDate,
    Reaction,
    Tag,
    Tone,
    When,
)
from tests.patients.readers.golden import RXNORM, SNOMED
from tests.patients.readers.mutating import losses

Json = dict[str, Any]


def row(**fields: Any) -> Allergy:
    return allergy({"resourceType": "AllergyIntolerance", "id": "a", **fields})


def code(value: str, text: str = "", system: str = SNOMED) -> Json:
    coding = {"system": system, "code": value}
    return {"coding": [coding], **({"text": text} if text else {})}


DSTU2: Json = {
    "resourceType": "AllergyIntolerance",
    "id": "a-2",
    "onset": "2010-05",
    "recordedDate": "2012-03-04",
    "recorder": {"reference": "Practitioner/1", "display": "Dr. Grey Example"},
    "patient": {"reference": "Patient/p-2"},
    "reporter": {"display": "Ottilie Quill"},
    "substance": {"text": "Cashew nuts", "coding": [{"system": SNOMED, "code": "227493005"}]},
    "status": "unconfirmed",
    "criticality": "CRITH",
    "type": "allergy",
    "category": "food",
    "lastOccurence": "2012-06",
    "note": {"text": "Carries adrenaline."},
    "reaction": [
        {
            "substance": {"text": "Cashew paste"},
            "certainty": "likely",
            "manifestation": [{"text": "Hives"}, {"text": "Wheeze"}],
            "description": "After a biscuit",
            "onset": "2012-06-12",
            "severity": "severe",
            "exposureRoute": {"text": "By mouth"},
            "note": {"text": "Needed a night in hospital."},
        }
    ],
}
STU3: Json = {
    **{key: DSTU2[key] for key in ("resourceType", "recorder", "patient", "reaction")},
    "id": "a-3",
    "code": DSTU2["substance"],
    "clinicalStatus": "active",
    "verificationStatus": "confirmed",
    "type": "allergy",
    "category": ["food", "biologic"],
    "criticality": "low",
    "assertedDate": "2012-03-04",
    "asserter": {"display": "Ottilie Quill"},
    "lastOccurrence": "2012-06",
    "note": [{"text": "Carries adrenaline."}],
    "onsetString": "as a child",
}
R4: Json = {
    **STU3,
    "id": "a-4",
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "verificationStatus": {"coding": [{"code": "unconfirmed"}]},
    "criticality": "unable-to-assess",
    "recordedDate": "2012-03-04",
}
del R4["assertedDate"]
R4B: Json = {**R4, "id": "a-4b"}
R5: Json = {
    **{key: value for key, value in R4.items() if key not in {"recorder", "asserter"}},
    "id": "a-5",
    "type": {"coding": [{"code": "intolerance"}]},
    "verificationStatus": {"coding": [{"code": "presumed"}]},
    "participant": [
        {"function": {"coding": [{"code": "author"}]}, "actor": {"display": "Dr. Grey Example"}},
        {"function": {"coding": [{"code": "informant"}]}, "actor": {"display": "Ottilie Quill"}},
    ],
    "reaction": [{"manifestation": [{"concept": {"text": "Hives"}}, {"concept": {"text": "Wheeze"}}]}],
}
GOLDEN = (DSTU2, STU3, R4, R4B, R5)


def test_a_dstu2_allergy_in_full() -> None:
    assert allergy(DSTU2) == Allergy(
        reference="AllergyIntolerance/a-2",
        name=Coded("Cashew nuts", "227493005", "SNOMED CT"),
        group=AllergyGroup.ACTIVE,
        clinical=None,
        verification=Tag("Unconfirmed", Tone.WARN),
        criticality=Tag("High", Tone.BAD),
        high=True,
        kind="Allergy",
        categories=("Food",),
        reactions=(
            Reaction(
                manifestations=("Hives", "Wheeze"),
                severity="Severe",
                substance="Cashew paste",
                certainty="Likely",
                route="By mouth",
                onset=When(start=PartialDate("2012-06-12", 2012, 6, 12)),
                description="After a biscuit",
                notes=("Needed a night in hospital.",),
            ),
        ),
        recorded=PartialDate("2012-03-04", 2012, 3, 4),
        recorder="Dr. Grey Example",
        informant="Ottilie Quill",
        onset=When(start=PartialDate("2010-05", 2010, 5)),
        last_occurrence=PartialDate("2012-06", 2012, 6),
        notes=("Carries adrenaline.",),
    )


@pytest.mark.parametrize(
    ("resource", "clinical", "verification", "criticality", "kind"),
    [
        (STU3, "Active", "Confirmed", "Low", "Allergy"),
        (R4, "Active", "Unconfirmed", "Unable to assess", "Allergy"),
        (R4B, "Active", "Unconfirmed", "Unable to assess", "Allergy"),
        (R5, "Active", "Presumed", "Unable to assess", "Intolerance"),
    ],
    ids=["STU3", "R4", "R4B", "R5"],
)
def test_later_versions_say_the_same_in_their_own_shapes(
    resource: Json, clinical: str, verification: str, criticality: str, kind: str
) -> None:
    found = allergy(resource)
    assert found.clinical
    assert found.verification
    assert isinstance(found.criticality, Tag)
    assert (found.clinical.word, found.verification.word) == (clinical, verification)
    assert (found.criticality.word, found.kind) == (criticality, kind)
    assert found.categories == ("Food", "Biologic")
    assert (found.recorder, found.informant) == ("Dr. Grey Example", "Ottilie Quill")
    assert (found.recorded, found.onset) == (PartialDate("2012-03-04", 2012, 3, 4), When(text="as a child"))
    assert found.reactions[0].manifestations == ("Hives", "Wheeze")
    assert found.attributed
    assert not found.marks


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({"status": "active"}, AllergyGroup.ACTIVE),
        ({"status": "confirmed"}, AllergyGroup.ACTIVE),
        ({"status": "inactive"}, AllergyGroup.RESOLVED),
        ({"status": "resolved"}, AllergyGroup.RESOLVED),
        ({"status": "refuted"}, AllergyGroup.RULED_OUT),
        ({"status": "entered-in-error"}, AllergyGroup.ENTERED_IN_ERROR),
        ({"clinicalStatus": "resolved", "verificationStatus": "confirmed"}, AllergyGroup.RESOLVED),
        ({"clinicalStatus": "active", "verificationStatus": "refuted"}, AllergyGroup.RULED_OUT),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, AllergyGroup.ENTERED_IN_ERROR),
        ({"clinicalStatus": {"text": "Dormant"}}, AllergyGroup.ACTIVE),
        ({}, AllergyGroup.ACTIVE),
    ],
)
def test_the_status_decides_the_group_and_an_unknown_one_stays_active(fields: Json, group: AllergyGroup) -> None:
    assert row(**fields).group is group


def test_an_unknown_status_is_shown_as_sent() -> None:
    assert row(clinicalStatus={"text": "Dormant"}).clinical == Tag("Dormant", Tone.UNKNOWN)
    assert row().clinical == Tag("Status not given", Tone.UNKNOWN)
    assert row(clinicalStatus=5).clinical == Tag("Status could not be read", Tone.UNKNOWN)


@pytest.mark.parametrize(
    ("concept", "statement"),
    [
        (code("716186003"), AllergyStatement.ANY),
        (code("160244002"), AllergyStatement.ANY),
        (code("409137002"), AllergyStatement.DRUG),
        (code("429625007"), AllergyStatement.FOOD),
        (code("428607008"), AllergyStatement.ENVIRONMENT),
        (code("716184000"), AllergyStatement.LATEX),
        (code("no-known-allergies"), AllergyStatement.ANY),
        (code("no-known-medication-allergies"), AllergyStatement.DRUG),
        (code("NKA", system="urn:local"), AllergyStatement.ANY),
        ({"text": "No Known Allergies"}, AllergyStatement.ANY),
        ({"text": "NKDA"}, AllergyStatement.DRUG),
        ({"text": "No known food allergies."}, AllergyStatement.FOOD),
        (code("no-allergy-info"), AllergyStatement.NO_INFORMATION),
        (code("227493005", "Cashew nuts"), None),
        ({"text": "No known allergies except nuts"}, None),
        (code("716186003", "Penicillin"), None),
        ({"coding": [code("716186003")["coding"][0], code("409137002")["coding"][0]]}, AllergyStatement.DRUG),
    ],
)
def test_which_absence_is_stated(concept: Json, statement: AllergyStatement | None) -> None:
    assert row(code=concept).statement is statement
    assert row(substance=concept).statement is statement


def test_only_a_valid_statement_states_that_there_are_none() -> None:
    none = code("716186003", "No known allergy")
    assert row(code=none).states_none is AllergyStatement.ANY
    assert row(code=none, verificationStatus="refuted").states_none is None
    assert row(code=none, verificationStatus="entered-in-error").states_none is None
    assert row(code=none, clinicalStatus="resolved").states_none is None
    assert row(code=code("no-allergy-info")).states_none is None


def test_a_statement_is_attributed_when_person_and_date_are_known() -> None:
    none = {"code": code("716186003"), "recordedDate": "2026-01-12"}
    assert row(**none, recorder={"display": "Ada Example"}).attributed
    assert row(**none, asserter={"display": "Ada Example"}).attributed
    assert not row(**none).attributed
    assert not row(code=code("716186003"), recorder={"display": "Ada Example"}).attributed


def test_a_substance_without_code_is_free_text_and_a_statement_is_not() -> None:
    assert row(code={"text": "Grandma's ointment"}).free_text
    assert not row(code=code("227493005", "Cashew nuts")).free_text
    assert not row(code={"text": "No known allergies"}).free_text
    assert not row().free_text


def test_an_allergy_is_never_without_a_name() -> None:
    masked = {"extension": [{"url": "http://x.example/data-absent-reason", "valueCode": "masked"}]}
    assert row().name == Coded("Substance not named", named=False)
    assert row(code=masked).name.text == "Substance withheld by the EHR"
    found = row(reaction=[{"substance": code("7980", "Penicillin G", RXNORM)}])
    assert found.name.text == "Penicillin G"
    assert found.marks == ("The substance is taken from a recorded reaction",)


def test_criticality_in_unknown_words_is_shown_and_a_missing_one_named() -> None:
    assert row(criticality="very").criticality == Tag("very", Tone.UNKNOWN)
    assert row().criticality is Missing.NOT_RECORDED
    assert row(criticality=7).criticality is Missing.UNREADABLE
    assert not row(criticality="CRITL").high


def test_a_lost_reaction_is_said() -> None:
    assert row(code=code("1", "X"), reaction=["hives"]).marks == (
        "Part of this record could not be read. Check the EHR.",
    )


NAME = frozenset({"name", "statement"})
TOUCHES = {
    "id": frozenset({"reference"}),
    "meta": frozenset({"restricted"}),
    "substance": NAME,
    "code": NAME,
    "status": frozenset({"group", "clinical", "verification"}),
    "clinicalStatus": frozenset({"group", "clinical"}),
    "verificationStatus": frozenset({"group", "verification"}),
    "criticality": frozenset({"criticality", "high"}),
    "type": frozenset({"kind"}),
    "category": frozenset({"categories"}),
    "recordedDate": frozenset({"recorded"}),
    "assertedDate": frozenset({"recorded"}),
    "recorder": frozenset({"recorder"}),
    "asserter": frozenset({"informant"}),
    "reporter": frozenset({"informant"}),
    "participant": frozenset({"recorder", "informant"}),
    "onset": frozenset({"onset"}),
    "onsetString": frozenset({"onset"}),
    "lastOccurence": frozenset({"last_occurrence"}),
    "lastOccurrence": frozenset({"last_occurrence"}),
    "note": frozenset({"notes"}),
    "reaction": frozenset({"reactions"}),
}


@pytest.mark.parametrize("golden", [DSTU2, STU3, R5], ids=lambda golden: str(golden["id"]))
def test_a_broken_element_costs_no_more_than_itself(golden: Json) -> None:
    assert list(losses(allergy, golden, TOUCHES)) == []


@pytest.mark.parametrize("resource", [None, [], "x", {}, {"resourceType": "Condition"}])
def test_what_is_no_allergy_is_unreadable(resource: Any) -> None:
    with pytest.raises(Unreadable):
        allergy(resource)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_every_version_asks_for_allergies_by_patient(version: FhirVersion) -> None:
    reader = reader_for(version)
    assert reader.ALLERGY_QUERIES == (("AllergyIntolerance", (("patient", "{patient}"),)),)
    assert [reader.allergy(golden).name.text for golden in GOLDEN] == ["Cashew nuts"] * 5
