"""Every change in the admin is one event of the audit trail, in the same transaction: both or neither.

The site makes it so for whatever is registered with it, a plugin's models included: nobody has to think of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from launcher import changes
from launcher.membership import actor

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class Audited(Base):
    """What `AuditedSite` puts in front of a ModelAdmin: it sees a row before and after, and writes the difference.

    A ModelAdmin that writes an event itself names it in `own_audit_events`: of "created", "changed" and "deleted"; the
    fields whose changes have an event of their own it names in `own_audit_fields`.
    """

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            self.remember(request, obj)
        super().save_model(request, obj, form, change)

    def remember(self, request: HttpRequest, obj: Any) -> None:
        """Keep what the database has, for `log_change` to compare with: to be called before anything is saved."""
        _remembered(request)[(obj._meta.label, obj.pk)] = self._values(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        values = self._values(request, obj)
        self._write(request, obj, "created", changes.contents(values, changes.usual_values(type(obj))))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A form that was saved as it was has changed nothing; a page that remembered nothing says at least what of."""
        before = _remembered(request).pop((obj._meta.label, obj.pk), None)
        if before is None:
            self._write(
                request, obj, "changed", {"by": str(request.resolver_match and request.resolver_match.url_name)}
            )
        else:
            self._write(request, obj, "changed", changes.differences(before, self._values(request, obj)))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Django calls this before it deletes."""
        for row in queryset:
            values = changes.contents(self._values(request, row), changes.usual_values(type(row)))
            self._write(request, row, "deleted", values)
        return super().log_deletions(request, queryset)

    def _write(self, request: HttpRequest, obj: Any, verb: str, detail: dict[str, str]) -> None:
        if verb != "deleted":
            detail = {name: said for name, said in detail.items() if name not in getattr(self, "own_audit_fields", ())}
        if verb not in getattr(self, "own_audit_events", ()) and (detail or verb != "changed"):
            changes.write(obj, verb, detail, actor=actor(request))

    def _values(self, request: HttpRequest, obj: Any) -> dict[str, object]:
        """The row as it is stored, with the rows that are edited on its page."""
        values = changes.stored_values(obj)
        for inline in self.get_inline_instances(request, obj):
            parent = inline.get_formset(request, obj).fk
            for row in inline.model._base_manager.filter(**{parent.name: obj}):
                values |= _inline_values(row, parent)
        return values


def _inline_values(row: models.Model, parent: Any) -> dict[str, object]:
    name = str(row._meta.model_name) if parent.one_to_one else f"{row._meta.model_name} {row.pk}"
    return {f"{name}: {key}": value for key, value in changes.values_of(row).items() if key != parent.name}


def _remembered(request: HttpRequest) -> dict[tuple[str, Any], dict[str, object]]:
    if not hasattr(request, "audited_before"):
        request.audited_before = {}  # type: ignore[attr-defined]  # lives as long as the request
    found: dict[tuple[str, Any], dict[str, object]] = request.audited_before  # type: ignore[attr-defined]
    return found


class AuditedPeople(Audited):
    """Django sets a password outside of `save_model` and of any transaction."""

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponseBase:
        with transaction.atomic():
            if (user := self.get_object(request, id)) is not None:
                self.remember(request, user)
            answer: HttpResponseBase = super().user_change_password(request, id, form_url)  # type: ignore[misc]
            return answer


class AuditedSite(admin.AdminSite):
    """An admin whose every ModelAdmin is `Audited`."""

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.add_action(_delete_together, "delete_selected")

    def register(
        self, model_or_iterable: Any, admin_class: type[admin.ModelAdmin] | None = None, **options: Any
    ) -> None:
        super().register(model_or_iterable, audited(admin_class or admin.ModelAdmin), **options)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """One's own password: Django keeps no history of it."""
        with transaction.atomic():
            person = get_user_model()._base_manager.get(pk=request.user.pk)
            before = changes.values_of(person)
            answer: HttpResponseBase = super().password_change(request, extra_context)
            if found := changes.differences(before, changes.stored_values(person)):
                changes.write(person, "changed", found, actor=actor(request))
            return answer


def audited(admin_class: type[admin.ModelAdmin]) -> type[admin.ModelAdmin]:
    """The same ModelAdmin with `Audited` in front, so that whatever it does itself is seen as well."""
    if issubclass(admin_class, Audited):
        return admin_class
    # Not by its class: importing that registers users with this site, which is not there yet.
    front = AuditedPeople if hasattr(admin_class, "user_change_password") else Audited
    named = {"__module__": admin_class.__module__, "__doc__": admin_class.__doc__}
    return type(admin_class.__name__, (front, admin_class), named)


def _delete_together(modeladmin: Any, request: HttpRequest, queryset: Any) -> HttpResponseBase | None:
    """Django's own action, in one transaction: the rows go with their events or stay."""
    with transaction.atomic():
        answer: HttpResponseBase | None = delete_selected(modeladmin, request, queryset)
        return answer


_delete_together.allowed_permissions = delete_selected.allowed_permissions  # type: ignore[attr-defined]
_delete_together.short_description = delete_selected.short_description  # type: ignore[attr-defined]
