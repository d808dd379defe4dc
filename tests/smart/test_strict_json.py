"""The strict reader: what it takes, and the one word for what it does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from launcher.smart.strict_json import JsonError, parse


def reason(body: bytes, *, max_depth: int = 64) -> str:
    with pytest.raises(JsonError) as caught:
        parse(body, max_depth=max_depth)
    assert str(caught.value) == caught.value.reason
    assert caught.value.__cause__ is None
    return caught.value.reason


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":[1,true,null,"x"]}', {"a": [1, True, None, "x"]}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        ('"Jürgen 李"'.encode(), "Jürgen 李"),
        (b" \r\n\t{} \n", {}),
        (b"-0", 0),
        (b'"a\\u0000b"', "a\x00b"),
        (b'"\\ud800"', "\ud800"),
        (b'{"a":{"a":1}}', {"a": {"a": 1}}),
    ],
)
def test_well_formed_json_is_read(body: bytes, value: object) -> None:
    assert parse(body) == value


@pytest.mark.parametrize("text", ["1.50", "0.10", "100.0", "1E-7", "-0.0", "3.14159265358979323846264338327950288"])
def test_a_decimal_keeps_the_digits_that_were_sent(text: str) -> None:
    number = parse(text.encode())
    assert isinstance(number, Decimal)
    assert str(number) == text


@pytest.mark.parametrize(
    "body",
    ['{"name":"Müller"}'.encode("latin-1"), '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-16-le"),
     '{"a":1}'.encode("utf-32"), b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\x00"'],
)  # fmt: skip
def test_anything_but_utf8_is_refused(body: bytes) -> None:
    assert reason(body) == "not_utf8"


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"<html>", b"{", b"{}{}", b"{'a':1}", b"[1,]", b"01", b"+1", b'"\n"', b"\xef\xbb\xbf" * 2 + b"1"],
)
def test_anything_but_json_is_refused(body: bytes) -> None:
    assert reason(body) == "not_json"


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"x":{"iss":"1","b":2,"iss":"2"}}]', b'{"a":1,"\\u0061":2}'])
def test_a_duplicate_key_is_refused_at_any_depth(body: bytes) -> None:
    assert reason(body) == "duplicate_key"


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b'{"exp":-Infinity}'])
def test_a_number_that_json_does_not_know_is_refused(body: bytes) -> None:
    assert reason(body) == "number"


def test_whole_numbers_have_at_most_a_hundred_digits() -> None:
    assert parse(b"9" * 99) == 10**99 - 1
    assert parse(b"-" + b"9" * 100) == -(10**100 - 1)
    assert reason(b"9" * 101) == "number"
    assert reason(b"9" * 5000) == "number"


def test_decimals_that_would_explode_later_are_refused() -> None:
    assert parse(b"1e999") == Decimal("1e999")
    assert reason(b"1e10000") == "number"
    assert reason(b"1e-10000") == "number"
    assert reason(b"1e99999999999999999999") == "number"
    assert reason(b"0." + b"1" * 3000) == "number"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_depth_limit_is_exact(opening: bytes, closing: bytes) -> None:
    def nested(depth: int) -> bytes:
        return opening * depth + b"1" + closing * depth

    parse(nested(63))
    parse(nested(64))
    assert reason(nested(65)) == "too_deep"
    assert reason(nested(200_000)) == "too_deep"
    assert reason(nested(1), max_depth=0) == "too_deep"
    assert parse(b"1", max_depth=0) == 1


def test_depth_is_found_in_any_branch_and_a_wide_document_is_not_deep() -> None:
    assert reason(b"[1,[2,[3]],[4,[5,[6]]]]", max_depth=3) == "too_deep"
    assert parse(b"[" + b"[1]," * 50_000 + b"[]]", max_depth=2) is not None
