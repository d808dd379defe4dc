"""Short ways to say what stands in a patient's chart, so that a chart can be read on one screen."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.findings import LABS, NEGATIONS, OTHER_UNITS, PAPERS, SIGNS, SUBSTANCES, VACCINES, VITALS, Test
from sandbox.person import Amount, Concept
from sandbox.record import Allergy, Attachment, Bounds, Chart, Document, Measurement, Part, Reaction, Vaccination

VITAL = "vital-signs"
LAB = "laboratory"


def reaction(*signs: str, severity: str = "", **facts: Any) -> Reaction:
    """A reaction with signs from the table, or in words where the table has none."""
    return Reaction(tuple(SIGNS.get(sign, Concept(sign)) for sign in signs), severity, **facts)


def allergy(key: str, *reactions: Reaction, **facts: Any) -> Allergy:
    """An allergy to a substance of the table; `facts` are fields of `Allergy`."""
    of, what = SUBSTANCES[key]
    return Allergy(what, **{"of": of, "kind": "allergy", "reactions": reactions, **facts})


def free_allergy(text: str, *reactions: Reaction, **facts: Any) -> Allergy:
    """An allergy that somebody typed and nobody coded."""
    return Allergy(Concept(text), reactions=reactions, **facts)


def none_known(which: str = "allergy", **facts: Any) -> Allergy:
    """The entry that says there is none: of any kind, of drugs, or of food."""
    return Allergy(NEGATIONS[which], **facts)


def series(key: str, *readings: str, **facts: Any) -> tuple[Measurement, ...]:
    """A vital sign over time, each reading "2026-10-06 72.5" or, in another unit, "2026-10-06 160 lb"."""
    return tuple(_reading(VITALS[key], reading, facts) for reading in readings)


def _reading(test: Test, reading: str, facts: dict[str, Any]) -> Measurement:
    taken, value, *unit = reading.split()
    other = unit[0] if unit else ""
    amount = Amount(Decimal(value), other or test.unit, OTHER_UNITS[other] if other else test.ucum)
    return Measurement(test.what, VITAL, taken, amount, **facts)


def pressures(*readings: str, old: bool = False, **facts: Any) -> tuple[Measurement, ...]:
    """Blood pressures, each "2026-10-06 138/84"; "138/-" is one whose second number was not taken."""
    panel = VITALS["blood-pressure-old" if old else "blood-pressure"]
    found = []
    for reading in readings:
        taken, both = reading.split()
        parts = (_pressure(name, text) for name, text in zip(("systolic", "diastolic"), both.split("/"), strict=True))
        found.append(Measurement(panel.what, VITAL, taken, parts=tuple(parts), **facts))
    return tuple(found)


def _pressure(name: str, text: str) -> Part:
    test = VITALS[name]
    if text == "-":
        return Part(test.what, absent="not-performed")
    return Part(test.what, Amount(Decimal(text), test.unit, test.ucum))


def lab(key: str, taken: str, value: str = "", flag: str = "", **facts: Any) -> Measurement:
    """A result in the test's own unit with its usual range; "<5" is less than five."""
    test = LABS[key]
    return Measurement(
        test.what, LAB, taken, **{"value": _figure(test, value), "flag": flag, "usual": _usual(test), **facts}
    )


def _figure(test: Test, text: str) -> Amount | None:
    if not text:
        return None
    number = text.lstrip("<>=")
    return Amount(Decimal(number), test.unit, test.ucum, text.removesuffix(number))


def _usual(test: Test) -> Bounds | None:
    low, high = _figure(test, test.low), _figure(test, test.high)
    return Bounds(low, high) if low or high else None


def answer(key: str, taken: str, value: Concept | str, **facts: Any) -> Measurement:
    """A result that is a code or words."""
    return Measurement(LABS[key].what, LAB, taken, value, **facts)


def panel(key: str, taken: str, members: int, **facts: Any) -> Measurement:
    """A report that only gathers results: the next so many."""
    return Measurement(LABS[key].what, LAB, taken, members=members, **facts)


def shot(key: str, given: str, **facts: Any) -> Vaccination:
    """A vaccine of the table; `facts` are fields of `Vaccination`."""
    return Vaccination(VACCINES[key], given, **facts)


def paper(key: str, written: str, *forms: Attachment, **facts: Any) -> Document:
    """A document of a kind of the table in one or several forms."""
    return Document(PAPERS[key], written, forms, **facts)


def numbered(patient_id: str, chart: Chart) -> Chart:
    """The chart with ids given to all that is in it."""
    return Chart(
        tuple(replace(one, id=f"{patient_id}-al{n}") for n, one in enumerate(chart.allergies, 1)),
        tuple(replace(one, id=f"{patient_id}-ob{n}") for n, one in enumerate(chart.measurements, 1)),
        tuple(replace(one, id=f"{patient_id}-im{n}") for n, one in enumerate(chart.vaccinations, 1)),
        tuple(_filed(f"{patient_id}-doc{n}", one) for n, one in enumerate(chart.documents, 1)),
    )


def _filed(document_id: str, one: Document) -> Document:
    forms = tuple(replace(form, id=f"{document_id}-file{n}") for n, form in enumerate(one.forms, 1))
    return replace(one, id=document_id, forms=forms)
