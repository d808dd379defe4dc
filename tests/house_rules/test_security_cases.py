"""Every security case that gates a release, of groups A to H, M and N, is a test that is named by its number."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house_rules.sources import ROOT

GROUPS: dict[str, tuple[int, ...]] = {
    "A launch request": (1, 2, 3, 4, 5, 6),
    "B issuer, address guard, discovery": (11, 12, 13, 15, 16, 17, 18, 20, 21),
    "C redirects": (24, 25),
    "D state": (30, 31, 32, 35, 38, 39, 40, 41),
    "E PKCE": (44, 45),
    "F token endpoint": (48, 49, 50, 51, 53, 54, 55, 56, 57, 58),
    "G id_token and keys": (63, 64, 65, 67, 68, 70, 72, 73, 74, 76),
    "H refresh": (81, 82, 83, 84, 85, 90),
    "M administration": (140, 141, 142, 145, 149),
    "N many EHRs": (150, 151, 153),
    "Q keys": (171, 172),
    "R audit and privacy": (176, 177, 179, 181, 183, 184),
    "S backup, migrations, operations": (185, 188),
}
CASES = [(group, number) for group, numbers in GROUPS.items() for number in numbers]


def numbers_tested() -> set[int]:
    """The numbers of all cases in `tests/security`: functions at the top of its modules, named `test_case_<n>_…`."""
    names = [
        node.name
        for path in (ROOT / "tests" / "security").glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    return {int(found[1]) for name in names if (found := re.match(r"test_case_(\d+)_", name))}


@pytest.mark.parametrize(("group", "number"), CASES, ids=[f"{group[0]}-{number}" for group, number in CASES])
def test_a_case_that_gates_a_release_is_tested_by_its_number(group: str, number: int) -> None:
    assert number in numbers_tested(), f"no test_case_{number}_… in tests/security (group {group})"
