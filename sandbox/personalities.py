"""The simulated vendors' behaviours as data; besides the presets the only module here that names a vendor.

What the three Allscripts products of the DSTU2 era do is taken from the vendor's published documentation and one
captured Conformance document. No difference between them besides host and patients could be confirmed, so they are one
server with three names. "smart-r4" is no vendor: it does what SMART App Launch 2.2 asks for, strictly; "smart-stu3"
does what 1.0 asked for. "epic" and "oracle-health" follow those vendors' documentation for app developers, "azure" the
source of the AadSmartOnFhirProxy (https://github.com/microsoft/fhir-server).
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.personality import Personality, Provider, ResourceType

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
    launch_style="patient-id",
    patient_in_bundle=True,
    bundle_details=False,
    unlisted=frozenset({"Binary"}),
)

_R4_SEARCH = (_PATIENT, _ID)


def _r4_resources(*more: tuple[str, str]) -> tuple[ResourceType, ...]:
    """What the R4 servers hold; `more` are parameters of the records that have a date."""
    return (
        ResourceType("AllergyIntolerance", (*_R4_SEARCH, ("clinical-status", "token"))),
        ResourceType("Binary", ()),
        ResourceType("Condition", (*_R4_SEARCH, _CATEGORY, ("clinical-status", "token"), _CODE)),
        ResourceType("DocumentReference", (*_R4_SEARCH, _CATEGORY, _STATUS, *more)),
        ResourceType("Encounter", (*_R4_SEARCH, _STATUS, *more)),
        ResourceType("Immunization", (*_R4_SEARCH, _STATUS, *more)),
        ResourceType("Medication", (_ID, _CODE)),
        ResourceType("MedicationRequest", (*_R4_SEARCH, _STATUS, ("intent", "token"), _CATEGORY)),
        ResourceType("MedicationStatement", (*_R4_SEARCH, _STATUS)),
        ResourceType("Observation", (*_R4_SEARCH, _CATEGORY, _CODE, _STATUS, *more)),
        ResourceType("Patient", _PERSON),
        ResourceType("Practitioner", (_ID,)),
        ResourceType("Procedure", (*_R4_SEARCH, _STATUS, _CODE)),
    )


_DATED_R4 = _r4_resources(_DATE)
_UNDATED_R4 = _r4_resources()
_SMART_SCOPES = ("launch", "launch/patient", "openid", "fhirUser", "profile", "offline_access", "online_access")
_SMART_R4 = Personality(
    slug="smart-r4",
    label="SMART reference EHR (R4)",
    hospital="Harbour General Hospital",
    provider=Provider(id="practitioner-lindqvist", family="Lindqvist", given="Maja", login="mlindqvist"),
    fhir_number="4.0.1",
    media_type="application/fhir+json",
    software=("Sandbox FHIR server", "1.0"),
    resources=_DATED_R4,
    oauth_path="oauth2",
    plain_scopes=_SMART_SCOPES,
    auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
    expires_in=3600,
    pkce="required",
    well_known=True,
    public_client_id="smartportal-public",
    aud="exact",
    needs_state=True,
    accepts_post=True,
    sends_iss=True,
    identifies=True,
    refresh="rotating",
    standalone=True,
    form_post=True,
    revokes=True,
    introspects=True,
    backend=True,
    page_size=50,
)

_EPIC = Personality(
    slug="epic",
    label="Epic (R4)",
    hospital="Alder Creek Health System",
    provider=Provider(id="eXk2Adeyemi7", family="Adeyemi", given="Folake", login="eXk2Adeyemi7"),
    fhir_number="4.0.1",
    media_type="application/fhir+json",
    software=("Epic", "November 2025"),
    resources=_DATED_R4,
    oauth_path="oauth2",
    plain_scopes=_SMART_SCOPES,
    auth_methods=("client_secret_post", "client_secret_basic", "private_key_jwt"),
    expires_in=3240,
    pkce="optional",
    well_known=True,
    aud="exact",
    accepts_post=True,
    identifies=True,
    named=False,
    refresh="same",
    scope_style="registered",
    launch_style="jwt",
    standalone=True,
    revokes=True,
    introspects=True,
    backend=True,
    page_size=10,
    paging="session",
    outcome_when_empty=True,
    bare_forbidden=True,
    html_for_unknown=True,
    required=(("Observation", ("category", "code")),),
    banner_as_text=True,
    styles=True,
)

_ORACLE_HEALTH = Personality(
    slug="oracle-health",
    label="Oracle Health Millennium (R4)",
    hospital="Prairie View Medical Center",
    provider=Provider(id="12742069", family="Castellan", given="Odile", login="ocastellan"),
    fhir_number="4.0.1",
    media_type="application/fhir+json",
    software=("Oracle Health", "2026.10"),
    resources=_UNDATED_R4,
    oauth_path="personas/provider",
    exchange_path="hosts/fhir-ehr/protocols/oauth2/profiles/smart-v1",
    plain_scopes=_SMART_SCOPES,
    auth_methods=("client_secret_basic", "private_key_jwt"),
    expires_in=570,
    pkce="optional",
    well_known=True,
    aud="exact",
    identifies=True,
    refresh="kept",
    scope_style="explicit",
    errors="uri",
    standalone=True,
    backend=True,
    page_size=20,
    paging="page-context",
)

_AZURE = Personality(
    slug="azure",
    label="Azure API for FHIR with SMART proxy",
    hospital="Cobalt Bay Clinics",
    provider=Provider(id="7d1c0b52-aad", family="Rautio", given="Elina", login="elina.rautio@cobaltbay.example"),
    fhir_number="4.0.1",
    media_type="application/fhir+json",
    software=("Microsoft FHIR Server", "3.9.1"),
    resources=_UNDATED_R4,
    oauth_path="AadSmartOnFhirProxy",
    plain_scopes=("launch", "launch/patient", "openid", "profile", "offline_access"),
    auth_methods=("client_secret_basic", "client_secret_post"),
    expires_in=3599,
    pkce="dropped",
    well_known=True,
    aud="exact",
    refresh="rotating",
    launch_style="proxy",
    standalone=True,
    whole_store=True,
    page_size=10,
)

_STU3_SEARCH = (_PATIENT, _ID)
_SMART_STU3 = Personality(
    slug="smart-stu3",
    label="SMART 1.0 EHR (STU3)",
    hospital="Saint Aldhelm's Hospital",
    provider=Provider(id="practitioner-umarov", family="Umarov", given="Timur", login="tumarov"),
    fhir_number="3.0.2",
    media_type="application/fhir+json",
    software=("Sandbox FHIR server", "0.9"),
    resources=(
        ResourceType("AllergyIntolerance", (*_STU3_SEARCH, ("clinical-status", "token"))),
        ResourceType("Binary", ()),
        ResourceType("Condition", (*_STU3_SEARCH, _CATEGORY, ("clinical-status", "token"), _CODE)),
        ResourceType("DocumentReference", (*_STU3_SEARCH, _STATUS)),
        ResourceType("Encounter", (*_STU3_SEARCH, _STATUS, _DATE)),
        ResourceType("Immunization", (*_STU3_SEARCH, _STATUS, _DATE)),
        ResourceType("Medication", (_ID, _CODE)),
        ResourceType("MedicationRequest", (*_STU3_SEARCH, _STATUS, ("intent", "token"), _CATEGORY)),
        ResourceType("MedicationStatement", (*_STU3_SEARCH, _STATUS)),
        ResourceType("Observation", (*_STU3_SEARCH, _CATEGORY, _CODE, _STATUS, _DATE)),
        ResourceType("Patient", _PERSON),
        ResourceType("Practitioner", (_ID,)),
    ),
    oauth_path="auth",
    plain_scopes=_SMART_SCOPES,
    auth_methods=("client_secret_basic",),
    expires_in=3600,
    pkce="ignored",
    well_known=True,
    relative_in="well-known",
    aud="present",
    identifies=True,
    refresh="rotating",
    standalone=True,
    revokes=True,
    introspects=True,
    page_size=25,
    fhir_context=("ImagingStudy/stu3-study-1", "PractitionerRole/stu3-role-1"),
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
        _EPIC,
        _ORACLE_HEALTH,
        _AZURE,
        _SMART_STU3,
    )
}
_DIRECT = [personality for personality in PERSONALITIES.values() if not personality.proxied]
OAUTH_PATHS: tuple[str, ...] = tuple(sorted({personality.oauth_path for personality in _DIRECT}))
EXCHANGE_PATHS: tuple[str, ...] = tuple(sorted({personality.exchange_base for personality in _DIRECT}))
