"""References to Medications: which one is meant, and whether it is at hand.

Sources: https://hl7.org/fhir/references.html#literal, https://hl7.org/fhir/bundle.html#references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from patients.readers.datatypes import NOTHING, Fields, as_fields, many, of_type, text_at
from patients.readers.subject import path_below

# https://hl7.org/fhir/datatypes.html#id; at least one letter or digit, for "." and ".." would climb the address.
_ID = re.compile(r"(?=[.-]*[A-Za-z0-9])[A-Za-z0-9.-]{1,64}")
Known = Mapping[str, Fields]
"""Medications by a reference to them: "Medication/123", an absolute URL or a urn:uuid, as sent."""


def medication_id(reference: str, base: str = "") -> str:
    """ "Medication/123" for a reference to it, relative or below `base`, with or without a version; else ""."""
    path = path_below(reference, base)
    if path is None or len(path) != 2 or path[0] != "Medication" or not _ID.fullmatch(path[1]):
        return ""
    return "/".join(path)


def drug_reference(resource: Fields) -> Fields:
    """`medicationReference`, or the reference within R5's CodeableReference, of an order or a statement."""
    for item in many(resource, "medicationReference", "medication"):
        inner = as_fields(item.get("reference"))
        if inner or text_at(item, "reference", "display"):
            return inner or item
    return NOTHING


def find(reference: str, known: Known) -> Fields:
    """The Medication that this reference means, or no fields; a version asked for gives the current one."""
    return of_type(known.get(reference) or known.get(medication_id(reference)), "Medication")
