"""A Timing as words: "twice a day", "every 8 hours", "once a day at bedtime for 10 days".

Anything in it that cannot be read makes the whole timing "": a frequency guessed from half an element would be an
invention, and the EHR's own text still stands beside. Sources: https://hl7.org/fhir/DSTU2/datatypes.html#Timing,
https://hl7.org/fhir/R4/datatypes.html#Timing; the words replace the abbreviations of ISMP's list (QD, QOD, BID, HS).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from patients.readers.codes import concept_at
from patients.readers.datatypes import Fields, as_list, is_modified, is_sent, many, number, one, text_at
from patients.readers.dates import date_words, partial_date
from patients.readers.quantities import amount, amount_range, plain_number
from patients.readers.text import clean
from patients.readers.wording import joined_by_and, said, worded


class _UnclearError(Exception):
    """Part of the timing cannot be read; never leaves this module."""


_CODES: Mapping[str, str] = worded(
    {
        "QD": "once a day",
        "DAILY": "once a day",
        "BID": "twice a day",
        "TID": "3 times a day",
        "QID": "4 times a day",
        "QOD": "every other day",
        "AM": "in the morning",
        "QAM": "every morning",
        "PM": "in the afternoon",
        "QPM": "every evening",
        "HS": "at bedtime",
        "QHS": "every night at bedtime",
        "BED": "at bedtime",
        "WK": "once a week",
        "QWK": "once a week",
        "MO": "once a month",
        "QMO": "once a month",
        "Q1H": "every hour",
        "STAT": "immediately",
        "ONCE": "once only",
    }
)
_HOURLY: Mapping[str, int] = {f"Q{hours}H": hours for hours in (2, 3, 4, 6, 8, 12, 24, 36, 48, 72)}
_EVENTS: Mapping[str, str] = worded(
    {
        "MORN": "in the morning",
        "MORN.early": "in the early morning",
        "MORN.late": "in the late morning",
        "NOON": "at noon",
        "AFT": "in the afternoon",
        "AFT.early": "in the early afternoon",
        "AFT.late": "in the late afternoon",
        "EVE": "in the evening",
        "EVE.early": "in the early evening",
        "EVE.late": "in the late evening",
        "NIGHT": "at night",
        "PHS": "after sleep",
        "IMD": "immediately",
        "HS": "at bedtime",
        "WAKE": "on waking",
        "C": "with meals",
        "CM": "with breakfast",
        "CD": "with lunch",
        "CV": "with dinner",
        "AC": "before meals",
        "ACM": "before breakfast",
        "ACD": "before lunch",
        "ACV": "before dinner",
        "PC": "after meals",
        "PCM": "after breakfast",
        "PCD": "after lunch",
        "PCV": "after dinner",
    }
)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is said with a unit of time: its name for one and for several, and how often something happens in one."""

    one: str
    several: str
    once: str
    often: str
    every_other: str = ""


_UNITS: Mapping[str, _Unit] = {
    "s": _Unit(worded("second"), worded("seconds"), worded("every second"), worded("%(times)s a second")),
    "min": _Unit(worded("minute"), worded("minutes"), worded("every minute"), worded("%(times)s a minute")),
    "h": _Unit(worded("hour"), worded("hours"), worded("every hour"), worded("%(times)s an hour")),
    "d": _Unit(
        worded("day"), worded("days"), worded("once a day"), worded("%(times)s a day"), worded("every other day")
    ),
    "wk": _Unit(
        worded("week"), worded("weeks"), worded("once a week"), worded("%(times)s a week"), worded("every other week")
    ),
    "mo": _Unit(
        worded("month"),
        worded("months"),
        worded("once a month"),
        worded("%(times)s a month"),
        worded("every other month"),
    ),
    "a": _Unit(worded("year"), worded("years"), worded("once a year"), worded("%(times)s a year")),
}
_DAYS: Mapping[str, str] = worded(
    {
        "mon": "Monday",
        "tue": "Tuesday",
        "wed": "Wednesday",
        "thu": "Thursday",
        "fri": "Friday",
        "sat": "Saturday",
        "sun": "Sunday",
    }
)


def timing_words(timing: Fields) -> str:
    """The code (a complete statement by FHIR's rule), the repeat, the single dates; "" when any of it is unclear."""
    repeat = one(timing, "repeat")
    try:
        if is_modified(timing) or (is_sent(timing, "repeat") and not repeat):
            raise _UnclearError
        coded, frequency = _code_words(timing), _repeat_words(repeat)
        bounds = _bounds(repeat)
        events = _event_words(timing)
    except _UnclearError:
        return ""
    parts = [words for words in (coded, frequency) if words]
    if coded and coded in frequency:
        parts = [frequency]
    main = "; ".join([*parts, *([events] if events else [])])
    return " ".join(words for words in (main, bounds) if words) if main else ""


def _code_words(timing: Fields) -> str:
    found = concept_at(timing, "code")
    if not found:
        if is_sent(timing, "code"):
            raise _UnclearError
        return ""
    codings = [text_at(coding, "code") for coding in many(one(timing, "code"), "coding")]
    known = (words for text in (*codings, found.text) if (words := _code(text.upper().replace(".", ""))))
    return next(known, found.text)


def _code(code: str) -> str:
    if hours := _HOURLY.get(code):
        return said("every %(span)s") % {"span": _span(Decimal(hours), None, _UNITS["h"])}
    return said(_CODES.get(code, ""))


def _repeat_words(repeat: Fields) -> str:
    words = [_frequency_words(repeat), _days(repeat), _when(repeat), _clock(repeat), _each(repeat), _count(repeat)]
    return " ".join(word for word in words if word)


def _frequency_words(repeat: Fields) -> str:
    period = _value(repeat, "period")
    often = _value(repeat, "frequency")
    most = _value(repeat, "frequencyMax")
    if period is None:
        if often is None:
            return ""
        return "" if _has_moments(repeat) else said("%(times)s (period not given)") % {"times": _times(often, most)}
    unit = _unit(repeat, "period")
    longest = _value(repeat, "periodMax")
    if often in (None, 1) and most in (None, 1):
        return _once_every(period, longest, unit)
    times = _times(often or Decimal(1), most)
    if period == 1 and longest is None:
        return said(unit.often) % {"times": times}
    return said("%(times)s every %(span)s") % {"times": times, "span": _span(period, longest, unit)}


def _once_every(period: Decimal, longest: Decimal | None, unit: _Unit) -> str:
    if longest is None and period == 1:
        return said(unit.once)
    if longest is None and period == 2 and unit.every_other:
        return said(unit.every_other)
    return said("every %(span)s") % {"span": _span(period, longest, unit)}


def _span(period: Decimal, longest: Decimal | None, unit: _Unit) -> str:
    if longest is not None and longest != period:
        high = f"{plain_number(longest)} {said(unit.several)}"
        return said("%(low)s to %(high)s") % {"low": plain_number(period), "high": high}
    return f"{plain_number(period)} {said(unit.one if period == 1 else unit.several)}"


def _times(often: Decimal, most: Decimal | None) -> str:
    if most is not None and most != often:
        if often == 1 and most == 2:
            return said("once or twice")
        return said("%(low)s to %(high)s times") % {"low": plain_number(often), "high": plain_number(most)}
    if often in (1, 2):
        return said("once") if often == 1 else said("twice")
    return said("%(count)s times") % {"count": plain_number(often)}


def _has_moments(repeat: Fields) -> bool:
    return any(is_sent(repeat, key) for key in ("when", "timeOfDay", "dayOfWeek"))


def _value(repeat: Fields, key: str) -> Decimal | None:
    """A number over zero; None when it is not there; unclear when it is there and is none (or beyond all reason)."""
    value = number(repeat.get(key))
    if (value is None and is_sent(repeat, key)) or (value is not None and not 0 < value < 1_000_000):
        raise _UnclearError
    return value


def _unit(repeat: Fields, stem: str) -> _Unit:
    """`periodUnits` in DSTU2, `periodUnit` since; the same for duration."""
    unit = _UNITS.get(text_at(repeat, f"{stem}Unit", f"{stem}Units").lower())
    if unit is None:
        raise _UnclearError
    return unit


def _list(repeat: Fields, key: str, word: Callable[[str], str]) -> list[str]:
    words = []
    for item in as_list(repeat.get(key)):
        text = clean(item)
        if not text:
            raise _UnclearError
        words.append(word(text))
    return words


def _days(repeat: Fields) -> str:
    days = _list(repeat, "dayOfWeek", lambda day: said(_DAYS.get(day.lower(), "")) or day)
    return said("on %(days)s") % {"days": joined_by_and(days)} if days else ""


def _clock(repeat: Fields) -> str:
    times = _list(repeat, "timeOfDay", lambda clock: clock[:5] if clock[2:3] == ":" else clock)
    return said("at %(times)s") % {"times": joined_by_and(times)} if times else ""


def _when(repeat: Fields) -> str:
    events = _list(repeat, "when", lambda event: said(_EVENTS.get(event, "")) or event)
    offset = _value(repeat, "offset") if is_sent(repeat, "offset") and number(repeat.get("offset")) != 0 else None
    if not events or offset is None:
        return joined_by_and(events)
    hours = offset % 60 == 0
    time = _span(offset / 60, None, _UNITS["h"]) if hours else _span(offset, None, _UNITS["min"])
    return said("%(time)s %(events)s") % {"time": time, "events": joined_by_and(events)}


def _each(repeat: Fields) -> str:
    """How long one administration lasts."""
    duration = _value(repeat, "duration")
    if duration is None:
        return ""
    span = _span(duration, _value(repeat, "durationMax"), _unit(repeat, "duration"))
    return said("over %(span)s") % {"span": span}


def _count(repeat: Fields) -> str:
    count, most = _value(repeat, "count"), _value(repeat, "countMax")
    if count is None:
        return ""
    if count == 1 and most is None:
        return said("(1 dose in total)") if is_sent(repeat, "period") else said("once only")
    return said("(%(times)s in total)") % {"times": _times(count, most)}


def _bounds(repeat: Fields) -> str:
    """For how long; a period's dates become the start and the end of the medication instead."""
    if is_sent(repeat, "boundsPeriod") and not one(repeat, "boundsPeriod"):
        raise _UnclearError
    for key, read in (("boundsDuration", amount), ("boundsQuantity", amount), ("boundsRange", amount_range)):
        if is_sent(repeat, key):
            words = read(one(repeat, key))
            if not words:
                raise _UnclearError
            return said("for %(time)s") % {"time": words}
    return ""


def _event_words(timing: Fields) -> str:
    """Single dates, the first three written out."""
    sent = as_list(timing.get("event"))
    dates = [date_words(moment) for item in sent if (moment := partial_date(item))]
    if len(dates) != len(sent):
        raise _UnclearError
    if not dates:
        return ""
    written = {"dates": ", ".join(dates[:3]), "count": len(dates) - 3}
    return (said("on %(dates)s and %(count)d more") if len(dates) > 3 else said("on %(dates)s")) % written
