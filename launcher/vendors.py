"""Door 1: what is known about an EHR before anybody registers it, as presets that plugins may add to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from launcher.registry import Registry
from launcher.smart.quirks import STANDARD, Quirks
from launcher.smart.registration import AuthMethod

ScopeVersion = Literal["auto", "v1", "v2", "granular"]
PresetStatus = Literal["live", "historical", "retiring", "simulator", "generic", "development"]


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """A patient to try a launch with: `launch` is what the EHR takes as launch handle."""

    launch: str
    label: str = ""
    story: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorPreset:
    """Values for a new registration, with where they come from.

    `iss` is empty where every customer has an address of its own; with `iss_is_prefix` launches come from below it.
    `slug` is suggested for the addresses of a registration, `id` where it is empty. Presets of one `family`, a few
    words that name them together, can be registered in one go. `frame_ancestors` are origins whose pages show the app.
    `source` names the document the values were read from, `checked` the day (ISO) that was done, and `status` what a
    reader may expect of it.
    """

    id: str
    label: str
    status: PresetStatus
    source: str
    checked: str = ""
    help: str = ""
    iss: str = ""
    iss_is_prefix: bool = False
    fhir_version: str = "auto"
    auth_method: AuthMethod = "auto"
    scopes: str = "launch openid fhirUser patient/{panels}"
    scope_version: ScopeVersion = "auto"
    launch_modes: tuple[str, ...] = ("ehr",)
    oidc_issuer: str = ""
    approved_origins: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    demo_patients: tuple[DemoPatient, ...] = ()
    quirks: Quirks = STANDARD
    propagation_minutes: int = 0
    family: str = ""
    slug: str = ""


_presets: Registry[VendorPreset] = Registry(VendorPreset, "vendor preset")


def register(preset: VendorPreset) -> VendorPreset:
    """Add a preset; call this in a plugin's `ehr_vendors.py`."""
    return _presets.register(getattr(preset, "id", "?"), preset)


def get(preset_id: str) -> VendorPreset | None:
    return _presets.get(preset_id)


def all_presets() -> tuple[VendorPreset, ...]:
    return tuple(_presets)


def close() -> None:
    _presets.close()
