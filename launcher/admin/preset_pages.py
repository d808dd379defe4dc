"""Several registrations from presets in one go, and one page for the credentials of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from launcher import credentials, preset_rows
from launcher.admin.base import site_id
from launcher.admin.secret_pages import PERMISSION as REPLACE_SECRET
from launcher.admin.secret_pages import tell_trial
from launcher.check_views import check_address, may_check, rows_asked_for
from launcher.forms.credentials import CredentialsForm, credentials_form
from launcher.models import EhrRegistration
from launcher.vendors import VendorPreset

if TYPE_CHECKING:
    Base = admin.ModelAdmin[EhrRegistration]
else:
    Base = object

_PAGE = "admin/launcher/ehrregistration/credentials.html"
_LIST = "admin:launcher_ehrregistration_changelist"


class PresetAdmin(Base):
    """Adds `presets/`, which creates rows from what was ticked, and `credentials/?rows=1,2`."""

    def get_urls(self) -> list[URLPattern]:
        create, fill = map(self.admin_site.admin_view, (self.presets_view, self.credentials_view))
        return [
            path("presets/", create, name="launcher_ehrregistration_presets"),
            path("credentials/", fill, name="launcher_ehrregistration_credentials"),
            *super().get_urls(),
        ]

    def presets_view(self, request: HttpRequest) -> HttpResponseBase:
        """POST `preset` (several) or `family`. Raises PermissionDenied without the right to add registrations."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        add = reverse("admin:launcher_ehrregistration_add")
        if request.method != "POST":
            return HttpResponseRedirect(add)
        chosen = _chosen(request)
        if not chosen:
            messages.warning(request, "Tick at least one preset that is not registered yet.")
            return HttpResponseRedirect(add)
        try:
            rows = self._create(request, chosen)
        except ValidationError as error:
            messages.error(request, f"Nothing was created. {error.messages[0]}")
            return HttpResponseRedirect(add)
        except IntegrityError:
            messages.error(request, "Nothing was created: somebody has registered one of these just now. Choose again.")
            return HttpResponseRedirect(add)
        return HttpResponseRedirect(credentials_address(rows))

    def _create(self, request: HttpRequest, chosen: Sequence[VendorPreset]) -> list[EhrRegistration]:
        with transaction.atomic():
            rows = preset_rows.create(chosen, site_id=site_id(request))
            for row in rows:
                self.log_addition(request, row, [{"added": {}}])
        return rows

    def credentials_view(self, request: HttpRequest) -> HttpResponseBase:
        """Raises Http404 unless `rows` names rows of this site, PermissionDenied without the right to change them."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        rows = rows_asked_for(self, request)
        with_secret = request.user.has_perm(REPLACE_SECRET)
        data = request.POST if request.method == "POST" else None
        forms = [credentials_form(row, with_secret=with_secret, data=data) for row in rows]
        if data is not None:
            if answer := self._save_all(request, forms):
                return answer
            # What was saved, or left empty, begins anew; what is to be mended keeps its words.
            forms = [
                form if form.is_to_be_mended else credentials_form(form.instance, with_secret=with_secret)
                for form in forms
            ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Credentials",
            "may_check": may_check(request),
            "forms": [{"row": form.instance, "form": form, "give": give_these(form.instance)} for form in forms],
        }
        return TemplateResponse(request, _PAGE, context)

    def _save_all(self, request: HttpRequest, forms: Sequence[CredentialsForm]) -> HttpResponseBase | None:
        """Save what is right, one by one; None when something is left to mend on the page."""
        filled = [form for form in forms if not form.is_left_empty]
        if not filled:
            messages.warning(request, "Nothing was entered. Paste what a vendor's portal gave you, then save.")
            return None
        saved = [form for form in filled if form.is_valid() and self._save_one(request, form)]
        for form in saved:
            for sentence in form.told:
                messages.warning(request, f"{form.instance.name}: {sentence}")
        if len(saved) < len(filled):
            _tell_saved(request, saved)
            return None
        _tell_waiting(request, [form.instance for form in forms])
        if "_check" in request.POST and may_check(request):
            return HttpResponseRedirect(check_address(request, [form.instance for form in saved]))
        _tell_saved(request, saved)
        for form in saved:
            if form.event and may_check(request):
                tell_trial(request, form.instance)
        return HttpResponseRedirect(reverse(_LIST))

    def _save_one(self, request: HttpRequest, form: CredentialsForm) -> bool:
        try:
            with transaction.atomic():
                self.save_model(request, form.instance, form, change=True)
                self.log_change(request, form.instance, self.construct_change_message(request, form, []))
        except IntegrityError:
            form.add_error("client_id", "Another registration has taken this issuer and client ID just now.")
            return False
        return True


def credentials_address(rows: Sequence[EhrRegistration]) -> str:
    keys = ",".join(str(row.pk) for row in rows)
    return f"{reverse('admin:launcher_ehrregistration_credentials')}?rows={keys}"


def give_these(row: EhrRegistration) -> dict[str, Any]:
    """What the vendor's portal wants to know of a saved registration."""
    return {"origin": row.origin, "slug": row.slug, "redirect": row.redirect_uri}


def _chosen(request: HttpRequest) -> list[VendorPreset]:
    """Those that were ticked, or all of one family; none that is registered here already."""
    open_ones = [offer.preset for offer in preset_rows.offers(site_id(request)) if not offer.taken]
    if family := request.POST.get("family", ""):
        return [preset for preset in open_ones if preset.family == family]
    ticked = set(request.POST.getlist("preset"))
    return [preset for preset in open_ones if preset.id in ticked]


def _tell_saved(request: HttpRequest, saved: Sequence[CredentialsForm]) -> None:
    if saved:
        messages.success(request, f"Saved: {', '.join(form.instance.name for form in saved)}.")


def _tell_waiting(request: HttpRequest, rows: Sequence[EhrRegistration]) -> None:
    for row in rows:
        if lacking := credentials.missing(row):
            messages.warning(request, f"{row.name} still needs its {credentials.in_words(lacking)}.")
