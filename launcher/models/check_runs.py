"""What the checks of a connection said, kept: the newest runs of each registration."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from launcher.models.registrations import EhrRegistration


class CheckRun(models.Model):
    """One run of the checks as it ended, or as it was broken off.

    `results` are those of `launcher.probe.findings.Result.to_json`, free of secrets. `standing` are failures and
    warnings of earlier runs that this one did not look at again, each with `since`; they count until something has.
    `problem` says why a run could not begin. `failing` is about the connection itself, not about how the last launch
    went; `top_problem` is the worst finding in its own words, "" when there is none.
    """

    class Kind(models.TextChoices):
        WHOLE = "whole", "All checks"
        DAILY = "daily", "Daily checks"

    registration = models.ForeignKey(EhrRegistration, on_delete=models.CASCADE, related_name="check_runs")
    at = models.DateTimeField()
    kind = models.CharField(max_length=5, choices=Kind.choices)
    actor = models.CharField(max_length=600)
    finished = models.BooleanField()
    failing = models.BooleanField(default=False)
    fails = models.PositiveSmallIntegerField(default=0)
    warns = models.PositiveSmallIntegerField(default=0)
    passes = models.PositiveSmallIntegerField(default=0)
    results = models.JSONField(default=list)
    standing = models.JSONField(default=list)
    problem = models.CharField(max_length=500, blank=True)
    top_problem = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ("view",)
        indexes: ClassVar = [models.Index(fields=["registration", "-at"], name="check_run_by_registration")]

    def __str__(self) -> str:
        return f"{self.get_kind_display().lower()} of {self.registration} at {self.at:%Y-%m-%d %H:%M} UTC"
