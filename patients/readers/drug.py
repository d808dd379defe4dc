"""Which drug an order or statement is about: its concept, a contained or supplied Medication, a reference's display.

A drug that cannot be told is never given an invented name: the name is Missing, and a note says what was sent. Source:
https://hl7.org/fhir/R4/medication.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from patients.readers.codes import DRUGS, concept_at, untagged, why_no_concept
from patients.readers.datatypes import NOTHING, Fields, as_fields, contained, many, one, text_at, why_missing
from patients.readers.quantities import amount, ratio
from patients.records import Coded, Missing

_MAX_DEPTH = 3  # contained Medications may refer to each other in a circle
_CONCEPTS = ("medicationCodeableConcept", "medication")
_REFERENCES = ("medicationReference", "medication")


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug's name (or why there is none, with a note of what was sent instead) and its form ("" if not known)."""

    name: Coded | Missing
    note: str = ""
    form: str = ""


def drug_of(resource: Fields, known: Mapping[str, Fields] | None = None) -> Drug:
    """The drug of an order or statement. `known` holds Medications read elsewhere, by the reference as sent."""
    reference = _reference(resource)
    target = text_at(reference, "reference")
    medication = contained(resource, target) or as_fields((known or {}).get(target))
    form = _form(medication)
    name = concept_at(resource, *_CONCEPTS, preferred=DRUGS) or _medication_name(resource, medication, depth=0)
    if name:
        return Drug(name=name, form=form)
    if display := text_at(reference, "display"):
        return Drug(name=Coded(text=display), form=form)
    return Drug(name=_why_unnamed(resource, medication), note=_note(target), form=form)


def medication_reference(resource: Fields) -> str:
    """The reference as sent, when the drug's name can only be had by reading what it points to, else "".

    It may be absolute and lie on another server: the caller follows it only below its own FHIR base.
    """
    target = text_at(_reference(resource), "reference")
    return target if target[:1] != "#" and isinstance(drug_of(resource).name, Missing) else ""


def _reference(resource: Fields) -> Fields:
    """`medicationReference`, or R5's CodeableReference."""
    for item in many(resource, *_REFERENCES):
        inner = one(item, "reference")
        if inner or text_at(item, "reference", "display"):
            return inner or item
    return NOTHING


def _note(target: str) -> str:
    """Type and id of an absolute reference; anything else as sent."""
    return "/".join(target.partition("/_history/")[0].split("/")[-2:])


def _why_unnamed(resource: Fields, medication: Fields) -> Missing:
    if medication:
        return why_no_concept(medication, "code")
    reason = why_no_concept(resource, *_CONCEPTS)
    if reason in {Missing.NOT_RECORDED, Missing.UNREADABLE} and text_at(_reference(resource), "reference"):
        return Missing.NOT_RECORDED
    other = why_missing(resource, *_REFERENCES)
    return other if reason is Missing.NOT_RECORDED else reason


def _medication_name(resource: Fields, medication: Fields, *, depth: int) -> Coded | None:
    """The code of a Medication or Substance, else the names of its ingredients."""
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
    if not name:
        name = _medication_name(resource, contained(resource, text_at(reference, "reference")), depth=depth + 1)
    words = name.text if name else text_at(reference, "display")
    strength = one(item, "strength", "strengthRatio", "amount", "strengthQuantity")
    amounts = ratio(strength) or amount(strength)
    return f"{words} {amounts}".strip() if words else ""


def _form(medication: Fields) -> str:
    found = concept_at(medication, "form", "doseForm") or concept_at(one(medication, "product"), "form")
    return untagged(found.text) if found else ""
