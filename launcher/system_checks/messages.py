"""How a finding of a check is written; every number stands in docs/operations.md."""

from __future__ import annotations

from collections.abc import Iterable

from django.core import checks

Found = Iterable[checks.CheckMessage]


def error(number: str, text: str, hint: str = "") -> checks.Error:
    return checks.Error(text, hint=hint or None, id=f"smartportal.{number}")


def warning(number: str, text: str, hint: str = "") -> checks.Warning:
    return checks.Warning(text, hint=hint or None, id=f"smartportal.{number}")
