"""The list of registrations: how each EHR is doing, the worst first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from launcher import key_expiry
from launcher.admin.base import SiteScoped
from launcher.admin.paginator import LimitedPaginator
from launcher.models import LaunchTrace
from launcher.registration_state import MEANINGS, State, days_left, page_of, top_problem, with_state
from launcher.short_times import ago

if TYPE_CHECKING:
    Base = SiteScoped
else:
    Base = object

ICONS = {State.FAILING: "✗", State.NEEDS: "!", State.READY: "○", State.VERIFIED: "✓", State.OFF: "–"}


class StateFilter(admin.SimpleListFilter):
    """By the word of the State column."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() in State.values else queryset


class WorstFirst(ChangeList):
    """The rows with their state; sorted by it unless a column is asked for."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        secrets = ("client_secret", "previous_secret")
        if "state" not in self.root_queryset.query.annotations:
            self.root_queryset = with_state(self.root_queryset).defer(*secrets)
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering = super().get_ordering(request, queryset)
        return ordering if ORDER_VAR in self.params else ["rank", *ordering]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """Which column has the arrow: the state's, unless another was asked for."""
        if ORDER_VAR in self.params:
            return super().get_ordering_field_columns()
        return {self.list_display.index("state_word"): "asc"}


class RegistrationList(Base):
    """Columns, filters and search of the registrations' admin."""

    list_display = (
        "tagged_name",
        "state_word",
        "last_check",
        "last_launch",
        "last_day",
        "problem",
        "secret",
        "fhir",
    )
    list_display_links = ("tagged_name",)
    list_filter = (StateFilter, "environment", "fhir_version", "owner")
    search_fields = ("name", "slug", "iss", "client_id", "owner")
    search_help_text = "Name, slug, issuer, client ID or owner."
    list_per_page = 50
    paginator = LimitedPaginator

    class Media:
        css: ClassVar = {"all": ("smartportal/glance.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WorstFirst

    @admin.display(description="Name", ordering="name")
    def tagged_name(self, row: Any) -> str:
        return format_html(
            '{} <span class="tag" data-environment="{}">{}</span>',
            row.name,
            row.environment,
            row.get_environment_display(),
        )

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The worst problem leads to where it is mended, for those who may go there."""
        columns = super().get_list_display(request)
        return [_problem_for(request.user) if column == "problem" else column for column in columns]

    def problem(self, row: Any) -> str:
        return top_problem(row, timezone.now()).text

    @admin.display(description="State", ordering="rank")
    def state_word(self, row: Any) -> str:
        state = State(row.state)
        return format_html(
            '<span class="state" data-state="{}" title="{}"><span aria-hidden="true">{}</span> {}</span>',
            state.value,
            MEANINGS[state],
            ICONS[state],
            state.label,
        )

    @admin.display(description="Last check", ordering="checked_at", empty_value="never")
    def last_check(self, row: Any) -> str | None:
        if row.checked_at is None:
            return None
        broken = "" if row.check_finished else ", broken off"
        counts = f"{row.check_fails} fail {row.check_warns} warn{broken}"
        return f"{ago(row.checked_at, timezone.now())}, {counts}"

    @admin.display(description="Last launch", ordering="launched_at", empty_value="never")
    def last_launch(self, row: Any) -> str | None:
        if row.launched_at is None:
            return None
        opened = row.launch_outcome == LaunchTrace.Outcome.OPENED
        return f"{ago(row.launched_at, timezone.now())}, {'success' if opened else 'failed'}"

    @admin.display(description="24 h", ordering="failed_day")
    def last_day(self, row: Any) -> str:
        return f"{row.opened_day} ok · {row.failed_day} failed"

    @admin.display(description="Secret", ordering="secret_expires_on", empty_value="–")
    def secret(self, row: Any) -> str | None:
        left = days_left(row, timezone.now())
        return None if left is None else key_expiry.secret_words(left).replace(" days", " d")

    @admin.display(description="FHIR", ordering="fhir_version")
    def fhir(self, row: Any) -> str:
        return str(row.get_fhir_version_display())


def _problem_for(user: Any) -> Callable[[Any], str | None]:
    @admin.display(description="Top problem", empty_value="–")
    def problem(row: Any) -> str | None:
        found = top_problem(row, timezone.now())
        address = page_of(row, found.page, user) if found.text else ""
        return format_html('<a href="{}">{}</a>', address, found.text) if address else found.text or None

    return problem
