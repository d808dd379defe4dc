"""What all pages of the admin share: rows of one site, lists that are filtered as they offer it, models to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.sites.models import Site
from django.db.models import QuerySet
from django.http import HttpRequest

from launcher.membership import actor, is_superuser, site_id

__all__ = ["LookOnly", "SiteScoped", "StaffAdmin", "SuperusersOnly", "actor", "is_superuser", "site_id"]

# What Django's own filters put behind the name of a field; no relation can be followed with any of them.
_COMPARED = ("exact", "in", "isnull", "isempty", "gt", "gte", "lt", "lte", "year", "month", "day")
_ENDINGS = frozenset((*_COMPARED, "id", "id__exact", "id__in", "pk", "pk__exact", "pk__in"))


class StaffAdmin(admin.ModelAdmin):
    """Lists answer to the filters they offer and to no others: stock Django lets an address ask for any column, so that
    somebody who may see a list could guess, letter by letter, what the list does not show. Deleting is the superusers'.
    """

    more_lookups: ClassVar[tuple[str, ...]] = ()
    """Names that addresses may filter by besides those of `list_filter` and `date_hierarchy`."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Lists have the width of the page: beside the menu and the filters their last columns would be cut off."""
        return super().changelist_view(request, {"is_nav_sidebar_enabled": False, **(extra_context or {})})

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return any(_fits(lookup, name) for name in self._filter_names(request))

    def _filter_names(self, request: HttpRequest) -> Iterator[str]:
        yield from self.more_lookups
        if self.date_hierarchy:
            yield self.date_hierarchy
        for each in self.get_list_filter(request):
            field = each[0] if isinstance(each, tuple | list) else each
            yield field if isinstance(field, str) else str(getattr(field, "parameter_name", ""))

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """What a form offers for a relation: this site, and of other models what their own list shows here."""
        related = db_field.remote_field.model
        if related is Site:
            return Site.objects.filter(pk=site_id(request))
        if self.admin_site.is_registered(related):
            return self.admin_site.get_model_admin(related).get_queryset(request)
        return super().get_field_queryset(db, db_field, request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], Any]:
        """What belongs to a row goes with it, even where nobody may delete it by itself, as an EHR's earlier checks."""
        listed, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        with_it = {
            model._meta.verbose_name
            for model, model_admin in self.admin_site._registry.items()
            if isinstance(model_admin, LookOnly)
        }
        return listed, counts, forbidden - with_it, protected


def _fits(lookup: str, name: str) -> bool:
    return lookup == name or (lookup != name and lookup.removeprefix(f"{name}__") in _ENDINGS)


class SiteScoped(StaffAdmin):
    """Rows of the site whose host is being used, in lists, counts, choices, actions and by their id."""

    site_path = "registration__site_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(**{self.site_path: site_id(request)})


class LookOnly(StaffAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SuperusersOnly(admin.ModelAdmin):
    """Users, groups and sites: who decides about these decides about everything."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)
