"""What one launch plays, as one value: it travels in the launch handle, then in the code, then in the token."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from django.core import signing

from sandbox import faults
from sandbox.personalities import PERSONALITIES, Pkce

ClientKind = Literal["any", "confidential", "public"]

HANDLE_SECONDS = 12 * 3600
"""How long a launch handle is good: an EHR desktop may stay open for a shift. It may be used more than once, because a
launch that starts afresh in a new window repeats `iss` and `launch`."""

_SALT = "sandbox.launch"


class ScenarioError(ValueError):
    """The launch handle is forged, expired, or speaks of what does not exist."""


@dataclass(frozen=True, slots=True)
class LaunchScenario:
    """EHR, patient and how the EHR is to behave during this launch.

    `client` restricts the launch to one kind of client. `pkce`, `expires_in` (seconds) and `page_size` override the
    EHR's own ways when set. `delay_ms` delays each FHIR answer; with fault "conditions-slow" those about Conditions
    alone. `banner` is the `need_patient_banner` of the token response.
    """

    ehr: str
    patient: str
    client: ClientKind = "any"
    pkce: Pkce | None = None
    fault: str = faults.NO_FAULT
    delay_ms: int = 0
    expires_in: int = 0
    page_size: int = 0
    encounter: str = ""
    banner: bool = True

    def __post_init__(self) -> None:
        if self.ehr not in PERSONALITIES:
            raise ScenarioError(f"no simulated EHR {self.ehr!r}")
        if self.fault != faults.NO_FAULT and self.fault not in faults.FAULTS:
            raise ScenarioError(f"no fault {self.fault!r}")
        if self.fault in faults.names("discovery"):
            raise ScenarioError("a discovery fault stands in the EHR's address, not in the launch")

    def to_plain(self) -> dict[str, Any]:
        """The fields that are not at their defaults, as JSON values."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> LaunchScenario:
        """Raises ScenarioError for fields or values that do not exist."""
        try:
            return cls(**plain)
        except TypeError as error:
            raise ScenarioError("not a scenario") from error

    def encode(self) -> str:
        """A compact, signed launch handle of characters that need no escaping in a URL."""
        return signing.TimestampSigner(salt=_SALT, sep=".").sign_object(self.to_plain())

    @classmethod
    def decode(cls, handle: str) -> LaunchScenario:
        """Read a handle; raises ScenarioError when it is not ours, was changed, or is too old."""
        try:
            plain = signing.TimestampSigner(salt=_SALT, sep=".").unsign_object(handle, max_age=HANDLE_SECONDS)
        except (signing.BadSignature, ValueError) as error:
            raise ScenarioError("not a launch handle of this EHR, or expired") from error
        return cls.from_plain(plain)
