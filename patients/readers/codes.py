"""CodeableConcepts, Codings and status codes as words.

Statuses were plain codes in DSTU2 and STU3 and are CodeableConcepts since R4; the code decides, its system is a hint.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from patients.readers.datatypes import (
    Fields,
    absent_reason,
    as_list,
    flag_at,
    is_sent,
    many,
    normal_code,
    one,
    reason_of,
    text_at,
    unique,
    why_missing,
)
from patients.readers.text import clean
from patients.readers.wording import said
from patients.records import Coded, Missing

SNOMED, ICD10, ICD10CM, ICD9CM, RXNORM, NDC = "SNOMED CT", "ICD-10", "ICD-10-CM", "ICD-9-CM", "RxNorm", "NDC"
DIAGNOSES = (SNOMED, ICD10CM, ICD10)
DRUGS = (RXNORM, NDC, SNOMED)

# Keys without scheme and "www.", which differ from server to server.
_SYSTEMS: Mapping[str, str] = {
    "snomed.info/sct": SNOMED,
    "hl7.org/fhir/sid/icd-10-cm": ICD10CM,
    "hl7.org/fhir/sid/icd-10-us": ICD10CM,
    "hl7.org/fhir/sid/icd-10": ICD10,
    "hl7.org/fhir/sid/icd-9-cm": ICD9CM,
    "hl7.org/fhir/sid/icd-9": "ICD-9",
    "nlm.nih.gov/research/umls/rxnorm": RXNORM,
    "hl7.org/fhir/sid/ndc": NDC,
    "hl7.org/fhir/sid/cvx": "CVX",
    "loinc.org": "LOINC",
    "unitsofmeasure.org": "UCUM",
    "fdasis.nlm.nih.gov": "UNII",
    "e-imo.com/products/problem-it": "IMO",
    "hl7.org/fhir/ndfrt": "NDF-RT",
    "whocc.no/atc": "ATC",
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.3": ICD10,
    "urn:oid:2.16.840.1.113883.6.103": ICD9CM,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.4.9": "UNII",
    "urn:oid:2.16.840.1.113883.3.247.1.1": "IMO",
}


def system_label(uri: str) -> str:
    """ "SNOMED CT" for http://snomed.info/sct and its twins; an unknown URI stays as it is."""
    key = uri.replace(" ", "").lower().removesuffix("/").removeprefix("http://").removeprefix("https://")
    return _SYSTEMS.get(key.removeprefix("www."), uri)


def concept(value: object, preferred: tuple[str, ...] = DIAGNOSES) -> Coded | None:
    """A CodeableConcept (a Coding or a plain string will do) as it is to be shown; None when it says nothing.

    The name is the text, else the display of the best coding, else "Code X (no description)". The best coding is the
    one the user selected, then by `preferred` systems, then as sent; one with a display goes before one without.
    """
    if isinstance(value, str):
        text = clean(value)
        return Coded(text=text) if text else None
    fields = one({"": value}, "")
    codings = [item for item in (*many(fields, "coding"), fields) if _says_something(item)]
    codings.sort(key=lambda item: _rank(item, preferred))
    text, best = clean(fields.get("text")), next(iter(codings), {})
    display, code = text_at(best, "display"), text_at(best, "code")
    if text and display and text.lower() in {text_at(item, "code").lower() for item in codings}:
        text = ""  # some systems repeat the bare code as text
    shown = text or display or (undescribed(code) if code else "")
    if not shown:
        return None
    coded_as = display if text and display and not _agree(text, display) else ""
    return Coded(text=shown, code=code, system=system_label(text_at(best, "system")) if code else "", coded_as=coded_as)


def undescribed(code: str) -> str:
    """The name of a code that came without any words."""
    return said("Code %(code)s (no description)") % {"code": code}


def is_bare(found: Coded) -> bool:
    """Whether nothing but a code was sent: a code that is known to us may then be named by our own word."""
    return found.text in {found.code, undescribed(found.code)}


def _says_something(coding: Fields) -> bool:
    return bool(text_at(coding, "display", "code")) and not _is_null_coding(coding)


def _is_null_coding(coding: Fields) -> bool:
    """A coding that only says why there is no code."""
    return text_at(coding, "system").rpartition("/")[2].lower() in {"data-absent-reason", "v3-nullflavor", "nullflavor"}


def _rank(coding: Fields, preferred: tuple[str, ...]) -> tuple[bool, bool, int]:
    system = system_label(text_at(coding, "system"))
    place = preferred.index(system) if system in preferred else len(preferred)
    return (not text_at(coding, "display"), not flag_at(coding, "userSelected"), place)


def _agree(text: str, display: str) -> bool:
    """Whether both say the same but for case, punctuation and SNOMED's tag at the end ("(disorder)")."""
    return _letters(text) in {_letters(display), _letters(display.rpartition(" (")[0] or display)}


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


_TAG = re.compile(r" \((qualifier value|[a-z ]*dose form|product|substance)\)$")


def untagged(name: str) -> str:
    """SNOMED's name without the tag at its end, for parts of our own sentences: "Oral route (qualifier value)"."""
    return _TAG.sub("", name)


def concept_at(parent: Fields, *keys: str, preferred: tuple[str, ...] = DIAGNOSES) -> Coded | None:
    """The first concept with a name under these keys; also R5's CodeableReference ({"concept": ...})."""
    for key in keys:
        for item in as_list(parent.get(key)):
            inner = item.get("concept", item) if isinstance(item, Mapping) else item
            if found := concept(inner, preferred):
                return found
    return None


def words_at(parent: Fields, *keys: str) -> tuple[str, ...]:
    """The names of all concepts under these keys, without repetitions."""
    items = [item for key in keys for item in as_list(parent.get(key))]
    found = (concept_at({"": item}, "") for item in items)
    return unique(item.text for item in found if item)


def why_no_concept(parent: Fields, *keys: str) -> Missing:
    """Why a concept has no name: an extension or a null coding may say, else unreadable or not recorded."""
    for holder in many(parent, *keys):
        for coding in many(holder, "coding"):
            if _is_null_coding(coding) and text_at(coding, "code"):
                return reason_of(text_at(coding, "code"))
            if reason := absent_reason(coding):
                return reason
    return why_missing(parent, *keys)


_TAKEN_BACK = ("entered-in-error", "refuted")


@dataclass(frozen=True, slots=True)
class Status:
    """A status as sent: `code` is one of the known codes or "", `words` what stood there, "" when nothing was sent."""

    code: str = ""
    words: str = ""
    unreadable: bool = False


def status_at(parent: Fields, key: str, known: Collection[str]) -> Status:
    """A status as a code or a CodeableConcept; a known code in any coding, display or text is taken.

    Where several disagree, the one that takes the record back is taken: showing it would be the worse mistake.
    """
    value = next(iter(as_list(parent.get(key))), None)
    fields = value if isinstance(value, Mapping) else {"text": value}
    codings = [coding for coding in (*many(fields, "coding"), fields) if not _is_null_coding(coding)]
    codes = [text_at(coding, "code") for coding in codings]
    displays = [text_at(coding, "display") for coding in codings]
    sent = [text for text in (*codes, *displays, clean(fields.get("text"))) if text]
    found = [normal_code(text) for text in sent if normal_code(text) in known]
    code = next((each for each in (*_TAKEN_BACK, *found) if each in found), "")
    words = next((text for text in (clean(fields.get("text")), *displays, *codes) if text), "")
    unreadable = is_sent(parent, key) and not sent and why_no_concept(parent, key) is Missing.UNREADABLE
    return Status(code=code, words=words, unreadable=unreadable)
