"""References that people read out, and correlation ids that tie our log to the EHR's."""

from __future__ import annotations

import secrets
import uuid
from contextvars import ContextVar

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0, O, 1 or I: a reference is read out over the telephone."""

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def new_reference() -> str:
    """Six characters that a provider can read to the help desk."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))


def begin_request() -> str:
    """Give the current request its correlation id: sent to the EHR as X-Request-Id and kept in audit and log."""
    value = str(uuid.uuid4())
    _correlation_id.set(value)
    return value


def correlation_id() -> str:
    return _correlation_id.get()
