"""`authorization_details`: what a token response says of one FHIR base holds there and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.errors import SmartError
from launcher.smart.fhir_context import ContextItem
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.token import TokenResponse, read_token_response

BASE = "https://ehr.test/r4"
OTHER = "https://ehr.test/dstu2"
TOP: dict[str, Any] = {
    "access_token": "t",
    "token_type": "Bearer",
    "expires_in": 60,
    "scope": "launch patient/*.rs",
    "patient": "top",
    "encounter": "visit",
    "fhirContext": [{"reference": "Task/1"}],
}


def detail(base: str = BASE, **members: Any) -> dict[str, Any]:
    return {"type": "smart_on_fhir", "locations": [base], "fhirVersions": ["4.0.1"], **members}


def at(*details: Any, base: str = BASE, whole: Any = None, **top: Any) -> TokenResponse:
    body = {**TOP, **top, "authorization_details": list(details) if whole is None else whole}
    return read_token_response(body).at(base)


def test_each_base_gets_its_own_patient() -> None:
    both = (detail(patient="here"), detail(OTHER, patient="there", fhirVersions=["1.0.2"]))
    assert (at(*both).patient, at(*both).fhir_versions) == ("here", (FhirVersion.R4,))
    there = at(*both, base=OTHER)
    assert (there.patient, there.fhir_versions) == ("there", (FhirVersion.DSTU2,))
    assert there.warnings == ()


def test_what_an_item_says_goes_before_the_top_level() -> None:
    found = at(detail(patient="p", encounter="e", scope="patient/Patient.r", fhirContext=[{"reference": "Task/2"}]))
    assert (found.patient, found.encounter, found.scope) == ("p", "e", "patient/Patient.r")
    assert found.fhir_context == (ContextItem(reference="Task/2"),)


@pytest.mark.parametrize("absent", [{}, {"patient": None, "encounter": None, "scope": None}, {"patient": ""}])
def test_what_an_item_leaves_out_is_as_at_the_top_level(absent: dict[str, Any]) -> None:
    found = at(detail(**absent))
    assert (found.patient, found.encounter, found.scope) == ("top", "visit", "launch patient/*.rs")
    assert found.fhir_context == (ContextItem(reference="Task/1"),)
    assert found.warnings == ()


def test_an_empty_context_and_an_empty_scope_are_words_of_their_own() -> None:
    found = at(detail(scope="", fhirContext=[]))
    assert (found.scope, found.fhir_context) == ("", ())


@pytest.mark.parametrize("written", ["https://EHR.test/r4/", "https://ehr.test:443/r4", "HTTPS://ehr.test/r4"])
def test_bases_are_compared_by_their_parts(written: str) -> None:
    assert at(detail(written, patient="here")).patient == "here"


@pytest.mark.parametrize(
    "written",
    [
        "http://ehr.test/r4",
        "https://ehr.test/r4/other",
        "https://ehr.test/R4",
        "https://ehr.test/r",
        "https://ehr.test@evil.test/r4",
        "https://ehr.test/x/../r4",
        "/r4",
    ],
)
def test_a_patient_of_another_base_is_never_used(written: str) -> None:
    found = at(detail(written, patient="there"))
    assert found.patient == "top"
    assert found.warnings == ("authorization_details speaks of other FHIR bases only",)
    assert at(detail(written, patient="there"), patient=None).patient == ""


@pytest.mark.parametrize(
    "item",
    [
        "smart_on_fhir",
        {},
        {"type": "smart_on_fhir", "patient": "x"},
        {"type": "smart_on_fhir", "locations": [], "patient": "x"},
        {"type": "smart_on_fhir", "locations": {"0": BASE}, "patient": "x"},
        {"locations": [BASE], "patient": "x"},
        {"type": ["smart_on_fhir"], "locations": [BASE], "patient": "x"},
    ],
)
def test_an_item_that_cannot_be_read_is_passed_over_and_named(item: object) -> None:
    found = at(item, detail(patient="here"))
    assert (found.patient, found.warnings) == ("here", ("authorization_details is unusable",))


@pytest.mark.parametrize("whole", ["smart_on_fhir", {"type": "smart_on_fhir"}, 5])
def test_something_that_is_no_list_changes_nothing(whole: object) -> None:
    found = at(whole=whole)
    assert (found.patient, found.warnings) == ("top", ("authorization_details is unusable",))


def test_items_of_another_type_are_nobodys_fault() -> None:
    found = at({"type": "openid_credential", "locations": [BASE], "patient": "x"})
    assert (found.patient, found.warnings) == ("top", ())


@pytest.mark.parametrize("patient", ["../x", 5, ["here"], "a b", {"id": "x"}])
def test_a_patient_that_is_no_id_is_not_taken_for_the_one_at_the_top(patient: object) -> None:
    with pytest.raises(SmartError) as caught:
        at(detail(patient=patient))
    assert (caught.value.code, caught.value.reason) == ("token_unreadable", "patient")
    assert at(detail(OTHER, patient=patient)).patient == "top"


def test_two_items_for_one_base_with_different_patients_are_a_contradiction() -> None:
    with pytest.raises(SmartError) as caught:
        at(detail(patient="one"), detail(patient="two"))
    assert (caught.value.code, caught.value.reason) == ("token_unreadable", "patient")
    assert at(detail(patient="one"), detail(patient="one", encounter="e")).encounter == "e"


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("encounter", "../x", ("", "launch patient/*.rs", 1)),
        ("scope", 5, ("visit", "launch patient/*.rs", 1)),
        ("scope", "launch\x00", ("visit", "launch patient/*.rs", 1)),
        ("fhirContext", "Task/1", ("visit", "launch patient/*.rs", 0)),
    ],
)
def test_other_odd_members_are_left_out_and_named(name: str, value: object, left: tuple[str, str, int]) -> None:
    found = at({**detail(), name: value})
    assert (found.encounter, found.scope, len(found.fhir_context)) == left
    assert found.warnings == (f"{name} in authorization_details is unusable",)


def test_versions_are_read_in_their_order_and_unknown_ones_left_out() -> None:
    versions = at(detail(fhirVersions=["9.9", "3.0.2", "4.0.1", 4, "3.0.1"])).fhir_versions
    assert versions == (FhirVersion.STU3, FhirVersion.R4)
    assert at(detail(fhirVersions=None)).fhir_versions == ()
