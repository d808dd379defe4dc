"""The client tests of Inferno's SMART App Launch 2.2 client suite, by its numbers, and what its mock sends.

ALP, ALCS and ALCA are its public, symmetric and asymmetric app launch clients, BSCA its backend service. Each journey
launches, reads the chart and refreshes at a mock that answers as Inferno's does; then each request is judged by the
rules of the numbered test.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import jwt
import pytest

from launcher.backend import backend_token
from launcher.discovery import door_for
from launcher.models import AuditEvent, Launch
from launcher.smart.fhir import FhirClient
from launcher.smart.fhir_version import FhirVersion
from tests.browser import Browser
from tests.journeys import inferno as mock
from tests.journeys.inferno import CLIENT_ID, CLIENT_SECRET, FHIR, PATIENT, REDIRECT_URI, Inferno
from tests.journeys.inferno_steps import (
    METHODS,
    MODES,
    SIGNING,
    assertion_is_good,
    grant_is_of_this_session,
    launched,
    register,
    whole_journey,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def inferno() -> Iterator[Inferno]:
    with mock.wired(Inferno()) as wired:
        yield wired


@pytest.mark.parametrize("kind", METHODS)
def test_1_01_to_3_01_registration_has_https_addresses_and_what_its_kind_needs(kind: str, inferno: Inferno) -> None:
    """smart_client_registration_{alca,alcs,alp}_verification."""
    row = register(kind)
    for address in (row.redirect_uri, f"{row.origin}/launch/inferno", f"{row.origin}/.well-known/jwks.json"):
        parts = urlsplit(address)
        assert (parts.scheme, parts.query, parts.fragment) == ("https", "", "")
        assert "*" not in address
    assert row.redirect_uri == REDIRECT_URI
    if kind == "ALCS":
        assert row.secret.reveal() == CLIENT_SECRET
    if kind in SIGNING:
        assert [jwt.PyJWK(key).key for key in mock.key_set()]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", METHODS)
def test_5_01_to_5_03_the_app_is_launched_and_shows_the_patient(kind: str, mode: str, inferno: Inferno) -> None:
    """smart_client_access_{alca,alcs,alp}_interaction."""
    register(kind)
    journey = launched(inferno, mode)
    assert journey.chart.marks("data-ehr") == ["inferno"]
    assert Launch.objects.get().mode == mode


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", METHODS)
def test_5_05_to_5_07_every_authorization_request_is_right(kind: str, mode: str, inferno: Inferno) -> None:
    """smart_client_authorization_request_{alca,alcs,alp}_verification."""
    register(kind)
    launched(inferno, mode)
    launched(inferno, mode)
    assert len(inferno.asked) == 2
    for number, asked in enumerate(inferno.asked):
        fields = asked.fields
        assert len(fields) == len(asked.pairs), "no parameter twice"
        assert fields["response_type"] == "code"
        assert fields["client_id"] == CLIENT_ID
        assert fields["redirect_uri"] == REDIRECT_URI
        assert fields.get("launch") == (inferno.launches[number] if mode == "ehr" else None)
        assert fields["state"]
        assert fields["aud"] == FHIR
        assert fields["code_challenge"]
        assert fields["code_challenge_method"] == "S256"
        assert fields["scope"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", SIGNING)
def test_5_08_every_token_request_is_signed(kind: str, mode: str, inferno: Inferno) -> None:
    """smart_client_token_request_alca_verification, for the code and for each refresh."""
    whole_journey(inferno, kind, mode)
    requests = inferno.tokens()
    assert len(requests) == 3
    for request in requests:
        grant_is_of_this_session(inferno, request)
        assert jwt.get_unverified_header(request.form["client_assertion"])["alg"] == kind.removeprefix("ALCA-")
    assert len({str(assertion_is_good(request)["jti"]) for request in requests}) == 3, "a jti came twice"


@pytest.mark.parametrize("mode", MODES)
def test_5_09_every_token_request_has_the_secret_in_its_header(mode: str, inferno: Inferno) -> None:
    """smart_client_token_request_alcs_verification, for the code and for each refresh."""
    whole_journey(inferno, "ALCS", mode)
    assert len(inferno.tokens()) == 3
    for request in inferno.tokens():
        grant_is_of_this_session(inferno, request)
        scheme, _, value = request.headers["Authorization"].partition(" ")
        assert scheme == "Basic"
        assert base64.b64decode(value, validate=True).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"


def test_5_09_a_secret_with_reserved_characters_is_sent_raw_where_the_registration_says_so(inferno: Inferno) -> None:
    """Inferno decodes neither part, RFC 6749, 2.3.1, would have both decoded: `basic_raw` is for the former."""
    register("ALCS", client_secret="a b+c:d/%", basic_raw=True)
    launched(inferno)
    [request] = inferno.tokens()
    value = request.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(value, validate=True).decode() == f"{CLIENT_ID}:a b+c:d/%"


@pytest.mark.parametrize("mode", MODES)
def test_5_10_every_token_request_of_a_public_client_names_it(mode: str, inferno: Inferno) -> None:
    """smart_client_token_request_alp_verification, for the code and for each refresh."""
    whole_journey(inferno, "ALP", mode)
    assert len(inferno.tokens()) == 3
    for request in inferno.tokens():
        grant_is_of_this_session(inferno, request)
        assert request.form["client_id"] == CLIENT_ID
        assert "Authorization" not in request.headers


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", METHODS)
def test_5_12_the_token_is_used(kind: str, mode: str, inferno: Inferno) -> None:
    """smart_client_token_use_verification; here for every read, not for one of them."""
    whole_journey(inferno, kind, mode)
    assert inferno.reads()
    for read in inferno.reads():
        scheme, _, token = read.headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        assert token in inferno.issued
        assert read.status != 401


ALGORITHMS = ["RS384", "ES384"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_4_01_and_5_04_a_backend_service_gets_a_token_and_reads_with_it(algorithm: str, inferno: Inferno) -> None:
    """smart_client_registration_bsca_verification, smart_client_access_bsca_interaction, and 5.12 for this kind."""
    row = register(f"ALCA-{algorithm}")
    assert [jwt.PyJWK(key).key for key in mock.key_set()]
    answer = backend_token(row, scope="system/Patient.rs")
    client = FhirClient(door=door_for(row.as_client()), base=FHIR, version=FhirVersion.R4, token=answer.access_token)
    assert client.read("Patient", PATIENT)["id"] == PATIENT
    [read] = inferno.reads()
    assert read.headers["Authorization"] == f"Bearer {inferno.issued[-1]}"
    assert read.status == 200


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_5_11_every_token_request_of_a_backend_service_is_signed(algorithm: str, inferno: Inferno) -> None:
    """smart_client_token_request_bsca_verification: asked again when needed, never by a refresh token."""
    row = register(f"ALCA-{algorithm}")
    for _ in range(3):
        answer = backend_token(row, scope="system/Patient.rs system/Condition.rs")
        assert answer.refresh_token is None
    assert [request.form["grant_type"] for request in inferno.tokens()] == ["client_credentials"] * 3
    for request in inferno.tokens():
        assert request.form["scope"] == "system/Patient.rs system/Condition.rs"
        assert set(request.form) == {"grant_type", "scope", "client_assertion_type", "client_assertion"}
        assert "Authorization" not in request.headers
        assert jwt.get_unverified_header(request.form["client_assertion"])["alg"] == algorithm
    assert len({str(assertion_is_good(request)["jti"]) for request in inferno.tokens()}) == 3, "a jti came twice"
    assert not inferno.asked, "nobody signs in"


# What Inferno sends


def test_a_request_by_form_is_understood_as_well(inferno: Inferno) -> None:
    """The mock advertises `authorize-post`."""
    register("ALP", authorize_method="post")
    launched(inferno)
    [asked] = inferno.asked
    assert asked.method == "POST"
    assert asked.fields["aud"] == FHIR
    assert asked.fields["launch"] == inferno.launches[0]


@pytest.mark.parametrize("echo", [None, mock.patient_resource(), {"resourceType": "Bundle", "type": "searchset"}])
def test_an_echo_for_every_search_is_shown_calmly(echo: mock.Json | None, inferno: Inferno) -> None:
    """The mock knows no searches: whatever comes back, the patient stands above it and nothing is made up."""
    inferno.echo = echo
    register("ALP")
    chart = launched(inferno).chart
    expected = "empty" if echo and echo["resourceType"] == "Bundle" else "failed"
    assert chart.state("conditions") == chart.state("medications") == expected
    assert not re.search(r'data-record="Condition/', chart.text)


def test_a_refused_and_an_expired_code_are_explained(inferno: Inferno) -> None:
    """401 with OAuth's JSON for the one, 401 with a FHIR OperationOutcome for the other."""
    register("ALP")
    for spoil, code in ((_forget, "client_rejected"), (_let_expire, "token_unreadable")):
        browser = Browser()
        back = inferno.sends_back(browser.get(inferno.launch_link()))
        page = browser.get(spoil(inferno, back))
        assert (page.status, page.error) == (502, code)
        assert len(inferno.tokens()) == len(inferno.asked), "a code is never sent twice"
    assert not Launch.objects.exists()


def _forget(inferno: Inferno, back: str) -> str:
    inferno.codes.clear()
    return back


def _let_expire(inferno: Inferno, back: str) -> str:
    """Put a code of ten minutes ago into the callback."""
    old = base64.urlsafe_b64encode(b'{"expiration": 1}').rstrip(b"=").decode()
    inferno.codes[old] = inferno.asked[-1]
    return re.sub(r"code=[^&]+", f"code={old}", back)


@pytest.mark.parametrize("sends_nonce", [True, False])
def test_who_signed_in_is_verified_by_the_issuers_own_document(inferno: Inferno, sends_nonce: bool) -> None:
    """`issuer` without `jwks_uri`: the keys are found by the issuer's OpenID configuration below the FHIR base."""
    inferno.returns_nonce = sends_nonce
    register("ALP", send_nonce=sends_nonce, require_identity=True)
    launched(inferno)
    launch = Launch.objects.select_related("person").get()
    assert launch.fhir_user == f"{FHIR}/Practitioner/inferno-doctor"
    assert launch.person is not None
    assert (launch.person.issuer, launch.person.subject) == (FHIR, "practitioner-inferno-doctor")


def test_an_id_token_that_leaves_our_nonce_out_opens_nothing(inferno: Inferno) -> None:
    """As Inferno's own mock does (OpenID Connect Core, 3.1.3.7): there the registration has to say "send no nonce"."""
    register("ALP", send_nonce=True)
    browser = Browser()
    page = browser.visit(inferno.sends_back(browser.get(inferno.launch_link())))
    assert (page.status, page.error) == (502, "identity_invalid")
    assert AuditEvent.objects.filter(event="idtoken.rejected", reason="nonce").exists()
    assert not inferno.reads()
