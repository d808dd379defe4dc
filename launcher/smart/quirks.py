"""What an EHR may bend: every deviation from the standard that we support, as one value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

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

_FLAGS = {"on": True, "off": False}
_ORDERS: dict[str, tuple[Literal["well-known", "metadata"], ...]] = {
    "well-known": ("well-known",),
    "metadata": ("metadata",),
    "well-known metadata": ("well-known", "metadata"),
    "metadata well-known": ("metadata", "well-known"),
}
_STYLES: dict[str, SearchStyle] = {"parameter": "parameter", "compartment": "compartment"}
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; ?[A-Za-z]+=[A-Za-z0-9.+-]+){0,3}")

OVERRIDES = {
    "discovery": " or ".join(_ORDERS),
    "search_style": " or ".join(_STYLES),
    "accept": "a media type such as application/fhir+json",
    "client_id_in_token_body": "on or off",
    "well_known_at_host_root": "on or off",
}
"""What a registration may bend itself, and how each is written.

PKCE and open servers are not among them: whether a launch is protected is no matter of taste. Neither is
`patient_claim`: a claim that holds something else than the patient could name somebody else's record.
"""


def override_problem(line: str) -> str:
    """Why "name=value" is no override, in one sentence, or ""."""
    name, _, _ = line.partition("=")
    if name.strip() not in OVERRIDES:
        return f"Write name=value, with one of: {', '.join(OVERRIDES)}."
    return "" if _override(line) else f"{name.strip()} is {OVERRIDES[name.strip()]}."


def with_overrides(quirks: Quirks, lines: Sequence[str]) -> Quirks:
    """The quirks with these lines in their place. A line that says nothing known changes nothing; the rules for
    registrations refuse it before it is saved.
    """
    for line in lines:
        quirks = replace(quirks, **_override(line))
    return quirks


def _override(line: str) -> dict[str, Any]:
    """The field and its value, or nothing."""
    name, _, written = (part.strip() for part in line.partition("="))
    value: object = None
    match name:
        case "discovery":
            value = _ORDERS.get(" ".join(written.split()))
        case "search_style":
            value = _STYLES.get(written)
        case "client_id_in_token_body" | "well_known_at_host_root":
            value = _FLAGS.get(written)
        case "accept":
            value = written if _MEDIA_TYPE.fullmatch(written) else None
    return {} if value is None else {name: value}
