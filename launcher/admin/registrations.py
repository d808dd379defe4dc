"""Registrations of this app at EHRs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from launcher import preset_rows, recent_sign_in, secret_change, trial_launch, vendors
from launcher.admin.base import SiteScoped, actor, is_superuser, site_id
from launcher.admin.preset_pages import PresetAdmin, give_these
from launcher.admin.registration_actions import RegistrationActions
from launcher.admin.registration_list import RegistrationList
from launcher.admin.secret_pages import PERMISSION as REPLACE_SECRET
from launcher.admin.secret_pages import SecretAdmin, tell_trial
from launcher.admin.test_launch import TrialLaunchAdmin
from launcher.check_views import ConnectionCheckAdmin, check_address, may_check
from launcher.forms import EhrRegistrationForm, EhrRegistrationFormWithoutSecrets
from launcher.forms.help_texts import FOLDED_SECTIONS, OPEN_SECTIONS, SECRET_FIELDS
from launcher.models import EhrRegistration
from launcher.registration_advice import advice, known_configuration
from launcher.registration_state import state_of
from launcher.site_of import site_of

SWITCH = "launcher.switch_ehrregistration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@admin.register(EhrRegistration)
class EhrRegistrationAdmin(
    RegistrationActions,
    RegistrationList,
    ConnectionCheckAdmin,
    PresetAdmin,
    SecretAdmin,
    TrialLaunchAdmin,
    SiteScoped,
):
    """Registrations of the site whose host is being used; the client secret is write-only."""

    site_path = "site_id"
    form = EhrRegistrationForm
    change_form_template = "admin/launcher/ehrregistration/with_check.html"
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    own_audit_fields = frozenset({"client_secret", "previous_secret"})

    # --- What the form has, for whom ---------------------------------------------------------------------------
    def get_fieldsets(self, request: HttpRequest, obj: EhrRegistration | None = None) -> list[Any]:
        """Four sections open, the addresses to give away among them by the template; the rest folded."""
        hidden = frozenset() if self._writes_secrets(request, obj) else SECRET_FIELDS
        shown = [(title, [name for name in names if name not in hidden]) for title, names in OPEN_SECTIONS]
        folded = [(title, [name for name in names if name not in hidden]) for title, names in FOLDED_SECTIONS]
        return [
            *((title, {"fields": names}) for title, names in shown),
            *((title, {"fields": names, "classes": ("collapse",)}) for title, names in folded),
        ]

    def get_form(
        self, request: HttpRequest, obj: EhrRegistration | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kinds = {True: EhrRegistrationForm, False: EhrRegistrationFormWithoutSecrets}
        made = super().get_form(request, obj, change, **kwargs, form=kinds[self._writes_secrets(request, obj)])
        made.fresh_sign_in = recent_sign_in.is_recent(request)
        return made

    def _writes_secrets(self, request: HttpRequest, obj: EhrRegistration | None) -> bool:
        """Who only looks has no field for a secret either: there is nothing in it to be seen."""
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return may_write and request.user.has_perm(REPLACE_SECRET)

    def get_readonly_fields(self, request: HttpRequest, obj: EhrRegistration | None = None) -> tuple[str, ...]:
        """PKCE is switched off by a superuser or not at all (`docs/contract.md`, section 8, ruling 1)."""
        locked = () if is_superuser(request) else ("send_pkce",)
        return locked if request.user.has_perm(SWITCH) else (*locked, "enabled")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = db_field.related_model.objects.filter(pk=site_id(request))
            kwargs["initial"] = site_id(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`?preset=<id>` fills in what is known about that EHR."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        preset = vendors.get(request.GET.get("preset", ""))
        return initial | (preset_rows.values_of(preset) if preset else {})

    # --- The page ----------------------------------------------------------------------------------------------
    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Save, and then, with nothing locked any more, say what is worth a second look and try a new secret."""
        row = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {}), **self._more(request, row), **self._for_adding(request, row)}
        try:
            answer = super().changeform_view(request, object_id, form_url, context)
        except IntegrityError:
            # Somebody saved the same slug or client a moment before: judged anew, the form says so at its field.
            answer = super().changeform_view(request, object_id, form_url, context)
        self._tell(request)
        return answer

    def _more(self, request: HttpRequest, row: EhrRegistration | None) -> dict[str, Any]:
        preset = vendors.get(request.GET.get("preset", ""))
        suggested = {"origin": site_of(request).origin, "slug": preset_rows.slug_of(preset) if preset else ""}
        return {
            "may_check": may_check(request),
            "may_replace_secret": request.user.has_perm(REPLACE_SECRET),
            "give": give_these(row) if row else suggested,
            "endpoints": _endpoints(row) if row else [],
            "trial": trial_launch.offer(request, row) if row else None,
            "state": state_of(row) if row else None,
        }

    def _for_adding(self, request: HttpRequest, row: EhrRegistration | None) -> dict[str, Any]:
        if row is not None:
            return {}
        offers = preset_rows.offers(site_id(request))
        return {
            "preset": vendors.get(request.GET.get("preset", "")),
            "offers": offers,
            "families": preset_rows.families(offers),
        }

    # --- Saving ------------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: EhrRegistration, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.event:
            secret_change.write_event(form.event, obj, actor=actor(request))
        request.saved_registration = (obj, form)  # type: ignore[attr-defined]  # for this request alone

    def _tell(self, request: HttpRequest) -> None:
        obj, form = getattr(request, "saved_registration", (None, None))
        if obj is None:
            return
        for sentence in (*form.told, *advice(obj)):
            messages.warning(request, sentence)
        if form.event in {"secret.stored", "secret.replaced"} and "_check" not in request.POST:
            tell_trial(request, obj)

    def response_add(self, request: HttpRequest, obj: EhrRegistration, post_url_continue: Any = None) -> Any:
        return self._to_check(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: EhrRegistration) -> Any:
        return self._to_check(request, obj) or super().response_change(request, obj)

    def _to_check(self, request: HttpRequest, obj: EhrRegistration) -> HttpResponseBase | None:
        if "_check" not in request.POST or not may_check(request):
            return None
        messages.success(request, f"{obj.name} is saved.")
        return HttpResponseRedirect(check_address(request, [obj]))

    def has_delete_permission(self, request: HttpRequest, obj: EhrRegistration | None = None) -> bool:
        """A registration with launches is switched off instead."""
        if obj is not None and obj.launches.exists():
            return False
        return super().has_delete_permission(request, obj)


def _endpoints(row: EhrRegistration) -> list[dict[str, str]]:
    """What the EHR published when it was last asked, beside what this registration uses instead."""
    found = known_configuration(row)
    if found is None and not row.endpoint_overrides:
        return []
    return [
        {"name": name, "discovered": getattr(found, name, ""), "override": row.endpoint_overrides.get(name, "")}
        for name in _ENDPOINTS
    ]
