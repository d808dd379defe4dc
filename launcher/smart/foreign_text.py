"""Judges text from outside before it is kept: nothing unprintable, nothing endless, and FHIR ids that are FHIR ids."""

from __future__ import annotations

import re

# Control characters, line and paragraph separators, lone surrogates, and the marks that reorder text on a screen
# (https://trojansource.codes): none of them has a place in an identifier, a scope or a name.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# FHIR R4, datatypes, id. Dots alone would climb the path of a URL.
_FHIR_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9.\-]{1,64}")
_VISIBLE = re.compile("[\x21-\x7e]+")


def is_fit(text: str) -> bool:
    """Whether the text holds nothing that could forge a log line, reorder a page or be refused by the database."""
    return not _UNFIT.search(text)


def is_visible_ascii(text: str) -> bool:
    """Whether the text is one or more printable ASCII characters without spaces, as tokens and scopes are."""
    return _VISIBLE.fullmatch(text) is not None


def is_fhir_id(value: object) -> bool:
    """Whether the value is a string that FHIR allows as a logical id and that is safe as a path segment."""
    return isinstance(value, str) and _FHIR_ID.fullmatch(value) is not None


def plain(value: object, *, most: int = 2000) -> str:
    """The value if it is fit text of at most `most` characters (spaces around it removed), else ""."""
    if not isinstance(value, str) or len(value) > most:
        return ""
    text = value.strip()
    return text if is_fit(text) else ""


def words(value: object, *, most: int = 2000) -> tuple[str, ...]:
    """The fit texts of a JSON array, in order; anything else in it is left out. A single text counts as one."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        return ()
    return tuple(text for text in (plain(item, most=500) for item in items[:most]) if text)
