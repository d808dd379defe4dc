"""Client assertions: signed by the right key, for one endpoint, for minutes, and each only once."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from launcher.smart.client_assertion import ALGORITHMS, SigningKeyPair, make_assertion
from launcher.smart.errors import SmartError
from launcher.smart.secret import Secret

NOW = time.time()
TOKEN = "https://ehr.test/oauth/token"
PRIVATE: dict[str, Any] = {
    "RS384": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
}


def pem(private: Any) -> Secret:
    return Secret(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def pair(algorithm: Any = "ES384", **changes: Any) -> SigningKeyPair:
    return SigningKeyPair(**{"kid": "key-1", "algorithm": algorithm, "private_pem": pem(PRIVATE[algorithm]), **changes})


def made(key: SigningKeyPair, **changes: Any) -> str:
    return make_assertion(key, **{"client_id": "portal", "audience": TOKEN, "now": NOW, **changes}).reveal()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_signature_is_that_of_the_key_and_the_claims_are_the_standards(algorithm: str) -> None:
    token = made(pair(algorithm))
    claims = jwt.decode(
        token,
        PRIVATE[algorithm].public_key(),
        algorithms=[algorithm],
        audience=TOKEN,
        issuer="portal",
        # The clock of these tests stands still.
        options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"], "verify_exp": False},
    )
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": "key-1", "typ": "JWT"}
    assert set(claims) == {"iss", "sub", "aud", "exp", "iat", "jti"}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("portal", "portal", TOKEN)
    assert type(claims["exp"]) is int
    assert claims["iat"] == int(NOW)


def test_an_assertion_lives_four_minutes_so_that_a_slow_clock_still_finds_it_within_five() -> None:
    claims = jwt.decode(made(pair(), now=1_000_000.9), options={"verify_signature": False})
    assert (claims["iat"], claims["exp"]) == (1_000_000, 1_000_240)


def test_no_two_assertions_share_an_id() -> None:
    key = pair()
    ids = {jwt.decode(made(key), options={"verify_signature": False})["jti"] for _ in range(50)}
    assert len(ids) == 50
    assert min(map(len, ids)) >= 22


def test_the_address_of_the_key_set_is_named_only_when_it_is_given() -> None:
    address = "https://us.test/.well-known/jwks.json"
    assert jwt.get_unverified_header(made(pair(), jku=address))["jku"] == address
    assert "jku" not in jwt.get_unverified_header(made(pair()))


@pytest.mark.parametrize(
    "key",
    [
        pair("RS384", private_pem=pem(PRIVATE["ES384"])),
        pair("ES384", private_pem=pem(PRIVATE["RS384"])),
        pair("ES384", private_pem=pem(ec.generate_private_key(ec.SECP256R1()))),
        pair("RS384", private_pem=pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))),  # noqa: S505  # that it is too short is the point
        pair("ES384", private_pem=pem(ed25519.Ed25519PrivateKey.generate())),
        pair(private_pem=Secret("")),
        pair(private_pem=Secret("CANARY")),
    ],
    ids=["ec for rsa", "rsa for ec", "p-256", "rsa 1024", "ed25519", "none", "nonsense"],
)
def test_a_key_that_is_not_one_of_its_algorithm_signs_nothing(key: SigningKeyPair) -> None:
    with pytest.raises(SmartError) as caught:
        made(key)
    assert (caught.value.code, caught.value.reason) == ("unavailable", "signing_key")
    assert "CANARY" not in str(caught.value)


def test_neither_key_nor_assertion_can_be_seen_when_printed() -> None:
    key = pair()
    assert "BEGIN" not in repr(key)
    assert make_assertion(key, client_id="portal", audience=TOKEN, now=NOW).reveal() not in repr(
        make_assertion(key, client_id="portal", audience=TOKEN, now=NOW)
    )
    assert str(make_assertion(key, client_id="portal", audience=TOKEN, now=NOW)) == "Secret(***)"
