"""Searching one patient's records: token parameters, paging, and the searchset Bundle (FHIR R4, section 3.1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from sandbox.addresses import EhrAddress
from sandbox.personalities import Personality
from sandbox.store import Resource

_ELEMENTS = {
    "_id": "id",
    "category": "category",
    "clinical-status": "clinicalStatus",
    "clinicalstatus": "clinicalStatus",
    "code": "code",
    "intent": "intent",
    "status": "status",
}
_OFFSET = "_offset"


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search: what matched, what was included, and how many match in all."""

    matches: list[Resource]
    included: list[Resource]
    total: int
    offset: int
    size: int


def _tokens(value: object, system: str = "") -> Iterator[tuple[str, str]]:
    """All (system, code) pairs in a code, Coding, CodeableConcept, or a list of them."""
    if isinstance(value, str):
        yield system, value
    elif isinstance(value, list):
        for item in value:
            yield from _tokens(item)
    elif isinstance(value, Mapping):
        if isinstance(value.get("code"), str):
            yield str(value.get("system", "")), value["code"]
        yield from _tokens(value.get("coding", []))


def _fits(resource: Resource, name: str, wanted: str) -> bool:
    """A token parameter: alternatives by comma, each `code` or `system|code` (FHIR R4, section 3.1.1.4.10)."""
    present = set(_tokens(resource.get(_ELEMENTS[name])))
    for alternative in wanted.split(","):
        system, bar, code = alternative.rpartition("|")
        if any(code == found and (not bar or system == space) for space, found in present):
            return True
    return False


def filtered(records: list[Resource], type_name: str, query: QueryDict, personality: Personality) -> list[Resource]:
    """Those that fit every parameter this EHR lists for the type; others are ignored, as lenient servers do."""
    listed = next((dict(kind.params) for kind in personality.resources if kind.name == type_name), {})
    filters = [(name, value) for name, values in query.lists() for value in values if name in listed]
    return [
        record
        for record in records
        if all(_fits(record, name, str(value)) for name, value in filters if name in _ELEMENTS)
    ]


def _number(query: QueryDict, name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else default


def page_of(records: list[Resource], query: QueryDict, *, page_size: int) -> Found:
    """One page; `page_size` 0 is all at once. `_count` may ask for less, never for more."""
    total = len(records)
    if not page_size:
        return Found(records, [], total, 0, 0)
    size = min(_number(query, "_count", page_size) or page_size, page_size)
    offset = _number(query, _OFFSET, 0)
    return Found(records[offset : offset + size], [], total, offset, size)


def _entry(address: EhrAddress, resource: Resource, mode: str) -> dict[str, Any]:
    if not address.personality.bundle_details:
        return {"resource": resource}
    url = f"{address.fhir_base}/{resource.get('resourceType')}/{resource.get('id')}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def bundle(address: EhrAddress, found: Found, *, path: str, query: QueryDict) -> dict[str, Any]:
    """The searchset. `path` is what was asked, relative to the base; the next link is absolute."""
    entries = [_entry(address, resource, "match") for resource in found.matches]
    entries += [_entry(address, resource, "include") for resource in found.included]
    asked = [(name, str(value)) for name, values in query.lists() for value in values]
    links = [{"relation": "self", "url": _url(address, path, asked)}]
    if found.size and found.offset + found.size < found.total:
        kept = [pair for pair in asked if pair[0] != _OFFSET]
        links.append(
            {"relation": "next", "url": _url(address, path, [*kept, (_OFFSET, str(found.offset + found.size))])}
        )
    searchset: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if address.personality.bundle_details:
        searchset |= {"total": found.total, "link": links}
    return {**searchset, **({"entry": entries} if entries else {})}


def _url(address: EhrAddress, path: str, pairs: list[tuple[str, str]]) -> str:
    query = urlencode(pairs)
    return f"{address.fhir_base}/{path}" + (f"?{query}" if query else "")
