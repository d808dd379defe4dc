"""FHIR dates with their precision kept, and the many ways in which a start or an end is said.

Sources: https://hl7.org/fhir/datatypes.html#dateTime, https://hl7.org/fhir/datatypes.html#Period.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone

from patients.readers.datatypes import Fields, as_list, is_sent, many, number, one, text_at, why_missing
from patients.readers.quantities import amount, plain_number
from patients.readers.text import clean
from patients.readers.wording import said, said_of, worded
from patients.records import Missing, PartialDate, When

# Looser than FHIR's own: a blank for the T, an offset without colon and missing seconds can mean one thing only.
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})(?P<time>[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(:(?P<second>[0-9]{2})(\.[0-9]+)?)?(?P<zone>Z|z|(?P<sign>[+-])(?P<zone_hours>[0-9]{2}):?(?P<zone_minutes>[0-9]{2}))?)?)?)?"
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def partial_date(value: object) -> PartialDate | None:
    """A date, dateTime or instant as sent; None for no text at all. Text that is no such date has `year` None.

    A time of exactly midnight is taken for a date that a server has widened ("2008-11-12T00:00:00.000Z"): it gets no
    `moment`, so that no time zone can move it to the day before.
    """
    found = exact_time(value)
    if found and found.moment and (found.moment.hour, found.moment.minute, found.moment.second) == (0, 0, 0):
        return PartialDate(sent=found.sent, year=found.year, month=found.month, day=found.day)
    return found


def calendar_date(value: object) -> PartialDate | None:
    """The same for an element that is a date by its meaning (a birth date): never a moment."""
    found = exact_time(value)
    return PartialDate(sent=found.sent, year=found.year, month=found.month, day=found.day) if found else None


def exact_time(value: object) -> PartialDate | None:
    """The same, midnight included (a time of birth)."""
    sent = clean(value)
    if not sent:
        return None
    parts = _DATE.fullmatch(sent)
    if not parts:
        return PartialDate(sent=sent)
    year, month, day = (int(parts[name]) if parts[name] else None for name in ("year", "month", "day"))
    try:
        date(year or 0, month or 1, day or 1)
        moment = _moment(parts)
    except ValueError:
        return PartialDate(sent=sent)
    return PartialDate(sent=sent, year=year, month=month, day=day, moment=moment)


def _moment(parts: re.Match[str]) -> datetime | None:
    """The zone-aware time, None when no zone was sent; raises ValueError for an hour 25 or an offset over 14 hours."""
    if not parts["time"]:
        return None
    # FHIR allows leap seconds (60), which datetime does not know.
    second = 59 if parts["second"] == "60" else int(parts["second"] or 0)
    clock = time(int(parts["hour"]), int(parts["minute"]), second)
    found = datetime.combine(date(int(parts["year"]), int(parts["month"]), int(parts["day"])), clock, tzinfo=UTC)
    if not parts["zone"]:
        return None
    offset = timedelta(hours=int(parts["zone_hours"] or 0), minutes=int(parts["zone_minutes"] or 0))
    if offset > timedelta(hours=14):
        raise ValueError("offset")
    if not 1 < found.year < 9999:
        return None  # converting it to another zone would overflow
    return found.replace(tzinfo=timezone(-offset if parts["sign"] == "-" else offset))


def date_at(parent: Fields, *keys: str) -> PartialDate | Missing:
    """The first date under these keys, else why there is none."""
    found = (partial_date(parent.get(key)) for key in keys)
    return next((moment for moment in found if moment), None) or why_missing(parent, *keys)


def date_words(moment: PartialDate) -> str:
    """ "14-Jul-1945", "Jul-1945", "1945", or the text as sent: for dates inside a sentence of ours."""
    if moment.year is None:
        return moment.sent
    day = f"{moment.day:02d}-" if moment.day else ""
    month = f"{MONTHS[moment.month - 1]}-" if moment.month else ""
    return f"{day}{month}{moment.year:04d}"


def _known_parts(moment: PartialDate) -> tuple[int, ...]:
    parts = (moment.year, moment.month, moment.day)
    return tuple(part for part in parts[: parts.index(None) if None in parts else 3] if part is not None)


def is_before(first: PartialDate, second: PartialDate) -> bool:
    """Whether the first lies certainly before the second, judged at the precision that both have."""
    one_parts, other_parts = _known_parts(first), _known_parts(second)
    shared = min(len(one_parts), len(other_parts))
    return one_parts[:shared] < other_parts[:shared]


def in_future(moment: PartialDate, now: datetime | None = None) -> bool:
    """Whether it lies certainly after today, anywhere on Earth."""
    latest = (now or datetime.now(UTC)) + timedelta(hours=14)
    return is_before(PartialDate(sent="", year=latest.year, month=latest.month, day=latest.day), moment)


def in_past(moment: PartialDate, now: datetime | None = None) -> bool:
    """Whether it lies certainly before today, anywhere on Earth."""
    earliest = (now or datetime.now(UTC)) - timedelta(hours=12)
    return is_before(moment, PartialDate(sent="", year=earliest.year, month=earliest.month, day=earliest.day))


def period_dates(period: Fields) -> tuple[PartialDate | None, PartialDate | None]:
    return partial_date(period.get("start")), partial_date(period.get("end"))


def is_current(holder: Fields) -> bool:
    """Whether the `period` of a name, address or identifier covers today as far as one can tell."""
    start, end = period_dates(one(holder, "period"))
    return not (end and in_past(end)) and not (start and in_future(start))


def time_at(parent: Fields, stem: str) -> When | Missing:
    """onset[x] or abatement[x] in any version's form, else why there is none; its Boolean is not looked at."""
    for suffix, read in _FORMS.items():
        for value in as_list(parent.get(stem + suffix)):
            if found := read(value):
                return found
    return why_missing(parent, *(stem + suffix for suffix in _FORMS))


def is_time_sent(parent: Fields, stem: str) -> bool:
    """Whether any form of onset[x] or abatement[x] was sent, readable or not; its Boolean is not looked at."""
    return any(is_sent(parent, stem + suffix) for suffix in _FORMS)


def _when_date(value: object) -> When | None:
    moment = partial_date(value)
    return When(start=moment) if moment else None


def when_period(value: object) -> When | None:
    start, end = period_dates(value) if isinstance(value, Mapping) else (None, None)
    return When(start=start, end=end, is_period=True) if start or end else None


def _when_text(value: object) -> When | None:
    text = clean(value)
    return When(text=text) if text else None


_AGE_WORDS: Mapping[str, str] = worded(
    {
        "<": "before %(age)s",
        "<=": "at %(age)s or before",
        ">": "after %(age)s",
        ">=": "at %(age)s or after",
        "ad": "at %(age)s or after",
        "": "at %(age)s",
    }
)


def _when_age(value: object) -> When | None:
    """An age as words: "at 34y", "before 6 months", "at 52 (unit not given)"."""
    if not isinstance(value, Mapping) or not (age := _age(value)):
        return None
    comparator = clean(value.get("comparator"))
    form = None if is_sent(value, "comparator") and not comparator else _AGE_WORDS.get(comparator)
    return When(text=said(form) % {"age": age}) if form else None


def _when_range(value: object) -> When | None:
    if not isinstance(value, Mapping):
        return None
    low, high = (next(iter(many(value, key)), None) for key in ("low", "high"))
    low_words, high_words = _age(low or {}), _age(high or {})
    if (is_sent(value, "low") and not low_words) or (is_sent(value, "high") and not high_words):
        return None
    if low_words and high_words:
        return When(text=said("between %(low)s and %(high)s") % {"low": low_words, "high": high_words})
    if low_words:
        return When(text=said("at %(age)s or later") % {"age": low_words})
    return When(text=said("at %(age)s or earlier") % {"age": high_words}) if high_words else None


def _age(quantity: Fields) -> str:
    """ "34y" for years (as in the banner), "6 months" and so on for the rest; "" without a number."""
    value = number(quantity.get("value"))
    if value is None:
        return ""
    unit = text_at(quantity, "unit", "code").lower()
    if unit in {"a", "y", "yr", "yrs", "year", "years", "ann", "258707000"}:
        return said_of("%(count)sy", "%(count)sy", 1 if value == 1 else 2) % {"count": plain_number(value)}
    return amount({"value": value, "unit": quantity.get("unit"), "code": quantity.get("code")})


_FORMS: Mapping[str, Callable[[object], When | None]] = {
    "DateTime": _when_date,
    "Date": _when_date,
    "Period": when_period,
    "Age": _when_age,
    "Quantity": _when_age,
    "Range": _when_range,
    "String": _when_text,
}
