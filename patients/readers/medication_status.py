"""In which group of the medication list a row belongs, and its status as a word.

The groups are those of the chart's design: a prohibition first, then what is taken, not taken, planned and past. What
cannot be told stays among the current ones, tagged: hiding a drug that may be taken is the unsafe choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from patients.readers.codes import Status, status_at
from patients.readers.condition import NOT_GIVEN, NOT_READABLE
from patients.readers.datatypes import Fields, flag_at, normal_code, one, text_at, unreadable_flag
from patients.readers.wording import said, said_tag, worded
from patients.records import MedicationGroup, Tag, Tone

DO_NOT_GIVE = Tag("DO NOT GIVE", Tone.BAD)
NOT_TAKING = Tag("Not taking", Tone.WARN)
TAKING_UNKNOWN = Tag("Not known if taken", Tone.UNKNOWN)

_STATUSES: Mapping[str, tuple[MedicationGroup, Tag]] = {
    "active": (MedicationGroup.CURRENT, Tag("Active", Tone.OK)),
    "on-hold": (MedicationGroup.CURRENT, Tag("On hold", Tone.WARN)),
    "completed": (MedicationGroup.PAST, Tag("Completed", Tone.INFO)),
    "stopped": (MedicationGroup.PAST, Tag("Stopped", Tone.INFO)),
    "cancelled": (MedicationGroup.PAST, Tag("Cancelled", Tone.INFO)),
    "ended": (MedicationGroup.PAST, Tag("Ended", Tone.INFO)),
    "draft": (MedicationGroup.PLANNED, Tag("Draft", Tone.INFO)),
    "intended": (MedicationGroup.PLANNED, Tag("Planned", Tone.INFO)),
    "not-taken": (MedicationGroup.NOT_TAKING, NOT_TAKING),
    "entered-in-error": (MedicationGroup.ENTERED_IN_ERROR, Tag("Entered in error", Tone.BAD)),
    "unknown": (MedicationGroup.CURRENT, NOT_GIVEN),
    "recorded": (MedicationGroup.CURRENT, Tag("Recorded", Tone.INFO)),  # R5: whether it is taken stands in `adherence`
}
_INTENTS: Mapping[str, Tag] = {
    "plan": Tag("Planned", Tone.INFO),
    "proposal": Tag("Proposed", Tone.INFO),
    "option": Tag("Option", Tone.INFO),
}
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
UNREADABLE_INTENT = worded("Whether this is an order, a plan or a proposal could not be read. Check the EHR.")
_KNOWN = frozenset({*_STATUSES, "canceled"})
# http://hl7.org/fhir/ValueSet/medication-statement-adherence (R5); a drug on hold stays among the current ones, tagged.
_ADHERENCE: Mapping[str, tuple[MedicationGroup, Tag]] = {
    "taking": (MedicationGroup.CURRENT, Tag("Taking", Tone.OK)),
    "taking-as-directed": (MedicationGroup.CURRENT, Tag("Taking", Tone.OK)),
    "taking-not-as-directed": (MedicationGroup.CURRENT, Tag("Taking, not as directed", Tone.WARN)),
    "not-taking": (MedicationGroup.NOT_TAKING, NOT_TAKING),
    **dict.fromkeys(
        ("on-hold", "on-hold-as-directed", "on-hold-not-as-directed"),
        (MedicationGroup.CURRENT, Tag("On hold", Tone.WARN)),
    ),
    **dict.fromkeys(
        ("stopped", "stopped-as-directed", "stopped-not-as-directed"),
        (MedicationGroup.PAST, Tag("Stopped", Tone.INFO)),
    ),
    "unknown": (MedicationGroup.CURRENT, TAKING_UNKNOWN),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """The group, the status to show, and notices that go with it."""

    group: MedicationGroup
    status: Tag
    marks: tuple[str, ...] = ()


def is_statement(fields: Fields) -> bool:
    return text_at(fields, "resourceType") == "MedicationStatement"


def place(fields: Fields, *, reported: bool) -> Placed:
    """Where the row belongs; `reported` prescriptions are what the patient says to take, whatever their intent."""
    status = status_at(fields, "status", _KNOWN)
    group, tag = _by_status(status)
    if group is MedicationGroup.ENTERED_IN_ERROR:
        return Placed(group, tag)
    code = status.code or status.words
    if is_statement(fields):
        return _statement(fields, group, tag, code=code)
    return _request(fields, group, tag, code=code, reported=reported)


def _by_status(status: Status) -> tuple[MedicationGroup, Tag]:
    if status.code:
        group, tag = _STATUSES["cancelled" if status.code == "canceled" else status.code]
        return group, said_tag(tag)
    if status.words:
        return MedicationGroup.CURRENT, Tag(status.words, Tone.UNKNOWN)
    return MedicationGroup.CURRENT, said_tag(NOT_READABLE if status.unreadable else NOT_GIVEN)


def _request(fields: Fields, group: MedicationGroup, tag: Tag, *, code: str, reported: bool) -> Placed:
    """`code` is the status as sent, "" for none.

    R4's `doNotPerform` turns the order into a prohibition; a plan, proposal or option is not yet an order.
    """
    if flag_at(fields, "doNotPerform"):
        note = () if code == "active" else (said("Status of this instruction: %(status)s") % {"status": tag.word},)
        return Placed(MedicationGroup.DO_NOT_GIVE, said_tag(DO_NOT_GIVE), note)
    marks: tuple[str, ...] = ()
    if unreadable_flag(fields, "doNotPerform"):
        marks = (said("Whether this is an instruction NOT to give could not be read. Check the EHR."),)
    sent = status_at(fields, "intent", (*_INTENTS, *_ORDERS))
    if sent.unreadable or (sent.words and not sent.code):
        words = said("Intent of this order: %(intent)s") % {"intent": sent.words} if sent.words else ""
        marks = (*marks, words or said(UNREADABLE_INTENT))
    intent = sent.code if sent.code in _INTENTS else ""
    if intent and group is MedicationGroup.CURRENT and not reported:
        return Placed(MedicationGroup.PLANNED, tag if code == "on-hold" else said_tag(_INTENTS[intent]), marks)
    return Placed(group, tag, marks)


def _statement(fields: Fields, group: MedicationGroup, tag: Tag, *, code: str) -> Placed:
    """DSTU2's `wasNotTaken`, STU3's `taken`, R4's status and R5's `adherence` say whether it is taken."""
    if group is MedicationGroup.PLANNED:
        return Placed(group, tag)
    taken = normal_code(text_at(fields, "taken"))
    if flag_at(fields, "wasNotTaken") or taken == "n" or flag_at(fields, "taken") is False:
        return Placed(MedicationGroup.NOT_TAKING, said_tag(NOT_TAKING))
    if unreadable_flag(fields, "wasNotTaken"):
        return Placed(group, tag, (said("Whether it is taken could not be read. Check the EHR."),))
    adherence = status_at(one(fields, "adherence"), "code", _ADHERENCE)
    unknown = bool(adherence.words) and not adherence.code
    marks = (said("Adherence: %(adherence)s") % {"adherence": adherence.words},) if unknown else ()
    if adherence.code and group is MedicationGroup.CURRENT:
        known, taking = _ADHERENCE[adherence.code]
        return Placed(known, said_tag(taking))
    if "taken" in fields and taken != "y" and group is MedicationGroup.CURRENT and flag_at(fields, "taken") is None:
        return Placed(group, said_tag(TAKING_UNKNOWN), _besides(tag, code))
    return Placed(group, said_tag(NOT_GIVEN) if code == "recorded" else tag, marks)


def _besides(tag: Tag, code: str) -> tuple[str, ...]:
    """The status that the tag of a drug that may not be taken leaves no room for."""
    known = code not in {"", "active", "unknown"}
    return (said("Status of this record: %(status)s") % {"status": tag.word},) if known else ()
