"""Codes and words by which an entry of the allergy list states an absence instead of naming a substance.

A negative for drugs alone is not "no known allergies", and "no information" is no negative at all. Sources: SNOMED CT
716186003 and its children, http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips,
https://hl7.org/fhir/R4/allergyintolerance.html#no-known, https://hl7.org/fhir/R4/valueset-list-empty-reason.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from patients.readers.datatypes import Fields, as_list, many, text_at
from patients.records import AllergyStatement

_CODES: Mapping[str, AllergyStatement] = {
    "716186003": AllergyStatement.ANY,
    "160244002": AllergyStatement.ANY,
    "409137002": AllergyStatement.DRUG,
    "429625007": AllergyStatement.FOOD,
    "428607008": AllergyStatement.ENVIRONMENT,
    "428197003": AllergyStatement.INSECT,
    "716184000": AllergyStatement.LATEX,
    "1003774007": AllergyStatement.LATEX,
    "716220001": AllergyStatement.ANIMAL,
    "no-known-allergies": AllergyStatement.ANY,
    "no-known-medication-allergies": AllergyStatement.DRUG,
    "no-known-food-allergies": AllergyStatement.FOOD,
    "no-known-environmental-allergies": AllergyStatement.ENVIRONMENT,
    "no-allergy-info": AllergyStatement.NO_INFORMATION,
    "1631000175102": AllergyStatement.NO_INFORMATION,
    "nka": AllergyStatement.ANY,
    "nkda": AllergyStatement.DRUG,
}
_KINDS: Mapping[str, AllergyStatement] = {
    "": AllergyStatement.ANY,
    "drug": AllergyStatement.DRUG,
    "medication": AllergyStatement.DRUG,
    "medicine": AllergyStatement.DRUG,
    "food": AllergyStatement.FOOD,
    "environmental": AllergyStatement.ENVIRONMENT,
    "insect": AllergyStatement.INSECT,
    "latex": AllergyStatement.LATEX,
    "animal": AllergyStatement.ANIMAL,
}


def _phrases() -> Mapping[str, AllergyStatement]:
    """Whole texts only: "no known allergies except nuts" is a substance in free text."""
    phrases = {}
    for kind, statement in _KINDS.items():
        for noun in ("allergy", "allergies"):
            phrases[" ".join(f"no known {kind} {noun}".split())] = statement
    return {**phrases, "nka": AllergyStatement.ANY, "nkda": AllergyStatement.DRUG}


_PHRASES = _phrases()
_NEGATION = re.compile(
    r"\b(no|not|nil|none|nothing|never|without|den(y|ies|ied)|nk\w*|negative|absent|unknown)\b", re.IGNORECASE
)


def stated(parent: Fields, *keys: str) -> AllergyStatement | None:
    """What the concepts under these keys state, by any coding's code, then by a whole text; None for a substance.

    Where they state different things the narrower one is taken, for the wider could be wrong. A text without any
    negation names a substance whatever the code says: taking "Penicillin" for "none" would be the worse mistake.
    """
    found: list[AllergyStatement] = []
    for value in (value for key in keys for value in as_list(parent.get(key))):
        fields: Fields = value if isinstance(value, Mapping) else {"text": value}
        typed, codings = text_at(fields, "text"), many(fields, "coding")
        if typed and not _NEGATION.search(typed):
            return None
        codes = (text_at(coding, "code").lower() for coding in codings)
        texts = (typed, *(text_at(coding, "display") for coding in codings))
        coded = [_CODES[code] for code in codes if code in _CODES]
        found += coded or [_PHRASES[text] for text in map(_plain, texts) if text in _PHRASES]
    return next((statement for statement in found if statement is not AllergyStatement.ANY), next(iter(found), None))


def _plain(text: str) -> str:
    """For comparing: lower case, without SNOMED's tag and a full stop at the end."""
    return text.lower().removesuffix("(situation)").strip().rstrip(".")
