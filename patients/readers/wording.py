"""Our own words in the readers: said in the language of the page, while what the EHR sent stays as it came.

A text that is written down before anybody asks for it (a table of codes, a tag) is marked with `worded` and said when
it is used; every other one is said where it stands, as a whole sentence with named places, for the order of words
differs from language to language. Readers know no Django: without `speak` everything is said in English.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from patients.records import Missing, Tag

T = TypeVar("T")
Translate = Callable[[str, str], str]
"""From a text and what it is about ("" for most) to the text in the language asked for."""
TranslateCounted = Callable[[str, str, int], str]
"""From the texts for one and for several, and the number, to the text in the language asked for."""


def _english(message: str, about: str) -> str:
    return message


def _english_counted(one: str, several: str, count: int) -> str:
    return one if count == 1 else several


_translate: Translate = _english
_translate_counted: TranslateCounted = _english_counted


def speak(translate: Translate, translate_counted: TranslateCounted) -> None:
    """From now on, say everything by these two."""
    global _translate, _translate_counted
    _translate, _translate_counted = translate, translate_counted


def said(message: str, about: str = "") -> str:
    """Our text in the language of the page. `about` tells apart what is one word in English and two elsewhere."""
    return _translate(message, about) if message else ""


def said_of(one: str, several: str, count: int) -> str:
    """The same for a number of things; `%(count)d` is left to the caller."""
    return _translate_counted(one, several, count)


def worded(messages: T, about: str = "") -> T:
    """Mark a text or a tag, or all values of a table of texts, as our own words that are said later.

    Tags outside of it are marked by being a `Tag` with a literal word.
    """
    return messages


def said_tag(tag: Tag, about: str = "") -> Tag:
    """A tag of ours with its word in the language of the page; one with the EHR's own word must not come here."""
    return Tag(said(tag.word, about), tag.tone)


def joined_by_and(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"; "" for nothing."""
    if len(words) < 2:
        return "".join(words)
    return said("%(most)s and %(last)s") % {"most": ", ".join(words[:-1]), "last": words[-1]}


def joined_by_or(words: Sequence[str]) -> str:
    """ "a", "a or b", "a or b or c"; "" for nothing."""
    if len(words) < 2:
        return "".join(words)
    return said("%(most)s or %(last)s") % {"most": joined_by_or(words[:-1]), "last": words[-1]}


MISSING: Mapping[Missing, str] = worded(
    {
        Missing.NOT_RECORDED: "not recorded",
        Missing.UNKNOWN: "unknown",
        Missing.ASKED_UNKNOWN: "asked, not known",
        Missing.ASKED_DECLINED: "asked, declined to answer",
        Missing.NOT_ASKED: "not asked",
        Missing.MASKED: "withheld by the EHR",
        Missing.ERROR: "not available (error)",
        Missing.NOT_PERFORMED: "not performed",
        Missing.NOT_APPLICABLE: "not applicable",
        Missing.UNSUPPORTED: "not supported by the EHR",
        Missing.UNREADABLE: "not readable",
    }
)


def missing_words(reason: Missing) -> str:
    """Why there is no value, in words."""
    return said(MISSING[reason])
