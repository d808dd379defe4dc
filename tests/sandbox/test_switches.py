"""The habits of an EHR that a launch can replace, and the errors that the SMART launcher can simulate."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import time_machine
from django.test import Client

from sandbox.endpoints import paging
from sandbox.scenario import PATIENT_CLAIM, SWITCHES, LaunchScenario, ScenarioError
from tests.sandbox.house import VERIFIER, Visitor, basic, params_of, path_of


def visitor_with(http: Client, ehr: str = "smart-r4", **scenario: Any) -> Visitor:
    return Visitor(http, ehr, scenario=scenario)


def searched(http: Client, path: str = "Condition?patient={patient}", **scenario: Any) -> Any:
    visitor = visitor_with(http, **scenario)
    return visitor.fhir(path.format(patient=visitor.patient), visitor.tokens()["access_token"])


def next_of(http: Client, style: str) -> str:
    body = searched(http, page_size=1, next_link=style).json()
    return next(str(link["url"]) for link in body["link"] if link["relation"] == "next")


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_every_switch_takes_its_choices_and_nothing_else(switch: Any) -> None:
    for choice in switch.choices:
        scenario = LaunchScenario.from_plain({"ehr": "epic", "patient": "19", switch.name: choice})
        assert LaunchScenario.decode(scenario.encode()) == scenario
    with pytest.raises(ScenarioError):
        LaunchScenario.from_plain({"ehr": "epic", "patient": "19", switch.name: "nonsense"})


def test_a_switch_goes_from_the_desktop_into_the_launch(http: Client) -> None:
    answer = http.get("/sandbox/smart-r4/open?patient=54520&next_link=loop&refresh=same")
    (handle,) = parse_qs(urlsplit(answer["Location"]).query)["launch"]
    scenario = LaunchScenario.decode(handle)
    assert (scenario.next_link, scenario.refresh) == ("loop", "same")
    shown = http.get("/sandbox/smart-r4/?total=wrong").content.decode()
    assert "Rehearsing other habits" in shown
    assert "total=wrong" in shown
    assert http.get("/sandbox/smart-r4/?total=nonsense").status_code == 404


@pytest.mark.parametrize(
    ("rule", "aud", "fits"),
    [
        ("ignored", None, True),
        ("present", "anything", True),
        ("present", None, False),
        ("slashed", "https://testserver/sandbox/smart-r4/fhir", False),
        ("slashed", "https://testserver/sandbox/smart-r4/fhir/", True),
        ("lenient", "https://testserver/sandbox/smart-r4/fhir/", True),
        ("lenient", "https://testserver/sandbox/smart-r4/fhir", True),
        ("exact", "https://testserver/sandbox/smart-r4/fhir/", False),
    ],
)
def test_aud_is_judged_as_the_scenario_says(http: Client, rule: str, aud: str | None, fits: bool) -> None:
    assert ("code" in params_of(visitor_with(http, aud=rule).authorize(aud=aud))) is fits


def test_one_way_of_client_authentication_may_be_the_only_one(http: Client) -> None:
    visitor = visitor_with(http, client_auth="client_secret_basic")
    assert visitor.token(visitor.code()).status_code == 400
    header = basic(visitor.client.client_id, visitor.client.secret)
    answer = visitor.token(visitor.code(), authorization=header, client_id=None, client_secret=None)
    assert answer.status_code == 200


def test_a_verifier_can_get_lost(http: Client) -> None:
    visitor = visitor_with(http, pkce="dropped")
    assert visitor.token(visitor.code(), code_verifier=VERIFIER).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("style", "asked", "given"),
    [
        ("explicit", "launch patient/*.rs patient/Condition.rs", "launch patient/Condition.rs"),
        ("mixed-case", "launch patient/Condition.read", "launch patient/Condition.Read"),
        ("unmixed", "launch patient/Condition.rs patient/Patient.r", "launch patient/Condition.rs patient/Patient.r"),
    ],
)
def test_scopes_are_granted_as_the_scenario_says(http: Client, style: str, asked: str, given: str) -> None:
    assert visitor_with(http, scope_style=style).tokens(scope=asked)["scope"] == given


def test_two_versions_of_scopes_can_be_refused_together(http: Client) -> None:
    went = visitor_with(http, scope_style="unmixed").authorize(scope="launch patient/Condition.rs patient/Patient.read")
    assert params_of(went)["error"] == ["invalid_scope"]


def test_the_patient_can_be_in_a_claim_of_the_access_token(http: Client) -> None:
    visitor = visitor_with(http, patient_in="claim")
    body = visitor.tokens()
    assert "patient" not in body
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims[PATIENT_CLAIM] == visitor.patient
    assert visitor.fhir(f"Patient/{visitor.patient}", body["access_token"]).status_code == 200
    assert visitor.fhir("Patient/19", body["access_token"]).status_code == 403


def test_the_patient_can_be_left_to_the_app(http: Client) -> None:
    visitor = visitor_with(http, patient_in="absent")
    body = visitor.tokens()
    assert "patient" not in body
    assert visitor.fhir("Patient/19", body["access_token"]).status_code == 200


@pytest.mark.parametrize(("style", "status"), [("described", 302), ("uri", 302), ("page", 400)])
def test_errors_are_told_as_the_scenario_says(http: Client, style: str, status: int) -> None:
    visitor = visitor_with(http, errors=style, fault="access-denied")
    answer = visitor.authorize()
    assert answer.status_code == status
    if status == 302:
        assert ("error_uri" in params_of(answer)) is (style == "uri")
    refused = visitor_with(http, errors=style)
    told = refused.token(refused.code(), code_verifier="w" * 43)
    assert told["Content-Type"].startswith("text/html" if style == "page" else "application/json")


@pytest.mark.parametrize(
    ("ehr", "style", "kind"), [("smart-r4", "bundle", "Bundle"), ("allscripts-sunrise", "resource", "Patient")]
)
def test_a_patient_is_read_as_the_scenario_says(http: Client, ehr: str, style: str, kind: str) -> None:
    visitor = visitor_with(http, ehr, read_as=style)
    answer = visitor.fhir(f"Patient/{visitor.patient}", visitor.tokens()["access_token"])
    assert answer.json()["resourceType"] == kind


@pytest.mark.parametrize("status", ["400", "403", "404"])
def test_a_search_can_need_a_parameter(http: Client, status: str) -> None:
    needed = {"requires": "category", "requires_status": status}
    assert searched(http, **needed).status_code == int(status)
    assert searched(http, "Condition?patient={patient}&category=problem-list-item", **needed).status_code == 200
    assert searched(http, "MedicationStatement?patient={patient}", **needed).status_code == 200
    intent = searched(http, "MedicationRequest?patient={patient}", requires="intent")
    assert intent.status_code == 400


def test_the_next_link_is_bent_as_the_scenario_says(http: Client) -> None:
    assert next_of(http, "relative").startswith("Condition?")
    assert next_of(http, "other-case").startswith("HTTPS://TESTSERVER/sandbox/smart-r4/fhir/Condition?")
    assert next_of(http, "http").startswith("http://testserver/")
    assert "_offset" not in next_of(http, "loop")
    visitor = visitor_with(http)
    expired = next_of(http, "expired").removeprefix(f"{visitor.address.fhir_base}/")
    assert visitor.fhir(expired, visitor.tokens()["access_token"]).status_code == 400


def test_the_number_of_results_is_as_the_scenario_says(http: Client) -> None:
    right = searched(http, page_size=2).json()["total"]
    assert "total" not in searched(http, page_size=2, total="absent").json()
    assert searched(http, page_size=2, total="wrong").json()["total"] != right
    assert searched(http, page_size=2, total="estimate").json()["total"] == 3 < right


def test_a_session_of_pages_ends_by_itself(http: Client) -> None:
    visitor = Visitor(http, "epic", patient="54520", scenario={"page_size": 1})
    token = visitor.tokens()["access_token"]
    body = visitor.fhir("Condition?patient=54520", token).json()
    link = next(one["url"] for one in body["link"] if one["relation"] == "next")
    with time_machine.travel(time.time() + paging.SESSION_SECONDS + 2, tick=False):
        assert visitor.fhir(link.removeprefix(f"{visitor.address.fhir_base}/"), token).status_code == 400


# --- Token faults -----------------------------------------------------------------------------------------------------


def test_harmless_oddities_of_the_token_response(http: Client) -> None:
    assert visitor_with(http, fault="token-type-lower").tokens()["token_type"] == "bearer"
    assert visitor_with(http, fault="expires-zero").tokens()["expires_in"] == 0
    assert visitor_with(http, fault="state-echoed").tokens()["state"] == "state-of-the-visitor"
    assert "state" not in visitor_with(http).tokens()


def test_an_error_can_come_without_state(http: Client) -> None:
    went = params_of(visitor_with(http, fault="error-no-state").authorize())
    assert went["error"] == ["access_denied"]
    assert "state" not in went


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("auth_invalid_client_secret", 401, "invalid_client"),
        ("token_invalid_token", 401, "invalid_client"),
        ("token_expired_registration_token", 401, "invalid_client"),
        ("token_invalid_scope", 400, "invalid_scope"),
        ("token_invalid_jti", 401, "invalid_client"),
        ("invalid-client-500", 500, "invalid_client"),
    ],
)
def test_the_launchers_errors_of_the_token_endpoint(http: Client, fault: str, status: int, error: str) -> None:
    visitor = visitor_with(http, fault=fault)
    answer = visitor.token(visitor.code())
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [("auth_invalid_client_id", 401, "invalid_client"), ("auth_invalid_redirect_uri", 400, "invalid_request")],
)
def test_the_launchers_errors_that_lead_nowhere(http: Client, fault: str, status: int, error: str) -> None:
    answer = visitor_with(http, fault=fault).authorize()
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_launchers_other_errors(http: Client) -> None:
    went = params_of(visitor_with(http, fault="auth_invalid_scope").authorize())
    assert went["error"] == ["invalid_scope"]
    for fault in ("request_invalid_token", "request_expired_token"):
        for path in ("Patient/{patient}", "Condition?patient={patient}"):
            assert searched(http, path, fault=fault).status_code == 401


# --- Discovery faults -------------------------------------------------------------------------------------------------


def configuration(http: Client, fault: str, *, root: bool = False) -> Any:
    where = "" if root else "/fhir"
    return http.get(f"/sandbox/smart-r4~{fault}{where}/.well-known/smart-configuration")


def test_the_smart_configuration_can_lie_elsewhere_or_nowhere(http: Client) -> None:
    assert configuration(http, "discovery-host-root").status_code == 404
    at_root = configuration(http, "discovery-host-root", root=True).json()
    assert at_root["token_endpoint"] == Visitor(http, discovery="discovery-host-root").address.token_url
    assert configuration(http, "discovery-metadata-only").status_code == 404
    assert configuration(http, "discovery-metadata-only", root=True).status_code == 404
    assert http.get("/sandbox/smart-r4~discovery-metadata-only/fhir/metadata").status_code == 200


def test_the_smart_configuration_can_be_odd(http: Client) -> None:
    key = "token_endpoint_auth_methods"
    assert f"{key}_supported" not in configuration(http, "discovery-no-auth-methods").json()
    old = configuration(http, "discovery-old-auth-methods").json()
    assert f"{key}_supported" not in old
    assert "client_secret_basic" in old[key]
    assert configuration(http, "discovery-content-type")["Content-Type"] == "application/octet-stream"
    named = configuration(http, "discovery-other-issuer").json()
    assert named["issuer"] != Visitor(http, discovery="discovery-other-issuer").address.issuer
    assert http.get(path_of(Visitor(http).address.jwks_url)).status_code == 200
