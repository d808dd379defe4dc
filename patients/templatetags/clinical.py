"""Filters for the panels of allergies, measurements, immunizations, encounters and documents.

As in `chart`: they give plain text, the templates escape it, and a whole line of small facts is one filter.
"""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from patients import vocabulary, vocabulary_clinical
from patients.panel_words import by, code_words, date_if_any, labelled, time_words
from patients.records import (
    Allergy,
    Attachment,
    Document,
    Encounter,
    EncounterGroup,
    Immunization,
    Missing,
    PartialDate,
    Reaction,
    Tag,
    Tone,
    When,
)
from patients.vocabulary import Words

register = template.Library()
register.filter("time_words", time_words)

_KINDS_OF_FILE: Mapping[str, Words] = {
    "application/pdf": "PDF",
    "text/plain": _lazy("Text"),
    "text/html": _lazy("Web page"),
    "text/rtf": "RTF",
    "application/rtf": "RTF",
    "text/xml": "XML",
    "application/xml": "XML",
    "image/jpeg": _lazy("Picture (JPEG)"),
    "image/png": _lazy("Picture (PNG)"),
    "image/tiff": _lazy("Picture (TIFF)"),
}
_KIBIBYTE = 1024


# --- Times --------------------------------------------------------------------------------------------------


@register.filter
def date_look(value: PartialDate | Missing) -> str:
    """The class of a date: quieter when it is missing, unbroken when it is plain."""
    if isinstance(value, PartialDate):
        return "nb" if value.readable else ""
    return "none"


@register.filter
def visit_time(record: Encounter) -> str:
    """When a visit was: its day once, with the times if they were sent; a visit without end says so."""
    period = record.period
    if not isinstance(period, When) or not period.start:
        return vocabulary.words(period)
    start, end = time_words(period.start), time_words(period.end) if period.end else ""
    if period.label:
        start = f"{period.label} {start}"
    if not end:
        return start if record.group is EncounterGroup.PLANNED or period.label else _open_end(record, start)
    if period.end and vocabulary.date_words(period.start) == vocabulary.date_words(period.end):
        end = end.rpartition(" ")[2] if period.end.moment else ""
        return vocabulary.sentence(vocabulary.PERIOD, start=start, end=end) if end and period.start.moment else start
    return vocabulary.sentence(vocabulary.PERIOD, start=start, end=end)


def _open_end(record: Encounter, start: str) -> str:
    if record.group is EncounterGroup.IN_PROGRESS:
        return _("since %(start)s") % {"start": start}
    if record.group is EncounterGroup.CANCELLED:
        return start
    return _("%(start)s, end not recorded") % {"start": start}


# --- Allergies ----------------------------------------------------------------------------------------------


@register.filter
def reactions(record: Allergy) -> str:
    """All reactions: what came together joined by "+", one event after the other by commas; never blank."""
    return ", ".join(map(_reaction, record.reactions)) or str(vocabulary_clinical.REACTION_NOT_RECORDED)


def _reaction(reaction: Reaction) -> str:
    what = " + ".join(reaction.manifestations) or reaction.description or str(vocabulary_clinical.REACTION_NOT_RECORDED)
    facts = (
        reaction.severity,
        reaction.certainty,
        _("to %(substance)s") % {"substance": reaction.substance} if reaction.substance else "",
        reaction.route,
        vocabulary.when_words(reaction.onset) if reaction.onset else "",
    )
    said = ", ".join(fact for fact in facts if fact)
    return f"{what} ({said})" if said else what


@register.filter
def reaction_notes(record: Allergy) -> tuple[str, ...]:
    """What is told of the reactions at length, and the notes on the allergy itself."""
    told = [reaction.description for reaction in record.reactions if reaction.manifestations]
    noted = [note for reaction in record.reactions for note in reaction.notes]
    return tuple(dict.fromkeys(text for text in (*told, *noted, *record.notes) if text))


@register.filter
def doubts(record: Allergy) -> tuple[Tag, ...]:
    """The statuses that must not be overlooked: all but plainly active and confirmed, each word once."""
    tags = (tag for tag in (record.clinical, record.verification) if tag and tag.tone is not Tone.OK)
    return tuple(dict.fromkeys(tags))


@register.filter
def allergy_line(record: Allergy) -> str:
    """The second line of an allergy: its code, who said so, since when, and when it showed last."""
    return vocabulary.joined(
        (
            "" if record.free_text else code_words(record.name),
            _("said by %(name)s") % {"name": record.informant} if record.informant else "",
            labelled(_("Onset"), vocabulary.when_words(record.onset) if record.onset else ""),
            labelled(
                _("Last reaction"), vocabulary.date_words(record.last_occurrence) if record.last_occurrence else ""
            ),
        )
    )


@register.filter
def allergy_kind(record: Allergy) -> str:
    """ "Allergy · Medication", as far as it was sent."""
    return vocabulary.joined((record.kind, *record.categories)) or vocabulary.words(None)


@register.filter
def allergy_marks(record: Allergy) -> tuple[str, ...]:
    """What must be known about a row: the EHR may not know the substance, nobody stands behind a statement."""
    nobody = record.states_none and (isinstance(record.recorder, Missing) and not record.informant)
    undated = record.states_none and not isinstance(record.recorded, PartialDate)
    return (
        *((str(vocabulary_clinical.FREE_TEXT_ALLERGY),) if record.free_text else ()),
        *((str(vocabulary_clinical.STATEMENT_WITHOUT_AUTHOR),) if nobody and undated else ()),
        *record.marks,
    )


@register.filter
def recorded_by(record: Allergy) -> str:
    """Who wrote the allergy down; "" where that is not known."""
    return "" if isinstance(record.recorder, Missing) else by(record.recorder)


@register.filter
def stated_as(record: Allergy) -> str:
    """The chart's own sentence for a stated absence ("No known allergies")."""
    return str(vocabulary_clinical.STATEMENTS[record.statement]) if record.statement else record.name.text


@register.filter
def own_words(record: Allergy) -> str:
    """The EHR's words and code for a stated absence, and who said so."""
    same = record.name.text.casefold() == stated_as(record).casefold()
    said = "" if same else f"“{record.name.text}”"
    told = _("said by %(name)s") % {"name": record.informant} if record.informant else ""
    return vocabulary.joined((said, code_words(record.name), told))


@register.filter
def attribution(record: Allergy) -> str:
    """ "recorded 12-Jan-2026 by Ada Example": a stated absence is worth what its author and date are worth."""
    known = isinstance(record.recorded, PartialDate)
    recorded = (_("recorded %(date)s") if known else _("date %(date)s")) % {"date": vocabulary.words(record.recorded)}
    who = record.informant if isinstance(record.recorder, Missing) else record.recorder
    if who:
        return _("%(recorded)s by %(name)s") % {"recorded": recorded, "name": who}
    return _("%(recorded)s, author %(words)s") % {"recorded": recorded, "words": vocabulary.words(record.recorder)}


# --- Encounters ---------------------------------------------------------------------------------------------


@register.filter
def encounter_line(record: Encounter) -> str:
    """The second line of an encounter: its setting, where the type does not say it, and what it was for."""
    said = {kind.casefold() for kind in record.kinds}
    setting = record.setting if said and record.setting.casefold() not in said else ""
    reasons = _("for %(reasons)s") % {"reasons": ", ".join(record.reasons)} if record.reasons else ""
    return vocabulary.joined((setting, reasons))


@register.filter
def where(record: Encounter) -> str:
    """The places and the organization; never blank."""
    return ", ".join(dict.fromkeys(part for part in (*record.places, record.organization) if part)) or vocabulary.words(
        None
    )


# --- Immunizations ------------------------------------------------------------------------------------------


@register.filter
def vaccine_line(record: Immunization) -> str:
    """The second line of an immunization: which dose, how much, how and where, the batch, who gave it, and the code."""
    return vocabulary.joined(
        (
            labelled(_("Dose"), record.dose),
            record.amount,
            record.route,
            record.site,
            labelled(_("Lot"), record.lot),
            labelled(_("expires"), date_if_any(record.expires)),
            record.manufacturer,
            by(", ".join(record.performers)),
            record.place,
            record.source,
            code_words(record.vaccine),
        )
    )


# --- Documents ----------------------------------------------------------------------------------------------


@register.filter
def document_id(record: Document) -> str:
    """The id in the address of a document's page; "" for one that came without."""
    return record.reference.partition("/")[2]


@register.filter
def document_line(record: Document) -> str:
    """The second line of a document: what it is about, its class, the time it tells of, who keeps it, and its code."""
    return vocabulary.joined(
        (
            record.description if record.description.casefold() != record.kind.text.casefold() else "",
            ", ".join(category for category in record.categories if category != record.kind.text),
            _("about %(time)s") % {"time": vocabulary.when_words(record.period)} if record.period else "",
            labelled(_("kept by"), record.custodian),
            code_words(record.kind),
        )
    )


@register.filter
def file_words(file: Attachment) -> str:
    """What a file is: its title, kind, size, language and date, as far as the EHR says."""
    kind = str(_KINDS_OF_FILE.get(file.content_type, file.content_type)) or _("kind of file not recorded")
    return vocabulary.joined((file.title, kind, _size_words(file.size), file.language, date_if_any(file.created)))


def _size_words(size: int | None) -> str:
    if size is None:
        return ""
    if size < _KIBIBYTE:
        return _("%(size)d bytes") % {"size": size}
    if size < _KIBIBYTE**2:
        return _("%(size)d kB") % {"size": round(size / _KIBIBYTE)}
    return _("%(size).1f MB") % {"size": size / _KIBIBYTE**2}


@register.filter
def why_closed(file: Attachment) -> str:
    """Why a file cannot be opened here, and what to do instead."""
    if file.can_open:
        return _("The EHR gave this document no id to open it by. Open the document in the EHR.")
    return str(vocabulary_clinical.FILES[file.source])
