"""What a token response says of single FHIR bases: `authorization_details` of type `smart_on_fhir`.

SMART App Launch 2.2, "Launch context", experimental; RFC 9396, section 7. One token may serve several bases (an R4 and
a DSTU2 one), each with its own id for the same patient; what is said of one base must never be used at another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.smart.fhir_context import ContextItem, read_fhir_context
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import is_fhir_id, is_visible_ascii, words
from launcher.smart.origins import same_base
from launcher.smart.strict_json import JsonValue

NAME = "authorization_details"
_KIND = "smart_on_fhir"
_MOST = 50
_TEXT_MOST = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationDetail:
    """What is said of the FHIR bases in `locations`; None stands for what the top level says.

    `unusable` names members that were sent in no usable form. Of `patient` and `encounter` such a one must not be
    taken for absent: what the top level says may be somebody of another base.
    """

    locations: tuple[str, ...]
    versions: tuple[FhirVersion, ...] = ()
    scope: str | None = None
    patient: str | None = None
    encounter: str | None = None
    fhir_context: tuple[ContextItem, ...] | None = None
    unusable: tuple[str, ...] = ()

    def is_for(self, base: str) -> bool:
        """Whether it speaks of this FHIR base; bases are compared by parsed parts."""
        return any(same_base(location, base) for location in self.locations)


def read_details(value: JsonValue) -> tuple[tuple[AuthorizationDetail, ...], bool]:
    """The usable items for FHIR bases, and whether nothing had to be passed over; items of other types count as none.

    An item without a readable place is passed over: nobody can tell whom it is about.
    """
    if value is None:
        return (), True
    if not isinstance(value, list):
        return (), False
    found = [_item(item) for item in value[:_MOST] if not _is_of_another_type(item)]
    kept = tuple(item for item in found if item is not None)
    return kept, len(kept) == len(found) and len(value) <= _MOST


def _is_of_another_type(item: JsonValue) -> bool:
    """Details of other kinds of access are none of ours (RFC 9396, section 2)."""
    kind = item.get("type") if isinstance(item, dict) else None
    return isinstance(kind, str) and kind != "" and kind != _KIND


def _item(item: JsonValue) -> AuthorizationDetail | None:
    if not isinstance(item, dict) or item.get("type") != _KIND:
        return None
    locations = words(item.get("locations"), most=_MOST)
    if not locations:
        return None
    unusable = [name for name, fits in _FITS.items() if not fits(_said(item, name))]
    context = item.get("fhirContext")
    items, whole = read_fhir_context(context)
    if not whole:
        unusable.append("fhirContext")
    return AuthorizationDetail(
        locations=locations,
        versions=_versions(item.get("fhirVersions")),
        scope=None if "scope" in unusable else _text(item, "scope"),
        patient=_id(item, "patient"),
        encounter=_id(item, "encounter"),
        fhir_context=None if context is None else items,
        unusable=tuple(unusable),
    )


def _said(item: Mapping[str, JsonValue], name: str) -> JsonValue:
    """The value, None when it is absent, null or empty text (as at the top level); an empty scope is a word."""
    value = item.get(name)
    return None if value == "" and name != "scope" else value


def _is_id(value: JsonValue) -> bool:
    return value is None or is_fhir_id(value)


def _is_scope(value: JsonValue) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and len(value) <= _TEXT_MOST and all(is_visible_ascii(word) for word in value.split())


_FITS = {"patient": _is_id, "encounter": _is_id, "scope": _is_scope}


def _id(item: Mapping[str, JsonValue], name: str) -> str | None:
    """None when it is not said, "" when what is said is no id."""
    value = _said(item, name)
    if value is None:
        return None
    return value if isinstance(value, str) and is_fhir_id(value) else ""


def _text(item: Mapping[str, JsonValue], name: str) -> str | None:
    value = item.get(name)
    return " ".join(value.split()) if isinstance(value, str) else None


def _versions(value: JsonValue) -> tuple[FhirVersion, ...]:
    """Codes such as 4.0.1, in their order; those that we do not know are left out."""
    known = (FhirVersion.from_number(code) for code in words(value, most=_MOST))
    return tuple(dict.fromkeys(version for version in known if version is not None))


def patients_of(details: Sequence[AuthorizationDetail]) -> set[str]:
    """The different patients that these name; more than one is a contradiction when they speak of one base."""
    return {detail.patient for detail in details if detail.patient is not None}
