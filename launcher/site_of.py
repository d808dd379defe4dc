"""Which site a request is for, by its Host header."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.sites.models import Site
from django.http import HttpRequest

from launcher import conf
from launcher.smart.errors import SmartError


@dataclass(frozen=True, slots=True)
class RequestSite:
    """The site's id, its name for audit (`domain`), and its public origin."""

    id: int
    domain: str
    origin: str


def site_of(request: HttpRequest) -> RequestSite:
    """The default site for the host of SMARTPORTAL_BASE_URL, else the site with that domain, else `not_found`.

    Raises DisallowedHost for a host outside ALLOWED_HOSTS.
    """
    host = request.get_host().lower()
    if host == conf.base_host():
        return RequestSite(settings.SITE_ID, conf.base_host(), conf.base_url())
    site = Site.objects.filter(domain__iexact=host).exclude(pk=settings.SITE_ID).first()
    if site is None:
        raise SmartError("not_found", "no site has this host name", reason="host")
    return RequestSite(site.pk, site.domain, f"https://{site.domain}")
