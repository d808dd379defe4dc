"""Write the audit trail, or a part of it, to a file or to the screen: as CSV or as FHIR AuditEvent resources."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from launcher import audit, audit_export
from launcher.audit_filter import AuditFilter
from launcher.management.sites import named_site
from launcher.models import AuditEvent


class Command(BaseCommand):
    help = (
        "Export audit events, oldest first. Without --site those of every site and of the installation itself. The "
        "export is an event of the trail, written before the first line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=sorted(audit_export.FORMATS), default="csv")
        parser.add_argument(
            "--since", metavar="DAY", default="", help="from the beginning of this day, UTC: 2026-11-03"
        )
        parser.add_argument("--until", metavar="DAY", default="", help="until the end of this day, UTC: 2026-11-04")
        parser.add_argument("--site", metavar="DOMAIN", help="the events of this site alone")
        parser.add_argument("--output", metavar="F", help="a new file, readable by its owner alone; else it is printed")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = AuditFilter.parse({name: options[name] for name in ("since", "until")})
        if asked.wrong:
            raise CommandError(f"--{asked.wrong[0]}: write a day as 2026-11-03.")
        rows: QuerySet[AuditEvent] = AuditEvent.objects.all()
        site = named_site(options["site"]).domain if options["site"] else ""
        if site:
            rows = rows.filter(site=site)
        subject = audit.Subject(site=site, actor="command")
        if not options["output"]:
            self._print(audit_export.begin(asked.narrowed(rows), asked, form=options["format"], subject=subject))
            return
        path = Path(options["output"])
        with _opened(path) as file:
            lines = audit_export.begin(asked.narrowed(rows), asked, form=options["format"], subject=subject)
            file.writelines(lines)
        self.stdout.write(f"{path}: written.")

    def _print(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.stdout.write(line, ending="")


def _opened(path: Path) -> Any:
    """A file that was not there before, with mode 0600 from the first byte."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"The file {path} cannot be made: {error.strerror}. Name one that is not there.") from error
    return os.fdopen(number, "w", encoding="utf-8", newline="")
