"""Launches that start here, authorization by form, and the patient picker."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import R4, iss_of, launch_url, refused, registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(ehrs: Bridge) -> EhrRegistration:
    found = registration()
    found.launch_modes = ["ehr", "standalone"]
    found.save()
    return found


def callback_with(browser: Browser, page: Page) -> str:
    """A callback as the EHR would send it for this request (its own sign-in is not what is tested here)."""
    state = page.query["state"][0]
    config = PendingLaunch.objects.get().configuration
    return f"/callback/{R4}?code=opaque&state={state}&iss={config['issuer']}"


def token_answer(bridge: Bridge, **more: Any) -> None:
    bridge.answer_with("/token", json.dumps({"access_token": "opaque", "token_type": "Bearer", **more}))


def test_a_standalone_launch_asks_for_the_patient_by_scope_and_sends_no_launch(
    row: EhrRegistration, browser: Browser
) -> None:
    page = browser.get(f"/standalone/{R4}")
    assert page.status == 302
    assert "launch" not in page.query
    scopes = page.query["scope"][0].split()
    assert "launch" not in scopes
    assert "launch/patient" in scopes
    assert page.query["aud"] == [iss_of(R4)]
    assert PendingLaunch.objects.get().mode == "standalone"


def test_an_ehr_that_sends_no_launch_handle_starts_a_standalone_launch_where_that_is_registered(
    row: EhrRegistration, browser: Browser
) -> None:
    assert "launch/patient" in browser.get(f"/launch?iss={iss_of(R4)}").query["scope"][0]


@pytest.mark.parametrize(("modes", "code", "status"), [(["ehr"], "launch_incomplete", 400), (["standalone"], "", 302)])
def test_a_registration_takes_the_launches_it_is_registered_for(
    row: EhrRegistration, browser: Browser, modes: list[str], code: str, status: int
) -> None:
    row.launch_modes = modes
    row.save()
    page = browser.get(f"/standalone/{R4}")
    assert (page.status, page.error) == (status, code)


def test_an_unknown_slug_and_a_disabled_registration_are_refused(row: EhrRegistration, browser: Browser) -> None:
    assert browser.get("/standalone/nobody").error == "not_found"
    row.enabled = False
    row.save()
    refused(browser.get(f"/standalone/{R4}"), status=403, code="registration_disabled", event="launch.rejected")


def test_a_patient_who_signs_in_is_the_patient(row: EhrRegistration, ehrs: Bridge, browser: Browser) -> None:
    token_answer(ehrs, scope="launch/patient patient/*.rs", fhirUser="Patient/54520")
    page = browser.get(callback_with(browser, browser.get(f"/standalone/{R4}")))
    assert page.status == 303
    assert Launch.objects.get().patient == "54520"


def test_without_user_scopes_nobody_is_chosen_from_a_list(row: EhrRegistration, ehrs: Bridge, browser: Browser) -> None:
    token_answer(ehrs, scope="launch/patient patient/*.rs")
    page = browser.get(callback_with(browser, browser.get(f"/standalone/{R4}")))
    refused(page, status=502, code="no_patient", event="token.failed")


@pytest.fixture
def picker(row: EhrRegistration, ehrs: Bridge, browser: Browser) -> str:
    """The address of the picker of a fresh standalone launch without a patient."""
    token_answer(ehrs, scope="launch/patient user/*.rs")
    page = browser.get(callback_with(browser, browser.get(f"/standalone/{R4}")))
    assert page.status == 303
    moved = browser.get(page.location)
    assert moved.status == 302
    return urlsplit(moved.location).path


def people(bridge: Bridge, *patients: dict[str, Any]) -> None:
    entries = [{"resource": {"resourceType": "Patient", **patient}} for patient in patients]
    bridge.answer_with("/fhir/Patient", json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}))


def test_a_patient_is_searched_by_name_chosen_once_and_then_fixed(picker: str, ehrs: Bridge, browser: Browser) -> None:
    people(ehrs, {"id": "54520", "name": [{"family": "Hollingbrook"}]}, {"id": "x-2", "name": [{"family": "Holl"}]})
    page = browser.get(f"{picker}?name=Holl")
    assert page.status == 200
    assert "HOLLINGBROOK" in page.text
    assert not page.marks("data-patient")
    assert "patient-banner" not in page.text
    token = re.search(r'name="token" value="([0-9a-f]+)"', page.text)
    assert token
    chosen = browser.post(picker, {"token": token.group(1), "patient": "54520"})
    assert chosen.status == 303
    assert Launch.objects.get().patient == "54520"
    assert AuditEvent.objects.filter(event="patient.chosen", patient="54520").count() == 1
    again = browser.post(picker, {"token": token.group(1), "patient": "x-2"})
    assert again.status == 302
    assert Launch.objects.get().patient == "54520"


@pytest.mark.parametrize("patient", ["", "../1", "a/b", "x" * 65])
def test_what_is_no_patient_is_not_chosen(patient: str, picker: str, ehrs: Bridge, browser: Browser) -> None:
    people(ehrs, {"id": "54520", "name": [{"family": "Hollingbrook"}]})
    token = re.search(r'name="token" value="([0-9a-f]{64})"', browser.get(f"{picker}?name=Holl").text)
    assert token
    assert browser.post(picker, {"token": "0" * 64, "patient": "54520"}).error == "form_expired"
    page = browser.post(picker, {"token": token.group(1), "patient": patient})
    assert page.error == "no_patient"
    assert Launch.objects.get().patient == ""


def test_a_search_that_fails_is_not_an_empty_list(picker: str, ehrs: Bridge, browser: Browser) -> None:
    ehrs.answer_with("/fhir/Patient", "not json")
    page = browser.get(f"{picker}?name=Holl")
    assert "could not be searched" in page.text
    assert "No patient with this name" not in page.text


def test_nothing_of_a_chart_is_shown_before_a_patient_is_chosen(picker: str, ehrs: Bridge, browser: Browser) -> None:
    ehrs.forget()
    chart = picker.removesuffix("patient/")
    for address in (chart, f"{chart}panels/conditions/"):
        assert browser.get(address).status == 302
    assert ehrs.seen == []


def test_authorization_by_form_where_it_is_registered_so(row: EhrRegistration, browser: Browser) -> None:
    by_redirect = browser.get(launch_url()).query
    row.authorize_method = "post"
    row.save()
    page = browser.get(launch_url())
    assert page.status == 200
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text))
    assert set(fields) == set(by_redirect)
    assert {fields[name] for name in ("response_type", "client_id", "aud")} == {
        by_redirect[name][0] for name in ("response_type", "client_id", "aud")
    }
    assert re.search(r'<form method="post" action="https://testserver/sandbox/smart-r4/[a-z0-9/]*authorize"', page.text)
    assert "form-action https://testserver;" in page.response.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*src=)", page.text)


def test_authorization_by_form_is_chosen_when_the_address_would_be_too_long(
    row: EhrRegistration, browser: Browser
) -> None:
    row.scopes = "launch openid " + " ".join(f"patient/Condition.rs?category=c{number:04}" for number in range(60))
    row.save()
    page = browser.get(launch_url())
    assert "authorize-post" in PendingLaunch.objects.get().configuration["capabilities"]
    assert page.status == 200
    assert 'name="code_challenge"' in page.text


def test_an_endpoint_of_the_registrations_own_is_used_instead(row: EhrRegistration, browser: Browser) -> None:
    row.authorization_endpoint = "https://testserver/sandbox/smart-r4/elsewhere"
    row.full_clean()
    row.save()
    page = browser.get(launch_url())
    assert page.location.split("?")[0] == "https://testserver/sandbox/smart-r4/elsewhere"


def test_both_endpoints_of_its_own_do_without_discovery(row: EhrRegistration, browser: Browser) -> None:
    row.iss = iss_of("smart-r4~discovery-html")
    row.authorization_endpoint = "https://testserver/sandbox/smart-r4/a"
    row.token_endpoint = "https://testserver/sandbox/smart-r4/t"
    row.save()
    page = browser.get(f"/launch/{R4}?launch=x&iss={row.iss}")
    assert page.status == 302


def test_a_prefix_registration_takes_the_issuers_below_it(row: EhrRegistration, browser: Browser) -> None:
    row.iss, row.iss_is_prefix = "https://testserver/sandbox", True
    row.save()
    page = browser.get(launch_url())
    assert page.status == 302
    assert page.query["aud"] == [iss_of(R4)]
    assert parse_qs(urlsplit(page.location).query)["launch"] == ["54520"]
    assert browser.get("/launch?launch=x&iss=https://testserver/sandbox-evil/fhir").error == "unknown_issuer"
    row.environment = "production"
    with pytest.raises(Exception, match="whole issuer"):
        row.full_clean()
