"""Look whether launches at an EHR can work, from its address to the last launch, and say what to change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher.management.sites import named_site
from launcher.models import EhrRegistration
from launcher.probe import reports
from launcher.probe.findings import Result


class Command(BaseCommand):
    help = "Check the connection to an EHR: 32 checks, each with what to change. Exit 1 when one fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", default="", help="a registration; or --all")
        parser.add_argument("--all", action="store_true", dest="every", help="all enabled registrations of the site")
        parser.add_argument(
            "--json", action="store_true", help="one JSON list of {id, status, title, evidence, remedy}"
        )
        parser.add_argument(
            "--daily",
            action="store_true",
            help="leave out what makes noise in the vendor's log; “--all --daily” is for a job once a day",
        )
        parser.add_argument("--site", metavar="DOMAIN")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = self._chosen(options)
        several = len(chosen) > 1
        collected: list[dict[str, str]] = []
        bad: list[str] = []
        for registration in chosen:
            try:
                found = reports.begin(registration, actor="command", daily=options["daily"])
            except ImproperlyConfigured as error:
                # One whose settings cannot be used must not keep the others from being looked at.
                self.stderr.write(f"{registration.slug}: {error}")
                bad.append(registration.slug)
                continue
            results = list(found) if options["json"] else self._printed(registration, found)
            collected += [
                {**result.to_json(), **({"slug": registration.slug} if several else {})}
                for result in sorted(results, key=lambda each: each.id)
            ]
            if any(result.status == "fail" for result in results):
                bad.append(registration.slug)
        if options["json"]:
            self.stdout.write(json.dumps(collected, indent=2, ensure_ascii=False))
        if bad:
            raise CommandError(f"Checks failed for {', '.join(bad)}.")

    def _chosen(self, options: dict[str, Any]) -> list[EhrRegistration]:
        if bool(options["slug"]) == options["every"]:
            raise CommandError("Name one registration, or say --all.")
        rows = EhrRegistration.objects.filter(site=named_site(options["site"])).select_related("site")
        if options["every"]:
            return list(rows.filter(enabled=True).order_by("slug"))
        found = list(rows.filter(slug=options["slug"]))
        if not found:
            raise CommandError(f"There is no registration {options['slug']}; register_ehr makes one.")
        return found

    def _printed(self, registration: EhrRegistration, found: Iterable[Result]) -> list[Result]:
        """Write each result as it comes; the count of each kind at the end."""
        self.stdout.write(f"{registration.slug}: {registration.name}, {registration.iss}")
        results = []
        for result in found:
            results.append(result)
            for line in reports.lines(result):
                self.stdout.write(f"  {line}")
            self.stdout.flush()
        self.stdout.write(f"{registration.slug}: {reports.summary(results)}")
        return results
