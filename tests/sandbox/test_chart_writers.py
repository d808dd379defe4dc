"""Allergies, measurements, vaccinations, visits and documents in each version's own shape, telling the same facts."""

from __future__ import annotations

import json
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from sandbox import charts, exact, population
from sandbox.person import Person
from sandbox.writers import dstu2_chart, r4_chart, stu3_chart
from tests.sandbox.test_writers import BASE, Resource, everybody, nodes, somebody

TYPES = ("AllergyIntolerance", "Observation", "Immunization", "Encounter", "DocumentReference")
WRITERS = {"DSTU2": dstu2_chart, "STU3": stu3_chart, "R4": r4_chart}
OF_LATER = {
    "DSTU2": {
        *("clinicalStatus", "verificationStatus", "hasMember", "lastOccurrence", "occurrenceDateTime", "statusReason"),
        *("notGiven", "primarySource", "protocolApplied", "context.encounter", "assertedDate", "comment", "reasonCode"),
    },
    "STU3": {
        *("hasMember", "occurrenceDateTime", "statusReason", "protocolApplied", "recordedDate", "reasonCode"),
        *("wasNotGiven", "comments", "substance", "lastOccurence"),
    },
    "R4": {
        *("substance", "lastOccurence", "related", "comment", "comments", "wasNotGiven", "notGiven", "explanation"),
        *("vaccinationProtocol", "indexed", "created", "assertedDate", "reported", "reason"),
    },
}
everywhere = pytest.mark.parametrize("version", WRITERS)


def written(version: str, person: Person, *types: str) -> list[Resource]:
    writer: Any = WRITERS[version]
    return [one for kind in types or TYPES for one in writer.resources(kind, person, BASE)]


def one(version: str, resource_id: str) -> Resource:
    person = next(person for person in population.PATIENTS if resource_id.rpartition("-")[0] == person.id)
    return next(each for each in written(version, person) if each["id"] == resource_id)


@everywhere
@everybody
def test_every_record_is_named_belongs_to_its_patient_and_is_of_its_version(version: str, person: Person) -> None:
    found = written(version, person)
    assert len({(each["resourceType"], each["id"]) for each in found}) == len(found)
    whose = f"{BASE}/Patient/{person.id}" if person.absolute_references else f"Patient/{person.id}"
    for each in found:
        (reference,) = [each[name] for name in ("patient", "subject") if name in each]
        assert reference["reference"] == whose
        assert not OF_LATER[version] & set(each), each["id"]


@everywhere
@everybody
def test_nothing_is_null_or_empty_but_for_blank_texts_of_dstu2(version: str, person: Person) -> None:
    found = written(version, person)
    assert json.loads(exact.dumps(found)) is not None
    assert all(node is not None and node != [] and node != {} for each in found for node in nodes(each))
    assert any(node == "" for node in nodes(found)) is (version == "DSTU2" and person.blanks and bool(found))


@everywhere
@everybody
def test_references_lead_to_records_of_the_same_patient(version: str, person: Person) -> None:
    writer: ModuleType = WRITERS[version]
    names = {f"{each['resourceType']}/{each['id']}" for each in written(version, person)}
    people = {f"Patient/{each.id}" for each in population.PATIENTS}
    readable = {f"Practitioner/{each['id']}" for each in r4_chart.resources("Practitioner", person, BASE)}
    for node in nodes(written(version, person)):
        if isinstance(node, dict) and "reference" in node:
            assert node["reference"].removeprefix(f"{BASE}/") in names | people | readable, (writer, node)


@everybody
def test_all_versions_tell_the_same_measurements(person: Person) -> None:
    def facts(each: Resource) -> Any:
        flags = each.get("interpretation")
        parts = [(part["code"], part.get("valueQuantity")) for part in each.get("component", ())]
        members = [related["target"] for related in each.get("related", ())] or each.get("hasMember", [])
        value = [each.get(name) for name in ("valueQuantity", "valueCodeableConcept", "valueString")]
        flag = (flags[0] if isinstance(flags, list) else flags or {}).get("text")
        return each["id"], each["code"], each["effectiveDateTime"], value, flag, parts, members

    told = [[facts(each) for each in written(version, person, "Observation")] for version in WRITERS]
    assert told[0] == told[1] == told[2]


# --- Allergies ------------------------------------------------------------------------------------------------------


def test_an_allergy_is_a_substance_with_one_status_and_an_old_criticality_in_dstu2() -> None:
    found = one("DSTU2", "54520-al1")
    assert found["substance"]["coding"][0]["code"] == "7980"
    assert (found["status"], found["criticality"], found["category"]) == ("confirmed", "CRITH", "medication")
    assert found["reaction"][0]["severity"] == "severe"
    assert isinstance(found["note"], dict)


def test_an_allergy_has_two_statuses_as_words_in_stu3_and_as_concepts_in_r4() -> None:
    older, newer = one("STU3", "54520-al1"), one("R4", "54520-al1")
    assert (older["clinicalStatus"], older["verificationStatus"]) == ("active", "confirmed")
    assert newer["clinicalStatus"]["coding"][0]["code"] == "active"
    assert newer["verificationStatus"]["coding"][0]["system"].endswith("allergyintolerance-verification")
    assert older["criticality"] == newer["criticality"] == "high"
    assert older["category"] == newer["category"] == ["medication"]
    assert (older["assertedDate"], newer["recordedDate"]) == ("2004-11-02", "2004-11-02")


def test_every_allergy_in_dstu2_has_one_of_its_statuses_or_none() -> None:
    statuses = {
        each.get("status", "")
        for person in population.PATIENTS
        for each in written("DSTU2", person, "AllergyIntolerance")
    }
    assert statuses == {"confirmed", "unconfirmed", "refuted", "entered-in-error", "resolved", "inactive", "active", ""}


def test_an_allergy_entered_in_error_has_no_clinical_status_in_r4() -> None:
    for person in population.PATIENTS:
        for each in written("R4", person, "AllergyIntolerance"):
            codes = [coding["code"] for coding in each.get("verificationStatus", {}).get("coding", ())]
            assert not ("entered-in-error" in codes and "clinicalStatus" in each)


@everywhere
def test_no_known_allergies_is_an_entry_with_an_author_and_a_date(version: str) -> None:
    found = one(version, "54546-al1")
    what = found["substance" if version == "DSTU2" else "code"]
    assert what["coding"][0]["code"] == "716186003"
    assert found["recorder"]["display"] == "Tobias Fennimore, MD"
    assert found["assertedDate" if version == "STU3" else "recordedDate"].startswith("2026-10-20")


# --- Measurements ---------------------------------------------------------------------------------------------------


@everywhere
def test_a_blood_pressure_is_a_panel_of_two_parts_without_a_value(version: str) -> None:
    found = one(version, "54520-ob1")
    assert found["code"]["coding"][0]["code"] == "85354-9"
    assert [part["code"]["coding"][0]["code"] for part in found["component"]] == ["8480-6", "8462-4"]
    assert [part["valueQuantity"]["value"] for part in found["component"]] == [148, 92]
    assert not any(name.startswith("value") for name in found)
    assert isinstance(found["category"], dict if version == "DSTU2" else list)


@everywhere
def test_numbers_keep_their_zeros_and_less_than_its_sign(version: str) -> None:
    found = {each["id"]: each for each in written(version, somebody("54520"), "Observation")}
    creatinine, crp = found["54520-ob31"], found["54520-ob40"]
    assert '"value": 1.10' in exact.dumps(creatinine["valueQuantity"])
    assert (crp["valueQuantity"]["comparator"], crp["valueQuantity"]["value"]) == ("<", 5)
    assert '"value": 0.60' in exact.dumps(creatinine["referenceRange"][0]["low"])


def test_a_flag_is_one_concept_before_r4_and_a_list_since() -> None:
    assert one("DSTU2", "54520-ob32")["interpretation"]["coding"][0]["code"] == "H"
    assert one("STU3", "54520-ob32")["interpretation"]["coding"][0]["system"] == "http://hl7.org/fhir/v2/0078"
    assert one("R4", "54520-ob32")["interpretation"][0]["coding"][0]["code"] == "H"


def test_a_panel_names_its_members_in_the_way_of_its_version() -> None:
    expected = [f"Observation/54520-ob{number}" for number in (29, 30, 31, 32)]
    assert [each["reference"] for each in one("R4", "54520-ob28")["hasMember"]] == expected
    for version in ("DSTU2", "STU3"):
        assert [each["target"]["reference"] for each in one(version, "54520-ob28")["related"]] == expected


def test_what_was_corrected_is_amended_in_dstu2_which_has_no_such_word() -> None:
    statuses = [one(version, "smart-1042-ob17")["status"] for version in WRITERS]
    assert statuses == ["amended", "corrected", "corrected"]


@everywhere
def test_what_was_not_measured_says_why(version: str) -> None:
    cancelled = one(version, "54520-ob42")
    assert cancelled["status"] == "cancelled"
    assert cancelled["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    half = next(each for each in written(version, somebody("19"), "Observation") if "112" in exact.dumps(each))
    assert "valueQuantity" not in half["component"][1]
    assert half["component"][1]["dataAbsentReason"]["coding"][0]["code"] == "not-performed"


# --- Vaccinations, visits, documents --------------------------------------------------------------------------------


def test_a_vaccine_that_was_not_given_says_so_in_the_words_of_its_version() -> None:
    old, middle, new = (one(version, "54520-im6") for version in WRITERS)
    assert (old["wasNotGiven"], old["status"]) == (True, "completed")
    assert (middle["notGiven"], middle["status"]) == (True, "completed")
    assert old["explanation"]["reasonNotGiven"][0]["text"] == "Wants to wait until spring"
    assert middle["explanation"] == old["explanation"]
    assert (new["status"], new["statusReason"]["coding"][0]["code"]) == ("not-done", "PATOBJ")
    assert new["occurrenceDateTime"] == old["date"] == middle["date"]


def test_a_visit_has_a_class_in_words_in_dstu2_and_a_code_since() -> None:
    old, middle, new = (one(version, "385800201-v1") for version in WRITERS)
    assert (old["class"], middle["class"]["code"], new["class"]["code"]) == ("inpatient", "IMP", "IMP")
    assert {each["status"] for each in (old, middle, new)} == {"in-progress"}
    assert "patient" in old
    assert "subject" in new
    assert all("end" not in each["period"] for each in (old, middle, new))


def test_a_document_has_its_date_and_state_where_the_version_keeps_them() -> None:
    old, middle, new = (one(version, "54520-doc1") for version in WRITERS)
    assert old["indexed"] == middle["indexed"] == new["date"]
    assert old["docStatus"]["coding"][0]["code"] == middle["docStatus"] == new["docStatus"] == "final"
    visit = {"reference": "Encounter/54520-v2"}
    assert [one(version, "54520-doc2")["context"]["encounter"] for version in WRITERS] == [visit, visit, [visit]]


@everywhere
def test_an_attachment_has_its_bytes_or_an_address_never_both(version: str) -> None:
    for person in population.PATIENTS:
        for document in written(version, person, "DocumentReference"):
            for content in document["content"]:
                attachment = content["attachment"]
                assert ("url" in attachment) != ("data" in attachment)
                assert attachment["contentType"]
                kept = attachment.get("url", "").removeprefix(f"{BASE}/").removeprefix("Binary/")
                found = charts.attachment(person.id, kept)
                assert (found is not None) == ("url" in attachment and "size" in attachment)


def test_addresses_of_content_are_relative_unless_the_record_writes_full_ones() -> None:
    assert one("R4", "54520-doc1")["content"][0]["attachment"]["url"] == "Binary/54520-doc1-file1"
    full = one("R4", "smart-1057-doc1")["content"][0]["attachment"]["url"]
    assert full == f"{BASE}/Binary/smart-1057-doc1-file1"


def test_exact_json_keeps_decimals_and_refuses_what_is_not_json() -> None:
    assert exact.dumps({"a": [Decimal("1.10"), Decimal("1E+2"), 1.5, "1.10"]}) == '{"a": [1.10, 100, 1.5, "1.10"]}'
    with pytest.raises(TypeError):
        exact.dumps({"a": object()})
