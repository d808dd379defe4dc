"""Django admin: registrations to edit; launches, keys, styles and the audit trail, a module each; people."""

from __future__ import annotations

from launcher.admin import audit_trail, check_runs, keys, launches, people, registrations, styles, traces

__all__ = ["audit_trail", "check_runs", "keys", "launches", "people", "registrations", "styles", "traces"]
