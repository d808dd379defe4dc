#!/usr/bin/env python
"""Django's command line. `test` and `makemigrations` need no environment: they run with the tests' own settings.

`migrate` and `grant_app_role` run as the owner of the tables where SMARTPORTAL_MIGRATE_DATABASE_URL names one.
"""

import os
import sys

from django.core.management import execute_from_command_line

OWN_VALUES = {"test", "makemigrations"}
OWNERS = {"migrate", "grant_app_role"}
OWNER_URL = "SMARTPORTAL_MIGRATE_DATABASE_URL"


def become_owner() -> None:
    """Every variable may be given as NAME_FILE, this one as well."""
    for ending in ("", "_FILE"):
        if value := os.environ.get(OWNER_URL + ending):
            os.environ.pop("DATABASE_URL_FILE", None)
            os.environ[f"DATABASE_URL{ending}"] = value
            return


if __name__ == "__main__":
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", "tests.settings" if command in OWN_VALUES else "smartportal.settings"
    )
    if command in OWNERS:
        become_owner()
    execute_from_command_line(sys.argv)
