"""What stands on a page: its addresses, and its words."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from html.parser import HTMLParser

from tests.browser import Page

_ADDRESSES = {"src", "href", "action", "formaction", "data", "poster", "srcset", "background", "cite", "manifest"}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs if name in _ADDRESSES]


def links(page: Page) -> list[tuple[str, str, str]]:
    """Element, attribute and address of everything that a page points to."""
    return list(_links_in(page.text))


@lru_cache(32)
def _links_in(text: str) -> tuple[tuple[str, str, str], ...]:
    reader = _Links()
    reader.feed(text)
    return tuple(reader.found)


def plain_text(found: re.Match[str] | None) -> str:
    """The words of a piece of HTML."""
    without_tags = re.sub(r"<[^>]*>", " ", found.group(0) if found else "")
    return " ".join(html.unescape(without_tags).split())
