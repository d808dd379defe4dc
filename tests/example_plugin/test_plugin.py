"""The plugin as a user meets it: its panel on a chart, its scope in the request, its preset in the registration form.

Runs only where the plugin is loaded: `SMARTPORTAL_PLUGINS=tests.example_plugin`.
"""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from launcher import vendors
from launcher.models import EhrRegistration
from tests.browser import Browser
from tests.loopback import Bridge
from tests.patients.fakes import Json
from tests.security.steps import launch_url, opened, registration

pytestmark = pytest.mark.django_db


def procedures(*changes: Json) -> str:
    found = [
        {
            "resourceType": "Procedure",
            "id": f"p{number}",
            "subject": {"reference": "Patient/54520"},
            "status": "completed",
            "code": {"text": "Hernia repair"},
            "performedDateTime": "2024-05-02",
            **change,
        }
        for number, change in enumerate(changes)
    ]
    entries = [{"resource": each} for each in found]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})


@pytest.fixture
def row(ehrs: Bridge) -> EhrRegistration:
    found = registration()
    found.scopes = "launch openid fhirUser patient/{panels}"
    found.save()
    return found


def test_its_panel_is_on_the_chart(row: EhrRegistration, ehrs: Bridge, browser: Browser) -> None:
    ehrs.answer_with(
        "/Procedure", procedures({}, {"status": "entered-in-error"}, {"subject": {"reference": "Patient/b"}})
    )
    page = opened(browser)
    assert page.state("procedures") == "partial"
    assert "Hernia repair" in page.text
    assert 'data-record="Procedure/p0"' in page.text
    assert 'data-record="Procedure/p2"' not in page.text


def test_what_it_reads_is_asked_for(row: EhrRegistration, browser: Browser) -> None:
    assert "patient/Procedure.rs" in browser.get(launch_url()).query["scope"][0].split()


def test_its_preset_registers_an_ehr(ehrs: Bridge) -> None:
    assert vendors.get("example-health") is not None
    options = ["--preset", "example-health", "--iss", "https://ehr.example.org/r4", "--client-id", "me"]
    call_command("register_ehr", "example", *options, verbosity=0)
    found = EhrRegistration.objects.get(slug="example")
    assert found.quirks.search_style == "compartment"


def test_a_registration_may_leave_it_out(row: EhrRegistration, browser: Browser) -> None:
    row.panels = ["conditions"]
    row.save()
    assert "procedures" not in opened(browser).text
