"""Under which names the installation is reached, and what stands between it and the browsers."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from launcher import conf
from launcher.system_checks.messages import Found, error, warning


def plain_http(app_configs: object, **kwargs: Any) -> Found:
    """Over http everybody on the way reads the chart."""
    if settings.DEBUG or conf.secure_cookies() or _is_loopback():
        return []
    return [
        error(
            "E101",
            f"SMARTPORTAL_BASE_URL is {conf.base_url()}: patients' data would travel in the clear.",
            "Put a proxy with TLS in front and write https://.",
        )
    ]


def own_host(app_configs: object, **kwargs: Any) -> Found:
    """The default site's own name must be served."""
    if settings.DEBUG or is_served(conf.base_host()):
        return []
    return [
        error(
            "E102",
            f"{conf.base_host()} is in SMARTPORTAL_BASE_URL and not in ALLOWED_HOSTS: every page of it is refused.",
            "Add the host name, without a port, to ALLOWED_HOSTS.",
        )
    ]


def cookies(app_configs: object, **kwargs: Any) -> Found:
    """Settings of one's own may have switched off what the address asks for."""
    if not conf.secure_cookies() or (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        return []
    return [
        error(
            "E103",
            "Cookies of the admin are sent over http too, although SMARTPORTAL_BASE_URL is https.",
            "Set SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE to True.",
        )
    ]


def proxy_is_unknown(app_configs: object, **kwargs: Any) -> Found:
    """Without the proxy's word, a request that came by https looks like http, and all browsers like one address."""
    if settings.DEBUG or not conf.secure_cookies() or conf.trusted_proxies():
        return []
    return [
        warning(
            "W106",
            "SMARTPORTAL_BASE_URL is https and SMARTPORTAL_TRUSTED_PROXIES is empty.",
            "Name the proxy's network, for example 127.0.0.1/32, or all browsers share one limit. "
            "With TLS in this server itself nothing is to be done.",
        )
    ]


def debug_in_public(app_configs: object, **kwargs: Any) -> Found:
    """DEBUG switches off every refusal of an unsafe start."""
    if not settings.DEBUG or _is_loopback():
        return []
    return [
        warning(
            "W107",
            f"DEBUG is on and SMARTPORTAL_BASE_URL is {conf.base_url()}, which others can reach.",
            "Set DEBUG=off. DEBUG is for a machine that only you use.",
        )
    ]


def is_served(domain: str) -> bool:
    """Whether ALLOWED_HOSTS lets a host in; `domain` may have a port."""
    return validate_host(split_domain_port(domain)[0], settings.ALLOWED_HOSTS)


def _is_loopback() -> bool:
    host = urlsplit(conf.base_url()).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
