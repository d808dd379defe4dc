"""Launches without a handle, the EHR's own patient picker, and other ways to and from the authorization endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.sandbox.house import ORIGIN, Visitor, params_of, path_of
from tests.sandbox.test_desktop import Page

EHRS = ("smart-r4", "epic", "oracle-health", "smart-stu3")
SCOPE = "launch/patient openid fhirUser offline_access patient/Patient.read patient/Condition.read"


def picker(visitor: Visitor, scope: str = SCOPE) -> Page:
    answer = visitor.authorize(launch=None, scope=scope)
    assert answer.status_code == 200
    assert b"Choose a patient" in answer.content
    return Page(answer.content.decode())


def link_of(shown: Page, patient: str) -> str:
    return next(href for href in shown.all("a", "href") if href.endswith(f"patient={patient}"))


@pytest.mark.parametrize("ehr", EHRS)
def test_the_provider_chooses_the_patient_of_a_standalone_launch(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    came = http.get(link_of(picker(visitor), "54520"))
    assert came.status_code == 302
    assert params_of(came)["state"] == ["state-of-the-visitor"]
    body = visitor.token(params_of(came)["code"][0]).json()
    assert body["patient"] == "54520"
    assert visitor.fhir("Patient/54520", body["access_token"]).status_code == 200
    assert visitor.fhir("Patient/19", body["access_token"]).status_code == 403


def test_a_fault_is_chosen_on_the_picker_and_the_consent_page_follows(http: Client) -> None:
    visitor = Visitor(http)
    shown = picker(visitor)
    ticket = next(attrs["value"] or "" for tag, attrs in shown.tags if attrs.get("name") == "ticket")
    rehearsing = http.get("/sandbox/smart-r4/choose", {"ticket": ticket, "fault": "login-page"})
    consent = http.get(link_of(Page(rehearsing.content.decode()), "54520"))
    assert b"Allow the app?" in consent.content
    denied = http.get("/sandbox/smart-r4/choose", {"ticket": ticket, "fault": "access-denied", "patient": "19"})
    assert params_of(denied)["error"] == ["access_denied"]


def test_the_provider_may_go_on_without_a_patient(http: Client) -> None:
    visitor = Visitor(http)
    came = http.get(link_of(picker(visitor, f"{SCOPE} user/Patient.rs"), ""))
    body = visitor.token(params_of(came)["code"][0]).json()
    assert "patient" not in body
    token = body["access_token"]
    found = visitor.fhir("Patient?name=hollingbrook", token).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["54520"]
    assert visitor.fhir("Patient/54520", token).status_code == 200
    assert visitor.fhir("Condition?patient=54520", token).json()["total"] > 0


@pytest.mark.parametrize(
    ("query", "some", "others"),
    [
        ("identifier=urn:oid:2.999.171.1|S-1042", {"smart-1042"}, set()),
        ("identifier=S-1042", {"smart-1042"}, set()),
        ("family=kittredge&given=ambrose", {"smart-1042"}, set()),
        ("_id=19,23", {"19", "23"}, set()),
        ("birthdate=1953-06-17", {"smart-1042"}, set()),
        ("gender=male", {"smart-1042"}, {"23"}),
        ("name=nobody-is-called-so", set(), {"54520"}),
    ],
)
def test_patients_are_found_by_who_they_are(http: Client, query: str, some: set[str], others: set[str]) -> None:
    visitor = Visitor(http, scenario={"patient_in": "absent"})
    body = visitor.fhir(f"Patient?{query}", visitor.tokens()["access_token"]).json()
    found = {entry["resource"]["id"] for entry in body.get("entry", [])}
    assert some <= found
    assert not others & found


def test_without_patient_scopes_nobody_is_asked_for(http: Client) -> None:
    visitor = Visitor(http)
    came = visitor.authorize(launch=None, scope="openid user/*.rs")
    assert "patient" not in visitor.token(params_of(came)["code"][0]).json()


@pytest.mark.parametrize("ehr", ["allscripts-professional", "smart-r4"])
def test_the_scope_launch_needs_a_handle(http: Client, ehr: str) -> None:
    assert params_of(Visitor(http, ehr).authorize(launch=None))["error"] == ["invalid_request"]


def test_an_older_ehr_knows_no_standalone_launch(http: Client) -> None:
    went = Visitor(http, "allscripts-professional").authorize(launch=None, scope="launch/patient openid")
    assert params_of(went)["error"] == ["invalid_request"]


@pytest.mark.parametrize("change", [("ticket=", "ticket=x"), ("/smart-r4/", "/epic/"), ("patient=54520", "patient=x")])
def test_a_forged_choice_leads_nowhere(http: Client, change: tuple[str, str]) -> None:
    link = link_of(picker(Visitor(http)), "54520").replace(*change)
    assert http.get(link).status_code == 400


def test_a_request_may_be_posted_and_the_answer_be_a_form(http: Client) -> None:
    visitor = Visitor(http)
    params = visitor.authorize_params(response_mode="form_post")
    answer = http.post(path_of(visitor.address.authorize_url), params)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    shown = Page(answer.content.decode())
    (action,) = shown.all("form", "action")
    assert action == f"{ORIGIN}/callback/smart-r4"
    fields: dict[str, Any] = {str(attrs["name"]): attrs["value"] for tag, attrs in shown.tags if tag == "input"}
    assert fields["state"] == "state-of-the-visitor"
    assert visitor.token(fields["code"]).json()["patient"] == visitor.patient
    assert shown.all("script", "src") == ["/static/sandbox/form_post.js"]
    assert [tag for tag, _ in shown.tags].count("button") == 1


def test_a_refusal_comes_as_a_form_as_well(http: Client) -> None:
    answer = Visitor(http, scenario={"fault": "access-denied"}).authorize(response_mode="form_post")
    assert b'value="access_denied"' in answer.content


def test_an_ehr_without_that_mode_redirects(http: Client) -> None:
    assert Visitor(http, "epic").authorize(response_mode="form_post").status_code == 302
