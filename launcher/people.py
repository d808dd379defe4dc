"""From a verified identity to a Django user: a person is (issuer, subject)."""

from __future__ import annotations

import hashlib

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from launcher.models import Person
from launcher.smart.identity import IdentityClaims


def person_for(claims: IdentityClaims) -> Person:
    """Find or make the person and their user, who has no password and no rights."""
    found = _find(claims)
    if found:
        return found
    try:
        with transaction.atomic():
            user = get_user_model().objects.create(username=_username(claims), is_active=True)
            _lock_out_of_passwords(user)
            return Person.objects.create(issuer=claims.issuer, subject=claims.subject, user=user)
    except IntegrityError:
        # Two first launches of one person at the same moment: the other one was quicker.
        return Person.objects.select_related("user").get(issuer=claims.issuer, subject=claims.subject)


def _find(claims: IdentityClaims) -> Person | None:
    return Person.objects.select_related("user").filter(issuer=claims.issuer, subject=claims.subject).first()


def _lock_out_of_passwords(user: AbstractBaseUser) -> None:
    user.set_unusable_password()
    user.save(update_fields=["password"])


def _username(claims: IdentityClaims) -> str:
    digest = hashlib.sha256(f"{claims.issuer}\n{claims.subject}".encode()).hexdigest()
    return f"smart-{digest[:40]}"
