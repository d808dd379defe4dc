"""Check that no audit event was changed, removed or cut off."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from launcher import audit
from launcher.models import AuditEvent


class Command(BaseCommand):
    help = "Walk the audit chains; exit 1 and name the place where one does not hold."

    def handle(self, *args: Any, **options: Any) -> None:
        breaches = list(audit.verify())
        for breach in breaches:
            self.stderr.write(f"chain {breach.chain}, event {breach.sequence}: {breach.problem}")
        if breaches:
            raise CommandError(f"The audit trail is broken in {len(breaches)} places.")
        self.stdout.write(f"{AuditEvent.objects.count()} audit events, all chains hold.")
