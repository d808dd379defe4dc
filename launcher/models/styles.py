"""What an EHR wants our pages to look like, made safe and kept by its address."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from launcher.models.registrations import EhrRegistration


class StyleSheet(models.Model):
    """One `smart_style_url` of one EHR and the CSS that was made of it.

    The address is the version key (SMART App Launch 2.2, "Styling"): it is fetched once. `refused` names the
    properties that were not taken over; `approved_at` matters where the registration asks first.
    """

    registration = models.ForeignKey(EhrRegistration, on_delete=models.CASCADE, related_name="style_sheets")
    url = models.CharField(max_length=2000)
    url_hash = models.CharField(max_length=64, editable=False)
    sha256 = models.CharField("SHA-256 of the CSS", max_length=64, db_index=True)
    css = models.TextField()
    refused = models.JSONField(default=list, blank=True)
    fetched_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["registration", "url_hash"], name="style_sheet_url_per_registration")
        ]

    def __str__(self) -> str:
        return f"style of {self.registration}"
