"""Two people who change one registration at the same time: the second is told, and loses nothing of what they typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from launcher.models import EhrRegistration


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """The row as somebody else has saved it since the form was opened."""

    row: EhrRegistration
    by: str

    @property
    def sentence(self) -> str:
        at = f"{self.row.updated_at:%d-%b-%Y %H:%M:%S} UTC"
        return (
            f"Changed by {self.by} at {at}, after you had opened this form. Review what is saved now, below: your own "
            "entries are still in the form. Save again to put them in its place."
        )


def version_of(registration: EhrRegistration) -> str:
    """What a form carries to tell later whether the row is still the one that it showed."""
    return registration.updated_at.isoformat() if registration.pk and registration.updated_at else ""


def changed_meanwhile(registration: EhrRegistration, version: str) -> Meanwhile | None:
    """Whether the row is no longer the one of `version`. Locks it, so that two cannot both find it unchanged."""
    with transaction.atomic():
        row = EhrRegistration.objects.select_for_update(of=("self",)).filter(pk=registration.pk).first()
    if row is None or version_of(row) == version:
        return None
    return Meanwhile(row=row, by=_who(row, row.updated_at))


def _who(row: EhrRegistration, at: datetime) -> str:
    """The person whose entry in the history is of the time of the change; commands leave none."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk))
    near = entries.filter(action_time__range=(at - timedelta(minutes=1), at + timedelta(minutes=1)))
    entry = near.select_related("user").order_by("-action_time").first()
    return entry.user.get_username() if entry else "a command or another page"
