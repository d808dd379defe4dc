"""Create or update one registration; the same call twice changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from launcher import changes, vendors
from launcher.management.sites import named_site
from launcher.models import EhrRegistration
from launcher.smart.secret import Secret

NOBODY_ASKS = "smartportal"
_TRUE, _FALSE = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}
_NOT_SETTABLE = {
    "id",
    "uuid",
    "iss_key",
    "client_secret",
    "secret_saved_at",
    "previous_secret",
    "previous_secret_until",
    "created_at",
    "updated_at",
    "site",
    "demo_patients",
    "brand_bundle",
    "brand_identifier",
}


class Command(BaseCommand):
    help = "Register an EHR, or change its registration. What is wrong is said in one sentence (exit 1)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--preset", help="fill in what is known about an EHR: " + _preset_ids())
        parser.add_argument("--name")
        parser.add_argument("--iss", help="FHIR base address, as the EHR sends it")
        parser.add_argument("--client-id")
        secret = parser.add_mutually_exclusive_group()
        secret.add_argument("--client-secret-env", metavar="VAR", help="read the secret from this variable now")
        secret.add_argument("--client-secret-file", metavar="F", help="read the secret from this file now")
        parser.add_argument("--redirect-uri")
        parser.add_argument("--scopes")
        parser.add_argument(
            "--auth-method", help="auto, none, client_secret_basic, client_secret_post, private_key_jwt"
        )
        parser.add_argument("--fhir-version", metavar="VERSION")
        parser.add_argument("--site", metavar="DOMAIN")
        parser.add_argument("--approve-origin", metavar="URL", action="append")
        parser.add_argument("--set", metavar="FIELD=VALUE", action="append", default=[], dest="assignments")

    def handle(self, *args: Any, **options: Any) -> None:
        site = named_site(options["site"])
        registration = EhrRegistration.objects.filter(site=site, slug=options["slug"]).first()
        created = registration is None
        registration = registration or EhrRegistration(site=site, slug=options["slug"], name=options["slug"])
        before = {} if created else _values(registration)
        _apply_preset(registration, options["preset"], created=created)
        _apply_options(registration, options)
        for assignment in options["assignments"]:
            _assign(registration, assignment)
        _refuse_nonsense(registration)
        if not created and _values(registration) == before:
            self.stdout.write(f"{registration.slug}: nothing to change.")
            return
        _save(registration, created=created)
        self.stdout.write(f"{registration.slug}: {'registered' if created else 'updated'} for {registration.iss}")
        self._give_these_to_the_ehr(registration)
        twins = EhrRegistration.objects.for_site(site.pk).with_iss(registration.iss).exclude(pk=registration.pk)
        if twins.exists():
            self.stderr.write(f"  This issuer is registered more than once: launch by /launch/{registration.slug}.")

    def _give_these_to_the_ehr(self, registration: EhrRegistration) -> None:
        self.stdout.write(f"  launch address   {registration.origin}/launch/{registration.slug}")
        self.stdout.write(f"  redirect address {registration.redirect_uri}")
        self.stdout.write(f"  JWKS address     {registration.origin}{reverse('launcher:jwks')}")


def _save(registration: EhrRegistration, *, created: bool) -> None:
    """The row and its event of the audit trail, both or neither."""
    with transaction.atomic():
        before = {} if created else changes.stored_values(registration)
        registration.save()
        after = changes.stored_values(registration)
        usual = changes.usual_values(EhrRegistration)
        detail = changes.contents(after, usual) if created else changes.differences(before, after)
        verb = "created" if created else "changed"
        changes.write(registration, verb, {**detail, "by": "register_ehr"}, actor="command")


def _preset_ids() -> str:
    return ", ".join(preset.id for preset in vendors.all_presets())


def _apply_preset(registration: EhrRegistration, preset_id: str | None, *, created: bool) -> None:
    if not preset_id:
        return
    preset = vendors.get(preset_id)
    if preset is None:
        raise CommandError(f"There is no preset {preset_id}; there are {_preset_ids()}.")
    if not created and registration.vendor == preset.id:
        return
    registration.vendor = preset.id
    registration.name = preset.label if created else registration.name
    registration.iss = preset.iss or registration.iss
    registration.iss_is_prefix = preset.iss_is_prefix
    registration.fhir_version = preset.fhir_version
    registration.auth_method = preset.auth_method
    registration.scopes = preset.scopes
    registration.scope_version = preset.scope_version
    registration.launch_modes = list(preset.launch_modes)
    registration.oidc_issuer = preset.oidc_issuer
    if preset.quirks.open_server and not registration.client_id:
        # It knows no clients; the row wants some name.
        registration.client_id = NOBODY_ASKS


def _apply_options(registration: EhrRegistration, options: dict[str, Any]) -> None:
    for option in ("name", "iss", "client_id", "redirect_uri", "scopes", "auth_method", "fhir_version"):
        if options[option] is not None:
            setattr(registration, option, options[option].strip())
    if options["approve_origin"] is not None:
        registration.approved_origins = options["approve_origin"]
    secret = _secret(options)
    if secret is not None and secret != registration.client_secret:
        registration.client_secret = secret
        registration.secret_saved_at = timezone.now()


def _secret(options: dict[str, Any]) -> Secret | None:
    if variable := options["client_secret_env"]:
        if not os.environ.get(variable):
            raise CommandError(f"The environment variable {variable} is not set.")
        return Secret(os.environ[variable].strip())
    if file := options["client_secret_file"]:
        try:
            return Secret(Path(file).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The file {file} cannot be read as UTF-8 text.") from error
    return None


def _assign(registration: EhrRegistration, assignment: str) -> None:
    name, equals, value = assignment.partition("=")
    try:
        field = EhrRegistration._meta.get_field(name)
    except FieldDoesNotExist:
        field = None
    if not equals or not isinstance(field, models.Field) or name in _NOT_SETTABLE:
        raise CommandError(f"--set {assignment}: write field=value with a field of the registration.")
    setattr(registration, name, _parsed(field, value))


def _parsed(field: models.Field[Any, Any], value: str) -> object:
    """Booleans as true/false, list fields separated by commas, all else as text."""
    if isinstance(field, models.BooleanField):
        if value.lower() not in _TRUE | _FALSE:
            raise CommandError(f"--set {field.name}: write true or false.")
        return value.lower() in _TRUE
    if isinstance(field, models.JSONField):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _refuse_nonsense(registration: EhrRegistration) -> None:
    if not registration.iss:
        raise CommandError("--iss is needed: this preset has no issuer address of its own.")
    try:
        registration.full_clean()
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        label = field if field != "__all__" else registration.slug
        raise CommandError(f"{label}: {problems[0]}") from error


def _values(registration: EhrRegistration) -> dict[str, object]:
    """Everything that is compared to see whether a call changes something, the secret included."""
    return {
        field.attname: getattr(registration, field.attname)
        for field in EhrRegistration._meta.concrete_fields
        if field.name not in {"created_at", "updated_at", "iss_key"}
    }
