"""Names by which people look for their EHR: organizations of User-access Brands, and the FHIR bases they lead to.

SMART App Launch 2.2, "User-access Brands and Endpoints". A brand is a public name and no permission: an EHR is launched
from when it is registered, whatever a bundle says.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class BrandSource(models.Model):
    """A bundle as it was last read: an address that is asked again with its ETag, or a file by its name."""

    address = models.CharField(max_length=2000, unique=True)
    etag = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    timestamp = models.CharField(max_length=40, blank=True)
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.address


class Brand(models.Model):
    """One organization of a bundle; its endpoints are its own or, without any, those of what it is part of."""

    source = models.ForeignKey(BrandSource, on_delete=models.CASCADE, related_name="brands")
    name = models.CharField(max_length=200)
    aliases = models.JSONField(default=list)
    places = models.JSONField(default=list)
    identifiers = models.JSONField(default=list, help_text="“system|value”.")
    above = models.JSONField(default=list, help_text="The identifiers of what it is part of.")
    words = models.TextField(help_text="Name, aliases and places as they are searched: in lower case.")

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class BrandEndpoint(models.Model):
    """A FHIR base that a brand leads to; `key` joins it with registrations (`EhrRegistration.iss_key`)."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="endpoints")
    address = models.CharField(max_length=2000)
    key = models.CharField(max_length=2000, db_index=True)
    fhir_versions = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.address
