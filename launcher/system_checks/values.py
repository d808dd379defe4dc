"""Values that refuse the start: what cannot be read, and secrets that are none."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from launcher import conf
from launcher.smart import origins
from launcher.system_checks.messages import Found, error

_SAMPLES = ("change-me", "changeme", "django-insecure", "sample", "secret-key", "replace-me")
_NUMBERS = (
    "SMARTPORTAL_IDLE_MINUTES",
    "SMARTPORTAL_ABSOLUTE_HOURS",
    "SMARTPORTAL_STALE_MINUTES",
    "SMARTPORTAL_TRACE_DAYS",
)


def secret_key(app_configs: object, **kwargs: Any) -> Found:
    """Without DEBUG, a real SECRET_KEY, and no sample among the older ones, which are believed just as well."""
    if settings.DEBUG:
        return
    try:
        value = settings.SECRET_KEY
    except ImproperlyConfigured:
        value = ""
    if not value:
        yield error("E001", "SECRET_KEY is not set.", "Set SECRET_KEY or SECRET_KEY_FILE to a long random text.")
    elif _is_sample(value):
        yield error("E002", "SECRET_KEY is a sample value.", "Set SECRET_KEY to a long random text of your own.")
    if any(not key or _is_sample(key) for key in settings.SECRET_KEY_FALLBACKS):
        yield error(
            "E009",
            "SECRET_KEY_FALLBACKS holds a sample value, or an empty one.",
            "Take it away: whoever knows a fallback can make sessions.",
        )


def _is_sample(value: str) -> bool:
    return any(sample in value.lower() for sample in _SAMPLES)


def field_keys(app_configs: object, **kwargs: Any) -> Found:
    """Keys for the secrets in the database."""
    try:
        keys = conf.field_keys()
    except ImproperlyConfigured as problem:
        return [error("E003", str(problem))]
    if settings.DEBUG:
        return []
    if not keys:
        return [error("E004", "SMARTPORTAL_FIELD_KEYS is not set.", "`manage.py new_field_key` prints one.")]
    if any(len(set(key)) == 1 for key in keys):
        hint = "Put a key from `manage.py new_field_key` in front and follow “A new field key” in the documents."
        return [error("E012", "SMARTPORTAL_FIELD_KEYS holds a key that is one byte over and over.", hint)]
    return []


def allowed_hosts(app_configs: object, **kwargs: Any) -> Found:
    """Without DEBUG, named hosts."""
    if settings.DEBUG or "*" not in settings.ALLOWED_HOSTS:
        return []
    return [error("E005", "ALLOWED_HOSTS is “*”.", "Name the host names of your sites in ALLOWED_HOSTS.")]


def simulators(app_configs: object, **kwargs: Any) -> Found:
    """Simulated EHRs belong on a development machine."""
    if settings.DEBUG or not settings.SMARTPORTAL_SANDBOX:
        return []
    return [error("E006", "SMARTPORTAL_SANDBOX is on although DEBUG is off.", "Set SMARTPORTAL_SANDBOX=off.")]


def networks(app_configs: object, **kwargs: Any) -> Found:
    """Network lists that can be read."""
    readers: Sequence[tuple[str, Callable[[], object]]] = (
        ("SMARTPORTAL_ALLOWED_NETWORKS", conf.allowed_networks),
        ("SMARTPORTAL_TRUSTED_PROXIES", conf.trusted_proxies),
        ("SMARTPORTAL_METRICS_NETWORKS", conf.metrics_networks),
    )
    for variable, read in readers:
        try:
            read()
        except ImproperlyConfigured as problem:
            yield error("E007", f"{variable}: {problem}", "Write CIDRs separated by commas.")


def base_url(app_configs: object, **kwargs: Any) -> Found:
    """An origin: launch and redirect addresses are put together from it."""
    try:
        if origins.parse_base(conf.base_url()).segments:
            raise ValueError("a path")
    except ValueError as problem:
        return [
            error(
                "E008",
                f"SMARTPORTAL_BASE_URL cannot be used: {problem}.",
                "Write scheme and host, and the port if there is one, for example https://portal.example.org.",
            )
        ]
    return []


def ca_bundle(app_configs: object, **kwargs: Any) -> Found:
    """Certificate authorities that can be read; without this every EHR would be unreachable."""
    path = settings.SMARTPORTAL_CA_BUNDLE
    if not path or _loads(path):
        return []
    return [
        error(
            "E010",
            f"SMARTPORTAL_CA_BUNDLE: there is no PEM certificate to read at {path}.",
            "Name a PEM file, or a folder prepared with `openssl rehash`, that this program may read.",
        )
    ]


def _loads(path: str) -> bool:
    try:
        if os.path.isdir(path):
            return bool(os.listdir(path))
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        return False
    return True


def numbers(app_configs: object, **kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Limits below one would end every session at once, or keep nothing."""
    for variable in _NUMBERS:
        value = getattr(settings, variable)
        if value < 1:
            yield error("E011", f"{variable} is {value}.", "Write a whole number, 1 or more.")
