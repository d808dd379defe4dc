"""Writes resource scopes from what is really read: no more than that, in one version of SMART's scopes.

Source: SMART App Launch 2.2, "Scopes for requesting FHIR Resources": version 2 and its finer-grained limits by search
parameter, the mapping from version 1, and the advice to ask for the least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from launcher.smart.scopes import in_one_version

ScopeStyle = Literal["v1", "v2", "granular"]

PLACEHOLDERS = {f"{level}/{{panels}}": level for level in ("patient", "user", "system")}
"""Words that stand for "whatever is read", by the level it is asked at."""

_CATEGORY_SYSTEMS = {
    "Observation": "http://terminology.hl7.org/CodeSystem/observation-category",
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-category",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that is read: a resource type, and the `category` a search is limited to ("system|code" or a code)."""

    resource: str
    category: str = ""

    @property
    def limit(self) -> str:
        """The limit as a granular scope writes it, "" without one that can be named in full."""
        system, bar, code = self.category.rpartition("|")
        system = system if bar else _CATEGORY_SYSTEMS.get(self.resource, "")
        return f"category={system}|{code}" if system and code else ""


def chosen_style(preference: str, capabilities: Iterable[str]) -> ScopeStyle:
    """How to write scopes: as the registration says, else version 2 only where the EHR advertises it.

    An EHR that advertises neither is an old one, and the old way is the only one that it can know.
    """
    match preference:
        case "v1" | "v2" | "granular":
            return preference
    return "v2" if "permission-v2" in set(capabilities) else "v1"


def written(
    wanted: Iterable[Wanted], *, level: str, style: ScopeStyle, supported: Sequence[str] = ()
) -> tuple[str, ...]:
    """The scopes for all that is wanted, each once, sorted; a whole type makes its own limits needless.

    `granular` limits wherever a limit is known. `v2` does so only for limits that stand in `supported`, the EHR's
    `scopes_supported`: an EHR that does not know them may refuse or drop them.
    """
    known = {_limited(word) for word in supported}
    asked: dict[str, set[str]] = {}
    for each in wanted:
        limit = each.limit if style != "v1" else ""
        if style == "v2" and (each.resource, limit) not in known:
            limit = ""
        asked.setdefault(each.resource, set()).add(limit)
    rights = "read" if style == "v1" else "rs"
    return tuple(
        f"{level}/{resource}.{rights}{'?' if limit else ''}{limit}"
        for resource, limits in sorted(asked.items())
        for limit in sorted({""} if "" in limits else limits)
    )


def _limited(word: str) -> tuple[str, str]:
    """Type and limit of a granular scope ("patient/Observation.rs?category=…"), ("", "") for any other word."""
    head, _, limit = word.partition("?")
    resource = head.partition("/")[2].partition(".")[0]
    return (resource, limit) if limit else ("", "")


def filled(
    scopes: str,
    wanted: Iterable[Wanted],
    *,
    preference: str,
    capabilities: Iterable[str],
    supported: Sequence[str] = (),
) -> str:
    """The scope string to ask with: placeholders replaced, and resource scopes in one version only.

    `preference` is the registration's ("auto", "v1", "v2", "granular"). Without a placeholder the string stays as it
    was written, unless it mixes the two versions.
    """
    capabilities = tuple(capabilities)
    words = scopes.split()
    if not set(words) & PLACEHOLDERS.keys():
        return in_one_version(scopes, "v2" if preference == "granular" else preference, capabilities)
    style = chosen_style(preference, capabilities)
    wanted = tuple(wanted)
    parts: list[str] = []
    for word in words:
        level = PLACEHOLDERS.get(word)
        parts += written(wanted, level=level, style=style, supported=supported) if level else [word]
    return in_one_version(" ".join(parts), "v1" if style == "v1" else "v2", capabilities)
