"""An Observation of any FHIR version: a vital sign, a laboratory result or anything else that was measured.

No result is judged here: "High" is shown where the EHR says so. Sources: https://hl7.org/fhir/DSTU2/observation.html,
https://hl7.org/fhir/STU3/observation.html, https://hl7.org/fhir/R4/observation.html,
https://hl7.org/fhir/R5/observation.html.
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.clinical_shapes import OBSERVATION
from patients.readers.codes import Status, concept_at, status_at, why_no_concept, words_at
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
    texts_at,
    unique,
    why_missing,
)
from patients.readers.dates import date_at, in_future, partial_date, when_period
from patients.readers.interpretation import flags_at
from patients.readers.measured import measured, range_words, reading
from patients.readers.names import reference_names
from patients.readers.quantities import amount_range
from patients.readers.shapes import unreadable_marks
from patients.readers.text import clean
from patients.readers.wording import said, said_tag, worded
from patients.records import (
    Coded,
    Component,
    Missing,
    Observation,
    ObservationGroup,
    PartialDate,
    Reading,
    ReferenceRange,
    Tag,
    Tone,
    When,
)

VITALS_QUERIES = (("Observation", (("patient", "{patient}"), ("category", "vital-signs"))),)
LABS_QUERIES = (("Observation", (("patient", "{patient}"), ("category", "laboratory"))),)
TESTS = ("LOINC", "SNOMED CT")

_RESULT, _ERROR = ObservationGroup.RESULT, ObservationGroup.ENTERED_IN_ERROR
_STATUSES: Mapping[str, tuple[ObservationGroup, Tag]] = {
    "final": (_RESULT, Tag("Final", Tone.OK)),
    "amended": (_RESULT, Tag("Amended", Tone.WARN)),
    "corrected": (_RESULT, Tag("Corrected", Tone.WARN)),
    "preliminary": (_RESULT, Tag("Preliminary", Tone.WARN)),
    "registered": (ObservationGroup.PENDING, Tag("Registered, no result yet", Tone.INFO)),
    "specimen-in-process": (ObservationGroup.PENDING, Tag("Specimen in process", Tone.INFO)),
    "cancelled": (ObservationGroup.CANCELLED, Tag("Cancelled", Tone.WARN)),
    "cannot-be-obtained": (ObservationGroup.CANCELLED, Tag("Cannot be obtained", Tone.WARN)),
    "entered-in-error": (_ERROR, Tag("Entered in error", Tone.BAD)),
    "unknown": (_RESULT, NOT_GIVEN),
}
_KNOWN = frozenset({*_STATUSES, "canceled"})


def observation(resource: Fields) -> Observation:
    """Read an Observation of any version; raises Unreadable when it is none."""
    fields = require_type(resource, "Observation")
    group, status = _placed(status_at(fields, "status", _KNOWN))
    taken = _taken(fields)
    components = tuple(_component(item) for item in many(fields, "component"))
    members = _members(fields)
    return Observation(
        reference=own_reference(fields),
        name=_name(fields, _MEASUREMENT),
        codes=_codes(fields),
        kinds=frozenset(kind for value in as_list(fields.get("category")) for kind in _kinds(value)),
        group=group,
        status=status,
        value=_value(fields, has_parts=bool(components or members)),
        components=components,
        taken=taken,
        flags=flags_at(fields),
        ranges=_ranges(fields),
        issued=partial_date(fields.get("issued")),
        performers=reference_names(fields, "performer"),
        method=", ".join(words_at(fields, "method")),
        body_site=", ".join(words_at(fields, "bodySite")),
        members=members,
        notes=notes_at(fields, "note", "comment", "comments"),
        marks=_marks(fields, taken),
        restricted=is_restricted(fields),
    )


# What a result or a part of one is called when its name is withheld, and when there is none.
_MEASUREMENT = (worded("Measurement withheld by the EHR"), worded("Measurement not named"))
_PART = (worded("Part withheld by the EHR"), worded("Part not named"))


def _name(fields: Fields, nameless: tuple[str, str]) -> Coded:
    """Never blank: a result whose name is missing is still a result."""
    if found := concept_at(fields, "code", preferred=TESTS):
        return found
    withheld, unnamed = nameless
    masked = why_no_concept(fields, "code") is Missing.MASKED
    return Coded(text=said(withheld if masked else unnamed), named=False)


def _codes(fields: Fields) -> tuple[str, ...]:
    """All codes of the concept, whatever their systems: LOINC's have a shape that no other system has."""
    return unique(text_at(coding, "code") for coding in many(one(fields, "code"), "coding"))


def _kinds(value: object) -> list[str]:
    """A category's codes, else its words: some servers send the text "Vital Signs" alone."""
    fields: Fields = value if isinstance(value, Mapping) else {"text": value}
    codes = [text_at(coding, "code") for coding in many(fields, "coding")]
    texts = [text for text in (*codes, clean(fields.get("text"))) if text]
    return [normal_code(text) for text in texts]


def _placed(status: Status) -> tuple[ObservationGroup, Tag]:
    if status.code:
        group, tag = _STATUSES["cancelled" if status.code == "canceled" else status.code]
        return group, said_tag(tag)
    if status.words:
        return _RESULT, Tag(status.words, Tone.UNKNOWN)
    return _RESULT, said_tag(NOT_READABLE if status.unreadable else NOT_GIVEN)


def _value(fields: Fields, *, has_parts: bool) -> Reading | None:
    found = reading(fields)
    return found if found or has_parts else Reading(missing=Missing.NOT_RECORDED)


def _component(item: Fields) -> Component:
    return Component(
        name=_name(item, _PART),
        codes=_codes(item),
        value=reading(item) or Reading(missing=Missing.NOT_RECORDED),
        flags=flags_at(item),
        ranges=_ranges(item),
    )


_EFFECTIVE = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")


def _taken(fields: Fields) -> When | Missing:
    """When it was true of the patient; else the time of the report, labelled so; else why neither is known."""
    for key in ("effectiveDateTime", "effectiveInstant"):
        if moment := partial_date(fields.get(key)):
            return When(start=moment)
    if period := when_period(one(fields, "effectivePeriod")):
        return period
    for event in texts_at(one(fields, "effectiveTiming"), "event"):
        if moment := partial_date(event):
            return When(start=moment)
    reason = why_missing(fields, *_EFFECTIVE)
    issued = date_at(fields, "issued")
    if isinstance(issued, PartialDate) and reason is Missing.NOT_RECORDED:
        return When(start=issued, label=said("Reported", "result"))
    return reason


def _ranges(fields: Fields) -> tuple[ReferenceRange, ...]:
    return tuple(found for item in many(fields, "referenceRange") if (found := _range(item)))


def _range(item: Fields) -> ReferenceRange | None:
    """A range with the EHR's own text before our words; None when it says nothing."""
    low, high = measured(one(item, "low")), measured(one(item, "high"))
    words = text_at(item, "text") or range_words(item) or ", ".join(words_at(item, "normalValue"))
    if not words:
        return None
    whole = all(bool(found) or not is_sent(item, key) for key, found in (("low", low), ("high", high)))
    kinds = {text_at(coding, "code") for concept in many(item, "type", "meaning") for coding in many(concept, "coding")}
    age = amount_range(one(item, "age"))
    return ReferenceRange(
        words=words,
        applies_to=", ".join(
            [*words_at(item, "type", "meaning", "appliesTo"), *([said("age %(age)s") % {"age": age}] if age else [])]
        ),
        normal=not is_sent(item, "age") and not is_sent(item, "appliesTo") and kinds <= {"normal", ""},
        low=low.exact if low and whole else None,
        high=high.exact if high and whole else None,
        unit_key=next((found.unit_key for found in (low, high) if found and found.unit_key), ""),
    )


def _members(fields: Fields) -> tuple[str, ...]:
    """What belongs to a panel: `hasMember`, in DSTU2 and STU3 a `related` of that type."""
    related = [one(item, "target") for item in many(fields, "related") if text_at(item, "type") == "has-member"]
    references = [*many(fields, "hasMember"), *related]
    return unique(text_at(reference, "reference", "display") for reference in references)


def _marks(fields: Fields, taken: When | Missing) -> tuple[str, ...]:
    marks = modifier_marks(fields)
    when = taken if isinstance(taken, When) else None
    moments = [moment for moment in ((when.start, when.end) if when else ()) if moment]
    if any(not moment.readable for moment in moments):
        marks.append(said(DATE_AS_SENT))
    if any(in_future(moment) for moment in moments[:1]):
        marks.append(said("The time of measurement lies in the future"))
    return (*marks, *unreadable_marks(fields, OBSERVATION))
