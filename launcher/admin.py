"""Django admin: registrations to edit; launches and the audit trail to look at."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher import signing, styles, vendors
from launcher.check_views import ConnectionCheckAdmin
from launcher.discovery import discovered
from launcher.forms import EhrRegistrationForm
from launcher.models import AuditEvent, EhrRegistration, Launch, SigningKey, StyleSheet
from launcher.site_of import site_of
from launcher.smart.errors import SmartError

admin.site.site_header = "smartportal"
admin.site.site_title = "smartportal"
admin.site.index_title = "EHRs and launches"


def _site_id(request: HttpRequest) -> int:
    try:
        return site_of(request).id
    except SmartError:
        return -1


@admin.register(EhrRegistration)
class EhrRegistrationAdmin(ConnectionCheckAdmin, admin.ModelAdmin):
    """Registrations of the site whose host is being used; the client secret is write-only."""

    form = EhrRegistrationForm
    change_form_template = "admin/launcher/ehrregistration/with_check.html"
    list_display = ("name", "slug", "environment", "enabled", "iss", "fhir_version", "vendor")
    list_filter = ("environment", "enabled", "fhir_version")
    search_fields = ("name", "slug", "iss", "client_id")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    fieldsets = (
        ("Identity", {"fields": ("vendor", "name", "slug", "site", "environment", "enabled")}),
        ("Address", {"fields": ("iss", "fhir_version", "launch_modes")}),
        ("Credentials", {"fields": ("client_id", "new_secret", "secret_from", "auth_method", "scopes")}),
        ("Give these to the EHR", {"fields": ("redirect_uri",)}),
        ("Chart", {"fields": ("panels", "style_policy", "trust_ehr_banner")}),
        (
            "Advanced",
            {
                "classes": ("collapse",),
                "fields": (
                    "require_identity",
                    "oidc_issuer",
                    "approved_origins",
                    "frame_ancestors",
                    "allowed_networks",
                    "time_zone",
                    "send_pkce",
                    "send_nonce",
                    "introspect_after_minutes",
                    "signing_algorithm",
                    "basic_raw",
                    "authorize_method",
                    "scope_version",
                    "iss_is_prefix",
                    "authorization_endpoint",
                    "token_endpoint",
                    "jwks_uri",
                    "id_token_algorithms",
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EhrRegistration]:
        return super().get_queryset(request).filter(site_id=_site_id(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = db_field.related_model.objects.filter(pk=_site_id(request))
            kwargs["initial"] = _site_id(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: EhrRegistration | None = None) -> tuple[str, ...]:
        """PKCE is switched off by a superuser or not at all (`docs/contract.md`, section 8, ruling 1)."""
        is_superuser = bool(getattr(request.user, "is_superuser", False))
        return () if is_superuser else ("send_pkce",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`?preset=<id>` fills in what is known about that EHR."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        preset = vendors.get(request.GET.get("preset", ""))
        if preset is None:
            return initial
        return initial | {
            "vendor": preset.id,
            "name": preset.label,
            "slug": preset.id,
            "iss": preset.iss,
            "iss_is_prefix": preset.iss_is_prefix,
            "fhir_version": preset.fhir_version,
            "auth_method": preset.auth_method,
            "scopes": preset.scopes,
            "scope_version": preset.scope_version,
            "launch_modes": list(preset.launch_modes),
            "oidc_issuer": preset.oidc_issuer,
            "approved_origins": list(preset.approved_origins),
        }

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        context = {
            **(extra_context or {}),
            "presets": [preset for preset in vendors.all_presets() if preset.status != "simulator"],
            "preset": vendors.get(request.GET.get("preset", "")),
            "origin": site_of(request).origin,
            "endpoints": self._endpoints(request, object_id),
        }
        return super().changeform_view(request, object_id, form_url, context)

    def _endpoints(self, request: HttpRequest, object_id: str | None) -> list[dict[str, str]]:
        """What the EHR published when it was last asked, beside what this registration uses instead."""
        registration = self.get_object(request, object_id) if object_id else None
        found = discovered(registration) if registration else None
        if registration is None or (found is None and not registration.endpoint_overrides):
            return []
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return [
            {
                "name": name,
                "discovered": getattr(found, name, ""),
                "override": registration.endpoint_overrides.get(name, ""),
            }
            for name in names
        ]

    def save_model(self, request: HttpRequest, obj: EhrRegistration, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for sentence in form.trimmed:
            messages.warning(request, sentence)
        twins = EhrRegistration.objects.for_site(obj.site_id).with_iss(obj.iss).exclude(pk=obj.pk)
        if names := ", ".join(f"“{name}”" for name in twins.values_list("name", flat=True)):
            messages.warning(
                request, f"This issuer is registered as {names} too: launches must use /launch/{obj.slug}."
            )

    def has_delete_permission(self, request: HttpRequest, obj: EhrRegistration | None = None) -> bool:
        """A registration with launches is switched off instead."""
        if obj is not None and obj.launches.exists():
            return False
        return super().has_delete_permission(request, obj)


@admin.register(SigningKey)
class SigningKeyAdmin(admin.ModelAdmin):
    """Key pairs are made here, never brought along; the private half is never shown, and a key is never changed."""

    list_display = ("kid", "algorithm", "state_label", "created_at", "active_from", "retired_at")
    list_filter = ("algorithm",)
    actions = ("retire_selected",)

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
        return super().has_change_permission(request)

    def save_model(self, request: HttpRequest, obj: SigningKey, form: Any, change: bool) -> None:
        signing.publish(obj, actor=_actor(request))
        if caution := signing.caution(obj):
            messages.warning(request, caution)

    @admin.action(description="Retire: stop signing at once and for good", permissions=["retire"])
    def retire_selected(self, request: HttpRequest, chosen: QuerySet[SigningKey]) -> None:
        for key in chosen:
            if not signing.retire(key, actor=_actor(request)):
                messages.info(request, f"The key {key.kid} is {key.state} already.")
                continue
            messages.success(
                request, f"The key {key.kid} signs no more; it stays published until {key.retired_at:%H:%M} UTC."
            )
            if caution := signing.caution(key):
                messages.warning(request, caution)


def _actor(request: HttpRequest) -> str:
    """Staff, as the audit names them."""
    return f"staff {request.user.get_username()}"


class _LookOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Launch)
class LaunchAdmin(_LookOnly):
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
        return super().get_queryset(request).filter(site_id=_site_id(request))


@admin.register(StyleSheet)
class StyleSheetAdmin(_LookOnly):
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[StyleSheet]:
        return super().get_queryset(request).filter(registration__site_id=_site_id(request))

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
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Approve: charts may use it", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, chosen: QuerySet[StyleSheet]) -> None:
        count = styles.approve(chosen, actor=_actor(request))
        messages.success(request, f"Approved: {count}. Charts use it where the registration asks first.")

    @admin.action(description="Withdraw approval", permissions=["approve"])
    def withdraw_selected(self, request: HttpRequest, chosen: QuerySet[StyleSheet]) -> None:
        count = styles.withdraw(chosen, actor=_actor(request))
        messages.success(request, f"Approval withdrawn: {count}. Pages opened from now on show our own look.")


@admin.register(AuditEvent)
class AuditEventAdmin(_LookOnly):
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
