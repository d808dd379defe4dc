"""Launches that were opened: the sessions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher.admin.base import LookOnly, SiteScoped
from launcher.admin.paginator import LimitedPaginator
from launcher.admin.session_actions import SessionActions
from launcher.models import Launch


class EndedFilter(admin.SimpleListFilter):
    """Whether a session has ended; every reason that ever was could only be found by reading the whole table."""

    title = "session"
    parameter_name = "session"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Not ended"), ("ended", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Launch]) -> QuerySet[Launch]:
        if self.value() not in {"open", "ended"}:
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "open")


@admin.register(Launch)
class LaunchAdmin(SessionActions, SiteScoped, LookOnly):
    """When, where, how it ended, and what the EHR said it was for. Patient and person stay out: nobody sees a chart
    by role.
    """

    site_path = "site_id"
    list_display = ("created_at", "reference", "registration", "ended_at", "end_reason")
    list_filter = (EndedFilter,)
    list_select_related = ("registration",)
    search_fields = ("reference__exact",)
    search_help_text = "The reference that was shown, for example ABC234."
    ordering = ("-created_at",)
    show_full_result_count = False
    paginator = LimitedPaginator
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Launch], search_term: str
    ) -> tuple[QuerySet[Launch], bool]:
        """By the whole reference, as it is read out: upper case, spaces meaning nothing."""
        return super().get_search_results(request, queryset, "".join(search_term.split()).upper())
