"""Register the app at every simulated EHR; run again, it changes only what has drifted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from launcher import vendors
from launcher.models import EhrRegistration
from launcher.smart.secret import Secret
from sandbox.addresses import EhrAddress, site_origin
from sandbox.clients import client_for
from sandbox.ehr_vendors import demo_patients, preset_id
from sandbox.personalities import PERSONALITIES


class Command(BaseCommand):
    help = "Create or update this app's registrations at the simulated EHRs. Switched-off ones stay switched off."

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.get(pk=settings.SITE_ID)
        for slug in PERSONALITIES:
            outcome = _seed(site, slug)
            if options["verbosity"]:
                self.stdout.write(f"{slug}: {outcome}")


def _seed(site: Site, slug: str) -> str:
    found = EhrRegistration.objects.filter(site=site, slug=slug).first()
    registration = found or EhrRegistration(site=site, slug=slug)
    secret = Secret(client_for(slug).secret)
    drifted = [name for name, value in _wanted(slug).items() if getattr(registration, name) != value]
    if found and not drifted and registration.client_secret == secret:
        return "nothing to change"
    for name, value in _wanted(slug).items():
        setattr(registration, name, value)
    if registration.client_secret != secret:
        registration.client_secret = secret
        registration.secret_saved_at = timezone.now()
    try:
        registration.full_clean(exclude=["client_secret"])
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise CommandError(f"{slug}: {field}: {problems[0]}") from error
    registration.save()
    return "updated" if found else "registered"


def _wanted(slug: str) -> dict[str, object]:
    """What the registration must say; what an administrator may choose freely (enabled, time zone) is left out."""
    preset = vendors.get(preset_id(slug))
    if preset is None:
        raise CommandError("The simulated EHRs' presets are not loaded: is SMARTPORTAL_SANDBOX on?")
    client = client_for(slug)
    return {
        "name": preset.label,
        "vendor": preset.id,
        "environment": "sandbox",
        "iss": EhrAddress.parse(slug).fhir_base,
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uris[0],
        "scopes": preset.scopes,
        "auth_method": preset.auth_method,
        "fhir_version": preset.fhir_version,
        "launch_modes": list(preset.launch_modes),
        "frame_ancestors": [site_origin()],
        "demo_patients": [asdict(patient) for patient in demo_patients(slug)],
    }
