"""Takes a searchset Bundle apart: matches, remarks of the server, and what cannot be read.

FHIR R4, "Bundle" and "Search" (https://hl7.org/fhir/R4/search.html#return); DSTU2 and STU3 have the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Resource = dict[str, Any]
"""FHIR JSON as the strict reader gives it: decimals are `decimal.Decimal`."""

OPERATION_OUTCOME = "OperationOutcome"

# Both value sets are closed (https://hl7.org/fhir/R5/valueset-issue-type.html): only these words leave this module.
_SEVERITIES = frozenset({"fatal", "error", "warning", "information", "success"})
_CODES = frozenset(
    {
        *("invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired"),
        *("forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found"),
        *("deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient"),
        *("lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "informational", "success"),
        *("limited-filter",),
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: matches of the type asked for, counts, remarks, and the next page's address as written.

    `included` holds the resources of other types that came along, by their `fullUrl` and by "Type/id".
    """

    resources: tuple[Resource, ...]
    unreadable: int
    outcomes: tuple[str, ...]
    total: int | None
    next: str
    included: Mapping[str, Resource] = field(default_factory=dict)


def read_page(bundle: Mapping[str, Any], resource_type: str) -> Page:
    """Sort the entries: matches of `resource_type`, resources that came along, remarks; the rest is counted."""
    resources: list[Resource] = []
    included: dict[str, Resource] = {}
    outcomes: list[str] = []
    unreadable = 0
    for entry in _entries(bundle):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(resource, dict) or not isinstance(kind, str):
            unreadable += 1
        elif kind == OPERATION_OUTCOME:
            outcomes += _remarks(resource)
        elif kind == resource_type and _is_match(entry):
            resources.append(resource)
        elif kind != resource_type:
            included.update(dict.fromkeys(_names(entry, resource), resource))
    return Page(tuple(resources), unreadable, tuple(outcomes), _total(bundle), _next(bundle), included)


def _names(entry: Mapping[str, Any], resource: Resource) -> list[str]:
    """What references to an entry's resource may say."""
    full, own = entry.get("fullUrl"), resource.get("id")
    names = [full] if isinstance(full, str) and full else []
    return [*names, f"{resource['resourceType']}/{own}"] if isinstance(own, str) and own else names


def resources_of(bundle: Mapping[str, Any]) -> list[Resource]:
    """Every entry's resource, whatever its type."""
    found = (entry.get("resource") for entry in _entries(bundle) if isinstance(entry, dict))
    return [resource for resource in found if isinstance(resource, dict)]


def _entries(bundle: Mapping[str, Any]) -> list[Any]:
    """The entries; something else in their place counts as one entry that cannot be read."""
    entries = bundle.get("entry")
    if entries is None:
        return []
    return entries if isinstance(entries, list) else [None]


def _is_match(entry: Mapping[str, Any]) -> bool:
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    return mode not in {"include", "outcome"} if isinstance(mode, str) else True


def _remarks(outcome: Mapping[str, Any]) -> list[str]:
    issues = outcome.get("issue")
    found = [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return [_remark(issue) for issue in found] or ["unknown:unknown"]


def _remark(issue: Mapping[str, Any]) -> str:
    severity, code = issue.get("severity"), issue.get("code")
    known_severity = severity if isinstance(severity, str) and severity in _SEVERITIES else "unknown"
    known_code = code if isinstance(code, str) and code in _CODES else "unknown"
    return f"{known_severity}:{known_code}"


def _total(bundle: Mapping[str, Any]) -> int | None:
    total = bundle.get("total")
    return total if isinstance(total, int) and not isinstance(total, bool) and 0 <= total < 10**9 else None


def _next(bundle: Mapping[str, Any]) -> str:
    """The address of the next page, or "". One that is there but no text is given as a mark that nothing accepts."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) and url else "\\"
    return ""
