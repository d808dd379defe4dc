"""Searching and reading allergies, measurements, vaccinations, visits and documents, and the faults in them."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from sandbox import faults, papers, store
from sandbox.personalities import PERSONALITIES
from sandbox.scopes import categories, granted
from tests.sandbox.house import EHRS, NEWER, Visitor
from tests.sandbox.test_fhir import entries, faulty

R4, STU3, ALLSCRIPTS = "smart-r4", "smart-stu3", "allscripts-professional"
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
LISTS = ("AllergyIntolerance", "Immunization", "DocumentReference", "Observation?category=vital-signs")
PDF, NOTE, HTML, LOST, LARGE = (
    f"Binary/54520-doc{number}-file1"  # the note is inline, so there is no Binary of it
    for number in (1, 2, 3, 5, 6)
)


def asked(path: str, patient: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}patient={patient}"


def opened(http: Client, ehr: str = R4, patient: str = "54520", **scenario: Any) -> tuple[Visitor, str]:
    visitor = Visitor(http, ehr, patient=patient, scenario=scenario)
    return visitor, visitor.tokens()["access_token"]


# --- Searches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", EHRS)
@pytest.mark.parametrize("path", LISTS)
def test_every_ehr_holds_the_lists_and_finds_them_in_both_ways(http: Client, ehr: str, path: str) -> None:
    visitor, token = opened(http, ehr)
    name, _, query = path.partition("?")
    found = entries(visitor.fhir(asked(path, "54520"), token))
    assert len(found) > 3
    assert {one["resourceType"] for one in found} == {name}
    assert entries(visitor.fhir(f"Patient/54520/{name}?{query}", token)) == found


@pytest.mark.parametrize("ehr", EHRS)
def test_every_ehr_lists_in_its_conformance_what_it_holds(http: Client, ehr: str) -> None:
    kinds = {one["type"]: one for one in http.get(f"/sandbox/{ehr}/fhir/metadata").json()["rest"][0]["resource"]}
    assert {"AllergyIntolerance", "Observation", "Immunization", "DocumentReference"} <= set(kinds)
    assert ("Encounter" in kinds) is (ehr in NEWER)
    if ehr in NEWER:
        assert kinds["Binary"]["interaction"] == [{"code": "read"}]
        assert "searchParam" not in kinds["Binary"]


def test_measurements_are_found_by_category_and_by_code(http: Client) -> None:
    visitor, token = opened(http)
    labs = entries(visitor.fhir(asked(f"Observation?category={LABORATORY}", "54520"), token))
    assert {one["category"][0]["coding"][0]["code"] for one in labs} == {"laboratory"}
    sugars = entries(visitor.fhir(asked("Observation?code=http://loinc.org|4548-4", "54520"), token))
    assert [one["valueQuantity"]["value"] for one in sugars] == [8.4, 8.0, 7.6, 7.2, 7.0]
    assert entries(visitor.fhir(asked("Observation?category=social-history", "54520"), token)) == []


def test_trailing_zeros_travel_as_they_were_written(http: Client) -> None:
    for ehr in (R4, STU3, ALLSCRIPTS):
        visitor, token = opened(http, ehr)
        answer = visitor.fhir(asked("Observation?category=laboratory&code=2160-0", "54520"), token)
        assert b'"value": 1.10' in answer.content


def test_dates_narrow_a_search_where_the_ehr_lists_them_and_are_ignored_elsewhere(http: Client) -> None:
    path = "Observation?category=vital-signs&code=85354-9"
    for ehr, narrows in ((R4, True), (STU3, True), (ALLSCRIPTS, True), ("oracle-health", False), ("azure", False)):
        visitor, token = opened(http, ehr)
        everything = entries(visitor.fhir(asked(path, "54520"), token))
        of_2026 = entries(visitor.fhir(asked(f"{path}&date=ge2026-01-01", "54520"), token))
        assert len(everything) == 6
        assert len(of_2026) == (3 if narrows else 6)
        both = entries(visitor.fhir(asked(f"{path}&date=ge2025-02-01&date=lt2025-03", "54520"), token))
        assert len(both) == (1 if narrows else 6)


@pytest.mark.parametrize(
    ("date", "count"),
    [("2026-10-06", 1), ("eq2026", 3), ("gt2026-06", 1), ("le2025", 3), ("ne2026-10-06", 5), ("nonsense", 6)],
)
def test_a_date_is_compared_as_exactly_as_it_is_written(http: Client, date: str, count: int) -> None:
    visitor, token = opened(http)
    path = f"Observation?code=85354-9&date={date}"
    assert len(entries(visitor.fhir(asked(path, "54520"), token))) == count


def test_the_latest_can_come_first_where_the_ehr_lists_dates(http: Client) -> None:
    path = "Observation?category=laboratory&code=4548-4&_sort=-date"
    for ehr, days in ((R4, ["2026-10-06", "2026-02-11"]), ("oracle-health", ["2024-11-05", "2025-02-04"])):
        visitor, token = opened(http, ehr)
        found = entries(visitor.fhir(asked(f"{path}&_count=2", "54520"), token))
        assert [one["effectiveDateTime"] for one in found] == days


def test_epic_needs_a_category_for_measurements_in_both_ways_of_searching(http: Client) -> None:
    visitor, token = opened(http, "epic")
    for path in (asked("Observation", "54520"), "Patient/54520/Observation", "Observation?patient=54520&date=2026"):
        answer = visitor.fhir(path, token)
        assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    assert visitor.fhir(asked("Observation?code=4548-4", "54520"), token).status_code == 200


def test_long_lists_of_measurements_come_in_pages(http: Client) -> None:
    visitor, token = opened(http, "oracle-health", patient="23")
    body = visitor.fhir(asked("Observation?category=vital-signs", "23"), token).json()
    assert (len(body["entry"]), body["total"]) == (20, 40)
    assert [link["relation"] for link in body["link"]] == ["self", "next"]


def test_the_older_ehrs_have_no_encounters(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    body = visitor.tokens()
    assert "encounter" not in body
    assert visitor.fhir("Encounter?patient=54520", body["access_token"]).status_code == 404


@pytest.mark.parametrize("ehr", NEWER)
def test_the_launch_names_the_visit_under_way_and_it_can_be_read(http: Client, ehr: str) -> None:
    patient = next(one.id for one in store.residents(ehr) if any(each.status == "in-progress" for each in one.visits))
    visitor = Visitor(http, ehr, patient=patient)
    body = visitor.tokens()
    read = visitor.fhir(f"Encounter/{body['encounter']}", body["access_token"]).json()
    assert (read["status"], read["subject"]["reference"].rpartition("/")[2]) == ("in-progress", patient)


def test_a_launch_can_be_about_another_visit_but_not_about_one_that_is_not_there(http: Client) -> None:
    assert Visitor(http, R4, patient="54520", scenario={"encounter": "54520-v1"}).tokens()["encounter"] == "54520-v1"
    assert "encounter" not in Visitor(http, R4, patient="54520", scenario={"encounter": "no-such"}).tokens()
    assert "encounter" not in Visitor(http, R4, patient="54582").tokens()


# --- Who may see what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*LISTS, "Encounter"])
def test_lists_of_another_patient_are_forbidden(http: Client, path: str) -> None:
    visitor, token = opened(http)
    assert visitor.fhir(asked(path, "19"), token).status_code == 403


def test_a_scope_for_one_category_opens_that_category_alone(http: Client) -> None:
    visitor = Visitor(http, R4, patient="54520")
    scope = f"launch patient/Patient.rs patient/Observation.rs?category={LABORATORY}"
    body = visitor.tokens(scope=scope)
    assert body["scope"] == scope
    token = body["access_token"]
    found = entries(visitor.fhir(asked("Observation", "54520"), token))
    assert {one["category"][0]["coding"][0]["code"] for one in found} == {"laboratory"}
    assert entries(visitor.fhir(asked("Observation?category=vital-signs", "54520"), token)) == []
    assert visitor.fhir(f"Observation/{found[0]['id']}", token).status_code == 200
    assert visitor.fhir("Observation/54520-ob1", token).status_code == 403
    assert visitor.fhir(asked("Condition", "54520"), token).status_code == 403


def test_a_wider_scope_beside_a_narrow_one_opens_all(http: Client) -> None:
    narrow = "patient/Observation.rs?category=a|laboratory"
    assert categories(narrow, "Observation", "s") == frozenset({"a|laboratory"})
    assert categories(f"{narrow} patient/Observation.s?category=b", "Observation", "s") == frozenset(
        {"a|laboratory", "b"}
    )
    assert categories(f"{narrow} patient/Observation.s?category=b", "Observation", "r") == frozenset({"a|laboratory"})
    assert categories(f"{narrow} user/*.rs", "Observation", "s") is None
    assert categories(narrow, "Condition", "s") is None


def test_categories_are_for_scopes_of_version_2_only() -> None:
    scope = "patient/Observation.rs?category=laboratory"
    assert granted(scope, PERSONALITIES[R4]) == scope
    for ehr in (STU3, ALLSCRIPTS, "azure"):
        assert granted(scope, PERSONALITIES[ehr]) == ""


# --- Content of documents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["*/*", "application/pdf", "application/pdf, */*;q=0.1"])
@pytest.mark.parametrize("ehr", EHRS)
def test_content_comes_as_it_is(http: Client, ehr: str, accept: str) -> None:
    visitor, token = opened(http, ehr)
    answer = visitor.fhir(PDF, token, Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("ehr", "name"), [(R4, "data"), (STU3, "content"), (ALLSCRIPTS, "content")])
def test_content_comes_in_a_binary_when_fhir_is_asked_for(http: Client, ehr: str, name: str) -> None:
    visitor, token = opened(http, ehr)
    media = visitor.address.personality.media_type
    for answer in (visitor.fhir(PDF, token), visitor.fhir(f"{PDF}?_format=json", token, Accept="*/*")):
        assert answer["Content-Type"].partition(";")[0] == media
        body = answer.json()
        assert (body["resourceType"], body["contentType"]) == ("Binary", "application/pdf")
        assert base64.b64decode(body[name]).startswith(b"%PDF-")


def test_content_of_another_kind_than_asked_is_not_acceptable(http: Client) -> None:
    visitor, token = opened(http)
    assert visitor.fhir(PDF, token, Accept="text/plain").status_code == 406
    assert visitor.fhir(HTML, token, Accept="text/html")["Content-Type"] == "text/html"


def test_content_needs_the_token_its_scope_and_its_patient(http: Client) -> None:
    visitor, token = opened(http)
    assert visitor.fhir(PDF, "nonsense", Accept="*/*").status_code == 401
    assert visitor.fhir("Binary/smart-1042-doc1-file1", token, Accept="*/*").status_code == 403
    assert visitor.fhir(LOST, token, Accept="*/*").status_code == 404
    assert visitor.fhir(NOTE, token, Accept="*/*").status_code == 404
    assert visitor.fhir("Binary?patient=54520", token).status_code == 400
    narrow = visitor.tokens(scope="launch patient/DocumentReference.rs")["access_token"]
    assert visitor.fhir(PDF, narrow, Accept="*/*").status_code == 403


def test_the_large_document_says_its_size_before_it_is_read(http: Client) -> None:
    visitor, token = opened(http)
    found = entries(visitor.fhir(asked("DocumentReference", "54520"), token))
    attachment = next(one for one in found if one["id"] == "54520-doc6")["content"][0]["attachment"]
    assert attachment["size"] == papers.LARGE_BYTES
    assert len(visitor.fhir(LARGE, token, Accept="*/*").content) == papers.LARGE_BYTES


# --- Faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", [R4, STU3, ALLSCRIPTS])
@pytest.mark.parametrize(
    ("fault", "path", "status"),
    [
        ("allergies-403", "AllergyIntolerance", 403),
        ("allergies-500", "AllergyIntolerance", 500),
        ("vitals-500", "Observation?category=vital-signs", 500),
        ("labs-403", "Observation?category=laboratory", 403),
        ("immunizations-404", "Immunization", 404),
        ("immunizations-500", "Immunization", 500),
        ("documents-500", "DocumentReference", 500),
        ("binary-404", PDF, 404),
    ],
)
def test_a_list_can_fail_while_the_others_are_well(http: Client, ehr: str, fault: str, path: str, status: int) -> None:
    visitor, token = opened(http, ehr, fault=fault)
    assert visitor.fhir(asked(path, "54520"), token).status_code == status
    for other in ("Condition", *LISTS):
        if other.partition("?")[0] != path.partition("?")[0]:
            assert visitor.fhir(asked(other, "54520"), token).status_code == 200


def test_vital_signs_and_labs_fail_apart(http: Client) -> None:
    visitor, token = opened(http, fault="labs-html")
    labs = visitor.fhir(asked("Observation?category=laboratory", "54520"), token)
    assert (labs.status_code, labs["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert entries(visitor.fhir(asked("Observation?category=vital-signs", "54520"), token))


def test_vital_signs_alone_can_be_slow(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("sandbox.endpoints.access.time.sleep", naps.append)
    visitor, token = opened(http, fault="vitals-slow")
    visitor.fhir(asked("Observation?category=laboratory", "54520"), token)
    visitor.fhir(asked("Observation?category=vital-signs", "54520"), token)
    assert naps == [0, 6]


@pytest.mark.parametrize("status", [403, 500])
def test_encounters_can_fail_where_there_are_any(http: Client, status: int) -> None:
    fault = f"encounters-{status}"
    assert faulty(http, fault, "Encounter?patient={patient}").status_code == status
    assert fault not in {one.name for one in faults.for_launches(PERSONALITIES[ALLSCRIPTS])}


@pytest.mark.parametrize("ehr", [R4, STU3, ALLSCRIPTS])
@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("allergies-other-patient", "AllergyIntolerance"),
        ("labs-other-patient", "Observation?category=laboratory"),
    ],
)
def test_one_record_can_belong_to_somebody_else(http: Client, ehr: str, fault: str, path: str) -> None:
    visitor, token = opened(http, ehr, fault=fault)
    whose = [
        one["patient" if "patient" in one else "subject"]["reference"]
        for one in entries(visitor.fhir(asked(path, "54520"), token))
    ]
    assert whose[:-1] == ["Patient/54520"] * (len(whose) - 1)
    assert whose[-1] != "Patient/54520"


def test_allergies_can_be_empty_or_warned_about(http: Client) -> None:
    assert entries(faulty(http, "allergies-empty", "AllergyIntolerance?patient={patient}")) == []
    *rest, warning = entries(faulty(http, "allergies-warning", "AllergyIntolerance?patient={patient}"))
    assert {one["resourceType"] for one in rest} == {"AllergyIntolerance"}
    assert warning["issue"][0]["severity"] == "warning"


def test_a_document_can_lie_elsewhere_and_its_content_lead_there(http: Client) -> None:
    found = entries(faulty(http, "documents-foreign-url", "DocumentReference?patient={patient}"))
    urls = [form["attachment"].get("url", "") for one in found for form in one["content"]]
    assert [urlsplit(url).netloc for url in urls if urlsplit(url).netloc] == [urlsplit(faults.STRANGER).netloc]
    answer = faulty(http, "binary-redirect", PDF)
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).netloc == urlsplit(faults.STRANGER).netloc


def test_a_login_page_can_be_said_to_be_a_pdf(http: Client) -> None:
    answer = faulty(http, "binary-html-as-pdf", PDF)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"<!DOCTYPE html>")


def test_nobody_and_a_patient_without_a_visit_under_way_have_no_current_visit() -> None:
    assert store.current_visit(R4, "nobody") == ""
    assert store.current_visit(R4, "54582") == ""
    assert store.current_visit(R4, "54520") == "54520-v4"
    assert store.current_visit(ALLSCRIPTS, "54520") == ""
