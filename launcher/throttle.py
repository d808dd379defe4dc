"""Counts guesses at chart addresses, per client address and minute."""

from __future__ import annotations

import hashlib
import logging
import time
from ipaddress import ip_address

from django.core.cache import cache
from django.http import HttpRequest

from launcher import conf
from launcher.smart.errors import SmartError

MISSES_PER_MINUTE = 20

logger = logging.getLogger("smartportal.throttle")


def client_address(request: HttpRequest) -> str:
    """The browser's address: the peer's, or the nearest one in X-Forwarded-For that is no trusted proxy of ours."""
    hops = [*request.headers.get("X-Forwarded-For", "").split(","), request.META.get("REMOTE_ADDR", "")]
    address = ""
    for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
        try:
            parsed = ip_address(hop)
        except ValueError:
            break
        address = str(parsed)
        if not is_trusted_proxy(address):
            break
    return address


def is_trusted_proxy(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in conf.trusted_proxies())


def count_miss(request: HttpRequest) -> None:
    """Raise `too_many_requests` after twenty misses of one address in one minute.

    The cache being away lets the miss pass as a plain miss: the answer is a refusal all the same.
    """
    minute = int(time.time() // 60)
    who = hashlib.sha256(client_address(request).encode()).hexdigest()[:32]
    key = f"misses:{minute}:{who}"
    cache.add(key, 0, 120)
    try:
        misses = cache.incr(key)
    except ValueError:
        return
    if misses <= MISSES_PER_MINUTE:
        return
    if misses == MISSES_PER_MINUTE + 1:
        logger.error("someone at one address is guessing chart addresses: %d misses in a minute", misses)
    raise SmartError(
        "too_many_requests", "more than 20 misses in a minute", reason="misses", context={"retry_after": 60}
    )
