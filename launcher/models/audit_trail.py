"""The audit trail: events in chains, and the chains' heads."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AuditChain(models.Model):
    """The head of one of the sixteen audit chains; locked for the insert of an event alone."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"audit chain {self.number}"


class AuditEvent(models.Model):
    """Something that was done or refused. Only ever added; no foreign keys, so that nothing else can change it."""

    chain = models.PositiveSmallIntegerField()
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField(db_index=True)
    event = models.CharField(max_length=40, db_index=True)
    outcome = models.CharField(max_length=20)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    reference = models.CharField(max_length=6, blank=True, db_index=True)
    correlation_id = models.CharField(max_length=36, blank=True)
    site = models.CharField(max_length=255, blank=True)
    registration = models.CharField(max_length=60, blank=True)
    launch = models.CharField(max_length=32, blank=True, db_index=True)
    actor = models.CharField(max_length=600, blank=True)
    patient = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["chain", "sequence"], name="audit_event_in_chain")]
        indexes: ClassVar = [
            models.Index(fields=["site", "-at"], name="audit_event_by_site"),
            models.Index(fields=["registration", "-at"], name="audit_event_by_ehr"),
            models.Index(fields=["patient", "-at"], name="audit_event_by_patient", condition=models.Q(patient__gt="")),
        ]
        default_permissions = ("view",)
        permissions: ClassVar = [("export_auditevent", "Can export the audit trail")]

    def __str__(self) -> str:
        return f"{self.event} at {self.at:%Y-%m-%d %H:%M:%S}"
