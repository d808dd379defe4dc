"""Cleans every string an EHR sends, in one place, before it enters a record.

HTML stays text: the templates escape it. What cannot be stored, encoded or seen becomes U+FFFD, so that the reader of
the chart notices that something stood there.
"""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"

# C0 and C1 controls other than white space (NUL cannot be stored by PostgreSQL), lone surrogates (cannot be encoded as
# UTF-8), non-characters, and the bidirectional embeddings, overrides and isolates: one of those in a drug's name makes
# "5 mg" read backwards.
_BROKEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def clean(value: object) -> str:
    """One line of text: broken characters replaced, runs of white space folded; "" for anything but visible text."""
    if not isinstance(value, str):
        return ""
    if value.isascii() and value.isalnum():
        return value  # codes and ids: most of what is read
    return _or_blank(" ".join(_replaced(value).split()))


def clean_lines(value: object) -> list[str]:
    """The same for text of several lines (CR LF, LF or CR); lines without visible text are dropped."""
    return [line for line in map(clean, _replaced(value).splitlines()) if line]


def verbatim(value: object) -> str:
    """Text that may not be touched (a dosage as typed): only broken characters are replaced; "" if none is visible."""
    return _or_blank(_replaced(value))


def _replaced(value: object) -> str:
    return _BROKEN.sub(REPLACEMENT, value) if isinstance(value, str) else ""


def _or_blank(text: str) -> str:
    """ "" when the text holds nothing but separators and invisible characters (zero-width space, soft hyphen, ...)."""
    if text.isascii():
        return text if text.strip() else ""
    return text if any(unicodedata.category(letter)[0] not in "ZC" for letter in text) else ""
