"""What a simulated EHR grants of the scopes asked for, and what a granted scope opens (SMART App Launch 2.2, "Scopes").

The simulators serve reads and searches only: `.write` and `c`, `u`, `d` are never granted, `.*` is narrowed to `.read`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from sandbox.personality import Personality, ScopeStyle

Level = Literal["patient", "user", "system"]

_RESOURCE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<rights>[Rr]ead|write|\*|c?r?u?d?s?)"
    r"(?:\?category=(?P<category>[^&=?]+))?"
)
_READING = {"read": "rs", "Read": "rs", "*": "rs", "write": ""}
_VERSION_1 = frozenset({"read", "write", "*"})
_BY_CATEGORY = frozenset({"Condition", "DocumentReference", "Observation"})
"""The types whose records a scope can narrow by `?category=` (after US Core 7, section "Scopes")."""
REFRESH_SCOPES = frozenset({"offline_access", "online_access"})


class MixedVersions(ValueError):
    """Scopes of version 1 and of version 2 were asked for together."""


def _rights(word: str) -> str:
    return _READING.get(word, "".join(letter for letter in word if letter in "rs"))


def _granted_resource(scope: str, personality: Personality, style: ScopeStyle, levels: Collection[str]) -> str:
    match = _RESOURCE.fullmatch(scope)
    if match is None or not _rights(match["rights"]) or match["level"] not in levels:
        return ""
    if match["type"] != "*" and match["type"] not in personality.type_names:
        return ""
    if style == "explicit" and "*" in (match["type"], match["rights"]):
        return ""
    word, category = match["rights"], match["category"]
    if category and (word in _READING or match["type"] not in _BY_CATEGORY or not personality.granular):
        return ""
    narrowed = "read" if word in _READING else _rights(word)
    way = "Read" if style == "mixed-case" else narrowed
    return f"{match['level']}/{match['type']}.{way}{f'?category={category}' if category else ''}"


def registered(personality: Personality) -> list[str]:
    """The resource scopes of the app's registration, in the mixed spelling that registrations grew over the years."""
    return [
        f"user/{name}.{'Read' if number % 2 else 'read'}" for number, name in enumerate(sorted(personality.type_names))
    ]


def _refuse_mixture(words: list[str]) -> None:
    asked = [match["rights"] for match in map(_RESOURCE.fullmatch, words) if match is not None]
    if len({rights in _VERSION_1 for rights in asked}) > 1:
        raise MixedVersions("scopes of version 1 and version 2 cannot be mixed")


def granted(requested: str, personality: Personality, style: ScopeStyle | None = None) -> str:
    """The scopes this EHR grants of those asked for, in their order; "" when none is left. May raise MixedVersions."""
    way = style or personality.scope_style
    words = requested.split()
    if way == "unmixed":
        _refuse_mixture(words)
    if way == "registered":
        found = [word for word in words if word in personality.plain_scopes]
        return " ".join(dict.fromkeys([*found, *registered(personality)])) if found else ""
    kept = [
        word
        if word in personality.plain_scopes
        else _granted_resource(word, personality, way, levels=("patient", "user"))
        for word in words
    ]
    return " ".join(dict.fromkeys(filter(None, kept)))


def granted_to_system(requested: str, personality: Personality) -> str:
    """The `system/` scopes granted to a client that acts for itself (SMART App Launch 2.2, "Backend Services")."""
    style = personality.scope_style if personality.scope_style == "explicit" else "narrowed"
    kept = [_granted_resource(word, personality, style, levels=("system",)) for word in requested.split()]
    return " ".join(dict.fromkeys(filter(None, kept)))


def allows(
    scope: str,
    resource_type: str,
    right: str,
    *,
    personality: Personality,
    levels: Collection[str] = ("patient", "user", "system"),
) -> bool:
    """Whether a token of this scope may read ("r") or search ("s") this type, by a scope of one of these levels."""
    matches = [match for match in map(_RESOURCE.fullmatch, scope.split()) if match is not None]
    if not matches and personality.open_without_resource_scopes:
        return True
    return any(
        match["type"] in ("*", resource_type) and right in _rights(match["rights"])
        for match in matches
        if match["level"] in levels
    )


def categories(scope: str, resource_type: str, right: str) -> frozenset[str] | None:
    """The only categories of this type that the scope opens, as `system|code` or `code`; None when it opens all."""
    opening = [
        match
        for match in map(_RESOURCE.fullmatch, scope.split())
        if match is not None and match["type"] in ("*", resource_type) and right in _rights(match["rights"])
    ]
    if not opening or any(match["category"] is None for match in opening):
        return None
    return frozenset(match["category"] for match in opening)


def wants_patient(scope: str) -> bool:
    """Whether a standalone launch with this scope needs a patient to be chosen."""
    words = scope.split()
    return "launch/patient" in words or any(
        match["level"] == "patient" for match in map(_RESOURCE.fullmatch, words) if match is not None
    )


def without_types(scope: str, personality: Personality, *, removed: Collection[str]) -> str:
    """The same grant with some types taken out: wildcards, and grants that name no type, become lists of the rest."""
    rest = sorted(personality.type_names.difference(removed))
    found: list[str] = []
    resource_scopes = 0
    for word in scope.split():
        match = _RESOURCE.fullmatch(word)
        if match is None:
            found.append(word)
            continue
        resource_scopes += 1
        if match["type"] == "*":
            found.extend(f"{match['level']}/{name}.{match['rights']}" for name in rest)
        elif match["type"] not in removed:
            found.append(word)
    if not resource_scopes:
        found.extend(f"user/{name}.read" for name in rest)
    return " ".join(dict.fromkeys(found))
