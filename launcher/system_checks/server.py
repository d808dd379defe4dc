"""What the server stands on, and limits that are looser than they need be."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network
from typing import Any

from django.conf import settings

from launcher import conf
from launcher.smart.registration import Network
from launcher.system_checks.messages import Found, warning

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_ONE_PROCESS = ("locmem", "dummy", "filebased")
# Variable, the most that is usual, and what more than that means.
_USUAL = (
    ("SMARTPORTAL_IDLE_MINUTES", 60, "a chart that was left open stays readable"),
    ("SMARTPORTAL_ABSOLUTE_HOURS", 24, "a session outlives the shift"),
    ("SMARTPORTAL_STALE_MINUTES", 240, "an old chart is not called old"),
    ("SMARTPORTAL_TRACE_DAYS", 366, "traces are kept for longer than a help desk asks for them"),
)


def sqlite(app_configs: object, **kwargs: Any) -> Found:
    """SQLite serves one machine (docs/decisions/0003)."""
    if settings.DEBUG or "sqlite3" not in settings.DATABASES["default"]["ENGINE"]:
        return []
    return [
        warning(
            "W103",
            "DATABASE_URL is SQLite: one machine, one writer at a time.",
            "Use PostgreSQL as soon as there is a second server, or more than a few people at once.",
        )
    ]


def cache_of_one_process(app_configs: object, **kwargs: Any) -> Found:
    """Counters in the memory of one process are counted anew in the next one."""
    backend = settings.CACHES["default"]["BACKEND"].lower()
    if settings.DEBUG or not any(name in backend for name in _ONE_PROCESS):
        return []
    return [
        warning(
            "W104",
            "CACHE_URL is no cache that processes share: each worker counts guesses and failures for itself.",
            "Set CACHE_URL=redis://… for more than one worker.",
        )
    ]


def open_to_the_world(app_configs: object, **kwargs: Any) -> Found:
    """A list that holds every address protects nothing."""
    lists: tuple[tuple[str, tuple[Network, ...], str], ...] = (
        ("SMARTPORTAL_ALLOWED_NETWORKS", conf.allowed_networks(), "Name the networks in which EHRs stand on site."),
        ("SMARTPORTAL_TRUSTED_PROXIES", conf.trusted_proxies(), "Name your proxies: others could claim to be one."),
        ("SMARTPORTAL_METRICS_NETWORKS", conf.metrics_networks(), "Name who collects the metrics."),
    )
    for variable, networks, hint in lists:
        if any(network.prefixlen == 0 for network in networks):
            yield warning("W105", f"{variable} holds every address.", hint)


def loopback_is_reachable(app_configs: object, **kwargs: Any) -> Found:
    """An address guard that lets loopback through protects nothing on this machine."""
    if any(map(_overlaps_loopback, conf.allowed_networks())):
        text = "SMARTPORTAL_ALLOWED_NETWORKS lets loopback addresses through."
        return [warning("W101", text, "Leave loopback out in production.")]
    return []


def _overlaps_loopback(network: Network) -> bool:
    return any(network.version == loop.version and network.overlaps(loop) for loop in _LOOPBACK)


def field_key_twice(app_configs: object, **kwargs: Any) -> Found:
    """Somebody wanted to put a new key in front and pasted the old one."""
    if max(Counter(conf.field_keys()).values(), default=0) < 2:
        return []
    hint = "Keep each key once. For a new one: `manage.py new_field_key`."
    return [warning("W108", "SMARTPORTAL_FIELD_KEYS holds one key twice.", hint)]


def unusual_limits(app_configs: object, **kwargs: Any) -> Found:
    """Numbers that work and that nobody would choose knowingly."""
    for variable, most, meaning in _USUAL:
        value = getattr(settings, variable)
        if value > most:
            yield warning("W109", f"{variable} is {value}: {meaning}.", f"Usual is {most} at most.")
    if conf.idle_limit() > conf.absolute_limit():
        text = "SMARTPORTAL_IDLE_MINUTES is longer than SMARTPORTAL_ABSOLUTE_HOURS: it never ends a session."
        yield warning("W109", text, "Make it shorter.")
