"""The simulated vendors' behaviours as data; besides the presets the only module here that names a vendor.

What the three Allscripts products of the DSTU2 era do is taken from the vendor's published documentation and one
captured Conformance document. No difference between them besides host and patients could be confirmed, so they are one
server with three names. "smart-r4" is no vendor: it does what SMART App Launch 2.2 asks for, strictly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
Pkce = Literal["required", "optional", "ignored"]
FhirNumber = Literal["1.0.2", "4.0.1"]


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

    `oauth_path` is the part of the address before `/authorize` and `/token`. `open_without_resource_scopes`: a token
    whose scope names no resource type opens everything. `plain_launch`: the desktop sends the patient's id itself as
    `launch`. `bundle_details`: searchsets carry `total` and `fullUrl`. `page_size` 0 sends all at once.
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
    well_known: bool = False
    public_client_id: str = ""
    checks_aud: bool = False
    needs_state: bool = False
    accepts_post: bool = False
    sends_iss: bool = False
    identifies: bool = False
    refreshes: bool = False
    open_without_resource_scopes: bool = False
    plain_launch: bool = False
    patient_in_bundle: bool = False
    bundle_details: bool = True
    page_size: int = 0
    code_seconds: int = 60
    type_names: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "type_names", frozenset(resource.name for resource in self.resources))


_PATIENT = ("patient", "reference")
_DATE = ("date", "date")
_CATEGORY = ("category", "token")
_CODE = ("code", "token")
_STATUS = ("status", "token")
_ID = ("_id", "token")
_PERSON = (
    _ID,
    ("identifier", "token"),
    ("name", "string"),
    ("gender", "token"),
    ("birthdate", "date"),
    ("family", "string"),
    ("given", "string"),
)

_ALLSCRIPTS_RESOURCES = (
    ResourceType("AllergyIntolerance", (_PATIENT, _DATE)),
    ResourceType("Condition", (_PATIENT, ("clinicalstatus", "token"), _CATEGORY, _DATE)),
    ResourceType("DiagnosticOrder", (_PATIENT, _DATE)),
    ResourceType("DiagnosticReport", (_PATIENT, _CATEGORY, _CODE, _DATE)),
    ResourceType("Immunization", (_PATIENT, _DATE)),
    ResourceType("MedicationOrder", (_PATIENT, _DATE)),
    ResourceType("MedicationStatement", (_PATIENT, _DATE)),
    ResourceType("Patient", _PERSON),
    ResourceType("Procedure", (_PATIENT, _DATE)),
    ResourceType("Observation", (_PATIENT, _CATEGORY, _CODE, _DATE)),
    ResourceType("Goal", (_PATIENT, _DATE)),
    ResourceType("Device", (_PATIENT, _DATE)),
    ResourceType("CarePlan", (_PATIENT, _CATEGORY, _STATUS, _DATE)),
    ResourceType("DocumentReference", (_PATIENT, _DATE)),
)

_PROFESSIONAL = Personality(
    slug="allscripts-professional",
    label="Allscripts Professional 17.1",
    hospital="Maple Street Family Practice",
    provider=Provider(id="7101", family="Okafor", given="Ruth", login="rokafor"),
    fhir_number="1.0.2",
    media_type="application/json+fhir",
    software=("Allscripts FHIR", "19.4.121.0"),
    resources=_ALLSCRIPTS_RESOURCES,
    oauth_path="authorization/connect",
    plain_scopes=("launch", "launch/patient", "openid", "profile"),
    auth_methods=("client_secret_post",),
    expires_in=1200,
    pkce="ignored",
    open_without_resource_scopes=True,
    plain_launch=True,
    patient_in_bundle=True,
    bundle_details=False,
)

_R4_SEARCH = (_PATIENT, _ID)
_SMART_R4 = Personality(
    slug="smart-r4",
    label="SMART reference EHR (R4)",
    hospital="Harbour General Hospital",
    provider=Provider(id="practitioner-lindqvist", family="Lindqvist", given="Maja", login="mlindqvist"),
    fhir_number="4.0.1",
    media_type="application/fhir+json",
    software=("Sandbox FHIR server", "1.0"),
    resources=(
        ResourceType("AllergyIntolerance", (*_R4_SEARCH, ("clinical-status", "token"))),
        ResourceType("Condition", (*_R4_SEARCH, _CATEGORY, ("clinical-status", "token"), _CODE)),
        ResourceType("DocumentReference", (*_R4_SEARCH, _CATEGORY, _STATUS)),
        ResourceType("Encounter", (*_R4_SEARCH, _STATUS)),
        ResourceType("Immunization", (*_R4_SEARCH, _STATUS)),
        ResourceType("Medication", (_ID, _CODE)),
        ResourceType("MedicationRequest", (*_R4_SEARCH, _STATUS, ("intent", "token"), _CATEGORY)),
        ResourceType("MedicationStatement", (*_R4_SEARCH, _STATUS)),
        ResourceType("Observation", (*_R4_SEARCH, _CATEGORY, _CODE, _STATUS)),
        ResourceType("Patient", _PERSON),
        ResourceType("Practitioner", (_ID,)),
        ResourceType("Procedure", (*_R4_SEARCH, _STATUS, _CODE)),
    ),
    oauth_path="oauth2",
    plain_scopes=("launch", "launch/patient", "openid", "fhirUser", "profile", "offline_access", "online_access"),
    auth_methods=("client_secret_basic", "client_secret_post", "none"),
    expires_in=3600,
    pkce="required",
    well_known=True,
    public_client_id="smartportal-public",
    checks_aud=True,
    needs_state=True,
    accepts_post=True,
    sends_iss=True,
    identifies=True,
    refreshes=True,
    page_size=50,
)

PERSONALITIES: dict[str, Personality] = {
    personality.slug: personality
    for personality in (
        _PROFESSIONAL,
        replace(
            _PROFESSIONAL,
            slug="allscripts-touchworks",
            label="Allscripts TouchWorks 17.1",
            hospital="Cedar Valley Medical Group",
            provider=Provider(id="7202", family="Haddad", given="Samir", login="shaddad"),
        ),
        replace(
            _PROFESSIONAL,
            slug="allscripts-sunrise",
            label="Allscripts Sunrise 16.3",
            hospital="Northgate Regional Hospital",
            provider=Provider(id="7303", family="Brandt", given="Helen", login="hbrandt"),
        ),
        _SMART_R4,
    )
}
OAUTH_PATHS: tuple[str, ...] = tuple(sorted({personality.oauth_path for personality in PERSONALITIES.values()}))
