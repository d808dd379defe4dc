"""The forms a launch handle takes at the simulated EHRs; for a client it is opaque at all of them (SMART, "Launch")."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import jwt

from sandbox import keys, store
from sandbox.addresses import EhrAddress
from sandbox.personalities import PERSONALITIES
from sandbox.scenario import LaunchScenario, ScenarioError

PROXY_KEYS = frozenset({"patient", "encounter", "practitioner", "need_patient_banner", "smart_style_url", "scenario"})
"""What the proxy takes in its launch JSON; "scenario" is the simulation's own and holds a signed handle."""


def launch_handle(scenario: LaunchScenario) -> str:
    """What the desktop of that EHR sends as `launch`."""
    style = PERSONALITIES[scenario.ehr].launch_style
    if style == "proxy":
        return to_proxy(scenario)
    if style == "jwt":
        return _to_jwt(scenario)
    if style == "patient-id" and set(scenario.to_plain()) == {"ehr", "patient"}:
        return scenario.patient
    return scenario.encode()


def scenario_of(ehr: str, launch: str) -> LaunchScenario:
    """The scenario behind a handle in whichever form, or behind a patient's id; raises ScenarioError."""
    if store.person_of(ehr, launch) is not None:
        return LaunchScenario(ehr=ehr, patient=launch)
    try:
        scenario = LaunchScenario.decode(launch)
    except ScenarioError:
        scenario = LaunchScenario.decode(_inner(launch))
    if scenario.ehr != ehr or (scenario.patient and store.person_of(ehr, scenario.patient) is None):
        raise ScenarioError("the launch belongs to another EHR")
    return scenario


def _to_jwt(scenario: LaunchScenario) -> str:
    """A handle of about a kilobyte, as long as those that real EHRs send."""
    ehr = EhrAddress(PERSONALITIES[scenario.ehr])
    claims = {
        "iss": ehr.authorize_url,
        "aud": ehr.token_url,
        "sub": "launch",
        "purpose": "launch-token",
        "handle": scenario.encode(),
    }
    return jwt.encode(claims, keys.signing_key(), algorithm="RS256", headers={"kid": keys.public_jwk()["kid"]})


def _inner(launch: str) -> str:
    """The signed handle inside a JWT; it is that which is checked, so the JWT's own signature adds nothing."""
    try:
        claims = jwt.decode(launch, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise ScenarioError("not a launch handle of this EHR, or expired") from error
    return str(claims.get("handle", ""))


def as_base64url(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def from_base64url(text: str) -> dict[str, Any]:
    """The JSON object behind base64url text, with or without padding; raises ValueError for anything else."""
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("not base64url of JSON") from error
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def to_proxy(scenario: LaunchScenario) -> str:
    """The launch JSON of the proxy; what it has no key for goes into the simulation's own."""
    launch: dict[str, Any] = {"patient": scenario.patient, "need_patient_banner": scenario.banner}
    visit = store.current_visit(scenario.ehr, scenario.patient, scenario.encounter)
    if visit:
        launch["encounter"] = visit
    if set(scenario.to_plain()) - {"ehr", "patient", "encounter", "banner"}:
        launch["scenario"] = scenario.encode()
    return as_base64url(launch)


def proxy_launch(ehr: str, launch: str) -> str:
    """The launch JSON as text: what came, `{}` for nothing, and a patient's id written out. Raises ValueError."""
    if store.person_of(ehr, launch) is not None:
        return to_proxy(LaunchScenario(ehr=ehr, patient=launch))
    from_proxy(launch or as_base64url({}))
    return launch or as_base64url({})


def from_proxy(launch: str) -> dict[str, Any]:
    """The launch JSON; raises ValueError when it is not one, or has keys that the proxy does not know."""
    found = from_base64url(launch)
    if set(found) - PROXY_KEYS:
        raise ValueError("unknown keys in the launch")
    return found


def scenario_of_proxy(ehr: str, launch: dict[str, Any]) -> LaunchScenario:
    """What the launch JSON asks for; raises ScenarioError."""
    if "scenario" in launch:
        return scenario_of(ehr, str(launch["scenario"]))
    patient = str(launch.get("patient") or "")
    return LaunchScenario(ehr=ehr, patient=patient, encounter=str(launch.get("encounter") or ""))
