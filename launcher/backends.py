"""Signs in the people whom an EHR has identified; their id_token has been verified before this is called."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from launcher.models import Person
from launcher.people import person_for
from launcher.smart.identity import IdentityClaims


class SmartBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # the package has no types
    """The package's user hooks on our own verified claims.

    Its token exchange and `verify_token` are not used: version 5.0.2 checks neither issuer nor audience, and an expired
    token escapes it as an exception. People are found by (issuer, subject) and never by e-mail address.
    """

    def __init__(self) -> None:
        """Empty on purpose: the package reads its global settings here, and Django builds backends all the time."""
        self.UserModel = get_user_model()

    def authenticate(
        self, request: HttpRequest | None, smart_claims: IdentityClaims | None = None, **kwargs: Any
    ) -> AbstractBaseUser | None:
        """Answer to `smart_claims` alone: passwords and staff sign-in belong to other backends."""
        if smart_claims is None:
            return None
        return person_for(smart_claims).user

    def filter_users_by_claims(self, claims: dict[str, Any]) -> Any:
        return self.UserModel.objects.filter(
            smart_person__in=Person.objects.filter(issuer=claims.get("iss", ""), subject=claims.get("sub", ""))
        )
