"""Registrations of this app at EHRs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher import vendors
from launcher.admin.base import site_id
from launcher.check_views import ConnectionCheckAdmin
from launcher.discovery import discovered
from launcher.forms import EhrRegistrationForm
from launcher.models import EhrRegistration
from launcher.site_of import site_of


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
        return super().get_queryset(request).filter(site_id=site_id(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = db_field.related_model.objects.filter(pk=site_id(request))
            kwargs["initial"] = site_id(request)
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
