"""MedicationOrder, MedicationRequest and MedicationStatement of any FHIR version as rows of the medication list.

Sources: https://hl7.org/fhir/DSTU2/medicationorder.html, https://hl7.org/fhir/DSTU2/medicationstatement.html,
https://hl7.org/fhir/STU3/medicationstatement.html, https://hl7.org/fhir/R4/medicationrequest.html.
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.codes import concept_at, words_at
from patients.readers.condition import time_marks
from patients.readers.datatypes import (
    Fields,
    absent_reason,
    as_fields,
    as_list,
    contained,
    extensions,
    flag_at,
    is_restricted,
    is_sent,
    many,
    modifier_marks,
    notes_at,
    one,
    own_reference,
    require_type,
    text_at,
    unique,
    why_missing,
)
from patients.readers.dates import date_at, in_future, in_past, partial_date, period_dates
from patients.readers.dosage import dosages, doses
from patients.readers.drug import drug_of
from patients.readers.medication_status import is_statement, place
from patients.readers.names import reference_name
from patients.readers.shapes import PRESCRIPTION as SHAPE
from patients.readers.shapes import unreadable_marks
from patients.readers.wording import said, worded
from patients.records import Medication, MedicationGroup, Missing, PartialDate, When

PRESCRIPTION, REPORTED = worded("Prescription"), worded("Reported")
TYPES = ("MedicationOrder", "MedicationRequest", "MedicationStatement")


def medication(resource: Fields, *, known: Mapping[str, Fields] | None = None) -> Medication:
    """Read an order or a statement of any version; raises Unreadable when it is none.

    `known` holds Medication resources read elsewhere, by the reference as sent ("Medication/123"), to name drugs that
    are only referred to (see `drug.medication_reference`).
    """
    fields = require_type(resource, *TYPES)
    reported = is_statement(fields) or bool(flag_at(fields, "reportedBoolean") or flag_at(fields, "reported"))
    reported = reported or is_sent(fields, "reportedReference")
    placed = place(fields, reported=reported)
    drug = drug_of(fields, known)
    started, ended = _started(fields), _ended(fields)
    instructions, dose_marks = doses(fields)
    marks = _marks(fields, placed.group, started=started, ended=ended)
    return Medication(
        reference=own_reference(fields),
        source=said(REPORTED if reported else PRESCRIPTION),
        name=drug.name,
        name_note=drug.note,
        form=drug.form,
        group=placed.group,
        status=placed.status,
        doses=instructions,
        started=started,
        ended=ended,
        prescriber=_prescriber(fields),
        reasons=_reasons(fields),
        notes=notes_at(fields, "note", "notes"),
        marks=unique([*placed.marks, *drug.marks, *dose_marks, *marks]),
        restricted=is_restricted(fields),
        informant=_informant(fields),
    )


def _bounds(fields: Fields) -> list[tuple[PartialDate | None, PartialDate | None]]:
    timings = [*many(fields, "effectiveTiming"), *(one(dosage, "timing") for dosage in dosages(fields))]
    repeats = [one(timing, "repeat") for timing in timings]
    return [period_dates(period) for repeat in repeats for period in many(repeat, "boundsPeriod")]


def _started(fields: Fields) -> When | Missing:
    """From when it is taken (effective[x], the dosages' periods), else the date of writing, labelled "Recorded"."""
    effective = _effective(fields)
    starts = [start for start, _end in _bounds(fields) if start]
    if effective or starts:
        return When(start=effective or min(starts, key=lambda moment: moment.sort_key))
    if (reason := _why_no_start(fields)) is not Missing.NOT_RECORDED:
        return reason
    written = date_at(fields, "authoredOn", "dateWritten", "dateAsserted")
    return When(start=written, label=said("Recorded")) if isinstance(written, PartialDate) else written


def _why_no_start(fields: Fields) -> Missing:
    """A period may well be readable and have no start."""
    period = one(fields, "effectivePeriod")
    if period and why_missing(fields, "effectiveDateTime") is Missing.NOT_RECORDED:
        return absent_reason(period) or why_missing(period, "start")
    return why_missing(fields, "effectiveDateTime", "effectivePeriod")


def _effective(fields: Fields) -> PartialDate | None:
    for period in many(fields, "effectivePeriod", "effectiveDosePeriod"):
        if start := period_dates(period)[0]:
            return start
    return partial_date(fields.get("effectiveDateTime"))


def _ended(fields: Fields) -> When | None:
    ends = [period_dates(period)[1] for period in many(fields, "effectivePeriod", "effectiveDosePeriod")]
    ends.append(partial_date(fields.get("dateEnded")))
    found = next((end for end in ends if end), None)
    bounds = _bounds(fields)
    if not found and bounds and all(end for _start, end in bounds) and len(bounds) == len(dosages(fields)):
        found = max((end for _start, end in bounds if end), key=lambda moment: moment.sort_key)
    return When(start=found) if found else None


def _prescriber(fields: Fields) -> str | Missing:
    """Who ordered it; a statement has nobody in that place."""
    if is_statement(fields):
        return Missing.NOT_APPLICABLE
    for reference in many(fields, "requester", "prescriber"):
        if name := reference_name(fields, one(reference, "agent") or reference):
            return name
    reason = why_missing(fields, "requester", "prescriber")
    named = many(fields, "requester", "prescriber")
    return Missing.NOT_RECORDED if reason is Missing.UNREADABLE and named else reason


def _informant(fields: Fields) -> str:
    for reference in many(fields, "informationSource", "reportedReference"):
        if name := reference_name(fields, reference):
            return name
    return ""


def _reasons(fields: Fields) -> tuple[str, ...]:
    """What it is taken for: concepts, and references that name their condition."""
    words = words_at(fields, "reasonCodeableConcept", "reasonCode", "reasonForUseCodeableConcept")
    references = many(fields, "reasonReference", "reasonForUseReference")
    named = [_referred_reason(fields, reference) for reference in references]
    for item in as_list(fields.get("reason")):  # R5's CodeableReference
        found = concept_at({"": item}, "")
        named.append(found.text if found else _referred_reason(fields, one(as_fields(item), "reference")))
    return unique([*words, *named])


def _referred_reason(fields: Fields, reference: Fields) -> str:
    inside = concept_at(contained(fields, text_at(reference, "reference")), "code")
    return inside.text if inside else text_at(reference, "display")


def _marks(fields: Fields, group: MedicationGroup, *, started: When | Missing, ended: When | None) -> list[str]:
    marks = modifier_marks(fields)
    began = started if isinstance(started, When) else None
    marks += time_marks(began, ended)
    if began and not began.label and began.start and in_future(began.start):
        marks.append(said("The start lies in the future"))
    if group is MedicationGroup.CURRENT and ended and ended.start and in_past(ended.start):
        marks.append(said("An end in the past is recorded although it is not marked as ended"))
    explained = [(words_at(fields, key), sentence) for key, sentence in _EXPLAINED.items()]
    explained.append((words_at(one(fields, "adherence"), "reason"), _WHY_ADHERENCE))  # R5
    marks += [said(sentence) % {"reasons": ", ".join(reasons)} for reasons, sentence in explained if reasons]
    return [*marks, *_adherence(fields), *unreadable_marks(fields, SHAPE)]


_EXPLAINED: Mapping[str, str] = worded(
    {
        "reasonNotTaken": "Reason not taken: %(reasons)s",
        "reasonEnded": "Reason ended: %(reasons)s",
        "statusReason": "Reason for status: %(reasons)s",
    }
)
_WHY_ADHERENCE = worded("Reason for adherence: %(reasons)s")


def _adherence(fields: Fields) -> list[str]:
    """US Core's extension on how a prescription is really taken."""
    marks = []
    for extension in extensions(fields, "us-core-medication-adherence"):
        for part in extensions(extension, "medicationAdherence"):
            if found := concept_at(part, "valueCodeableConcept"):
                marks.append(said("Adherence: %(adherence)s") % {"adherence": found.text})
    return marks
