"""The admin of one site: who is let in at a host, what a refusal says, and that it is audited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import update_wrapper
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from launcher import audit
from launcher.admin_audit import AuditedSite
from launcher.membership import actor, belongs, is_staff_here, site_id, site_name, staff_name
from launcher.tracing import new_reference

View = Callable[..., HttpResponseBase]


class StaffSignIn(AdminAuthenticationForm):
    """Refuses, after the right password alone, somebody who does not work for this site; other sites are not named."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "other_site": "This account does not belong to the site of this web address. Open the administration at the "
        "address of the site you work for, or ask the people who run this installation to add you here.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if self.request is None or belongs(user, site_id(self.request)):
            return
        subject = audit.Subject(site=site_name(self.request), actor=staff_name(user))
        audit.write("admin.denied", subject, audit.Facts(outcome="refused", reason="other_site"))
        raise ValidationError(self.error_messages["other_site"], code="other_site")


class StaffAdminSite(AuditedSite):
    """Django's own, but open to the staff of the site whose host is being used, and telling of each refusal."""

    site_header = site_title = "smartportal"
    index_title = "EHRs and launches"
    login_form = StaffSignIn

    def has_permission(self, request: HttpRequest) -> bool:
        return is_staff_here(request)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """As Django's; refusals of `view` end in our page, and whoever is signed in but not let in is noted."""
        guarded = super().admin_view(view, cacheable)

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not self.has_permission(request):
                _write_denied(request, reason="not_let_in", reference="")
            try:
                return guarded(request, *args, **kwargs)
            except PermissionDenied:
                return self.denied(request)

        return update_wrapper(answer, guarded)

    def denied(self, request: HttpRequest) -> HttpResponse:
        """The page for a person who is let in but lacks a right; status 403."""
        reference = new_reference()
        _write_denied(request, reason="no_right", reference=reference)
        context = {**self.each_context(request), "title": "You may not do this", "reference": reference}
        return TemplateResponse(request, "admin/403.html", context, status=403)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        """For relations that a form completes, and no others; Django's answers for any of any model that is here."""
        wanted = tuple(request.GET.get(name, "") for name in ("app_label", "model_name", "field_name"))
        if wanted not in set(self._completed(request)):
            raise PermissionDenied
        return super().autocomplete_view(request)

    def _completed(self, request: HttpRequest) -> Iterator[tuple[str, ...]]:
        for model_admin in self._registry.values():
            for each in (model_admin, *model_admin.get_inline_instances(request)):
                named = each.model._meta.app_label, str(each.model._meta.model_name)
                yield from ((*named, field) for field in each.get_autocomplete_fields(request))

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """None: these rows name things of every site and know none. What was done stands in the audit trail."""
        return LogEntry.objects.none()


def _write_denied(request: HttpRequest, *, reason: str, reference: str) -> None:
    page = request.resolver_match.view_name if request.resolver_match else ""
    audit.write(
        "admin.denied",
        audit.Subject(site=site_name(request), actor=actor(request)),
        audit.Facts(
            outcome="refused",
            reason=reason,
            reference=reference,
            detail={"page": page, "method": str(request.method)},
        ),
    )
