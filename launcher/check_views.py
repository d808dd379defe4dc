"""The admin's page that checks connections: a button, then the results as they come, without any script."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from launcher import run_once, trial_launch
from launcher.membership import actor
from launcher.models import EhrRegistration
from launcher.probe import reports
from launcher.probe.findings import Result

if TYPE_CHECKING:
    Base = admin.ModelAdmin[EhrRegistration]
else:
    Base = object

_PAGE = "admin/launcher/ehrregistration/check.html"
_HEAD = "admin/launcher/ehrregistration/check_head.html"
_ROW = "admin/launcher/ehrregistration/check_row.html"
_END = "admin/launcher/ehrregistration/check_end.html"
_AT_ONCE = 20
PERMISSION = "launcher.check_ehrregistration"


class ConnectionCheckAdmin(Base):
    """Adds `<id>/check/`, and `check/?rows=1,2` for several one after another: GET shows the button, POST runs them.

    A GET runs them too when the page follows a saved form (`run_once`). For those with the right to check: a run sends
    requests to the vendor in the client's name.
    """

    def get_urls(self) -> list[URLPattern]:
        one, several = map(self.admin_site.admin_view, (self.check_view, self.check_several_view))
        return [
            path("check/", several, name="launcher_ehrregistration_check_several"),
            path("<path:object_id>/check/", one, name="launcher_ehrregistration_check"),
            *super().get_urls(),
        ]

    def check_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Raises Http404 for a registration of another site, PermissionDenied without the right to check."""
        registration = self.get_object(request, object_id)
        if registration is None:
            raise Http404
        return self._checked(request, [registration])

    def check_several_view(self, request: HttpRequest) -> HttpResponseBase:
        """The registrations that `rows` names; raises as `check_view`."""
        if not may_check(request):
            raise PermissionDenied
        return self._checked(request, rows_asked_for(self, request))

    def _checked(self, request: HttpRequest, rows: Sequence[EhrRegistration]) -> HttpResponseBase:
        if not may_check(request):
            raise PermissionDenied
        if request.method != "POST" and not run_once.use_permit(request, [row.pk for row in rows]):
            return TemplateResponse(request, _PAGE, self._check_context(request, rows))
        runs = _runs(request, rows)
        first = next(runs)
        if first.results is None and len(rows) == 1:
            return TemplateResponse(request, _PAGE, {**self._check_context(request, rows), "problem": first.problem})
        marker = secrets.token_hex(16)
        page = render_to_string(_PAGE, {**self._check_context(request, rows), "marker": marker}, request)
        response = StreamingHttpResponse(
            _pieces(request, page.split(marker), chain([first], runs)), content_type="text/html; charset=utf-8"
        )
        response["X-Accel-Buffering"] = "no"
        return response

    def _check_context(self, request: HttpRequest, rows: Sequence[EhrRegistration]) -> dict[str, Any]:
        names = rows[0].name if len(rows) == 1 else f"{len(rows)} EHRs"
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": rows[0] if len(rows) == 1 else None,
            "rows": rows,
            "trial": trial_launch.offer(request, rows[0]) if len(rows) == 1 else None,
            "title": f"Check connection: {names}",
        }


def may_check(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(PERMISSION))


def check_address(request: HttpRequest, rows: Sequence[EhrRegistration]) -> str:
    """Where these are checked at once, for a redirect after saving."""
    keys = [row.pk for row in rows]
    permit = run_once.permit(request, keys)
    if len(keys) == 1:
        return reverse("admin:launcher_ehrregistration_check", args=keys) + permit
    named = f"&rows={','.join(map(str, keys))}"
    return reverse("admin:launcher_ehrregistration_check_several") + permit + named


def rows_asked_for(page: admin.ModelAdmin[EhrRegistration], request: HttpRequest) -> list[EhrRegistration]:
    """The registrations of this site that the address names in `rows`, in its order. Raises Http404 unless all are."""
    keys = [text for text in request.GET.get("rows", "").split(",") if text.isascii() and text.isdigit()][:_AT_ONCE]
    found = page.get_queryset(request).select_related("site").in_bulk([int(key) for key in keys if len(key) < 18])
    if not keys or len(found) != len(set(keys)):
        raise Http404
    return [found[int(key)] for key in dict.fromkeys(keys)]


@dataclass(frozen=True, slots=True)
class _Run:
    """The results of one registration as they come, or why there are none."""

    row: EhrRegistration
    results: Iterator[Result] | None
    problem: str = ""


def _runs(request: HttpRequest, rows: Sequence[EhrRegistration]) -> Iterator[_Run]:
    """One after another: each begins when the one before it has been taken to its end."""
    for row in rows:
        try:
            yield _Run(row, reports.begin(row, actor=actor(request)))
        except ImproperlyConfigured as error:
            yield _Run(row, None, str(error))


def _pieces(request: HttpRequest, page: Sequence[str], runs: Iterable[_Run]) -> Iterator[str]:
    before, tail = page
    for run in runs:
        context: dict[str, Any] = {"original": run.row, "problem": run.problem}
        yield before + render_to_string(_HEAD, context)
        before, seen = "", []
        for result in run.results or ():
            seen.append(result)
            yield render_to_string(_ROW, {"result": result, "word": reports.WORDS[result.status]})
        context |= {
            "summary": reports.summary(seen),
            "report": reports.report(run.row, seen) if seen else "",
            "trial": trial_launch.offer(request, run.row),
        }
        yield render_to_string(_END, context, request)
    yield tail
