"""The simulated EHRs' presets, through the same door as everybody's: what the app needs to know to be their client."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.smart.quirks import STANDARD, Quirks
from launcher.vendors import DemoPatient, VendorPreset, register
from sandbox import store
from sandbox.addresses import EhrAddress, site_origin
from sandbox.personalities import PERSONALITIES
from sandbox.personality import Personality

_AT = "sandbox/personalities.py, after "
_STANDARD_SCOPES = "launch openid fhirUser online_access patient/*.rs"
_CONFORMANCE_FIRST = Quirks(discovery=("metadata",), search_style="compartment")
_VERSIONS = {"1.0.2": "DSTU2", "3.0.2": "STU3", "4.0.1": "R4"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What the app has to know about one simulated EHR, and after which documents it was made."""

    source: str
    scopes: str = _STANDARD_SCOPES
    quirks: Quirks = STANDARD
    launch_modes: tuple[str, ...] = ("ehr", "standalone")
    family: str = ""


_DSTU2 = _Known(
    "https://developer.veradigm.com (DSTU2)",
    "launch openid profile",
    _CONFORMANCE_FIRST,
    launch_modes=("ehr",),
    family="Allscripts EHRs (simulated)",
)
_READ_BY_TYPE = (
    "AllergyIntolerance",
    "Binary",
    "Condition",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "Medication",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Patient",
    "Procedure",
)
_KNOWN: dict[str, _Known] = {
    "smart-r4": _Known("https://hl7.org/fhir/smart-app-launch/STU2.2/", launch_modes=("ehr",)),
    "epic": _Known("https://fhir.epic.com/Documentation?docId=oauth2", "launch openid fhirUser online_access"),
    "oracle-health": _Known(
        "https://docs.oracle.com/en/industries/health/millennium-platform-apis/ (authorization framework)",
        " ".join(["launch openid fhirUser online_access", *(f"patient/{name}.read" for name in _READ_BY_TYPE)]),
    ),
    "azure": _Known(
        "https://github.com/microsoft/fhir-server (AadSmartOnFhirProxyController)",
        "launch offline_access patient/*.read",
        Quirks(pkce=False),
    ),
    "smart-stu3": _Known(
        "https://hl7.org/fhir/smart-app-launch/1.0.0/", "launch openid fhirUser profile online_access patient/*.read"
    ),
}


def preset_id(ehr: str) -> str:
    return f"simulated-{ehr}"


def demo_patients(ehr: str) -> tuple[DemoPatient, ...]:
    """The patients at home in one simulated EHR; each one's id is a launch handle there."""
    return tuple(DemoPatient(person.id, person.display_name, person.story) for person in store.residents(ehr))


def _preset(personality: Personality) -> VendorPreset:
    known = _KNOWN.get(personality.slug, _DSTU2)
    return VendorPreset(
        id=preset_id(personality.slug),
        label=f"{personality.label} (simulated)",
        status="simulator",
        source=f"{_AT}{known.source}",
        checked="2026-11-23",
        help="A simulation that runs inside this installation; its patients are invented.",
        iss=EhrAddress(personality).fhir_base,
        fhir_version=_VERSIONS[personality.fhir_number],
        scopes=known.scopes,
        launch_modes=known.launch_modes,
        frame_ancestors=(site_origin(),),
        demo_patients=demo_patients(personality.slug),
        quirks=known.quirks,
        family=known.family,
        slug=personality.slug,
    )


for _personality in PERSONALITIES.values():
    register(_preset(_personality))
