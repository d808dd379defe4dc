"""The conformance statement (`docs/conformance.md`) says nothing that no test says, and leaves no number out."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

from tests.house_rules.sources import ROOT

STATEMENT = ROOT / "docs" / "conformance.md"

# Inferno's requirements for clients of SMART App Launch 2.2, by number; 123 stands in the guide's list alone.
REQUIREMENTS = """
    1-13 20-23 29 32-37 39-47 50-52 60-72 90 93 97 98 105-108 117 120-125 131-133 135 137 141 143 146-148 150-153
    155-158 161 162 166 191 193 195 196 201 202 211 215 216 218-220 225-227 229 230 232-239 242 263 264 267 268 270
    290-295 298-304 307-309 312-315 317-325 327-334 343 345 375 379 413-416 420 425 426 435
"""
ITEMS = "1-102"
CLIENT_TESTS = ["1.01", "2.01", "3.01", "4.01", *(f"5.{number:02}" for number in range(1, 13))]

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_NUMBER = re.compile(r"\bR(\d+)\b")
_REASON = re.compile(r"^(Does not apply|Not implemented): \S.{20,}\.$")
_SWITCHED_OFF = {"skip", "skipif", "xfail", "importorskip"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its number and its other cells, the last of which is the proof or the reason."""

    number: str
    cells: tuple[str, ...]

    @property
    def proof(self) -> str:
        return self.cells[-1]

    @property
    def tests(self) -> list[tuple[str, str]]:
        """Path and name of each test that is named."""
        return _TEST.findall(self.proof)


@dataclass(frozen=True, slots=True)
class Found:
    """A test as it stands in its file: what it says about itself, and what it calls of pytest's ways not to run."""

    says: str
    switched_off: frozenset[str]


def numbers(ranges: str) -> list[str]:
    found: list[str] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found += [str(number) for number in range(int(first), int(last or first) + 1)]
    return found


def rows(pattern: str) -> list[Row]:
    """The rows of all tables whose first cell is a number of this kind."""
    found = []
    for line in STATEMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split(" | ")]
        if line[:2] == "| " and re.fullmatch(pattern, cells[0]):
            found.append(Row(cells[0], tuple(cells[1:])))
    return found


REQUIREMENT_ROWS = rows(r"R\d+")
ITEM_ROWS = rows(r"\d+")
CLIENT_TEST_ROWS = rows(r"\d\.\d\d")
ALL_ROWS = [*REQUIREMENT_ROWS, *ITEM_ROWS, *CLIENT_TEST_ROWS]


@cache
def found_in(path: str) -> dict[str, Found]:
    """The tests of a file by name; what switches off the whole file or class switches off each of them."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    outside = _ways_not_to_run(*(node for node in tree.body if isinstance(node, ast.Assign | ast.Expr)))
    found: dict[str, Found] = {}
    scopes: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for scope in scopes:
        around = outside | (_ways_not_to_run(*scope.decorator_list) if isinstance(scope, ast.ClassDef) else set())
        for node in scope.body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = Found(ast.get_docstring(node) or "", frozenset(around | _ways_not_to_run(node)))
    return found


def _ways_not_to_run(*nodes: ast.AST) -> set[str]:
    names = {child.attr for node in nodes for child in ast.walk(node) if isinstance(child, ast.Attribute)}
    return names & _SWITCHED_OFF


def all_of(text: str) -> str:
    """`a_{b,c}_d` written out."""
    return re.sub(
        r"(\w*)\{([\w,]+)\}(\w*)", lambda m: " ".join(f"{m[1]}{word}{m[3]}" for word in m[2].split(",")), text
    )


def test_every_number_has_one_row() -> None:
    assert [row.number for row in REQUIREMENT_ROWS] == [f"R{number}" for number in numbers(REQUIREMENTS)]
    assert [row.number for row in ITEM_ROWS] == numbers(ITEMS)
    assert [row.number for row in CLIENT_TEST_ROWS] == CLIENT_TESTS


def test_no_row_is_open() -> None:
    """Each has tests, or names rows that have them, or one sentence with the reason; and no cell is empty."""
    for row in ALL_ROWS:
        assert all(row.cells), row
        assert len(row.cells) == (3 if row in REQUIREMENT_ROWS else 2), row
        by_others = row in ITEM_ROWS and _NUMBER.search(row.proof)
        assert row.tests or by_others or _REASON.fullmatch(row.proof), f"{row.number}: {row.proof}"


def test_every_test_that_is_named_is_there_and_runs() -> None:
    wrong = []
    for row in ALL_ROWS:
        assert row.proof.count("tests/") == len(row.tests), f"{row.number}: a test is written in another form"
        for path, name in row.tests:
            found = found_in(path).get(name) if (ROOT / path).is_file() else None
            if found is None or found.switched_off:
                wrong.append(f"{row.number}: {path}::{name} is {'switched off' if found else 'not there'}")
    assert not wrong, "\n".join(wrong)


def test_every_row_that_is_named_is_there() -> None:
    known = {row.number for row in REQUIREMENT_ROWS}
    for row in ALL_ROWS:
        assert {f"R{number}" for number in _NUMBER.findall(row.proof)} <= known - {row.number}, row


def test_a_client_test_of_inferno_is_played_by_one_that_names_its_id() -> None:
    for row in CLIENT_TEST_ROWS:
        said = " ".join(all_of(found_in(path)[name].says) for path, name in row.tests)
        assert row.cells[0].strip("`") in said, row
