"""Times as short words for lists: how long ago, and how many days to go."""

from __future__ import annotations

from datetime import datetime


def ago(then: datetime, now: datetime) -> str:
    """“just now”, “12 min ago”, “2 h ago”, “5 d ago”; what lies ahead, by a clock that is off, is “just now” too."""
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} d ago"
