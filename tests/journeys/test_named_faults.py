"""Every mistake that the simulated EHRs can be told to make ends in the code or panel state that is meant for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from launcher.models import Launch
from sandbox import faults
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import R4, faulty_launch_url, iss_of, opened, registration

pytestmark = pytest.mark.django_db

FINE = ""
ENDS_IN: dict[str, str] = {
    # discovery
    **dict.fromkeys(
        (
            "discovery-404",
            "discovery-500",
            "discovery-array",
            "discovery-empty",
            "discovery-foreign-endpoint",
            "discovery-html",
            "discovery-http-endpoint",
            "discovery-javascript-endpoint",
            "discovery-no-token-endpoint",
            "discovery-redirect",
        ),
        "discovery_failed",
    ),
    **dict.fromkeys(
        (
            "discovery-content-type",
            "discovery-host-root",
            "discovery-metadata-only",
            "discovery-no-auth-methods",
            "discovery-old-auth-methods",
        ),
        FINE,
    ),
    "discovery-other-issuer": "issuer_mismatch",
    # authorization
    "access-denied": "access_denied",
    **dict.fromkeys(
        ("auth_invalid_scope", "code-and-error", "double-code", "invalid-scope", "server-error", "unknown-error"),
        "authorization_failed",
    ),
    **dict.fromkeys(("error-no-state", "no-state"), "state_unknown"),
    **dict.fromkeys(("missing-iss", "wrong-iss"), "issuer_mismatch"),
    # token
    **dict.fromkeys(
        (
            "auth_invalid_client_secret",
            "invalid-client",
            "invalid-client-500",
            "token_expired_registration_token",
            "token_invalid_jti",
            "token_invalid_token",
            "unauthorized-client",
        ),
        "client_rejected",
    ),
    "invalid-grant": "code_rejected",
    **dict.fromkeys(
        (
            "bad-patient-id",
            "no-access-token",
            "patient-number",
            "token-200-html",
            "token-204",
            "token-500-html",
            "token-array",
            "token-empty",
            "token-redirect",
            "token-type-mac",
            "token_invalid_scope",
        ),
        "token_unreadable",
    ),
    **dict.fromkeys(("token-429", "token-503"), "ehr_busy"),
    "no-patient": "no_patient",
    **dict.fromkeys(
        (
            "id-alg-none",
            "id-bad-signature",
            "id-expired",
            "id-no-nonce",
            "id-no-sub",
            "id-unknown-kid",
            "id-wrong-aud",
            "id-wrong-iss",
            "id-wrong-nonce",
        ),
        "identity_invalid",
    ),
    **dict.fromkeys(
        (
            "banner-false-string",
            "expires-string",
            "expires-zero",
            "no-expires",
            "no-id-token",
            "no-scope",
            "state-echoed",
            "token-type-lower",
            "token-type-upper",
            "xss",
        ),
        FINE,
    ),
    # Patient
    **dict.fromkeys(("patient-401", "request_expired_token", "request_invalid_token"), "session_ended"),
    **dict.fromkeys(
        ("patient-403", "patient-404", "patient-410", "patient-500", "patient-html", "patient-outcome"),
        "patient_unavailable",
    ),
    **dict.fromkeys(("patient-other", "patient-practitioner", "patient-two-bundle"), "patient_mismatch"),
}
PANELS = {
    "conditions-401": ("conditions", "failed"),
    "conditions-403": ("conditions", "forbidden"),
    "conditions-404": ("conditions", "unsupported"),
    "conditions-500": ("conditions", "failed"),
    "conditions-bad-json": ("conditions", "failed"),
    "conditions-empty": ("conditions", "empty"),
    "conditions-foreign-next": ("conditions", "truncated"),
    "conditions-html-200": ("conditions", "failed"),
    "conditions-no-subject": ("conditions", "partial"),
    "conditions-other-patient": ("conditions", "partial"),
    "conditions-outcome-200": ("conditions", "failed"),
    "conditions-redirect": ("conditions", "failed"),
    "conditions-warning": ("conditions", "partial"),
    "medications-403": ("medications", "forbidden"),
    "medications-500": ("medications", "failed"),
    "narrow-scope": ("medications", "forbidden"),
    "allergies-403": ("allergies", "forbidden"),
    "allergies-500": ("allergies", "failed"),
    "allergies-empty": ("allergies", "empty"),
    "allergies-other-patient": ("allergies", "partial"),
    "allergies-warning": ("allergies", "partial"),
    "documents-500": ("documents", "failed"),
    "encounters-403": ("encounters", "forbidden"),
    "encounters-500": ("encounters", "failed"),
    "immunizations-404": ("immunizations", "unsupported"),
    "immunizations-500": ("immunizations", "failed"),
    "labs-403": ("labs", "forbidden"),
    "labs-html": ("labs", "failed"),
    "labs-other-patient": ("labs", "partial"),
    "vitals-500": ("vitals", "failed"),
}
# A document of the list, and what its address answers: the status, and the type of what is handed over.
DOCUMENTS = {
    "none": ("54520-doc1", 200, "application/pdf"),
    "binary-404": ("54520-doc1", 404, "text/html"),
    "binary-redirect": ("54520-doc1", 502, "text/html"),
    "binary-html-as-pdf": ("54520-doc1", 200, "application/octet-stream"),
    "documents-foreign-url": ("document-kept-elsewhere", 404, "text/html"),
}
REFRESHES = {
    "refresh-500": "session_ended",
    "refresh-invalid-grant": "session_ended",
    "refresh-other-patient": "session_ended",
    "refresh-other-sub": "session_ended",
    "token_expired_refresh_token": "session_ended",
    "refresh-no-new-token": FINE,
    "refresh-narrow-scope": FINE,
    "refresh-wider-scope": FINE,
}
# The EHR keeps the browser on a page of its own; `conditions-slow` is played with a small deadline in tests/patients.
SLOW = {"conditions-slow", "vitals-slow"}
STAY_AT_THE_EHR = {"auth_invalid_client_id", "auth_invalid_redirect_uri", "login-page"}


def test_no_fault_is_left_out() -> None:
    listed = {*ENDS_IN, *PANELS, *DOCUMENTS, *REFRESHES, *STAY_AT_THE_EHR, *SLOW}
    assert listed - {faults.NO_FAULT} == set(faults.FAULTS) - {faults.NO_FAULT}


def launch_with(browser: Browser, fault: str) -> str:
    """The launch address of this fault; those of discovery lie in the issuer itself."""
    if fault not in faults.names("discovery"):
        return faulty_launch_url(browser, fault)
    row = registration()
    row.iss = iss_of(f"{R4}~{fault}")
    row.save()
    return f"/launch?launch=54520&iss={row.iss}"


@pytest.mark.parametrize(("fault", "code"), ENDS_IN.items())
def test_a_fault_ends_in_its_code(fault: str, code: str, ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(launch_with(browser, fault))
    assert page.error == code, (page.status, page.url)
    assert (page.status == 200) == (code == FINE)
    assert bool(page.patient) == (code == FINE)


@pytest.mark.parametrize(("fault", "outcome"), PANELS.items())
def test_a_fault_of_one_panel_stays_in_its_box(
    fault: str, outcome: tuple[str, str], ehrs: Bridge, browser: Browser
) -> None:
    page = opened(browser, faulty_launch_url(browser, fault))
    panel, state = outcome
    assert page.state(panel) == state
    # "narrow-scope" leaves the conditions alone.
    others = {"conditions", "medications", "vitals"} if fault != "narrow-scope" else {"conditions", "medications"}
    assert {page.state(other) for other in others - {panel}} <= {"ready", "partial"}


@pytest.mark.parametrize(("fault", "answer"), DOCUMENTS.items())
def test_a_fault_of_a_document_is_said_or_made_harmless(
    fault: str, answer: tuple[str, int, str], ehrs: Bridge, browser: Browser
) -> None:
    name, status, content_type = answer
    chart = opened(browser, faulty_launch_url(browser, fault))
    assert f'data-record="DocumentReference/{name}"' in chart.text
    page = browser.get(f"{chart.url}documents/{name}/")
    headers = page.response.headers
    assert (page.status, headers["Content-Type"].partition(";")[0]) == (status, content_type)
    if status != 200:
        assert 'data-testid="patient-banner"' in page.text
    else:
        shown = "inline" if fault == "none" else "attachment"
        assert headers["Content-Disposition"].partition(";")[0] == shown


@pytest.mark.parametrize(("fault", "code"), REFRESHES.items())
def test_a_fault_of_the_refresh_shows_when_the_token_has_ended(
    fault: str, code: str, ehrs: Bridge, browser: Browser
) -> None:
    page = opened(browser, faulty_launch_url(browser, fault))
    Launch.objects.update(token_expires_at=timezone.now() - timedelta(seconds=1))
    ehrs.forget()
    again = browser.get(page.url)
    assert again.error == code
    assert len(ehrs.paths("/token")) == 1
    if code:
        assert Launch.objects.get().ended_at
        assert not ehrs.paths("/fhir/")
    else:
        assert again.patient == "54520"


@pytest.mark.parametrize("fault", sorted(STAY_AT_THE_EHR))
def test_an_ehr_that_keeps_the_browser_opens_nothing_here(fault: str, ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(faulty_launch_url(browser, fault))
    assert "/sandbox/" in page.url
    assert not Launch.objects.exists()
