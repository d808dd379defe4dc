"""A client that signs: the assertion's checks, and tokens that a client gets for itself."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client, override_settings
from django.urls import include, path
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from sandbox import client_assertion, jwks_fetch
from tests.sandbox.house import Visitor, path_of

EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())
EHRS = ("smart-r4", "epic", "oracle-health")
PUBLIC: list[dict[str, Any]] = [
    {**json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec-key"},
    {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa-key"},
]


def key_set(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"keys": PUBLIC})


urlpatterns = [path("sandbox/", include("sandbox.urls")), path(".well-known/jwks.json", key_set)]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks_fetch, "fetch", lambda url: PUBLIC)


def assertion(visitor: Visitor, *, header: dict[str, Any] | None = None, key: Any = EC_KEY, **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": visitor.client.client_id,
        "sub": visitor.client.client_id,
        "aud": visitor.address.token_url,
        "exp": int(time.time()) + 240,
        "jti": uuid.uuid4().hex,
        **changes,
    }
    heads = {"alg": "ES384", "kid": "ec-key", "typ": "JWT", **(header or {})}
    kept = {name: value for name, value in claims.items() if value is not None}
    signed = {name: value for name, value in heads.items() if value is not None}
    return jwt.encode(kept, key, algorithm=heads["alg"] or "ES384", headers={"typ": None, **signed})


def form(signed: str, **changes: str) -> dict[str, str]:
    return {"client_assertion_type": client_assertion.TYPE, "client_assertion": signed, **changes}


def by_code(visitor: Visitor, signed: str) -> Any:
    code = {"grant_type": "authorization_code", "code": visitor.code(), "redirect_uri": visitor.redirect_uri}
    return visitor.post(form(signed, **code, code_verifier="v" * 43))


def by_itself(visitor: Visitor, scope: str = "system/Patient.rs", signed: str = "") -> Any:
    return visitor.post(form(signed or assertion(visitor), grant_type="client_credentials", scope=scope))


@pytest.mark.parametrize("ehr", EHRS)
@pytest.mark.parametrize(("alg", "kid", "key"), [("ES384", "ec-key", EC_KEY), ("RS384", "rsa-key", RSA_KEY)])
def test_a_client_may_sign_with_either_algorithm(http: Client, ehr: str, alg: str, kid: str, key: Any) -> None:
    visitor = Visitor(http, ehr)
    answer = by_code(visitor, assertion(visitor, header={"alg": alg, "kid": kid}, key=key))
    assert answer.status_code == 200, answer.content
    assert answer.json()["patient"] == visitor.patient


def test_a_refresh_is_signed_afresh(http: Client) -> None:
    visitor = Visitor(http)
    token = by_code(visitor, assertion(visitor)).json()["refresh_token"]
    asked = {"grant_type": "refresh_token", "refresh_token": token}
    assert visitor.post(form(assertion(visitor), **asked)).status_code == 200


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "at+jwt"}, {}),
        ({"typ": None}, {}),
        ({"kid": "another"}, {}),
        ({"kid": None}, {}),
        ({"alg": "ES256"}, {}),
        ({"jku": "https://evil.test/jwks.json"}, {}),
        ({}, {"iss": "somebody"}),
        ({}, {"sub": "somebody"}),
        ({}, {"aud": "https://testserver/sandbox/smart-r4/oauth2/token/"}),
        ({}, {"aud": None}),
        ({}, {"exp": None}),
        ({}, {"exp": int(time.time()) - 60}),
        ({}, {"exp": int(time.time()) + 3600}),
        ({}, {"jti": None}),
        ({}, {"jti": 7}),
    ],
)
def test_a_careless_assertion_is_refused(http: Client, header: dict[str, Any], claims: dict[str, Any]) -> None:
    visitor = Visitor(http)
    key = ec.generate_private_key(ec.SECP256R1()) if header.get("alg") == "ES256" else EC_KEY
    answer = by_code(visitor, assertion(visitor, header=header, key=key, **claims))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.content


def test_an_assertion_is_good_once(http: Client) -> None:
    visitor = Visitor(http)
    signed = assertion(visitor)
    assert by_code(visitor, signed).status_code == 200
    assert by_code(visitor, signed).json()["error"] == "invalid_client"


def test_another_key_of_the_same_name_is_refused(http: Client) -> None:
    visitor = Visitor(http)
    assert by_code(visitor, assertion(visitor, key=OTHER_KEY)).json()["error"] == "invalid_client"


@pytest.mark.parametrize("listed", [[], PUBLIC + PUBLIC, [{**PUBLIC[0], "d": "AQ"}]])
def test_the_key_must_be_one_and_public(
    http: Client, monkeypatch: pytest.MonkeyPatch, listed: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(jwks_fetch, "fetch", lambda url: listed)
    visitor = Visitor(http)
    assert by_code(visitor, assertion(visitor)).json()["error"] == "invalid_client"


@pytest.mark.parametrize("signed", ["", "nonsense", "a.b.c"])
def test_what_is_no_assertion_is_refused(http: Client, signed: str) -> None:
    assert by_itself(Visitor(http), signed=signed or "x").status_code == 401


def test_an_assertion_beside_a_secret_is_refused(http: Client) -> None:
    visitor = Visitor(http)
    both = form(assertion(visitor), client_secret=visitor.client.secret, grant_type="client_credentials")
    assert visitor.post(both).json()["error"] == "invalid_request"


def test_an_ehr_that_takes_no_assertion_refuses_it(http: Client) -> None:
    visitor = Visitor(http, "smart-stu3")
    assert by_code(visitor, assertion(visitor)).json()["error"] == "invalid_client"


# --- For itself -----------------------------------------------------------------------------------------------------


def test_a_client_gets_five_minutes_for_itself_and_no_refresh_token(http: Client) -> None:
    visitor = Visitor(http)
    body = by_itself(visitor, "system/Patient.rs system/Condition.read").json()
    assert (body["expires_in"], body["token_type"]) == (300, "bearer")
    assert body["scope"] == "system/Patient.rs system/Condition.read"
    assert not {"refresh_token", "patient", "id_token"} & set(body)
    assert visitor.fhir("Patient?name=hollingbrook", body["access_token"]).json()["total"] == 1
    assert visitor.fhir("Condition?patient=54520", body["access_token"]).json()["total"] > 0
    assert visitor.fhir("MedicationRequest?patient=54520", body["access_token"]).status_code == 403


@pytest.mark.parametrize("scope", ["patient/Patient.rs", "system/Patient.cud", "launch openid", "system/*.rs"])
def test_a_client_gets_system_scopes_only(http: Client, scope: str) -> None:
    wild = scope == "system/*.rs"
    for ehr in ("smart-r4", "oracle-health"):
        answer = by_itself(Visitor(http, ehr), scope)
        assert answer.status_code == (200 if wild and ehr == "smart-r4" else 400)


def test_without_a_signature_a_client_gets_nothing_for_itself(http: Client) -> None:
    visitor = Visitor(http)
    asked = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    own = {"client_id": visitor.client.client_id, "client_secret": visitor.client.secret}
    assert visitor.post({**asked, **own}).json()["error"] == "invalid_client"


# --- Where the keys come from ---------------------------------------------------------------------------------------


def test_the_keys_are_read_at_the_registered_address_of_this_site() -> None:
    with override_settings(ROOT_URLCONF=__name__):
        assert jwks_fetch.loopback("https://testserver/.well-known/jwks.json") == PUBLIC


def test_an_address_without_keys_is_an_error(http: Client) -> None:
    for url in ("https://testserver/.well-known/jwks.json", "https://testserver/sandbox/epic/fhir/metadata"):
        with pytest.raises(jwks_fetch.KeysError):
            jwks_fetch.loopback(url)
    assert http.get(path_of(Visitor(http).address.jwks_url)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": 1}', b"<html>"])
def test_what_is_no_key_set_is_an_error(body: bytes) -> None:
    with pytest.raises(jwks_fetch.KeysError):
        jwks_fetch.keys_in(body)
