"""What EHRs want charts to look like."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher import styles
from launcher.admin.base import LookOnly, SiteScoped, StaffAdmin, actor
from launcher.models import StyleSheet


@admin.register(StyleSheet)
class StyleSheetAdmin(SiteScoped, LookOnly):
    """What EHRs want charts to look like, made safe. Deleted, it is fetched anew at the next launch that names it."""

    list_display = ("registration", "url", "state_label", "not_taken_over", "fetched_at")
    list_select_related = ("registration",)
    search_fields = ("url", "registration__name", "registration__slug")
    ordering = ("-fetched_at",)
    fields = (
        "registration",
        "url",
        "state_label",
        "approved_at",
        "not_taken_over",
        "properties",
        "fetched_at",
        "sha256",
    )
    actions = ("approve_selected", "withdraw_selected")

    @admin.display(description="state")
    def state_label(self, sheet: StyleSheet) -> str:
        return styles.state_of(sheet)

    @admin.display(description="not taken over")
    def not_taken_over(self, sheet: StyleSheet) -> str:
        return ", ".join(sheet.refused) or "–"

    @admin.display(description="preview")
    def properties(self, sheet: StyleSheet) -> str:
        return sheet.css or "–"

    def has_delete_permission(self, request: HttpRequest, obj: StyleSheet | None = None) -> bool:
        return StaffAdmin.has_delete_permission(self, request, obj)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Approve: charts may use it", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, chosen: QuerySet[StyleSheet]) -> None:
        count = styles.approve(chosen, actor=actor(request))
        messages.success(request, f"Approved: {count}. Charts use it where the registration asks first.")

    @admin.action(description="Withdraw approval", permissions=["approve"])
    def withdraw_selected(self, request: HttpRequest, chosen: QuerySet[StyleSheet]) -> None:
        count = styles.withdraw(chosen, actor=actor(request))
        messages.success(request, f"Approval withdrawn: {count}. Pages opened from now on show our own look.")
