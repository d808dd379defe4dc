"""Opens door 2: loads every installed app's `chart_panels` and tells the launcher what the panels need.

The readers, which know no Django, are given its translations.
"""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext, ngettext, pgettext


class PatientsConfig(AppConfig):
    name = "patients"
    verbose_name = "Chart"

    def ready(self) -> None:
        from launcher import needs
        from patients import panels
        from patients.readers import wording

        wording.speak(
            lambda message, about: pgettext(about, message) if about else gettext(message),
            ngettext,
        )
        autodiscover_modules("chart_panels")
        panels.close()
        for panel in panels.all_panels():
            for need in panels.data_needs(panel):
                needs.register(need)
