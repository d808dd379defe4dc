"""Key pairs that sign client assertions."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from launcher.fields import EncryptedField
from launcher.smart.client_assertion import SigningKeyPair


class SigningAlgorithm(models.TextChoices):
    """The two that SMART App Launch 2.2 asks of a client ("Asymmetric Authentication")."""

    RS384 = "RS384", "RS384"
    ES384 = "ES384", "ES384"


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def published(self) -> SigningKeyQuerySet:
        return self.filter(models.Q(retired_at=None) | models.Q(retired_at__gt=timezone.now()))

    def active(self, algorithm: str) -> SigningKeyQuerySet:
        """Those that may sign now; the first of them does."""
        usable = self.filter(algorithm=algorithm, retiring_at=None, active_from__lte=timezone.now())
        return usable.order_by("-active_from", "-pk")

    def waiting(self, algorithm: str) -> SigningKeyQuerySet:
        """Those that are published and will sign later, the next one first."""
        later = self.filter(algorithm=algorithm, retiring_at=None, active_from__gt=timezone.now())
        return later.order_by("active_from", "pk")


class SigningKey(models.Model):
    """A key pair that signs client assertions (`private_key_jwt`): published first, used later, retired last.

    The private half is a PEM text, encrypted; `public_jwk` is what stands at /.well-known/jwks.json. From `retiring_at`
    on it signs no more and has no private half; from `retired_at` on, a moment known by then, it is not published.
    """

    class State(models.TextChoices):
        PUBLISHED = "published", "Published, signs later"
        ACTIVE = "active", "Active"
        RETIRING = "retiring", "Retiring"
        RETIRED = "retired", "Retired"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kid = models.CharField("key ID", max_length=64, unique=True)
    algorithm = models.CharField(max_length=5, choices=SigningAlgorithm.choices)
    private_pem = EncryptedField(context="signing-key.private-pem", bound_to="uuid")
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    active_from = models.DateTimeField()
    retiring_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kid} ({self.algorithm})"

    @property
    def state(self) -> State:
        now = timezone.now()
        if self.retiring_at is None:
            return self.State.ACTIVE if self.active_from <= now else self.State.PUBLISHED
        return self.State.RETIRED if self.retired_at and self.retired_at <= now else self.State.RETIRING

    @property
    def pair(self) -> SigningKeyPair:
        return SigningKeyPair(kid=self.kid, algorithm=self.algorithm, private_pem=self.private_pem)
