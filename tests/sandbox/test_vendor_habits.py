"""What each of the newer simulated EHRs does in its own way."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import jwt
import pytest
from django.test import Client

from sandbox import handles, store
from sandbox.endpoints import answers, paging
from sandbox.scenario import LaunchScenario
from tests.sandbox.house import CHALLENGE, NEWER, ORIGIN, Visitor, pairs_of, params_of, path_of

WELL_KNOWN = ".well-known/smart-configuration"


def configuration(http: Client, ehr: str) -> dict[str, Any]:
    body: dict[str, Any] = http.get(f"/sandbox/{ehr}/fhir/{WELL_KNOWN}").json()
    return body


def pages(visitor: Visitor, path: str, token: str) -> list[dict[str, Any]]:
    found = []
    while path:
        answer = visitor.fhir(path, token)
        assert answer.status_code == 200, answer.content
        found.append(answer.json())
        links = {link["relation"]: link["url"] for link in found[-1]["link"]}
        path = links.get("next", "").removeprefix(f"{visitor.address.fhir_base}/")
    return found


@pytest.mark.parametrize("ehr", NEWER)
def test_every_newer_ehr_has_both_documents_and_they_agree(http: Client, ehr: str) -> None:
    metadata = http.get(f"/sandbox/{ehr}/fhir/metadata").json()
    uris = metadata["rest"][0]["security"]["extension"][0]["extension"]
    named = {part["url"]: part["valueUri"] for part in uris}
    config = configuration(http, ehr)
    address = Visitor(http, ehr).address
    assert (named["authorize"], named["token"]) == (address.authorize_url, address.token_url)
    assert urljoin(f"{address.fhir_base}/", config["token_endpoint"]) == address.token_url
    assert urljoin(f"{address.fhir_base}/", config["authorization_endpoint"]) == address.authorize_url
    assert http.post(path_of(address.token_url)).status_code == 400


# --- epic -----------------------------------------------------------------------------------------------------------


def test_epic_grants_what_the_registration_says_in_mixed_spelling(http: Client) -> None:
    words = Visitor(http, "epic").tokens(scope="launch openid fhirUser patient/*.rs")["scope"].split()
    assert words[:3] == ["launch", "openid", "fhirUser"]
    assert {word.rpartition(".")[2] for word in words[3:]} == {"read", "Read"}
    assert all(word.startswith("user/") for word in words[3:])
    supported = configuration(http, "epic")["scopes_supported"]
    assert not [word for word in supported if "/" in word and not word.startswith("launch/")]


def test_epic_refreshes_only_what_asked_for_it_and_names_banner_and_style_its_way(http: Client) -> None:
    visitor = Visitor(http, "epic")
    body = visitor.tokens()
    assert (body["expires_in"], body["need_patient_banner"]) == (3240, "false")
    assert body["smart_style_url"].endswith("/style.json\n")
    assert http.get(path_of(body["smart_style_url"].strip())).json()["color_text"]
    assert "refresh_token" not in visitor.tokens(scope="launch openid fhirUser")
    again = visitor.refresh(body["refresh_token"]).json()
    assert again["refresh_token"] == body["refresh_token"]
    assert visitor.refresh(body["refresh_token"]).status_code == 200


def test_epic_names_people_by_fhir_user_alone(http: Client) -> None:
    visitor = Visitor(http, "epic")
    body = visitor.tokens()
    claims = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert not {"name", "preferred_username", "profile"} & set(claims)
    read = visitor.fhir(claims["fhirUser"].removeprefix(f"{visitor.address.fhir_base}/"), body["access_token"])
    assert read.json()["name"][0]["family"] == "Adeyemi"


def test_epic_opens_with_a_long_handle_that_looks_like_a_jwt(http: Client) -> None:
    patient = Visitor(http, "epic").patient
    opened = http.get(f"/sandbox/epic/open?patient={patient}")
    (handle,) = parse_qs(urlsplit(opened["Location"]).query)["launch"]
    assert handle.startswith("eyJ")
    assert 700 < len(handle) < 2000
    assert Visitor(http, "epic").tokens(launch=handle)["patient"] == patient
    assert params_of(Visitor(http, "epic").authorize(launch="eyJhIjoxfQ.eyJiIjoyfQ.c2ln"))["error"] == [
        "invalid_request"
    ]


def test_epic_pages_by_links_that_work_once(http: Client) -> None:
    visitor = Visitor(http, "epic", scenario={"page_size": 1}, patient="54520")
    token = visitor.tokens()["access_token"]
    path = "Condition?patient=54520"
    found = [entry["resource"]["id"] for page in pages(visitor, path, token) for entry in page["entry"]]
    person = store.person_of("epic", "54520")
    assert person is not None
    assert found == [one.id for one in person.conditions]
    link = next(one["url"] for one in visitor.fhir(path, token).json()["link"] if one["relation"] == "next")
    assert set(parse_qs(urlsplit(link).query)) == {"sessionID"}
    following = link.removeprefix(f"{visitor.address.fhir_base}/")
    assert visitor.fhir(following, token).status_code == 200
    assert visitor.fhir(following, token).status_code == 400
    assert visitor.fhir("Condition?sessionID=nonsense", token).status_code == 400


def test_a_page_of_epic_is_for_the_patient_it_was_made_for(http: Client) -> None:
    mine = Visitor(http, "epic", scenario={"page_size": 1}, patient="54520")
    theirs = Visitor(http, "epic", patient="19")
    body = mine.fhir("Condition?patient=54520", mine.tokens()["access_token"]).json()
    link = next(one["url"] for one in body["link"] if one["relation"] == "next")
    following = link.removeprefix(f"{mine.address.fhir_base}/")
    assert theirs.fhir(following, theirs.tokens()["access_token"]).status_code == 403


def test_epic_says_nothing_found_with_an_outcome(http: Client) -> None:
    visitor = Visitor(http, "epic", patient="54560")
    body = visitor.fhir("Condition?patient=54560", visitor.tokens()["access_token"]).json()
    (entry,) = body["entry"]
    assert (body["total"], entry["search"]["mode"]) == (0, "outcome")
    assert entry["resource"]["issue"][0]["details"]["coding"][0]["code"] == "4101"


def test_epic_forbids_without_a_word_and_does_not_know_in_html(http: Client) -> None:
    visitor = Visitor(http, "epic", scenario={"fault": "narrow-scope"})
    token = visitor.tokens()["access_token"]
    refused = visitor.fhir(f"MedicationRequest?patient={visitor.patient}", token)
    assert (refused.status_code, refused.content) == (403, b"")
    unknown = visitor.fhir(f"NoSuchType?patient={visitor.patient}", token)
    assert (unknown.status_code, unknown["Content-Type"].partition(";")[0]) == (404, "text/html")
    assert visitor.fhir(f"Observation?patient={visitor.patient}", token).status_code == 400
    assert visitor.fhir(f"Observation?patient={visitor.patient}&category=laboratory", token).status_code == 200


# --- oracle-health --------------------------------------------------------------------------------------------------


def test_oracle_drops_wildcards(http: Client) -> None:
    body = Visitor(http, "oracle-health").tokens(scope="launch patient/*.rs user/*.read patient/Condition.rs")
    assert body["scope"] == "launch patient/Condition.rs"
    assert body["expires_in"] == 570
    assert not [word for word in configuration(http, "oracle-health")["scopes_supported"] if "*" in word]


def test_oracle_takes_no_secret_in_the_body(http: Client) -> None:
    visitor = Visitor(http, "oracle-health")
    own = {"client_id": visitor.client.client_id, "client_secret": visitor.client.secret}
    refused = visitor.token(visitor.code(), **own)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")
    assert visitor.token(visitor.code()).status_code == 200


def test_oracle_refreshes_without_a_new_refresh_token_and_the_old_one_stays_good(http: Client) -> None:
    visitor = Visitor(http, "oracle-health")
    first = visitor.tokens()["refresh_token"]
    for _ in range(2):
        again = visitor.refresh(first)
        assert again.status_code == 200
        assert "refresh_token" not in again.json()


def test_oracle_explains_errors_by_address_alone(http: Client) -> None:
    visitor = Visitor(http, "oracle-health")
    went = params_of(visitor.authorize(aud="https://elsewhere.test/fhir"))
    assert went["error"] == ["invalid_request"]
    assert "error_description" not in went
    assert http.get(path_of(went["error_uri"][0])).status_code == 200
    body = visitor.token("nonsense").json()
    assert set(body) == {"error", "error_uri"}


def test_oracle_has_an_authorize_address_of_the_persona(http: Client) -> None:
    config = configuration(http, "oracle-health")
    assert config["authorization_endpoint"].endswith("/personas/provider/authorize")
    assert "/protocols/oauth2/profiles/smart-v1/token" in config["token_endpoint"]
    assert config["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "private_key_jwt"]


def test_oracle_pages_by_a_word_of_its_own(http: Client) -> None:
    visitor = Visitor(http, "oracle-health", scenario={"page_size": 2}, patient="54520")
    token = visitor.tokens()["access_token"]
    bodies = pages(visitor, "Condition?patient=54520", token)
    assert len(bodies) > 1
    link = next(one["url"] for one in bodies[0]["link"] if one["relation"] == "next")
    assert set(parse_qs(urlsplit(link).query)) == {"patient", paging.CONTEXT}
    ids = [entry["resource"]["id"] for body in bodies for entry in body["entry"]]
    assert len(set(ids)) == len(ids) == bodies[0]["total"]


# --- azure ----------------------------------------------------------------------------------------------------------


def test_the_proxy_hides_the_launch_in_state_and_in_code(http: Client) -> None:
    visitor = Visitor(http, "azure")
    onward = http.get(path_of(visitor.address.authorize_url), visitor.authorize_params())
    there = params_of(onward)
    assert there["redirect_uri"][0].startswith(f"{ORIGIN}/sandbox/azure/AadSmartOnFhirProxy/callback/")
    assert there["scope"] == [
        f"{visitor.address.fhir_base}/launch offline_access {visitor.address.fhir_base}/patient$*.read"
    ]
    assert handles.from_base64url(there["state"][0])["s"] == "state-of-the-visitor"
    assert not {"aud", "launch"} & set(there)
    back = params_of(visitor.authorize())
    assert back["state"] == ["state-of-the-visitor"]
    assert "session_state" in back
    hidden = handles.from_base64url(back["code"][0])
    assert hidden["patient"] == visitor.patient
    body = visitor.token(back["code"][0]).json()
    assert (body["patient"], body["client_id"]) == (visitor.patient, visitor.client.client_id)
    assert body["scope"] == "launch offline_access patient/*.read"


def test_the_proxy_loses_the_verifier_so_that_pkce_cannot_work(http: Client) -> None:
    visitor = Visitor(http, "azure")
    code = visitor.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    refused = visitor.token(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert "code_challenge_methods_supported" not in configuration(http, "azure")


@pytest.mark.parametrize("launch", ["not-json", "W10", handles.as_base64url({"other": 1}), "99999"])
def test_the_proxy_takes_its_own_launch_json_only(http: Client, launch: str) -> None:
    assert Visitor(http, "azure").authorize(launch=launch).status_code == 400


def test_the_proxy_passes_errors_on_without_state(http: Client) -> None:
    went = dict(pairs_of(Visitor(http, "azure", scenario={"fault": "access-denied"}).authorize()))
    assert went["error"] == "access_denied"
    assert "state" not in went
    wrong = dict(pairs_of(Visitor(http, "azure").authorize(aud="https://elsewhere.test/fhir")))
    assert wrong["error"] == "invalid_resource"


def test_the_proxy_passes_a_refresh_through_without_the_launch_context(http: Client) -> None:
    visitor = Visitor(http, "azure")
    again = visitor.refresh(visitor.tokens()["refresh_token"]).json()
    assert not {"patient", "need_patient_banner", "client_id"} & set(again)
    assert visitor.fhir(f"Patient/{visitor.patient}", again["access_token"]).status_code == 200


def test_a_token_of_the_proxy_opens_every_patient(http: Client) -> None:
    visitor = Visitor(http, "azure")
    token = visitor.tokens()["access_token"]
    assert visitor.fhir("Patient/54520", token).json()["id"] == "54520"
    assert visitor.fhir("Condition?patient=54520", token).json()["total"] > 0
    assert visitor.fhir("Patient/nobody", token).status_code == 404


def test_without_a_launch_the_proxy_gives_a_token_without_a_patient(http: Client) -> None:
    body = Visitor(http, "azure").tokens(launch=None)
    assert "patient" not in body


def test_the_proxys_callback_leads_to_the_registered_app_only(http: Client) -> None:
    evil = "aHR0cHM6Ly9ldmlsLnRlc3Q"
    assert http.get(f"/sandbox/azure/AadSmartOnFhirProxy/callback/{evil}?code=x").status_code == 404
    assert http.get("/sandbox/epic/AadSmartOnFhirProxy/authorize").status_code == 404
    signing_in = Visitor(http, "azure").authorize_params(scope="x")
    assert http.get("/sandbox/azure/oauth2/v2.0/authorize", signing_in).status_code == 400


# --- smart-stu3 -----------------------------------------------------------------------------------------------------


def test_stu3_writes_relative_endpoints_in_one_document(http: Client) -> None:
    config = configuration(http, "smart-stu3")
    assert config["authorization_endpoint"] == "../auth/authorize"
    assert config["revocation_endpoint"] == "../auth/revoke"
    assert http.get("/sandbox/smart-stu3/fhir/metadata").json()["fhirVersion"] == "3.0.2"


def test_stu3_tells_the_context_as_a_list_of_texts(http: Client) -> None:
    context = Visitor(http, "smart-stu3").tokens()["fhirContext"]
    assert context
    assert all(isinstance(one, str) and "/" in one for one in context)


def test_stu3_writes_its_own_shapes(http: Client) -> None:
    visitor = Visitor(http, "smart-stu3", patient="smart-1042")
    token = visitor.tokens()["access_token"]
    patient = visitor.fhir("Patient/smart-1042", token).json()
    assert isinstance(patient["name"][0]["family"], str)
    condition = visitor.fhir("Condition?patient=smart-1042", token).json()["entry"][0]["resource"]
    assert isinstance(condition["clinicalStatus"], str)
    assert condition["subject"]["reference"] == "Patient/smart-1042"
    requests = [
        entry["resource"]
        for body in pages(visitor, "MedicationRequest?patient=smart-1042", token)
        for entry in body["entry"]
    ]
    assert any("agent" in one.get("requester", {}) for one in requests)
    dosages = [dosage for one in requests for dosage in one.get("dosageInstruction", [])]
    assert any("doseQuantity" in dosage for dosage in dosages)
    assert not any("doseAndRate" in dosage for dosage in dosages)
    assert not any("doNotPerform" in one for one in requests)


def test_a_statement_not_taken_is_active_and_not_taken_in_stu3(http: Client) -> None:
    visitor = Visitor(http, "smart-stu3", patient="smart-1057")
    token = visitor.tokens()["access_token"]
    entries = visitor.fhir("MedicationStatement?patient=smart-1057", token).json()["entry"]
    assert ("active", "n") in {(one["resource"]["status"], one["resource"]["taken"]) for one in entries}


def test_error_pages_are_made_for_the_style_that_is_asked() -> None:
    address = Visitor(Client(), "smart-r4").address
    uri = json.loads(answers.oauth_error_of(address, "invalid_grant", "no", style="uri").content)
    assert uri == {"error": "invalid_grant", "error_uri": f"{address.root}/errors/invalid_grant"}
    assert answers.oauth_error_of(address, "x", "y", style="page")["Content-Type"].startswith("text/html")


def test_only_the_older_ehrs_take_a_patient_id_for_a_launch_by_default() -> None:
    scenario = LaunchScenario(ehr="allscripts-sunrise", patient="19")
    assert handles.launch_handle(scenario) == "19"
    assert handles.launch_handle(LaunchScenario(ehr="smart-r4", patient="19")) != "19"
