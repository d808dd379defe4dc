"""Make a signing key for `private_key_jwt` and publish it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from launcher import conf, signing
from launcher.smart.client_assertion import ALGORITHMS
from launcher.smart.errors import SmartError


class Command(BaseCommand):
    help = "Make a key pair that signs for private_key_jwt. It is published at once and signs an hour later."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--algorithm", choices=ALGORITHMS, default=ALGORITHMS[0])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = signing.make_key(options["algorithm"])
        except SmartError as error:
            raise CommandError(error.description) from error
        self.stdout.write(f"{key.kid}: {key.algorithm}, {key.state.label.lower()}")
        self.stdout.write(f"  signs from    {key.active_from:%Y-%m-%d %H:%M} UTC")
        self.stdout.write(f"  JWKS address  {conf.base_url()}{reverse('launcher:jwks')}")
        if caution := signing.caution(key):
            self.stdout.write(caution)
