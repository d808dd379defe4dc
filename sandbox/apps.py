"""The sandbox as a Django app; it has no models and its views never touch the database."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "sandbox"
    verbose_name = "Simulated EHRs"
