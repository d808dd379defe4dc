"""What can be done with chosen launches: end those sessions, or all sessions of the people who opened them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from launcher import audit
from launcher.admin.confirming import Question, ask, is_answered
from launcher.membership import actor, site_id, site_name
from launcher.models import Launch
from launcher.session_ends import end_sessions

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Launch]
else:
    Base = object


class SessionActions(Base):
    """For those who may end sessions; within this site, and without showing who a person is."""

    actions = ("end_chosen", "end_of_persons")

    def has_end_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("launcher.end_sessions"))

    @admin.action(description="End these sessions", permissions=["end"])
    def end_chosen(self, request: HttpRequest, chosen: QuerySet[Launch]) -> HttpResponseBase | None:
        sentence = "The charts close; their providers can launch again at once."
        question = Question("End these sessions?", sentence, "Yes, end them", "end_chosen")
        return self._end(request, chosen, question, of="launch")

    @admin.action(description="End all sessions of the people who opened these", permissions=["end"])
    def end_of_persons(self, request: HttpRequest, chosen: QuerySet[Launch]) -> HttpResponseBase | None:
        sentence = (
            "All charts that these people have open on this site close. Of a launch in which the EHR did not say who "
            "signed in, only that session ends."
        )
        question = Question("End all sessions of these people?", sentence, "Yes, end them", "end_of_persons")
        return self._end(request, chosen, question, of="person")

    def _end(
        self, request: HttpRequest, chosen: QuerySet[Launch], question: Question, *, of: str
    ) -> HttpResponseBase | None:
        keys = list(chosen.order_by().values_list("pk", "person_id"))
        if not is_answered(request):
            return ask(request, question, chosen.select_related("registration"))
        wanted = Q(pk__in=[pk for pk, _ in keys])
        if of == "person":
            wanted |= Q(person_id__in={person for _, person in keys if person is not None})
        subject = audit.Subject(site=site_name(request), actor=actor(request))
        ended = end_sessions(Launch.objects.filter(wanted, site_id=site_id(request)), subject, of=of)
        messages.success(request, f"Sessions ended: {ended}.")
        return None
