"""Delete what is past its retention: pending launches after twenty minutes, launches and traces after ninety days.

With them goes what the staff leaves behind: ended sessions, counts that lock nobody any more, and the secrets that were
replaced a day ago.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Model, QuerySet
from django.utils import timezone

from launcher.lockout import forget_old
from launcher.models import Launch, LaunchTrace, PendingLaunch
from launcher.pending import LIFETIME
from launcher.secret_change import erase_expired
from launcher.trace import oldest_kept

_BATCH = 500


class Command(BaseCommand):
    help = (
        "Delete expired pending launches, launches older than --days (90), and launch traces older than "
        "SMARTPORTAL_TRACE_DAYS (90). The audit trail stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=90)

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        pending = _delete(PendingLaunch.objects.filter(created_at__lt=now - 2 * LIFETIME))
        launches = _delete(Launch.objects.filter(created_at__lt=now - timedelta(days=options["days"])))
        traces = _delete(LaunchTrace.objects.filter(started_at__lt=now - oldest_kept()))
        call_command("clearsessions")
        forget_old()
        erase_expired()
        self.stdout.write(f"Deleted {pending} pending launches, {launches} launches and {traces} traces.")


def _delete(rows: QuerySet[Any, Model]) -> int:
    """Delete in batches, so that no lock is held for long."""
    deleted = 0
    while batch := list(rows.values_list("pk", flat=True)[:_BATCH]):
        rows.model._default_manager.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted
