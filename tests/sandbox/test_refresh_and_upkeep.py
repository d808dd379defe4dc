"""Faults in refreshing; revocation and introspection."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from django.test import Client

from sandbox import store
from tests.sandbox.house import Visitor, basic, path_of

SCOPE = "launch openid fhirUser patient/*.rs offline_access"


def launched(http: Client, ehr: str = "smart-r4", **scenario: Any) -> tuple[Visitor, dict[str, Any]]:
    visitor = Visitor(http, ehr, scenario=scenario)
    return visitor, visitor.tokens()


def asked(visitor: Visitor, what: str, form: dict[str, str], **headers: str) -> Any:
    url = visitor.address.revoke_url if what == "revoke" else visitor.address.introspect_url
    own = {"Authorization": basic(visitor.client.client_id, visitor.client.secret), **headers}
    body = "&".join(f"{name}={value}" for name, value in form.items())
    kind = "application/x-www-form-urlencoded"
    return visitor.http.post(path_of(url), body, content_type=kind, headers=own)


# --- Refresh faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("refresh-invalid-grant", 400, "invalid_grant"),
        ("token_expired_refresh_token", 403, "invalid_grant"),
    ],
)
def test_a_refresh_can_be_refused(http: Client, fault: str, status: int, error: str) -> None:
    visitor, body = launched(http, fault=fault)
    answer = visitor.refresh(body["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert visitor.fhir(f"Patient/{visitor.patient}", body["access_token"]).status_code == 200


def test_a_refresh_can_break_down(http: Client) -> None:
    visitor, body = launched(http, fault="refresh-500")
    answer = visitor.refresh(body["refresh_token"])
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (500, "text/html")


def test_a_refresh_can_answer_with_another_patient(http: Client) -> None:
    visitor, body = launched(http, fault="refresh-other-patient")
    again = visitor.refresh(body["refresh_token"]).json()
    person = store.person_of("smart-r4", visitor.patient)
    assert person is not None
    assert again["patient"] == store.somebody_else(person).id
    assert visitor.fhir(f"Patient/{again['patient']}", again["access_token"]).status_code == 200
    assert visitor.fhir(f"Patient/{visitor.patient}", again["access_token"]).status_code == 403


def test_a_refresh_without_a_new_token_leaves_the_old_one_good(http: Client) -> None:
    visitor, body = launched(http, fault="refresh-no-new-token")
    for _ in range(2):
        again = visitor.refresh(body["refresh_token"])
        assert again.status_code == 200
        assert "refresh_token" not in again.json()


def test_a_refresh_can_name_another_person(http: Client) -> None:
    visitor, body = launched(http, fault="refresh-other-sub")
    again = visitor.refresh(body["refresh_token"]).json()
    first, second = (jwt.decode(one["id_token"], options={"verify_signature": False})["sub"] for one in (body, again))
    assert first != second


def test_a_refresh_can_narrow_or_widen_the_scope(http: Client) -> None:
    visitor, body = launched(http, fault="refresh-narrow-scope")
    narrowed = visitor.refresh(body["refresh_token"]).json()
    assert "Medication" not in narrowed["scope"]
    path = f"MedicationRequest?patient={visitor.patient}"
    assert visitor.fhir(path, narrowed["access_token"]).status_code == 403
    visitor, body = launched(http, fault="refresh-wider-scope")
    assert set(visitor.refresh(body["refresh_token"]).json()["scope"].split()) > set(body["scope"].split())


@pytest.mark.parametrize(
    ("style", "names_one", "twice"), [("rotating", True, 400), ("same", True, 200), ("kept", False, 200)]
)
def test_a_scenario_chooses_how_refresh_tokens_live(http: Client, style: str, names_one: bool, twice: int) -> None:
    visitor, body = launched(http, refresh=style)
    first = visitor.refresh(body["refresh_token"])
    assert ("refresh_token" in first.json()) is names_one
    assert visitor.refresh(body["refresh_token"]).status_code == twice


def test_a_scenario_may_give_no_refresh_token_at_all(http: Client) -> None:
    assert "refresh_token" not in launched(http, refresh="none")[1]


# --- Revocation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ehr", ["smart-r4", "epic"])
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(http: Client, ehr: str, which: str) -> None:
    visitor, body = launched(http, ehr)
    answer = asked(visitor, "revoke", {"token": body[which]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert visitor.fhir(f"Patient/{visitor.patient}", body["access_token"]).status_code == 401
    assert visitor.refresh(body["refresh_token"]).status_code == 400


def test_revoking_asks_who_it_is_and_does_not_mind_an_unknown_token(http: Client) -> None:
    visitor, body = launched(http)
    assert asked(visitor, "revoke", {"token": "nonsense"}).status_code == 200
    assert asked(visitor, "revoke", {}).status_code == 400
    stranger = asked(visitor, "revoke", {"token": body["access_token"]}, Authorization=basic("somebody", "x"))
    assert stranger.status_code == 401
    assert visitor.fhir(f"Patient/{visitor.patient}", body["access_token"]).status_code == 200


def test_nobody_revokes_another_clients_token(http: Client) -> None:
    visitor, _ = launched(http)
    code = visitor.code(client_id="smartportal-public")
    theirs = visitor.token(code, client_id="smartportal-public", client_secret=None).json()["access_token"]
    assert asked(visitor, "revoke", {"token": theirs}).status_code == 200
    assert visitor.fhir(f"Patient/{visitor.patient}", theirs).status_code == 200


@pytest.mark.parametrize("ehr", ["oracle-health", "azure", "allscripts-sunrise"])
def test_an_ehr_that_does_not_say_so_revokes_and_introspects_nothing(http: Client, ehr: str) -> None:
    visitor = Visitor(http, ehr)
    for url in (visitor.address.revoke_url, visitor.address.introspect_url):
        assert http.post(path_of(url)).status_code == 404


# --- Introspection --------------------------------------------------------------------------------------------------


def test_introspection_repeats_the_launch_context(http: Client) -> None:
    visitor, body = launched(http)
    facts = asked(visitor, "introspect", {"token": body["access_token"]}).json()
    claims = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert facts["active"] is True
    assert (facts["patient"], facts["client_id"]) == (visitor.patient, visitor.client.client_id)
    assert set(facts["scope"].split()) == set(body["scope"].split())
    assert (facts["iss"], facts["sub"], facts["fhirUser"]) == (claims["iss"], claims["sub"], claims["fhirUser"])
    assert abs(facts["exp"] - claims["iat"] - body["expires_in"]) <= 2


def test_introspection_may_be_asked_with_the_token_itself(http: Client) -> None:
    visitor, body = launched(http)
    bearer = f"Bearer {body['access_token']}"
    assert asked(visitor, "introspect", {"token": body["access_token"]}, Authorization=bearer).json()["active"] is True
    assert asked(visitor, "introspect", {"token": body["access_token"]}, Authorization="").status_code == 400


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_introspection_says_nothing_of_what_is_not_active(http: Client, token: str) -> None:
    visitor, body = launched(http)
    assert asked(visitor, "introspect", {"token": token}).json() == {"active": False}
    asked(visitor, "revoke", {"token": body["access_token"]})
    for name in ("access_token", "refresh_token"):
        assert asked(visitor, "introspect", {"token": body[name]}).json() == {"active": False}
