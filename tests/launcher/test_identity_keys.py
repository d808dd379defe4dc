"""Whose keys judge an id_token: an EHR that names somebody else's issuer is judged by somebody else's keys."""

from __future__ import annotations

import pytest

from launcher import discovery
from launcher.models import EhrRegistration
from launcher.smart import identity
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError

pytestmark = pytest.mark.django_db
ISS = "https://ehr.example.org/fhir"
OWN_KEYS = "https://ehr.example.org/own-keys"


def keys_for(
    registration: EhrRegistration, issuer: str, monkeypatch: pytest.MonkeyPatch, *, document: str | SmartError
) -> tuple[str, list[str]]:
    """The issuer and the addresses that keys were fetched from."""
    fetched: list[str] = []

    def openid(door: object, asked: str) -> identity.OpenIdConfiguration:
        if isinstance(document, SmartError):
            raise document
        return identity.OpenIdConfiguration(asked, document)

    def keys(door: object, jwks_uri: str) -> list[dict[str, object]]:
        fetched.append(jwks_uri)
        return [{"kty": "RSA"}]

    monkeypatch.setattr(identity, "fetch_openid", openid)
    monkeypatch.setattr(identity, "fetch_keys", keys)
    client = registration.as_client()
    config = SmartConfiguration(
        authorization_endpoint=f"{ISS}/a", token_endpoint=f"{ISS}/t", issuer=issuer, jwks_uri=OWN_KEYS
    )
    found, _ = discovery.identity_keys(registration, client, config, discovery.door_for(client))
    return found, fetched


def test_the_issuers_own_document_names_the_keys(
    registration: EhrRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "https://ehr.example.org/tenant-a"
    assert keys_for(registration, other, monkeypatch, document=f"{other}/keys") == (other, [f"{other}/keys"])


def test_an_issuer_without_a_document_is_trusted_for_itself_alone(
    registration: EhrRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = SmartError("identity_invalid", "404", reason="missing")
    assert keys_for(registration, ISS, monkeypatch, document=missing) == (ISS, [OWN_KEYS])
    with pytest.raises(SmartError):
        keys_for(registration, "https://accounts.example.com", monkeypatch, document=missing)


def test_a_document_that_names_another_issuer_is_final(
    registration: EhrRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SmartError) as caught:
        keys_for(registration, ISS, monkeypatch, document=SmartError("identity_invalid", "x", reason="issuer"))
    assert caught.value.reason == "issuer"
