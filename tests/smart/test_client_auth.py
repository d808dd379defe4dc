"""Client authentication: the right method, and secrets in one place alone."""

from __future__ import annotations

import base64
import time
from typing import Any
from urllib.parse import unquote_plus

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from launcher.smart.client_assertion import ASSERTION_TYPE, SigningKeyPair
from launcher.smart.client_auth import choose_method, credentials
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.quirks import Quirks
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.smart.token import exchange_code, refresh
from tests.smart.fake_door import FakeDoor, reply

TOKEN = "https://ehr.test/oauth/token"
PRIVATE = ec.generate_private_key(ec.SECP384R1())
KEY = SigningKeyPair(
    kid="key-1",
    algorithm="ES384",
    private_pem=Secret(PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()),
)


def client(**more: Any) -> ClientRegistration:
    return ClientRegistration(
        **{"iss": "https://ehr.test", "client_id": "portal", "redirect_uri": "", "scopes": "", **more}
    )


def config(*methods: str, source: Any = "well-known", capabilities: tuple[str, ...] = ()) -> SmartConfiguration:
    return SmartConfiguration(
        authorization_endpoint="",
        token_endpoint=TOKEN,
        token_endpoint_auth_methods_supported=methods,
        source=source,
        capabilities=capabilities,
    )


def claims_of(form: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """What the assertion in a form says, once its signature has been checked."""
    token = dict(form)["client_assertion"]
    claims: dict[str, Any] = jwt.decode(token, PRIVATE.public_key(), algorithms=["ES384"], audience=TOKEN)
    return claims


SECRET = {"client_secret": Secret("s3cret")}


@pytest.mark.parametrize(
    ("methods", "source", "chosen"),
    [
        (("client_secret_basic",), "well-known", "client_secret_basic"),
        (("client_secret_post", "client_secret_basic"), "well-known", "client_secret_basic"),
        (("client_secret_post", "private_key_jwt"), "well-known", "client_secret_post"),
        (("private_key_jwt",), "well-known", "client_secret_basic"),
        ((), "well-known", "client_secret_basic"),
        ((), "metadata", "client_secret_post"),
        (("client_secret_basic",), "metadata", "client_secret_basic"),
    ],
)
def test_the_method_is_chosen_from_what_the_ehr_advertises(methods: tuple[str, ...], source: str, chosen: str) -> None:
    assert choose_method(client(**SECRET), config(*methods, source=source)) == chosen


@pytest.mark.parametrize("methods", [(), ("client_secret_basic",)])
def test_a_client_without_a_secret_is_public(methods: tuple[str, ...]) -> None:
    assert choose_method(client(), config(*methods)) == "none"
    assert credentials(client(), config(*methods)).form == (("client_id", "portal"),)


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_a_registered_method_outranks_the_advertised_ones(method: str) -> None:
    found = choose_method(client(auth_method=method, **SECRET), config("client_secret_basic", "client_secret_post"))
    assert found == method


@pytest.mark.parametrize("part", ["portal", "a:b", "a+b c", "100%", "a&b=c", "naïve é", "~*'()"])
def test_basic_encodes_each_part_and_keeps_the_secret_out_of_the_body(part: str) -> None:
    registration = client(client_id=part, client_secret=Secret(f"s{part}"), auth_method="client_secret_basic")
    made = credentials(registration, config())
    assert made.form == ()
    assert made.authorization is not None
    scheme, _, value = made.authorization.reveal().partition(" ")
    sent_id, colon, sent_secret = base64.b64decode(value).decode("ascii").partition(":")
    assert (scheme, colon) == ("Basic", ":")
    assert (unquote_plus(sent_id), unquote_plus(sent_secret)) == (part, f"s{part}")


def test_the_standards_own_reserved_characters_are_escaped() -> None:
    made = credentials(
        client(client_id="a:b", client_secret=Secret("+ %&é"), auth_method="client_secret_basic"), config()
    )
    assert made.authorization == Secret("Basic " + base64.b64encode(b"a%3Ab:%2B+%25%26%C3%A9").decode())


def test_post_puts_both_into_the_body_and_nothing_into_the_header() -> None:
    made = credentials(
        client(client_id="a:b", client_secret=Secret("+ %&é"), auth_method="client_secret_post"), config()
    )
    assert made.form == (("client_id", "a:b"), ("client_secret", "+ %&é"))
    assert made.authorization is None


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_what_cannot_be_proved_is_a_rejected_client(method: str) -> None:
    with pytest.raises(SmartError) as caught:
        credentials(client(auth_method=method), config())
    assert caught.value.code == "client_rejected"


def test_credentials_print_no_secret() -> None:
    for method in ("client_secret_basic", "client_secret_post"):
        assert "s3cret" not in repr(credentials(client(auth_method=method, **SECRET), config()))
    signed = credentials(client(auth_method="private_key_jwt", signing_key=KEY), config())
    assert dict(signed.form)["client_assertion"] not in repr(signed)


@pytest.mark.parametrize(("name", "secret"), [("portal", "s3c:r+e t%"), ("naïve", "é+é")])
def test_basic_can_leave_both_parts_as_they_are(name: str, secret: str) -> None:
    registration = client(
        client_id=name, client_secret=Secret(secret), auth_method="client_secret_basic", basic_raw=True
    )
    made = credentials(registration, config())
    assert made.authorization == Secret("Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode())
    assert made.form == ()


def test_a_signature_takes_the_place_of_the_secret_and_of_the_client_id() -> None:
    made = credentials(client(auth_method="private_key_jwt", signing_key=KEY, **SECRET), config())
    assert made.authorization is None
    assert [name for name, _ in made.form] == ["client_assertion_type", "client_assertion"]
    assert dict(made.form)["client_assertion_type"] == ASSERTION_TYPE
    assert ASSERTION_TYPE == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    claims = claims_of(made.form)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("portal", "portal", TOKEN)
    assert 0 < claims["exp"] - time.time() <= 300
    assert "s3cret" not in str(made.form)


def test_an_ehr_that_looks_for_the_client_id_in_the_body_finds_it_there() -> None:
    bent = Quirks(client_id_in_token_body=True)
    made = credentials(client(auth_method="private_key_jwt", signing_key=KEY, quirks=bent), config())
    assert ("client_id", "portal") in made.form
    assert claims_of(made.form)


def test_each_request_has_an_assertion_of_its_own() -> None:
    registration = client(auth_method="private_key_jwt", signing_key=KEY)
    assert (
        claims_of(credentials(registration, config()).form)["jti"]
        != (claims_of(credentials(registration, config()).form)["jti"])
    )


@pytest.mark.parametrize(
    ("methods", "capabilities", "chosen"),
    [
        (("client_secret_basic", "client_secret_post", "private_key_jwt"), (), "private_key_jwt"),
        (("private_key_jwt",), (), "private_key_jwt"),
        ((), ("client-confidential-asymmetric",), "private_key_jwt"),
        (("private_key_jwt",), ("client-confidential-asymmetric", "client-public"), "none"),
        (("client_secret_post",), ("client-confidential-asymmetric",), "none"),
        (("client_secret_basic",), (), "none"),
        ((), (), "none"),
    ],
)
def test_a_client_without_a_secret_signs_where_the_ehr_can_only_mean_that(
    methods: tuple[str, ...], capabilities: tuple[str, ...], chosen: str
) -> None:
    advertised = config(*methods, capabilities=capabilities)
    assert choose_method(client(signing_key=KEY), advertised) == chosen
    assert choose_method(client(), advertised) == "none"


def test_a_client_with_a_secret_keeps_using_it_when_a_key_appears() -> None:
    advertised = config("client_secret_post", "private_key_jwt")
    assert choose_method(client(signing_key=KEY, **SECRET), advertised) == "client_secret_post"


def test_code_and_refresh_token_are_each_redeemed_with_a_fresh_assertion() -> None:
    registration = client(iss="https://ehr.test/fhir", auth_method="private_key_jwt", signing_key=KEY)
    answer = reply({"access_token": "t", "token_type": "Bearer", "expires_in": 60, "scope": "launch"})
    door = FakeDoor(registration, {TOKEN: answer})
    exchange_code(door, registration, config(), code="c0de", redirect_uri="https://us.test/callback", verifier="v" * 43)
    refresh(door, registration, config(), refresh_token=Secret("r"))
    assert [call.url for call in door.calls] == [TOKEN, TOKEN]
    assert [call.authorization for call in door.calls] == ["", ""]
    assert len({claims_of(tuple(call.form))["jti"] for call in door.calls}) == 2
    assert not any(name == "client_id" for call in door.calls for name, _ in call.form)
