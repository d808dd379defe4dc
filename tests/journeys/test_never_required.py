"""What an EHR may leave out: the launch succeeds all the same, and the chart shows its patient.

Each of these is optional or conditional in SMART App Launch 2.2, or left out by EHRs in practice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.utils import timezone

from launcher.models import EhrRegistration, Launch
from tests.browser import Browser, Page
from tests.journeys import inferno as mock
from tests.journeys.inferno import CLIENT_ID, CLIENT_SECRET, FHIR, PATIENT, Inferno

pytestmark = pytest.mark.django_db

SCOPES = "launch openid fhirUser online_access patient/*.rs"


@pytest.fixture
def ehr() -> Iterator[Inferno]:
    """An EHR that leaves nothing out, before a test takes something away."""
    complete = Inferno(returns_nonce=True)
    complete.context["encounter"] = "visit-1"
    complete.configuration |= {
        "jwks_uri": f"{FHIR}/.well-known/jwks.json",
        "revocation_endpoint": f"{mock.ROOT}/auth/revoke",
        "capabilities": [*complete.configuration["capabilities"], "sso-openid-connect"],
    }
    with mock.wired(complete) as wired:
        yield wired


@pytest.fixture
def row(db: None) -> EhrRegistration:
    found = EhrRegistration(
        site_id=settings.SITE_ID,
        slug="inferno",
        name="Inferno",
        iss=FHIR,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        scopes=SCOPES,
    )
    found.full_clean()
    found.save()
    return found


def chart_opens(ehr: Inferno, browser: Browser | None = None) -> Page:
    browser = browser or Browser()
    page = browser.visit(ehr.sends_back(browser.get(ehr.launch_link())))
    assert page.status == 200, (page.status, page.error)
    assert page.patient == PATIENT
    assert "EXAMINEE" in page.text
    return page


def with_members(ehr: Inferno, **members: object) -> None:
    ehr.token_members = members


def test_a_complete_ehr_opens_the_chart(row: EhrRegistration, ehr: Inferno) -> None:
    """What the other tests take away was there before."""
    chart_opens(ehr)
    launch = Launch.objects.get()
    assert launch.person is not None
    assert launch.encounter == "visit-1"
    assert launch.refresh_token
    assert launch.token_expires_at
    assert launch.granted_scopes


@pytest.mark.parametrize(
    "name",
    [
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "grant_types_supported",
        "response_types_supported",
        "scopes_supported",
        "capabilities",
        "issuer",
    ],
)
def test_a_member_of_the_smart_configuration(name: str, row: EhrRegistration, ehr: Inferno) -> None:
    """Without advertised PKCE the challenge is sent all the same, and the identity is verified in every case."""
    del ehr.configuration[name]
    chart_opens(ehr)
    assert ehr.asked[0].fields["code_challenge_method"] == "S256"
    assert Launch.objects.select_related("person").get().person is not None


def test_everything_but_the_two_endpoints(row: EhrRegistration, ehr: Inferno) -> None:
    ehr.configuration = {
        name: value for name, value in ehr.configuration.items() if name in {"authorization_endpoint", "token_endpoint"}
    }
    chart_opens(ehr)


@pytest.mark.parametrize("name", ["expires_in", "id_token", "refresh_token", "scope"])
def test_a_member_of_the_token_response(name: str, row: EhrRegistration, ehr: Inferno) -> None:
    with_members(ehr, **{name: None})
    chart_opens(ehr)
    launch = Launch.objects.get()
    left_out = {
        "expires_in": launch.token_expires_at is None,
        "id_token": launch.person is None,
        "refresh_token": not launch.refresh_token,
        "scope": launch.granted_scopes is None,
    }
    assert left_out == {each: each == name for each in left_out}


def test_only_a_registration_that_requires_identity_needs_an_id_token(row: EhrRegistration, ehr: Inferno) -> None:
    with_members(ehr, id_token=None)
    row.require_identity = True
    row.save()
    browser = Browser()
    page = browser.visit(ehr.sends_back(browser.get(ehr.launch_link())))
    assert (page.status, page.error) == (502, "identity_invalid")
    assert not ehr.reads()


def test_an_encounter(row: EhrRegistration, ehr: Inferno) -> None:
    del ehr.context["encounter"]
    chart_opens(ehr)
    assert Launch.objects.get().encounter == ""


@pytest.mark.parametrize("token", ["0a9f", "a/b+c==", "not.a.jwt", "~opaque~" * 40])
def test_an_access_token_that_says_something(token: str, row: EhrRegistration, ehr: Inferno) -> None:
    """It is opaque to a client, whatever it looks like (RFC 6749, 1.4)."""
    with_members(ehr, access_token=token)
    chart_opens(ehr)
    assert {read.headers["Authorization"] for read in ehr.reads()} == {f"Bearer {token}"}


@pytest.mark.parametrize("scope", ["patient/*.rs", "patient/*.rs openid fhirUser launch", "", None])
def test_the_scopes_that_allow_a_refresh_in_what_was_granted(
    scope: str | None, row: EhrRegistration, ehr: Inferno
) -> None:
    """A refresh token that came is used, though neither `online_access` nor `offline_access` is said back."""
    with_members(ehr, scope=scope)
    browser = Browser()
    page = chart_opens(ehr, browser)
    Launch.objects.update(token_expires_at=timezone.now())
    again = browser.get(page.url)
    assert again.patient == PATIENT, again.error
    assert len(ehr.tokens("refresh_token")) == 1
    newest = ehr.tokens("refresh_token")[0].json["access_token"]
    assert ehr.reads()[-1].headers["Authorization"] == f"Bearer {newest}"


def test_everything_optional_at_once(row: EhrRegistration, ehr: Inferno) -> None:
    """Two endpoints, and a token with its type and patient."""
    ehr.configuration = {"authorization_endpoint": mock.AUTHORIZE, "token_endpoint": mock.TOKEN}
    ehr.context = {"patient": PATIENT}
    with_members(ehr, expires_in=None, scope=None, id_token=None, refresh_token=None)
    chart_opens(ehr)
    answered = json.loads(ehr.tokens()[0].body)
    assert set(answered) == {"access_token", "token_type", "patient"}
