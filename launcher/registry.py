"""A door that plugins and our own modules come in by: named things of one type, registered before the start is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


class Registry(Generic[T]):
    """Keeps things of type `kind` by name, in the order of registration.

    Registering another type, a name twice, or anything after `close()` raises ImproperlyConfigured with a sentence.
    """

    def __init__(self, kind: type[T], what: str) -> None:
        self._kind = kind
        self._what = what
        self._things: dict[str, T] = {}
        self._closed = False

    def register(self, name: str, thing: T) -> T:
        if not isinstance(thing, self._kind):
            raise ImproperlyConfigured(f"{thing!r} is not a {self._what}: register a {self._kind.__name__}.")
        if self._closed:
            raise ImproperlyConfigured(f"The {self._what} “{name}” came too late: register it when the app is loaded.")
        if name in self._things:
            raise ImproperlyConfigured(f"There are two {self._what}s named “{name}”: give one of them another name.")
        self._things[name] = thing
        return thing

    def close(self) -> None:
        """Refuse whatever comes later: what runs is settled once the apps are loaded."""
        self._closed = True

    def get(self, name: str) -> T | None:
        return self._things.get(name)

    def __iter__(self) -> Iterator[T]:
        return iter(self._things.values())

    def __len__(self) -> int:
        return len(self._things)
