"""Who may import whom (docs/architecture.md, section 3, rules 1 to 4, 6 and 7)."""

from __future__ import annotations

import ast

import pytest

from tests.house_rules.sources import Module, imports, modules, within

PURE = ("launcher.smart", "patients.readers", "patients.records")
PATIENTS_MAY_USE = (
    "launcher.current",
    "launcher.explanations",
    "launcher.audit",
    "launcher.needs",
    "launcher.methods",
    "launcher.registry",
    "launcher.tracing",
    "launcher.smart.errors",
    "launcher.smart.fhir",
    "launcher.smart.fhir_version",
    "launcher.smart.scopes",
)
SANDBOX_PLACES_THAT_KNOW_THE_LAUNCHER = ("sandbox.ehr_vendors", "sandbox.management.commands.seed_sandbox")
HTTP_LIBRARIES = ("requests", "urllib3", "http.client", "urllib.request", "httpx", "aiohttp", "socket")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}


def by_name(module: Module) -> str:
    return module.name


def own(name: str) -> bool:
    return within(name, "smartportal", "launcher", "patients", "sandbox", "tests")


@pytest.mark.parametrize("module", [m for m in modules() if within(m.name, *PURE)], ids=by_name)
def test_the_protocol_and_the_readers_know_neither_django_nor_what_stands_above_them(module: Module) -> None:
    allowed = {
        "launcher.smart": ("launcher.smart",),
        "patients.readers": ("patients.readers", "patients.records", "launcher.smart.fhir_version"),
        "patients.records": ("patients.records", "launcher.smart.fhir_version"),
    }
    floor = next(name for name in PURE if within(module.name, name))
    for name in imports(module):
        assert not within(name, "django", "mozilla_django_oidc"), f"{module} imports {name}"
        if own(name):
            assert within(name, *allowed[floor]) or name in {"launcher", "patients", "launcher.smart"}, (
                f"{module} imports {name}"
            )


@pytest.mark.parametrize("module", [m for m in modules() if within(m.name, "launcher")], ids=by_name)
def test_the_launcher_knows_neither_the_chart_nor_the_simulators(module: Module) -> None:
    assert not [name for name in imports(module) if within(name, "patients", "sandbox")]


@pytest.mark.parametrize("module", [m for m in modules() if within(m.name, "patients")], ids=by_name)
def test_the_chart_uses_only_what_the_launcher_offers_it(module: Module) -> None:
    used = {name for name in imports(module) if within(name, "launcher")} - {"launcher", "launcher.smart"}
    assert not [name for name in used if not within(name, *PATIENTS_MAY_USE)]


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_the_simulators_speak_with_the_product_over_http_alone(module: Module) -> None:
    if within(module.name, "sandbox"):
        if module.name not in SANDBOX_PLACES_THAT_KNOW_THE_LAUNCHER:
            assert not [name for name in imports(module) if within(name, "launcher", "patients")]
    else:
        assert not [name for name in imports(module) if within(name, "sandbox")]


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_there_is_one_door_to_the_network(module: Module) -> None:
    if module.name in {"launcher.smart.http", "launcher.smart.guard", "launcher.smart.deadline", "launcher.smart.body"}:
        libraries = [name for name in imports(module) if within(name, "requests", "httpx", "aiohttp")]
        assert module.name == "launcher.smart.http" or not libraries
    else:
        assert not [name for name in imports(module) if within(name, *HTTP_LIBRARIES)]


@pytest.mark.parametrize("module", modules(), ids=by_name)
def test_imports_stand_at_the_top_of_the_file(module: Module) -> None:
    if module.name.endswith(".apps"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
            assert not inner, f"{module}:{node.lineno} imports inside {node.name}()"


def test_no_module_is_named_after_nothing() -> None:
    assert not [m.name for m in modules() if FORBIDDEN_NAMES & set(m.name.split("."))]


def test_there_are_no_import_cycles() -> None:
    names = {module.name for module in modules()}
    graph = {
        module.name: {name for name in imports(module, top_level_only=True) if name in names and name != module.name}
        for module in modules()
    }
    # A package's own __init__ is imported with each of its modules; only an __init__ that imports back is a cycle.
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for needed in sorted(graph[name]):
                visit(needed, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
