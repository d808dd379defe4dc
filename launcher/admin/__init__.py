"""Django admin: registrations to edit; launches, keys, styles and the audit trail, a module each."""

from __future__ import annotations

from django.contrib import admin

from launcher.admin import audit_trail, keys, launches, registrations, styles

__all__ = ["audit_trail", "keys", "launches", "registrations", "styles"]

admin.site.site_header = "smartportal"
admin.site.site_title = "smartportal"
admin.site.index_title = "EHRs and launches"
