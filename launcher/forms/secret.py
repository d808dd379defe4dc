"""A secret is replaced: the new one, and something that only its person has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from launcher import recent_sign_in
from launcher.forms.fields import SecretField, trimmed
from launcher.forms.help_texts import HELP
from launcher.models import EhrRegistration


class ReplaceSecretForm(forms.Form):
    """Asks for the password of whoever is signed in; who has none here (single sign-on) must have signed in lately."""

    new_secret = SecretField(label="New client secret", required=False, help_text="As the vendor's portal shows it.")
    secret_expires_on = forms.DateField(label="Secret expires on", required=False, help_text=HELP["secret_expires_on"])
    password = forms.CharField(
        label="Your own password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="The one you sign in to this admin with.",
    )

    def __init__(self, *args: Any, request: HttpRequest, registration: EhrRegistration, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request
        self._registration = registration
        self.told: list[str] = []
        if not request.user.has_usable_password():
            del self.fields["password"]

    @property
    def switches_back(self) -> bool:
        return "_switch_back" in self.data

    def clean_new_secret(self) -> str:
        bare, sentence = trimmed(str(self.cleaned_data.get("new_secret") or ""), "the client secret")
        self.told = [sentence] if sentence else []
        if not bare and not self.switches_back:
            raise ValidationError("Paste the secret that the vendor gave you.")
        if bare and bare == self._registration.client_id:
            raise ValidationError("Same as the client ID – check what you pasted.")
        return bare

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if "password" in self.fields:
            self._check_password()
        elif not recent_sign_in.is_recent(self._request):
            raise ValidationError(
                "You signed in more than ten minutes ago. Log out, sign in again, and come back to this page."
            )
        return cleaned

    def _check_password(self) -> None:
        """By the usual way of signing in, so that guessing is counted and locked out as it is there."""
        password = self.cleaned_data.get("password")
        if not password:
            return
        name = self._request.user.get_username()
        found = authenticate(self._request, username=name, password=password)
        if found is None or found.pk != self._request.user.pk:
            self.add_error("password", "This is not your password. Nothing was changed.")
        else:
            recent_sign_in.note(self._request)
