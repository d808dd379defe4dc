"""Delete what is past its retention: pending launches after twenty minutes, launches after ninety days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Model, QuerySet
from django.utils import timezone

from launcher.models import Launch, PendingLaunch
from launcher.pending import LIFETIME

_BATCH = 500


class Command(BaseCommand):
    help = "Delete expired pending launches and launches older than --days (90). The audit trail stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=90)

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        pending = _delete(PendingLaunch.objects.filter(created_at__lt=now - 2 * LIFETIME))
        launches = _delete(Launch.objects.filter(created_at__lt=now - timedelta(days=options["days"])))
        self.stdout.write(f"Deleted {pending} pending launches and {launches} launches.")


def _delete(rows: QuerySet[Any, Model]) -> int:
    """Delete in batches, so that no lock is held for long."""
    deleted = 0
    while batch := list(rows.values_list("pk", flat=True)[:_BATCH]):
        rows.model._default_manager.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted
