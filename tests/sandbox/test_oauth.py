from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import time_machine
from django.test import Client

from sandbox import keys, store
from sandbox.clients import public_client_for
from sandbox.scenario import LaunchScenario
from tests.sandbox.house import EHRS, ORIGIN, Visitor, basic, params_of, path_of

R4, ALLSCRIPTS = "smart-r4", "allscripts-professional"
FORM = "application/x-www-form-urlencoded"


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


# --- A whole launch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", EHRS)
def test_the_provider_is_signed_in_silently_and_the_app_gets_the_patient(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    came = visitor.authorize()
    assert came.status_code == 302
    assert came["Location"].partition("?")[0] == f"{ORIGIN}/callback/{ehr}"
    assert params_of(came)["state"] == ["state-of-the-visitor"]
    answer = visitor.token(params_of(came)["code"][0])
    body = answer.json()
    assert (answer.status_code, body["patient"], body["token_type"]) == (200, visitor.patient, "Bearer")
    assert (answer["Cache-Control"], answer["Pragma"]) == ("no-store", "no-cache")


def test_the_older_ehr_gives_twenty_minutes_and_neither_identity_nor_refresh(http: Client) -> None:
    body = Visitor(http, ALLSCRIPTS).tokens(scope="launch openid profile offline_access")
    assert (body["expires_in"], body["scope"]) == (1200, "launch openid profile")
    assert not {"id_token", "refresh_token"} & set(body)


@pytest.mark.parametrize("ehr", EHRS)
def test_a_patient_id_itself_is_a_launch_handle(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    assert visitor.tokens(launch=visitor.patient)["patient"] == visitor.patient


def test_the_test_patients_of_the_article_are_where_it_says(http: Client) -> None:
    for ehr, patient in (
        ("allscripts-professional", "54520"),
        ("allscripts-touchworks", "19"),
        ("allscripts-sunrise", "385800201"),
    ):
        assert Visitor(http, ehr).tokens(launch=patient)["patient"] == patient


def test_launches_in_several_threads_do_not_disturb_each_other(http: Client) -> None:
    people = store.people(R4)[:4]
    with ThreadPoolExecutor(4) as pool:
        bodies = pool.map(lambda person: Visitor(Client(), R4, patient=person.id).tokens(), people)
        assert [body["patient"] for body in bodies] == [person.id for person in people]


# --- Authorize ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody"},
        {"client_id": None},
        {"redirect_uri": f"{ORIGIN}/callback/smart-r4/"},
        {"redirect_uri": f"{ORIGIN}/callback/smart-r4?x=1"},
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": None},
    ],
)
def test_in_doubt_about_the_client_the_ehr_shows_its_own_page(http: Client, ehr: str, wrong: dict[str, Any]) -> None:
    answer = Visitor(http, ehr).authorize(**wrong)
    assert answer.status_code == 400
    assert "Location" not in answer
    assert b"The app cannot be opened" in answer.content
    assert b"evil.test" not in answer.content


def test_a_missing_state_is_an_error_page_only_where_the_ehr_is_strict(http: Client) -> None:
    assert Visitor(http, R4).authorize(state=None).status_code == 400
    older = Visitor(http, ALLSCRIPTS).authorize(state=None)
    assert older.status_code == 302
    assert "state" not in params_of(older)


@pytest.mark.parametrize("name", ["client_id", "state", "launch"])
def test_a_repeated_parameter_is_an_error_page(http: Client, name: str) -> None:
    visitor = Visitor(http)
    params = visitor.authorize_params()
    doubled = [*params.items(), (name, params[name])]
    query = "&".join(f"{key}={value.replace(' ', '+').replace('*', '%2A')}" for key, value in doubled)
    assert http.get(f"{path_of(visitor.address.authorize_url)}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"aud": None}, "invalid_request"),
        ({"aud": f"{ORIGIN}/sandbox/smart-r4/fhir/"}, "invalid_request"),
        ({"aud": f"{ORIGIN}/sandbox/allscripts-professional/fhir"}, "invalid_request"),
        ({"launch": None}, "invalid_request"),
        ({"launch": "nonsense"}, "invalid_request"),
        ({"launch": "99999"}, "invalid_request"),
        ({"launch": LaunchScenario(ehr=ALLSCRIPTS, patient="54520").encode()}, "invalid_request"),
        ({"launch": LaunchScenario(ehr=ALLSCRIPTS, patient=store.people(R4)[0].id).encode()}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"scope": "openid patient/*.rs"}, "invalid_scope"),
    ],
)
def test_a_strict_ehr_sends_the_error_back_with_state_and_iss(http: Client, wrong: dict[str, Any], error: str) -> None:
    params = params_of(Visitor(http).authorize(**wrong))
    assert params["error"] == [error]
    assert params["state"] == ["state-of-the-visitor"]
    assert params["iss"] == [f"{ORIGIN}/sandbox/smart-r4"]
    assert "code" not in params


def test_the_older_ehr_asks_for_neither_aud_nor_pkce(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    code = visitor.code(aud=None, code_challenge=None, code_challenge_method=None, nonce=None)
    assert visitor.token(code, code_verifier=None).status_code == 200


def test_the_older_ehr_ignores_a_verifier_that_does_not_fit(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    assert visitor.token(visitor.code(), code_verifier="w" * 43).status_code == 200


def test_only_the_reference_ehr_names_itself_in_the_answer(http: Client) -> None:
    assert params_of(Visitor(http, R4).authorize())["iss"] == [f"{ORIGIN}/sandbox/smart-r4"]
    assert "iss" not in params_of(Visitor(http, ALLSCRIPTS).authorize())


def test_the_request_may_be_posted_where_the_ehr_says_so(http: Client) -> None:
    for ehr, status in ((R4, 302), (ALLSCRIPTS, 405)):
        visitor = Visitor(http, ehr)
        answer = http.post(path_of(visitor.address.authorize_url), visitor.authorize_params())
        assert answer.status_code == status


def test_each_ehr_has_its_oauth_addresses_at_its_own_path_only(http: Client) -> None:
    assert http.get("/sandbox/smart-r4/authorization/connect/authorize").status_code == 404
    assert http.post("/sandbox/allscripts-sunrise/oauth2/token").status_code == 404


@pytest.mark.parametrize("kind", ["public", "confidential"])
def test_a_launch_may_be_meant_for_one_kind_of_client(http: Client, kind: str) -> None:
    visitor = Visitor(http, scenario={"client": kind})
    public = params_of(visitor.authorize(client_id="smartportal-public"))
    confidential = params_of(visitor.authorize())
    welcome, turned_away = (public, confidential) if kind == "public" else (confidential, public)
    assert "code" in welcome
    assert turned_away["error"] == ["unauthorized_client"]


def test_a_scenario_may_switch_pkce_off(http: Client) -> None:
    visitor = Visitor(http, scenario={"pkce": "ignored"})
    code = visitor.code(code_challenge=None, code_challenge_method=None)
    assert visitor.token(code, code_verifier=None).status_code == 200


# --- The consent page -----------------------------------------------------------------------------------------------


def consent_links(http: Client, visitor: Visitor) -> dict[str, str]:
    page = visitor.authorize()
    assert page.status_code == 200
    assert b"Allow the app?" in page.content
    hrefs = [part.partition('"')[0].replace("&amp;", "&") for part in page.content.decode().split('href="')[1:]]
    return {href.rpartition("answer=")[2]: href for href in hrefs if "answer=" in href}


def test_the_consent_page_leads_on_or_back(http: Client) -> None:
    visitor = Visitor(http, scenario={"fault": "login-page"})
    links = consent_links(http, visitor)
    denied = params_of(http.get(links["deny"]))
    assert (denied["error"], denied["state"]) == (["access_denied"], ["state-of-the-visitor"])
    allowed = params_of(http.get(links["allow"]))
    assert allowed["state"] == ["state-of-the-visitor"]
    assert visitor.token(allowed["code"][0]).json()["patient"] == visitor.patient


def test_a_forged_or_old_consent_leads_nowhere(http: Client) -> None:
    links = consent_links(http, Visitor(http, scenario={"fault": "login-page"}))
    assert http.get(links["allow"].replace("ticket=", "ticket=x")).status_code == 400
    assert http.get(links["allow"].replace("/smart-r4/", "/allscripts-sunrise/")).status_code == 400
    with time_machine.travel(time.time() + 700, tick=False):
        assert http.get(links["allow"]).status_code == 400


# --- Token: who asks ------------------------------------------------------------------------------------------------


def test_the_reference_ehr_takes_the_secret_by_basic_or_in_the_body(http: Client) -> None:
    visitor = Visitor(http)
    header = basic(visitor.client.client_id, visitor.client.secret)
    assert visitor.token(visitor.code()).status_code == 200
    answer = visitor.token(visitor.code(), authorization=header, client_id=None, client_secret=None)
    assert answer.status_code == 200


def test_the_older_ehr_takes_the_secret_in_the_body_only(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    header = basic(visitor.client.client_id, visitor.client.secret)
    answer = visitor.token(visitor.code(), authorization=header, client_id=None, client_secret=None)
    assert error_of(answer) == (401, "invalid_client")
    assert answer["WWW-Authenticate"] == 'Basic realm="token"'


@pytest.mark.parametrize("ehr", [R4, ALLSCRIPTS])
@pytest.mark.parametrize(
    "wrong",
    [
        {"client_secret": "wrong"},
        {"client_secret": ""},
        {"client_secret": None},
        {"client_id": "somebody"},
        {"client_id": None},
    ],
)
def test_who_does_not_show_the_secret_is_no_client(http: Client, ehr: str, wrong: dict[str, Any]) -> None:
    visitor = Visitor(http, ehr)
    assert error_of(visitor.token(visitor.code(), **wrong)) == (400, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer abc", "Basic /////w=="])
def test_an_unreadable_authorization_header_is_no_client(http: Client, header: str) -> None:
    visitor = Visitor(http)
    answer = visitor.token(visitor.code(), authorization=header, client_secret=None)
    assert error_of(answer) == (401, "invalid_client")


def test_two_ways_of_authentication_at_once_are_refused(http: Client) -> None:
    visitor = Visitor(http)
    header = basic(visitor.client.client_id, visitor.client.secret)
    assert error_of(visitor.token(visitor.code(), authorization=header)) == (400, "invalid_request")


def test_a_public_client_shows_its_id_and_verifier_and_no_secret(http: Client) -> None:
    public = public_client_for(R4)
    assert public is not None
    visitor = Visitor(http)
    asked = {"client_id": public.client_id}
    assert visitor.token(visitor.code(**asked), client_secret=None, **asked).status_code == 200
    refused = visitor.token(visitor.code(**asked), **asked)
    assert error_of(refused) == (400, "invalid_client")


# --- Token: what is shown -------------------------------------------------------------------------------------------


def test_a_code_is_good_once_and_using_it_twice_ends_its_tokens(http: Client) -> None:
    visitor = Visitor(http)
    code = visitor.code()
    body = visitor.token(code).json()
    path = f"Patient/{visitor.patient}"
    assert visitor.fhir(path, body["access_token"]).status_code == 200
    assert error_of(visitor.token(code)) == (400, "invalid_grant")
    assert visitor.fhir(path, body["access_token"]).status_code == 401
    assert error_of(visitor.refresh(body["refresh_token"])) == (400, "invalid_grant")


def test_a_code_lives_a_minute(http: Client) -> None:
    visitor = Visitor(http)
    early, late = visitor.code(), visitor.code()
    with time_machine.travel(time.time() + 58, tick=False):
        assert visitor.token(early).status_code == 200
    with time_machine.travel(time.time() + 62, tick=False):
        assert error_of(visitor.token(late)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": f"{ORIGIN}/callback"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
    ],
)
def test_a_token_request_that_does_not_fit_is_refused(http: Client, wrong: dict[str, Any], error: str) -> None:
    visitor = Visitor(http)
    assert error_of(visitor.token(visitor.code(), **wrong)) == (400, error)


@pytest.mark.parametrize("code", ["", "nonsense", "a.b.c", "x" * 5000])
def test_a_code_that_was_never_issued_is_refused(http: Client, code: str) -> None:
    assert error_of(Visitor(http).token(code)) == (400, "invalid_grant" if code else "invalid_request")


def test_a_code_of_another_client_or_ehr_or_kind_is_refused(http: Client) -> None:
    visitor = Visitor(http)
    theirs = visitor.code(client_id="smartportal-public")
    assert error_of(visitor.token(theirs)) == (400, "invalid_grant")
    elsewhere = Visitor(http, ALLSCRIPTS).code()
    assert error_of(visitor.token(elsewhere)) == (400, "invalid_grant")
    access = visitor.tokens()["access_token"]
    assert error_of(visitor.token(access)) == (400, "invalid_grant")


def test_the_token_endpoint_takes_one_form_posted_in_the_body(http: Client) -> None:
    visitor = Visitor(http)
    path = path_of(visitor.address.token_url)
    assert http.get(path).status_code == 405
    assert error_of(http.post(path, {}, content_type="application/json")) == (400, "invalid_request")
    assert error_of(http.post(f"{path}?grant_type=x", "", content_type=FORM)) == (400, "invalid_request")
    assert error_of(http.post(path, "code=a&code=b", content_type=FORM)) == (400, "invalid_request")


# --- Identity -------------------------------------------------------------------------------------------------------


def test_the_id_token_says_who_is_signed_in(http: Client) -> None:
    visitor = Visitor(http)
    id_token = visitor.tokens()["id_token"]
    key = keys.signing_key().public_key()
    issuer = visitor.address.issuer
    claims = jwt.decode(id_token, key, algorithms=["RS256"], audience=visitor.client.client_id, issuer=issuer)
    assert claims["nonce"] == "nonce-of-the-visitor"
    assert claims["fhirUser"] == visitor.address.fhir_user
    assert claims["sub"]
    assert jwt.get_unverified_header(id_token)["kid"] == keys.public_jwk()["kid"]


def test_without_openid_there_is_no_id_token_and_without_nonce_no_nonce(http: Client) -> None:
    visitor = Visitor(http)
    assert "id_token" not in visitor.tokens(scope="launch patient/*.rs")
    claims = jwt.decode(visitor.tokens(nonce=None)["id_token"], options={"verify_signature": False})
    assert "nonce" not in claims


def test_userinfo_answers_to_a_token_with_openid(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    path = path_of(visitor.address.userinfo_url)
    header = {"Authorization": f"Bearer {visitor.tokens()['access_token']}"}
    assert http.get(path, headers=header).json()["sub"] == "rokafor"
    assert http.get(path).status_code == 401


# --- Refresh --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["offline_access", "online_access"])
def test_a_refresh_token_comes_with_its_scope_only_and_is_good_once(http: Client, wanted: str) -> None:
    visitor = Visitor(http)
    assert "refresh_token" not in visitor.tokens(scope="launch patient/*.rs")
    first = visitor.tokens(scope=f"launch patient/*.rs {wanted}")
    second = visitor.refresh(first["refresh_token"])
    body = second.json()
    assert second.status_code == 200
    assert body["refresh_token"] != first["refresh_token"]
    assert visitor.fhir(f"Patient/{visitor.patient}", body["access_token"]).status_code == 200
    assert error_of(visitor.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert error_of(visitor.refresh(body["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_may_narrow_the_scope_and_never_widen_it(http: Client) -> None:
    visitor = Visitor(http)
    scope = "launch patient/Patient.rs patient/Condition.rs offline_access"
    body = visitor.tokens(scope=scope)
    narrowed = visitor.refresh(body["refresh_token"], scope="patient/Patient.rs").json()
    assert narrowed["scope"] == "patient/Patient.rs"
    path = f"Condition?patient={visitor.patient}"
    assert visitor.fhir(path, narrowed["access_token"]).status_code == 403
    assert error_of(visitor.refresh(narrowed["refresh_token"], scope="patient/*.rs")) == (400, "invalid_scope")


def test_the_older_ehr_refreshes_nothing(http: Client) -> None:
    visitor = Visitor(http, ALLSCRIPTS)
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    own = {"client_id": visitor.client.client_id, "client_secret": visitor.client.secret}
    assert error_of(visitor.post({**form, **own})) == (400, "unsupported_grant_type")
