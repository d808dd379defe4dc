"""Numbers and units in our own words, written so that they cannot be misread.

The rules are those of the ISMP list of error-prone abbreviations and the Joint Commission's "do not use" list: no
trailing zero, a leading zero, commas from 1,000, "units" for U, "mcg" for µg, "mL" for cc, "per" for a slash. Text that
the EHR typed is never changed by this. Sources: https://www.ismp.org/recommendations/error-prone-abbreviations-list,
https://ucum.org/ucum.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from patients.readers.datatypes import Fields, is_sent, number, one, text_at
from patients.readers.text import clean
from patients.readers.wording import said, worded

UNIT_MISSING = worded("(unit not given)")

# Symbols have no plural; words are (one, several). Compared in lower case: drug units are not UCUM-strict in practice.
# Prefixes that differ in case alone (milli, mega) are therefore left out and shown as sent. SNOMED CT codes among them.
_SYMBOLS: Mapping[str, str] = {
    **dict.fromkeys(("mcg", "ug", "µg", "μg", "microgram", "micrograms", "258685003"), "mcg"),
    **dict.fromkeys(("mg", "mgs", "milligram", "milligrams", "258684004"), "mg"),
    **dict.fromkeys(("g", "gm", "gms", "gram", "grams", "258682000"), "g"),
    **dict.fromkeys(("kg", "kilogram", "kilograms", "258683005"), "kg"),
    **dict.fromkeys(("ml", "mls", "cc", "ccs", "milliliter", "milliliters", "millilitre", "258773002"), "mL"),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres", "258770004"), "L"),
    **dict.fromkeys(("m2", "m^2", "sqm"), "m²"),
    "ng": "ng",
    "mmol": "mmol",
    "meq": "mEq",
    "cm": "cm",
    "mm": "mm",
}
_WORDS: Mapping[str, tuple[str, str]] = worded(
    {
        **dict.fromkeys(("u", "unit", "units", "[u]", "408102007"), ("unit", "units")),
        **dict.fromkeys(
            ("iu", "[iu]", "ius", "international unit", "international units"),
            ("international unit", "international units"),
        ),
        "10*6.[iu]": ("million international units", "million international units"),
        **dict.fromkeys(
            ("tab", "tabs", "tablet", "tablets", "tbl", "{tbl}", "{tablet}", "385055001", "428673006"),
            ("tablet", "tablets"),
        ),
        **dict.fromkeys(
            ("cap", "caps", "capsule", "capsules", "{capsule}", "385049006", "428641000"), ("capsule", "capsules")
        ),
        **dict.fromkeys(("puff", "puffs", "{puff}", "415215001"), ("puff", "puffs")),
        **dict.fromkeys(("drop", "drops", "[drp]", "gtt", "{drop}"), ("drop", "drops")),
        **dict.fromkeys(("spray", "sprays", "{spray}"), ("spray", "sprays")),
        **dict.fromkeys(("patch", "patches", "{patch}"), ("patch", "patches")),
        **dict.fromkeys(("dose", "doses", "{dose}"), ("dose", "doses")),
        **dict.fromkeys(("supp", "suppository", "suppositories"), ("suppository", "suppositories")),
        **dict.fromkeys(("tsp", "[tsp_us]", "teaspoon", "teaspoons"), ("teaspoon", "teaspoons")),
        **dict.fromkeys(("tbsp", "[tbs_us]", "tablespoon", "tablespoons"), ("tablespoon", "tablespoons")),
        **dict.fromkeys(("s", "sec", "second", "seconds"), ("second", "seconds")),
        **dict.fromkeys(("min", "mins", "minute", "minutes", "258701004"), ("minute", "minutes")),
        **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "258702006"), ("hour", "hours")),
        **dict.fromkeys(("d", "day", "days", "258703001"), ("day", "days")),
        **dict.fromkeys(("wk", "wks", "week", "weeks", "258705008"), ("week", "weeks")),
        **dict.fromkeys(("mo", "mos", "month", "months", "258706009"), ("month", "months")),
        **dict.fromkeys(("a", "y", "yr", "yrs", "year", "years", "258707000"), ("year", "years")),
    }
)
_COMPARED: Mapping[str, str] = worded(
    {
        "<": "less than %(amount)s",
        "<=": "at most %(amount)s",
        ">": "more than %(amount)s",
        ">=": "at least %(amount)s",
        "ad": "enough to reach %(amount)s",
    }
)


def plain_number(value: Decimal) -> str:
    """5 for 5.0, 0.5 for .50, 1,000 for 1000; numbers beyond any dose stay in scientific notation."""
    if value == 0:
        return "0"
    if value.adjusted() > 15 or value.adjusted() < -15:
        return str(value)
    text = format(value, ",f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def unit_words(unit: str, *, several: bool) -> str:
    """A unit in safe words, compound units with "per"; a unit that is not known to us stays as it was sent."""
    first, *rest = (part.strip() for part in unit.split("/"))
    words = _one_unit(first, several=several)
    for below in (_one_unit(part, several=False) for part in rest if part):
        words = said("%(amount)s per %(unit)s") % {"amount": words, "unit": below} if words else _per(below)
    return words


def _per(unit: str) -> str:
    return said("per %(unit)s") % {"unit": unit}


def _one_unit(unit: str, *, several: bool) -> str:
    key = unit.lower()
    if key in _SYMBOLS:
        return _SYMBOLS[key]
    if key in _WORDS:
        return said(_WORDS[key][several])
    if unit[:1] == "{" and unit[-1:] == "}":
        return unit[1:-1]  # a UCUM annotation is plain words
    return "" if unit == "1" else unit


def amount(quantity: Fields) -> str:
    """A Quantity as words, "" when its number or comparator cannot be read."""
    value = number(quantity.get("value"))
    if value is None:
        return ""
    words = f"{plain_number(value)} {_unit_of(quantity, several=_is_several(value))}".strip()
    if not is_sent(quantity, "comparator"):
        return words
    compared = _COMPARED.get(clean(quantity.get("comparator")))
    return said(compared) % {"amount": words} if compared else ""


def _is_several(value: Decimal) -> bool:
    return not Decimal(0) < abs(value) <= Decimal(1)


def _unit_of(quantity: Fields, *, several: bool) -> str:
    """The unit's name, else its code; both where they contradict each other."""
    unit, code = clean(quantity.get("unit")), clean(quantity.get("code"))
    named = unit_words(unit, several=several)
    coded = unit_words(code, several=several)
    if not unit and code.isdigit() and code != "1" and not _known(code):
        return said("(unit code %(code)s)") % {"code": code}
    if not unit:
        return coded or said(UNIT_MISSING)
    if _known(unit) and _known(code) and named != coded:
        return said("%(unit)s (coded as %(coded)s)") % {"unit": named, "coded": coded}
    return named or said(UNIT_MISSING)


def _known(unit: str) -> bool:
    parts = [part.strip().lower() for part in unit.split("/")]
    return all(part in _SYMBOLS or part in _WORDS for part in parts)


def amount_range(limits: Fields) -> str:
    """A Range as words ("1 to 2 tablets", "at least 5 mg"); "" when a limit that was sent cannot be read."""
    low, high = one(limits, "low"), one(limits, "high")
    low_words, high_words = amount(low), amount(high)
    if (is_sent(limits, "low") and not low_words) or (is_sent(limits, "high") and not high_words):
        return ""
    if low_words == high_words:
        return low_words
    if low_words and high_words:
        same_unit = _unit_of(low, several=True) == _unit_of(high, several=True)
        value = number(low.get("value")) if same_unit and not is_sent(low, "comparator") else None
        first = low_words if value is None else plain_number(value)
        return said("%(low)s to %(high)s") % {"low": first, "high": high_words}
    if low_words:
        return said("at least %(amount)s") % {"amount": low_words}
    return said("up to %(amount)s") % {"amount": high_words} if high_words else ""


def ratio(value: Fields) -> str:
    """A Ratio as words: "12 g per 24 hours", "1 tablet per day"; "" when either part cannot be read."""
    top, bottom = one(value, "numerator"), one(value, "denominator")
    above, below = amount(top), amount(bottom)
    if not above or not below:
        return ""
    if number(bottom.get("value")) == 1 and not is_sent(bottom, "comparator") and text_at(bottom, "unit", "code"):
        return said("%(amount)s per %(unit)s") % {"amount": above, "unit": _unit_of(bottom, several=False)}
    return said("%(amount)s per %(span)s") % {"amount": above, "span": below}
