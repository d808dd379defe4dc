"""The one reader of JSON from outside: RFC 8259 to the letter, because two readers that differ are an attack.

Python's own reader keeps the last of duplicate keys, takes NaN, guesses the encoding and turns decimals into floats.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal, NoReturn, TypeAlias, cast

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | Decimal | bool | None"
JsonReason = Literal["not_utf8", "not_json", "duplicate_key", "too_deep", "number"]

MAX_DEPTH = 64
MAX_DIGITS = 100
MAX_EXPONENT = 9999
# The longest exact expansion of a double has about 1,100 characters, and some servers do send those.
MAX_DECIMAL_TEXT = 2000


class JsonError(ValueError):
    """A body that is not acceptable JSON; `reason` names why. The text never quotes the body."""

    def __init__(self, reason: JsonReason) -> None:
        super().__init__(reason)
        self.reason: JsonReason = reason


def parse(body: bytes, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Read one JSON value from UTF-8 (a byte order mark is tolerated); `JsonError` if anything is wrong with it.

    Decimals become `Decimal`, with the digits as sent; whole numbers have at most 100 digits. `[]` is one level deep.
    Strings may hold NUL and lone surrogates: who shows or stores them cleans them.
    """
    value = _load(_decode(body))
    if _deeper_than(value, max_depth):
        raise JsonError("too_deep")
    return value


def _decode(body: bytes) -> str:
    # UTF-16 without a byte order mark is valid UTF-8 full of NULs; a raw NUL is never valid JSON.
    if b"\0" in body:
        raise JsonError("not_utf8")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise JsonError("not_utf8") from None


def _load(text: str) -> JsonValue:
    try:
        loaded = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_whole_number,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except RecursionError:
        raise JsonError("too_deep") from None
    except json.JSONDecodeError:
        # Its message and its `doc` hold the body: not chained.
        raise JsonError("not_json") from None
    return cast(JsonValue, loaded)


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("duplicate_key")
    return found


def _whole_number(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise JsonError("number")
    return int(text)


def _decimal(text: str) -> Decimal:
    """Keep the digits; an exponent that would make a later `int()` build millions of digits is refused."""
    if len(text) > MAX_DECIMAL_TEXT:
        raise JsonError("number")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise JsonError("number") from None
    if not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise JsonError("number")
    return number


def _constant(_: str) -> NoReturn:
    raise JsonError("number")


def _deeper_than(value: JsonValue, limit: int) -> bool:
    """Walk level by level instead of by recursion: the depth is not ours to choose."""
    level = _containers([value])
    for _ in range(limit):
        level = [
            inner for outer in level for inner in _containers(outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _containers(values: Iterable[JsonValue]) -> list[dict[str, JsonValue] | list[JsonValue]]:
    return [value for value in values if isinstance(value, dict | list)]
