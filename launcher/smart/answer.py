"""The answer to one request, as the rest of the program sees it: no connection, no cookies, nothing left to read."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

RETRY_AFTER_MOST = 86_400


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (lower-case names), the body after decompression, and the URL that was asked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case: "application/fhir+json", or "" when there is none."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait as the header says (a number or an HTTP date, capped to a day); None if absent or garbage.

        Source: RFC 9110, section 10.2.3.
        """
        text = self.headers.get("retry-after", "").strip()
        if re.fullmatch("[0-9]+", text):
            return min(int(text[:9]) if len(text) < 10 else RETRY_AFTER_MOST, RETRY_AFTER_MOST)
        try:
            until = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max(0, round((until - datetime.now(UTC)).total_seconds())), RETRY_AFTER_MOST)
