"""The admin's page that checks a connection: a button, then the results as they come, without any script."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from launcher.models import EhrRegistration
from launcher.probe import reports
from launcher.probe.findings import Result

if TYPE_CHECKING:
    Base = admin.ModelAdmin[EhrRegistration]
else:
    Base = object

_PAGE = "admin/launcher/ehrregistration/check.html"
_ROW = "admin/launcher/ehrregistration/check_row.html"
_END = "admin/launcher/ehrregistration/check_end.html"


class ConnectionCheckAdmin(Base):
    """Adds `<id>/check/` to the registrations' admin: GET shows the button, POST runs the checks.

    For those who may change the registration: a run sends requests to the vendor in the client's name.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.check_view)
        own = path("<path:object_id>/check/", view, name="launcher_ehrregistration_check")
        return [own, *super().get_urls()]

    def check_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Raises Http404 for a registration of another site, PermissionDenied without the right to change it."""
        registration = self.get_object(request, object_id)
        if registration is None:
            raise Http404
        if not self.has_change_permission(request, registration):
            raise PermissionDenied
        if request.method != "POST":
            return TemplateResponse(request, _PAGE, self._context(request, registration))
        try:
            results = reports.begin(registration, actor=f"staff {request.user.get_username()}")
        except ImproperlyConfigured as error:
            return TemplateResponse(request, _PAGE, {**self._context(request, registration), "problem": str(error)})
        marker = secrets.token_hex(16)
        page = render_to_string(_PAGE, {**self._context(request, registration), "marker": marker}, request)
        head, tail = page.split(marker)
        response = StreamingHttpResponse(
            _pieces(registration, results, head=head, tail=tail), content_type="text/html; charset=utf-8"
        )
        response["X-Accel-Buffering"] = "no"
        return response

    def _context(self, request: HttpRequest, registration: EhrRegistration) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": registration,
            "title": f"Check connection: {registration.name}",
        }


def _pieces(registration: EhrRegistration, results: Iterator[Result], *, head: str, tail: str) -> Iterator[str]:
    yield head
    seen = []
    for result in results:
        seen.append(result)
        yield render_to_string(_ROW, {"result": result, "word": reports.WORDS[result.status]})
    text = reports.report(registration, seen)
    yield render_to_string(_END, {"summary": reports.summary(seen), "report": text})
    yield tail
