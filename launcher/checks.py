"""Misconfiguration that can be seen without a network, as Django's system checks (all named in docs/operations.md).

What cannot be used refuses the start and every command; what should not be used is said by `check --deploy`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from launcher.staff.checks import staff_sign_in
from launcher.system_checks import addresses, server, stored, values
from launcher.system_checks.messages import Found

TAG = "smartportal"

Check = Callable[..., Found]

_AT_START: tuple[Check, ...] = (
    values.secret_key,
    values.field_keys,
    values.allowed_hosts,
    values.simulators,
    values.networks,
    values.base_url,
    values.ca_bundle,
    values.numbers,
    addresses.debug_in_public,
    staff_sign_in,
)
_BEFORE_DEPLOYMENT: tuple[Check, ...] = (
    addresses.plain_http,
    addresses.own_host,
    addresses.cookies,
    addresses.proxy_is_unknown,
    server.sqlite,
    server.cache_of_one_process,
    server.open_to_the_world,
    server.loopback_is_reachable,
    server.field_key_twice,
    server.unusual_limits,
    stored.stored,
)


def register_all() -> None:
    for check in _AT_START:
        checks.register(_spared(check), TAG)
    for check in _BEFORE_DEPLOYMENT:
        checks.register(_spared(check), TAG, deploy=True)


def refuse_unsafe_start() -> None:
    """For servers, which do not run Django's checks: raise ImproperlyConfigured with the first error's words."""
    found = [message for message in checks.run_checks(tags=[TAG]) if message.is_serious()]
    if found:
        raise ImproperlyConfigured("; ".join(f"{message.msg} {message.hint or ''}".strip() for message in found))


def _spared(check: Check) -> Check:
    """The same check, which finds nothing where a value cannot be read: another one says so, in better words."""

    @functools.wraps(check)
    def spared(app_configs: object, **kwargs: Any) -> Found:
        try:
            return list(check(app_configs, **kwargs))
        except ImproperlyConfigured:
            return []

    return spared
