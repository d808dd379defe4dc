"""Check that no audit event was changed, removed or cut off."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from launcher import audit, audit_grants
from launcher.models import AuditEvent


class Command(BaseCommand):
    help = "Walk the audit chains; exit 1 and name the place where one does not hold."

    def handle(self, *args: Any, **options: Any) -> None:
        breaches = list(audit.verify())
        for breach in breaches:
            self.stderr.write(f"chain {breach.chain}, event {breach.sequence}: {breach.problem}")
        if breaches:
            raise CommandError(f"The audit trail is broken in {len(breaches)} places.")
        if connection.vendor == "postgresql" and audit_grants.may_change_events():
            self.stderr.write("This database role could change audit events: see grant_app_role in docs/audit.md.")
        self.stdout.write(f"{AuditEvent.objects.count()} audit events, all chains hold.")
