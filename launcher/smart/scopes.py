"""SMART scopes: read them in every spelling that EHRs grant them in, and tell what may be searched.

Source: SMART App Launch 2.2, "Scopes for requesting FHIR Resources"; version 1 scopes as that page maps them to
version 2. What is read here only decides whether a search is worth sending: the EHR judges it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# `patient/Observation.rs?category=laboratory`; and as granted by some: `user/X.Read`, `Patient.read`, `patient$X.read`,
# and any of them behind a URI (`http://…/fhir/scopes/patient/X.read`).
_RESOURCE_SCOPE = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:[^?]*?/)?"
    r"(?:(?P<level>patient|user|system)[/$.])?(?P<type>\*|all|[A-Za-z]+)\.(?P<rights>read|write|\*|c?r?u?d?s?|search)"
    r"(?:\?(?P<query>.*))?",
    re.IGNORECASE,
)
_RIGHTS = {"read": "rs", "write": "cud", "*": "cruds", "search": "s"}


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """One resource scope: `resource` is a FHIR type or "*", `rights` letters out of "cruds", `query` a limit or ""."""

    level: str
    resource: str
    rights: str
    query: str = ""

    def covers(self, resource: str, right: str) -> bool:
        return right in self.rights and (self.resource == "*" or self.resource.lower() == resource.lower())


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """The scopes of one string: those for resources, parsed, and all others as words."""

    resources: tuple[ResourceScope, ...]
    others: frozenset[str]

    @property
    def has_resource_scopes(self) -> bool:
        """Whether it speaks of resource types at all; some EHRs take those from their own registration of the app."""
        return bool(self.resources)

    def allows(self, resource: str, right: str) -> bool:
        """Whether any scope gives `right` ("r" read, "s" search) on `resource`, at least on a part of it."""
        return any(scope.covers(resource, right) for scope in self.resources)


def parse(text: str) -> ScopeSet:
    """Read a space-separated scope string; words that are no resource scopes stay as they are."""
    resources, others = [], set()
    for word in text.split():
        scope = _resource_scope(word)
        if scope is None:
            others.add(word)
        else:
            resources.append(scope)
    return ScopeSet(tuple(resources), frozenset(others))


def _resource_scope(word: str) -> ResourceScope | None:
    match = _RESOURCE_SCOPE.fullmatch(word)
    if match is None or not match["rights"]:
        return None
    # Without a level, only a type as FHIR writes it: "email.read" is something else.
    if not match["level"] and match["type"] != "*" and not match["type"][0].isupper():
        return None
    resource = "*" if match["type"].lower() in {"*", "all"} else match["type"]
    rights = match["rights"].lower()
    return ResourceScope(
        level=(match["level"] or "user").lower(),
        resource=resource,
        rights=_RIGHTS.get(rights, rights),
        query=match["query"] or "",
    )


def may_search(granted: str | None, requested: str, resource: str) -> bool:
    """Whether to search for `resource` at all.

    `granted` None means that the answer named no scope: then it is what was requested (RFC 6749, 5.1). Where neither
    names a resource scope, the EHR takes them from its own registration of the app and only it can tell: ask.
    """
    wanted = parse(requested)
    given = wanted if granted is None else parse(granted)
    if not given.has_resource_scopes and not wanted.has_resource_scopes:
        return True
    return given.allows(resource, "s")


def standalone_scopes(scopes: str) -> str:
    """The scopes of a standalone launch: context is asked for by `launch/patient`, since there is no launch to name it.

    Source: SMART App Launch 2.2, "Requesting Context with Scopes".
    """
    words = [word for word in scopes.split() if word != "launch"]
    return " ".join(words if "launch/patient" in words else ["launch/patient", *words])


def may_choose_a_patient(scopes: str) -> bool:
    """Whether the provider may look for patients: some user-level scope covers Patient."""
    return any(scope.level == "user" and scope.covers("Patient", "s") for scope in parse(scopes).resources)


def in_one_version(scopes: str, wanted: str, capabilities: Iterable[str]) -> str:
    """The same scopes with resource scopes of one version only; some EHRs refuse a request that mixes the two.

    `wanted` is "v1", "v2", or "auto": as written, and where that mixes, version 2 if the EHR advertises it. Version 1
    has no restrictions by query: a restricted scope is asked for whole.
    Source: SMART App Launch 2.2, "Scopes for requesting FHIR Resources" (mapping from version 1).
    """
    words = scopes.split()
    used = {found for word in words if (found := _version_of(word))}
    version = wanted
    if wanted not in {"v1", "v2"}:
        if len(used) < 2:
            return scopes
        version = "v2" if "permission-v2" in set(capabilities) else "v1"
    return " ".join(dict.fromkeys(_rewritten(word, version) for word in words))


def _version_of(word: str) -> str:
    match = _RESOURCE_SCOPE.fullmatch(word)
    if match is None or not match["rights"]:
        return ""
    return "v1" if match["rights"].lower() in _RIGHTS else "v2"


def _rewritten(word: str, version: str) -> str:
    match = _RESOURCE_SCOPE.fullmatch(word)
    if match is None or not match["rights"] or _version_of(word) == version:
        return word
    start = word[: match.start("rights")]
    if version == "v2":
        return start + _RIGHTS[match["rights"].lower()]
    rights = set(match["rights"].lower())
    reads, writes = bool(rights & set("rs")), bool(rights & set("cud"))
    return start + ("*" if reads and writes else "write" if writes else "read")
