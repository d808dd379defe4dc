"""What an EHR had open when it launched the app, in words (SMART App Launch 2.2, "fhirContext").

Shown and no more: nothing of it is fetched, and what is about another patient is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from launcher.smart.foreign_text import is_fhir_id
from launcher.smart.origins import is_below
from launcher.smart.token import ContextItem

TEXT_MOST = 120

_RELATIVE = re.compile(r"([A-Z][A-Za-z]{1,60})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,60}", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9._~-]*", re.ASCII)
_ROLE_BY_DEFAULT = "launch"


@dataclass(frozen=True, slots=True)
class ContextLine:
    """One thing that the EHR had open: its FHIR type ("" if unknown), its id or other name, its role ("" for `launch`).

    All three are text from outside, printable and of at most 120 characters each.
    """

    kind: str
    name: str
    role: str = ""


def context_lines(items: Iterable[ContextItem], *, encounter: str, patient: str, base: str) -> tuple[ContextLine, ...]:
    """The encounter and the items of a launch, each once; without those that are about another patient."""
    lines = [ContextLine("Encounter", encounter)] if encounter else []
    lines += [_line(item, base) for item in items if not _is_about_another(item, patient=patient, base=base)]
    return tuple(dict.fromkeys(lines))


def other_patients(items: Iterable[ContextItem], *, patient: str, base: str) -> tuple[str, ...]:
    """The ids of other patients that the items name, for the log; "?" for one that is named in another way."""
    others = [item for item in items if _is_about_another(item, patient=patient, base=base)]
    return tuple(_patient_id(item, base) or "?" for item in others)


def _is_about_another(item: ContextItem, *, patient: str, base: str) -> bool:
    """Whether it is a Patient that is not clearly the one of this launch."""
    kind, _ = _target(item.reference, base)
    if "Patient" not in {kind, item.type}:
        return False
    return not patient or _patient_id(item, base) != patient


def _patient_id(item: ContextItem, base: str) -> str:
    kind, found = _target(item.reference, base)
    return found if kind == "Patient" and is_fhir_id(found) else ""


def _target(reference: str, base: str) -> tuple[str, str]:
    """Type and id of a reference to this EHR, relative or absolute; of one to elsewhere the type that it ends in."""
    relative = reference
    if is_below(reference, base):
        relative = reference[len(base.removesuffix("/")) :].removeprefix("/")
    match = _RELATIVE.fullmatch(relative)
    if match:
        return match[1], match[2]
    elsewhere = re.search(rf"/{_RELATIVE.pattern}\Z", reference, re.ASCII)
    return (elsewhere[1], "") if elsewhere else ("", "")


def _line(item: ContextItem, base: str) -> ContextLine:
    kind, found = _target(item.reference, base)
    name = found or item.reference or item.canonical or _identifier(item)
    said = item.type if _TYPE.fullmatch(item.type) else ""
    return ContextLine(kind or said, _short(name), _short(_role(item.role)))


def _identifier(item: ContextItem) -> str:
    return f"{item.identifier_value} ({item.identifier_system})" if item.identifier_system else item.identifier_value


def _role(role: str) -> str:
    """A role is a URI, or one of the standard's short names: the last part of it is what people may recognize."""
    if role == _ROLE_BY_DEFAULT:
        return ""
    last = re.split(r"[/#:|]", role.rstrip("/#"))[-1]
    return re.sub("[-_]+", " ", last).strip() if _WORD.fullmatch(last) else role


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MOST else f"{text[: TEXT_MOST - 1]}…"
