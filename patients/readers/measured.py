"""The value[x] of an observation or of one of its parts, in every type of every version, as words.

Digits are kept as sent, trailing zeros and "<" included: in results they carry the precision (the Joint Commission
excepts laboratory values from its rule). Sources: https://hl7.org/fhir/DSTU2/observation.html,
https://hl7.org/fhir/R4/observation.html, https://hl7.org/fhir/R5/observation.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from patients.readers.codes import concept_at
from patients.readers.datatypes import (
    Fields,
    flag_at,
    is_sent,
    many,
    number,
    one,
    reason_of,
    text_at,
    why_missing,
)
from patients.readers.dates import date_words, exact_time, period_dates
from patients.readers.text import clean, clean_lines
from patients.readers.units import NO_UNIT, shown_unit, unit_key
from patients.readers.wording import said, said_of
from patients.records import Missing, Reading

_COMPARATORS = frozenset({"", "<", "<=", ">", ">="})
_UNSPACED = frozenset({"%"})


def digits(value: Decimal) -> str:
    """The digits as sent; numbers beyond reason stay in scientific notation."""
    return format(value, "f") if -15 <= value.adjusted() <= 15 or value == 0 else str(value)


def with_unit(text: str, unit: str) -> str:
    return f"{text}{unit}" if unit in _UNSPACED else f"{text} {unit}".rstrip()


def reading(parent: Fields) -> Reading | None:
    """The value, why there is none, or None when neither a value nor a reason was sent."""
    for suffix, read in _TYPES.items():
        if found := read(parent, f"value{suffix}"):
            return found
    if is_sent(parent, "dataAbsentReason"):
        return _absent(parent)
    reason = why_missing(parent, *(f"value{suffix}" for suffix in _TYPES))
    return None if reason is Missing.NOT_RECORDED else Reading(missing=reason)


def _absent(parent: Fields) -> Reading:
    """Why the value is missing, with the EHR's own words where it wrote some."""
    concept = one(parent, "dataAbsentReason")
    codes = [text_at(coding, "code") for coding in many(concept, "coding")]
    text = text_at(concept, "text") or clean(parent.get("dataAbsentReason"))
    missing = reason_of(next((code for code in codes if code), "") or text)
    return Reading(missing=missing, reason=text if missing is Missing.UNKNOWN and text.lower() != "unknown" else "")


def _quantity(parent: Fields, key: str) -> Reading | None:
    return measured(one(parent, key))


def measured(quantity: Fields) -> Reading | None:
    """A Quantity; None when its number or its comparator cannot be read."""
    value = number(quantity.get("value"))
    comparator = text_at(quantity, "comparator")
    if value is None or comparator not in _COMPARATORS or (is_sent(quantity, "comparator") and not comparator):
        return None
    unit = shown_unit(quantity)
    bare = not unit and not text_at(quantity, "unit", "code")
    return Reading(
        words=with_unit(f"{comparator}{digits(value)}", said(NO_UNIT) if bare else unit),
        number=value,
        digits=digits(value),
        comparator=comparator,
        unit=unit,
        unit_key=unit_key(quantity),
    )


def _concept(parent: Fields, key: str) -> Reading | None:
    found = concept_at(parent, key)
    return Reading(words=found.text) if found else None


def _string(parent: Fields, key: str) -> Reading | None:
    """Line breaks are kept: whole reports come as one string."""
    lines = clean_lines(parent.get(key))
    return Reading(words="\n".join(lines)) if lines else None


def _boolean(parent: Fields, key: str) -> Reading | None:
    value = flag_at(parent, key)
    return None if value is None else Reading(words=said("Yes") if value else said("No"))


def _integer(parent: Fields, key: str) -> Reading | None:
    value = number(parent.get(key))
    return None if value is None else Reading(words=digits(value), number=value, digits=digits(value))


def _range(parent: Fields, key: str) -> Reading | None:
    words = range_words(one(parent, key))
    return Reading(words=words) if words else None


def range_words(limits: Fields) -> str:
    """ "3.5 to 5.0 mmol/L", "at least 3.5 mmol/L", "up to 5.0 mmol/L"; "" when a limit that was sent is unreadable."""
    low, high = measured(one(limits, "low")), measured(one(limits, "high"))
    if (is_sent(limits, "low") and not low) or (is_sent(limits, "high") and not high):
        return ""
    if low and high:
        first = low.comparator + low.digits if low.unit_key in {high.unit_key, ""} else low.words
        return said("%(low)s to %(high)s") % {"low": first, "high": _bare_unit(high)}
    if low:
        return said("at least %(amount)s") % {"amount": _bare_unit(low)}
    return said("up to %(amount)s") % {"amount": _bare_unit(high)} if high else ""


def _bare_unit(found: Reading) -> str:
    """Without "(unit not given)": a limit has the unit of the result beside it."""
    return with_unit(f"{found.comparator}{found.digits}", found.unit)


def _ratio(parent: Fields, key: str) -> Reading | None:
    """ "1:128" for a titer, "5.0 mg per 1 g" otherwise."""
    above, below = (measured(one(one(parent, key), name)) for name in ("numerator", "denominator"))
    if not above or not below:
        return None
    if not above.unit and not below.unit:
        return Reading(words=f"{above.comparator}{above.digits}:{below.comparator}{below.digits}")
    return Reading(words=said("%(amount)s per %(unit)s") % {"amount": _bare_unit(above), "unit": _bare_unit(below)})


def _sampled(parent: Fields, key: str) -> Reading | None:
    """A curve is not drawn: how many values it has is all that fits into a line."""
    sample = one(parent, key)
    count = len(clean(sample.get("data")).split())
    if not count:
        return None
    unit = shown_unit(one(sample, "origin"))
    words = said_of(
        "Recorded curve of %(count)d value (open it in the EHR)",
        "Recorded curve of %(count)d values (open it in the EHR)",
        count,
    )
    if unit:
        words = said_of(
            "Recorded curve of %(count)d value in %(unit)s (open it in the EHR)",
            "Recorded curve of %(count)d values in %(unit)s (open it in the EHR)",
            count,
        )
    return Reading(words=words % {"count": count, "unit": unit})


def _time(parent: Fields, key: str) -> Reading | None:
    text = text_at(parent, key)
    return Reading(words=text) if text else None


def _date(parent: Fields, key: str) -> Reading | None:
    found = exact_time(parent.get(key))
    if not found:
        return None
    clock = found.sent[11:16] if found.exact and found.sent[10:11] in {"T", " "} else ""
    return Reading(words=f"{date_words(found)} {clock}".rstrip())


def _period(parent: Fields, key: str) -> Reading | None:
    start, end = period_dates(one(parent, key))
    if not start and not end:
        return None
    first, last = (date_words(moment) if moment else "" for moment in (start, end))
    if first:
        return Reading(words=said("%(start)s to %(end)s") % {"start": first, "end": last or "…"})
    return Reading(words=said("until %(end)s") % {"end": last})


def _attachment(parent: Fields, key: str) -> Reading | None:
    file = one(parent, key)
    title = text_at(file, "title", "contentType", "url") or (said("file") if is_sent(file, "data") else "")
    return Reading(words=said("Attached file: %(title)s (open it in the EHR)") % {"title": title}) if title else None


def _reference(parent: Fields, key: str) -> Reading | None:
    reference = one(parent, key)
    name = text_at(reference, "display", "reference")
    return Reading(words=said("See %(name)s") % {"name": name}) if name else None


_TYPES: Mapping[str, Callable[[Fields, str], Reading | None]] = {
    "Quantity": _quantity,
    "CodeableConcept": _concept,
    "String": _string,
    "Boolean": _boolean,
    "Integer": _integer,
    "Range": _range,
    "Ratio": _ratio,
    "SampledData": _sampled,
    "Time": _time,
    "DateTime": _date,
    "Period": _period,
    "Attachment": _attachment,
    "Reference": _reference,
}
