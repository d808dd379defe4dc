"""Scopes in every spelling in which EHRs grant them, and what they say about a search."""

from __future__ import annotations

import pytest

from launcher.smart.scopes import in_one_version, may_search, parse


@pytest.mark.parametrize(
    ("scope", "rights"),
    [
        ("patient/Condition.read", "rs"),
        ("patient/Condition.write", "cud"),
        ("patient/Condition.*", "cruds"),
        ("patient/Condition.rs", "rs"),
        ("patient/Condition.r", "r"),
        ("patient/Condition.s", "s"),
        ("patient/Condition.cruds", "cruds"),
        ("user/*.read", "rs"),
        ("user/*.*", "cruds"),
        ("system/Condition.rs", "rs"),
        ("patient/Condition.rs?category=http://x|problem-list-item", "rs"),
        ("user/Condition.Read", "rs"),
        ("USER/condition.READ", "rs"),
        ("Condition.read", "rs"),
        ("patient$Condition.read", "rs"),
        ("patient$*.read", "rs"),
        ("patient.Condition.rs", "rs"),
        ("patient.all.read", "rs"),
        ("http://ehr.test/fhir/scopes/patient/Condition.read", "rs"),
        ("https://ehr.test/patient.Condition.rs", "rs"),
        ("api://portal/patient$*.read", "rs"),
    ],
)
def test_a_scope_opens_what_its_letters_say(scope: str, rights: str) -> None:
    found = parse(f"launch {scope} openid")
    assert found.has_resource_scopes
    assert "".join(letter for letter in "cruds" if found.allows("Condition", letter)) == rights


@pytest.mark.parametrize(
    "scope",
    [
        "patient/Patient.read",
        "patient/Condition.write",
        "patient/Condition.c",
        "patient/ConditionX.rs",
        "patient/Cond.rs",
        "user/Practitioner.rs?x=Condition.rs",
    ],
)
def test_a_scope_for_something_else_opens_no_conditions(scope: str) -> None:
    found = parse(scope)
    assert found.has_resource_scopes
    assert not found.allows("Condition", "s")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "launch openid fhirUser profile offline_access online_access",
        "launch/patient launch/encounter",
        "patient/ /Condition.rs patient/Condition patient/Condition. patient/Condition.x patient/Condition.rsx",
        "offline.read email.write __vendor.read-scope",
        "http://ehr.test/fhir/scopes/launch",
    ],
)
def test_other_words_are_no_resource_scopes(text: str) -> None:
    assert not parse(text).has_resource_scopes


def test_the_query_of_a_narrowed_scope_is_kept() -> None:
    (narrowed, plain) = parse("patient/Condition.rs?category=x|y&a=b patient/Patient.r").resources
    assert (narrowed.query, plain.query) == ("category=x|y&a=b", "")


@pytest.mark.parametrize(
    ("granted", "requested", "allowed"),
    [
        ("patient/*.rs", "patient/*.rs", True),
        ("launch patient/Condition.read", "patient/*.rs", True),
        ("launch patient/Patient.read", "patient/*.rs", False),
        ("launch", "patient/*.rs", False),
        ("", "patient/*.rs", False),
        ("patient/Patient.rs", "launch openid", False),
        ("patient/Condition.s", "launch openid", True),
        ("patient/Condition.r", "patient/*.rs", False),
        ("launch openid", "launch openid", True),
        ("", "launch", True),
        (None, "launch patient/Condition.rs", True),
        (None, "launch patient/Patient.rs", False),
        (None, "launch openid profile", True),
        (None, "", True),
    ],
)
def test_a_search_is_sent_unless_the_scopes_speak_of_types_and_leave_this_one_out(
    granted: str | None, requested: str, allowed: bool
) -> None:
    assert may_search(granted, requested, "Condition") is allowed


def test_a_long_text_without_meaning_is_read_quickly() -> None:
    assert not parse("a:" + "/" * 60_000 + " " + "patient" * 9_000).has_resource_scopes


@pytest.mark.parametrize(
    ("scopes", "wanted", "capabilities", "written"),
    [
        ("launch patient/*.read", "auto", (), "launch patient/*.read"),
        ("launch patient/*.rs", "auto", ("permission-v1",), "launch patient/*.rs"),
        ("launch patient/*.read", "v2", (), "launch patient/*.rs"),
        ("user/X.write user/Y.*", "v2", (), "user/X.cud user/Y.cruds"),
        ("launch openid patient/Condition.rs", "v1", (), "launch openid patient/Condition.read"),
        (
            "patient/X.rs patient/X.r patient/Y.cruds patient/Z.cud",
            "v1",
            (),
            "patient/X.read patient/Y.* patient/Z.write",
        ),
        ("patient/Observation.rs?category=laboratory", "v1", (), "patient/Observation.read"),
        ("patient/Observation.rs?category=laboratory", "v2", (), "patient/Observation.rs?category=laboratory"),
        ("patient/X.read patient/Y.rs", "auto", ("permission-v2",), "patient/X.rs patient/Y.rs"),
        ("patient/X.read patient/Y.rs", "auto", (), "patient/X.read patient/Y.read"),
    ],
)
def test_the_two_versions_are_never_mixed(
    scopes: str, wanted: str, capabilities: tuple[str, ...], written: str
) -> None:
    assert in_one_version(scopes, wanted, capabilities) == written
