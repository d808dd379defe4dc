"""Only what is clearly about the launch's patient may be shown."""

from __future__ import annotations

from typing import Any

import pytest

from patients.readers.subject import is_about

BASE = "https://ehr.example/fhir/r4"


@pytest.mark.parametrize("key", ["subject", "patient"])
@pytest.mark.parametrize("base", [BASE, BASE + "/"])
@pytest.mark.parametrize(
    "reference",
    [
        "Patient/54520",
        "Patient/54520/_history/2",
        f"{BASE}/Patient/54520",
        f"{BASE}/Patient/54520/_history/2",
        "HTTPS://EHR.example:443/fhir/r4/Patient/54520",
    ],
)
def test_a_reference_to_the_patient_is_accepted(key: str, base: str, reference: str) -> None:
    assert is_about({key: {"reference": reference}}, "54520", base) is True


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/545201",
        "Patient/5452",
        "patient/54520",
        "Patient/54520/",
        "/Patient/54520",
        "Patient/54520?x=1",
        "Patient/54520#x",
        "Patient/54520/_history",
        "Patient/54520/_history/",
        "Patient/54520/x/2",
        "Patient/54520 ",
        "Patient/../Patient/54520",
        "Group/54520",
        "54520",
        "#54520",
        "urn:uuid:54520",
        "https://other.example/fhir/r4/Patient/54520",
        "http://ehr.example/fhir/r4/Patient/54520",
        "https://ehr.example:8443/fhir/r4/Patient/54520",
        "https://ehr.example/fhir/Patient/54520",
        "https://ehr.example/fhir/r4/x/Patient/54520",
        "https://ehr.example@evil.example/fhir/r4/Patient/54520",
        "https://user@ehr.example/fhir/r4/Patient/54520",
        "https://ehr.example/fhir/r4/Patient/54520?x",
        "https://[bad/fhir/r4/Patient/54520",
        "https://ehr.example:x/fhir/r4/Patient/54520",
        "javascript:Patient/54520",
        "https://ehr.example/fhir/r4/Patient/54520/",
        "https://ehr.example//fhir/r4/Patient/54520",
        "https://ehr.example/fhir/r4/Pati\tent/54520",
        "https://ehr.example/fhir/r4/Patient/54520?",
        "https://ehr.example/fhir/r4/Patient/54520#",
        "https://ehr.example\\@evil.example/fhir/r4/Patient/54520",
        "",
        None,
        54520,
        ["Patient/54520"],
    ],
)
def test_anything_else_is_not_about_the_patient(reference: Any) -> None:
    assert is_about({"subject": {"reference": reference}}, "54520", BASE) is False


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"subject": None},
        {"subject": "Patient/1"},
        {"subject": [{"reference": "Patient/1"}]},
        {"subject": {"display": "Ada", "identifier": {"value": "1"}}},
        {"subject": {"reference": "Patient/1", "type": "Group"}},
        {"subject": {"reference": "Patient/1"}, "patient": {"reference": "Patient/2"}},
        {"patient": {"reference": "Patient/2"}, "subject": {"reference": "Patient/1"}},
        None,
        [],
    ],
)
def test_a_missing_or_contradictory_subject_is_withheld(resource: Any) -> None:
    assert is_about(resource, "1", BASE) is False


def test_a_base_without_path_works_too() -> None:
    for base in ("https://ehr.example", "https://ehr.example/"):
        assert is_about({"subject": {"reference": "https://ehr.example/Patient/1"}}, "1", base)
        assert not is_about({"subject": {"reference": "https://ehr.example/fhir/Patient/1"}}, "1", base)


def test_an_empty_patient_id_matches_nothing() -> None:
    assert is_about({"subject": {"reference": "Patient/"}}, "", BASE) is False
