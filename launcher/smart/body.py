"""Reading an answer's body within a limit that counts what comes out of the decompression, not what goes in.

Ten kilobytes of gzip can stand for ten megabytes and more, so nothing is ever unpacked beyond the limit. The content
codings are those of RFC 9110, section 8.4.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

CHUNK = 64 * 1024
_STEP = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS

BodyReason = Literal["encoding", "too_large", "broken"]

_CAUSES: Mapping[BodyReason, str] = {
    "encoding": "the answer has a content encoding that was not asked for",
    "too_large": "the answer is too large",
    "broken": "the answer's compression is damaged",
}


class BodyError(Exception):
    """A body that is not taken; `reason`, and `cause` in words: another coding than one gzip, too large, or damaged."""

    def __init__(self, reason: BodyReason) -> None:
        super().__init__(reason)
        self.reason: BodyReason = reason
        self.cause = _CAUSES[reason]


def read_body(read: Callable[[int], bytes], *, encoding: str, max_bytes: int) -> bytes:
    """Read to the end and undo the content coding.

    `read(n)` gives up to n bytes as sent, b"" at the end. `encoding` is the Content-Encoding header, "" if none.
    `max_bytes` bounds the result; `BodyError` beyond it.
    """
    codings = [coding for part in encoding.split(",") if (coding := part.strip().lower()) not in {"", "identity"}]
    if codings not in ([], ["gzip"], ["x-gzip"]):
        raise BodyError("encoding")
    # Gzip never makes anything more than a little larger; what is longer than that is stuffing.
    chunks = _chunks(read, max_bytes + max_bytes // 100 + 1024 if codings else max_bytes)
    return _gunzip(chunks, max_bytes) if codings else b"".join(chunks)


def _chunks(read: Callable[[int], bytes], limit: int) -> Iterator[bytes]:
    taken = 0
    while chunk := read(CHUNK):
        taken += len(chunk)
        if taken > limit:
            raise BodyError("too_large")
        yield chunk


def _gunzip(chunks: Iterator[bytes], limit: int) -> bytes:
    """Unpack one gzip file, which may have several members (RFC 1952, section 2.2)."""
    plain = bytearray()
    member = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if member is None or member.eof:
                member = zlib.decompressobj(_GZIP)
            try:
                plain += member.decompress(rest, min(_STEP, limit - len(plain) + 1))
            except zlib.error:
                raise BodyError("broken") from None
            if len(plain) > limit:
                raise BodyError("too_large")
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if member is not None and not member.eof:
        raise BodyError("broken")
    return bytes(plain)
