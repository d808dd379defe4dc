"""An EHR that smartportal has no preset for, with a habit of its own."""

from launcher.smart.quirks import Quirks
from launcher.vendors import VendorPreset, register

register(
    VendorPreset(
        id="example-health",
        label="Example Health (invented)",
        status="generic",
        source="https://example.org/developers (invented for this plugin)",
        checked="2026-11-23",
        help="Ask the vendor for a client ID; this EHR searches below the patient only.",
        fhir_version="R4",
        quirks=Quirks(search_style="compartment"),
    )
)
