"""Looks into FHIR JSON without trusting it: any element may be missing, null, of a wrong JSON type, or an extension.

Nothing here raises on what an EHR sends, `require_type` aside. Sources: https://hl7.org/fhir/json.html (null and the
underscore properties), https://hl7.org/fhir/extension-data-absent-reason.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from patients.readers.text import clean, clean_lines
from patients.readers.wording import said, worded
from patients.records import Missing

Fields = Mapping[str, object]
NOTHING: Fields = MappingProxyType({})


class Unreadable(ValueError):
    """This is no resource of the type asked for; everything milder becomes a Missing value in the record."""


def require_type(resource: object, *types: str) -> Fields:
    """The resource as fields, also out of a Bundle that holds nothing else; raises Unreadable for any other type."""
    if not isinstance(resource, Mapping):
        raise Unreadable("not a JSON object")
    if found := of_type(resource, *types):
        return found
    raise Unreadable(f"not a {' or '.join(types)}")


def of_type(resource: object, *types: str) -> Fields:
    """The resource if it is of one of these types, or the only entry of a Bundle if that is; else no fields."""
    fields = as_fields(resource)
    if fields.get("resourceType") == "Bundle":
        entries = as_list(fields.get("entry"))
        fields = as_fields(as_fields(entries[0]).get("resource")) if len(entries) == 1 else NOTHING
    kind = fields.get("resourceType")
    return fields if isinstance(kind, str) and kind in types else NOTHING


def as_fields(value: object) -> Fields:
    return value if isinstance(value, Mapping) else NOTHING


def as_list(value: object) -> list[object]:
    """A list as it is, a single value as a list of one: elements changed their cardinality between versions."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def many(parent: Fields, *keys: str) -> list[Fields]:
    """The JSON objects under these keys; anything else there is passed over."""
    return [item for key in keys for item in as_list(parent.get(key)) if isinstance(item, Mapping)]


def one(parent: Fields, *keys: str) -> Fields:
    """The first JSON object under these keys, or no fields."""
    return next(iter(many(parent, *keys)), NOTHING)


def text_at(parent: Fields, *keys: str) -> str:
    """The first visible text under these keys, cleaned; "" without one."""
    return next((text for key in keys if (text := clean(parent.get(key)))), "")


def texts_at(parent: Fields, key: str) -> list[str]:
    return [text for item in as_list(parent.get(key)) if (text := clean(item))]


def flag_at(parent: Fields, key: str) -> bool | None:
    """A boolean; servers also send the words "true" and "false". None when there is none or it cannot be read."""
    return flag_of(parent.get(key))


def flag_of(value: object) -> bool | None:
    """The same for the value itself."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(clean(value).lower())


def is_sent(parent: Fields, key: str) -> bool:
    """Whether the element says anything, readable or not: null, blank text, empty and extension-only objects do not."""
    return says_something(parent.get(key))


def says_something(value: object) -> bool:
    """The same for the value itself."""
    if isinstance(value, str):
        return bool(clean(value))
    if isinstance(value, list):
        return any(map(says_something, value))
    if isinstance(value, Mapping):
        return any(says_something(item) for key, item in value.items() if key not in _SILENT)
    return value is not None


_SILENT = frozenset({"extension", "id", "system", "version"})


def unreadable_flag(parent: Fields, key: str) -> bool:
    return is_sent(parent, key) and flag_at(parent, key) is None


_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")


def number(value: object) -> Decimal | None:
    """A finite number with the digits as sent; numbers written as text are accepted, booleans are not."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _DECIMAL.fullmatch(value.strip()):
        return None
    try:
        found = Decimal(value.strip() if isinstance(value, str) else repr(value))
    except (InvalidOperation, ValueError):  # ValueError: Python refuses to print integers of over 4,300 digits
        return None
    return found if found.is_finite() else None


def extensions(parent: Fields, *names: str) -> Iterator[Fields]:
    """The extensions whose URL ends in one of these names: the same extension moved between hosts over the years."""
    for extension in many(parent, "extension"):
        if _last_segment(text_at(extension, "url")) in names:
            yield extension


def beside(parent: Fields, key: str) -> Fields:
    """The underscore property that carries a primitive's extensions."""
    return as_fields(parent.get(f"_{key}"))


def _last_segment(url: str) -> str:
    return url.partition("|")[0].rstrip("/").rpartition("/")[2]


_REASONS: Mapping[str, Missing] = {
    **{reason.value: reason for reason in Missing},
    "temp-unknown": Missing.UNKNOWN,
    "asked": Missing.ASKED_UNKNOWN,
    "as-text": Missing.NOT_RECORDED,
    "astext": Missing.NOT_RECORDED,
    "not-permitted": Missing.MASKED,
    "not-a-number": Missing.ERROR,
    "nan": Missing.ERROR,
    "negative-infinity": Missing.ERROR,
    "positive-infinity": Missing.ERROR,
    # v3 NullFlavor, https://terminology.hl7.org/CodeSystem-v3-NullFlavor.html
    "ni": Missing.NOT_RECORDED,
    "unk": Missing.UNKNOWN,
    "nav": Missing.UNKNOWN,
    "asku": Missing.ASKED_UNKNOWN,
    "nask": Missing.NOT_ASKED,
    "msk": Missing.MASKED,
    "na": Missing.NOT_APPLICABLE,
}


def reason_of(code: str) -> Missing:
    """A code of data-absent-reason or NullFlavor as a Missing; an unknown code says no more than "unknown"."""
    return _REASONS.get(code.lower(), Missing.UNKNOWN)


def absent_reason(holder: Fields) -> Missing | None:
    """What a data-absent-reason (or nullFlavor) extension of this element says."""
    for extension in extensions(holder, "data-absent-reason", "iso21090-nullFlavor"):
        if code := text_at(extension, "valueCode", "valueString"):
            return reason_of(code)
    return None


def why_missing(parent: Fields, *keys: str) -> Missing:
    """Why none of these elements has a value: the EHR's reason, "unreadable" when one was sent, "not recorded"."""
    for key in keys:
        for holder in (beside(parent, key), *many(parent, key)):
            if reason := absent_reason(holder):
                return reason
    return Missing.UNREADABLE if any(is_sent(parent, key) for key in keys) else Missing.NOT_RECORDED


_ID = re.compile(r"[A-Za-z0-9._~:+=|-]{1,128}")


def resource_id(resource: Fields) -> str:
    """The logical id, "" if it is not one (it stands in space-separated attributes of the page)."""
    found = clean(resource.get("id"))
    return found if _ID.fullmatch(found) else ""


def own_reference(resource: Fields) -> str:
    """ "Condition/123" for this resource, "" when it has no usable id."""
    found = resource_id(resource)
    return f"{clean(resource.get('resourceType'))}/{found}" if found else ""


def contained(resource: Fields, reference: str) -> Fields:
    """The contained resource that "#id" points to, or no fields."""
    wanted = reference[1:] if reference[:1] == "#" else ""
    return next((item for item in many(resource, "contained") if wanted and clean(item.get("id")) == wanted), NOTHING)


# https://terminology.hl7.org/ValueSet-v3-InformationSensitivityPolicy.html; the first line is Confidentiality.
_RESTRICTED = frozenset(
    {
        *("r", "v", "restricted", "very-restricted"),
        *("eth", "etud", "ethud", "sud", "sudthpn", "opioidud", "psy", "psythpn", "bh", "cogn", "dvd", "emotdis", "mh"),
        *("hiv", "std", "sti", "sex", "sdv", "vio", "tboo", "gdis", "mst", "pregnant", "preg", "sickle", "scd"),
        *("iids", "spi", "ds", "dia", "42cfrpart2", "celeb", "emp"),
    }
)


def is_restricted(resource: Fields) -> bool:
    """Whether `meta.security` labels the resource as confidential beyond the usual or as sensitive."""
    labels = (text_at(label, key) for label in many(one(resource, "meta"), "security") for key in ("code", "display"))
    return any(normal_code(label) in _RESTRICTED for label in labels)


def normal_code(text: str) -> str:
    """A code for comparing: "Entered in Error" and "entered_in_error" are "entered-in-error"."""
    return re.sub(r"[\s_]+", "-", text.strip().lower())


def notes_at(resource: Fields, *keys: str) -> tuple[str, ...]:
    """Annotations (or the plain strings of DSTU2), line breaks kept, in the order sent."""
    notes: list[str] = []
    for key in keys:
        for item in as_list(resource.get(key)):
            value = item.get("text") if isinstance(item, Mapping) else item
            notes += ["\n".join(lines)] if (lines := clean_lines(value)) else []
    return unique(notes)


MODIFIED = worded(
    "The EHR sent a remark that changes the meaning of this record and that this app cannot read. Check the EHR."
)
# A contained resource is a record of its own; a dosage has a notice of its own.
_LEFT_OUT = frozenset({"contained", "dosage", "dosageInstruction"})


def modifier_marks(resource: Fields) -> list[str]:
    """A notice when rules or extensions that we do not know change the meaning of the resource or of a part of it.

    Sources: https://hl7.org/fhir/extensibility.html#modifierExtension, https://hl7.org/fhir/resource.html#implicitRules.
    """
    return [said(MODIFIED)] if is_sent(resource, "implicitRules") or is_modified(resource) else []


def is_modified(part: Fields) -> bool:
    """Whether this element, or one within it, carries a modifier extension."""
    if is_sent(part, "modifierExtension"):
        return True
    return any(
        is_modified(item)
        for key, value in part.items()
        if isinstance(value, list | Mapping) and key not in _LEFT_OUT
        for item in as_list(value)
        if isinstance(item, Mapping)
    )


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """The same texts without blanks and repetitions, in order."""
    return tuple(dict.fromkeys(item for item in items if item))
