"""Three fields of a registration that reach the chart: which number is the MRN, the page size, when a chart is old."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.exceptions import ValidationError

from launcher.models import EhrRegistration
from launcher.smart.fhir_version import FhirVersion
from patients.readers.select import reader_for
from patients.records import Demographics, Identifier
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import R4, opened, registration

MRN = {"type": {"coding": [{"code": "MR"}]}, "system": "urn:oid:1.2.3", "value": "marked-1"}
CLINIC = {"system": "https://clinic.example.org/numbers", "value": "clinic-2"}
SECOND = {**CLINIC, "value": "clinic-3", "use": "secondary"}
OLD = {**CLINIC, "value": "clinic-0", "use": "old"}
NAMELESS = {"system": CLINIC["system"]}


def read(*identifiers: dict[str, Any], system: str = "", version: FhirVersion = FhirVersion.R4) -> Demographics:
    resource = {"resourceType": "Patient", "id": "p", "identifier": list(identifiers)}
    return reader_for(version).demographics(resource, mrn_system=system)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_the_mrn_is_the_identifier_of_the_named_system_in_every_version(version: FhirVersion) -> None:
    found = read(MRN, SECOND, CLINIC, system=CLINIC["system"], version=version)
    assert found.mrn == Identifier("MRN", "clinic-2", CLINIC["system"])
    assert Identifier("MRN", "clinic-2", CLINIC["system"]) in found.identifiers


@pytest.mark.parametrize(
    ("sent", "system"),
    [
        ([MRN, CLINIC], ""),
        ([MRN, CLINIC], "https://clinic.example.org/other"),
        ([MRN, CLINIC], "https://clinic.example.org/number"),
        ([MRN, OLD], CLINIC["system"]),
        ([MRN, NAMELESS], CLINIC["system"]),
    ],
)
def test_without_a_current_number_of_the_system_it_is_the_one_that_the_ehr_marks(sent: list[Any], system: str) -> None:
    assert read(*sent, system=system).mrn == Identifier("MRN", "marked-1", "urn:oid:1.2.3")


@pytest.mark.parametrize(
    "values",
    [
        {"page_size": 9},
        {"page_size": 501},
        {"stale_minutes": 0},
        {"stale_minutes": 241},
        {"mrn_system": "1.2.3"},
        {"mrn_system": "urn:oid:1.2 3"},
        {"mrn_system": "urn:oid:1.2.3\u200b"},
    ],
)
@pytest.mark.django_db
def test_values_out_of_range_are_refused_at_their_field(values: dict[str, Any]) -> None:
    row = EhrRegistration(slug="x", name="X", iss="https://ehr.example.org/fhir", client_id="x", site_id=1, **values)
    with pytest.raises(ValidationError) as refusal:
        row.full_clean()
    assert list(refusal.value.message_dict) == list(values)
    assert "Write" in refusal.value.messages[0]


@pytest.mark.parametrize(
    "values",
    [{"page_size": 10}, {"page_size": 500}, {"stale_minutes": 1}, {"stale_minutes": 240}, {"mrn_system": "urn:x"}],
)
@pytest.mark.django_db
def test_values_at_the_edges_are_taken(values: dict[str, Any]) -> None:
    row = EhrRegistration(slug="x", name="X", iss="https://ehr.example.org/fhir", client_id="x", site_id=1, **values)
    row.full_clean()


def banner_mrn(text: str) -> str:
    return re.search(r'data-field="mrn".*?class="id">([^<]+)<', text)[1]  # type: ignore[index]


def test_banner_and_details_show_the_mrn_of_the_registrations_system(ehrs: Bridge, browser: Browser) -> None:
    patient = {
        "resourceType": "Patient",
        "id": "54520",
        "name": [{"family": "Invented"}],
        "identifier": [MRN, CLINIC],
    }
    ehrs.answer_with("/Patient/54520", json.dumps(patient))
    assert banner_mrn(opened(browser).text) == "marked-1"
    EhrRegistration.objects.filter(slug=R4).update(mrn_system=CLINIC["system"])
    page = opened(Browser())
    assert banner_mrn(page.text) == "clinic-2"
    assert re.search(r"<dt>MRN</dt>\s*<dd class=\"id\">clinic-2", page.panel("demographics"))


def counts(bridge: Bridge) -> dict[str, list[str]]:
    """What each search asked for as `_count`, by resource type; pages that follow are the server's own addresses."""
    found: dict[str, list[str]] = {}
    for seen in bridge.seen:
        kind = seen.path.rpartition("/fhir/")[2]
        if kind.isalpha() and kind != "metadata" and "patient" in parse_qs(seen.query):
            found.setdefault(kind, parse_qs(seen.query).get("_count", []))
    return found


def test_searches_ask_for_the_registrations_page_size_and_the_same_records_come(ehrs: Bridge, browser: Browser) -> None:
    usual = opened(browser)
    asked = counts(ehrs)
    assert len(asked) > 5
    assert not any(asked.values()), "without a page size the EHR decides"
    ehrs.forget()
    EhrRegistration.objects.filter(slug=R4).update(page_size=10)
    small = opened(Browser())
    assert counts(ehrs) == {kind: ["10"] for kind in asked}
    assert small.marks("data-record") == usual.marks("data-record")
    assert not [seen for seen in ehrs.seen if "_count" in seen.query and seen.path.endswith("/Patient/54520")]


def test_a_chart_is_called_old_after_the_registrations_minutes_else_the_installations(
    ehrs: Bridge, browser: Browser, settings: Any
) -> None:
    settings.SMARTPORTAL_STALE_MINUTES = 7
    text = opened(browser).text
    assert 'data-stale-minutes="7"' in text
    row = registration()
    row.stale_minutes = 3
    row.save()
    text = opened(Browser()).text
    assert 'data-stale-minutes="3"' in text
    assert "Read more than 3 minutes ago" in text
