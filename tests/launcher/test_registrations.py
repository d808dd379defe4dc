"""What makes a registration sound, and how it is found by its issuer."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from launcher.models import EhrRegistration

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"iss": "http://ehr.example.org/fhir", "environment": "production"}, "iss"),
        ({"iss": "https://ehr.example.org/fhir?x=1"}, "iss"),
        ({"iss": "https://ehr.example.org/fhir/metadata"}, "iss"),
        ({"iss": "https://169.254.169.254/fhir"}, "iss"),
        ({"iss": "ftp://ehr.example.org"}, "iss"),
        ({"iss": "https://user:pass@ehr.example.org/fhir"}, "iss"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "has space"}, "client_id"),
        ({"redirect_uri": "https://elsewhere.example.org/callback/main"}, "redirect_uri"),
        ({"redirect_uri": "https://testserver/callback/other"}, "redirect_uri"),
        ({"redirect_uri": "https://testserver/callback/main?x=1"}, "redirect_uri"),
        ({"redirect_uri": "http://testserver/callback/main"}, "redirect_uri"),
        ({"scopes": "openid profile"}, "scopes"),
        ({"scopes": ""}, "scopes"),
        ({"auth_method": "client_secret_basic"}, "auth_method"),
        ({"launch_modes": []}, "launch_modes"),
        ({"launch_modes": ["sideways"]}, "launch_modes"),
        ({"approved_origins": ["https://login.example.org/path"]}, "approved_origins"),
        ({"approved_origins": ["javascript:alert(1)"]}, "approved_origins"),
        ({"frame_ancestors": ["*"]}, "frame_ancestors"),
        ({"frame_ancestors": ["https:"]}, "frame_ancestors"),
        ({"allowed_networks": ["10.0.0.0/8"]}, "allowed_networks"),
        ({"allowed_networks": ["nonsense"]}, "allowed_networks"),
        ({"secret_from": "vault:x"}, "secret_from"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"slug": "Has Space"}, "slug"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(values: dict[str, Any], field: str) -> None:
    given = {"slug": "main", "name": "Main", "iss": "https://ehr.example.org/fhir", "client_id": "app", "site_id": 1}
    with pytest.raises(ValidationError) as caught:
        EhrRegistration(**{**given, **values}).full_clean()
    assert field in caught.value.message_dict


@pytest.mark.parametrize(
    "iss", ["https://ehr.example.org/fhir", "https://ehr.example.org/fhir/", "HTTPS://EHR.Example.ORG:443/fhir"]
)
def test_the_three_equal_spellings_of_an_issuer_find_it(registration: EhrRegistration, iss: str) -> None:
    assert list(EhrRegistration.objects.for_site(1).with_iss(iss)) == [registration]


@pytest.mark.parametrize(
    "iss",
    [
        "https://ehr.example.org/FHIR",
        "https://ehr.example.org:8443/fhir",
        "http://ehr.example.org/fhir",
        "https://ehr.example.org.evil.test/fhir",
        "https://ehr.example.org@evil.test/fhir",
        "https://ehr.example.org%2eevil.test/fhir",
        "https://ehr.example.org/fhir?x",
        "https://ehr.example.org/fhir#x",
        "https://ehr.example.org/fhir//",
        "https://ehr.example.org/",
        "",
    ],
)
def test_nothing_else_finds_it(registration: EhrRegistration, iss: str) -> None:
    assert not EhrRegistration.objects.for_site(1).with_iss(iss).exists()


def test_a_redirect_address_is_made_from_the_site_and_the_slug(registration: EhrRegistration) -> None:
    assert registration.redirect_uri == "https://testserver/callback/main"


def test_one_client_is_registered_once_per_site(registration: EhrRegistration) -> None:
    with pytest.raises(IntegrityError):
        EhrRegistration.objects.create(
            site_id=1, slug="twin", name="Twin", iss="https://EHR.example.org/fhir/", client_id="app"
        )


def test_pkce_is_switched_off_by_the_row_alone(registration: EhrRegistration) -> None:
    assert registration.as_client().quirks.pkce
    registration.send_pkce = False
    assert not registration.as_client().quirks.pkce
