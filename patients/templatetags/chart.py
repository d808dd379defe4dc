"""Filters that turn records into words. They give plain text: the templates escape it.

A row of a long list is rendered two thousand times, so a whole line of small facts is one filter, not a dozen tags.
"""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients import vocabulary
from patients.records import Coded, Condition, Dose, Medication, Missing, PartialDate, PersonName, Tone, When

register = template.Library()


@register.filter
def words(value: object) -> str:
    """Any value of a record in the words of the vocabulary; never blank for a Missing one."""
    return vocabulary.words(value)


@register.filter
def look(value: object) -> str:
    """The class of a value: quieter when it is missing, unbroken when it is a plain date."""
    if value is None or isinstance(value, Missing):
        return "none"
    return "nb" if isinstance(value, When) and value.start and value.start.readable and not value.is_period else ""


@register.filter
def name_parts(name: PersonName | Missing) -> tuple[str, ...]:
    """The parts of a name between which a line may break."""
    return vocabulary.name_parts(name) if isinstance(name, PersonName) else (str(vocabulary.NO_NAME),)


@register.filter
def clinical_tag(record: Condition) -> bool:
    """Whether the clinical status needs a tag of its own: not when it is plainly active, nor to say one thing twice."""
    return record.clinical.tone is not Tone.OK and record.clinical != record.verification


@register.filter
def condition_line(record: Condition) -> str:
    """The second line of a condition: code, kind, severity, site, and how often it was seen."""
    return vocabulary.joined(
        (
            _code_words(record.name),
            *record.categories,
            _("Severity: %(severity)s") % {"severity": record.severity} if record.severity else "",
            _("Body site: %(site)s") % {"site": record.body_site} if record.body_site else "",
            _seen_in(record),
        )
    )


def _seen_in(record: Condition) -> str:
    if not record.encounters:
        return ""
    seen = ngettext("seen in %(count)d encounter", "seen in %(count)d encounters", record.encounters)
    said = seen % {"count": record.encounters}
    if not isinstance(record.recorded, PartialDate):
        return said
    return _("%(seen)s, last %(date)s") % {"seen": said, "date": vocabulary.date_words(record.recorded)}


def _code_words(name: Coded) -> str:
    if name.free_text and not name.coded_as:
        return str(vocabulary.FREE_TEXT)
    code = f"{name.system} {name.code}".strip()
    disagrees = vocabulary.sentence(vocabulary.CODED_AS, coded_as=name.coded_as) if name.coded_as else ""
    return vocabulary.joined((code, disagrees))


@register.filter
def medication_name(record: Medication) -> str:
    """The drug as the EHR names it, or what is known instead; never an invented name."""
    if isinstance(record.name, Coded):
        return record.name.text
    said = (
        _("Medication details not available")
        if record.name is Missing.NOT_RECORDED
        else _("Medication %(words)s") % {"words": vocabulary.words(record.name)}
    )
    return f"{said} ({record.name_note})" if record.name_note else said


@register.filter
def medication_line(record: Medication) -> str:
    """The last line of a medication: who prescribed or told it, from which kind of record, what for, and its code."""
    prescriber = ""
    if record.prescriber is not Missing.NOT_APPLICABLE:
        prescriber = _("Prescriber %(name)s") % {"name": vocabulary.words(record.prescriber)}
    source = record.source
    if record.informant:
        source = _("%(source)s by %(name)s") % {"source": source, "name": record.informant}
    reasons = _("for %(reasons)s") % {"reasons": ", ".join(record.reasons)} if record.reasons else ""
    code = _code_words(record.name) if isinstance(record.name, Coded) else ""
    return vocabulary.joined((prescriber, source, reasons, code))


@dataclass(frozen=True, slots=True)
class DoseLine:
    """Our own line for a dose: `dose` and then the other parts in the order of the CUI medication line."""

    dose: str
    known: bool
    parts: tuple[str, ...]


@register.filter
def dose_line(dose: Dose) -> DoseLine | None:
    """The structured line, when it is complete; when there is no other text either, what is known and what is not.

    An incomplete one beside the EHR's own text is left out: the text is what somebody wrote and meant.
    """
    if not dose.complete and dose.as_written:
        return None
    often = " ".join(part for part in (dose.timing, dose.as_needed) if part)
    maximum = _("maximum %(amount)s") % {"amount": dose.maximum} if dose.maximum else ""
    parts = (
        dose.rate,
        dose.route or _("route not recorded"),
        dose.site,
        often or _("how often not recorded"),
        maximum,
    )
    return DoseLine(dose.dose or _("not recorded"), bool(dose.dose), tuple(part for part in parts if part))


@register.filter
def ended(value: When | None) -> str:
    """An end; a record without one says so."""
    return vocabulary.words(value if value else Missing.NOT_RECORDED)
