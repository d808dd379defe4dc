"""The registration form of the admin: the secret goes in and never comes out; lists are written one entry a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from launcher import credentials, needs, secret_change, vendors
from launcher.forms.editing import changed_meanwhile, version_of
from launcher.forms.fields import LinesField, SecretField, trimmed
from launcher.forms.help_texts import CONFIRMED, FIELDS, HELP, LABELS, TOLD_VENDOR
from launcher.models import EhrRegistration
from launcher.registration_rules import LAUNCH_MODES
from launcher.smart import origins
from launcher.smart.errors import SmartError
from launcher.smart.quirks import OVERRIDES, STANDARD, with_overrides

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_E_MAIL = re.compile(r"[^@\s]{1,100}@[^@\s]{1,100}\.[^@\s.]{1,60}")


class EhrRegistrationForm(forms.ModelForm):
    """Trims what was pasted, asks back where something looks wrong, and hands the rest to `registration_rules`.

    After `is_valid`, `told` holds sentences for the person, and `event` is the event of the audit trail that a
    change of the secret is, or "".
    """

    fresh_sign_in = True
    """Whether the person has signed in lately: a saved secret is not replaced by whoever finds a screen unlocked."""

    client_id = forms.CharField(label="Client ID", max_length=500, strip=False)
    new_secret: forms.Field | None = SecretField(label="Client secret", required=False)
    launch_modes = forms.MultipleChoiceField(
        choices=[(mode, mode) for mode in LAUNCH_MODES], widget=forms.CheckboxSelectMultiple, initial=["ehr"]
    )
    approved_origins = LinesField(required=False)
    frame_ancestors = LinesField(required=False)
    allowed_networks = LinesField(required=False)
    id_token_algorithms = LinesField(label="id_token algorithms", required=False)
    panels = LinesField(label="Panels and order", required=False)
    test_patients = LinesField(required=False)
    quirk_overrides = LinesField(required=False)
    version = forms.CharField(required=False, widget=forms.HiddenInput)
    told_vendor = forms.BooleanField(label=TOLD_VENDOR, required=False)
    confirmed = forms.BooleanField(label=CONFIRMED, required=False)

    class Meta:
        model = EhrRegistration
        fields = FIELDS

    # These have a value always: a form that does not name them, or leaves them empty, leaves them alone.
    _HAVE_A_VALUE: ClassVar = (
        "signing_algorithm",
        "authorize_method",
        "scope_version",
        "style_policy",
        "introspect_after_minutes",
    )
    _KEPT_UNLESS_NAMED: ClassVar = (
        "secret_expires_on",
        "quirk_overrides",
        "mrn_system",
        "page_size",
        "stale_minutes",
        "test_patients",
        "owner",
        "vendor_contact",
        "notes",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: list[str] = []
        self.event = ""
        self.doubtful = False
        self.saved_meanwhile: list[tuple[str, str]] = []
        self.initial["version"] = version_of(self.instance)
        self._slug_before = self.instance.slug
        self._redirect_before = self.instance.redirect_uri
        for name in self._HAVE_A_VALUE:
            if name in self.fields:
                self.fields[name].required = False
        if "vendor" in self.fields:
            self.fields["vendor"] = forms.ChoiceField(choices=self._presets(), required=False)
        self._write_labels()

    def _presets(self) -> list[tuple[str, str]]:
        choices = [("", "None of these"), *((preset.id, preset.label) for preset in vendors.all_presets())]
        if self.instance.vendor and vendors.get(self.instance.vendor) is None:
            choices.append((self.instance.vendor, f"{self.instance.vendor} (not installed)"))
        return choices

    def _write_labels(self) -> None:
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.help_text = HELP.get(name, field.help_text)
        if "panels" in self.fields:
            self.fields["panels"].help_text += f" There are: {', '.join(needs.panel_names())}."
        if "quirk_overrides" in self.fields:
            known = "; ".join(f"{name}: {values}" for name, values in OVERRIDES.items())
            self.fields["quirk_overrides"].help_text += f" There are {known}."
        saved = self.instance.secret_saved_at
        if saved and "new_secret" in self.fields:
            self.fields["new_secret"].help_text += f" Set on {saved:%d-%b-%Y}."

    # --- Each field for itself ---------------------------------------------------------------------------------
    def clean_client_id(self) -> str:
        return self._trim("client_id", "the client ID")

    def clean_new_secret(self) -> str:
        pasted = self._trim("new_secret", "the client secret")
        if pasted and credentials.has_stored_secret(self.instance) and not self.fresh_sign_in:
            raise ValidationError(
                "A secret is saved already. Use “Replace secret” above: it asks for your password first."
            )
        return pasted

    def _trim(self, name: str, what: str) -> str:
        bare, sentence = trimmed(str(self.cleaned_data.get(name) or ""), what)
        if sentence:
            self.told.append(sentence)
        return bare

    def _site_id(self) -> int:
        site = self.cleaned_data.get("site")
        return site.pk if site else self.instance.site_id or 0

    # --- All of it together ------------------------------------------------------------------------------------
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._keep_what_is_not_named()
        self._check_name()
        self._check_slug()
        self._check_client_id()
        self._take_over_origins()
        self._check_version()
        return cleaned

    def _keep_what_is_not_named(self) -> None:
        for name in (*self._HAVE_A_VALUE, *self._KEPT_UNLESS_NAMED):
            if name not in self.fields or name not in self.cleaned_data:
                continue
            omitted = self.fields[name].widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))
            if omitted or (name in self._HAVE_A_VALUE and self.cleaned_data[name] in {"", None}):
                self.cleaned_data[name] = getattr(self.instance, name)

    def _check_name(self) -> None:
        name = self.cleaned_data.get("name")
        if not name or name == self.initial.get("name"):
            return
        same = EhrRegistration.objects.for_site(self._site_id()).filter(name__iexact=name)
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("name", "Another EHR already has this name.")

    def _check_slug(self) -> None:
        """A vendor has the launch and the redirect address; a made redirect address goes with its slug."""
        slug = self.cleaned_data.get("slug")
        if not slug or not self.instance.pk or slug == self._slug_before:
            return
        if self.cleaned_data.get("redirect_uri") == f"{self.instance.origin}/callback/{self._slug_before}":
            self.cleaned_data["redirect_uri"] = ""
        if not self.cleaned_data.get("told_vendor"):
            self.add_error(
                "slug",
                f"Changing this breaks the launch URL already given to the vendor. Tick “{TOLD_VENDOR}” to go on.",
            )

    def _check_client_id(self) -> None:
        client_id, secret = self.cleaned_data.get("client_id"), self.cleaned_data.get("new_secret")
        if secret and secret == client_id:
            self.add_error("new_secret", "Same as the client ID – check what you pasted.")
        if not client_id or client_id == self.initial.get("client_id"):
            return
        if self._is_the_saved_secret(client_id):
            self.add_error("client_id", "This looks like the secret.")
        elif (likeness := _looks_like(client_id)) and not self.cleaned_data.get("confirmed"):
            self.doubtful = True
            self.add_error("client_id", f"This looks like {likeness}.")

    def _is_the_saved_secret(self, text: str) -> bool:
        if "new_secret" not in self.fields or not credentials.has_stored_secret(self.instance):
            return False
        try:
            return bool(self.instance.client_secret.reveal() == text)
        except SmartError:
            return False

    def _take_over_origins(self) -> None:
        """Endpoints on other hosts than the issuer's: asked about once, and then their origins are approved ones."""
        approved = list(self.cleaned_data.get("approved_origins") or [])
        others = [each for each in self._other_origins() if each not in approved]
        if others and self.cleaned_data.get("confirmed"):
            self.cleaned_data["approved_origins"] = [*approved, *others]
        self.doubtful = self.doubtful or bool(others)

    def _other_origins(self) -> list[str]:
        found: dict[str, None] = {}
        try:
            own = origins.origin_of(str(self.cleaned_data.get("iss") or ""))
            for url in filter(None, map(self.cleaned_data.get, _ENDPOINTS)):
                if (origin := origins.origin_of(str(url))) != own:
                    found[str(origin)] = None
        except ValueError:
            return []
        return list(found)

    def _check_version(self) -> None:
        """Refuse what was typed over an older state of the row, once; the form comes back with what is saved now."""
        version = self.cleaned_data.get("version")
        if not self.instance.pk or not version:
            return
        meanwhile = changed_meanwhile(self.instance, version)
        if meanwhile is None:
            return
        again = " Enter the secret again." if self.cleaned_data.get("new_secret") else ""
        self.add_error(None, meanwhile.sentence + again)
        self.saved_meanwhile = list(self._differences(meanwhile.row))
        self.data = self.data.copy()
        self.data[self.add_prefix("version")] = version_of(meanwhile.row)

    def _differences(self, row: EhrRegistration) -> Any:
        for name in FIELDS:
            if name in self.cleaned_data and getattr(row, name) != self.cleaned_data[name]:
                yield str(self.fields[name].label), _in_words(getattr(row, name))

    # --- The instance, before the model's own rules look at it -------------------------------------------------
    def _post_clean(self) -> None:
        self._take_secret()
        super()._post_clean()  # type: ignore[misc]  # Django's hook, not in the stubs
        if twin := self._twin():
            self.add_error("client_id", f"“{twin.name}” has this issuer and client ID already.")

    def _update_errors(self, errors: ValidationError) -> None:
        """A rule about a field that this person's form does not have is told above the form."""
        if hasattr(errors, "error_dict"):
            if "new_secret" in self.errors:
                # That there is none then follows from what is said at its field.
                errors.error_dict.pop("auth_method", None)
            strange = [name for name in errors.error_dict if name not in {*self.fields, NON_FIELD_ERRORS}]
            for name in strange:
                label = LABELS.get(name, name.replace("_", " ").capitalize())
                words = [f"{label}: {sentence}" for sentence in ValidationError(errors.error_dict.pop(name)).messages]
                errors.error_dict.setdefault(NON_FIELD_ERRORS, []).extend(ValidationError(words).error_list)
        super()._update_errors(errors)  # type: ignore[misc]  # Django's hook, not in the stubs

    def _take_secret(self) -> None:
        if "new_secret" not in self.fields:
            return
        pasted = self.cleaned_data.get("new_secret")
        if self.cleaned_data.get("auth_method", self.instance.auth_method) != EhrRegistration.AuthMethod.NONE:
            self.event = secret_change.put(self.instance, pasted) if pasted else ""
        elif pasted:
            self.told.append("Public clients have no secret; what you pasted was not kept.")
        elif credentials.has_stored_secret(self.instance):
            secret_change.remove(self.instance)
            self.event = "secret.removed"
            self.told.append("Public clients have no secret; the saved one was removed.")

    def _twin(self) -> EhrRegistration | None:
        """Another registration of the same client; the key of its issuer is no field of this form."""
        client_id = self.cleaned_data.get("client_id")
        if not client_id:
            return None
        iss = self.cleaned_data.get("iss", "") if "iss" in self.fields else self.instance.iss
        same = EhrRegistration.objects.for_site(self._site_id()).with_iss(iss)
        return same.filter(client_id=client_id).exclude(pk=self.instance.pk).first()


class EhrRegistrationFormWithoutSecrets(EhrRegistrationForm):
    """For those who may not replace a secret: its field is not there, and the saved one goes to nobody else."""

    new_secret = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk and credentials.has_secret(self.instance):
            for name in self._other_receivers():
                self.add_error(
                    name,
                    "The saved client secret would go elsewhere. Ask somebody who may replace secrets to change this.",
                )
        return cleaned

    def _other_receivers(self) -> Iterator[str]:
        """The fields by which the secret would be sent where it was not sent before."""
        row = self.instance
        if self._names("iss") and not origins.same_base(str(self.cleaned_data["iss"]), row.iss):
            yield "iss"
        if self._names("token_endpoint") and self.cleaned_data["token_endpoint"] != row.token_endpoint:
            yield "token_endpoint"
        if set(self.cleaned_data.get("approved_origins") or ()) - set(row.approved_origins):
            yield "approved_origins"
        if _documents_by(self.cleaned_data.get("quirk_overrides") or ()) != _documents_by(row.quirk_overrides):
            yield "quirk_overrides"

    def _names(self, name: str) -> bool:
        return bool(self.cleaned_data.get(name))


def _documents_by(lines: Sequence[str]) -> tuple[object, ...]:
    """What these quirks say about the documents that name the endpoints."""
    quirks = with_overrides(STANDARD, lines)
    return (quirks.discovery, quirks.well_known_at_host_root)


def _looks_like(client_id: str) -> str:
    if "://" in client_id:
        return "a URL"
    return "an e-mail address" if _E_MAIL.fullmatch(client_id) else ""


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) or "–" if isinstance(value, list) else str(value or "–")
