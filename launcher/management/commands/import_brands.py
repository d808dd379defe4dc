"""Take in User-access Brands, the names by which people find their EHR on the front page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher.brand_import import (
    MOST_BYTES,
    BrandError,
    Imported,
    import_address,
    import_file,
    import_own,
    registered_in,
)
from launcher.management.sites import named_site
from launcher.models import EhrRegistration


class Command(BaseCommand):
    help = (
        "Read a FHIR Bundle of User-access Brands from a file or an https address; the same again changes nothing. "
        "EHRs in it that are registered are asked whether they name brands of their own, which go first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", nargs="?", help="a file, or an https address")
        parser.add_argument("--ehr", metavar="SLUG", help="what this registered EHR's own SMART configuration names")
        parser.add_argument("--site", metavar="DOMAIN", help="where SLUG is registered, if not at the default site")

    def handle(self, *args: Any, **options: Any) -> None:
        source, slug = options["source"], options["ehr"]
        if bool(source) == bool(slug):
            raise CommandError("Name a file or an https address, or an EHR with --ehr.")
        try:
            if slug:
                self._own(_registered(slug, options["site"]))
            else:
                self._from(source)
        except BrandError as error:
            raise CommandError(str(error)) from error

    def _from(self, source: str) -> None:
        """A bundle, and what the registered EHRs in it say themselves; those that do not answer are only named."""
        imported = import_address(source) if "://" in source else import_file(*_file(source))
        self._say(imported)
        for registration in registered_in(imported.address):
            try:
                self._own(registration, known=(imported.address,))
            except BrandError as error:
                self.stderr.write(str(error))

    def _own(self, registration: EhrRegistration, *, known: tuple[str, ...] = ()) -> None:
        if imported := import_own(registration, known=known):
            self._say(imported)
        registration.refresh_from_db()
        if registration.brand_bundle:
            self.stdout.write(f"{registration.slug}: its own brands come from {registration.brand_bundle}")
        elif not known:
            self.stdout.write(f"{registration.slug}: names no brands of its own.")

    def _say(self, imported: Imported) -> None:
        if not imported.changed:
            self.stdout.write(f"{imported.address}: nothing new; {imported.brands} brands.")
            return
        self.stdout.write(
            f"{imported.address}: {imported.brands} brands; {imported.passed_over} organizations without a name or a "
            "FHIR address were passed over."
        )


def _registered(slug: str, domain: str | None) -> EhrRegistration:
    found = EhrRegistration.objects.for_site(named_site(domain).pk).select_related("site").filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no registration {slug}.")
    return found


def _file(path: str) -> tuple[str, bytes]:
    """The name by which it is known from now on, and what is in it."""
    try:
        with Path(path).open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"The file {path} cannot be read.") from error
    if len(body) > MOST_BYTES:
        raise CommandError(f"The file {path} is larger than {MOST_BYTES // 1024 // 1024} MB.")
    return Path(path).name, body
