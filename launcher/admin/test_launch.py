"""A launch with a test patient, from the admin: written into the audit trail, then begun in a window of its own.

The page in between leads on by itself: a form that ended at the EHR would need its origin in the policy for forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from launcher import audit, trial_launch
from launcher.admin.base import actor
from launcher.models import EhrRegistration

if TYPE_CHECKING:
    Base = admin.ModelAdmin[EhrRegistration]
else:
    Base = object

_PAGE = "admin/launcher/ehrregistration/test_launch.html"


class TrialLaunchAdmin(Base):
    """Adds `<id>/test-launch/`: GET shows the form, POST begins a launch with the patient that it names."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_launch_view)
        own = path("<path:object_id>/test-launch/", view, name="launcher_ehrregistration_test_launch")
        return [own, *super().get_urls()]

    def test_launch_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Raises Http404 for a registration of another site, PermissionDenied without the right to try a launch."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not request.user.has_perm(trial_launch.PERMISSION):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": f"Test launch: {row.name}",
            "trial": trial_launch.offer(request, row),
        }
        problem = trial_launch.refusal(row)
        if request.method == "POST":
            return self._begin(request, row, context, problem)
        return TemplateResponse(request, _PAGE, context)

    def _begin(
        self, request: HttpRequest, row: EhrRegistration, context: dict[str, Any], problem: str
    ) -> HttpResponseBase:
        address = ""
        try:
            address = "" if problem else trial_launch.address(row, request.POST.get("patient", "").strip())
        except ValueError as error:
            problem = str(error)
        if problem:
            return TemplateResponse(request, _PAGE, {**context, "problem": problem}, status=400)
        subject = audit.Subject(site=row.site.domain, registration=row.slug, actor=actor(request))
        audit.write("launch.tested", subject)
        return TemplateResponse(request, _PAGE, {**context, "address": address})
