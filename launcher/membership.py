"""Who a request of the staff is by, which site it is for, and whether that person belongs to that site."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sites.models import Site
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher.models import StaffSites
from launcher.site_of import site_of
from launcher.smart.errors import SmartError

NO_SITE = -1


def site_id(request: HttpRequest) -> int:
    """The site whose host is being used; NO_SITE, which no row has, for a host that is none of ours."""
    try:
        return site_of(request).id
    except SmartError:
        return NO_SITE


def site_name(request: HttpRequest) -> str:
    """The same site as the audit names it; "" for a host that is none of ours."""
    try:
        return site_of(request).domain
    except SmartError:
        return ""


def actor(request: HttpRequest) -> str:
    """Staff, as the audit names them."""
    return staff_name(request.user)


def staff_name(user: Any) -> str:
    return f"staff {user.get_username()}"


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def sites_of(user: Any) -> QuerySet[Site]:
    """The sites a staff person works for: a superuser's are all, those of somebody without a row the default one."""
    if user.is_superuser:
        return Site.objects.all()
    row = StaffSites.objects.filter(user_id=user.pk).first()
    return row.sites.all() if row else Site.objects.filter(pk=settings.SITE_ID)


def belongs(user: Any, site: int) -> bool:
    return site != NO_SITE and sites_of(user).filter(pk=site).exists()


def is_staff_here(request: HttpRequest) -> bool:
    """Whether the admin of this host is open to whoever is signed in."""
    user = request.user
    return bool(user.is_active and getattr(user, "is_staff", False) and belongs(user, site_id(request)))
