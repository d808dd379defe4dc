"""The registration form of the admin: the secret goes in and never comes out; lists are written one entry a line."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils import timezone

from launcher import needs, vendors
from launcher.models import EhrRegistration
from launcher.registration_rules import LAUNCH_MODES


class LinesField(forms.CharField):
    """A list of texts, one a line, in a textarea."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 70})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != list(initial or []))


class EhrRegistrationForm(forms.ModelForm):
    """Trims what was pasted, says so, and hands the rest to `registration_rules`."""

    new_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "size": 60}),
        help_text="Write-only. Sent only to the token endpoint from this server, never through the browser. "
        "Leave empty to keep the saved one.",
    )
    launch_modes = forms.MultipleChoiceField(
        choices=[(mode, mode) for mode in LAUNCH_MODES], widget=forms.CheckboxSelectMultiple, initial=["ehr"]
    )
    approved_origins = LinesField(
        required=False, help_text="Origins besides that of the issuer where endpoints and keys may lie, one per line."
    )
    frame_ancestors = LinesField(
        label="May show us in a frame",
        required=False,
        help_text="Origins of the EHR's pages that show this app in a frame, one per line. Desktop EHRs: leave empty.",
    )
    allowed_networks = LinesField(
        required=False, help_text="Narrows the installation's allowed networks, one CIDR per line. Empty: all of those."
    )

    id_token_algorithms = LinesField(
        label="id_token algorithms", required=False, help_text="One per line. RS256 is what EHRs must support."
    )

    panels = LinesField(
        label="Panels of the chart",
        required=False,
        help_text="One per line, in the order in which they are shown. Empty: all, in the usual order.",
    )

    class Meta:
        model = EhrRegistration
        fields: ClassVar = [
            "vendor",
            "name",
            "slug",
            "site",
            "environment",
            "enabled",
            "iss",
            "fhir_version",
            "client_id",
            "secret_from",
            "auth_method",
            "scopes",
            "redirect_uri",
            "launch_modes",
            "require_identity",
            "oidc_issuer",
            "approved_origins",
            "frame_ancestors",
            "allowed_networks",
            "time_zone",
            "style_policy",
            "trust_ehr_banner",
            "panels",
            "send_pkce",
            "send_nonce",
            "introspect_after_minutes",
            "signing_algorithm",
            "basic_raw",
            "authorize_method",
            "scope_version",
            "iss_is_prefix",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "id_token_algorithms",
        ]

    # These have a value always: a form that does not name them leaves them alone.
    _HAVE_A_VALUE: ClassVar = {
        "signing_algorithm",
        "authorize_method",
        "scope_version",
        "style_policy",
        "introspect_after_minutes",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trimmed: list[str] = []
        if "vendor" in self.fields:
            choices = [("", "None of these"), *((preset.id, preset.label) for preset in vendors.all_presets())]
            if self.instance.vendor and vendors.get(self.instance.vendor) is None:
                choices.append((self.instance.vendor, f"{self.instance.vendor} (not installed)"))
            self.fields["vendor"] = forms.ChoiceField(label="Preset", choices=choices, required=False)
        if "panels" in self.fields:
            self.fields["panels"].help_text += f" There are: {', '.join(needs.panel_names())}."
        for name in self._HAVE_A_VALUE & self.fields.keys():
            self.fields[name].required = False
        saved = self.instance.secret_saved_at
        if saved and "new_secret" in self.fields:
            self.fields["new_secret"].help_text += f" Set on {saved:%d-%b-%Y}."

    def clean_new_secret(self) -> str:
        pasted = str(self.cleaned_data.get("new_secret") or "")
        if pasted != pasted.strip():
            self.trimmed.append("Removed a space around the client secret.")
        return pasted.strip()

    def clean_signing_algorithm(self) -> str:
        return str(self.cleaned_data.get("signing_algorithm") or self.instance.signing_algorithm)

    def clean_scope_version(self) -> str:
        return str(self.cleaned_data.get("scope_version") or self.instance.scope_version)

    def clean_style_policy(self) -> str:
        return str(self.cleaned_data.get("style_policy") or self.instance.style_policy)

    def clean_introspect_after_minutes(self) -> int:
        given = self.cleaned_data.get("introspect_after_minutes")
        return int(self.instance.introspect_after_minutes if given is None else given)

    def clean_authorize_method(self) -> str:
        return str(self.cleaned_data.get("authorize_method") or self.instance.authorize_method)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        secret = self.cleaned_data.get("new_secret")
        if secret and secret == self.cleaned_data.get("client_id"):
            self.add_error("new_secret", "Same as the client ID – check what you pasted.")
        return cleaned

    def _twin(self) -> EhrRegistration | None:
        """Another registration of the same client; the key of its issuer is no field of this form."""
        site, client_id = self.cleaned_data.get("site"), self.cleaned_data.get("client_id")
        if site is None or not client_id:
            return None
        same = EhrRegistration.objects.for_site(site.pk).with_iss(self.cleaned_data.get("iss", ""))
        return same.filter(client_id=client_id).exclude(pk=self.instance.pk).first()

    def _post_clean(self) -> None:
        """Give the instance its secret before the model's own rules look at it."""
        if self.cleaned_data.get("new_secret"):
            self.instance.client_secret = self.cleaned_data["new_secret"]
            self.instance.secret_saved_at = timezone.now()
        super()._post_clean()  # type: ignore[misc]  # Django's hook, not in the stubs
        if twin := self._twin():
            self.add_error("client_id", f"“{twin.name}” has this issuer and client ID already.")
