from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client

from sandbox import faults, store
from sandbox.endpoints.fhir_faults import SCRIPT
from tests.sandbox.house import EHRS, Visitor, path_of

R4, ALLSCRIPTS = "smart-r4", "allscripts-professional"


def entries(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["resourceType"], body["type"]) == ("Bundle", "searchset")
    return [entry["resource"] for entry in body.get("entry", [])]


def faulty(http: Client, fault: str, path: str, ehr: str = R4) -> Any:
    visitor = Visitor(http, ehr, scenario={"fault": fault})
    return visitor.fhir(path.format(patient=visitor.patient), visitor.tokens()["access_token"])


def someone_else(visitor: Visitor) -> str:
    return next(person.id for person in store.people(visitor.ehr) if person.id != visitor.patient)


# --- Reads ----------------------------------------------------------------------------------------------------------


def test_the_reference_ehr_reads_a_patient_as_a_resource(http: Client) -> None:
    visitor = Visitor(http, R4)
    answer = visitor.fhir(f"Patient/{visitor.patient}", visitor.tokens()["access_token"])
    assert answer["Content-Type"].partition(";")[0] == "application/fhir+json"
    assert answer["Cache-Control"] == "no-store"
    assert (answer.json()["resourceType"], answer.json()["id"]) == ("Patient", visitor.patient)


def test_the_older_ehr_reads_a_patient_as_a_searchset_of_one(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    answer = visitor.fhir(f"Patient/{visitor.patient}", visitor.tokens()["access_token"])
    assert answer["Content-Type"].partition(";")[0] == "application/json+fhir"
    body = answer.json()
    assert set(body) == {"resourceType", "type", "entry"}
    assert [set(entry) for entry in body["entry"]] == [{"resource"}]
    assert [resource["id"] for resource in entries(answer)] == [visitor.patient]


def test_a_record_is_read_by_its_id(http: Client) -> None:
    visitor = Visitor(http, R4)
    token = visitor.tokens()["access_token"]
    (first, *_) = entries(visitor.fhir(f"Condition?patient={visitor.patient}", token))
    assert visitor.fhir(f"Condition/{first['id']}", token).json() == first
    assert visitor.fhir("Condition/no-such-id", token).status_code == 404


def test_the_signed_in_clinician_can_be_read(http: Client) -> None:
    visitor = Visitor(http, R4)
    token = visitor.tokens(scope="launch openid fhirUser")["access_token"]
    answer = visitor.fhir(visitor.address.fhir_user.removeprefix(f"{visitor.address.fhir_base}/"), token)
    assert answer.json()["resourceType"] == "Practitioner"


def test_a_medication_that_a_prescription_points_to_can_be_read_and_included(http: Client) -> None:
    person = next(person for person in store.people(R4) if store.records(Visitor(http).address, person, "Medication"))
    visitor = Visitor(http, R4, patient=person.id)
    token = visitor.tokens()["access_token"]
    path = f"MedicationRequest?patient={person.id}"
    included = [
        resource
        for resource in entries(visitor.fhir(f"{path}&_include=MedicationRequest:medication", token))
        if resource["resourceType"] == "Medication"
    ]
    assert included
    assert visitor.fhir(f"Medication/{included[0]['id']}", token).json() == included[0]
    assert {one["resourceType"] for one in entries(visitor.fhir(path, token))} == {"MedicationRequest"}


# --- Searches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", EHRS)
def test_both_ways_of_searching_find_the_same(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    token = visitor.tokens()["access_token"]
    forms = [
        f"Condition?patient={visitor.patient}",
        f"Condition?patient=Patient/{visitor.patient}",
        f"Condition?patient={visitor.address.fhir_base}/Patient/{visitor.patient}",
        f"Patient/{visitor.patient}/Condition",
    ]
    answers = [entries(visitor.fhir(form, token)) for form in forms]
    assert len(answers[0]) > 1
    assert all(answer == answers[0] for answer in answers)


def test_a_patient_search_finds_the_patient_of_the_launch(http: Client) -> None:
    for ehr in EHRS:
        visitor = Visitor(http, ehr)
        token = visitor.tokens()["access_token"]
        assert [one["id"] for one in entries(visitor.fhir(f"Patient?_id={visitor.patient}", token))] == [
            visitor.patient
        ]


def test_token_parameters_narrow_a_search_and_unknown_ones_are_ignored(http: Client) -> None:
    visitor = Visitor(http, R4)
    token = visitor.tokens()["access_token"]
    base = f"MedicationRequest?patient={visitor.patient}"
    everything = entries(visitor.fhir(base, token))
    statuses = {one["status"] for one in everything}
    assert len(statuses) > 1
    active = entries(visitor.fhir(f"{base}&status=active", token))
    assert 0 < len(active) < len(everything)
    assert {one["status"] for one in active} == {"active"}
    both = entries(visitor.fhir(f"{base}&status=active,on-hold", token))
    assert {one["status"] for one in both} == {"active", "on-hold"}
    assert entries(visitor.fhir(f"{base}&no-such-parameter=1", token)) == everything


def test_codes_are_found_with_and_without_their_system(http: Client) -> None:
    visitor = Visitor(http, R4)
    token = visitor.tokens()["access_token"]
    base = f"Condition?patient={visitor.patient}"
    system = "http://terminology.hl7.org/CodeSystem/condition-category"
    plain = entries(visitor.fhir(f"{base}&category=problem-list-item", token))
    assert plain
    assert entries(visitor.fhir(f"{base}&category={system}|problem-list-item", token)) == plain
    assert entries(visitor.fhir(f"{base}&category=http://elsewhere|problem-list-item", token)) == []


def test_the_reference_ehr_pages_by_absolute_links(http: Client) -> None:
    visitor = Visitor(http, R4, scenario={"page_size": 2})
    token = visitor.tokens()["access_token"]
    whole = store.records(visitor.address, store.people(R4)[0], "Condition")
    path, found, pages = f"Condition?patient={visitor.patient}", [], 0
    while path:
        body = visitor.fhir(path, token).json()
        assert body["total"] == len(whole)
        found += [entry["resource"]["id"] for entry in body["entry"]]
        links = {link["relation"]: link["url"] for link in body["link"]}
        following = links.get("next", "")
        assert following == "" or following.partition("?")[0] == f"{visitor.address.fhir_base}/Condition"
        path = following.removeprefix(f"{visitor.address.fhir_base}/")
        pages += 1
    assert found == [resource["id"] for resource in whole]
    assert pages == -(-len(whole) // 2)


def test_count_makes_smaller_pages_and_never_larger_ones(http: Client) -> None:
    visitor = Visitor(http, R4, scenario={"page_size": 3})
    token = visitor.tokens()["access_token"]
    for count, size in (("1", 1), ("500", 3), ("0", 3), ("x", 3), ("-1", 3)):
        assert len(entries(visitor.fhir(f"Condition?patient={visitor.patient}&_count={count}", token))) == size


def test_the_older_ehr_sends_all_at_once(http: Client) -> None:
    ehr = "allscripts-touchworks"
    address = Visitor(http, ehr).address
    longest = max(store.people(ehr), key=lambda person: len(store.records(address, person, "Condition")))
    visitor = Visitor(http, ehr, patient=longest.id)
    token = visitor.tokens()["access_token"]
    found = entries(visitor.fhir(f"Patient/{longest.id}/Condition?_count=10", token))
    assert len(found) == len(store.records(address, longest, "Condition")) > 100


# --- Who may see what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", EHRS)
@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_without_a_good_token_there_is_nothing(http: Client, ehr: str, token: str) -> None:
    visitor = Visitor(http, ehr)
    headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
    for path in (f"Patient/{visitor.patient}", f"Condition?patient={visitor.patient}", "NoSuchType"):
        answer = visitor.fhir(path, token, **headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer ")
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_token_ends_with_its_time(http: Client) -> None:
    visitor = Visitor(http, R4, scenario={"expires_in": 5})
    body = visitor.tokens()
    assert body["expires_in"] == 5
    path = f"Patient/{visitor.patient}"
    assert visitor.fhir(path, body["access_token"]).status_code == 200
    with time_machine.travel(time.time() + 7, tick=False):
        assert visitor.fhir(path, body["access_token"]).status_code == 401


def test_a_token_is_good_at_its_own_ehr_only_and_a_code_is_no_token(http: Client) -> None:
    older, newer = Visitor(http, ALLSCRIPTS), Visitor(http, R4)
    for token in (older.tokens()["access_token"], newer.code(), newer.tokens()["refresh_token"]):
        assert newer.fhir(f"Patient/{newer.patient}", token).status_code == 401


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
def test_another_patient_is_forbidden_in_every_form(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    token = visitor.tokens()["access_token"]
    other = someone_else(visitor)
    person = store.person_of(ehr, other)
    assert person is not None
    record = store.records(visitor.address, person, "Condition")[0]["id"]
    for path in (
        f"Patient/{other}",
        f"Patient/{other}/Condition",
        f"Patient?_id={other}",
        f"Patient?_id={visitor.patient},{other}",
        f"Condition?patient={other}",
        f"Condition?patient=Patient/{other}",
        f"Condition?subject=Patient/{other}",
        f"Condition?patient={visitor.patient}&patient={other}",
        f"Condition/{record}",
    ):
        answer = visitor.fhir(path, token)
        assert (answer.status_code, answer.json()["resourceType"]) == (403, "OperationOutcome"), path


def test_a_search_without_a_patient_is_a_bad_request(http: Client) -> None:
    visitor = Visitor(http)
    assert visitor.fhir("Condition", visitor.tokens()["access_token"]).status_code == 400


@pytest.mark.parametrize("type_name", ["Medication", "Encounter", "Practitioner", "MedicationRequest", "NoSuchType"])
def test_the_older_ehr_does_not_know_the_types_it_does_not_list(http: Client, type_name: str) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    token = visitor.tokens()["access_token"]
    for path in (f"{type_name}/1", f"{type_name}?patient={visitor.patient}", f"Patient/{visitor.patient}/{type_name}"):
        answer = visitor.fhir(path, token)
        assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


def test_a_type_outside_the_granted_scope_is_forbidden(http: Client) -> None:
    visitor = Visitor(http, R4)
    token = visitor.tokens(scope="launch patient/Patient.rs patient/Condition.s")["access_token"]
    assert visitor.fhir(f"Patient/{visitor.patient}", token).status_code == 200
    (first, *_) = entries(visitor.fhir(f"Condition?patient={visitor.patient}", token))
    assert visitor.fhir(f"Condition/{first['id']}", token).status_code == 403
    assert visitor.fhir(f"MedicationRequest?patient={visitor.patient}", token).status_code == 403


def test_a_strict_token_without_resource_scopes_opens_nothing(http: Client) -> None:
    visitor = Visitor(http, R4)
    token = visitor.tokens(scope="launch openid")["access_token"]
    assert visitor.fhir(f"Patient/{visitor.patient}", token).status_code == 403


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
def test_medications_that_were_not_granted_are_forbidden(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr, scenario={"fault": "narrow-scope"})
    body = visitor.tokens()
    assert "Medication" not in body["scope"]
    assert "Condition" in body["scope"]
    medication = "MedicationRequest" if ehr == R4 else "MedicationOrder"
    assert visitor.fhir(f"Condition?patient={visitor.patient}", body["access_token"]).status_code == 200
    assert visitor.fhir(f"{medication}?patient={visitor.patient}", body["access_token"]).status_code == 403


def test_nothing_can_be_written_and_nothing_but_json_be_read(http: Client) -> None:
    visitor = Visitor(http)
    token = visitor.tokens()["access_token"]
    path = path_of(f"{visitor.address.fhir_base}/Condition")
    for method in (http.post, http.put, http.delete):
        assert method(path, headers={"Authorization": f"Bearer {token}"}).status_code == 405
    assert visitor.fhir(f"Patient/{visitor.patient}", token, Accept="application/fhir+xml").status_code == 406


@pytest.mark.parametrize("path", ["", "/", "/Patient/1/Condition/2", "/Patient/1/_history/1"])
def test_what_does_not_exist_below_the_base_is_an_operation_outcome(http: Client, path: str) -> None:
    answer = http.get(f"/sandbox/smart-r4/fhir{path}")
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


def test_the_request_id_is_said_back(http: Client) -> None:
    visitor = Visitor(http)
    answer = visitor.fhir("Condition", "nonsense", **{"X-Request-Id": "abc-123"})
    assert answer["X-Request-Id"] == "abc-123"


# --- Faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
@pytest.mark.parametrize("status", [401, 403, 404, 410, 500])
def test_a_patient_read_can_fail_by_status(http: Client, ehr: str, status: int) -> None:
    answer = faulty(http, f"patient-{status}", "Patient/{patient}", ehr)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert ("WWW-Authenticate" in answer) is (status == 401)


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
def test_a_patient_read_can_answer_with_somebody_else(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    body = faulty(http, "patient-other", "Patient/{patient}", ehr).json()
    read = body["entry"][0]["resource"] if ehr == ALLSCRIPTS else body
    assert read["resourceType"] == "Patient"
    assert read["id"] == someone_else(visitor)


def test_a_patient_read_can_answer_with_a_practitioner_or_two_patients(http: Client) -> None:
    patient = Visitor(http).patient
    wrong_type = faulty(http, "patient-practitioner", "Patient/{patient}").json()
    assert (wrong_type["resourceType"], wrong_type["id"]) == ("Practitioner", patient)
    two = entries(faulty(http, "patient-two-bundle", "Patient/{patient}"))
    assert len({one["id"] for one in two}) == 2
    assert {one["resourceType"] for one in two} == {"Patient"}


@pytest.mark.parametrize(
    ("fault", "path"),
    [("patient-html", "Patient/{patient}"), ("conditions-html-200", "Condition?patient={patient}")],
)
def test_a_login_page_can_come_with_status_200(http: Client, fault: str, path: str) -> None:
    answer = faulty(http, fault, path)
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, "text/html")


@pytest.mark.parametrize(
    ("fault", "path"),
    [("patient-outcome", "Patient/{patient}"), ("conditions-outcome-200", "Condition?patient={patient}")],
)
def test_an_operation_outcome_can_come_with_status_200(http: Client, fault: str, path: str) -> None:
    answer = faulty(http, fault, path)
    assert (answer.status_code, answer.json()["resourceType"]) == (200, "OperationOutcome")


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
@pytest.mark.parametrize("path", ["Condition?patient={patient}", "Patient/{patient}/Condition"])
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_conditions_can_fail_by_status_in_either_form(http: Client, ehr: str, path: str, status: int) -> None:
    assert faulty(http, f"conditions-{status}", path, ehr).status_code == status


def test_conditions_can_be_redirected_to_a_stranger(http: Client) -> None:
    answer = faulty(http, "conditions-redirect", "Condition?patient={patient}")
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).netloc == urlsplit(faults.STRANGER).netloc


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
def test_the_next_page_can_lie_at_a_stranger(http: Client, ehr: str) -> None:
    body = faulty(http, "conditions-foreign-next", "Condition?patient={patient}", ehr).json()
    links = [link["url"] for link in body["link"] if link["relation"] == "next"]
    assert [urlsplit(link).netloc for link in links] == [urlsplit(faults.STRANGER).netloc]


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
def test_one_condition_can_belong_to_somebody_else_or_to_nobody(http: Client, ehr: str) -> None:
    key = "subject" if ehr == R4 else "patient"
    visitor = Visitor(http, ehr)
    own = f"Patient/{visitor.patient}"
    path = "Condition?patient={patient}&category=encounter-diagnosis"
    strays = [
        one for one in entries(faulty(http, "conditions-other-patient", path, ehr)) if one[key]["reference"] != own
    ]
    assert [one[key]["reference"] for one in strays] == [f"Patient/{someone_else(visitor)}"]
    homeless = [one for one in entries(faulty(http, "conditions-no-subject", path, ehr)) if key not in one]
    assert len(homeless) == 1


def test_conditions_can_be_warned_about_empty_or_cut_off(http: Client) -> None:
    path = "Condition?patient={patient}"
    *conditions, warning = entries(faulty(http, "conditions-warning", path))
    assert {one["resourceType"] for one in conditions} == {"Condition"}
    assert warning["issue"][0]["severity"] == "warning"
    assert entries(faulty(http, "conditions-empty", path)) == []
    with pytest.raises(ValueError, match="Unterminated string"):
        faulty(http, "conditions-bad-json", path).json()


@pytest.mark.parametrize(("ehr", "type_name"), [(R4, "MedicationRequest"), (ALLSCRIPTS, "MedicationStatement")])
@pytest.mark.parametrize("status", [403, 500])
def test_medications_can_fail_while_conditions_are_well(http: Client, ehr: str, type_name: str, status: int) -> None:
    fault = f"medications-{status}"
    assert faulty(http, fault, type_name + "?patient={patient}", ehr).status_code == status
    assert faulty(http, fault, "Condition?patient={patient}", ehr).status_code == 200


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
def test_script_stands_in_texts_and_neither_in_ids_nor_in_codes(http: Client, ehr: str) -> None:
    body = faulty(http, "xss", "Patient/{patient}", ehr).json()
    patient = body["entry"][0]["resource"] if ehr == ALLSCRIPTS else body
    assert SCRIPT in str(patient["name"])
    assert patient["id"] == Visitor(http, ehr).patient
    assert "<" not in patient["birthDate"] + patient["gender"]
    for condition in entries(faulty(http, "xss", "Condition?patient={patient}", ehr)):
        assert SCRIPT in str(condition["code"])
        assert "<" not in condition["id"] + str([coding["code"] for coding in condition["code"].get("coding", [])])
