"""Searching records: token parameters, patients by who they are, and the searchset Bundle (FHIR R4, section 3.1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from sandbox.addresses import EhrAddress
from sandbox.endpoints import dates, paging
from sandbox.endpoints.paging import Page
from sandbox.person import Person
from sandbox.personality import Personality
from sandbox.scenario import LaunchScenario
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
_NO_RESULTS = {"system": "urn:oid:2.999.171.2", "code": "4101", "display": "Resource request returns no results."}


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search: what matched, what was included, and how many match in all."""

    matches: list[Resource]
    included: list[Resource]
    total: int
    page: Page


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


def fits(resource: Resource, name: str, wanted: str) -> bool:
    """A token parameter: alternatives by comma, each `code` or `system|code` (FHIR R4, section 3.1.1.4.10)."""
    present = set(_tokens(resource.get(_ELEMENTS[name])))
    for alternative in wanted.split(","):
        system, bar, code = alternative.rpartition("|")
        if any(code == found and (not bar or system == space) for space, found in present):
            return True
    return False


def listed(personality: Personality, type_name: str) -> frozenset[str]:
    """The names of the search parameters that this EHR lists for the type."""
    return frozenset(name for kind in personality.resources if kind.name == type_name for name, _ in kind.params)


def filtered(records: list[Resource], type_name: str, query: QueryDict, personality: Personality) -> list[Resource]:
    """Those that fit every parameter this EHR lists for the type; others are ignored, as lenient servers do."""
    known = listed(personality, type_name)
    filters = [(name, value) for name, values in query.lists() for value in values if name in known]
    return [record for record in records if all(_meets(record, name, str(value)) for name, value in filters)]


def _meets(record: Resource, name: str, value: str) -> bool:
    """Parameters that are neither codes nor dates were judged before, or are ignored."""
    if name == "date":
        return dates.meets(record, value)
    return name not in _ELEMENTS or fits(record, name, value)


def in_order(records: list[Resource], type_name: str, query: QueryDict, personality: Personality) -> list[Resource]:
    """By date where the search wants that and the EHR lists dates: `_sort=date`, or `-date` for the latest first."""
    wanted = query.get("_sort", "")
    if wanted not in ("date", "-date") or "date" not in listed(personality, type_name):
        return records
    return sorted(records, key=dates.first_moment, reverse=wanted == "-date")


def _is(person: Person, name: str, wanted: str) -> bool:
    """A parameter of a search for patients: names by how they begin, dates by what they begin with."""
    value = wanted.casefold().removeprefix("eq")
    family = [part for each in person.names for part in each.family]
    given = [part for each in person.names for part in each.given]
    texts = [each.text for each in person.names]
    match name:
        case "_id":
            return person.id in wanted.split(",")
        case "identifier":
            return bool(person.mrn) and wanted.rpartition("|")[2] == person.mrn
        case "gender":
            return person.sex == value
        case "birthdate":
            return bool(value) and person.born.startswith(value)
        case "family" | "given":
            return any(part.casefold().startswith(value) for part in (family if name == "family" else given))
        case "name":
            words = [word for text in (*family, *given, *texts) for word in text.split()]
            return any(word.casefold().startswith(value) for word in (*family, *given, *words))
        case _:
            return True


def people_like(people: list[Person], query: QueryDict) -> list[Person]:
    """The patients who fit every parameter; without any, all of them."""
    asked = [(name, str(value)) for name, values in query.lists() for value in values]
    return [person for person in people if all(_is(person, name, value) for name, value in asked)]


def page_of(records: list[Resource], page: Page) -> Found:
    """One page of the records."""
    if not page.size:
        return Found(records, [], len(records), page)
    return Found(records[page.offset : page.offset + page.size], [], len(records), page)


def _entry(address: EhrAddress, resource: Resource, mode: str) -> dict[str, Any]:
    if not address.personality.bundle_details:
        return {"resource": resource}
    url = f"{address.fhir_base}/{resource.get('resourceType')}/{resource.get('id')}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def bundle(
    address: EhrAddress, found: Found, *, path: str, query: QueryDict, scenario: LaunchScenario | None = None
) -> dict[str, Any]:
    """The searchset. `path` is what was asked, relative to the base."""
    entries = [_entry(address, resource, "match") for resource in found.matches]
    entries += [_entry(address, resource, "include") for resource in found.included]
    if not entries and address.personality.outcome_when_empty:
        entries.append({"resource": _no_results(), "search": {"mode": "outcome"}})
    asked = [(name, str(value)) for name, values in query.lists() for value in values]
    links = [{"relation": "self", "url": paging.url(address, path, asked)}]
    if found.page.size and found.page.offset + found.page.size < found.total:
        links.append({"relation": "next", "url": paging.next_url(address, path, found.page, scenario)})
    searchset: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if address.personality.bundle_details:
        searchset |= {**paging.total(found.total, found.page, scenario), "link": links}
    return {**searchset, **({"entry": entries} if entries else {})}


def _no_results() -> Resource:
    issue = {"severity": "warning", "code": "processing", "details": {"coding": [_NO_RESULTS]}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
