"""Pieces of the lines that stand below a record's name: codes, labels, dates with their time, people."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from patients import vocabulary
from patients.records import Coded, PartialDate
from patients.vocabulary import Words


def code_words(name: Coded) -> str:
    """The code of what is coded, and the coding's own words where they differ from the text."""
    disagrees = vocabulary.sentence(vocabulary.CODED_AS, coded_as=name.coded_as) if name.coded_as else ""
    code = f"{name.system} {name.code}".strip()
    return vocabulary.joined((str(vocabulary.FREE_TEXT) if name.free_text else code, disagrees))


def labelled(label: Words, value: str) -> str:
    """A value after its label; "" without a value."""
    return f"{label} {value}" if value else ""


def date_if_any(value: PartialDate | None) -> str:
    """A date in words, "" for none."""
    return vocabulary.date_words(value) if value else ""


def by(names: str) -> str:
    """ "by Ada Example", "" without a name."""
    return _("by %(names)s") % {"names": names} if names else ""


def time_words(value: PartialDate | None) -> str:
    """A date with its time of day, where one was sent: "23-Nov-2026 14:05", in the zone of the EHR's site.

    Where that zone is not known the time stays as sent; it is not turned into another zone's.
    """
    if value is None:
        return vocabulary.words(None)
    return vocabulary.moment_words(_on_site(value.moment)) if value.moment else vocabulary.date_words(value)


def _on_site(moment: datetime) -> datetime:
    return moment if timezone.get_current_timezone_name() == "UTC" else timezone.localtime(moment)
