"""What must not stand in a source (docs/architecture.md, section 3, rules 5, 8 and 9, and section 7)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house_rules.sources import ROOT, Module, modules, templates, within

VENDORS = (
    "allscripts|veradigm|altera|touchworks|sunrise|epic|cerner|oracle|athena|athenahealth|meditech|eclinicalworks|healow|nextgen|"
    "medplum|openemr|azure|hapi|smarthealthit|inferno"
)
VENDOR = re.compile(rf"\b({VENDORS})\b", re.IGNORECASE)
MAY_NAME_VENDORS = re.compile(r"(^|\.)\w*ehr_vendors$|^sandbox\.")
FORBIDDEN = {
    "mark_safe": re.compile(r"\bmark_safe\b"),
    "verify=False": re.compile(r"\bverify\s*=\s*False\b"),
    "eval": re.compile(r"\beval\("),
    "pickle": re.compile(r"\bpickle\b"),
}
URLISH = re.compile(r"url|uri|\biss\b|issuer|origin|href|address|endpoint|base\b", re.IGNORECASE)


def by_name(thing: Module | Path) -> str:
    return thing.name if isinstance(thing, Module) else str(thing.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("module", [m for m in modules() if within(m.name, "launcher", "patients")], ids=by_name)
def test_vendors_are_named_in_presets_only(module: Module) -> None:
    if not MAY_NAME_VENDORS.search(module.name):
        named = [
            f"{module}:{n}: {line.strip()}" for n, line in enumerate(module.text.splitlines(), 1) if VENDOR.search(line)
        ]
        assert not named, "\n".join(named)


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_dangerous_calls_are_not_made(module: Module) -> None:
    for name, pattern in FORBIDDEN.items():
        assert not pattern.search(module.text), f"{module} uses {name}"


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_addresses_are_compared_as_parsed_parts(module: Module) -> None:
    """No `startswith` and no substring test on anything that is named like an address."""
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"startswith", "find"}
        ):
            assert not URLISH.search(ast.unparse(node.func.value)), f"{module}:{node.lineno} {ast.unparse(node)}"
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            container = ast.unparse(node.comparators[0])
            if isinstance(node.left, ast.Constant) and len(str(node.left.value)) == 1:
                continue  # looking for one character is reading, not comparing
            if isinstance(node.comparators[0], ast.Name | ast.Attribute) and re.search(
                r"(^|_|\.)(url|uri|iss)$", container
            ):
                raise AssertionError(f"{module}:{node.lineno} {ast.unparse(node)}")


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_nothing_is_printed_and_no_exception_is_swallowed_bare(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{module}:{node.lineno} prints"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{module}:{node.lineno} has a bare except"


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_every_module_says_what_it_is_for(module: Module) -> None:
    if module.text.strip() and ".migrations." not in module.name:
        assert ast.get_docstring(module.tree), f"{module} has no opening sentence"


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_files_stay_short_enough_to_read(module: Module) -> None:
    if ".migrations." not in module.name:
        assert len(module.text.splitlines()) <= 420, f"{module} is too long"


@pytest.mark.parametrize("template", templates(), ids=by_name)
def test_templates_hold_no_script_no_style_and_no_unescaped_text(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style\b|\sstyle\s*=", text, re.IGNORECASE), "inline style"
    assert not re.search(r"<script\b(?![^>]*\bsrc=)", text, re.IGNORECASE), "inline script"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text, re.IGNORECASE), "inline handler"
    assert not re.search(r"\|\s*safe\b|autoescape\s+off", text), "unescaped text"


@pytest.mark.parametrize("template", templates(), ids=by_name)
def test_templates_of_launcher_and_chart_name_no_vendor(template: Path) -> None:
    if "sandbox" not in template.parts:
        assert not VENDOR.search(template.read_text(encoding="utf-8"))
