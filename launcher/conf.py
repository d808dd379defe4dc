"""The product's settings as typed values; the environment variables behind them are listed in `docs/contract.md`."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from launcher.smart.registration import Network


def base_url() -> str:
    """The public origin of the default site, without a trailing slash."""
    return str(settings.SMARTPORTAL_BASE_URL).rstrip("/")


def base_host() -> str:
    """Host and port of the default site, as a Host header carries them."""
    return urlsplit(base_url()).netloc.lower()


def secure_cookies() -> bool:
    """False only when the public address is plain http (a development machine): browsers drop Secure cookies there."""
    return urlsplit(base_url()).scheme == "https"


def idle_limit() -> timedelta:
    return timedelta(minutes=settings.SMARTPORTAL_IDLE_MINUTES)


def absolute_limit() -> timedelta:
    return timedelta(hours=settings.SMARTPORTAL_ABSOLUTE_HOURS)


def allowed_networks() -> tuple[Network, ...]:
    """The address ranges that the door lets through besides public addresses."""
    return parse_networks(tuple(settings.SMARTPORTAL_ALLOWED_NETWORKS))


def trusted_proxies() -> tuple[Network, ...]:
    return parse_networks(tuple(settings.SMARTPORTAL_TRUSTED_PROXIES))


def metrics_networks() -> tuple[Network, ...]:
    """From where /metrics may be read; nobody may when there is none."""
    return parse_networks(tuple(settings.SMARTPORTAL_METRICS_NETWORKS))


@lru_cache(maxsize=256)
def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Read CIDRs; raises ImproperlyConfigured naming the one that is none."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError as error:
            raise ImproperlyConfigured(f"“{text}” is not a network such as 10.20.0.0/16.") from error
    return tuple(networks)


def field_keys() -> tuple[bytes, ...]:
    """The keys that encrypt secrets in the database, newest first."""
    return parse_field_keys(tuple(settings.SMARTPORTAL_FIELD_KEYS))


@lru_cache(maxsize=32)
def parse_field_keys(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    """Decode URL-safe base64 keys of 32 bytes each; raises ImproperlyConfigured without showing any."""
    keys = []
    for text in texts:
        try:
            key = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32:
            raise ImproperlyConfigured(
                "SMARTPORTAL_FIELD_KEYS must be 32 random bytes each, in URL-safe base64; "
                "`manage.py new_field_key` prints one."
            )
        keys.append(key)
    return tuple(keys)
