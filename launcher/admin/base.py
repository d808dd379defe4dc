"""What all pages of the admin share: which site they are about, who acts, and models that are only looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from launcher.site_of import site_of
from launcher.smart.errors import SmartError


def site_id(request: HttpRequest) -> int:
    """The site whose host is being used; -1, which no row has, for a host that is none of ours."""
    try:
        return site_of(request).id
    except SmartError:
        return -1


def actor(request: HttpRequest) -> str:
    """Staff, as the audit names them."""
    return f"staff {request.user.get_username()}"


class LookOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
