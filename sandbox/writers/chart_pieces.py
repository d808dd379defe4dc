"""The parts of allergies, measurements, vaccinations and documents that look the same in every version."""

from __future__ import annotations

import base64
import hashlib

from sandbox import charts
from sandbox.person import Amount, Concept, Person
from sandbox.record import Attachment, Bounds, Chart, Measurement, Result
from sandbox.writers import pieces
from sandbox.writers.pieces import Resource, concept, written

FLAGS = {
    "H": "High",
    "HH": "Critical high",
    "L": "Low",
    "LL": "Critical low",
    "N": "Normal",
    "A": "Abnormal",
    "NEG": "Negative",
}
"""HL7's codes of an interpretation and their words."""
CATEGORIES = {"vital-signs": "Vital Signs", "laboratory": "Laboratory"}


def chart(person: Person) -> Chart:
    return charts.of(person.id)


def value(one: Result) -> Resource:
    """The choice element `value` of a result; {} when there is none."""
    if isinstance(one, Amount):
        return {"valueQuantity": pieces.quantity(one)}
    if isinstance(one, Concept):
        return {"valueCodeableConcept": concept(one)}
    return {"valueString": one} if one else {}


def category(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": CATEGORIES[code]}], "text": CATEGORIES[code]}


def flag(system: str, code: str) -> Resource:
    """The interpretation; {} when the laboratory gave none."""
    return {"coding": [{"system": system, "code": code, "display": FLAGS[code]}], "text": FLAGS[code]} if code else {}


def absent_reason(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]} if code else {}


def bounds(one: Bounds | None) -> list[Resource]:
    """`referenceRange`, of at most one entry."""
    if one is None:
        return []
    return [written({"low": pieces.quantity(one.low), "high": pieces.quantity(one.high), "text": one.text})]


def part_values(one: Measurement, *, absent_system: str) -> list[Resource]:
    return [
        written(
            {
                "code": concept(part.what),
                **value(part.value),
                "dataAbsentReason": absent_reason(absent_system, part.absent),
            }
        )
        for part in one.parts
    ]


def members(person: Person, one: Measurement) -> list[Resource]:
    """References to the measurements that a panel is made of."""
    everything = chart(person).measurements
    first = next((n for n, other in enumerate(everything, 1) if other.id == one.id), 0)
    return [{"reference": f"Observation/{other.id}"} for other in everything[first : first + one.members]]


def attachment(one: Attachment, person: Person, base: str) -> Resource:
    """An Attachment: the bytes themselves, or the address of the Binary, relative where the EHR writes those."""
    start = f"{base.rstrip('/')}/" if person.absolute_references else ""
    found = {"contentType": one.media, "title": one.title}
    if one.kept != "inline":
        sized = {"size": one.size or len(one.content())} if one.kept == "binary" else {}
        return {**found, "url": f"{start}Binary/{one.id}", **sized}
    content = one.content()
    checksum = hashlib.sha1(content, usedforsecurity=False).digest()
    return {**found, "data": as_base64(content), "size": len(content), "hash": as_base64(checksum)}


def as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
