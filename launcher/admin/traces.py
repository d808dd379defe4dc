"""The launch history: found by the reference a provider reads out, looked at step by step, exported for a help desk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from launcher import audit, trace_export
from launcher.admin.base import LookOnly, SiteScoped, actor, site_id
from launcher.admin.paginator import LimitedPaginator
from launcher.membership import site_name
from launcher.models import EhrRegistration, Launch, LaunchTrace, TraceReference
from launcher.pending import LIFETIME
from launcher.smart.errors import ERROR_CODES

_FORMS = {"page": "Copy for vendor", "txt": "Download as text", "json": "Download as JSON"}
_REFERENCE_LENGTH = 6


class ChoiceFilter(admin.SimpleListFilter):
    """One of many, chosen in a box: five hundred EHRs as links would hide everything else."""

    template = "admin/launcher/launchtrace/choice.html"

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        others = {name: value for name, value in changelist.params.items() if name != self.parameter_name}
        yield {
            "name": self.parameter_name,
            "chosen": self.value() or "",
            "among": self.lookup_choices,
            "others": others,
        }


class EhrFilter(ChoiceFilter):
    """The EHRs of this site by name; the traces themselves would have to be counted for it."""

    title = "EHR"
    parameter_name = "ehr"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = EhrRegistration.objects.for_site(site_id(request)).order_by("name")
        return [(slug, name) for slug, name in rows.values_list("slug", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LaunchTrace]) -> QuerySet[LaunchTrace]:
        if not self.value():
            return queryset
        chosen = EhrRegistration.objects.for_site(site_id(request)).filter(slug=self.value())
        return queryset.filter(registration_id__in=list(chosen.values_list("pk", flat=True)))


class CodeFilter(ChoiceFilter):
    """The closed list of codes."""

    title = "code"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code) for code in ERROR_CODES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LaunchTrace]) -> QuerySet[LaunchTrace]:
        return queryset.filter(code=self.value()) if self.value() else queryset


@admin.register(LaunchTrace)
class LaunchTraceAdmin(SiteScoped, LookOnly):
    """Launches of the site whose host is being used. Who and whose chart stands here as a keyed hash alone."""

    site_path = "site_id"
    list_display = (
        "when",
        "ehr",
        "outcome_words",
        "stage",
        "code",
        "reference",
        "milliseconds",
        "person_short",
        "framed",
        "browser",
    )
    list_filter = ("outcome", "stage", EhrFilter, CodeFilter, "started_at")
    list_per_page = 50
    list_max_show_all = 0
    search_fields = ("reference",)
    search_help_text = "A reference that a provider reads out, or the id in a chart's address; both exactly."
    ordering = ("-started_at",)
    sortable_by = ()
    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = LimitedPaginator

    class Media:
        css = {"all": ("smartportal/trace.css",)}  # the name and shape that Django reads

    @admin.display(description="when (UTC)")
    def when(self, trace: LaunchTrace) -> str:
        return f"{trace.started_at:%d-%b-%Y %H:%M:%S}"

    @admin.display(description="person", empty_value="–")
    def person_short(self, trace: LaunchTrace) -> str:
        """Enough of the hash to see that two are the same."""
        return trace.person[:8]

    @admin.display(description="EHR")
    def ehr(self, trace: LaunchTrace) -> str:
        return trace.registration_slug or "not registered"

    @admin.display(description="outcome")
    def outcome_words(self, trace: LaunchTrace) -> str:
        return outcome_words(trace)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LaunchTrace]:
        return super().get_queryset(request).defer("steps", "correlation_ids")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LaunchTrace], search_term: str
    ) -> tuple[QuerySet[LaunchTrace], bool]:
        """By exact text alone, which an index answers whatever the number of rows."""
        wanted = "".join(search_term.split())
        if not wanted:
            return queryset, False
        if len(wanted) != _REFERENCE_LENGTH:
            return queryset.filter(launch=wanted.lower()), False
        first = LaunchTrace.objects.filter(reference=wanted.upper()).values_list("pk", flat=True)[:100]
        later = TraceReference.objects.filter(reference=wanted.upper()).values_list("trace_id", flat=True)[:100]
        # Looked up on their own: so both are read from an index, and none of the lists' order.
        return queryset.filter(pk__in={*first, *later}), False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("launcher.export_launchtrace")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("<str:object_id>/export/", view, name="launcher_launchtrace_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        return super().changelist_view(request, {"title": "Launch history", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"} or not self.has_view_permission(request):
            raise PermissionDenied
        trace = self.get_object(request, object_id)
        if trace is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = {**self._context(request, trace), "forms": _FORMS if self.has_export_permission(request) else {}}
        return TemplateResponse(request, "admin/launcher/launchtrace/trace.html", context)

    def _context(self, request: HttpRequest, trace: LaunchTrace) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"Launch {trace.reference}".strip(),
            "original": trace,
            "lines": list(_lines(trace)),
            "steps": trace_export.steps_of(trace),
            "failure": trace_export.failure_of(trace),
        }

    def export_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """One trace for the EHR's help desk; POST alone: nobody exports by following a link. Written down before."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        trace = self.get_object(request, object_id)
        form = request.POST.get("form", "")
        if trace is None or form not in _FORMS:
            raise Http404
        subject = audit.Subject(
            site=site_name(request), registration=trace.registration_slug, launch=trace.launch, actor=actor(request)
        )
        audit.write("trace.exported", subject, audit.Facts(reference=trace.reference, detail={"form": form}))
        if form == "page":
            context = {**self._context(request, trace), "text": trace_export.as_text(trace)}
            return TemplateResponse(request, "admin/launcher/launchtrace/vendor.html", context)
        return _file(trace, form)


def _file(trace: LaunchTrace, form: str) -> HttpResponse:
    if form == "json":
        body, kind = json.dumps(trace_export.as_json(trace), indent=2, ensure_ascii=False), "application/json"
    else:
        body, kind = trace_export.as_text(trace), "text/plain; charset=utf-8"
    response = HttpResponse(body, content_type=kind)
    name = f"launch-{trace.reference or trace.pk}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def outcome_words(trace: LaunchTrace) -> str:
    """Under way is said for as long as the launch can still go on."""
    waiting = trace.outcome == LaunchTrace.Outcome.UNDER_WAY
    if waiting and trace.started_at < timezone.now() - LIFETIME - timedelta(minutes=5):
        return "Not finished"
    return str(trace.get_outcome_display())


def _lines(trace: LaunchTrace) -> Iterable[tuple[str, str]]:
    """What is known of the launch as a whole, without what is not."""
    said = {
        "When": f"{trace.started_at:%d-%b-%Y %H:%M:%S} UTC",
        "EHR": trace.registration_slug or "none that is registered here",
        "Outcome": outcome_words(trace),
        "Stage reached": str(trace.get_stage_display()),
        "References": ", ".join(trace_export.references_of(trace)),
        "Time spent here": f"{trace.milliseconds} ms",
        "Kind of launch": {"ehr": "from the EHR", "standalone": "from here (standalone)"}.get(trace.mode, ""),
        "Browser": f"{trace.browser or 'unknown'}, {'in a frame' if trace.framed else 'in a window of its own'}",
        "Person (keyed hash)": trace.person,
        "Patient (keyed hash)": trace.patient,
        "Session": _session(trace),
        "X-Request-Id, as the EHR saw it": ", ".join(trace.correlation_ids),
    }
    return ((name, value) for name, value in said.items() if value)


def _session(trace: LaunchTrace) -> str:
    """How the session stands now; "" when there was none or its row is gone."""
    launch = Launch.objects.filter(pk=trace.launch).only("ended_at", "end_reason").first() if trace.launch else None
    if launch is None:
        return ""
    if launch.ended_at is None:
        return "open"
    return f"ended {launch.ended_at:%d-%b-%Y %H:%M:%S} UTC ({launch.end_reason or 'no reason given'})"
