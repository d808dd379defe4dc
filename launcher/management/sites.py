"""The site that a command speaks of."""

from __future__ import annotations

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.management.base import CommandError


def named_site(domain: str | None) -> Site:
    """The site with this domain, or the default site. Raises CommandError when there is none."""
    if not domain:
        return Site.objects.get(pk=settings.SITE_ID)
    site = Site.objects.filter(domain__iexact=domain).first()
    if site is None:
        raise CommandError(f"There is no site with the domain {domain}; add it in the admin under Sites.")
    return site
