"""Conditions: golden cases, groups in the contract's order, status words, names, and notices."""

from __future__ import annotations

from typing import Any

import pytest

from patients.readers.datatypes import MODIFIED
from patients.readers.r4 import condition
from patients.records import Coded, Condition, ConditionGroup, Missing, PartialDate, Tag, Tone, When
from tests.patients.readers.golden import CONDITION_DSTU2, CONDITION_R4, CONDITION_STU3, SNOMED


def row(**fields: Any) -> Condition:
    return condition({"resourceType": "Condition", "id": "c", **fields})


def test_a_dstu2_condition_in_full() -> None:
    found = condition(CONDITION_DSTU2)
    assert found == Condition(
        references=("Condition/c-2",),
        name=Coded("Diabetes mellitus type 2 (disorder)", "44054006", "SNOMED CT"),
        group=ConditionGroup.ACTIVE,
        clinical=Tag("Active", Tone.OK),
        verification=Tag("Provisional", Tone.WARN),
        categories=("Diagnosis",),
        onset=When(text="at 34y"),
        ended=None,
        recorded=PartialDate("2026-01-08", 2026, 1, 8),
        severity="Moderate",
        body_site="Left foot, Right foot",
        notes=("Diet first.\nReview in May.",),
        encounter="Encounter/e-1",
    )


def test_an_stu3_condition_is_read_too() -> None:
    found = condition(CONDITION_STU3)
    assert (found.name, found.group) == (Coded("Hay fever"), ConditionGroup.ENCOUNTER)
    assert found.verification == Tag("Differential", Tone.WARN)
    assert found.onset == When(text="between 8y and 10y")
    assert found.encounter == "Encounter/e-3"


def test_an_r4_condition_in_full() -> None:
    found = condition(CONDITION_R4)
    assert found.name == Coded("High sugar", "44054006", "SNOMED CT", coded_as="Diabetes mellitus type 2 (disorder)")
    assert found.group is ConditionGroup.RESOLVED
    assert (found.clinical, found.verification) == (Tag("Resolved", Tone.INFO), Tag("Confirmed", Tone.OK))
    assert found.categories == ("Problem list",)
    assert found.onset == When(PartialDate("2011-03", 2011, 3), PartialDate("2012", 2012), is_period=True)
    assert found.ended == When(PartialDate("2013-05-01", 2013, 5, 1))
    assert isinstance(found.recorded, PartialDate)
    assert (found.severity, found.body_site, found.notes) == ("Severe", "Whole body", ("Seen twice.",))
    assert found.restricted
    assert found.marks == ()


ENCOUNTER = [{"coding": [{"code": "encounter-diagnosis"}, {"system": SNOMED, "code": "439401001"}]}]
PROBLEM = [{"coding": [{"code": "problem-list-item"}]}]
GROUPS: list[tuple[dict[str, Any], ConditionGroup]] = [
    ({}, ConditionGroup.ACTIVE),
    ({"clinicalStatus": "active"}, ConditionGroup.ACTIVE),
    ({"clinicalStatus": {"coding": [{"code": "recurrence"}]}}, ConditionGroup.ACTIVE),
    ({"clinicalStatus": "relapse"}, ConditionGroup.ACTIVE),
    ({"clinicalStatus": "RESOLVED"}, ConditionGroup.RESOLVED),
    ({"clinicalStatus": {"text": "Inactive"}}, ConditionGroup.RESOLVED),
    ({"clinicalStatus": {"coding": [{"code": "L1", "display": "Remission"}]}}, ConditionGroup.RESOLVED),
    ({"clinicalStatus": "dormant"}, ConditionGroup.ACTIVE),
    ({"clinicalStatus": "dormant", "abatementString": "May"}, ConditionGroup.RESOLVED),
    ({"abatementDateTime": "2013"}, ConditionGroup.RESOLVED),
    ({"abatementBoolean": True}, ConditionGroup.RESOLVED),
    ({"abatementBoolean": False}, ConditionGroup.ACTIVE),
    ({"abatementDateTime": 2013}, ConditionGroup.ACTIVE),
    ({"clinicalStatus": "active", "abatementDateTime": "2013"}, ConditionGroup.ACTIVE),
    ({"category": ENCOUNTER}, ConditionGroup.ENCOUNTER),
    ({"category": ENCOUNTER, "clinicalStatus": "active"}, ConditionGroup.ACTIVE),
    ({"category": ENCOUNTER, "abatementDateTime": "2013"}, ConditionGroup.RESOLVED),
    ({"category": [*ENCOUNTER, *PROBLEM]}, ConditionGroup.ACTIVE),
    ({"verificationStatus": "refuted", "clinicalStatus": "active"}, ConditionGroup.RULED_OUT),
    ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, ConditionGroup.RULED_OUT),
    ({"verificationStatus": "entered-in-error", "clinicalStatus": "active"}, ConditionGroup.ENTERED_IN_ERROR),
    ({"verificationStatus": {"text": "Entered in Error"}}, ConditionGroup.ENTERED_IN_ERROR),
    ({"clinicalStatus": "entered-in-error"}, ConditionGroup.ENTERED_IN_ERROR),
]


@pytest.mark.parametrize(("fields", "group"), GROUPS)
def test_groups_follow_the_order_of_the_contract(fields: dict[str, Any], group: ConditionGroup) -> None:
    assert row(code={"text": "Gout"}, **fields).group is group


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        ("confirmed", Tag("Confirmed", Tone.OK)),
        ("unconfirmed", Tag("Unconfirmed", Tone.WARN)),
        ("provisional", Tag("Provisional", Tone.WARN)),
        ("differential", Tag("Differential", Tone.WARN)),
        ("refuted", Tag("Refuted", Tone.BAD)),
        ("unknown", Tag("Unknown", Tone.UNKNOWN)),
        ("hunch", Tag("hunch", Tone.UNKNOWN)),
        (None, Tag("Status not given", Tone.UNKNOWN)),
        ({"extension": [{"url": "x"}]}, Tag("Status not given", Tone.UNKNOWN)),
        (5, Tag("Status could not be read", Tone.UNKNOWN)),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_verification_is_a_word_in_either_version(status: Any, tag: Tag, *, wrapped: bool) -> None:
    sent = {"coding": [{"code": status}]} if wrapped and isinstance(status, str) else status
    assert row(verificationStatus=sent).verification == tag


def test_a_missing_clinical_status_is_told_and_one_by_abatement_named() -> None:
    assert row().clinical == Tag("Status not given", Tone.UNKNOWN)
    assert row(abatementBoolean=True).clinical == Tag("Resolved", Tone.INFO)
    assert row(abatementDateTime="2013").clinical == Tag("Ended", Tone.INFO)


ICD = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J45", "display": "Asthma, unspecified"}
SCT = {"system": SNOMED, "code": "195967001", "display": "Asthma (disorder)"}
LOCAL = {"system": "urn:oid:9.9", "code": "A1", "display": "ASTHMA"}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ({"text": "Asthma", "coding": [ICD, SCT]}, Coded("Asthma", "195967001", "SNOMED CT")),
        ({"text": "Wheeze", "coding": [ICD]}, Coded("Wheeze", "J45", "ICD-10-CM", "Asthma, unspecified")),
        ({"coding": [LOCAL, ICD, SCT]}, Coded("Asthma (disorder)", "195967001", "SNOMED CT")),
        ({"coding": [LOCAL, ICD]}, Coded("Asthma, unspecified", "J45", "ICD-10-CM")),
        ({"coding": [SCT, {**LOCAL, "userSelected": True}]}, Coded("ASTHMA", "A1", "urn:oid:9.9")),
        ({"coding": [{"system": SNOMED, "code": "1"}, LOCAL]}, Coded("ASTHMA", "A1", "urn:oid:9.9")),
        ({"coding": [{"code": "E11.9"}]}, Coded("Code E11.9 (no description)", "E11.9")),
        ({"text": "J45", "coding": [ICD]}, Coded("Asthma, unspecified", "J45", "ICD-10-CM")),
        ({"text": " \u200b ", "coding": [ICD]}, Coded("Asthma, unspecified", "J45", "ICD-10-CM")),
        ([{"text": "Asthma"}], Coded("Asthma")),
        ("Asthma", Coded("Asthma")),
        (
            {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.96", "code": "1", "display": "X"}]},
            Coded("X", "1", "SNOMED CT"),
        ),
        (
            {"coding": [{"system": "http: //snomed.info/sct/", "code": "1", "display": "X"}]},
            Coded("X", "1", "SNOMED CT"),
        ),
        ({}, Coded("Condition not named", named=False)),
        (None, Coded("Condition not named", named=False)),
        ({"coding": [{"system": SNOMED}]}, Coded("Condition not named", named=False)),
        (
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "MSK"}]},
            Coded("Condition withheld by the EHR", named=False),
        ),
    ],
)
def test_a_condition_is_never_without_a_name(code: Any, name: Coded) -> None:
    assert row(code=code).name == name


def test_an_unnamed_condition_is_not_called_free_text() -> None:
    assert [row(code=code).name.free_text for code in (None, {"text": "Gout"}, {"coding": [ICD]})] == [
        False,
        True,
        False,
    ]


def test_the_date_of_recording_stands_in_for_an_onset_under_its_own_label() -> None:
    for key in ("recordedDate", "dateRecorded", "assertedDate"):
        assert row(**{key: "2026-01-08"}).onset == When(PartialDate("2026-01-08", 2026, 1, 8), label="Recorded")
    assert row(recordedDate="2026-01-08", onsetString="in May").onset == When(text="in May")
    assert row(recordedDate="2026-01-08", onsetDateTime=5).onset is Missing.UNREADABLE
    assert row().onset is Missing.NOT_RECORDED


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"clinicalStatus": "active", "abatementDateTime": "2013"}, "An end is recorded although the status is active"),
        ({"clinicalStatus": "active", "abatementBoolean": True}, "An end is recorded although the status is active"),
        ({"onsetDateTime": "2999-01-01"}, "The onset lies in the future"),
        ({"onsetDateTime": "2013", "abatementDateTime": "2012-12"}, "The end lies before the start"),
        ({"onsetPeriod": {"start": "2013", "end": "2011"}}, "The end lies before the start"),
        ({"onsetDateTime": "Feb 2020"}, "A date could not be read and is shown as sent"),
        ({"abatementDateTime": 7}, "An end was sent that could not be read"),
        ({"abatementBoolean": "maybe"}, "An end was sent that could not be read"),
        (
            {"modifierExtension": [{"url": "http://x.example", "valueBoolean": True}]},
            MODIFIED,
        ),
    ],
)
def test_what_is_implausible_is_shown_as_sent_and_marked(fields: dict[str, Any], mark: str) -> None:
    assert row(**fields).marks == (mark,)


def test_a_condition_without_a_usable_id_has_no_reference() -> None:
    assert row(id=5).references == ()
    assert row(id="a b").references == ()
