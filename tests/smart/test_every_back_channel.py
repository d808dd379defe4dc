"""Every request of the back channel, with every way in which a client shows who it is: one table.

SMART App Launch 2.2, "Client Authentication" and "Backend Services"; RFC 6749, 2.3.1; RFC 7009, 2.1; RFC 7662, 2.1.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from launcher.smart import token
from launcher.smart.backend_services import client_credentials
from launcher.smart.client_assertion import ASSERTION_TYPE, SigningKeyPair
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from launcher.smart.quirks import Quirks
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from tests.smart.fake_door import Call, FakeDoor, reply

BASE = "https://ehr.test/oauth"
CONFIG = SmartConfiguration(
    authorization_endpoint=f"{BASE}/authorize",
    token_endpoint=f"{BASE}/token",
    revocation_endpoint=f"{BASE}/revoke",
    introspection_endpoint=f"{BASE}/introspect",
)
PRIVATE = ec.generate_private_key(ec.SECP384R1())
KEY = SigningKeyPair(
    kid="key-1",
    algorithm="ES384",
    private_pem=Secret(PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()),
)
# Reserved characters in both, so that encoding and leaving raw are not the same.
CLIENT_ID, SECRET = "an:app", "s3c:r+et %"
ENCODED, RAW = "an%3Aapp:s3c%3Ar%2Bet+%25", "an:app:s3c:r+et %"
REDIRECT = "https://us.test/callback"
GRANTED = {"access_token": "t", "token_type": "Bearer", "expires_in": 60, "scope": "launch"}

Send = Callable[[Door, ClientRegistration], Any]


@dataclass(frozen=True)
class Request:
    """One kind of request: where it goes, what it says besides the client's proof, and how it is sent."""

    path: str
    says: dict[str, str]
    send: Send
    answer: dict[str, Any]


REQUESTS = {
    "code": Request(
        "token",
        {
            "grant_type": "authorization_code",
            "code": "c",
            "redirect_uri": REDIRECT,
            "code_verifier": "v",
        },
        lambda door, client: token.exchange_code(door, client, CONFIG, code="c", redirect_uri=REDIRECT, verifier="v"),
        GRANTED,
    ),
    "refresh": Request(
        "token",
        {"grant_type": "refresh_token", "refresh_token": "r"},
        lambda door, client: token.refresh(door, client, CONFIG, refresh_token=Secret("r")),
        GRANTED,
    ),
    "revocation": Request(
        "revoke",
        {"token": "t", "token_type_hint": "access_token"},
        lambda door, client: token.revoke(door, client, CONFIG, token=Secret("t"), hint="access_token"),
        {},
    ),
    "introspection": Request(
        "introspect",
        {"token": "t"},
        lambda door, client: token.introspect(door, client, CONFIG, token=Secret("t")),
        {"active": True},
    ),
    "client_credentials": Request(
        "token",
        {"grant_type": "client_credentials", "scope": "system/Patient.rs"},
        lambda door, client: client_credentials(door, client, CONFIG, scope=" system/Patient.rs "),
        GRANTED,
    ),
}

CLIENT = ClientRegistration(
    iss="https://ehr.test/fhir", client_id=CLIENT_ID, redirect_uri="", scopes="", client_secret=Secret(SECRET)
)
METHODS = {
    "none": replace(CLIENT, auth_method="none"),
    "basic-raw": replace(CLIENT, auth_method="client_secret_basic", basic_raw=True),
    "basic-encoded": replace(CLIENT, auth_method="client_secret_basic"),
    "post": replace(CLIENT, auth_method="client_secret_post"),
    "private_key_jwt": replace(CLIENT, auth_method="private_key_jwt"),
}
PROOFS: dict[str, tuple[dict[str, str], str]] = {
    "none": ({"client_id": CLIENT_ID}, ""),
    "basic-raw": ({}, RAW),
    "basic-encoded": ({}, ENCODED),
    "post": ({"client_id": CLIENT_ID, "client_secret": SECRET}, ""),
    "private_key_jwt": ({"client_assertion_type": ASSERTION_TYPE, "client_assertion": "<signed>"}, ""),
}
"""What each method adds to the form, and the pair in its Authorization header."""


def expected(kind: str, method: str) -> tuple[dict[str, str], str]:
    """A backend service signs, whatever its client does in launches (SMART App Launch 2.2, "Backend Services")."""
    return PROOFS["private_key_jwt" if kind == "client_credentials" else method]


def sent(kind: str, client: ClientRegistration) -> Call:
    request = REQUESTS[kind]
    door = FakeDoor(client, {f"{BASE}/{request.path}": reply(request.answer)})
    request.send(door, replace(client, signing_key=KEY))
    (call,) = door.calls
    return call


every_request = pytest.mark.parametrize("kind", REQUESTS)
every_method = pytest.mark.parametrize("method", METHODS)


@every_request
@every_method
def test_the_client_shows_who_it_is_in_its_own_way_and_in_no_other(kind: str, method: str) -> None:
    call = sent(kind, METHODS[method])
    form = dict(call.form)
    assert len(form) == len(call.form), "nothing is said twice"
    if "client_assertion" in form:
        assert_is_ours(form["client_assertion"])
        form["client_assertion"] = "<signed>"
    proof, pair = expected(kind, method)
    assert (call.method, call.url) == ("POST", f"{BASE}/{REQUESTS[kind].path}")
    assert form == REQUESTS[kind].says | proof
    assert call.authorization == (f"Basic {base64.b64encode(pair.encode()).decode()}" if pair else "")


def assert_is_ours(assertion: str) -> None:
    """`aud` is the token endpoint, which names the authorization server at its other endpoints too."""
    assert jwt.get_unverified_header(assertion) == {"typ": "JWT", "alg": "ES384", "kid": "key-1"}
    claims = jwt.decode(assertion, PRIVATE.public_key(), algorithms=["ES384"], audience=CONFIG.token_endpoint)
    assert claims["iss"] == claims["sub"] == CLIENT_ID
    assert 0 < claims["exp"] - claims["iat"] <= 300
    assert claims["jti"]


@every_request
def test_every_request_has_an_assertion_of_its_own(kind: str) -> None:
    client = METHODS["private_key_jwt"]
    one, two = (dict(sent(kind, client).form)["client_assertion"] for _ in range(2))
    assert (
        jwt.decode(one, options={"verify_signature": False})["jti"]
        != (jwt.decode(two, options={"verify_signature": False})["jti"])
    )


@every_request
@pytest.mark.parametrize("method", ["basic-raw", "basic-encoded", "private_key_jwt"])
def test_an_ehr_that_looks_for_the_client_id_in_the_body_finds_it_there(kind: str, method: str) -> None:
    call = sent(kind, replace(METHODS[method], quirks=Quirks(client_id_in_token_body=True)))
    assert call.form.count(("client_id", CLIENT_ID)) == 1


@every_request
@every_method
def test_a_client_that_is_refused_is_told_so(kind: str, method: str) -> None:
    client = replace(METHODS[method], signing_key=KEY)
    request = REQUESTS[kind]
    door = FakeDoor(client, {f"{BASE}/{request.path}": reply({"error": "invalid_client"}, status=401)})
    with pytest.raises(SmartError) as caught:
        request.send(door, client)
    code = "token_unreadable" if kind == "revocation" else "client_rejected"
    assert caught.value.code == code
    assert len(door.calls) == 1, "nothing is sent twice"
    assert SECRET not in str(caught.value)


@every_request
def test_without_a_key_nothing_is_signed_and_nothing_is_sent(kind: str) -> None:
    client = METHODS["private_key_jwt"]
    door = FakeDoor(client)
    with pytest.raises(SmartError) as caught:
        REQUESTS[kind].send(door, client)
    assert (caught.value.code, caught.value.reason, door.calls) == ("client_rejected", "no_key", [])


def test_introspection_may_show_an_access_token_in_place_of_the_client() -> None:
    door = FakeDoor(CLIENT, {CONFIG.introspection_endpoint: reply({"active": False})})
    token.introspect(door, METHODS["post"], CONFIG, token=Secret("t"), bearer=Secret("b"))
    (call,) = door.calls
    assert (call.form, call.authorization) == ([("token", "t")], "Bearer b")


@pytest.mark.parametrize("scope", ["", " ", "\t\n"])
def test_a_backend_service_names_its_scopes(scope: str) -> None:
    door = FakeDoor(CLIENT)
    with pytest.raises(ValueError, match="scopes"):
        client_credentials(door, replace(CLIENT, signing_key=KEY), CONFIG, scope=scope)
    assert door.calls == []


def test_a_backend_service_keeps_no_refresh_token_and_needs_no_patient() -> None:
    answer = {**GRANTED, "token_type": "bearer", "expires_in": 300, "refresh_token": "r"}
    door = FakeDoor(CLIENT, {CONFIG.token_endpoint: reply(answer)})
    found = client_credentials(door, replace(CLIENT, signing_key=KEY), CONFIG, scope="system/Patient.rs")
    assert (found.refresh_token, found.patient, found.expires_in) == (None, "", 300)
