"""An Encounter of any FHIR version as a row of the list of visits.

Sources: https://hl7.org/fhir/DSTU2/encounter.html, https://hl7.org/fhir/STU3/encounter.html,
https://hl7.org/fhir/R4/encounter.html, https://hl7.org/fhir/R5/encounter.html (class became a list, the period
`actualPeriod`, a participant's `individual` its `actor`).
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.clinical_shapes import ENCOUNTER
from patients.readers.codes import concept_at, status_at, words_at
from patients.readers.condition import DATE_AS_SENT, END_BEFORE_START, NOT_GIVEN, NOT_READABLE
from patients.readers.datatypes import (
    Fields,
    as_list,
    contained,
    is_restricted,
    many,
    modifier_marks,
    one,
    own_reference,
    require_type,
    resource_id,
    text_at,
    unique,
    why_missing,
)
from patients.readers.dates import in_past, is_before, partial_date, period_dates
from patients.readers.names import reference_name
from patients.readers.shapes import unreadable_marks
from patients.readers.wording import said, said_tag, worded
from patients.records import Encounter, EncounterGroup, Missing, Tag, Tone, When

ENCOUNTER_QUERIES = (("Encounter", (("patient", "{patient}"),)),)

_STATUSES: Mapping[str, tuple[EncounterGroup, Tag]] = {
    "planned": (EncounterGroup.PLANNED, Tag("Planned", Tone.INFO)),
    "arrived": (EncounterGroup.IN_PROGRESS, Tag("Arrived", Tone.OK)),
    "triaged": (EncounterGroup.IN_PROGRESS, Tag("Triaged", Tone.OK)),
    "in-progress": (EncounterGroup.IN_PROGRESS, Tag("In progress", Tone.OK)),
    "onleave": (EncounterGroup.IN_PROGRESS, Tag("On leave", Tone.INFO)),
    "on-hold": (EncounterGroup.IN_PROGRESS, Tag("On hold", Tone.INFO)),
    "discharged": (EncounterGroup.FINISHED, Tag("Discharged", Tone.INFO)),
    "finished": (EncounterGroup.FINISHED, Tag("Finished", Tone.INFO)),
    "completed": (EncounterGroup.FINISHED, Tag("Finished", Tone.INFO)),
    "cancelled": (EncounterGroup.CANCELLED, Tag("Cancelled", Tone.WARN)),
    "discontinued": (EncounterGroup.CANCELLED, Tag("Discontinued", Tone.WARN)),
    "entered-in-error": (EncounterGroup.ENTERED_IN_ERROR, Tag("Entered in error", Tone.BAD)),
    "unknown": (EncounterGroup.UNKNOWN, NOT_GIVEN),
}
_KNOWN = frozenset({*_STATUSES, "canceled"})
# Plain codes in DSTU2; v3-ActCode since STU3, https://terminology.hl7.org/ValueSet-v3-ActEncounterCode.html.
_CLASSES: Mapping[str, str] = worded(
    {
        "inpatient": "Inpatient",
        "outpatient": "Outpatient",
        "ambulatory": "Ambulatory",
        "emergency": "Emergency",
        "home": "Home",
        "field": "Field",
        "daytime": "Daytime",
        "virtual": "Virtual",
        "amb": "Ambulatory",
        "emer": "Emergency",
        "fld": "Field",
        "hh": "Home health",
        "imp": "Inpatient",
        "acute": "Inpatient, acute",
        "nonac": "Inpatient, non-acute",
        "obsenc": "Observation",
        "prenc": "Pre-admission",
        "ss": "Short stay",
        "vr": "Virtual",
    }
)


def encounter(resource: Fields, *, launched: str = "") -> Encounter:
    """Read an Encounter of any version; raises Unreadable when it is none.

    `launched` is the launch's encounter as the EHR gave it, an id or "Encounter/<id>", "" when it gave none.
    """
    fields = require_type(resource, "Encounter")
    group, status = _placed(fields)
    period = _period(fields)
    return Encounter(
        reference=own_reference(fields),
        kinds=words_at(fields, "type"),
        setting=", ".join(unique(_class_words(value) for value in as_list(fields.get("class")))),
        group=group,
        status=status,
        period=period,
        places=_places(fields),
        people=_people(fields),
        reasons=_reasons(fields),
        organization=reference_name(fields, one(fields, "serviceProvider")),
        this_visit=_is(fields, launched),
        marks=_marks(fields, group, period),
        restricted=is_restricted(fields),
    )


def _is(fields: Fields, launched: str) -> bool:
    own = resource_id(fields)
    return bool(own) and launched in {own, own_reference(fields)}


def _placed(fields: Fields) -> tuple[EncounterGroup, Tag]:
    status = status_at(fields, "status", _KNOWN)
    if status.code:
        group, tag = _STATUSES["cancelled" if status.code == "canceled" else status.code]
        return group, said_tag(tag)
    if status.words:
        return EncounterGroup.UNKNOWN, Tag(status.words, Tone.UNKNOWN)
    return EncounterGroup.UNKNOWN, said_tag(NOT_READABLE if status.unreadable else NOT_GIVEN)


def _class_words(value: object) -> str:
    """A code (DSTU2), a Coding (since STU3) or a concept (R5); a local code goes by its display."""
    status = status_at({"": value}, "", _CLASSES)
    if status.code:
        return said(_CLASSES[status.code])
    found = concept_at({"": value}, "")
    return found.text if found else ""


def _period(fields: Fields) -> When | Missing:
    for key in ("period", "actualPeriod"):
        start, end = period_dates(one(fields, key))
        if start or end:
            return When(start=start, end=end, is_period=True)
    start, end = (partial_date(fields.get(key)) for key in ("plannedStartDate", "plannedEndDate"))
    if start or end:
        return When(start=start, end=end, is_period=True, label=said("Planned"))
    return why_missing(fields, "period", "actualPeriod")


def _places(fields: Fields) -> tuple[str, ...]:
    return unique(reference_name(fields, one(item, "location")) for item in many(fields, "location"))


def _people(fields: Fields) -> tuple[str, ...]:
    """Names with the role; who has no name is not a person one could call."""
    return unique(_person(fields, item) for item in many(fields, "participant"))


def _person(fields: Fields, item: Fields) -> str:
    name = reference_name(fields, one(item, "individual", "actor"))
    roles = ", ".join(words_at(item, "type"))
    return f"{name} ({roles})" if name and roles else name


def _reasons(fields: Fields) -> tuple[str, ...]:
    """Concepts of every version, and references that name what they point to."""
    words = [*words_at(fields, "reasonCode")]
    for item in as_list(fields.get("reason")):
        values = item.get("value") if isinstance(item, Mapping) else None
        words += words_at({"": item}, "") if values is None else words_at({"": values}, "")
    references = [*many(fields, "reasonReference", "indication")]
    references += [one(value, "reference") for item in many(fields, "reason") for value in many(item, "value")]
    for reference in references:
        inside = concept_at(contained(fields, text_at(reference, "reference")), "code")
        words.append(inside.text if inside else text_at(reference, "display"))
    return unique(words)


def _marks(fields: Fields, group: EncounterGroup, period: When | Missing) -> tuple[str, ...]:
    marks = modifier_marks(fields)
    when = period if isinstance(period, When) else When()
    if any(moment and not moment.readable for moment in (when.start, when.end)):
        marks.append(said(DATE_AS_SENT))
    if when.start and when.end and is_before(when.end, when.start):
        marks.append(said(END_BEFORE_START))
    if group is EncounterGroup.IN_PROGRESS and when.end and in_past(when.end):
        marks.append(said("An end in the past is recorded although the visit is not marked as finished"))
    return (*marks, *unreadable_marks(fields, ENCOUNTER))
