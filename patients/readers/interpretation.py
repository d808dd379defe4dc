"""How the EHR itself judges a result ("High"), as words; nothing is ever judged here.

Sources: https://terminology.hl7.org/CodeSystem-v3-ObservationInterpretation.html and its older twin, HL7 v2 table 0078.
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.codes import concept_at
from patients.readers.datatypes import Fields, as_list, many, text_at
from patients.readers.wording import said_tag
from patients.records import Tag, Tone

_FLAGS: Mapping[str, Tag] = {
    "H": Tag("High", Tone.WARN),
    "L": Tag("Low", Tone.WARN),
    "HU": Tag("Very high", Tone.WARN),
    "LU": Tag("Very low", Tone.WARN),
    "HH": Tag("Critical high", Tone.BAD),
    "LL": Tag("Critical low", Tone.BAD),
    ">": Tag("Above the scale", Tone.WARN),
    "<": Tag("Below the scale", Tone.WARN),
    "HX": Tag("Above the high threshold", Tone.WARN),
    "LX": Tag("Below the low threshold", Tone.WARN),
    "A": Tag("Abnormal", Tone.WARN),
    "AA": Tag("Critical abnormal", Tone.BAD),
    "N": Tag("Normal", Tone.OK),
    "U": Tag("Significant change up", Tone.WARN),
    "D": Tag("Significant change down", Tone.WARN),
    "B": Tag("Better", Tone.INFO),
    "W": Tag("Worse", Tone.WARN),
    "POS": Tag("Positive", Tone.INFO),
    "NEG": Tag("Negative", Tone.INFO),
    "DET": Tag("Detected", Tone.INFO),
    "ND": Tag("Not detected", Tone.INFO),
    "IND": Tag("Indeterminate", Tone.INFO),
    "E": Tag("Equivocal", Tone.INFO),
    "RR": Tag("Reactive", Tone.INFO),
    "NR": Tag("Non-reactive", Tone.INFO),
    "WR": Tag("Weakly reactive", Tone.INFO),
    "EXP": Tag("Expected", Tone.INFO),
    "UNE": Tag("Unexpected", Tone.WARN),
    "S": Tag("Susceptible", Tone.INFO),
    "SDD": Tag("Susceptible, dose dependent", Tone.INFO),
    "I": Tag("Intermediate", Tone.INFO),
    "R": Tag("Resistant", Tone.INFO),
    "NS": Tag("Non-susceptible", Tone.INFO),
    "TOX": Tag("Toxic", Tone.BAD),
}
_SYSTEMS = (
    "v3-ObservationInterpretation",
    "ObservationInterpretation",
    "v2-0078",
    "0078",
    "observation-interpretation",
)


def flags_at(fields: Fields) -> tuple[Tag, ...]:
    """One tag for each interpretation (a single concept in DSTU2), in the order sent."""
    found = (_flag(value) for value in as_list(fields.get("interpretation")))
    return tuple(dict.fromkeys(flag for flag in found if flag))


def _flag(value: object) -> Tag | None:
    """By the code of HL7's vocabulary; a local one goes by its words, for "A" may mean anything there."""
    for coding in many({"": value}, ""):
        for inner in many(coding, "coding"):
            system = text_at(inner, "system").rstrip("/").rpartition("/")[2]
            if (not system or system in _SYSTEMS) and (tag := _FLAGS.get(text_at(inner, "code").upper())):
                return said_tag(tag)
    found = concept_at({"": value}, "")
    if not found:
        return None
    words = found.text
    known = _FLAGS.get(words.upper()) or next(
        (tag for tag in _FLAGS.values() if tag.word.lower() == words.lower()), None
    )
    return said_tag(known) if known else Tag(words, Tone.INFO)
