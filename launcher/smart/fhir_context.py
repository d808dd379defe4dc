"""Reads `fhirContext`: what the EHR had open besides patient and encounter (SMART App Launch 2.2, "fhirContext")."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.smart.foreign_text import plain
from launcher.smart.strict_json import JsonValue

_CONTEXT_MOST = 100


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One entry of `fhirContext`; 2.0 servers send bare references, later ones objects. No `role` means "launch"."""

    reference: str = ""
    canonical: str = ""
    identifier_system: str = ""
    identifier_value: str = ""
    type: str = ""
    role: str = "launch"


def read_fhir_context(value: JsonValue) -> tuple[tuple[ContextItem, ...], bool]:
    """The usable items, and whether that is all that was there; nothing sent (None) is nothing missing."""
    if value is None:
        return (), True
    items = [_item(item) for item in value[:_CONTEXT_MOST]] if isinstance(value, list) else [None]
    return tuple(item for item in items if item is not None), None not in items


def _item(value: JsonValue) -> ContextItem | None:
    if isinstance(value, str):
        value = {"reference": value}
    if not isinstance(value, dict):
        return None
    identifier = value.get("identifier")
    identifier = identifier if isinstance(identifier, dict) else {}
    item = ContextItem(
        reference=plain(value.get("reference")),
        canonical=plain(value.get("canonical")),
        identifier_system=plain(identifier.get("system")),
        identifier_value=plain(identifier.get("value")),
        type=plain(value.get("type")),
        role=plain(value.get("role")) or "launch",
    )
    return item if item.reference or item.canonical or item.identifier_value else None
