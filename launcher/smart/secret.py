"""A value that must not be seen: it prints as stars and is opened by name, so that every opening can be found."""

from __future__ import annotations

from typing import final


@final
class Secret:
    """Wraps a token, client secret or key. `str`, `repr`, `format` and pickling never show the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value. Only the door to the network and client authentication have a reason to call this."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not serialised")
