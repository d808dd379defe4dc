"""What a simulated EHR grants of the scopes asked for, and what a granted scope opens (SMART App Launch 2.2, "Scopes").

The simulators serve reads and searches only: `.write` and `c`, `u`, `d` are never granted, `.*` is narrowed to `.read`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sandbox.personalities import Personality

_RESOURCE = re.compile(r"(?P<level>patient|user)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<rights>read|write|\*|c?r?u?d?s?)")
_READING = {"read": "rs", "*": "rs", "write": ""}
REFRESH_SCOPES = frozenset({"offline_access", "online_access"})


def _rights(word: str) -> str:
    return _READING.get(word, "".join(letter for letter in word if letter in "rs"))


def _granted_resource(scope: str, personality: Personality) -> str:
    match = _RESOURCE.fullmatch(scope)
    if match is None or not _rights(match["rights"]):
        return ""
    if match["type"] != "*" and match["type"] not in personality.type_names:
        return ""
    word = match["rights"]
    narrowed = "read" if word in _READING else _rights(word)
    return f"{match['level']}/{match['type']}.{narrowed}"


def granted(requested: str, personality: Personality) -> str:
    """The scopes this EHR grants of those asked for, in their order; "" when none is left."""
    found: list[str] = []
    for scope in requested.split():
        kept = scope if scope in personality.plain_scopes else _granted_resource(scope, personality)
        if kept and kept not in found:
            found.append(kept)
    return " ".join(found)


def allows(scope: str, resource_type: str, right: str, *, personality: Personality) -> bool:
    """Whether a token of this scope may read ("r") or search ("s") this type."""
    matches = [match for match in map(_RESOURCE.fullmatch, scope.split()) if match is not None]
    if not matches and personality.open_without_resource_scopes:
        return True
    return any(match["type"] in ("*", resource_type) and right in _rights(match["rights"]) for match in matches)


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
