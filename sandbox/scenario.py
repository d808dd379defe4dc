"""What one launch plays, as one value: it travels in the launch handle, then in the code, then in the token."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.core import signing

from sandbox import faults
from sandbox.personalities import PERSONALITIES
from sandbox.personality import Aud, AuthMethod, ErrorStyle, Pkce, RefreshStyle, ScopeStyle

ClientKind = Literal["any", "confidential", "public"]
PatientIn = Literal["token", "claim", "absent"]
"""`claim`: as a claim of an access token that is a JWT, and nowhere else."""
ReadAs = Literal["resource", "bundle"]
Requires = Literal["category", "intent", "code"]
NextLink = Literal["relative", "other-case", "http", "expired", "loop"]
Total = Literal["absent", "wrong", "estimate"]

HANDLE_SECONDS = 12 * 3600
"""How long a launch handle is good: an EHR desktop may stay open for a shift. It may be used more than once, because a
launch that starts afresh in a new window repeats `iss` and `launch`."""

PATIENT_CLAIM = "local_patient_id"
_SALT = "sandbox.launch"


class ScenarioError(ValueError):
    """The launch handle is forged, expired, or speaks of what does not exist."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One way in which an EHR's habit can be replaced for a launch; none of the `choices` means its own habit."""

    name: str
    what: str
    choices: tuple[str, ...]


SWITCHES: tuple[Switch, ...] = (
    Switch("client", "Launch is for this kind of client", ("confidential", "public")),
    Switch("pkce", "PKCE", get_args(Pkce)),
    Switch("aud", "aud of the authorization request", get_args(Aud)),
    Switch("client_auth", "The only client authentication", get_args(AuthMethod)),
    Switch("scope_style", "Scopes granted", get_args(ScopeStyle)),
    Switch("errors", "How errors are told", get_args(ErrorStyle)),
    Switch("patient_in", "Where the patient's id is", ("claim", "absent")),
    Switch("refresh", "Refresh tokens", get_args(RefreshStyle)),
    Switch("read_as", "A Patient is read as", get_args(ReadAs)),
    Switch("requires", "Searches need", get_args(Requires)),
    Switch("requires_status", "…or answer", ("400", "403", "404")),
    Switch("next_link", "Link to the next page", get_args(NextLink)),
    Switch("total", "Number of results", get_args(Total)),
)


@dataclass(frozen=True, slots=True)
class LaunchScenario:
    """EHR, patient and how the EHR is to behave during this launch.

    `patient` "" is a launch without one. `client` restricts the launch to one kind of client. `expires_in` (seconds)
    and `page_size` override the EHR's own ways when set, and so do the fields that `SWITCHES` names. `delay_ms` delays
    each FHIR answer; with fault "conditions-slow" those about Conditions alone. `banner` is the `need_patient_banner`
    of the token response.
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
    aud: Aud | None = None
    client_auth: AuthMethod | None = None
    scope_style: ScopeStyle | None = None
    errors: ErrorStyle | None = None
    patient_in: PatientIn = "token"
    refresh: RefreshStyle | None = None
    read_as: ReadAs | None = None
    requires: Requires | None = None
    requires_status: str = "400"
    next_link: NextLink | None = None
    total: Total | None = None

    def __post_init__(self) -> None:
        if self.ehr not in PERSONALITIES:
            raise ScenarioError(f"no simulated EHR {self.ehr!r}")
        if self.fault != faults.NO_FAULT and self.fault not in faults.FAULTS:
            raise ScenarioError(f"no fault {self.fault!r}")
        if self.fault in faults.names("discovery"):
            raise ScenarioError("a discovery fault stands in the EHR's address, not in the launch")
        for switch in SWITCHES:
            value = getattr(self, switch.name)
            if value != _DEFAULTS[switch.name] and value not in switch.choices:
                raise ScenarioError(f"{switch.name} cannot be {value!r}")

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


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(LaunchScenario)}
