"""Take registrations over from a file of export_ehrs: the plan first, then all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from launcher.changes import shown
from launcher.management.sites import named_site
from launcher.registration_file import MOST_BYTES, FileError, read
from launcher.registration_import import Change, Plan, WrongRows, apply, plan
from launcher.secret_sources import read_secret_source
from launcher.smart.errors import SmartError


class Command(BaseCommand):
    help = (
        "Create and change registrations as a file of export_ehrs says, all of them or none. Registrations that it "
        "does not name and stored secrets are left alone; the same file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--plan", action="store_true", help="only print what would change")
        parser.add_argument(
            "--site", metavar="DOMAIN", help="where all of the file goes, whatever it calls its one site"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        site = named_site(options["site"]) if options["site"] else None
        work = plan if options["plan"] else apply
        try:
            found = work(read(_body(Path(options["file"]))), site=site)
        except FileError as error:
            raise CommandError(f"{options['file']}: {error} Nothing was changed.") from error
        except WrongRows as error:
            lines = "\n".join(f"{label}: {name}: {sentence}" for label, name, sentence in error.rows)
            raise CommandError(f"{lines}\nNothing was changed: put these right in {options['file']}.") from error
        except IntegrityError as error:
            raise CommandError("Somebody else changed these registrations just now. Nothing was changed.") from error
        self._say(found, only_planned=options["plan"])

    def _say(self, found: Plan, *, only_planned: bool) -> None:
        for change in found.changes:
            for line in _lines(change):
                self.stdout.write(line)
        for label in found.left_alone:
            self.stdout.write(f"{label}: not in the file, left alone")
        created = sum(change.created for change in found.changes)
        changed = sum(bool(change.fields) and not change.created for change in found.changes)
        rest = len(found.changes) - created - changed
        verb = "To do" if only_planned else "Done"
        self.stdout.write(f"{verb}: {created} created, {changed} changed, {rest} unchanged.")
        for change in found.changes:
            for problem in _missing_secret(change):
                self.stderr.write(f"{change.label}: {problem}; launches fail until it is there.")


def _lines(change: Change) -> Iterator[str]:
    if not change.fields:
        yield f"{change.label}: unchanged"
        return
    yield f"{change.label}: {'create' if change.created else 'change'}"
    for name, (before, after) in change.fields.items():
        yield f"  {name}: {shown(after)}" if change.created else f"  {name}: {shown(before)} → {shown(after)}"
    if change.keeps_secret:
        unused = ", unused while secret_from is set" if change.secret_from else ""
        yield f"  client_secret: *** stays as it is stored here{unused}"


def _missing_secret(change: Change) -> Iterator[str]:
    if not change.secret_from:
        return
    try:
        read_secret_source(change.secret_from)
    except SmartError as error:
        yield error.description


def _body(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"The file {path} cannot be read.") from error
