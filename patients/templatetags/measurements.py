"""Filters for the panels of vital signs and lab results; nothing is computed or judged in them.

As in `chart`: they give plain text, the templates escape it, and a whole line of small facts is one filter.
"""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients import vocabulary, vocabulary_clinical
from patients.panel_words import code_words, time_words
from patients.plots import Plot
from patients.records import (
    LabDay,
    LabRow,
    Observation,
    ObservationGroup,
    Point,
    Reading,
    ReferenceRange,
    Tag,
    Tone,
    When,
)

register = template.Library()
register.filter("time_words", time_words)


@register.filter
def reading_words(value: Reading | Point | None) -> str:
    """A value as it came, or why there is none; never blank."""
    if value is None:
        return vocabulary.words(None)
    reason = value.reason if isinstance(value, Reading) else ""
    return value.words or reason or vocabulary.words(value.missing)


@register.filter
def result_words(record: Observation) -> str:
    """The result of a test; what has none yet, or never will, says so."""
    if record.value and record.value.words:
        return record.value.words
    if record.group is ObservationGroup.PENDING:
        return _("no result yet")
    if record.group is ObservationGroup.CANCELLED:
        return _("no result")
    if record.value is None and record.members:
        return _("see the single results")
    return reading_words(record.value)


@register.filter
def day_heading(day: LabDay) -> str:
    """ "Collected 02-Nov-2026"; a day on which results were only reported is not called one of collection."""
    if day.day is None:
        return _("Date of collection not recorded")
    labels = {row.result.taken.label for row in day.rows if isinstance(row.result.taken, When)}
    if labels == {""}:
        words = _("Collected %(date)s")
    else:
        words = _("Collected or reported %(date)s") if "" in labels else _("Reported %(date)s")
    return words % {"date": vocabulary.date_words(day.day)}


@register.filter
def previous_words(row: LabRow) -> str:
    """The result before this one, with its date; in another unit it cannot be compared, and says so."""
    before = row.previous
    if before is None:
        return ""
    date = vocabulary.date_words(before.at) if before.at else vocabulary.words(None)
    said = _("Previous: %(result)s, %(date)s") % {"result": result_words(before), "date": date}
    return said if row.same_unit else f"{said} ({vocabulary_clinical.OTHER_UNIT})"


@register.filter
def range_words(value: ReferenceRange) -> str:
    """A reference range with the people that it holds for."""
    return f"{value.words} ({value.applies_to})" if value.applies_to else value.words


@register.filter
def lab_line(record: Observation) -> str:
    """The second line of a result: when it was taken and reported, from where, how, by whom, and its code."""
    when = record.taken if isinstance(record.taken, When) else None
    return vocabulary.joined(
        (
            _collected(when),
            _reported(record),
            record.body_site,
            record.method,
            ", ".join(record.performers),
            code_words(record.name),
        )
    )


def _reported(record: Observation) -> str:
    """When it was reported, unless that stands in for the time of collection already."""
    if record.issued is None or (isinstance(record.taken, When) and record.taken.label):
        return ""
    return _("reported %(time)s") % {"time": time_words(record.issued)}


def _collected(when: When | None) -> str:
    """Only what the heading of the day does not say; where only the time of the report is known, that is said so."""
    if when is None or not when.start:
        return vocabulary.when_words(when) if when else ""
    if when.is_period:
        return _("collected %(time)s") % {"time": vocabulary.when_words(when)}
    if when.label:
        return f"{when.label} {time_words(when.start)}"
    return _("collected %(time)s") % {"time": time_words(when.start)} if when.start.moment else ""


@register.filter
def point_facts(point: Point) -> tuple[str, ...]:
    """What stands below a measurement: the unit it was converted from, site and method, a long time without any."""
    converted = ""
    if point.converted_from:
        said = vocabulary.sentence(vocabulary_clinical.CONVERTED, unit=point.converted_from)
        converted = f"{said} ({point.sent})" if point.sent else said
    gap = _("%(gap)s before this one") % {"gap": vocabulary_clinical.GAP} if point.after_gap else ""
    return tuple(fact for fact in (converted, *point.details, gap) if fact)


@register.filter
def measured_at(point: Point) -> str:
    """When it was measured; what has no readable date says so."""
    return time_words(point.at) if point.at else str(vocabulary_clinical.WITHOUT_DATE)


@register.filter
def left_out_words(plot: Plot) -> str:
    """How many measurements are not in a plot; "" when all are."""
    if not plot.left_out:
        return ""
    words = ngettext(
        "%(count)d value is no single number and stands in the table only.",
        "%(count)d values are no single number and stand in the table only.",
        plot.left_out,
    )
    return words % {"count": plot.left_out}


@register.filter
def unsure(tag: Tag) -> bool:
    """Whether a status is worth a tag: a plainly final one is not."""
    return tag.tone is not Tone.OK
