"""The audit trail, looked at."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher.admin.base import LookOnly
from launcher.models import AuditEvent
from launcher.site_of import site_of
from launcher.smart.errors import SmartError


@admin.register(AuditEvent)
class AuditEventAdmin(LookOnly):
    """The trail, to be searched by the reference that a provider reads out."""

    list_display = ("at", "event", "outcome", "code", "reason", "reference", "registration", "actor")
    list_filter = ("event", "outcome")
    search_fields = ("reference",)
    ordering = ("-at",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        try:
            domain = site_of(request).domain
        except SmartError:
            return super().get_queryset(request).none()
        return super().get_queryset(request).filter(site__in=(domain, ""))
