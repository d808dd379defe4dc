"""Makes the variants of a golden resource: each element removed, and set to each wrong JSON type, at any depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tests.patients.readers.variants.golden import Golden, Json, Path, path

REMOVED = object()
SENT = "zz wrong"
WRONG: tuple[object, ...] = (REMOVED, SENT, 7, True, None, [], {}, [None], [{}])
_SAYS_SOMETHING = (SENT, 7, True)


@dataclass(frozen=True, slots=True)
class Variant:
    """A golden resource with the element at `path` removed or replaced by `value`."""

    path: Path
    value: object
    resource: Json

    @property
    def loud(self) -> bool:
        """Whether something stands there that can only be misread; else it is as if nothing had been sent."""
        return any(self.value is each for each in _SAYS_SOMETHING)

    @property
    def name(self) -> str:
        said = "removed" if self.value is REMOVED else f"= {self.value!r}"
        return f"{'.'.join(map(str, self.path))} {said}"


def variants(golden: Golden) -> Iterator[Variant]:
    rows = (
        (place, value)
        for place in paths(golden.resource)
        for value in WRONG
        if not _is_right(value, at(golden.resource, place))
    )
    for place, value in islice(rows, 0, None, golden.every):
        yield Variant(place, value, changed(golden.resource, place, value))


def _is_right(value: object, was: object) -> bool:
    """The same JSON type holds another value, which is no fault of its form; an empty list or object is one."""
    return value is not REMOVED and type(value) is type(was) and not isinstance(was, list | dict)


def paths(value: Any, place: Path = ()) -> Iterator[Path]:
    """Every element and every entry of a list, depth first."""
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*place, key)
        yield from paths(child, (*place, key))


def at(value: Any, place: Path) -> Any:
    for key in place:
        value = value[key]
    return value


def changed(value: Any, place: Path, new: object) -> Any:
    """A copy with one element replaced or removed; what lies beside the path is shared."""
    copied = value.copy()
    key, *rest = place
    if rest:
        copied[key] = changed(copied[key], tuple(rest), new)
    elif new is REMOVED:
        del copied[key]
    else:
        copied[key] = new
    return copied


def is_hit(place: Path, need: str) -> bool:
    """Whether changing the element at `place` touches the needed one: it is that element, or holds it."""
    return path(need)[: len(place)] == place


def is_within(place: Path, outer: str) -> bool:
    return place[: len(path(outer))] == path(outer)
