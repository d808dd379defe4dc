"""Put every stored secret under the newest field key, so that the old one can be taken away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from launcher import audit
from launcher.key_rotation import Place, places, rotate
from launcher.smart.errors import SmartError

_ALL_NEW = "All secrets are under the newest key. Once every server has it too, the older ones can be taken away."


@dataclass(slots=True)
class _Tally:
    done: int = 0
    left: int = 0
    unreadable: int = 0


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew under the newest key of SMARTPORTAL_FIELD_KEYS. It may be stopped and run "
        "again; what is under that key already is not touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count what is left; exit 1 if there is any")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                self._check()
            else:
                self._rotate()
        except SmartError as error:
            raise CommandError(f"{error.description}; `manage.py new_field_key` prints a key.") from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error

    def _check(self) -> None:
        left = 0
        for place in places():
            count = place.older().count()
            left += count
            self.stdout.write(f"{place}: {count} left")
        if left:
            raise CommandError(f"{left} left under older keys; run rotate_field_key.")
        self.stdout.write(_ALL_NEW)

    def _rotate(self) -> None:
        tally = _Tally()
        try:
            for place in places():
                self._rotate_one(place, tally)
        except KeyboardInterrupt as stop:
            raise CommandError(f"Stopped after {tally.done} secrets. Run it again to go on.") from stop
        finally:
            if tally.done:
                audit.write("field_key.rotated", audit.Subject(actor="command"), audit.Facts(detail=asdict(tally)))
        if tally.unreadable:
            raise CommandError(
                f"{tally.unreadable} could not be opened with any key of SMARTPORTAL_FIELD_KEYS: give back the key "
                "that they were written with, or replace these secrets."
            )
        if tally.left:
            raise CommandError(
                f"{tally.left} were written under an older key meanwhile: restart every server with the new key, then "
                "run this again."
            )
        self.stdout.write(_ALL_NEW)

    def _rotate_one(self, place: Place, tally: _Tally) -> None:
        """One field's rows; those that nobody can open are named one by one."""
        before = tally.done
        for batch in rotate(place):
            tally.done += batch.done
            tally.unreadable += len(batch.unreadable)
            for pk in batch.unreadable:
                self.stderr.write(f"{place} of row {pk} cannot be opened")
        left = place.older().count()
        tally.left += left
        self.stdout.write(f"{place}: {tally.done - before} rewritten, {left} left")
