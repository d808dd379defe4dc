"""What a registration may bend itself: which lines are understood, what they change, and what they cannot touch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.smart.quirks import STANDARD, Quirks, override_problem, with_overrides


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("search_style=compartment", "search_style", "compartment"),
        ("search_style = parameter", "search_style", "parameter"),
        ("discovery=metadata", "discovery", ("metadata",)),
        ("discovery=metadata  well-known", "discovery", ("metadata", "well-known")),
        ("accept=application/json+fhir", "accept", "application/json+fhir"),
        ("accept=application/fhir+json; fhirVersion=4.0", "accept", "application/fhir+json; fhirVersion=4.0"),
        ("client_id_in_token_body=on", "client_id_in_token_body", True),
        ("well_known_at_host_root=on", "well_known_at_host_root", True),
    ],
)
def test_a_line_changes_the_one_thing_that_it_names(line: str, field: str, value: object) -> None:
    assert override_problem(line) == ""
    changed = with_overrides(Quirks(search_style="compartment", discovery=("metadata",)), [line])
    assert changed == replace(Quirks(search_style="compartment", discovery=("metadata",)), **{field: value})


@pytest.mark.parametrize(
    "line",
    [
        "pkce=off",
        "open_server=on",
        "search_style",
        "search_style=both",
        "discovery=",
        "discovery=well-known well-known",
        "client_id_in_token_body=yes",
        "accept=text/html\r\nX-Evil: 1",
        "accept=*/*",
        "patient_claim=patient",
        "patient_claim=sub",
        "",
        "=on",
        "unheard_of=on",
    ],
)
def test_a_line_that_is_not_understood_is_refused_in_words_and_changes_nothing(line: str) -> None:
    assert override_problem(line)
    assert with_overrides(STANDARD, [line]) == STANDARD
