"""Users, groups and sites: to superusers alone; with each user the sites they work for."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.sites.admin import SiteAdmin
from django.contrib.sites.models import Site

from launcher.admin.base import SuperusersOnly
from launcher.models import StaffSites


class StaffSitesInline(admin.StackedInline):
    model = StaffSites
    max_num = 1
    filter_horizontal = ("sites",)


admin.site.unregister([User, Group, Site])


@admin.register(User)
class PeopleAdmin(SuperusersOnly, UserAdmin):
    """Nobody's chart is opened by an account here: charts belong to launches."""

    inlines: ClassVar = [StaffSitesInline]


@admin.register(Group)
class RolesAdmin(SuperusersOnly, GroupAdmin):
    """The roles of `launcher/roles.py`, and groups of one's own."""


@admin.register(Site)
class SitesAdmin(SuperusersOnly, SiteAdmin):
    """A site is a host name with registrations, launches and an audit of its own."""
