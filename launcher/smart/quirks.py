"""What an EHR may bend: every deviation from the standard that we support, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SearchStyle = Literal["parameter", "compartment"]


@dataclass(frozen=True, slots=True)
class Quirks:
    """Deviations from SMART App Launch 2.2 and FHIR's RESTful API; the defaults are the standard itself.

    `discovery` is the order in which the two documents are asked for; both may stand in it. `search_style` is
    `[type]?patient=[id]` ("parameter") or `Patient/[id]/[type]` ("compartment"). `well_known_at_host_root`: the SMART
    configuration lies at the host's root instead of below the FHIR base. `patient_claim` names the claim of a JWT
    access token that holds the patient where the token response has none. `open_server`: a FHIR server that asks for no
    sign-in; for development alone.
    """

    discovery: tuple[Literal["well-known", "metadata"], ...] = ("well-known", "metadata")
    pkce: bool = True
    search_style: SearchStyle = "parameter"
    accept: str = ""
    client_id_in_token_body: bool = False
    well_known_at_host_root: bool = False
    patient_claim: str = ""
    open_server: bool = False


STANDARD = Quirks()
