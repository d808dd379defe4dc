"""An AllergyIntolerance of any FHIR version as a row of the allergy list.

Sources: https://hl7.org/fhir/DSTU2/allergyintolerance.html, https://hl7.org/fhir/STU3/allergyintolerance.html,
https://hl7.org/fhir/R4/allergyintolerance.html, https://hl7.org/fhir/R5/allergyintolerance.html. What is stated not to
be known: `allergy_statement`.
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.allergy_statement import stated
from patients.readers.clinical_shapes import ALLERGY
from patients.readers.codes import RXNORM, SNOMED, Status, concept_at, status_at, why_no_concept, words_at
from patients.readers.condition import DATE_AS_SENT, NOT_GIVEN, NOT_READABLE
from patients.readers.datatypes import (
    Fields,
    as_list,
    is_restricted,
    is_sent,
    many,
    modifier_marks,
    normal_code,
    notes_at,
    one,
    own_reference,
    require_type,
    text_at,
    unique,
    why_missing,
)
from patients.readers.dates import date_at, in_future, partial_date, time_at
from patients.readers.names import reference_name
from patients.readers.shapes import unreadable_marks
from patients.readers.wording import said, said_tag, worded
from patients.records import (
    Allergy,
    AllergyGroup,
    AllergyStatement,
    Coded,
    Missing,
    PartialDate,
    Reaction,
    Tag,
    Tone,
    When,
)

ALLERGY_QUERIES = (("AllergyIntolerance", (("patient", "{patient}"),)),)
ALLERGENS = (RXNORM, SNOMED, "UNII")

_CLINICAL: Mapping[str, Tag] = {
    "active": Tag("Active", Tone.OK),
    "inactive": Tag("Inactive", Tone.INFO),
    "resolved": Tag("Resolved", Tone.INFO),
}
_VERIFICATION: Mapping[str, Tag] = {
    "confirmed": Tag("Confirmed", Tone.OK),
    "presumed": Tag("Presumed", Tone.WARN),
    "unconfirmed": Tag("Unconfirmed", Tone.WARN),
    "refuted": Tag("Refuted", Tone.BAD),
    "entered-in-error": Tag("Entered in error", Tone.BAD),
}
_ALL: Mapping[str, Tag] = {**_CLINICAL, **_VERIFICATION}
_OVER = frozenset({"inactive", "resolved"})
_HIGH, _LOW = worded(Tag("High", Tone.BAD), "criticality"), worded(Tag("Low", Tone.INFO), "criticality")
_UNCLEAR = worded(Tag("Unable to assess", Tone.UNKNOWN), "criticality")
_CRITICALITY: Mapping[str, Tag] = {
    **dict.fromkeys(("high", "crith", "high-risk"), _HIGH),
    **dict.fromkeys(("low", "critl", "low-risk"), _LOW),
    **dict.fromkeys(("unable-to-assess", "critu", "unable-to-determine"), _UNCLEAR),
}
_KINDS: Mapping[str, str] = worded({"allergy": "Allergy", "intolerance": "Intolerance"})
CATEGORIES: Mapping[str, str] = worded(
    {
        "food": "Food",
        "medication": "Medication",
        "environment": "Environment",
        "biologic": "Biologic",
        "other": "Other",
    }
)
_SEVERITIES: Mapping[str, str] = worded({"mild": "Mild", "moderate": "Moderate", "severe": "Severe"})
_CERTAINTIES: Mapping[str, str] = worded({"unlikely": "Unlikely", "likely": "Likely", "confirmed": "Confirmed"})


def allergy(resource: Fields) -> Allergy:
    """Read an AllergyIntolerance of any version; raises Unreadable when it is none."""
    fields = require_type(resource, "AllergyIntolerance")
    old, clinical, verification = (status_at(fields, key, _ALL) for key in _STATUSES)
    group = _group({old.code, clinical.code, verification.code})
    reactions = tuple(found for item in many(fields, "reaction") if (found := _reaction(item)))
    criticality = status_at(fields, "criticality", _CRITICALITY)
    statement = stated(fields, "code", "substance")
    recorded = date_at(fields, "recordedDate", "assertedDate")
    return Allergy(
        reference=own_reference(fields),
        name=_name(fields),
        group=group,
        clinical=_clinical_tag(old, clinical, verification),
        verification=_verification_tag(old, verification),
        criticality=_criticality_tag(fields, criticality),
        high=_CRITICALITY.get(criticality.code) == _HIGH,
        kind=_words(fields, "type", _KINDS),
        categories=unique(_one_word(value, CATEGORIES) for value in as_list(fields.get("category"))),
        reactions=reactions,
        recorded=recorded,
        recorder=_recorder(fields),
        informant=_informant(fields),
        onset=_when(fields),
        last_occurrence=partial_date(fields.get("lastOccurrence")) or partial_date(fields.get("lastOccurence")),
        statement=statement,
        notes=notes_at(fields, "note"),
        marks=_marks(fields, statement, recorded),
        restricted=is_restricted(fields),
    )


_STATUSES = ("status", "clinicalStatus", "verificationStatus")


def _name(fields: Fields) -> Coded:
    """Never blank. R4 allows a record whose substance stands in its reactions alone."""
    if found := concept_at(fields, "code", "substance", preferred=ALLERGENS):
        return found
    for reaction in many(fields, "reaction"):
        if found := concept_at(reaction, "substance", preferred=ALLERGENS):
            return found
    withheld = why_no_concept(fields, "code", "substance") is Missing.MASKED
    text = said("Substance withheld by the EHR") if withheld else said("Substance not named")
    return Coded(text=text, named=False)


def _group(stated_codes: set[str]) -> AllergyGroup:
    """In this order: entered in error, refuted, over, active; what cannot be told is active, the safe choice."""
    if "entered-in-error" in stated_codes:
        return AllergyGroup.ENTERED_IN_ERROR
    if "refuted" in stated_codes:
        return AllergyGroup.RULED_OUT
    over = bool(stated_codes & _OVER) and "active" not in stated_codes
    return AllergyGroup.RESOLVED if over else AllergyGroup.ACTIVE


def _clinical_tag(old: Status, clinical: Status, verification: Status) -> Tag | None:
    """DSTU2 has one status for both; None when that says something about the verification."""
    if clinical.code or clinical.words or clinical.unreadable:
        return _tag(clinical)
    if old.code in _VERIFICATION:
        return None
    return _tag(old) if old.code or old.words or old.unreadable else said_tag(NOT_GIVEN)


def _verification_tag(old: Status, verification: Status) -> Tag | None:
    if verification.code or verification.words or verification.unreadable:
        return _tag(verification)
    if old.code in _VERIFICATION:
        return said_tag(_VERIFICATION[old.code])
    return None if old.code or old.words or old.unreadable else said_tag(NOT_GIVEN)


def _tag(status: Status) -> Tag:
    if status.code:
        return said_tag(_ALL[status.code])
    return Tag(status.words, Tone.UNKNOWN) if status.words else said_tag(NOT_READABLE)


def _criticality_tag(fields: Fields, criticality: Status) -> Tag | Missing:
    if criticality.code:
        return said_tag(_CRITICALITY[criticality.code], "criticality")
    return Tag(criticality.words, Tone.UNKNOWN) if criticality.words else why_missing(fields, "criticality")


def _one_word(value: object, known: Mapping[str, str]) -> str:
    """A code or concept in our words, else in the EHR's."""
    status = status_at({"": value}, "", known)
    return said(known[status.code]) if status.code else status.words


def _words(fields: Fields, key: str, known: Mapping[str, str]) -> str:
    return _one_word(fields.get(key), known)


def _reaction(item: Fields) -> Reaction | None:
    """None when it says nothing at all."""
    found = Reaction(
        manifestations=words_at(item, "manifestation"),
        severity=_words(item, "severity", _SEVERITIES),
        substance=", ".join(words_at(item, "substance")),
        certainty=_words(item, "certainty", _CERTAINTIES),
        route=", ".join(words_at(item, "exposureRoute")),
        onset=_when(item),
        description=text_at(item, "description"),
        notes=notes_at(item, "note"),
    )
    return None if found == Reaction(manifestations=()) else found


def _when(fields: Fields) -> When | None:
    """onset[x], or an `onset` without a type: DSTU2's of the record, and every version's of a reaction."""
    found = time_at(fields, "onset")
    if isinstance(found, When):
        return found
    plain = partial_date(fields.get("onset"))
    return When(start=plain) if plain else None


_AUTHORS = ("author", "recorder", "enterer", "transcriber")


def _participants(fields: Fields) -> list[tuple[str, Fields]]:
    """R5's participants as (function, actor), unnamed functions as ""."""
    found = []
    for item in many(fields, "participant"):
        codes = (text_at(coding, "code") for coding in many(one(item, "function"), "coding"))
        found.append((normal_code(next((code for code in codes if code), "")), one(item, "actor")))
    return found


def _recorder(fields: Fields) -> str | Missing:
    people = [*many(fields, "recorder"), *(actor for role, actor in _participants(fields) if role in _AUTHORS)]
    name = next((name for person in people if (name := reference_name(fields, person))), "")
    reason = why_missing(fields, "recorder")
    return name or (Missing.NOT_RECORDED if people and reason is Missing.UNREADABLE else reason)


def _informant(fields: Fields) -> str:
    """Who said so: the asserter (DSTU2 reporter), or R5's other participants."""
    others = (actor for role, actor in _participants(fields) if role not in _AUTHORS)
    people = [*many(fields, "asserter", "reporter"), *others]
    return next((name for person in people if (name := reference_name(fields, person))), "")


def _marks(fields: Fields, statement: AllergyStatement | None, recorded: PartialDate | Missing) -> tuple[str, ...]:
    marks = modifier_marks(fields)
    if not statement and not concept_at(fields, "code", "substance") and _name(fields).named:
        marks.append(said("The substance is taken from a recorded reaction"))
    if statement and is_sent(fields, "reaction"):
        marks.append(said("A reaction is recorded although no substance is named"))
    if isinstance(recorded, PartialDate) and not recorded.readable:
        marks.append(said(DATE_AS_SENT))
    if isinstance(recorded, PartialDate) and in_future(recorded):
        marks.append(said("The date of recording lies in the future"))
    return (*marks, *unreadable_marks(fields, ALLERGY))
