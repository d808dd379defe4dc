"""Door 2 from outside: a third party's package, and the one that `startpanel` writes, each in a process of its own.

Which panels there are is settled when the apps are loaded, so a plugin cannot be tested in a process that runs without.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

ROOT = Path(__file__).resolve().parents[2]


def run_with(plugin: str, *what: str, path: str = "") -> str:
    """Run tests with the plugin loaded; gives what pytest printed, and fails if one of them did."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(ROOT / "pyproject.toml"),
        *what,
    ]
    environment = {**os.environ, "SMARTPORTAL_PLUGINS": plugin, "PYTHONPATH": os.pathsep.join([path, str(ROOT)])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)  # noqa: S603
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_a_third_partys_plugin_works_and_keeps_the_rules_of_every_panel() -> None:
    run_with("tests.example_plugin", "tests/example_plugin/test_plugin.py")
    run_with("tests.example_plugin", "tests/patients/test_every_panel.py", "-k", "procedures")
    run_with("tests.example_plugin", "tests/launcher/test_presets.py", "-k", "example-health")


def test_a_new_panel_works_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call_command("startpanel", "home_visits", verbosity=0)
    assert "4 passed" in run_with("home_visits", str(tmp_path / "home_visits"), path=str(tmp_path))


@pytest.mark.parametrize("name", ["not-a-name", "json", ""])
def test_a_name_that_cannot_be_a_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError):
        call_command("startpanel", name)
    assert not list(tmp_path.iterdir())
