"""Pages of a search, and the ways in which EHRs lead from one to the next (FHIR R4, section 3.1.1.4.11).

`offset`: the request again with a number. `page-context`: the request again with an opaque word. `session`: a link of
its own that works once and soon expires.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.core import signing
from django.core.cache import cache
from django.http import QueryDict

from sandbox.addresses import EhrAddress
from sandbox.scenario import LaunchScenario

OFFSET = "_offset"
CONTEXT = "-pageContext"
SESSION = "sessionID"
EXPIRED = "_expired"
SESSION_SECONDS = 300
_SALT = "sandbox.page"

Pairs = list[tuple[str, str]]


class PageGone(ValueError):
    """The link to this page was used before, or is too old."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a result was asked for: `size` 0 is everything. `query` is without the paging parameters."""

    query: QueryDict
    offset: int
    size: int


def asked(query: QueryDict, address: EhrAddress, scenario: LaunchScenario | None) -> Page:
    """Read the page out of a request; raises PageGone."""
    if EXPIRED in query:
        raise PageGone("the link to this page has expired")
    size = (scenario.page_size if scenario else 0) or address.personality.page_size
    wanted = min(_number(query.get("_count", ""), size) or size, size) if size else 0
    match address.personality.paging:
        case "session" if SESSION in query:
            return _of_session(query.get(SESSION, ""))
        case "page-context":
            return Page(_without(query, CONTEXT), _number(_plain(query.get(CONTEXT, "")), 0), wanted)
        case _:
            return Page(_without(query, OFFSET), _number(query.get(OFFSET, ""), 0) if size else 0, wanted)


def _of_session(value: str) -> Page:
    try:
        kept = signing.loads(value, salt=_SALT, max_age=SESSION_SECONDS)
    except signing.BadSignature as error:
        raise PageGone("the session of this search has expired") from error
    if not cache.add(f"sandbox-page-{kept['i']}", 1, timeout=SESSION_SECONDS):
        raise PageGone("the session of this search has ended")
    return Page(QueryDict(kept["q"]), kept["o"], kept["n"])


def _without(query: QueryDict, name: str) -> QueryDict:
    kept = query.copy()
    kept.pop(name, None)
    return kept


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else default


def _plain(word: str) -> str:
    try:
        return base64.b64decode(word, altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


def url(address: EhrAddress, path: str, pairs: Pairs) -> str:
    query = urlencode(pairs)
    return f"{address.fhir_base}/{path}" + (f"?{query}" if query else "")


def next_url(address: EhrAddress, path: str, page: Page, scenario: LaunchScenario | None) -> str:
    """The link to the page after this one, bent as the scenario wants it."""
    pairs = [(name, str(value)) for name, values in page.query.lists() for value in values]
    own = [(OFFSET, str(page.offset))] if page.offset else []
    following = url(address, path, _next_pairs(address, page, pairs))
    style = scenario.next_link if scenario else None
    if style == "loop":
        return url(address, path, [*pairs, *own])
    return CHANGES[style](following, address) if style else following


def _next_pairs(address: EhrAddress, page: Page, pairs: Pairs) -> Pairs:
    offset = page.offset + page.size
    match address.personality.paging:
        case "session":
            kept = {"q": page.query.urlencode(), "o": offset, "n": page.size, "i": secrets.token_hex(8)}
            return [(SESSION, signing.dumps(kept, salt=_SALT))]
        case "page-context":
            return [*pairs, (CONTEXT, base64.urlsafe_b64encode(str(offset).encode()).decode())]
        case _:
            return [*pairs, (OFFSET, str(offset))]


def _shouted(link: str, address: EhrAddress) -> str:
    parts = urlsplit(link)
    return link.replace(f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://{parts.netloc}".upper(), 1)


CHANGES: dict[str, Callable[[str, EhrAddress], str]] = {
    "relative": lambda link, address: link.removeprefix(f"{address.fhir_base}/"),
    "other-case": _shouted,
    "http": lambda link, address: urlsplit(link)._replace(scheme="http").geturl(),
    "expired": lambda link, address: f"{link}&{EXPIRED}=1",
}


def total(found: int, page: Page, scenario: LaunchScenario | None) -> dict[str, Any]:
    """`total`, or what the scenario makes of it: nothing, a wrong number, or only "at least one more"."""
    match scenario.total if scenario else None:
        case "absent":
            return {}
        case "wrong":
            return {"total": found + 7}
        case "estimate":
            return {"total": min(found, page.offset + page.size + 1) if page.size else found}
        case _:
            return {"total": found}
