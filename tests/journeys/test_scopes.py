"""What a launch asks to read, what it was granted, and what it used: the least, in one version, all three on record."""

from __future__ import annotations

import json

import pytest

from launcher import needs
from launcher.models import EhrRegistration, Launch
from launcher.smart.fhir_version import FhirVersion
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import DSTU2, R4, faulty_launch_url, launch_url, opened, registration

pytestmark = pytest.mark.django_db

AUTOMATIC = "launch openid fhirUser online_access patient/{panels}"


@pytest.fixture
def row(ehrs: Bridge) -> EhrRegistration:
    return written_by_the_panels(R4)


def written_by_the_panels(slug: str, **more: object) -> EhrRegistration:
    found = registration(slug)
    found.scopes = AUTOMATIC
    for name, value in more.items():
        setattr(found, name, value)
    found.save()
    return found


def asked_of(browser: Browser, ehr: str = R4) -> list[str]:
    return browser.get(launch_url(ehr)).query["scope"][0].split()


def resource_scopes(words: list[str]) -> list[str]:
    return [word for word in words if "/" in word]


def read_by_panels(version: FhirVersion) -> set[str]:
    return {"Patient"} | {need.resource for need in needs.all_needs() if version in need.versions}


def test_exactly_what_the_panels_read_is_asked_for(row: EhrRegistration, browser: Browser) -> None:
    words = asked_of(browser)
    assert {word.split("/")[1].split(".")[0] for word in resource_scopes(words)} == read_by_panels(FhirVersion.R4)
    assert [word for word in words if "/" not in word] == ["launch", "openid", "fhirUser", "online_access"]
    # smart-r4 advertises permission-v2.
    assert all(word.split("?")[0].endswith(".rs") for word in resource_scopes(words))


def test_an_ehr_that_advertises_nothing_is_asked_in_the_old_way_and_for_its_own_types(
    ehrs: Bridge, browser: Browser
) -> None:
    written_by_the_panels(DSTU2)
    scopes = resource_scopes(asked_of(browser, DSTU2))
    assert all(word.endswith(".read") for word in scopes)
    assert "patient/MedicationOrder.read" in scopes
    assert "patient/MedicationRequest.read" not in scopes


@pytest.mark.parametrize(("version", "ending"), [("v1", ".read"), ("v2", ".rs"), ("granular", ".rs")])
def test_the_registration_overrules_what_is_advertised(
    ehrs: Bridge, browser: Browser, version: str, ending: str
) -> None:
    written_by_the_panels(R4, scope_version=version)
    assert all(word.split("?")[0].endswith(ending) for word in resource_scopes(asked_of(browser)))


def test_a_panel_that_the_registration_does_not_show_is_not_asked_for(ehrs: Bridge, browser: Browser) -> None:
    written_by_the_panels(R4, panels=["demographics", "conditions"])
    assert resource_scopes(asked_of(browser)) == ["patient/Condition.rs", "patient/Patient.rs"]


def test_types_that_the_ehr_does_not_have_are_not_asked_for(ehrs: Bridge, browser: Browser) -> None:
    statement = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server", "resource": [{"type": "Patient"}, {"type": "Condition"}]}],
    }
    # With "detect" the statement is read anyway; it is never fetched for this alone.
    written_by_the_panels(R4, fhir_version="auto")
    ehrs.answer_with("/metadata", json.dumps(statement))
    assert resource_scopes(asked_of(browser)) == ["patient/Condition.rs", "patient/Patient.rs"]


def test_asked_granted_and_used_are_on_record(row: EhrRegistration, ehrs: Bridge, browser: Browser) -> None:
    opened(browser, faulty_launch_url(browser, "narrow-scope"))
    launch = Launch.objects.get()
    assert "MedicationRequest" in launch.requested_scopes
    assert "MedicationRequest" not in (launch.granted_scopes or "")
    used = launch.used_scopes.split()
    assert {"Condition", "Patient"} <= set(used)
    assert not [name for name in used if name.startswith("Medication")]


def test_the_whole_chart_opens_with_what_the_panels_ask_for(row: EhrRegistration, browser: Browser) -> None:
    page = opened(browser)
    assert 'data-state="forbidden"' not in page.text
    assert Launch.objects.get().used_scopes.split() == sorted(
        {"Patient"} | {need.resource for need in needs.all_needs() if FhirVersion.R4 in need.versions and need.params}
    )


def test_a_misspelled_placeholder_is_refused_on_saving(row: EhrRegistration) -> None:
    row.scopes = "launch patient/{panel}"
    with pytest.raises(Exception, match=r"patient/\{panels\}"):
        row.full_clean()
