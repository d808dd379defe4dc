"""Units of measurements: words that cannot be misread, and one key for each unit however it is written.

Unlike doses, results keep the slash and the symbols that laboratories use; only what the ISMP list of error-prone
abbreviations names is written out: U, IU, µg, cc. Sources: https://ucum.org/ucum, ISMP's list, and the codes of
https://hl7.org/fhir/R4/observation-vitalsigns.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from patients.readers.datatypes import Fields, text_at
from patients.readers.wording import said, worded

KILOGRAM, POUND, CENTIMETER, INCH, CELSIUS, FAHRENHEIT = "kg", "[lb_av]", "cm", "[in_i]", "Cel", "[degF]"
MMHG, PER_MINUTE, PERCENT = "mm[Hg]", "/min", "%"
NO_UNIT = worded("(unit not given)")

# Spellings in lower case; what differs in letter case alone (milli, mega) is left out and compared as sent.
_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("kg", "kgs", "kilogram", "kilograms", "258683005"), KILOGRAM),
    **dict.fromkeys(("[lb_av]", "lb", "lbs", "pound", "pounds", "[lb_us]", "lb_av"), POUND),
    **dict.fromkeys(("cm", "cms", "centimeter", "centimeters", "centimetre", "258672001"), CENTIMETER),
    **dict.fromkeys(("[in_i]", "in", "inch", "inches", "[in_us]", "in_i"), INCH),
    **dict.fromkeys(("cel", "c", "°c", "degc", "deg c", "celsius", "degrees celsius", "degree celsius"), CELSIUS),
    **dict.fromkeys(
        ("[degf]", "degf", "f", "°f", "deg f", "fahrenheit", "degrees fahrenheit", "degree fahrenheit"), FAHRENHEIT
    ),
    **dict.fromkeys(("mm[hg]", "mmhg", "mm hg", "millimeter of mercury", "259018001"), MMHG),
    **dict.fromkeys(
        (
            *("/min", "/minute", "1/min", "per minute", "{beats}/min", "beats/min", "beats/minute", "bpm", "bt/min"),
            *("{breaths}/min", "breaths/min", "breaths/minute", "br/min", "beats per minute", "breaths per minute"),
        ),
        PER_MINUTE,
    ),
    **dict.fromkeys(("%", "percent", "{percent}", "% sat"), PERCENT),
    **dict.fromkeys(("kg/m2", "kg/m^2", "kg/m²", "kg/(m2)"), "kg/m2"),
    **dict.fromkeys(("m2", "m^2", "m²"), "m2"),
}
_SHOWN: Mapping[str, str] = {
    KILOGRAM: "kg",
    POUND: "lb",
    CENTIMETER: "cm",
    INCH: "in",
    CELSIUS: "°C",
    FAHRENHEIT: "°F",
    MMHG: "mmHg",
    PERCENT: "%",
    "kg/m2": "kg/m²",
    "m2": "m²",
}
_SAID: Mapping[str, str] = worded({PER_MINUTE: "per minute"})
# Parts of compound units that the ISMP list forbids or that only machines read: words, and symbols of any language.
_WORDS: Mapping[str, str] = worded(
    {
        **dict.fromkeys(("u", "[u]", "[iu]", "iu"), "units"),
        **dict.fromkeys(("k[u]", "ku", "k[iu]", "kiu"), "thousand units"),
        **dict.fromkeys(("m[iu]", "miu", "m[u]"), "milliunits"),
        **dict.fromkeys(("u[iu]", "uiu", "µiu", "μiu", "u[u]"), "microunits"),
        "10*3": "thousand",
        "10*6": "million",
    }
)
_PARTS: Mapping[str, str] = {
    **dict.fromkeys(("ug", "µg", "μg"), "mcg"),
    **dict.fromkeys(("ul", "µl", "μl"), "mcL"),
    "umol": "µmol",
    **dict.fromkeys(("cc", "cm3"), "mL"),
    **dict.fromkeys(("ml",), "mL"),
    **dict.fromkeys(("dl",), "dL"),
    **dict.fromkeys(("l",), "L"),
    **dict.fromkeys(("[oz_av]", "oz_av"), "oz"),
    **dict.fromkeys(("[ft_i]", "ft_i"), "ft"),
    "m2": "m²",
    "{1.73_m2}": "1.73 m²",
    "10*9": "10⁹",
    "10*12": "10¹²",
}
# Some laboratories write everything in capitals: this may be milliunits or megaunits, and stays as it was sent.
_EITHER = re.compile(r"M\[?I?U\]?")
_ANNOTATION = re.compile(r"\{([^{}]*)\}")


def unit_key(quantity: Fields) -> str:
    """The same text for the same unit: by the UCUM code where one was sent, else by the unit as written; "" for none.

    A code that contradicts the unit makes a key of its own, so that such a value is compared with no other.
    """
    code, unit = text_at(quantity, "code"), text_at(quantity, "unit")
    coded, named = _KEYS.get(code.lower()), _KEYS.get(unit.lower())
    if coded and named and coded != named:
        return f"{named} or {coded}"
    return coded or named or _ANNOTATION.sub(r"\1", code or unit)


def shown_unit(quantity: Fields) -> str:
    """The unit in words: its name, else its code; both where they are known and contradict each other; "" for none."""
    code, unit = text_at(quantity, "code"), text_at(quantity, "unit")
    named, coded = _KEYS.get(unit.lower()), _KEYS.get(code.lower())
    if named and coded and named != coded:
        return said("%(unit)s (coded as %(coded)s)") % {"unit": _known(named), "coded": _known(coded)}
    if key := named or (coded if not unit else None):
        return _known(key)
    if not unit and code.isdigit() and code != "1":
        return said("(unit code %(code)s)") % {"code": code}
    return _in_parts(unit or code)


def _known(key: str) -> str:
    return said(_SAID[key]) if key in _SAID else _SHOWN[key]


def _in_parts(unit: str) -> str:
    if unit in {"1", "{}"}:
        return ""
    words = "/".join(_part(part.strip()) for part in unit.split("/"))
    return said("per %(unit)s") % {"unit": words[1:]} if words[:1] == "/" else words


def _part(part: str) -> str:
    if _EITHER.fullmatch(part):
        return part
    if part.lower() in _WORDS:
        return said(_WORDS[part.lower()])
    return _PARTS.get(part.lower()) or _ANNOTATION.sub(r" \1", part).strip()
