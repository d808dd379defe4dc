"""The page on which a client secret is replaced, or the one before is taken back, and what the EHR says to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from launcher import secret_change
from launcher.admin.base import actor
from launcher.forms.secret import ReplaceSecretForm
from launcher.models import EhrRegistration

if TYPE_CHECKING:
    Base = admin.ModelAdmin[EhrRegistration]
else:
    Base = object

_PAGE = "admin/launcher/ehrregistration/replace_secret.html"
PERMISSION = "launcher.replace_secret"


class SecretAdmin(Base):
    """Adds `<id>/secret/`, for those who may replace secrets."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.secret_view)
        own = path("<path:object_id>/secret/", view, name="launcher_ehrregistration_secret")
        return [own, *super().get_urls()]

    def secret_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Raises Http404 for a registration of another site, PermissionDenied without the right to replace secrets."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        elsewhere = _elsewhere(row)
        data = request.POST if request.method == "POST" and not elsewhere else None
        form = ReplaceSecretForm(data, request=request, registration=row)
        if form.is_bound and form.is_valid():
            return self._change(request, row, form)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": f"Replace secret: {row.name}",
            "form": form,
            "elsewhere": elsewhere,
            "kept_until": secret_change.kept_until(row),
        }
        return TemplateResponse(request, _PAGE, context)

    def _change(self, request: HttpRequest, row: EhrRegistration, form: ReplaceSecretForm) -> HttpResponseBase:
        who = actor(request)
        if form.switches_back:
            if not secret_change.switch_back(row, actor=who):
                messages.warning(request, "There is no earlier secret any more: it is kept for 24 hours.")
                return HttpResponseRedirect(request.path)
            done = "The secret before is in use again; the newer one is forgotten."
        else:
            expires_on = form.cleaned_data["secret_expires_on"]
            secret_change.replace(row, form.cleaned_data["new_secret"], expires_on=expires_on, actor=who)
            done = "The new secret is saved; the next launch uses it."
        _note_in_history(request, row, done)
        messages.success(request, done)
        for sentence in form.told:
            messages.warning(request, sentence)
        tell_trial(request, self.get_queryset(request).get(pk=row.pk))
        return HttpResponseRedirect(reverse("admin:launcher_ehrregistration_change", args=[row.pk]))


def tell_trial(request: HttpRequest, row: EhrRegistration) -> None:
    """Try the secret that has just been saved, and say what the EHR made of it. Not for a transaction: it waits."""
    result = secret_change.try_it(row, actor=actor(request))
    if result is None or result.status == "skipped":
        why = (
            result.evidence if result else "A setting of this installation cannot be used; “Check connection” names it."
        )
        messages.warning(request, f"{row.name}: the secret is saved. It was not tried. {why}")
        return
    say: dict[str, Any] = {"pass": messages.success, "fail": messages.error}
    words = f"{row.name}: the secret is saved, and was tried. {result.evidence} {result.remedy}".strip()
    say.get(result.status, messages.warning)(request, words)


def _elsewhere(row: EhrRegistration) -> str:
    """Why there is nothing to replace here, "" where there is."""
    if row.secret_from:
        return f"The secret of this registration is read from {row.secret_from}: replace it there."
    if row.auth_method == EhrRegistration.AuthMethod.NONE:
        return "This is a public client, which has no secret. Choose another token auth method first."
    return ""


def _note_in_history(request: HttpRequest, row: EhrRegistration, words: str) -> None:
    """The audit trail has its own event; this is for “History”, and for whoever has the form open meanwhile."""
    LogEntry.objects.log_actions(request.user.pk, [row], CHANGE, change_message=words, single_object=True)
