"""What must hold for every record, whatever was sent: said once for the sweep and for outside examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from patients.readers.select import Reader
from patients.records import Coded, Condition, Demographics, Medication, Missing, PersonName, Tag

MEDICATIONS = ("MedicationOrder", "MedicationRequest", "MedicationStatement")
FORBIDDEN = ("None", "null", "undefined", "[object", "Decimal", "{'", "mappingproxy", "\x00", "\ud800")


def read(reader: Reader, resource: Mapping[str, object]) -> Demographics | Condition | Medication | None:
    """The record of a resource of a type we read, None for other types."""
    return read_as(resource.get("resourceType"), reader, resource)


def read_as(
    kind: object, reader: Reader, resource: Mapping[str, object]
) -> Demographics | Condition | Medication | None:
    """The same for a type known from elsewhere."""
    if kind == "Patient":
        return reader.demographics(resource)
    if kind == "Condition":
        return reader.condition(resource)
    return reader.medication(resource) if kind in MEDICATIONS else None


def strings(value: object) -> Iterator[str]:
    """Every string anywhere in a record."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name))


def members(value: object) -> Iterator[object]:
    """The record and every dataclass and tuple within."""
    yield value
    if isinstance(value, tuple):
        for item in value:
            yield from members(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from members(getattr(value, field.name))


def complaints(record: Demographics | Condition | Medication) -> list[str]:
    """Everything that a clinician must never see in a record."""
    found = [f"{word!r} in {text!r}" for text in strings(record) for word in FORBIDDEN if word in text]
    for member in members(record):
        if isinstance(member, tuple) and any(isinstance(item, str) and not item.strip() for item in member):
            found.append(f"blank entry in {member!r}")
        if isinstance(member, Coded) and not member.text.strip():
            found.append("blank name of a concept")
        if isinstance(member, Tag) and not member.word.strip():
            found.append("blank status")
        if isinstance(member, PersonName) and not f"{member.family}{member.given}{member.text}".strip():
            found.append("blank name of a person")
    found += [
        f"blank {name}"
        for name in ("name", "sex", "prescriber", "marital_status", "race", "ethnicity")
        if getattr(record, name, Missing.UNKNOWN) == ""
    ]
    return found
