"""The steps of the journeys at Inferno's mock: register, launch, refresh; and what each token request must fulfil."""

from __future__ import annotations

from dataclasses import dataclass

import jwt
from django.conf import settings
from django.utils import timezone

from launcher import signing
from launcher.models import EhrRegistration, Launch
from tests.browser import Browser, Page
from tests.journeys import inferno as mock
from tests.journeys.inferno import CLIENT_ID, CLIENT_SECRET, FHIR, PATIENT, TOKEN, Exchange, Inferno

SCOPES = (
    "launch openid fhirUser online_access patient/Patient.rs patient/Condition.rs patient/MedicationRequest.rs "
    "patient/MedicationStatement.rs"
)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = {
    "ALP": "none",
    "ALCS": "client_secret_basic",
    "ALCA-RS384": "private_key_jwt",
    "ALCA-ES384": "private_key_jwt",
}
MODES = ["ehr", "standalone"]
SIGNING = [kind for kind in METHODS if kind.startswith("ALCA")]


def register(kind: str, **more: object) -> EhrRegistration:
    """This app at the mock, as one of its kinds of client."""
    row = EhrRegistration(
        site_id=settings.SITE_ID,
        slug="inferno",
        name="Inferno",
        iss=FHIR,
        client_id=CLIENT_ID,
        scopes=SCOPES,
        auth_method=METHODS[kind],
        launch_modes=["ehr", "standalone"],
        # Inferno's id_tokens leave the nonce out.
        **{"send_nonce": False, **more},
    )
    if kind == "ALCS":
        row.client_secret = row.client_secret or CLIENT_SECRET
    if kind in SIGNING:
        row.signing_algorithm = kind.removeprefix("ALCA-")
        signing.make_key(row.signing_algorithm)
    row.full_clean()
    row.save()
    return row


@dataclass(frozen=True, slots=True)
class Journey:
    """One browser's chart at the mock."""

    browser: Browser
    chart: Page


def launched(inferno: Inferno, mode: str = "ehr") -> Journey:
    """From the tester's link, or from our own start, to the chart."""
    browser = Browser()
    begun = browser.get(inferno.launch_link() if mode == "ehr" else "/standalone/inferno")
    chart = browser.visit(inferno.sends_back(begun))
    assert chart.status == 200, (chart.status, chart.error)
    assert chart.patient == PATIENT
    assert "EXAMINEE" in chart.text
    return Journey(browser, chart)


def refreshed(inferno: Inferno, journey: Journey) -> None:
    """Let the access token end, and look at the chart again."""
    before = len(inferno.tokens("refresh_token"))
    Launch.objects.update(token_expires_at=timezone.now())
    page = journey.browser.get(journey.chart.url)
    assert page.status == 200, page.error
    assert page.patient == PATIENT
    assert len(inferno.tokens("refresh_token")) == before + 1


def whole_journey(inferno: Inferno, kind: str, mode: str) -> Journey:
    """Launch, chart and two refreshes."""
    register(kind)
    journey = launched(inferno, mode)
    refreshed(inferno, journey)
    refreshed(inferno, journey)
    return journey


def grant_is_of_this_session(inferno: Inferno, request: Exchange) -> None:
    """What 5.08 to 5.10 have in common: the grant was issued here, with its redirect URI and PKCE verifier."""
    form = request.form
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form["grant_type"] in {"authorization_code", "refresh_token"}
    if form["grant_type"] == "refresh_token":
        assert form["refresh_token"] in inferno.refresh_tokens
        return
    asked = inferno.codes[form["code"]].fields
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert mock.s256(form["code_verifier"]) == asked["code_challenge"]


def assertion_is_good(request: Exchange) -> dict[str, object]:
    """What 5.08 and 5.11 ask of a client assertion; its claims."""
    assert request.form["client_assertion_type"] == ASSERTION_TYPE
    assertion = request.form["client_assertion"]
    header = jwt.get_unverified_header(assertion)
    assert header["typ"] == "JWT"
    [key] = [key for key in mock.key_set() if key["kid"] == header["kid"]]
    claims: dict[str, object] = jwt.decode(assertion, jwt.PyJWK(key), algorithms=[header["alg"]], audience=TOKEN)
    assert claims["iss"] == claims["sub"] == CLIENT_ID
    assert claims["aud"] == TOKEN
    assert claims["exp"]
    assert claims["jti"]
    return claims
