"""Write the registrations to a file that another installation can take over; no secret is in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher.management.sites import named_site
from launcher.models import EhrRegistration
from launcher.registration_file import written


class Command(BaseCommand):
    help = (
        "All registrations as one JSON file, for import_ehrs. Stored secrets stay where they are: the file names an "
        "environment variable in their place."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", metavar="F", help="write here, readable by its owner alone; else it is printed")
        parser.add_argument("--site", metavar="DOMAIN", help="the registrations of this site alone")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = EhrRegistration.objects.select_related("site")
        if options["site"]:
            rows = rows.filter(site=named_site(options["site"]))
        registrations = list(rows)
        text = written(registrations)
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        _write(Path(options["output"]), text)
        self.stdout.write(f"{options['output']}: {len(registrations)} registrations, no secrets.")


def _write(path: Path, text: str) -> None:
    """The whole file or the one that was there before; its mode is 0600 from the first byte."""
    try:
        number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
            Path(beside).replace(path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"The file {path} cannot be written: {error.strerror}.") from error
