"""In what the simulated EHRs can differ, as types; `sandbox.personalities` fills them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
FhirNumber = Literal["1.0.2", "3.0.2", "4.0.1"]
Pkce = Literal["required", "optional", "ignored", "dropped"]
"""`dropped`: the challenge is kept, the verifier gets lost on its way to who checks it."""
Aud = Literal["ignored", "present", "exact", "slashed", "lenient"]
"""`exact` is the FHIR base as the launch names it, `slashed` the same with a slash at the end, `lenient` either."""
ScopeStyle = Literal["narrowed", "explicit", "registered", "unmixed", "mixed-case"]
"""`narrowed` turns what is asked for into reading; `explicit` drops wildcards besides; `registered` grants what the
app's registration says, whatever was asked; `unmixed` refuses version 1 beside version 2; `mixed-case` says
`patient/X.Read`."""
RefreshStyle = Literal["none", "rotating", "same", "kept"]
"""`rotating`: a new refresh token each time, each good once; `same`: the answer repeats it; `kept`: it names none."""
ErrorStyle = Literal["described", "uri", "page"]
"""With a description, with an error_uri alone, or as a page of the EHR's own instead of an answer."""
LaunchStyle = Literal["handle", "patient-id", "jwt", "proxy"]
"""What the desktop sends as `launch`: our signed handle, the patient's id, a long JWT, or base64url JSON."""
Paging = Literal["offset", "session", "page-context"]
RelativeIn = Literal["", "well-known", "metadata"]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type an EHR serves, with the search parameters it lists as (name, type)."""

    name: str
    params: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Provider:
    """The clinician whom the EHR signs in silently."""

    id: str
    family: str
    given: str
    login: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}, MD"


@dataclass(frozen=True, slots=True)
class Personality:
    """Everything in which the simulated EHRs differ.

    `oauth_path` is the part of the address before `/authorize`, `exchange_path` that before `/token` and the rest where
    it is another. `open_without_resource_scopes`: a token whose scope names no resource type opens everything;
    `whole_store`: any token opens every patient's records. `bundle_details`: searchsets carry `total` and `fullUrl`.
    `page_size` 0 sends all at once. `required`: searches of that type need one of those parameters. `named`: the
    id_token says the name besides `fhirUser`. `fhir_context` is a `fhirContext` of relative references, as texts.
    `unlisted` are types that it serves and does not list.
    """

    slug: str
    label: str
    hospital: str
    provider: Provider
    fhir_number: FhirNumber
    media_type: str
    software: tuple[str, str]
    resources: tuple[ResourceType, ...]
    oauth_path: str
    plain_scopes: tuple[str, ...]
    auth_methods: tuple[AuthMethod, ...]
    expires_in: int
    pkce: Pkce
    exchange_path: str = ""
    well_known: bool = False
    relative_in: RelativeIn = ""
    public_client_id: str = ""
    aud: Aud = "ignored"
    needs_state: bool = False
    accepts_post: bool = False
    form_post: bool = False
    sends_iss: bool = False
    identifies: bool = False
    named: bool = True
    refresh: RefreshStyle = "none"
    scope_style: ScopeStyle = "narrowed"
    errors: ErrorStyle = "described"
    launch_style: LaunchStyle = "handle"
    standalone: bool = False
    revokes: bool = False
    introspects: bool = False
    backend: bool = False
    open_without_resource_scopes: bool = False
    whole_store: bool = False
    patient_in_bundle: bool = False
    bundle_details: bool = True
    page_size: int = 0
    paging: Paging = "offset"
    outcome_when_empty: bool = False
    bare_forbidden: bool = False
    html_for_unknown: bool = False
    required: tuple[tuple[str, tuple[str, ...]], ...] = ()
    banner_as_text: bool = False
    styles: bool = False
    fhir_context: tuple[str, ...] = ()
    code_seconds: int = 60
    unlisted: frozenset[str] = frozenset()
    type_names: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "type_names", self.unlisted.union(resource.name for resource in self.resources))

    @property
    def refreshes(self) -> bool:
        return self.refresh != "none"

    @property
    def granular(self) -> bool:
        """Whether scopes of version 2 may be narrowed to categories."""
        return self.fhir_number == "4.0.1" and not self.proxied

    @property
    def proxied(self) -> bool:
        """Whether a proxy stands between the app and the authorization server."""
        return self.launch_style == "proxy"

    @property
    def exchange_base(self) -> str:
        return self.exchange_path or self.oauth_path
