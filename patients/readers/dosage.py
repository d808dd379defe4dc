"""A dosage instruction of any version as a Dose: the EHR's text unchanged, and our structured line beside it.

Dose and rate stand in the dosage itself in DSTU2 and STU3 (`quantity[x]` in DSTU2's statement) and in `doseAndRate`
since R4. A part that cannot be read stays "", and so the structured line is not shown. Sources:
https://hl7.org/fhir/DSTU2/medicationorder.html, https://hl7.org/fhir/R4/dosage.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from patients.readers.codes import concept_at, is_bare, untagged, words_at
from patients.readers.datatypes import (
    Fields,
    as_list,
    extensions,
    flag_at,
    is_modified,
    is_sent,
    many,
    normal_code,
    one,
    text_at,
    texts_at,
    unique,
    unreadable_flag,
)
from patients.readers.quantities import amount, amount_range, ratio
from patients.readers.text import verbatim
from patients.readers.timing import timing_words
from patients.readers.wording import joined_by_or, said, worded
from patients.records import Dose

_AmountReader = Callable[[Fields], "str | None"]

_KEYS = ("dosageInstruction", "dosage")
_QUANTITIES = ("doseQuantity", "doseSimpleQuantity", "quantityQuantity", "quantity")
_RANGES = ("doseRange", "quantityRange")
_DOSE_KEYS = (*_QUANTITIES, *_RANGES)

# Routes that are met as bare codes of v3 RouteOfAdministration or SNOMED CT; whatever has a name keeps it.
_ROUTES: Mapping[str, str] = worded(
    {
        "PO": "oral",
        "IV": "intravenous",
        "IVINJ": "intravenous injection",
        "IM": "intramuscular",
        "SC": "subcutaneous",
        "SQ": "subcutaneous",
        "SL": "sublingual",
        "PR": "rectal",
        "26643006": "oral",
        "47625008": "intravenous",
        "78421000": "intramuscular",
        "34206005": "subcutaneous",
        "37839007": "sublingual",
        "37161004": "rectal",
    }
)


def dosages(resource: Fields) -> list[Fields]:
    """The dosage instructions of an order (`dosageInstruction`) or a statement (`dosage`), as sent."""
    return many(resource, *_KEYS)


def doses(resource: Fields) -> tuple[tuple[Dose, ...], list[str]]:
    """All dosage instructions that say something, in order, and notices about what of them cannot be shown.

    Without any text by instruction, the text that the EHR has rendered for all of them stands in its place.
    """
    read = [_dose(item) for item in dosages(resource)]
    marks = _marks(resource, read)
    found = tuple(dose for dose in read if replace(dose, unclear=False) != Dose())
    rendered = "" if any(dose.as_written for dose in found) else _rendered(resource)
    if rendered and len(found) == 1:
        return (replace(found[0], as_written=rendered),), marks
    return ((Dose(as_written=rendered), *found) if rendered else found), marks


def _rendered(resource: Fields) -> str:
    """R5's `renderedDosageInstruction`, or the extension of that name before."""
    earlier = extensions(resource, "renderedDosageInstruction", "medicationRequest.renderedDosageInstruction")
    sent = [resource, *earlier]
    keys = ("renderedDosageInstruction", "valueMarkdown", "valueString")
    return next((text for holder in sent for key in keys if (text := verbatim(holder.get(key)))), "")


_LOST = worded("A dosage instruction could not be read. Check the EHR.")
_CHANGED = worded("A dosage instruction carries a condition that this app cannot read. Check the EHR.")


def _marks(resource: Fields, read: list[Dose]) -> list[str]:
    sent = [item for key in _KEYS for item in as_list(resource.get(key)) if item is not None]
    lost = len(read) < len(sent) or any(dose.unclear and not dose.as_written for dose in read)
    changed = any(is_modified(item) for item in dosages(resource))
    return [said(words) for words, holds in ((_LOST, lost), (_CHANGED, changed)) if holds]


def _dose(dosage: Fields) -> Dose:
    written = verbatim(dosage.get("text"))
    more = words_at(dosage, "additionalInstruction", "additionalInstructions")
    instructions = unique([*more, *texts_at(dosage, "patientInstruction")])
    if is_modified(dosage):
        # Whatever it changes, our own line would be wrong.
        return Dose(as_written=written, instructions=instructions, unclear=True)
    dose = Dose(
        as_written=written,
        dose=_in_all_entries(dosage, _dose_amount),
        rate=_in_all_entries(dosage, _rate_amount),
        route=_route(dosage),
        site=_site(dosage),
        timing=timing_words(one(dosage, "timing")),
        as_needed=_as_needed(dosage),
        maximum=_maximum(dosage),
        instructions=instructions,
    )
    return replace(dose, unclear=_is_unclear(dosage, dose))


_PARTS: Mapping[str, tuple[str, ...]] = {
    "rate": ("rateRatio", "rateRange", "rateQuantity"),
    "site": ("site", "siteCodeableConcept"),
    "route": ("route",),
    "timing": ("timing",),
    "as_needed": ("asNeededCodeableConcept", "asNeededFor"),
    "maximum": ("maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime"),
}


def _is_unclear(dosage: Fields, dose: Dose) -> bool:
    """Whether a part was sent of which nothing could be said."""
    if is_sent(dosage, "text") and not dose.as_written:
        return True
    if any(unreadable_flag(dosage, key) for key in ("asNeededBoolean", "asNeeded")):
        return True
    if not dose.dose and any(is_sent(dosage, key) for key in ("doseAndRate", *_DOSE_KEYS)):
        return not (is_sent(dosage, "doseAndRate") and dose.rate)
    return any(not getattr(dose, part) and any(is_sent(dosage, key) for key in keys) for part, keys in _PARTS.items())


def _entries(dosage: Fields) -> list[Fields]:
    """`doseAndRate`, what was ordered first (a calculated amount may follow), else the dosage itself."""
    found = many(dosage, "doseAndRate")
    found.sort(key=lambda entry: _entry_type(entry) != "ordered")
    return found or [dosage]


def _entry_type(entry: Fields) -> str:
    kind = concept_at(entry, "type")
    return normal_code(kind.code or kind.text) if kind else ""


def _in_all_entries(dosage: Fields, read: _AmountReader) -> str:
    """The first amount with different ones in parentheses: "20 mg (1 tablet)"; "" when one of them cannot be read."""
    if is_sent(dosage, "doseAndRate") and len(many(dosage, "doseAndRate")) != len(as_list(dosage.get("doseAndRate"))):
        return ""
    words = [read(entry) for entry in _entries(dosage)]
    if any(word is None for word in words):
        return ""
    first, *others = unique(word or "" for word in words) or ("",)
    return f"{first} ({', '.join(others)})" if others else first


def _dose_amount(entry: Fields) -> str | None:
    for key in _QUANTITIES:
        if is_sent(entry, key):
            return amount(one(entry, key)) or None
    return _range_at(entry, *_RANGES)


def _rate_amount(entry: Fields) -> str | None:
    if is_sent(entry, "rateRatio"):
        return ratio(one(entry, "rateRatio")) or None
    if is_sent(entry, "rateQuantity"):
        return amount(one(entry, "rateQuantity")) or None
    return _range_at(entry, "rateRange")


def _range_at(entry: Fields, *keys: str) -> str | None:
    """ "" when there is no range, None when it cannot be read."""
    for key in keys:
        if is_sent(entry, key):
            return amount_range(one(entry, key)) or None
    return ""


def _route(dosage: Fields) -> str:
    found = concept_at(dosage, "route")
    if not found:
        return ""
    if not is_bare(found):
        return untagged(found.text)
    known = _ROUTES.get(found.code.upper())
    return said(known) if known else found.text


def _site(dosage: Fields) -> str:
    words = words_at(dosage, "site", "siteCodeableConcept")
    return ", ".join(words) or text_at(one(dosage, "siteReference"), "display")


def _as_needed(dosage: Fields) -> str:
    reasons = words_at(dosage, "asNeededCodeableConcept", "asNeededFor")
    if reasons:
        return said("as needed for %(reasons)s") % {"reasons": joined_by_or(reasons)}
    needed = flag_at(dosage, "asNeededBoolean") or flag_at(dosage, "asNeeded")
    return said("as needed") if needed or is_sent(dosage, "asNeededCodeableConcept") else ""


_LIMITS: Mapping[str, str] = worded(
    {
        "maxDosePerAdministration": "%(amount)s per dose",
        "maxDosePerLifetime": "%(amount)s in a lifetime",
    }
)


def _maximum(dosage: Fields) -> str:
    """Each limit that was sent, joined; "" when one of them cannot be read."""
    limits = [ratio(one({"": item}, "")) for item in as_list(dosage.get("maxDosePerPeriod"))]
    for key, limit in _LIMITS.items():
        if is_sent(dosage, key):
            words = amount(one(dosage, key))
            limits.append(said(limit) % {"amount": words} if words else "")
    return ", ".join(limits) if all(limits) else ""
