"""Our own presets, through the same door as everybody's.

The three Allscripts sandboxes are those of the article this project began with. Their hosts no longer answer: DSTU2 has
been without support since 2025-06-01 (https://developer.veradigm.com). They stay for those who hold the article; the
simulated EHRs of the same names behave as the vendor's documentation says these did.
"""

from __future__ import annotations

from launcher.smart.quirks import Quirks
from launcher.vendors import DemoPatient, VendorPreset, register

_ALLSCRIPTS_HELP = (
    "Historical: this sandbox no longer answers. Use the simulated EHR of the same name to see how it behaved. "
    "The client secret goes to the token endpoint from this server, never through the browser."
)
_ALLSCRIPTS_SOURCE = "https://developer.veradigm.com (DSTU2: authorization, SMART on FHIR)"
_ALLSCRIPTS_QUIRKS = Quirks(discovery=("metadata",), search_style="compartment")


def _allscripts_sandbox(preset_id: str, label: str, iss: str, patient: str) -> VendorPreset:
    return VendorPreset(
        id=preset_id,
        label=label,
        status="historical",
        source=_ALLSCRIPTS_SOURCE,
        checked="2026-11-23",
        help=_ALLSCRIPTS_HELP,
        iss=iss,
        fhir_version="DSTU2",
        auth_method="client_secret_post",
        scopes="launch openid profile",
        demo_patients=(DemoPatient(patient, f"Test patient {patient}"),),
        quirks=_ALLSCRIPTS_QUIRKS,
    )


register(
    _allscripts_sandbox(
        "allscripts-professional-17-1",
        "Allscripts Professional 17.1 sandbox",
        "https://pro171.open.allscripts.com/FHIR",
        "54520",
    )
)
register(
    _allscripts_sandbox(
        "allscripts-touchworks-17-1",
        "Allscripts TouchWorks 17.1 sandbox",
        "https://tw171.open.allscripts.com/FHIR",
        "19",
    )
)
register(
    _allscripts_sandbox(
        "allscripts-sunrise-16-3",
        "Allscripts Sunrise 16.3 sandbox",
        "https://scm163dev.open.allscripts.com/FHIR",
        "385800201",
    )
)
register(
    VendorPreset(
        id="generic-smart",
        label="Another SMART on FHIR server",
        status="generic",
        source="https://hl7.org/fhir/smart-app-launch/STU2.2/",
        checked="2026-11-23",
        help="A server that follows SMART App Launch. Fill in its FHIR base address and the client ID it gave you.",
    )
)
