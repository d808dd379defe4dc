"""A server does not start with unsafe values, and the sentence names the variable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "SECRET_KEY": "kq8Zr3vT6yB1nM4xW7cF0gH5jL2pS9dA8eU6iO3wQ1rT",
    "SMARTPORTAL_FIELD_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "ALLOWED_HOSTS": "portal.example.org",
    "SMARTPORTAL_BASE_URL": "https://portal.example.org",
    "DATABASE_URL": "sqlite://:memory:",
    "DJANGO_SETTINGS_MODULE": "smartportal.settings",
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **SAFE, **changes}
    return subprocess.run(  # our own interpreter
        [sys.executable, "-c", "import smartportal.wsgi"],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value != "(unset)"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_safe_values_start() -> None:
    assert start().returncode == 0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": "(unset)"}, "SECRET_KEY"),
        ({"SECRET_KEY": "change-me-to-a-long-random-text"}, "SECRET_KEY"),
        ({"SMARTPORTAL_FIELD_KEYS": "(unset)"}, "SMARTPORTAL_FIELD_KEYS"),
        ({"SMARTPORTAL_FIELD_KEYS": "too-short"}, "SMARTPORTAL_FIELD_KEYS"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"SMARTPORTAL_SANDBOX": "on"}, "SMARTPORTAL_SANDBOX"),
        ({"SMARTPORTAL_ALLOWED_NETWORKS": "ten"}, "SMARTPORTAL_ALLOWED_NETWORKS"),
    ],
)
def test_an_unsafe_value_refuses_the_start_and_is_named(changes: dict[str, str], named: str) -> None:
    refused = start(**changes)
    assert refused.returncode != 0
    assert named in refused.stderr.splitlines()[-1]


def test_values_may_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(SAFE["SECRET_KEY"] + "\n")
    assert start(SECRET_KEY="(unset)", SECRET_KEY_FILE=str(file)).returncode == 0
