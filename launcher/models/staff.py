"""The staff: which sites a person works for, and what their roles have been given so far."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.sites.models import Site
from django.db import models


class StaffSites(models.Model):
    """The sites whose admin a person may enter; without a row it is the default site, for a superuser every one."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staff_sites")
    sites = models.ManyToManyField(
        Site,
        blank=True,
        related_name="staff",
        help_text="The sites whose administration this person may enter. None chosen: no site at all.",
    )

    class Meta:
        default_permissions = ()
        verbose_name = verbose_name_plural = "sites this person works for"

    def __str__(self) -> str:
        return f"sites of {self.user}"


class RoleGrant(models.Model):
    """A permission that a role was given once, so that it is not given again to a group that was changed by hand."""

    role = models.CharField(max_length=150)
    permission = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["role", "permission"], name="role_grant_once")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.role}: {self.permission}"
