"""Loads the presets of all apps by the vendor door, and closes it."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

from launcher import conf


class LauncherConfig(AppConfig):
    name = "launcher"
    verbose_name = "EHR launches"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from launcher import checks, revocation, vendors

        checks.register_all()
        revocation.listen()
        post_migrate.connect(name_default_site, dispatch_uid="smartportal.default_site")
        autodiscover_modules("ehr_vendors")
        vendors.close()


def name_default_site(sender: AppConfig, **kwargs: Any) -> None:
    """Keep the default site's name in step with SMARTPORTAL_BASE_URL, which says where it is served."""
    if sender.label != "sites":
        return
    sites = sender.get_model("Site").objects
    host = conf.base_host()
    if not sites.filter(domain__iexact=host).exists():
        sites.filter(pk=settings.SITE_ID).update(domain=host, name="smartportal")
