"""Loads the presets of all apps by the vendor door, and closes it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class LauncherConfig(AppConfig):
    name = "launcher"
    verbose_name = "EHR launches"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from launcher import checks, vendors

        checks.register_all()
        autodiscover_modules("ehr_vendors")
        vendors.close()
