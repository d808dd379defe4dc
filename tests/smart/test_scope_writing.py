"""Scopes written from what is read: the least, in one version, limited where the EHR knows limits."""

from __future__ import annotations

import pytest

from launcher.smart.scope_writing import Wanted, chosen_style, filled, written
from launcher.smart.scopes import parse

LABS = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
VITALS = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
CHART = (
    Wanted("Patient"),
    Wanted("Condition"),
    Wanted("Observation", "vital-signs"),
    Wanted("Observation", LABS),
)


def test_version_1_asks_for_whole_types() -> None:
    assert written(CHART, level="patient", style="v1") == (
        "patient/Condition.read",
        "patient/Observation.read",
        "patient/Patient.read",
    )


def test_version_2_asks_to_read_and_search() -> None:
    assert written(CHART, level="user", style="v2") == ("user/Condition.rs", "user/Observation.rs", "user/Patient.rs")


def test_granular_scopes_name_the_category_with_its_system() -> None:
    assert written(CHART, level="patient", style="granular") == (
        "patient/Condition.rs",
        f"patient/Observation.rs?category={LABS}",
        f"patient/Observation.rs?category={VITALS}",
        "patient/Patient.rs",
    )


def test_version_2_limits_only_where_the_ehr_lists_that_limit() -> None:
    both = [f"patient/Observation.rs?category={LABS}", f"patient/Observation.rs?category={VITALS}"]
    assert written(CHART, level="patient", style="v2", supported=both)[1:3] == tuple(both)
    # A limit it does not know would be refused or dropped: then the whole type is asked for, and only that.
    assert "patient/Observation.rs" in written(CHART, level="patient", style="v2", supported=both[:1])
    assert both[0] not in written(CHART, level="patient", style="v2", supported=both[:1])


def test_a_whole_type_makes_its_limits_needless() -> None:
    asked = written((*CHART, Wanted("Observation")), level="patient", style="granular")
    assert [word for word in asked if "Observation" in word] == ["patient/Observation.rs"]


@pytest.mark.parametrize(
    ("preference", "capabilities", "style"),
    [
        ("auto", ["permission-v1", "permission-v2"], "v2"),
        ("auto", ["permission-v2"], "v2"),
        ("auto", ["permission-v1"], "v1"),
        ("auto", [], "v1"),
        ("v1", ["permission-v2"], "v1"),
        ("v2", [], "v2"),
        ("granular", ["permission-v1"], "granular"),
    ],
)
def test_the_registration_overrules_what_is_advertised(preference: str, capabilities: list[str], style: str) -> None:
    assert chosen_style(preference, capabilities) == style


@pytest.mark.parametrize("preference", ["auto", "v1", "v2", "granular"])
@pytest.mark.parametrize("capabilities", [(), ("permission-v1",), ("permission-v2",)])
def test_the_versions_are_never_mixed(preference: str, capabilities: tuple[str, ...]) -> None:
    """SMART App Launch 2.2, "Scopes for requesting FHIR Resources"; some EHRs refuse a request that mixes them."""
    scopes = "launch openid patient/{panels} user/Practitioner.read patient/Coverage.rs offline_access"
    words = filled(scopes, CHART, preference=preference, capabilities=capabilities).split()
    resource_scopes = [word for word in words if "/" in word]
    old = [word for word in resource_scopes if word.endswith((".read", ".write", ".*"))]
    assert old in ([], resource_scopes)
    assert {"launch", "openid", "offline_access"} <= set(words)
    assert len(words) == len(set(words))


def test_what_is_written_can_be_read_back() -> None:
    for style in ("v1", "v2", "granular"):
        found = parse(" ".join(written(CHART, level="patient", style=style)))  # type: ignore[arg-type]
        assert not found.others
        assert all(found.allows(each.resource, "s") and found.allows(each.resource, "r") for each in CHART)


def test_without_a_placeholder_the_administrators_words_stand() -> None:
    scopes = "launch openid profile"
    assert filled(scopes, CHART, preference="auto", capabilities=["permission-v2"]) == scopes
    assert filled("launch patient/*.rs", CHART, preference="v1", capabilities=[]) == "launch patient/*.read"
