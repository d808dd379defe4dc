"""Keeps what an EHR publishes (discovery, keys): fetched once, and kept for a day when the EHR is down."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache

from launcher.smart.errors import SmartError

FRESH_SECONDS = 600
REFETCH_SECONDS = 60
STALE_SECONDS = 24 * 3600
_EHR_FAILED = {"discovery_failed", "ehr_unreachable", "ehr_busy", "identity_invalid"}

logger = logging.getLogger("smartportal.discovery")
_locks: dict[str, threading.Lock] = {}
_locks_guard = threading.Lock()


def _lock_for(key: str) -> threading.Lock:
    with _locks_guard:
        return _locks.setdefault(key, threading.Lock())


def fetched_once(kind: str, identity: tuple[str, ...], fetch: Callable[[], Any], *, refetch: bool = False) -> Any:
    """The cached value of `fetch` (a JSON value), at most ten minutes old, or up to a day old when the EHR fails.

    `identity` names what is fetched and for whom. One thread of this process fetches at a time; the others wait and use
    what it got. `refetch` asks the EHR again even if the value is fresh, but at most once a minute (the first fetch
    does not count: an EHR may change its keys right after it).
    """
    key = _key(kind, identity)
    entry = cache.get(key)
    if _good(entry, refetch):
        return entry["value"]
    with _lock_for(key):
        entry = cache.get(key)
        if _good(entry, refetch):
            return entry["value"]
        try:
            value = fetch()
        except SmartError as error:
            if entry is None or _too_old(entry) or error.code not in _EHR_FAILED:
                raise
            logger.warning("config.stale: %s is served from an earlier copy (%s)", kind, error.code)
            return entry["value"]
        now = time.time()
        cache.set(key, {"value": value, "at": now, "refetched_at": now if refetch else 0.0}, STALE_SECONDS)
        return value


def last_fetched(kind: str, identity: tuple[str, ...]) -> Any:
    """The value that is kept, however old; None when there is none. Fetches nothing."""
    entry = cache.get(_key(kind, identity))
    return entry["value"] if entry else None


def _key(kind: str, identity: tuple[str, ...]) -> str:
    return f"{kind}:{hashlib.sha256(repr(identity).encode()).hexdigest()}"


def _too_old(entry: Any) -> bool:
    """By our own clock: a cache may keep an entry for longer than it was asked to."""
    return bool(time.time() - entry["at"] >= STALE_SECONDS)


def _good(entry: Any, refetch: bool) -> bool:
    if entry is None:
        return False
    if refetch:
        return bool(time.time() - entry["refetched_at"] < REFETCH_SECONDS)
    return bool(time.time() - entry["at"] < FRESH_SECONDS)
