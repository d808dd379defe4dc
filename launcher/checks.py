"""Misconfiguration that can be seen without a network; errors refuse the start and name the variable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError

from launcher import conf
from launcher.models import EhrRegistration

TAG = "smartportal"
_SAMPLES = ("change-me", "changeme", "django-insecure", "sample", "secret-key", "replace-me")
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def register_all() -> None:
    for check in (secret_key, field_keys, allowed_hosts, simulators, networks):
        checks.register(check, TAG)
    for check in (loopback_is_reachable, pkce_is_off):
        checks.register(check, TAG, deploy=True)


def refuse_unsafe_start() -> None:
    """For servers, which do not run Django's checks: raise ImproperlyConfigured with the first error's words."""
    found = [message for message in checks.run_checks(tags=[TAG]) if message.is_serious()]
    if found:
        raise ImproperlyConfigured("; ".join(f"{message.msg} {message.hint or ''}".strip() for message in found))


def secret_key(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Without DEBUG, a real SECRET_KEY."""
    if settings.DEBUG:
        return []
    try:
        value = settings.SECRET_KEY
    except ImproperlyConfigured:
        value = ""
    if not value:
        return [_error("SECRET_KEY is not set.", "Set SECRET_KEY or SECRET_KEY_FILE to a long random text.", 1)]
    if any(sample in value.lower() for sample in _SAMPLES):
        return [_error("SECRET_KEY is a sample value.", "Set SECRET_KEY to a long random text of your own.", 2)]
    return []


def field_keys(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Keys for the secrets in the database."""
    try:
        keys = conf.field_keys()
    except ImproperlyConfigured as error:
        return [_error(str(error), "", 3)]
    if keys or settings.DEBUG:
        return []
    return [_error("SMARTPORTAL_FIELD_KEYS is not set.", "`manage.py new_field_key` prints one.", 4)]


def allowed_hosts(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Without DEBUG, named hosts."""
    if settings.DEBUG or "*" not in settings.ALLOWED_HOSTS:
        return []
    return [_error("ALLOWED_HOSTS is “*”.", "Name the host names of your sites in ALLOWED_HOSTS.", 5)]


def simulators(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Simulated EHRs belong on a development machine."""
    if settings.DEBUG or not settings.SMARTPORTAL_SANDBOX:
        return []
    return [_error("SMARTPORTAL_SANDBOX is on although DEBUG is off.", "Set SMARTPORTAL_SANDBOX=off.", 6)]


def networks(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Network lists that can be read."""
    readers: Sequence[tuple[str, Callable[[], object]]] = (
        ("SMARTPORTAL_ALLOWED_NETWORKS", conf.allowed_networks),
        ("SMARTPORTAL_TRUSTED_PROXIES", conf.trusted_proxies),
    )
    found = []
    for variable, read in readers:
        try:
            read()
        except ImproperlyConfigured as error:
            found.append(_error(f"{variable}: {error}", "Write CIDRs separated by commas.", 7))
    return found


def loopback_is_reachable(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """An address guard that lets loopback through protects nothing on this machine."""
    if any(
        network.version == loop.version and network.overlaps(loop)
        for network in conf.allowed_networks()
        for loop in _LOOPBACK
    ):  # type: ignore[arg-type]  # same version
        return [
            checks.Warning(
                "SMARTPORTAL_ALLOWED_NETWORKS lets loopback addresses through.",
                hint="Leave loopback out in production.",
                id="smartportal.W101",
            )
        ]
    return []


def pkce_is_off(app_configs: object, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """A standing warning for every registration that sends no PKCE challenge."""
    try:
        slugs = list(EhrRegistration.objects.filter(send_pkce=False).values_list("slug", flat=True))
    except DatabaseError:
        return []
    return [
        checks.Warning(
            f"{slug} sends no PKCE challenge.",
            hint="Switch PKCE on again as soon as the EHR takes it.",
            id="smartportal.W102",
        )
        for slug in slugs
    ]


def _error(text: str, hint: str, number: int) -> checks.Error:
    return checks.Error(text, hint=hint or None, id=f"smartportal.E{number:03}")
