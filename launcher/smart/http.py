"""The one door to the network (skeleton of the interface; being built)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers (lower-case names), the body after decompression, and the URL that was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
