"""Reads the environment so that a value which cannot be read is named, and never shown."""

from __future__ import annotations

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(environ.FileAwareEnv):
    """Every variable may also be given as NAME_FILE. Raises ImproperlyConfigured with the variable and what to do."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except OSError as error:
            raise ImproperlyConfigured(f"{var}_FILE names a file that cannot be read: {error.strerror}.") from None
        except (TypeError, ValueError):
            raise ImproperlyConfigured(f"{var} cannot be read: write a whole number.") from None

    def names(self, var: str) -> list[str]:
        """A list written with commas, with spaces around them or without."""
        return [item.strip() for item in self.list(var, default=[]) if item.strip()]

    def database(self, var: str, *, default: str) -> dict[str, Any]:
        return self._address(self.db, var, default, example="postgres://user:password@host:5432/name")

    def caching(self, var: str, *, default: str) -> dict[str, Any]:
        return self._address(self.cache, var, default, example="redis://host:6379/0")

    def _address(self, read: Any, var: str, default: str, *, example: str) -> dict[str, Any]:
        """The parsed address; none of what was written is repeated, for it may hold a password."""
        try:
            found: dict[str, Any] = read(var, default=default)
        except (ImproperlyConfigured, ValueError, KeyError, AttributeError):
            found = {}
        if not found.get("ENGINE", found.get("BACKEND")):
            raise ImproperlyConfigured(f"{var} cannot be read: write an address such as {example}.") from None
        return found
