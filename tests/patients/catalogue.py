"""A catalogue of translations, read as a translator's file (.po) and as the compiled one (.mo)."""

from __future__ import annotations

import ast
import gettext
from pathlib import Path
from typing import Any

LOCALE = Path(__file__).resolve().parent.parent.parent / "locale"
Key = tuple[str, str, str]
"""What a text is about, the text, and its plural; "" where there is none."""


def written(language: str) -> dict[Key, tuple[str, ...]]:
    """The texts of the .po with their translations: one, or one for each form of the plural."""
    found: dict[Key, tuple[str, ...]] = {}
    source = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")
    for block in source.split("\n\n"):
        parts: dict[str, str] = {}
        name = ""
        for line in (line for line in block.splitlines() if line and not line.startswith("#")):
            if not line.startswith('"'):
                name, _, line = line.partition(" ")
            parts[name] = parts.get(name, "") + ast.literal_eval(line)
        texts = tuple(text for name, text in parts.items() if name.startswith("msgstr"))
        found[parts.get("msgctxt", ""), parts.get("msgid", ""), parts.get("msgid_plural", "")] = texts
    return {key: texts for key, texts in found.items() if key[1]}


def compiled(language: str) -> dict[Any, str]:
    """The same of the .mo, as Python's gettext reads it: (text, number of the form) where there is a plural."""
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        catalogue: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in catalogue.items() if key}
