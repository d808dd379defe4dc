"""Each case about FHIR answers, output, sessions and frames that a release must pass has a test with its number."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.house_rules.sources import ROOT

# The cases of groups I to L that gate the first release, and five more that are played as well.
GATING = (
    *(91, 92, 93, 94, 97, 98, 99, 101, 102, 103, 105, 106, 107),
    *(113, 114, 117),
    *(122, 123, 124, 125, 127, 128, 130),
    *(133, 134, 135, 137, 138),
)
PLAYED_TOO = (96, 109, 110, 115, 132)
# Without these the rule would be kept by the browser tests alone, which are skipped where there is no browser.
FOLDERS = ("security", "chromium")
_NAME = re.compile(r"test_case_(\d+)_\w{12,}")
_SWITCHED_OFF = {"skip", "skipif", "xfail", "importorskip"}


@cache
def played() -> dict[int, set[str]]:
    """The folders that have a running test for a case, by the number in the test's name."""
    found: dict[int, set[str]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                name = _NAME.fullmatch(node.name) if isinstance(node, ast.FunctionDef) else None
                if name and not _is_switched_off(node):
                    found.setdefault(int(name[1]), set()).add(folder)
    return found


def _is_switched_off(test: ast.AST) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in _SWITCHED_OFF for node in ast.walk(test))


@pytest.mark.parametrize("number", [*GATING, *PLAYED_TOO])
def test_a_case_is_played_by_a_test_that_runs_everywhere_and_names_it(number: int) -> None:
    assert "security" in played().get(number, set()), f"no test_case_{number}_… that runs without a browser"


def test_what_only_a_browser_can_show_is_shown_by_one() -> None:
    in_a_browser = {number for number, folders in played().items() if "chromium" in folders}
    assert in_a_browser >= {113, 122, 127, 128, 134, 137}


def test_each_number_stands_here_once() -> None:
    assert len(set(GATING) | set(PLAYED_TOO)) == len(GATING) + len(PLAYED_TOO) == 33
