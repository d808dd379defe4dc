"""An Immunization of any FHIR version as a row of the list: given, or not given and why.

What cannot be told to have been given stands apart, so that nobody counts it as a protection. Sources:
https://hl7.org/fhir/DSTU2/immunization.html, https://hl7.org/fhir/STU3/immunization.html,
https://hl7.org/fhir/R4/immunization.html, https://hl7.org/fhir/R5/immunization.html.
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.clinical_shapes import IMMUNIZATION
from patients.readers.codes import concept_at, status_at, why_no_concept, words_at
from patients.readers.condition import DATE_AS_SENT, NOT_READABLE
from patients.readers.condition import NOT_GIVEN as STATUS_NOT_GIVEN
from patients.readers.datatypes import (
    Fields,
    flag_at,
    is_restricted,
    is_sent,
    many,
    modifier_marks,
    notes_at,
    number,
    one,
    own_reference,
    require_type,
    text_at,
    unique,
    unreadable_flag,
    why_missing,
)
from patients.readers.dates import calendar_date, date_at, in_future, partial_date
from patients.readers.names import reference_name, reference_names
from patients.readers.quantities import amount, plain_number
from patients.readers.shapes import unreadable_marks
from patients.readers.wording import said, said_tag, worded
from patients.records import Coded, Immunization, ImmunizationGroup, Missing, PartialDate, Tag, Tone, When

IMMUNIZATION_QUERIES = (("Immunization", (("patient", "{patient}"),)),)
VACCINES = ("CVX", "NDC", "SNOMED CT")
NOT_GIVEN = Tag("Not given", Tone.BAD)

_GIVEN, _UNCLEAR = ImmunizationGroup.GIVEN, ImmunizationGroup.UNCLEAR
_STATUSES: Mapping[str, tuple[ImmunizationGroup, Tag]] = {
    "completed": (_GIVEN, Tag("Given", Tone.OK)),
    "not-done": (ImmunizationGroup.NOT_GIVEN, NOT_GIVEN),
    "entered-in-error": (ImmunizationGroup.ENTERED_IN_ERROR, Tag("Entered in error", Tone.BAD)),
    # DSTU2 borrowed the statuses of MedicationAdministration.
    "in-progress": (_UNCLEAR, Tag("In progress", Tone.INFO)),
    "on-hold": (_UNCLEAR, Tag("On hold", Tone.WARN)),
    "stopped": (_UNCLEAR, Tag("Stopped", Tone.WARN)),
}
_FLAGS = ("wasNotGiven", "notGiven")
_UNREADABLE_FLAG = worded("Whether it was given could not be read. Check the EHR.")


def immunization(resource: Fields) -> Immunization:
    """Read an Immunization of any version; raises Unreadable when it is none."""
    fields = require_type(resource, "Immunization")
    group, status = _placed(fields)
    occurred = _occurred(fields)
    return Immunization(
        reference=own_reference(fields),
        vaccine=_vaccine(fields),
        group=group,
        status=status,
        occurred=occurred,
        reasons=_reasons(fields, given=group is not ImmunizationGroup.NOT_GIVEN),
        source=_source(fields),
        dose=_dose(fields),
        amount=amount(one(fields, "doseQuantity")),
        lot=text_at(fields, "lotNumber"),
        expires=calendar_date(fields.get("expirationDate")),
        manufacturer=_manufacturer(fields),
        site=", ".join(words_at(fields, "site")),
        route=", ".join(words_at(fields, "route")),
        performers=_performers(fields),
        place=next(iter(reference_names(fields, "location")), ""),
        notes=notes_at(fields, "note"),
        marks=_marks(fields, group, occurred),
        restricted=is_restricted(fields),
    )


def _vaccine(fields: Fields) -> Coded:
    """Never blank: that something was given is worth knowing even without its name."""
    if found := concept_at(fields, "vaccineCode", preferred=VACCINES):
        return found
    withheld = why_no_concept(fields, "vaccineCode") is Missing.MASKED
    return Coded(text=said("Vaccine withheld by the EHR") if withheld else said("Vaccine not named"), named=False)


def _placed(fields: Fields) -> tuple[ImmunizationGroup, Tag]:
    """In this order: entered in error, any sign that it was not given, the status; without one it is unclear."""
    status = status_at(fields, "status", _STATUSES)
    if status.code == "entered-in-error":
        return _known(status.code)
    if any(flag_at(fields, key) for key in _FLAGS):
        return _known("not-done")
    if not status.code and status.words:
        return _UNCLEAR, Tag(status.words, Tone.UNKNOWN)
    if not status.code:
        return _UNCLEAR, said_tag(NOT_READABLE if status.unreadable else STATUS_NOT_GIVEN)
    group, tag = _known(status.code)
    doubtful = group is _GIVEN and any(unreadable_flag(fields, key) for key in _FLAGS)
    return (_UNCLEAR, tag) if doubtful else (group, tag)


def _known(code: str) -> tuple[ImmunizationGroup, Tag]:
    group, tag = _STATUSES[code]
    return group, said_tag(tag)


def _occurred(fields: Fields) -> When | Missing:
    """`date` in DSTU2 and STU3, since R4 occurrence[x], which may be plain words."""
    found = date_at(fields, "occurrenceDateTime", "date")
    if isinstance(found, PartialDate):
        return When(start=found)
    if words := text_at(fields, "occurrenceString"):
        return When(text=words)
    return why_missing(fields, "occurrenceDateTime", "date", "occurrenceString")


def _reasons(fields: Fields, *, given: bool) -> tuple[str, ...]:
    """Why it was given, or why not: never the one for the other."""
    explanation = one(fields, "explanation")
    if given:
        return unique([*words_at(fields, "reasonCode", "reason"), *words_at(explanation, "reason")])
    return unique([*words_at(fields, "statusReason"), *words_at(explanation, "reasonNotGiven")])


def _source(fields: Fields) -> str:
    """Where the knowledge comes from; "" when the EHR itself recorded the giving, or does not say."""
    second_hand = flag_at(fields, "reported") is True or flag_at(fields, "primarySource") is False
    origin = ", ".join(words_at(fields, "reportOrigin", "informationSource"))
    person = next((name for item in many(fields, "informationSource") if (name := _informant(fields, item))), "")
    if teller := origin or person:
        return said("Reported, source: %(source)s") % {"source": teller}
    return said("Reported, not recorded by those who gave it") if second_hand else ""


def _informant(fields: Fields, item: Fields) -> str:
    """R5's CodeableReference, by its reference."""
    return reference_name(fields, one(item, "reference"))


def _dose(fields: Fields) -> str:
    """ "2 of 3": `vaccinationProtocol` before R4, `protocolApplied` since; the first that has a number."""
    for protocol in many(fields, "protocolApplied", "vaccinationProtocol"):
        which = _count(protocol, "doseNumber", "doseNumberPositiveInt", "doseNumberString", "doseSequence")
        total = _count(protocol, "seriesDoses", "seriesDosesPositiveInt", "seriesDosesString")
        if which:
            return said("%(number)s of %(total)s") % {"number": which, "total": total} if total else which
    return ""


def _count(protocol: Fields, *keys: str) -> str:
    for key in keys:
        value = number(protocol.get(key))
        if text := plain_number(value) if value is not None else text_at(protocol, key):
            return text
    return ""


def _manufacturer(fields: Fields) -> str:
    """A Reference, in R5 a CodeableReference."""
    holder = one(fields, "manufacturer")
    inner = reference_name(fields, one(holder, "reference"))
    return inner or reference_name(fields, holder) or ", ".join(words_at(fields, "manufacturer"))


def _performers(fields: Fields) -> tuple[str, ...]:
    """`performer` is a Reference in DSTU2 and holds one since R4; STU3 calls it `practitioner`."""
    people = many(fields, "performer", "practitioner")
    named = (reference_name(fields, one(item, "actor") or item) for item in people)
    return unique(named)


def _marks(fields: Fields, group: ImmunizationGroup, occurred: When | Missing) -> tuple[str, ...]:
    marks = modifier_marks(fields)
    if any(unreadable_flag(fields, key) for key in _FLAGS):
        marks.append(said(_UNREADABLE_FLAG))
    if flag_at(fields, "isSubpotent") or flag_at(fields, "subpotent"):
        marks.append(said("The EHR marks this dose as too weak to count"))
    given = occurred.start if isinstance(occurred, When) else None
    if given and not given.readable:
        marks.append(said(DATE_AS_SENT))
    if given and group is _GIVEN and in_future(given):
        marks.append(said("The date lies in the future"))
    expired = partial_date(fields.get("expirationDate"))
    if given and expired and group is _GIVEN and expired.exact and given.exact and expired.exact < given.exact:
        marks.append(said("The recorded expiration date lies before the date of giving"))
    if is_sent(fields, "statusReason") and group is _GIVEN:
        reasons = words_at(fields, "statusReason")
        marks += [said("Reason for status: %(reasons)s") % {"reasons": words} for words in reasons]
    return (*marks, *unreadable_marks(fields, IMMUNIZATION))
