"""Which drug an order or statement is about: its concept, a contained or supplied Medication, a reference's display.

A drug that cannot be told is never given an invented name: the name is Missing, and a note says what was sent. Source:
https://hl7.org/fhir/R4/medication.html.
"""

from __future__ import annotations

from dataclasses import dataclass

from patients.readers.codes import DRUGS, concept_at, status_at, untagged, why_no_concept
from patients.readers.datatypes import Fields, contained, many, modifier_marks, one, text_at, why_missing
from patients.readers.quantities import amount, ratio
from patients.readers.references import Known, drug_reference, find
from patients.readers.shapes import MEDICATION, unreadable_marks
from patients.readers.wording import said, worded
from patients.records import Coded, Missing

_MAX_DEPTH = 3  # contained Medications may refer to each other in a circle
_CONCEPTS = ("medicationCodeableConcept", "medication")
_REFERENCES = ("medicationReference", "medication")


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug's name (or why there is none, with a note of what was sent instead) and its form ("" if not known).

    `marks` are notices about the Medication that the order refers to.
    """

    name: Coded | Missing
    note: str = ""
    form: str = ""
    marks: tuple[str, ...] = ()


def drug_of(resource: Fields, known: Known | None = None) -> Drug:
    """The drug of an order or statement. `known` holds Medications read elsewhere, by reference as sent or relative."""
    reference = drug_reference(resource)
    target = text_at(reference, "reference")
    inside = contained(resource, target)
    medication = inside or find(target, known or {})
    form, marks = _form(medication), _medication_marks(medication)
    name = concept_at(resource, *_CONCEPTS, preferred=DRUGS)
    name = name or _medication_name(resource if inside else medication, medication, depth=0)
    if name:
        return Drug(name=name, form=form, marks=marks)
    if display := text_at(reference, "display"):
        return Drug(name=Coded(text=display), form=form, marks=marks)
    return Drug(name=_why_unnamed(resource, medication), note=_note(target), form=form, marks=marks)


def medication_reference(resource: Fields, known: Known | None = None) -> str:
    """The reference as sent, when the drug's name can only be had by reading what it points to, else "".

    It may be absolute and lie on another server: the caller follows it only below its own FHIR base.
    """
    target = text_at(drug_reference(resource), "reference")
    return target if target[:1] != "#" and isinstance(drug_of(resource, known).name, Missing) else ""


_WITHDRAWN = worded("The EHR marks its record of this drug as entered in error. Check the EHR.")


def _medication_marks(medication: Fields) -> tuple[str, ...]:
    """`Medication.status` and its modifier extensions change what the order says."""
    if not medication:
        return ()
    wrong = status_at(medication, "status", ("entered-in-error",)).code
    return (
        *modifier_marks(medication),
        *([said(_WITHDRAWN)] if wrong else []),
        *unreadable_marks(medication, MEDICATION),
    )


def _note(target: str) -> str:
    """Type and id of an absolute reference; anything else as sent."""
    return "/".join(target.partition("/_history/")[0].split("/")[-2:])


def _why_unnamed(resource: Fields, medication: Fields) -> Missing:
    if medication:
        return why_no_concept(medication, "code")
    reason = why_no_concept(resource, *_CONCEPTS)
    if reason in {Missing.NOT_RECORDED, Missing.UNREADABLE} and text_at(drug_reference(resource), "reference"):
        return Missing.NOT_RECORDED
    other = why_missing(resource, *_REFERENCES)
    return other if reason is Missing.NOT_RECORDED else reason


def _medication_name(resource: Fields, medication: Fields, *, depth: int) -> Coded | None:
    """The code of a Medication or Substance, else the names of its ingredients; `resource` contains what they name."""
    if not medication or depth >= _MAX_DEPTH:
        return None
    if found := concept_at(medication, "code", preferred=DRUGS):
        return found
    items = [*many(medication, "ingredient"), *many(one(medication, "product"), "ingredient")]
    names = [_ingredient(resource, item, depth=depth) for item in items]
    return Coded(text=" + ".join(names)) if names and all(names) else None


def _ingredient(resource: Fields, item: Fields, *, depth: int) -> str:
    name = concept_at(item, "itemCodeableConcept", "item", preferred=DRUGS)
    reference = one(item, "itemReference", "item")
    reference = one(reference, "reference") or reference  # R5's CodeableReference
    if not name:
        name = _medication_name(resource, contained(resource, text_at(reference, "reference")), depth=depth + 1)
    words = name.text if name else text_at(reference, "display")
    strength = one(item, "strength", "strengthRatio", "amount", "strengthQuantity")
    written = concept_at(item, "strengthCodeableConcept")
    amounts = ratio(strength) or amount(strength) or (written.text if written else "")
    return f"{words} {amounts}".strip() if words else ""


def _form(medication: Fields) -> str:
    found = concept_at(medication, "form", "doseForm") or concept_at(one(medication, "product"), "form")
    return untagged(found.text) if found else ""
