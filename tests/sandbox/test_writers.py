"""The writers: DSTU2 and R4 tell the same facts, each in its own shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import population
from sandbox.person import Person
from sandbox.writers import dstu2, r4

BASE = "http://127.0.0.1:8000/sandbox/ehr/fhir"
DSTU2_TYPES = ("Patient", "Condition", "MedicationOrder", "MedicationStatement")
R4_TYPES = (
    "Patient",
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "Medication",
    "Encounter",
    "Practitioner",
)
OF_A_PATIENT = {"Condition", "MedicationOrder", "MedicationRequest", "MedicationStatement", "Encounter"}

Resource = dict[str, Any]
everybody = pytest.mark.parametrize("person", population.PATIENTS, ids=lambda person: person.id)


def dstu2_of(person: Person) -> list[Resource]:
    return [one for kind in DSTU2_TYPES for one in dstu2.resources(kind, person, BASE)]


def r4_of(person: Person) -> list[Resource]:
    return [one for kind in R4_TYPES for one in r4.resources(kind, person, BASE)]


def somebody(patient_id: str) -> Person:
    person = population.by_id(patient_id)
    assert person is not None
    return person


def nodes(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from nodes(one)


def code_of(value: Any) -> str:
    """A status as a bare code (DSTU2) or in a CodeableConcept (R4)."""
    return value if isinstance(value, str) else value["coding"][0]["code"] if "coding" in value else ""


def only(value: Any) -> Any:
    """The one category, body site, reason or note, in a list (R4) or bare (DSTU2)."""
    return (value[0] if value else None) if isinstance(value, list) else value


def condition_facts(one: Resource) -> tuple[Any, ...]:
    categories = {"problem": "problem-list-item", "diagnosis": "encounter-diagnosis"}
    category = code_of(only(one["category"]))
    clinical = code_of(one.get("clinicalStatus", ""))
    verification = code_of(one.get("verificationStatus", ""))
    onset = next((one[key] for key in one if key.startswith("onset")), None)
    return (
        one["id"],
        one.get("code"),
        "" if verification == "entered-in-error" else clinical_word(clinical),
        {"unknown": "", "unconfirmed": "provisional"}.get(verification, verification),
        categories.get(category, category),
        onset,
        next((one[key] for key in one if key.startswith("abatement") and key != "abatementBoolean"), None),
        str(one.get("dateRecorded") or one.get("recordedDate") or "")[:10],
        one.get("severity"),
        one.get("encounter"),
        note_of(one),
    )


def clinical_word(code: str) -> str:
    """DSTU2 has neither recurrence nor inactive: it says relapse and resolved."""
    return {"recurrence": "relapse", "inactive": "resolved"}.get(code, code)


def note_of(one: Resource) -> str:
    note = only(one.get("note") or one.get("notes") or "")
    return note["text"] if isinstance(note, dict) else note or ""


def drug_facts(one: Resource) -> Any:
    contained = [inner["code"] for inner in one.get("contained", ())]
    return one["id"], one.get("medicationCodeableConcept"), one.get("medicationReference"), contained


def dose_facts(dosage: Resource) -> tuple[Any, ...]:
    amounts = dosage.get("doseAndRate", [dosage])[0]
    repeat = {**dosage.get("timing", {}).get("repeat", {})}
    repeat.pop("boundsPeriod", None)
    when = only(repeat.get("when"))
    unit = repeat.get("periodUnit", repeat.get("periodUnits"))
    return (
        dosage.get("text"),
        next((amounts[key] for key in amounts if key in ("doseQuantity", "quantityQuantity", "doseRange")), None),
        amounts.get("rateRatio"),
        when or (repeat.get("frequency"), repeat.get("period"), unit),
        dosage.get("route"),
        dosage.get("asNeededBoolean"),
        dosage.get("asNeededCodeableConcept"),
        dosage.get("maxDosePerPeriod"),
    )


@everybody
def test_both_versions_tell_the_same_conditions(person: Person) -> None:
    old, new = dstu2.conditions(person, BASE), r4.conditions(person, BASE)
    assert len(old) == len(new) == len(person.conditions)
    assert [condition_facts(one) for one in old] == [condition_facts(one) for one in new]


@everybody
def test_both_versions_tell_the_same_prescriptions(person: Person) -> None:
    old, new = dstu2.medication_orders(person, BASE), r4.medication_requests(person, BASE)
    assert len(old) == len(new) == len(person.prescriptions)
    for order, request in zip(old, new, strict=True):
        assert drug_facts(order) == drug_facts(request)
        assert order.get("dateWritten") == request.get("authoredOn")
        assert order.get("prescriber") == request.get("requester")
        assert order.get("encounter") == request.get("encounter")
        assert order.get("reasonReference") == only(request.get("reasonReference"))
        assert order.get("reasonEnded") == request.get("statusReason")
        assert note_of(request) in note_of(order)
        doses = [[dose_facts(dosage) for dosage in one.get("dosageInstruction", ())] for one in (order, request)]
        assert doses[0] == doses[1]


@everybody
def test_both_versions_tell_the_same_statements(person: Person) -> None:
    old, new = dstu2.medication_statements(person, BASE), r4.medication_statements(person, BASE)
    assert len(old) == len(new) == len(person.statements)
    for before, after in zip(old, new, strict=True):
        assert drug_facts(before) == drug_facts(after)
        assert before.get("effectivePeriod") == after.get("effectivePeriod")
        assert before.get("effectiveDateTime") == after.get("effectiveDateTime")
        assert before.get("dateAsserted") == after.get("dateAsserted")
        assert before["informationSource"] == after["informationSource"]
        assert before["wasNotTaken"] is (after["status"] == "not-taken")
        assert only(before.get("reasonNotTaken")) == only(after.get("statusReason"))
        doses = [[dose_facts(dosage) for dosage in one.get("dosage", ())] for one in (before, after)]
        assert doses[0] == doses[1]


@everybody
def test_both_versions_tell_of_the_same_person(person: Person) -> None:
    old, new = dstu2.patient(person, BASE), r4.patient(person, BASE)
    for name in ("id", "active", "gender", "_gender", "birthDate", "_birthDate", "telecom", "address", "communication"):
        assert old.get(name) == new.get(name), name
    for name in ("deceasedBoolean", "deceasedDateTime", "multipleBirthInteger"):
        assert old.get(name) == new.get(name), name
    assert [one["value"] for one in old.get("identifier", ())] == [one["value"] for one in new.get("identifier", ())]
    assert [" ".join(one.get("family", [])) for one in old["name"]] == [one.get("family", "") for one in new["name"]]
    assert old.get("careProvider") == new.get("generalPractitioner")
    assert bool(old.get("meta")) is bool(new.get("meta")) is person.restricted


@everybody
def test_every_resource_belongs_to_its_patient(person: Person) -> None:
    expected = f"{BASE}/Patient/{person.id}" if person.absolute_references else f"Patient/{person.id}"
    for one in [*dstu2_of(person), *r4_of(person)]:
        if one["resourceType"] in OF_A_PATIENT:
            (reference,) = [one[name] for name in ("patient", "subject") if name in one]
            assert reference["reference"] == expected


@everybody
def test_ids_are_unique_and_local_references_lead_to_resources_that_are_served(person: Person) -> None:
    served = r4_of(person)
    names = [f"{one['resourceType']}/{one['id']}" for one in served]
    assert len(names) == len(set(names))
    lost = {f"Medication/{one.medicine.id}" for one in person.prescriptions if one.medicine.shape == "lost-reference"}
    everywhere = {*names, *lost, *(f"Patient/{one.id}" for one in population.PATIENTS), "#drug"}
    for node in nodes(served):
        if isinstance(node, dict) and "reference" in node:
            assert node["reference"].removeprefix(f"{BASE}/") in everywhere
    old = [f"{one['resourceType']}/{one['id']}" for one in dstu2_of(person)]
    assert len(old) == len(set(old))


@everybody
def test_what_is_written_is_json_without_null_and_without_empty_lists_or_objects(person: Person) -> None:
    for one in [*dstu2_of(person), *r4_of(person)]:
        assert json.loads(json.dumps(one, allow_nan=False)) == one
        assert all(node is not None and node != [] and node != {} for node in nodes(one))
    assert all(node != "" for node in nodes(r4_of(person)))
    blank = any(node == "" for node in nodes(dstu2_of(person)))
    assert blank is person.blanks


@everybody
def test_dstu2_has_the_shapes_of_dstu2(person: Person) -> None:
    assert all(isinstance(name.get("family", []), list) for name in dstu2.patient(person, BASE)["name"])
    for one in dstu2.conditions(person, BASE):
        assert isinstance(one.get("clinicalStatus", ""), str)
        assert one.get("clinicalStatus", "") in ("", "active", "relapse", "remission", "resolved")
        assert one["verificationStatus"] in (
            "provisional",
            "differential",
            "confirmed",
            "refuted",
            "entered-in-error",
            "unknown",
        )
        assert isinstance(one["category"], dict)
        assert len(one.get("dateRecorded", "2026-01-01")) <= 10
        assert not {"subject", "recordedDate", "note", "onsetAge", "abatementAge"} & set(one)
    for one in dstu2.medication_orders(person, BASE):
        statuses = ("", "active", "on-hold", "completed", "entered-in-error", "stopped", "draft")
        assert one.get("status", "") in statuses
        assert isinstance(one.get("note", ""), str)
        assert not {"subject", "intent", "authoredOn", "requester", "doNotPerform", "reportedBoolean"} & set(one)
        assert one.get("dispenseRequest", {}).get("numberOfRepeatsAllowed", 1) > 0
    for one in dstu2.medication_statements(person, BASE):
        assert one["status"] in ("active", "completed", "entered-in-error", "intended")
        assert all("doseQuantity" not in dosage for dosage in one.get("dosage", ()))


@everybody
def test_r4_has_the_shapes_of_r4(person: Person) -> None:
    assert all(isinstance(name.get("family", ""), str) for name in r4.patient(person, BASE)["name"])
    for one in r4.conditions(person, BASE):
        assert isinstance(one["category"], list)
        assert "clinicalStatus" not in one or isinstance(one["clinicalStatus"], dict)
        in_error = code_of(one.get("verificationStatus", {})) == "entered-in-error"
        assert not (in_error and "clinicalStatus" in one)
        assert not {"patient", "dateRecorded", "notes", "onsetQuantity", "abatementBoolean"} & set(one)
    for one in r4.medication_requests(person, BASE):
        assert one["status"]
        assert one["intent"] in ("order", "plan", "proposal")
        assert not {"patient", "dateWritten", "prescriber", "dateEnded", "reasonEnded"} & set(one)
    for one in r4.medication_statements(person, BASE):
        assert one["status"]
        assert not {"patient", "wasNotTaken", "reasonNotTaken"} & set(one)
    for node in nodes(r4_of(person)):
        assert not isinstance(node, dict) or not {"periodUnits", "quantityQuantity", "additionalInstructions"} & set(
            node
        )


def test_systems_are_those_of_the_version() -> None:
    for person in population.PATIENTS:
        assert "terminology.hl7.org" not in json.dumps(dstu2_of(person))
        assert "http://hl7.org/fhir/v2/" not in json.dumps(r4_of(person))
        assert "argonaut" not in json.dumps(r4_of(person))


def test_race_is_flat_in_dstu2_and_nested_in_r4() -> None:
    person = somebody("54520")
    (flat,) = [one for one in dstu2.patient(person, BASE)["extension"] if one["url"].endswith("us-core-race")]
    (nested,) = [one for one in r4.patient(person, BASE)["extension"] if one["url"].endswith("us-core-race")]
    assert flat["valueCodeableConcept"]["coding"][0]["code"] == "2106-3"
    assert {part["url"] for part in nested["extension"]} == {"ombCategory", "text"}


def test_a_prohibition_is_a_modifier_in_r4_and_a_stopped_order_with_a_note_in_dstu2() -> None:
    person = somebody("smart-1042")
    request, order = r4.medication_requests(person, BASE)[0], dstu2.medication_orders(person, BASE)[0]
    assert (request["status"], request["doNotPerform"]) == ("active", True)
    assert order["status"] == "stopped"
    assert order["note"].startswith("DO NOT GIVE.")


def test_plans_and_proposals_are_drafts_in_dstu2() -> None:
    person = somebody("smart-1042")
    pairs = zip(r4.medication_requests(person, BASE), dstu2.medication_orders(person, BASE), strict=True)
    planned = [order for request, order in pairs if request["intent"] != "order"]
    assert [order["status"] for order in planned] == ["draft", "draft"]
    assert [order["note"].split(",")[0] for order in planned] == ["This is a plan", "This is a proposal"]


def test_an_order_ends_with_date_ended_in_dstu2_and_with_bounds_in_r4() -> None:
    person = somebody("54520")
    order, request = dstu2.medication_orders(person, BASE)[5], r4.medication_requests(person, BASE)[5]
    assert order["dateEnded"] == "2018-04-12"
    assert request["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]["end"] == "2018-04-12"


def test_the_newborn_has_a_time_of_birth_beside_the_date() -> None:
    for writer in (dstu2, r4):
        newborn = writer.patient(somebody("41"), BASE)
        assert newborn["birthDate"] == "2026-10-30"
        assert newborn["_birthDate"]["extension"][0]["valueDateTime"] == "2026-10-30T03:42:00-04:00"


def test_a_missing_status_is_an_empty_string_where_the_ehr_writes_blanks() -> None:
    assert dstu2.conditions(somebody("86"), BASE)[0]["clinicalStatus"] == ""
    assert "clinicalStatus" not in r4.conditions(somebody("86"), BASE)[0]
    assert r4.medication_requests(somebody("86"), BASE)[0]["status"] == "unknown"
    assert r4.conditions(somebody("smart-1078"), BASE)[0]["clinicalStatus"]["extension"][0]["valueCode"] == "unknown"


def test_the_merged_record_names_its_successor_in_the_words_of_the_version() -> None:
    links = [writer.patient(somebody("54582"), BASE)["link"][0] for writer in (dstu2, r4)]
    assert [link["type"] for link in links] == ["replace", "replaced-by"]
    assert {link["other"]["reference"] for link in links} == {"Patient/54520"}


def test_the_restricted_record_is_labelled() -> None:
    for writer in (dstu2, r4):
        person = somebody("385800227")
        assert writer.patient(person, BASE)["meta"]["security"][0]["code"] == "R"
        labelled = [bool(one.get("meta")) for one in writer.conditions(person, BASE)]
        assert labelled == [True, True, False]


def test_drugs_by_reference_can_be_read_in_r4_except_the_lost_one() -> None:
    person = somebody("smart-1081")
    by_reference, contained, bare, lost, _ = r4.medication_requests(person, BASE)
    readable = {f"Medication/{one['id']}" for one in r4.medications(person, BASE)}
    assert by_reference["medicationReference"]["display"] == "lamotrigine 100 mg tablet"
    assert by_reference["medicationReference"]["reference"] in readable
    assert contained["contained"][0]["resourceType"] == "Medication"
    assert contained["medicationReference"] == {"reference": "#drug"}
    assert list(bare["medicationReference"]) == ["reference"]
    assert bare["medicationReference"]["reference"] in readable
    assert lost["medicationReference"]["reference"] not in readable


def test_types_that_are_not_kept_give_nothing() -> None:
    person = somebody("54520")
    assert dstu2.resources("Encounter", person, BASE) == []
    assert dstu2.resources("MedicationRequest", person, BASE) == []
    assert r4.resources("MedicationOrder", person, BASE) == []
    assert r4.resources("Procedure", person, BASE) == []


def test_practitioners_are_known_by_id_or_not_at_all() -> None:
    known = r4.practitioner("dr-azcona")
    assert known is not None
    assert known["name"][0]["family"] == "Azcona"
    assert r4.practitioner("nobody") is None
    assert r4.practitioner("") is None


def test_a_slash_at_the_end_of_the_base_changes_nothing() -> None:
    person = somebody("smart-1057")
    assert r4.conditions(person, f"{BASE}/") == r4.conditions(person, BASE)
