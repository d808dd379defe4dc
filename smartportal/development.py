"""What `make run` does: keys and database beside each other, simulated EHRs, an admin, and the development server."""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import sys
from pathlib import Path

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command


def make_keys(data: Path) -> None:
    """Make SECRET_KEY and the field key once; both files are readable by their owner alone."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_once(data / "secret_key", secrets.token_urlsafe(64))
    _write_once(data / "field_keys", base64.urlsafe_b64encode(os.urandom(32)).decode())


def _write_once(path: Path, text: str) -> str:
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    return path.read_text(encoding="utf-8").strip()


def make_admin(data: Path) -> str:
    """Make the user `admin` with a random password if there is none; returns the password."""
    password = _write_once(data / "admin_password", secrets.token_urlsafe(12))
    users = get_user_model().objects
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", email="", password=password)
    return password


def main() -> None:
    """Prepare everything and serve; a second start does only what is missing."""
    parser = argparse.ArgumentParser(description="Run smartportal on a development machine.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--keys-only", action="store_true")
    parser.add_argument("--reload", action="store_true")
    options = parser.parse_args()
    make_keys(options.data)
    if options.keys_only:
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartportal.settings")
    reloaded = os.environ.get("RUN_MAIN") == "true"
    django.setup()
    port = os.environ["PORT"]
    if not reloaded:
        call_command("migrate", verbosity=0)
        call_command("seed_sandbox", verbosity=0)
        password = make_admin(options.data)
        sys.stdout.write(
            f"\n  smartportal      http://127.0.0.1:{port}/\n"
            f"  simulated EHRs   http://127.0.0.1:{port}/sandbox/\n"
            f"  administration   http://127.0.0.1:{port}/admin/   user admin, password {password}\n\n"
            "  Everything here is invented. Stop with Ctrl-C.\n\n"
        )
        sys.stdout.flush()
    call_command("runserver", f"127.0.0.1:{port}", use_reloader=options.reload, skip_checks=reloaded)


if __name__ == "__main__":
    main()
