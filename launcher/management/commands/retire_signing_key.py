"""Stop signing with a key; its public half stays published until its last signature has expired."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher import signing
from launcher.models import SigningKey


class Command(BaseCommand):
    help = "Stop signing with a key at once and for good. The same call twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kid", help="the key ID that new_signing_key printed")

    def handle(self, *args: Any, **options: Any) -> None:
        key = SigningKey.objects.filter(kid=options["kid"]).first()
        if key is None:
            raise CommandError(f"There is no signing key {options['kid']}.")
        if not signing.retire(key):
            self.stdout.write(f"{key.kid}: nothing to change, it is {key.state}.")
            return
        self.stdout.write(f"{key.kid}: signs no more, published until {key.retired_at:%Y-%m-%d %H:%M} UTC")
        if caution := signing.caution(key):
            self.stdout.write(caution)
