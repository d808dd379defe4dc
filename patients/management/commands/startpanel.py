"""`manage.py startpanel <name>`: a plugin package with one working panel and its test, to be changed into one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.templates import TemplateCommand

TEMPLATE = Path(__file__).resolve().parents[2] / "panel_template"


class Command(TemplateCommand):
    help = "Write a plugin with one working panel of the chart and its test."
    missing_args_message = "Name the panel, for example: manage.py startpanel procedures"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="A Python package name: letters, digits and underscores.")
        parser.add_argument("directory", nargs="?", help="Where to write it. Left out: a new folder of that name.")

    def handle(self, **options: Any) -> None:  # type: ignore[override]  # the parent takes them one by one
        name = str(options["name"])
        super().handle(
            "app",
            name,
            options["directory"],
            template=str(TEMPLATE),
            extensions=["py", "html"],
            files=[],
            exclude=None,
            secret_key=None,
            panel_slug=name.replace("_", "-"),
            panel_title=name.replace("_", " ").capitalize(),
            verbosity=options["verbosity"],
        )
        self.stdout.write(
            f"Wrote the panel “{name}”. It reads the patient's Procedures until you change {name}/chart_panels.py.\n"
            f"Try it:   make run PLUGINS={name}\n"
            f"Test it:  SMARTPORTAL_PLUGINS={name} python -m pytest {name}"
        )
