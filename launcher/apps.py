"""Loads the presets of all apps by the vendor door, and closes it; the admin of the staff."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as django_admin
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

from launcher import conf


class LauncherConfig(AppConfig):
    name = "launcher"
    verbose_name = "EHR launches"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from launcher import checks, metrics, recent_sign_in, revocation, roles, vendors
        from launcher.staff import events

        checks.register_all()
        revocation.listen()
        recent_sign_in.listen()
        metrics.listen()
        events.listen()
        post_migrate.connect(name_default_site, dispatch_uid="smartportal.default_site")
        post_migrate.connect(roles.install_after_migrate, dispatch_uid="smartportal.roles")
        autodiscover_modules("ehr_vendors")
        vendors.close()


class StaffAdminConfig(django_admin.AdminConfig):
    """Django's admin with `launcher.admin_site` as its site; stands in INSTALLED_APPS in its place."""

    default = False
    default_site = "launcher.admin_site.StaffAdminSite"


def name_default_site(sender: AppConfig, **kwargs: Any) -> None:
    """Keep the default site's name in step with SMARTPORTAL_BASE_URL, which says where it is served."""
    from django.contrib.sites import management

    if sender.label != "sites":
        return
    # This comes before Django's own: on an empty database there would be nothing to name yet.
    management.create_default_site(**kwargs)
    sites = sender.get_model("Site").objects
    host = conf.base_host()
    if not sites.filter(domain__iexact=host).exists():
        sites.filter(pk=settings.SITE_ID).update(domain=host, name="smartportal")
