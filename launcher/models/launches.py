"""Launches on their way, launches under way, and the people who launch."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models

from launcher.fields import EncryptedField
from launcher.models.registrations import EhrRegistration


def new_id() -> str:
    """128 random bits in hexadecimal: the id of a launch, which stands in its chart's address."""
    return secrets.token_hex(16)


class Person(models.Model):
    """Somebody an EHR has identified: (issuer, subject), never a name or e-mail address (OpenID Connect Core, 5.7)."""

    issuer = models.CharField(max_length=2000)
    subject = models.CharField(max_length=255)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="smart_person")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["issuer", "subject"], name="person_issuer_subject")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class PendingLaunch(models.Model):
    """Between the redirect to the EHR and the callback: used once, for ten minutes, by one browser.

    State and browser secret are kept as hashes only. Everything the callback needs is kept as it was at the redirect,
    so that a change of the registration in between cannot mix two versions of it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state_hash = models.CharField(max_length=64, unique=True)
    binding_hash = models.CharField(max_length=64)
    browser_hash = models.CharField(max_length=64, db_index=True)
    registration = models.ForeignKey(EhrRegistration, on_delete=models.CASCADE, related_name="pending_launches")
    created_at = models.DateTimeField(db_index=True)
    consumed_at = models.DateTimeField(null=True)
    mode = models.CharField(max_length=10, default="ehr")
    iss = models.CharField(max_length=2000)
    redirect_uri = models.CharField(max_length=2000)
    scopes = models.TextField()
    nonce = models.CharField(max_length=64, blank=True)
    configuration = models.JSONField()
    verifier = EncryptedField(context="pending-launch.verifier", bound_to="uuid")
    client_secret = EncryptedField(context="pending-launch.client-secret", bound_to="uuid")
    launch = models.ForeignKey("Launch", on_delete=models.CASCADE, null=True, related_name="pending")
    # Without a constraint: a trace that could not be written must not keep a launch from going on.
    trace = models.ForeignKey(
        "LaunchTrace", on_delete=models.SET_NULL, null=True, db_constraint=False, editable=False, related_name="+"
    )

    def __str__(self) -> str:
        return f"pending launch at {self.registration}"


class Launch(models.Model):
    """One launch is one session: one patient, one EHR, one browser, one set of tokens."""

    id = models.CharField(primary_key=True, max_length=32, default=new_id, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="launches")
    registration = models.ForeignKey(EhrRegistration, on_delete=models.PROTECT, related_name="launches")
    reference = models.CharField(max_length=6)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=40, blank=True)
    binding_hash = models.CharField(max_length=64)
    browser_hash = models.CharField(max_length=64, db_index=True)
    iss = models.CharField(max_length=2000)
    fhir_version = models.CharField(max_length=6)
    configuration = models.JSONField()
    patient = models.CharField(max_length=64, blank=True)
    encounter = models.CharField(max_length=64, blank=True)
    need_patient_banner = models.BooleanField(null=True)
    requested_scopes = models.TextField()
    granted_scopes = models.TextField(null=True)  # noqa: DJ001  # null: the EHR sent no scope; "": it granted none
    used_scopes = models.TextField(blank=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="launches")
    viewer = models.CharField(max_length=255, blank=True)
    fhir_user = models.CharField(max_length=2000, blank=True)
    access_token = EncryptedField(context="launch.access-token", bound_to="id")
    refresh_token = EncryptedField(context="launch.refresh-token", bound_to="id")
    token_expires_at = models.DateTimeField(null=True)
    token_version = models.PositiveIntegerField(default=0)
    refresh_lease_until = models.DateTimeField(null=True)
    mode = models.CharField(max_length=10, default="ehr")
    intent = models.CharField(max_length=200, blank=True)
    tenant = models.CharField(max_length=500, blank=True)
    fhir_context = models.JSONField(default=list)
    smart_style_url = models.CharField(max_length=2000, blank=True)
    style = models.ForeignKey("StyleSheet", on_delete=models.SET_NULL, null=True, related_name="launches")

    class Meta:
        verbose_name_plural = "launches"
        indexes: ClassVar = [
            models.Index(fields=["registration", "-created_at"], name="launch_by_registration"),
            models.Index(fields=["site", "-created_at"], name="launch_by_site"),
            models.Index(fields=["reference"], name="launch_by_reference"),
        ]

    def __str__(self) -> str:
        return f"launch {self.reference} at {self.registration}"
