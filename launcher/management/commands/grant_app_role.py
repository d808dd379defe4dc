"""Give the role that the product runs as its rights in PostgreSQL: all it needs, and of the audit trail only adding."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connection, transaction

from launcher import audit_grants


class Command(BaseCommand):
    help = (
        "Run as the owner of the tables (SMARTPORTAL_MIGRATE_DATABASE_URL), after `migrate`: lets ROLE read and write "
        "everything but the audit events, which it may only add and read. The same again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="the role of DATABASE_URL")
        parser.add_argument("--print", action="store_true", help="only print the SQL")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("This is for PostgreSQL: SQLite knows no roles.")
        if options["print"]:
            for statement in audit_grants.statements(options["role"]):
                self.stdout.write(f"{statement};")
            return
        try:
            with transaction.atomic():
                audit_grants.grant(options["role"])
        except audit_grants.UnfitRole as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(
                "The rights could not be given: run this as the owner of the tables, SMARTPORTAL_MIGRATE_DATABASE_URL, "
                f"after migrate. The database said {type(error).__name__}."
            ) from error
        self.stdout.write(f"{options['role']} may add and read audit events, and use all else.")
