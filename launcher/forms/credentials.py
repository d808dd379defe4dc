"""What a vendor gives when the app is registered there, for one of several registrations on one page."""

from __future__ import annotations

from typing import Any

from django import forms

from launcher import credentials
from launcher.forms.registration import EhrRegistrationForm
from launcher.models import EhrRegistration


class CredentialsForm(EhrRegistrationForm):
    """Client ID and secret alone, judged by the same rules; left empty, the registration stays as it is.

    Without `with_secret` the field for the secret is not there; neither is it where a secret is saved already.
    """

    launch_modes = approved_origins = frame_ancestors = allowed_networks = None
    id_token_algorithms = panels = test_patients = quirk_overrides = told_vendor = None
    confirmed = None
    client_id = forms.CharField(label="Client ID", max_length=500, strip=False, required=False)

    class Meta(EhrRegistrationForm.Meta):
        fields = ("client_id",)

    def __init__(self, *args: Any, with_secret: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("client_id", "new_secret"):
            self.fields[name].widget.attrs.setdefault("size", 60)
        if not with_secret or credentials.has_stored_secret(self.instance):
            del self.fields["new_secret"]

    @property
    def is_left_empty(self) -> bool:
        return not any(str(self.data.get(self.add_prefix(name)) or "").strip() for name in ("client_id", "new_secret"))

    @property
    def is_to_be_mended(self) -> bool:
        return not self.is_left_empty and bool(self.errors)


def credentials_form(
    registration: EhrRegistration, *, with_secret: bool, data: Any = None, fresh_sign_in: bool = True
) -> CredentialsForm:
    form = CredentialsForm(
        data,
        instance=registration,
        prefix=f"ehr-{registration.pk}",
        with_secret=with_secret,
        use_required_attribute=False,
    )
    form.fresh_sign_in = fresh_sign_in
    return form
