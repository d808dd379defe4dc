"""Evidence in words of our own: what an EHR sent is judged first, and its text is not repeated."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from launcher.probe.ehr import Reading
from launcher.smart.errors import SmartError
from launcher.smart.origins import join, origin_of, parse_base

_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
STARS = "***"
SOURCES = {
    "registration": "registration",
    "well-known": "SMART configuration",
    "metadata": "conformance statement",
}


def reading_in_words(reading: Reading) -> str:
    """Status, media type and time of a document, and what is wrong with it."""
    parts = []
    if reading.answer is not None:
        kind = reading.answer.content_type
        parts.append(f"status {reading.answer.status}")
        parts.append(kind if _MEDIA_TYPE.fullmatch(kind) else "no media type")
        parts.append(f"{reading.milliseconds} ms")
    if reading.error is not None:
        parts.append(error_in_words(reading.error))
    return ", ".join(parts)


def error_in_words(error: SmartError) -> str:
    """The description, which our own code wrote, or the code."""
    return error.description or error.code


def named(words: Iterable[str]) -> str:
    return ", ".join(words)


def host_of(address: str) -> str:
    """Scheme, host and port of an address, "" when it has none."""
    try:
        return str(origin_of(address))
    except ValueError:
        return ""


def without_query(address: str, *, base: str) -> str:
    """An absolute endpoint address to compare by, in its one spelling; "" for one that cannot be read."""
    try:
        absolute = join(base, address)
        return str(parse_base(absolute.partition("?")[0]))
    except ValueError:
        return ""


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret of it, in every spelling that a request has for it, replaced by stars."""
    for secret in secrets:
        spellings = {secret, quote(secret, safe=""), quote_plus(secret)}
        spellings.add(base64.b64encode(secret.encode()).decode("ascii"))
        for spelling in sorted(spellings, key=len, reverse=True):
            text = text.replace(spelling, STARS) if spelling else text
    return text
