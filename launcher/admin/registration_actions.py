"""What can be done with chosen registrations at once: check, switch, copy to another site, export, end sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.sites.models import Site
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from launcher import audit, registration_file
from launcher.admin.bulk_check import streamed_check
from launcher.admin.confirming import Question, ask, is_answered
from launcher.duplicates import NotCopied, copied
from launcher.membership import actor, site_id, site_name, sites_of
from launcher.models import EhrRegistration, Launch
from launcher.session_ends import end_sessions, open_sessions

if TYPE_CHECKING:
    from launcher.admin.base import SiteScoped
    from launcher.admin_audit import Audited

    class Base(Audited, SiteScoped):
        """What these actions stand on when they run."""
else:
    Base = object

MOST_CHECKED = 50
_RIGHTS = {
    "check": "launcher.check_ehrregistration",
    "switch": "launcher.switch_ehrregistration",
    "export": "launcher.export_ehrregistration",
    "end": "launcher.end_sessions",
}


class RegistrationActions(Base):
    """Each for those who have its right, for rows of this site, with an event of the audit trail."""

    actions = (
        "check_chosen",
        "switch_on_chosen",
        "switch_off_chosen",
        "duplicate_chosen",
        "export_chosen",
        "end_sessions_of_chosen",
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end_sessions_of_site)
        return [
            path("end-sessions/", view, name="launcher_ehrregistration_end_sessions"),
            *super().get_urls(),
        ]

    def has_check_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_RIGHTS["check"])

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_RIGHTS["switch"])

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_RIGHTS["export"])

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(_RIGHTS["end"])

    def _rows(self, request: HttpRequest, chosen: QuerySet[Any]) -> QuerySet[EhrRegistration]:
        """The chosen rows whole: those of the list are without their secrets and with a state of a moment ago."""
        rows: QuerySet[EhrRegistration] = self.get_queryset(request)
        keys = list(chosen.order_by().values_list("pk", flat=True))
        return rows.filter(pk__in=keys).select_related("site").order_by("name", "pk")

    # --- Checks -------------------------------------------------------------------------------------------------------
    @admin.action(description="Check: run the daily checks", permissions=["check"])
    def check_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponseBase | None:
        rows = list(self._rows(request, chosen)[: MOST_CHECKED + 1])
        if len(rows) > MOST_CHECKED:
            messages.error(
                request, f"Choose at most {MOST_CHECKED} at once; `manage.py check_ehr --all --daily` checks all."
            )
            return None
        return streamed_check(request, rows, self.admin_site)

    # --- On and off ---------------------------------------------------------------------------------------------------
    @admin.action(description="Enable: let launches in again", permissions=["switch"])
    def switch_on_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        count = self._switch(request, chosen, on=True)
        messages.success(request, f"Switched on: {count}. Check them, and look at their state below.")

    @admin.action(description="Disable: refuse launches and end sessions", permissions=["switch"])
    def switch_off_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponseBase | None:
        rows = self._rows(request, chosen)
        if not is_answered(request):
            sessions = _open_at(rows)
            sentence = f"Launches will be refused. Open sessions that end at once: {sessions}. Nothing is deleted."
            return ask(request, Question("Switch these off?", sentence, "Yes, switch off", "switch_off_chosen"), rows)
        count = self._switch(request, chosen, on=False)
        messages.success(request, f"Switched off: {count}. Staff who launch there are told so.")
        return None

    @transaction.atomic
    def _switch(self, request: HttpRequest, chosen: QuerySet[Any], *, on: bool) -> int:
        rows = list(self._rows(request, chosen).filter(enabled=not on).select_for_update(of=("self",)))
        for row in rows:
            self.remember(request, row)
            row.enabled = on
            row.save(update_fields=["enabled", "updated_at"])
            self.log_change(request, row, [{"changed": {"fields": ["enabled"]}}])
        return len(rows)

    # --- To another site, to a file -----------------------------------------------------------------------------------
    @admin.action(description="Duplicate to another site (without secrets)", permissions=["add"])
    def duplicate_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponseBase | None:
        rows, sites = self._rows(request, chosen), sites_of(request.user).exclude(pk=site_id(request))
        if not sites.exists():
            messages.error(request, "You work for no other site. A superuser can add you to one, under Users.")
            return None
        if not is_answered(request):
            sentence = "The copies are switched off and have no secret: give their addresses to the EHR first."
            question = Question("Copy these to which site?", sentence, "Copy", "duplicate_chosen", choices=tuple(sites))
            return ask(request, question, rows)
        site = sites.filter(pk=_number(request.POST.get("choice", ""))).first()
        if site is None:
            raise PermissionDenied
        for row in rows:
            self._duplicate(request, row, site)
        return None

    def _duplicate(self, request: HttpRequest, row: EhrRegistration, site: Site) -> None:
        try:
            with transaction.atomic():
                copy = copied(row, site)
                self.log_addition(request, copy, [{"added": {}}])
        except NotCopied as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"“{row.name}” was copied to {site.domain}, switched off and without a secret.")

    @admin.action(description="Export as a file (no secrets)", permissions=["export"])
    def export_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse:
        rows = list(self._rows(request, chosen))
        text = registration_file.written(rows)
        detail: dict[str, str | int] = {"count": len(rows), "registrations": ", ".join(row.slug for row in rows)[:2000]}
        audit.write("registrations.exported", _subject(request), audit.Facts(detail=detail))
        response = HttpResponse(text, content_type="application/json; charset=utf-8")
        name = f"registrations-{timezone.now():%Y-%m-%d}.json"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    # --- Sessions -----------------------------------------------------------------------------------------------------
    @admin.action(description="End all sessions", permissions=["end"])
    def end_sessions_of_chosen(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponseBase | None:
        rows = self._rows(request, chosen)
        if not is_answered(request):
            sentence = f"Charts that are open now: {_open_at(rows)}. They close; providers can launch again at once."
            question = Question("End all sessions of these EHRs?", sentence, "Yes, end them", "end_sessions_of_chosen")
            return ask(request, question, rows)
        count = 0
        with transaction.atomic():
            for row in rows:
                subject = audit.Subject(site=site_name(request), registration=row.slug, actor=actor(request))
                count += end_sessions(Launch.objects.filter(registration=row), subject, of="registration")
        messages.success(request, f"Sessions ended: {count}.")
        return None

    def end_sessions_of_site(self, request: HttpRequest) -> HttpResponseBase:
        """GET asks, POST ends all sessions of the site whose host is being used. PermissionDenied without the right."""
        if not self.has_end_permission(request):
            raise PermissionDenied
        launches = Launch.objects.filter(site_id=site_id(request))
        if request.method != "POST":
            count = open_sessions(launches, now=timezone.now()).count()
            sentence = f"Charts that are open now: {count}. They close; providers can launch again at once."
            return ask(request, Question("End all sessions of this site?", sentence, "Yes, end them"), ())
        ended = end_sessions(launches, _subject(request), of="site")
        messages.success(request, f"Sessions ended: {ended}.")
        return HttpResponseRedirect(reverse("admin:index"))


def _subject(request: HttpRequest) -> audit.Subject:
    return audit.Subject(site=site_name(request), actor=actor(request))


def _open_at(rows: QuerySet[EhrRegistration]) -> int:
    return open_sessions(Launch.objects.filter(registration__in=rows.order_by()), now=timezone.now()).count()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else -1
