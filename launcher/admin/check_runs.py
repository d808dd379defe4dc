"""Checks of connections that were run, looked at again."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher.admin.base import LookOnly, SiteScoped
from launcher.admin.paginator import LimitedPaginator
from launcher.models import CheckRun


@admin.register(CheckRun)
class CheckRunAdmin(SiteScoped, LookOnly):
    """The newest runs of each registration of this site; what they found is free of secrets."""

    change_form_template = "admin/launcher/checkrun/change_form.html"
    list_display = ("at", "registration", "kind", "ending", "counts", "actor")
    list_filter = ("kind", "failing", "finished")
    list_select_related = ("registration",)
    search_fields = ("registration__name", "registration__slug")
    more_lookups = ("registration",)
    ordering = ("-at", "-pk")
    fields = ("registration", "at", "kind", "actor", "ending", "counts")
    show_full_result_count = False
    paginator = LimitedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[CheckRun]:
        """Without what was found: that is for the page of one run."""
        return super().get_queryset(request).defer("results", "standing")

    @admin.display(description="Ended")
    def ending(self, run: CheckRun) -> str:
        if run.problem:
            return "could not begin"
        return "to its end" if run.finished else "broken off"

    @admin.display(description="Found", ordering="fails")
    def counts(self, run: CheckRun) -> str:
        return f"{run.fails} fail {run.warns} warn {run.passes} pass"
