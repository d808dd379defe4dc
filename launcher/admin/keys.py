"""Our own signing keys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher import signing
from launcher.admin.base import StaffAdmin, actor, is_superuser
from launcher.models import SigningKey


@admin.register(SigningKey)
class SigningKeyAdmin(StaffAdmin):
    """Key pairs are made here, never brought along; the private half is never shown, and a key is never changed."""

    list_display = ("kid", "algorithm", "state_label", "created_at", "active_from", "retired_at")
    list_filter = ("algorithm",)
    actions = ("retire_selected",)
    own_audit_events = frozenset({"created"})

    def get_fields(self, request: HttpRequest, obj: SigningKey | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("algorithm",)
        return (*self.list_display, "retiring_at", "public_jwk")

    def get_readonly_fields(self, request: HttpRequest, obj: SigningKey | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    @admin.display(description="state")
    def state_label(self, key: SigningKey) -> str:
        return str(key.state.label)

    def has_change_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:
        """An EHR that meets a signature must find its key as long as the signature is good."""
        if obj is not None and obj.state != SigningKey.State.RETIRED:
            return False
        return super().has_delete_permission(request, obj)

    def has_retire_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def save_model(self, request: HttpRequest, obj: SigningKey, form: Any, change: bool) -> None:
        signing.publish(obj, actor=actor(request))
        if caution := signing.caution(obj):
            messages.warning(request, caution)

    @admin.action(description="Retire: stop signing at once and for good", permissions=["retire"])
    def retire_selected(self, request: HttpRequest, chosen: QuerySet[SigningKey]) -> None:
        for key in chosen:
            if not signing.retire(key, actor=actor(request)):
                messages.info(request, f"The key {key.kid} is {key.state} already.")
                continue
            messages.success(
                request, f"The key {key.kid} signs no more; it stays published until {key.retired_at:%H:%M} UTC."
            )
            if caution := signing.caution(key):
                messages.warning(request, caution)
