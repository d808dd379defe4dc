"""Whole launches whose token response speaks of several FHIR bases (SMART App Launch 2.2, `authorization_details`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from launcher.models import AuditEvent, Launch
from tests.browser import Browser, Page
from tests.journeys import inferno as mock
from tests.journeys.inferno import FHIR, PATIENT, Inferno
from tests.journeys.inferno_steps import launched, refreshed, register

pytestmark = pytest.mark.django_db

ELSEWHERE = FHIR.replace("/fhir", "/dstu2")


@pytest.fixture
def inferno() -> Iterator[Inferno]:
    with mock.wired(Inferno(returns_nonce=True)) as wired:
        yield wired


def detail(base: str = FHIR, **members: Any) -> dict[str, Any]:
    return {"type": "smart_on_fhir", "locations": [base], **members}


def refused(inferno: Inferno) -> Page:
    """The page that a launch ends with."""
    browser = Browser()
    page = browser.visit(inferno.sends_back(browser.get(inferno.launch_link())))
    assert page.status >= 400
    return page


def test_the_patient_of_our_base_is_shown_and_not_the_one_of_another(inferno: Inferno) -> None:
    inferno.context |= {
        "patient": "d-77",
        "encounter": "d-visit",
        "fhirContext": [{"reference": "Task/d-1"}],
        "authorization_details": [
            detail(ELSEWHERE, patient="d-77", fhirVersions=["1.0.2"]),
            detail(f"{FHIR}/", patient=PATIENT, encounter="visit-4", fhirContext=[{"reference": "Task/r-1"}]),
        ],
    }
    register("ALP")
    journey = launched(inferno)
    row = Launch.objects.get()
    assert (row.patient, row.encounter) == (PATIENT, "visit-4")
    assert [item["reference"] for item in row.fhir_context] == ["Task/r-1"]
    assert "d-77" not in journey.chart.text
    assert "d-visit" not in journey.chart.text
    assert not [exchange.url for exchange in inferno.exchanges if "d-77" in exchange.url]
    assert set(AuditEvent.objects.exclude(patient="").values_list("patient", flat=True)) == {PATIENT}


def test_a_patient_of_another_base_alone_opens_no_chart(inferno: Inferno) -> None:
    inferno.context = {"authorization_details": [detail(ELSEWHERE, patient=PATIENT)]}
    register("ALP")
    page = refused(inferno)
    assert (page.error, Launch.objects.count()) == ("no_patient", 0)


def test_a_patient_that_is_no_id_opens_no_chart(inferno: Inferno) -> None:
    inferno.context["authorization_details"] = [detail(patient="../Patient")]
    register("ALP")
    assert refused(inferno).error == "token_unreadable"


def test_scopes_of_our_base_are_the_ones_that_count(inferno: Inferno) -> None:
    inferno.context["authorization_details"] = [detail(scope="patient/Patient.rs patient/Condition.rs")]
    register("ALP")
    journey = launched(inferno)
    assert Launch.objects.get().granted_scopes == "patient/Patient.rs patient/Condition.rs"
    assert journey.chart.state("medications") == "forbidden"


def test_a_malformed_item_is_logged_and_the_launch_goes_on(inferno: Inferno, caplog: pytest.LogCaptureFixture) -> None:
    inferno.context["authorization_details"] = ["CANARY"]
    register("ALP")
    launched(inferno)
    assert "token response of inferno: authorization_details is unusable" in caplog.text
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize(
    ("registered", "said", "version"),
    [
        ("auto", ["3.0.2"], "STU3"),
        ("auto", ["4.0.1", "3.0.2"], "R4"),
        ("auto", ["9.0"], "R4"),
        ("STU3", ["4.0.1"], "STU3"),
    ],
)
def test_the_version_of_our_base_settles_what_discovery_could_only_assume(
    registered: str, said: list[str], version: str, inferno: Inferno
) -> None:
    """The mock has no conformance statement, so that R4 is an assumption there."""
    inferno.context["authorization_details"] = [detail(fhirVersions=said)]
    register("ALP", fhir_version=registered)
    launched(inferno)
    assert Launch.objects.get().fhir_version == version


def test_the_bases_own_statement_goes_before_the_token_response(inferno: Inferno) -> None:
    inferno.echo = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    inferno.context["authorization_details"] = [detail(fhirVersions=["3.0.2"])]
    register("ALP")
    launched(inferno)
    assert Launch.objects.get().fhir_version == "R4"


def test_a_refresh_that_names_another_patient_for_our_base_ends_the_session(inferno: Inferno) -> None:
    inferno.context["authorization_details"] = [detail(patient=PATIENT)]
    register("ALP")
    journey = launched(inferno)
    refreshed(inferno, journey)
    inferno.context["authorization_details"] = [detail(patient="somebody-else")]
    Launch.objects.update(token_expires_at=timezone.now())
    assert journey.browser.get(journey.chart.url).error == "session_ended"
    assert Launch.objects.get().end_reason == "patient-changed"
    assert AuditEvent.objects.get(event="token.refresh_failed").code == "patient_mismatch"
