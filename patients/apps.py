"""Opens door 2: loads every installed app's `chart_panels` and tells the launcher what the panels need."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PatientsConfig(AppConfig):
    name = "patients"
    verbose_name = "Chart"

    def ready(self) -> None:
        from launcher import needs
        from patients import panels

        autodiscover_modules("chart_panels")
        panels.close()
        for panel in panels.all_panels():
            for need in panels.data_needs(panel):
                needs.register(need)
