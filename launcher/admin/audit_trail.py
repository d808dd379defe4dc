"""The audit trail, looked at: what is looked for, what is seen and what is taken away are events of it themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from launcher import audit, audit_export
from launcher.admin.base import LookOnly, actor, is_superuser
from launcher.admin.paginator import LimitedPaginator
from launcher.audit_filter import NAMES, OUTCOMES, AuditFilter
from launcher.audit_kinds import kind_of
from launcher.changes import shown
from launcher.membership import site_name
from launcher.models import AuditChain, AuditEvent

_LIST_NAMES = frozenset((*NAMES, SEARCH_VAR, PAGE_VAR, "o", "e", IS_POPUP_VAR))
_LABELS = {
    "event": ("Event", "exactly, or a beginning such as “registration.”"),
    "outcome": ("Outcome", ""),
    "registration": ("EHR", "the short name of its registration"),
    "launch": ("Launch", "its id of 32 characters"),
    "reference": ("Reference", "the six characters of an error page or a chart"),
    "patient": ("Patient", "the FHIR id, exactly; never a name"),
    "since": ("From", "a day, UTC: 2026-11-03"),
    "until": ("Until", "the end of a day, UTC: 2026-11-04"),
}


class Boxes(admin.ListFilter):
    """All boxes as one form: a list of what there is would have to be counted over the whole trail."""

    title = "what is looked for"
    template = "admin/launcher/auditevent/filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in NAMES:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]

    def expected_parameters(self) -> list[str]:
        return list(NAMES)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        for name in NAMES:
            label, hint = _LABELS[name]
            value = self.used_parameters.get(name, "")
            yield {"name": name, "label": label, "hint": hint, "value": value, "among": _among(name)}

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return AuditFilter.parse(self.used_parameters).narrowed(queryset)


def _among(name: str) -> tuple[str, ...]:
    return ("", *OUTCOMES) if name == "outcome" else ()


@admin.register(AuditEvent)
class AuditEventAdmin(LookOnly):
    """Events of the site whose host is being used; those of the whole installation are the superusers'."""

    list_display = ("when", "event", "outcome", "code", "reason", "reference", "registration", "actor")
    list_filter = (Boxes,)
    search_fields = ("reference",)
    search_help_text = "A reference that a provider reads out, or the id of a launch."
    ordering = ("-at",)
    sortable_by = ()
    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = LimitedPaginator
    change_list_template = "admin/launcher/auditevent/list.html"

    class Media:
        css: ClassVar = {"all": ["smartportal/trace.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        here = site_name(request)
        names = [here] if here else []
        if is_superuser(request) and here:
            names.append("")
        return super().get_queryset(request).filter(site__in=names)

    @admin.display(description="When (UTC)", ordering="-at")
    def when(self, row: AuditEvent) -> str:
        return f"{row.at:%d-%b-%Y %H:%M:%S}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        return AuditFilter.parse({SEARCH_VAR: search_term}).narrowed(queryset), False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """The boxes and nothing else: what is looked for is written down, and so it must be known."""
        return lookup in _LIST_NAMES

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and request.user.has_perm("launcher.export_auditevent")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="launcher_auditevent_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        asked = AuditFilter.parse(request.GET.dict())
        context = {
            **(extra_context or {}),
            "may_export": self.has_export_permission(request),
            "asked": asked.values,
            "formats": {"csv": "Export as CSV", "fhir": "Export as FHIR AuditEvent"},
        }
        answer = super().changelist_view(request, context)
        if answer.status_code == 200:
            # Before it is sent: what cannot be written down is not shown.
            self._write_viewed(request, asked, {"page": "list", "number": _page_number(request)})
        for name in asked.wrong:
            label, hint = _LABELS.get(name, ("Search", "a reference, or the id of a launch"))
            messages.error(request, f"{label}: this cannot be searched for. It takes {hint or 'one of the list'}.")
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"} or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        asked = AuditFilter(patient=row.patient, launch=row.launch)
        self._write_viewed(request, asked, {"page": "event", "shown": f"{row.chain}-{row.sequence}"})
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": kind_of(row.event).words,
            "original": row,
            "lines": list(_lines(row)),
            "chain": self._chain(request, row),
        }
        return TemplateResponse(request, "admin/launcher/auditevent/event.html", context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """An event has no history: it is never changed."""
        return redirect(f"{self.admin_site.name}:launcher_auditevent_change", object_id)

    def _chain(self, request: HttpRequest, row: AuditEvent) -> dict[str, Any]:
        """How the event stands in its chain, and its neighbours as far as this person may see them."""
        around = AuditEvent.objects.filter(chain=row.chain)
        before = around.filter(sequence=row.sequence - 1).first()
        after = around.filter(sequence=row.sequence + 1).first()
        problems = [audit.follows(row, before)]
        if after is not None:
            problems.append("the next event does not follow from it" if audit.follows(after, row) else "")
        elif not AuditChain.objects.filter(number=row.chain, sequence=row.sequence, hash=row.hash).exists():
            problems.append("the events after it are missing")
        seen = self.get_queryset(request)
        return {
            "problems": [problem for problem in problems if problem],
            "before": seen.filter(pk=before.pk).first() if before else None,
            "after": seen.filter(pk=after.pk).first() if after else None,
            "is_first": row.sequence == 1,
            "is_last": after is None,
        }

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The events that the form's boxes ask for, as a file; POST alone: nobody exports by following a link."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = audit_export.FORMATS.get(request.POST.get("format", ""))
        asked = AuditFilter.parse(request.POST.dict())
        if form is None or asked.wrong:
            messages.error(request, "Nothing was exported: the choice could not be read. Filter again, then export.")
            return self._to_list()
        rows = asked.narrowed(self.get_queryset(request))
        subject = self._subject(request, asked)
        lines = audit_export.begin(rows, asked, form=request.POST["format"], subject=subject)
        response = StreamingHttpResponse(lines, content_type=form.content_type)
        name = f"audit-{timezone.now():%Y-%m-%d-%H%M}.{form.ending}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Accel-Buffering"] = "no"
        return response

    def _to_list(self) -> HttpResponseBase:
        return redirect(f"{self.admin_site.name}:launcher_auditevent_changelist")

    def _write_viewed(self, request: HttpRequest, asked: AuditFilter, page: Mapping[str, str | int]) -> None:
        facts = audit.Facts(detail={**page, **asked.as_detail()})
        audit.write("audit.viewed", self._subject(request, asked), facts)

    def _subject(self, request: HttpRequest, asked: AuditFilter) -> audit.Subject:
        """With the patient that was looked for, if the trail knows such an id: anything may get typed into that box."""
        known = asked.patient and self.get_queryset(request).filter(patient=asked.patient).exists()
        return audit.Subject(site=site_name(request), actor=actor(request), patient=asked.patient if known else "")


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get(PAGE_VAR, "1")
    return int(text) if text.isdecimal() and len(text) < 7 else 1


def _lines(row: AuditEvent) -> Iterator[tuple[str, str]]:
    """What the event says, line by line, without what it leaves open."""
    said = {
        "What happened": f"{kind_of(row.event).words} ({row.event})",
        "When": f"{row.at:%d-%b-%Y %H:%M:%S.%f} UTC",
        "Who": row.actor,
        "Outcome": ", ".join(filter(None, (row.outcome, row.code, row.reason))),
        "Site": row.site or "the whole installation",
        "EHR": row.registration,
        "Patient (FHIR id)": row.patient,
        "Launch": row.launch,
        "Reference": row.reference,
        "Request, as the EHR saw it (X-Request-Id)": row.correlation_id,
        **{f"Detail: {name}": shown(value) for name, value in row.detail.items()},
        "Place": f"chain {row.chain}, event {row.sequence}",
        "Hash": row.hash,
    }
    return ((name, value) for name, value in said.items() if value)
