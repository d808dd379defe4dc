"""The simulated EHRs' presets, through the same door as everybody's: what the app needs to know to be their client."""

from __future__ import annotations

from launcher.smart.quirks import STANDARD, Quirks
from launcher.vendors import DemoPatient, VendorPreset, register
from sandbox import store
from sandbox.addresses import EhrAddress
from sandbox.personalities import PERSONALITIES, Personality

_SOURCES = {
    "DSTU2": "sandbox/personalities.py, after https://developer.veradigm.com (DSTU2: authorization, SMART on FHIR)",
    "R4": "sandbox/personalities.py, after https://hl7.org/fhir/smart-app-launch/STU2.2/",
}
_SCOPES = {"DSTU2": "launch openid profile", "R4": "launch openid fhirUser online_access patient/*.rs"}
_QUIRKS = {"DSTU2": Quirks(discovery=("metadata",), search_style="compartment"), "R4": STANDARD}
_VERSIONS = {"1.0.2": "DSTU2", "4.0.1": "R4"}


def preset_id(ehr: str) -> str:
    return f"simulated-{ehr}"


def demo_patients(ehr: str) -> tuple[DemoPatient, ...]:
    """The patients at home in one simulated EHR; each one's id is a launch handle there."""
    return tuple(DemoPatient(person.id, person.display_name, person.story) for person in store.residents(ehr))


def _preset(personality: Personality) -> VendorPreset:
    version = _VERSIONS[personality.fhir_number]
    return VendorPreset(
        id=preset_id(personality.slug),
        label=f"{personality.label} (simulated)",
        status="simulator",
        source=_SOURCES[version],
        checked="2026-11-23",
        help="A simulation that runs inside this installation; its patients are invented.",
        iss=EhrAddress(personality).fhir_base,
        fhir_version=version,
        scopes=_SCOPES[version],
        demo_patients=demo_patients(personality.slug),
        quirks=_QUIRKS[version],
    )


for _personality in PERSONALITIES.values():
    register(_preset(_personality))
