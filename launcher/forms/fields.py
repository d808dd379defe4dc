"""Fields that the forms of the admin share."""

from __future__ import annotations

from typing import Any

from django import forms


class LinesField(forms.CharField):
    """A list of texts, one a line, in a textarea."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 70})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != list(initial or []))


class SecretField(forms.CharField):
    """A secret to be pasted: never written back into a page, and told apart from one with a space around it."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "size": 60, "spellcheck": "false"})
        super().__init__(**{"strip": False, "max_length": 4000, "widget": widget, **kwargs})


def trimmed(text: str, what: str) -> tuple[str, str]:
    """The text without the spaces around it, and a sentence that says so, "" where there were none."""
    bare = text.strip()
    if bare == text:
        return bare, ""
    return bare, f"Removed a space at the end of {what}." if text.startswith(
        bare
    ) else f"Removed a space around {what}."
