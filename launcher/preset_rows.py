"""Registrations made from presets, several in one go: complete but for each vendor's client ID and secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from launcher import registration_rules, vendors
from launcher.models import EhrRegistration
from launcher.vendors import VendorPreset

_STILL_TO_COME = frozenset({"client_id", "auth_method"})
_NUMBERS = {2: "both", 3: "all three", 4: "all four", 5: "all five"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A preset as the page offers it: `taken` is why it cannot be registered in one go with others, "" if it can."""

    preset: VendorPreset
    taken: str

    @property
    def mark(self) -> str:
        """What the reader should know of it at once."""
        marks = {"historical": "historical", "simulator": "simulated", "development": "development only"}
        return marks.get(self.preset.status, "")


@dataclass(frozen=True, slots=True)
class Family:
    """Presets that are registered together by one button."""

    name: str
    offers: tuple[Offer, ...]

    @property
    def label(self) -> str:
        count = len(self.offers)
        return f"{_NUMBERS.get(count, f'all {count}')} {self.name}"

    @property
    def is_open(self) -> bool:
        return not any(offer.taken for offer in self.offers)


def slug_of(preset: VendorPreset) -> str:
    return preset.slug or preset.id


def values_of(preset: VendorPreset) -> dict[str, Any]:
    """What a registration takes over from a preset, field by field."""
    return {
        "vendor": preset.id,
        "name": preset.label,
        "slug": slug_of(preset),
        "iss": preset.iss,
        "iss_is_prefix": preset.iss_is_prefix,
        "fhir_version": preset.fhir_version,
        "auth_method": preset.auth_method,
        "scopes": preset.scopes,
        "scope_version": preset.scope_version,
        "launch_modes": list(preset.launch_modes),
        "oidc_issuer": preset.oidc_issuer,
        "approved_origins": list(preset.approved_origins),
        "frame_ancestors": list(preset.frame_ancestors),
    }


def offers(site_id: int) -> list[Offer]:
    """All presets in their order, those of the simulated EHRs last."""
    rows = EhrRegistration.objects.for_site(site_id).values_list("name", "slug", "iss_key")
    names = {text: name for name, slug, key in rows for text in (slug, key)}
    found = [Offer(preset, _taken(preset, names)) for preset in vendors.all_presets()]
    return sorted(found, key=lambda offer: offer.preset.status == "simulator")


def _taken(preset: VendorPreset, names: Mapping[str, str]) -> str:
    """`names` are those of the site's registrations, by slug and by the key of their issuer."""
    if not preset.iss:
        return "Each customer has an address of its own."
    if preset.quirks.open_server:
        return "It has no credentials to wait for."
    name = names.get(registration_rules.iss_key(preset.iss)) or names.get(slug_of(preset))
    return f"Already registered as “{name}”." if name else ""


def families(found: Collection[Offer]) -> list[Family]:
    """Those of which there are two or more, in the order of their first."""
    names = dict.fromkeys(offer.preset.family for offer in found if offer.preset.family)
    grouped = [Family(name, tuple(each for each in found if each.preset.family == name)) for name in names]
    return [family for family in grouped if len(family.offers) > 1]


@transaction.atomic
def create(presets: Sequence[VendorPreset], *, site_id: int) -> list[EhrRegistration]:
    """One registration for each, or none at all. Raises ValidationError with a sentence that names the preset."""
    rows = []
    for preset in presets:
        row = EhrRegistration(site_id=site_id, **values_of(preset))
        row.demo_patients = [asdict(patient) for patient in preset.demo_patients]
        if problem := _problem(row):
            raise ValidationError(f"{preset.label}: {problem}")
        row.save()
        rows.append(row)
    return rows


def _problem(row: EhrRegistration) -> str:
    """The first rule that is broken, those aside that only the vendor's answer can mend."""
    try:
        row.full_clean(exclude=["client_id"])
    except ValidationError as error:
        broken = {name: words for name, words in error.message_dict.items() if name not in _STILL_TO_COME}
        return next((words[0] for words in broken.values()), "")
    return ""
