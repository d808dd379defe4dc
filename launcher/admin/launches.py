"""Launches that were opened: the sessions."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher.admin.base import LookOnly, site_id
from launcher.models import Launch


@admin.register(Launch)
class LaunchAdmin(LookOnly):
    """When, where, how it ended, and what the EHR said it was for. Patient and person stay out: nobody sees a chart
    by role.
    """

    list_display = ("created_at", "reference", "registration", "ended_at", "end_reason")
    list_filter = ("end_reason",)
    list_select_related = ("registration",)
    search_fields = ("reference",)
    fields = (
        "reference",
        "registration",
        "created_at",
        "last_seen_at",
        "ended_at",
        "end_reason",
        "fhir_version",
        "mode",
        "intent",
        "tenant",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Launch]:
        return super().get_queryset(request).filter(site_id=site_id(request))
