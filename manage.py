#!/usr/bin/env python
"""Django's command line. `test` and `makemigrations` need no environment: they run with the tests' own settings."""

import os
import sys

from django.core.management import execute_from_command_line

OWN_VALUES = {"test", "makemigrations"}

if __name__ == "__main__":
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", "tests.settings" if command in OWN_VALUES else "smartportal.settings"
    )
    execute_from_command_line(sys.argv)
