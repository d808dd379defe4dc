"""What a launch did, step by step, for whoever has to find out why one went wrong; kept for a while, then deleted.

A trace holds no secret, no token and no name. Patient and person are keyed hashes: equal ones show that it was the
same, and nobody can go back from them.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.sites.models import Site
from django.db import models

from launcher.models.launches import new_id
from launcher.models.registrations import EhrRegistration


class LaunchTrace(models.Model):
    """One launch from the EHR's call to the last chart that was shown, or an attempt that never became one.

    `reference` is the first that anybody was shown; later ones are `TraceReference` rows. `milliseconds` is the time
    that the steps took here, without that of the person at the EHR. `steps` is bounded; see `launcher.trace`.
    """

    class Outcome(models.TextChoices):
        UNDER_WAY = "under-way", "Under way"
        OPENED = "opened", "Opened"
        FAILED = "failed", "Failed"

    class Stage(models.TextChoices):
        """The last stage that was reached, in the order of a launch."""

        RECEIVED = "received", "Received"
        REDIRECTED = "redirected", "Redirected"
        RETURNED = "returned", "Returned"
        TOKEN = "token", "Token"
        PATIENT = "patient", "Patient"
        CHART = "chart", "Chart"

    id = models.CharField(primary_key=True, max_length=32, default=new_id, editable=False)
    # The indexes below begin with these two.
    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False, related_name="+")
    registration = models.ForeignKey(
        EhrRegistration, on_delete=models.SET_NULL, null=True, db_index=False, related_name="traces"
    )
    registration_slug = models.CharField("EHR", max_length=60, blank=True)
    started_at = models.DateTimeField("when")
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.UNDER_WAY)
    stage = models.CharField("stage reached", max_length=10, choices=Stage.choices, default=Stage.RECEIVED)
    code = models.CharField(max_length=40, blank=True)
    reference = models.CharField(max_length=6, blank=True, db_index=True)
    milliseconds = models.PositiveIntegerField("ms", default=0)
    mode = models.CharField(max_length=10, blank=True)
    framed = models.BooleanField(default=False)
    browser = models.CharField(max_length=10, blank=True)
    person = models.CharField(max_length=16, blank=True)
    patient = models.CharField(max_length=16, blank=True)
    launch = models.CharField(max_length=32, blank=True, db_index=True)
    correlation_ids = models.JSONField(default=list)
    steps = models.JSONField(default=list)

    class Meta:
        verbose_name = "launch trace"
        verbose_name_plural = "launch history"
        default_permissions = ("view",)
        permissions: ClassVar = [("export_launchtrace", "Can export a launch trace for an EHR's help desk")]
        indexes: ClassVar = [
            models.Index(fields=["site", "-started_at"], name="trace_by_site"),
            models.Index(fields=["registration", "-started_at"], name="trace_by_registration"),
            models.Index(fields=["started_at"], name="trace_by_age"),
        ]

    def __str__(self) -> str:
        return f"launch {self.reference or self.pk} at {self.registration_slug or 'no EHR of ours'}"


class TraceReference(models.Model):
    """Every reference that somebody was shown in a launch leads to its trace."""

    trace = models.ForeignKey(LaunchTrace, on_delete=models.CASCADE, related_name="references")
    reference = models.CharField(max_length=6, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.reference
