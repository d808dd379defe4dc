"""Which key signs: the registration's, unless the EHR lists its algorithms and only another of ours is among them."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from launcher.smart.client_assertion import SigningAlgorithm, SigningKeyPair
from launcher.smart.client_auth import credentials, unlisted_algorithm
from launcher.smart.configuration import SmartConfiguration, discover
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from tests.smart.fake_door import FakeDoor, reply

ISS = "https://ehr.test/fhir"
TOKEN = "https://ehr.test/token"


def pair(algorithm: SigningAlgorithm) -> SigningKeyPair:
    private = (
        ec.generate_private_key(ec.SECP384R1())
        if algorithm == "ES384"
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return SigningKeyPair(kid=f"the-{algorithm}", algorithm=algorithm, private_pem=Secret(pem))


RSA, EC = pair("RS384"), pair("ES384")


def client(**more: Any) -> ClientRegistration:
    values = {"iss": ISS, "client_id": "app", "redirect_uri": "", "scopes": "", "auth_method": "private_key_jwt"}
    return ClientRegistration(**{**values, "fhir_version": FhirVersion.R4, **more})


def config(*listed: str) -> SmartConfiguration:
    return SmartConfiguration(
        authorization_endpoint="", token_endpoint=TOKEN, token_endpoint_auth_signing_alg_values_supported=listed
    )


@pytest.mark.parametrize(
    ("own", "other", "listed", "signs", "unlisted"),
    [
        (RSA, EC, (), RSA, ""),
        (RSA, EC, ("RS384",), RSA, ""),
        (RSA, EC, ("ES384", "RS384"), RSA, ""),
        (RSA, EC, ("ES384",), EC, ""),
        (EC, RSA, ("RS256", "RS384"), RSA, ""),
        (RSA, None, ("ES384",), RSA, "RS384"),
        (RSA, EC, ("RS256", "PS256"), RSA, "RS384"),
    ],
)
def test_the_key_is_chosen_from_what_the_ehr_lists(
    own: SigningKeyPair, other: SigningKeyPair | None, listed: tuple[str, ...], signs: SigningKeyPair, unlisted: str
) -> None:
    registration = client(signing_key=own, other_key=other)
    assertion = dict(credentials(registration, config(*listed)).form)["client_assertion"]
    header = jwt.get_unverified_header(assertion)
    assert (header["kid"], header["alg"]) == (signs.kid, signs.algorithm)
    assert unlisted_algorithm(registration, config(*listed)) == unlisted


def test_a_client_that_does_not_sign_has_no_unlisted_algorithm() -> None:
    registration = client(auth_method="client_secret_basic", client_secret=Secret("s"), signing_key=RSA)
    assert unlisted_algorithm(registration, config("ES384")) == ""
    assert unlisted_algorithm(client(), config("ES384")) == ""


@pytest.mark.parametrize(
    ("sent", "read"),
    [(["ES384", "RS384"], ("ES384", "RS384")), (None, ()), ("RS384", ("RS384",)), ([5, "RS384"], ("RS384",)), ({}, ())],
)
def test_the_list_is_read_at_discovery_and_survives_the_cache(sent: object, read: tuple[str, ...]) -> None:
    published = {
        "authorization_endpoint": "https://ehr.test/authorize",
        "token_endpoint": TOKEN,
        "token_endpoint_auth_signing_alg_values_supported": sent,
    }
    door = FakeDoor(client(), {f"{ISS}/.well-known/smart-configuration": reply(published)})
    found = discover(door, client())
    assert found.token_endpoint_auth_signing_alg_values_supported == read
    assert SmartConfiguration.from_json(found.to_json()) == found
