"""A Condition of any FHIR version as a row of the problem list.

Sources: https://hl7.org/fhir/DSTU2/condition.html, https://hl7.org/fhir/STU3/condition.html,
https://hl7.org/fhir/R4/condition.html. The order of judgement is ruling 12 of the project's contract.
"""

from __future__ import annotations

from collections.abc import Mapping

from patients.readers.codes import Status, concept_at, status_at, why_no_concept, words_at
from patients.readers.datatypes import (
    Fields,
    as_list,
    extensions,
    flag_at,
    is_restricted,
    modifier_marks,
    notes_at,
    one,
    own_reference,
    require_type,
    text_at,
    unique,
    unreadable_flag,
)
from patients.readers.dates import date_at, in_future, is_before, is_time_sent, time_at
from patients.readers.shapes import CONDITION, unreadable_marks
from patients.readers.wording import said, said_tag, worded
from patients.records import Coded, Condition, ConditionGroup, Missing, PartialDate, Tag, Tone, When

NOT_GIVEN = Tag("Status not given", Tone.UNKNOWN)
NOT_READABLE = Tag("Status could not be read", Tone.UNKNOWN)
DATE_AS_SENT = worded("A date could not be read and is shown as sent")
END_BEFORE_START = worded("The end lies before the start")

_CLINICAL: Mapping[str, Tag] = {
    "active": Tag("Active", Tone.OK),
    "recurrence": Tag("Recurrence", Tone.WARN),
    "relapse": Tag("Relapse", Tone.WARN),
    "inactive": Tag("Inactive", Tone.INFO),
    "remission": Tag("Remission", Tone.INFO),
    "resolved": Tag("Resolved", Tone.INFO),
    "unknown": NOT_GIVEN,
    # Not clinical statuses, yet some servers know one status only and put it here.
    "refuted": Tag("Refuted", Tone.BAD),
    "entered-in-error": Tag("Entered in error", Tone.BAD),
}
_VERIFICATION: Mapping[str, Tag] = {
    "confirmed": Tag("Confirmed", Tone.OK),
    "unconfirmed": Tag("Unconfirmed", Tone.WARN),
    "provisional": Tag("Provisional", Tone.WARN),
    "differential": Tag("Differential", Tone.WARN),
    "refuted": Tag("Refuted", Tone.BAD),
    "entered-in-error": Tag("Entered in error", Tone.BAD),
    "unknown": Tag("Unknown", Tone.UNKNOWN),
}
_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_OVER = frozenset({"inactive", "remission", "resolved"})
ENCOUNTER_DIAGNOSIS = "encounter-diagnosis"
_CATEGORIES: Mapping[str, str] = worded(
    {
        "problem-list-item": "Problem list",
        "problem": "Problem list",
        "health-concern": "Health concern",
        ENCOUNTER_DIAGNOSIS: "Encounter diagnosis",
    }
)
# DSTU2, http://hl7.org/fhir/condition-category
_OLD_CATEGORIES: Mapping[str, str] = worded(
    {"complaint": "Complaint", "symptom": "Symptom", "finding": "Finding", "diagnosis": "Diagnosis"}
)


def condition(resource: Fields) -> Condition:
    """Read a Condition of any version; raises Unreadable when it is none."""
    fields = require_type(resource, "Condition")
    clinical = status_at(fields, "clinicalStatus", _CLINICAL)
    verification = status_at(fields, "verificationStatus", _VERIFICATION)
    onset, ended = time_at(fields, "onset"), _ended(fields)
    recorded = _recorded(fields)
    group = _group(fields, clinical=clinical, verification=verification, ended=ended)
    reference = own_reference(fields)
    return Condition(
        references=(reference,) if reference else (),
        name=_name(fields),
        group=group,
        clinical=_clinical_tag(fields, clinical, ended),
        verification=_tag(verification, _VERIFICATION),
        categories=_categories(fields),
        onset=_onset_or_recorded(onset, recorded),
        ended=ended,
        recorded=recorded,
        severity=", ".join(words_at(fields, "severity")),
        body_site=", ".join(words_at(fields, "bodySite")),
        notes=notes_at(fields, "note", "notes"),
        marks=_marks(fields, group, onset=onset, ended=ended),
        restricted=is_restricted(fields),
        encounter=text_at(one(fields, "encounter", "context"), "reference"),
    )


def _name(fields: Fields) -> Coded:
    """Never blank: a condition whose name is missing is still a condition."""
    if found := concept_at(fields, "code"):
        return found
    reason = why_no_concept(fields, "code")
    withheld = reason is Missing.MASKED
    text = said("Condition withheld by the EHR") if withheld else said("Condition not named")
    return Coded(text=text, named=False)


def _ended(fields: Fields) -> When | None:
    found = time_at(fields, "abatement")
    return found if isinstance(found, When) else None


def _recorded(fields: Fields) -> PartialDate | Missing:
    found = date_at(fields, "recordedDate", "dateRecorded", "assertedDate")
    if found is Missing.NOT_RECORDED:
        asserted = (date_at(item, "valueDateTime") for item in extensions(fields, "condition-assertedDate"))
        return next((moment for moment in asserted if isinstance(moment, PartialDate)), found)
    return found


def _onset_or_recorded(onset: When | Missing, recorded: PartialDate | Missing) -> When | Missing:
    if onset is Missing.NOT_RECORDED and isinstance(recorded, PartialDate):
        return When(start=recorded, label=said("Recorded"))
    return onset


def _group(fields: Fields, *, clinical: Status, verification: Status, ended: When | None) -> ConditionGroup:
    """In this order: entered in error, refuted, explicit status, abatement, encounter diagnosis only, active."""
    stated = {clinical.code, verification.code}
    if "entered-in-error" in stated:
        return ConditionGroup.ENTERED_IN_ERROR
    if "refuted" in stated:
        return ConditionGroup.RULED_OUT
    if clinical.code in _ACTIVE:
        return ConditionGroup.ACTIVE
    if clinical.code in _OVER or ended or flag_at(fields, "abatementBoolean"):
        return ConditionGroup.RESOLVED
    return ConditionGroup.ENCOUNTER if _encounter_only(fields) else ConditionGroup.ACTIVE


def _tag(status: Status, words: Mapping[str, Tag]) -> Tag:
    if status.code:
        return said_tag(words[status.code])
    if status.words:
        return Tag(status.words, Tone.UNKNOWN)
    return said_tag(NOT_READABLE if status.unreadable else NOT_GIVEN)


def _clinical_tag(fields: Fields, clinical: Status, ended: When | None) -> Tag:
    if not clinical.code and not clinical.words and not clinical.unreadable:
        if flag_at(fields, "abatementBoolean"):
            return said_tag(_CLINICAL["resolved"])
        if ended:
            return said_tag(Tag("Ended", Tone.INFO))
    return _tag(clinical, _CLINICAL)


def _category_code(value: object) -> str:
    return status_at({"": value}, "", _CATEGORIES).code


def _categories(fields: Fields) -> tuple[str, ...]:
    return unique(_category_words(value) for value in as_list(fields.get("category")))


def _category_words(value: object) -> str:
    if words := _CATEGORIES.get(_category_code(value)):
        return said(words)
    found = concept_at({"": value}, "")
    if not found:
        return ""
    known = _OLD_CATEGORIES.get(found.code.lower())
    return said(known) if known else found.text


def _encounter_only(fields: Fields) -> bool:
    codes = [_category_code(value) for value in as_list(fields.get("category"))]
    return bool(codes) and all(code == ENCOUNTER_DIAGNOSIS for code in codes)


def _marks(fields: Fields, group: ConditionGroup, *, onset: When | Missing, ended: When | None) -> tuple[str, ...]:
    marks = modifier_marks(fields)
    abated = bool(ended) or flag_at(fields, "abatementBoolean") is True
    if group is ConditionGroup.ACTIVE and abated:
        marks.append(said("An end is recorded although the status is active"))
    if (not ended and is_time_sent(fields, "abatement")) or unreadable_flag(fields, "abatementBoolean"):
        marks.append(said("An end was sent that could not be read"))
    began = onset if isinstance(onset, When) else None
    marks += time_marks(began, ended)
    if began and began.start and in_future(began.start):
        marks.append(said("The onset lies in the future"))
    return (*marks, *unreadable_marks(fields, CONDITION))


def time_marks(began: When | None, ended: When | None) -> list[str]:
    """Notices about dates that cannot be read and an end before its start; the dates are shown as sent all the same."""
    marks = []
    dates = [moment for when in (began, ended) if when for moment in (when.start, when.end) if moment]
    if any(not moment.readable for moment in dates):
        marks.append(said(DATE_AS_SENT))
    first = began.start if began else None
    last = (ended.end or ended.start) if ended else (began.end if began else None)
    if first and last and is_before(last, first):
        marks.append(said(END_BEFORE_START))
    return marks
