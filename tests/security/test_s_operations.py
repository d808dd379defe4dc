"""Security cases S: backup and restore, and the values of a server, as docs/operations.md writes them."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from launcher import signing
from launcher.models import EhrRegistration, Launch, PendingLaunch, SigningKey
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import opened, to_callback

ROOT = Path(__file__).resolve().parents[2]
OTHER_KEY = "ERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzA="
A_LAUNCH_AFTER_THE_RESTORE = """
import django
django.setup()
from django.test.utils import setup_test_environment
setup_test_environment()
from tests.browser import Browser
from tests.loopback import bridged
from tests.security.steps import opened
with bridged():
    print("panels", len(opened(Browser()).marks("data-panel")))
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def stored_secrets() -> set[str]:
    """Every secret and token in the database, in the clear."""
    found = {row.client_secret.reveal() for row in EhrRegistration.objects.all()}
    for launch in Launch.objects.all():
        found |= {launch.access_token.reveal(), launch.refresh_token.reveal()}
    found |= {row.verifier.reveal() for row in PendingLaunch.objects.all()}
    for key in SigningKey.objects.all():
        found |= set(key.private_pem.reveal().splitlines()[2:4])
    return {value for value in found if value}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="takes the backup as SQLite does; the rest is the same")
@pytest.mark.django_db(transaction=True)
def test_case_185_a_backup_reveals_no_secret_and_launches_go_on_after_a_restore(
    ehrs: Bridge, browser: Browser, tmp_path: Path
) -> None:
    signing.make_key("RS384")
    opened(browser)
    to_callback(Browser())  # a launch on its way has a verifier
    secrets = stored_secrets()
    assert len(secrets) > 8
    backup = tmp_path / "backup.sqlite3"
    with closing(sqlite3.connect(backup)) as copy:
        connection.connection.backup(copy)

    content = backup.read_bytes()
    assert EhrRegistration.objects.values_list("client_id", flat=True)[0].encode() in content
    assert [value[:6] for value in secrets if value.encode() in content] == []

    values = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SMARTPORTAL_TEST_DATABASE_URL": f"sqlite:///{backup}",
    }
    held = run("manage.py", "verify_audit", **values)
    assert (held.returncode, "all chains hold" in held.stdout) == (0, True), held.stderr
    launched = run("-c", A_LAUNCH_AFTER_THE_RESTORE, **values)
    assert launched.stdout.splitlines()[-1:] == ["panels 9"], launched.stderr

    # Whoever has the file alone, or restores it with another key, is told so and gets nothing out of it.
    wrong = {**server_values(backup), "SMARTPORTAL_FIELD_KEYS": OTHER_KEY}
    said = run("manage.py", "check", "--deploy", **wrong).stderr
    assert {"E123", "E124"} <= set(re.findall(r"smartportal\.(E\d+)", said))
    assert [value[:6] for value in secrets if value in said] == []


def server_values(database: Path) -> dict[str, str]:
    """The environment of a server: a proxy with TLS in front, two hosts, Redis; SQLite, so that a test can make it."""
    return {
        "SECRET_KEY": "kq8Zr3vT6yB1nM4xW7cF0gH5jL2pS9dA8eU6iO3wQ1rTzX5vB7nM9kL2",
        "SMARTPORTAL_FIELD_KEYS": settings.SMARTPORTAL_FIELD_KEYS[0],
        "ALLOWED_HOSTS": "portal.example.org, second.example.org",
        "SMARTPORTAL_BASE_URL": "https://portal.example.org",
        "SMARTPORTAL_TRUSTED_PROXIES": "10.0.0.7/32",
        "CACHE_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": f"sqlite:///{database}",
    }


def test_case_188_check_deploy_is_clean_with_the_values_of_a_server(tmp_path: Path) -> None:
    values = server_values(tmp_path / "database.sqlite3")
    migrated = run("manage.py", "migrate", "-v0", **values)
    assert migrated.returncode == 0, migrated.stderr
    checked = run("manage.py", "check", "--deploy", **values)
    assert checked.returncode == 0, checked.stderr
    # SQLite, which is meant to be said, and nothing else: not of ours, nor of Django's, nor of another app.
    assert re.findall(r"\(([\w.]+\.[EW]\d+)\)", checked.stderr) == ["smartportal.W103"], checked.stderr
