"""Ask an EHR for a token of our own, to see whether backend services are set up."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher.backend import WHAT_PANELS_READ, backend_token
from launcher.explanations import explain
from launcher.management.sites import named_site
from launcher.models import EhrRegistration
from launcher.smart.errors import SmartError
from launcher.smart.token import TokenResponse


class Command(BaseCommand):
    help = "Get a token by backend services, signed with the active key. What is wrong is one sentence (exit 1)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--scope", default="", help=f"what to ask for; without it, {WHAT_PANELS_READ}")
        parser.add_argument("--site", metavar="DOMAIN")
        parser.add_argument("--show", action="store_true", help="print the token too; whoever reads it can use it")

    def handle(self, *args: Any, **options: Any) -> None:
        found = EhrRegistration.objects.filter(site=named_site(options["site"]), slug=options["slug"])
        registration = found.select_related("site").first()
        if registration is None:
            raise CommandError(f"There is no registration {options['slug']}; register_ehr makes one.")
        try:
            answer = backend_token(registration, scope=options["scope"].strip())
        except SmartError as error:
            raise CommandError(f"{registration.slug}: {_sentence(error)}") from error
        except ImproperlyConfigured as error:
            raise CommandError(f"{registration.slug}: {error}") from error
        self.stdout.write(f"{registration.slug}: a token was granted")
        self.stdout.write(f"  life   {_life(answer)}")
        self.stdout.write(f"  scope  {_scope(answer)}")
        if options["show"]:
            self.stdout.write(f"  token  {answer.access_token.reveal()}")


def _sentence(error: SmartError) -> str:
    """Cause and remedy in one line."""
    if error.reason == "no_key":
        return "There is no active signing key; make one with `manage.py new_signing_key`."
    if error.reason == "invalid_scope":
        return "The EHR grants none of these scopes to the app itself; name others with --scope."
    return f"{error.description or error.code}. {explain(error.code).administrator}"


def _life(answer: TokenResponse) -> str:
    return "not told" if answer.expires_in is None else f"{answer.expires_in} s"


def _scope(answer: TokenResponse) -> str:
    """The EHR's own words; without any, what was asked for is granted (RFC 6749, section 5.1)."""
    if answer.scope is None:
        return "as asked for"
    return answer.scope or "none"
