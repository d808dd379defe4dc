"""The words of the chart: one table for what is missing or could not be had, and dates, ages and names in one manner.

Dates, ages and names follow the NHS Common User Interface guides (D+Ta, PAB, NID); dates ignore the locale on purpose:
"03-Nov-2026" cannot be misread by anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from patients.readers import wording
from patients.records import Coded, Missing, PartialDate, PersonName, Tag, When

Words = str | Promise
"""A text that may still wait for its translation; `str()` gives it."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MISSING: dict[Missing, Words] = {reason: _(said) for reason, said in wording.MISSING.items()}

EMPTY: Words = _("Not recorded. The EHR returned no %(things)s. This is not a statement that there are none.")
NOTHING_SHOWN: Words = _("No %(things)s can be shown. This is not a statement that there are none.")
FORBIDDEN: Words = _("Not available. This app was not given permission to read %(things)s.")
UNSUPPORTED: Words = _("Not available from this EHR.")
UNSUPPORTED_PART: Words = _("%(Things)s are not available from this EHR.")
FAILED: Words = _("%(Things)s could not be loaded. This does not mean there are none – check the EHR.")
LATE: Words = _("The EHR is taking longer than usual to answer.")
BUSY: Words = _("The EHR asked us to wait before asking again.")
WITHHELD_BY_EHR: Words = _("Some records were withheld or could not be read.")
INCOMPLETE: Words = _("List may be incomplete.")
FIRST_OF: Words = _("The EHR returned the first %(shown)s of about %(total)s %(things)s.")
FIRST: Words = _("The EHR returned the first %(shown)s %(things)s and says there are more.")
NO_NAME: Words = _("Name not recorded")
NO_READABLE_DATE: Words = _("%(sent)s (not a readable date)")
APPROXIMATELY: Words = _("Approx %(age)s")
PERIOD: Words = _("%(start)s to %(end)s")
UNTIL: Words = _("until %(end)s")
FREE_TEXT: Words = _("free text")
CODED_AS: Words = _("Coded as: %(coded_as)s")
DATE_IS: Words = _("date %(words)s")
_MINUTES, _HOURS, _DAYS = _("%(count)d min"), _("%(count)d hrs"), _("%(count)dd")
_WEEKS, _MONTHS, _YEARS = _("%(count)dw"), _("%(count)dm"), _("%(count)dy")


def sentence(words: Words, /, **values: object) -> str:
    """Fill one of the sentences above; `things` is also offered with a capital letter, as `Things`."""
    things = str(values.get("things", ""))
    return str(words) % {**values, "Things": things[:1].upper() + things[1:]}


def withheld(count: int) -> str:
    """Say how many entries were dropped because they are not clearly about this patient."""
    return ngettext(
        "%(count)d record that is not clearly about this patient was returned by the EHR and is not shown.",
        "%(count)d records that are not clearly about this patient were returned by the EHR and are not shown.",
        count,
    ) % {"count": count}


def unreadable(count: int) -> str:
    return ngettext(
        "%(count)d record could not be read and is not shown – check the EHR.",
        "%(count)d records could not be read and are not shown – check the EHR.",
        count,
    ) % {"count": count}


def entered_in_error(count: int) -> str:
    return ngettext(
        "%(count)d record marked entered-in-error by the EHR is not shown.",
        "%(count)d records marked entered-in-error by the EHR are not shown.",
        count,
    ) % {"count": count}


def words(value: object) -> str:
    """Say any value of a record in words: a Missing one, a date or time, a tag, a name, a code, or a plain text."""
    match value:
        case Missing():
            return str(MISSING[value])
        case str():
            return value
        case PartialDate():
            return date_words(value)
        case When():
            return when_words(value)
        case Tag():
            return value.word
        case PersonName():
            return " ".join(name_parts(value))
        case Coded():
            return value.text
        case datetime():
            return moment_words(value)
        case None:
            return str(MISSING[Missing.NOT_RECORDED])
    return str(value)


def date_words(value: PartialDate) -> str:
    """Write a date as 14-Jul-1945, Jul-1945 or 1945; what is no date is shown as it was sent, and marked.

    A moment is put into the current time zone, so that 02:00 UTC falls on the evening before in Chicago; where that
    zone is UTC, the site's own is not known, and the day stays as sent.
    """
    if value.year is None:
        return sentence(NO_READABLE_DATE, sent=value.sent)
    if value.moment and timezone.get_current_timezone_name() != "UTC":
        day = timezone.localtime(value.moment)
        return f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year:04d}"
    if value.month is None:
        return f"{value.year:04d}"
    month = f"{MONTHS[value.month - 1]}-{value.year:04d}"
    return month if value.day is None else f"{value.day:02d}-{month}"


def moment_words(value: datetime) -> str:
    """Write a time of ours as 23-Nov-2026 14:05, in the zone that it carries."""
    return f"{value.day:02d}-{MONTHS[value.month - 1]}-{value.year:04d} {value:%H:%M}"


def when_words(value: When) -> str:
    """Write an onset or a period: "12-Mar-2011", "12-Mar-2011 to …", "until 2014", "at 34y", "Recorded 08-Jan-2026"."""
    start = date_words(value.start) if value.start else ""
    end = date_words(value.end) if value.end else ""
    if value.is_period and start:
        said = sentence(PERIOD, start=start, end=end or "…")
    elif end and start:
        said = sentence(PERIOD, start=start, end=end)
    elif end:
        said = sentence(UNTIL, end=end) if value.is_period else end
    else:
        said = start or value.text or str(MISSING[Missing.NOT_RECORDED])
    return f"{value.label} {said}" if value.label else said


def name_parts(name: PersonName) -> tuple[str, ...]:
    """Split a name into the parts that may not be broken: ("SMITH,", "John", "(Mr)").

    The family name is in capitals and comes first; given names keep their letters ("McKenna" stays). A name of which
    only `text` is known is shown as it is.
    """
    given = tuple(part for part in (name.given.strip(), name.suffix.strip()) if part)
    family = name.family.strip().upper()
    if not family and not given:
        return (name.text.strip() or str(NO_NAME),)
    title = name.prefix.strip().rstrip(".")
    first = (f"{family},",) if family and given else (family,) if family else ()
    return (*first, *given, *((f"({title})",) if title else ()))


def age_words(born: PartialDate, on: PartialDate, birth_moment: PartialDate | None = None) -> str:
    """Say an age by the CUI table; "" when it cannot be told (an unreadable or future date).

    Under 2 hours in minutes, under 2 days in hours (both only where the moment of birth is known), then days, weeks
    and days, months and days, years and months, and years alone from 18. Partial dates give "Approx 81y".
    """
    if birth_moment and birth_moment.moment and on.moment:
        hours = (on.moment - birth_moment.moment).total_seconds() / 3600
        if 0 <= hours < 48:
            return _aged(_MINUTES, int(hours * 60)) if hours < 2 else _aged(_HOURS, int(hours))
    if born.exact and on.exact:
        return _exact_age(born, on)
    return _approximate_age(born, on)


def _exact_age(born: PartialDate, on: PartialDate) -> str:
    first, last = born.exact, on.exact
    if first is None or last is None or last < first:
        return ""
    days = (last - first).days
    months = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
    if days < 28:
        return _aged(_DAYS, days)
    if months < 12:
        return _two((days // 7, _WEEKS), (days % 7, _DAYS))
    if months < 24:
        return _two((months, _MONTHS), (_days_into_month(first.day, on), _DAYS))
    if months < 18 * 12:
        return _two((months // 12, _YEARS), (months % 12, _MONTHS))
    return _aged(_YEARS, months // 12)


def _days_into_month(day_of_birth: int, on: PartialDate) -> int:
    """Days since the last monthly birthday; a month that has no such day starts it with the next month."""
    last = on.exact
    if last is None or last.day >= day_of_birth:
        return last.day - day_of_birth if last else 0
    month, year = (last.month - 1, last.year) if last.month > 1 else (12, last.year - 1)
    length = (last.replace(day=1) - last.replace(year=year, month=month, day=1)).days
    return max(length - day_of_birth, 0) + last.day


def _two(large: tuple[int, Words], small: tuple[int, Words]) -> str:
    said = _aged(large[1], large[0])
    return f"{said} {_aged(small[1], small[0])}" if small[0] else said


def _aged(unit: Words, count: int) -> str:
    return str(unit) % {"count": count}


def _approximate_age(born: PartialDate, on: PartialDate) -> str:
    if born.year is None or on.year is None:
        return ""
    months = (on.year - born.year) * 12
    if born.month and on.month:
        months += on.month - born.month
    if months < 0:
        return ""
    in_months = born.month and on.month and months < 24
    age = _aged(_MONTHS, months) if in_months else _aged(_YEARS, months // 12)
    return sentence(APPROXIMATELY, age=age)


def joined(parts: Sequence[str]) -> str:
    """Put short facts on one line, those that are there."""
    return " · ".join(part for part in parts if part)
