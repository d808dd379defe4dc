"""Signs the staff in whom the hospital's provider has identified: the package's backend, with checks of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from launcher.membership import belongs, site_id, site_name, staff_name
from launcher.smart.openid_provider import Provider, Tokens
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonValue
from launcher.staff.options import Options
from launcher.staff.people import StaffIdentity, admit
from launcher.staff.provider import believed, groups_of, redeemed
from launcher.staff.refusals import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """Somebody who is back from the provider with a code, and what was kept of the way there."""

    options: Options
    provider: Provider
    code: str
    nonce: str
    verifier: str
    redirect_uri: str


class StaffBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # the package has no types
    """The package's steps, each through the one door and with the strict checks of `launcher.smart.identity`.

    Version 5.0.2 checks neither issuer nor audience, lets errors of an expired token escape, fetches keys at each
    sign-in without a time limit, and finds people by e-mail address.
    """

    def __init__(self) -> None:
        """Empty on purpose: the package reads its global settings here, and Django builds backends all the time."""
        self.UserModel = get_user_model()

    def authenticate(self, request: HttpRequest | None, staff_return: Returned | None = None, **kwargs: Any) -> Any:
        """Answer to `staff_return` alone: passwords and launches belong to other backends.

        Raises Refused and SmartError, which Django passes on: a refusal here is no guessed password.
        """
        if staff_return is None or request is None:
            return None
        tokens = self.get_token(staff_return)
        claims = self.verify_token(tokens, returned=staff_return)
        groups = self.get_userinfo(tokens.access_token, claims, staff_return)
        user = admit(StaffIdentity.of(claims, groups=groups), staff_return.options, site=site_name(request))
        if not belongs(user, site_id(request)):
            raise Refused("other_site", actor=staff_name(user))
        return user

    def get_token(self, payload: Returned) -> Tokens:
        return redeemed(
            payload.options,
            payload.provider,
            code=payload.code,
            redirect_uri=payload.redirect_uri,
            verifier=payload.verifier,
        )

    def verify_token(self, token: Tokens, *, returned: Returned) -> Mapping[str, JsonValue]:
        return believed(returned.options, returned.provider, token, nonce=returned.nonce)

    def get_userinfo(
        self, access_token: Secret, id_token: Mapping[str, JsonValue], payload: Returned
    ) -> tuple[str, ...]:
        """The groups, all that is asked for besides the id_token."""
        return groups_of(payload.options, payload.provider, claims=id_token, access_token=access_token)

    def get_user(self, user_id: Any) -> Any:
        """As the backend of passwords has it: an account that was switched off is signed out at its next request."""
        return self.UserModel.objects.filter(pk=user_id, is_active=True).first()
