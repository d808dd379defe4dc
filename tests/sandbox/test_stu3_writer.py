"""The STU3 writer: the same facts as R4's, in STU3's words."""

from __future__ import annotations

from typing import Any

from sandbox.person import Person
from sandbox.writers import r4, stu3
from tests.sandbox.test_writers import BASE, Resource, dose_facts, drug_facts, everybody, nodes

TYPES = ("Patient", "Condition", "MedicationRequest", "MedicationStatement", "Medication", "Practitioner")
CLINICAL = {"active", "recurrence", "inactive", "remission", "resolved"}
VERIFICATION = {"provisional", "differential", "confirmed", "refuted", "entered-in-error", "unknown"}
REQUEST = {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"}
STATEMENT = {"active", "completed", "entered-in-error", "intended", "stopped", "on-hold"}
R4_ALONE = {"recordedDate", "encounter", "doNotPerform", "reportedBoolean", "statusReason", "doseAndRate"}


def written(person: Person) -> list[Resource]:
    return [one for kind in TYPES for one in stu3.resources(kind, person, BASE)]


@everybody
def test_nothing_is_null_or_empty_and_nothing_is_of_a_later_version(person: Person) -> None:
    for value in nodes(written(person)):
        assert value is not None
        assert value not in ("", {})
        assert not (isinstance(value, dict) and R4_ALONE & set(value))


@everybody
def test_statuses_are_words_of_stu3(person: Person) -> None:
    for one in stu3.conditions(person, BASE):
        assert one.get("clinicalStatus", "active") in CLINICAL
        assert one["verificationStatus"] in VERIFICATION
        assert (one["verificationStatus"] != "entered-in-error") or "clinicalStatus" not in one
    for one in stu3.medication_requests(person, BASE):
        assert one["status"] in REQUEST
        assert one["intent"] in {"proposal", "plan", "order", "instance-order"}
    for one in stu3.medication_statements(person, BASE):
        assert one["status"] in STATEMENT
        assert one["taken"] in {"y", "n", "unk", "na"}


def same_dose(old: Resource, new: Resource) -> bool:
    return dose_facts(old) == dose_facts(new)


@everybody
def test_drugs_and_doses_are_those_of_r4(person: Person) -> None:
    pairs: list[tuple[list[Any], list[Any], str]] = [
        (stu3.medication_requests(person, BASE), r4.medication_requests(person, BASE), "dosageInstruction"),
        (stu3.medication_statements(person, BASE), r4.medication_statements(person, BASE), "dosage"),
    ]
    for older, newer, name in pairs:
        assert len(older) == len(newer)
        for old, new in zip(older, newer, strict=True):
            assert drug_facts(old)[:3] == drug_facts(new)[:3]
            doses = zip(old.get(name, []), new.get(name, []), strict=True)
            assert all(same_dose(one, other) for one, other in doses)


@everybody
def test_a_prohibition_can_be_seen_in_stu3(person: Person) -> None:
    for one, told in zip(person.prescriptions, stu3.medication_requests(person, BASE), strict=True):
        note = told.get("note", [{"text": ""}])[0]["text"]
        assert note.startswith("DO NOT GIVE.") is one.do_not_perform
        assert not one.do_not_perform or told["status"] == "stopped"
