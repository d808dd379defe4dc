"""Whole launches at the simulated EHRs: from the EHR's link to the right patient's chart."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from launcher.models import AuditEvent, Launch
from patients.panels import all_panels
from tests.browser import ORIGIN, Browser
from tests.loopback import Bridge

TEST_PATIENTS = {
    "allscripts-professional": "54520",
    "allscripts-touchworks": "19",
    "allscripts-sunrise": "385800201",
    "smart-r4": "54520",
}


def iss(ehr: str) -> str:
    return f"{ORIGIN}/sandbox/{ehr}/fhir"


@pytest.mark.parametrize(("ehr", "patient"), TEST_PATIENTS.items())
def test_the_articles_own_link_opens_the_patients_chart(ehr: str, patient: str, ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(f"/launch.html?launch={patient}&iss={iss(ehr)}")
    assert page.status == 200, page.error
    assert page.patient == patient
    assert page.marks("data-ehr") == [ehr]
    assert urlsplit(page.url).path == f"/chart/{Launch.objects.get().pk}/"
    for panel in ("demographics", "conditions", "medications"):
        assert page.state(panel) in {"ready", "partial"}, panel
    assert all(record.split("/")[0] for record in page.marks("data-record"))


@pytest.mark.parametrize(("ehr", "patient"), TEST_PATIENTS.items())
def test_a_launch_leaves_its_events_in_order(ehr: str, patient: str, ehrs: Bridge, browser: Browser) -> None:
    assert browser.visit(f"/launch?launch={patient}&iss={iss(ehr)}").text
    events = list(AuditEvent.objects.order_by("id").values_list("event", flat=True))
    assert events[:5] == ["launch.received", "authz.redirected", "token.obtained", "session.opened", "patient.read"]
    assert set(events[5:]) == {"panel.read"}
    # One for each panel of the chart.
    assert len(events[5:]) == len(all_panels())


def test_the_front_page_offers_each_demo_patient_and_one_click_opens_the_chart(ehrs: Bridge, browser: Browser) -> None:
    front = browser.get("/")
    patients = front.marks("data-demo")
    assert len(patients) >= 24
    assert {"54520", "19", "385800201"} <= set(patients)
    links = [link.replace("&amp;", "&") for link in front.marks("href") if link.startswith("/launch/")]
    assert len(links) == len(patients)
    for patient, link in zip(patients, links, strict=True):
        page = Browser().visit(link)
        assert page.patient == patient, page.error


def test_the_client_secret_never_travels_through_the_browser(ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(f"/launch?launch=54520&iss={iss('allscripts-professional')}")
    secret = next(seen.body for seen in ehrs.seen if seen.path.endswith("/connect/token"))
    assert "client_secret=" in secret
    value = secret.split("client_secret=")[1].split("&")[0]
    assert value not in page.text + "".join(page.history)
    assert "secret" not in "".join(page.history)
