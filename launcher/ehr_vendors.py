"""Our own presets, through the same door as everybody's: one call of `register` for each EHR.

All values come from documents: each preset names its own, and the day they were read. None has been tried against a
vendor's system, and each says so. What no document settles is left to discovery, or by `help` to the administrator.

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
        family="Allscripts sandboxes",
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
_UNVERIFIED = " Written from documents; not verified by us."
_CHECKED = "2026-11-23"
# For EHRs that take or document no wildcard: the types that the chart's panels read, one by one.
_BY_PANELS = "launch openid fhirUser patient/{panels}"
_CAPTURED = "captured July-August 2026"


register(
    VendorPreset(
        id="veradigm-altera-r4",
        label="Veradigm / Altera Digital Health (R4)",
        status="live",
        source=f"https://developer.veradigm.com (FHIR R4), and the smart-configuration of its R4 sandbox, {_CAPTURED}",
        checked=_CHECKED,
        help="Each organization has its own address; copy it from https://open.platform.veradigm.com/fhirendpoints. "
        "Scopes of version 1 and version 2 must not be mixed. An app that is still “Test Only” gets an error "
        "page of the EHR and no way back. Client secrets expire on a date: note it. Endpoints may lie on "
        "another host than the FHIR base; those of FollowMyHealth and of the patient sign-in are approved "
        "here, for any other add its origin. The vendor says that launches from Sunrise and Paragon are not "
        "supported with R4 yet." + _UNVERIFIED,
        fhir_version="R4",
        scopes="launch openid fhirUser patient/*.read",
        launch_modes=("ehr", "standalone"),
        approved_origins=("https://open.allscripts.com", "https://muauthentication.followmyhealth.com"),
        quirks=Quirks(accept="application/fhir+json; fhirVersion=4.0", patient_claim="local_patient_id"),
    )
)
register(
    VendorPreset(
        id="epic",
        label="Epic (R4)",
        status="live",
        source=f"https://fhir.epic.com/Documentation?docId=oauth2, and its sandbox's smart-configuration, {_CAPTURED}",
        checked=_CHECKED,
        help="Each hospital has its own address; Epic's sandbox is "
        "https://fhir.epic.com/interconnect-fhir-oauth/api/FHIR/R4. What may be read is set by the APIs that "
        "you chose for the app on fhir.epic.com, not by scopes. A new client ID, secret or redirect address "
        "takes up to an hour to arrive. The sandbox and production have different client IDs." + _UNVERIFIED,
        fhir_version="R4",
        scopes="launch openid fhirUser",
        launch_modes=("ehr", "standalone"),
        propagation_minutes=60,
    )
)
register(
    VendorPreset(
        id="oracle-health",
        label="Oracle Health Millennium, formerly Cerner (R4)",
        status="live",
        source="https://docs.oracle.com/en/industries/health/millennium-platform-apis/ (authorization framework; "
        "well-known SMART configuration)",
        checked=_CHECKED,
        help="Each hospital has a tenant of its own in the address, and the host decides who signs in: fhir-ehr for "
        "staff, fhir-myrecord for patients, fhir-ehr-code for the staff sandbox. fhir-open has no sign-in and "
        "cannot be launched. Name every scope: a wildcard is dropped or refused. The client authenticates by "
        "Basic or a signed key; the secret in the body is not taken. The redirect address must match to the "
        "last slash. Changes take some minutes to arrive." + _UNVERIFIED,
        fhir_version="R4",
        scopes=_BY_PANELS,
        scope_version="v1",
        launch_modes=("ehr", "standalone"),
        approved_origins=("https://authorization.cerner.com",),
        propagation_minutes=15,
    )
)
register(
    VendorPreset(
        id="athenahealth",
        label="athenahealth (R4)",
        status="live",
        source="https://api.platform.athenahealth.com/fhir/r4/.well-known/smart-configuration, " + _CAPTURED,
        checked=_CHECKED,
        help="One address serves all practices: it does not say which practice a launch comes from, the patient's "
        "id does (a-<practice>.E-<number>). The preview system is "
        "https://api.preview.platform.athenahealth.com/fhir/r4. The vendor's list of scopes is not public: "
        "compare with what its portal shows for your app. Sign-in tokens are issued by athena.okta.com, which "
        "is approved here. athenaFlow and athenaPractice are other products." + _UNVERIFIED,
        iss="https://api.platform.athenahealth.com/fhir/r4",
        fhir_version="R4",
        scopes=_BY_PANELS,
        scope_version="v1",
        approved_origins=("https://athena.okta.com",),
    )
)
register(
    VendorPreset(
        id="meditech",
        label="MEDITECH Expanse (R4)",
        status="live",
        source="https://greenfield-prod-apis.meditech.com/.well-known/smart-configuration, " + _CAPTURED,
        checked=_CHECKED,
        help="Each hospital has its own address; the Greenfield sandbox is "
        "https://greenfield-prod-apis.meditech.com/v2/uscore/STU6. The SMART configuration lies at the root of "
        "that host, not below the FHIR base; this preset asks there. When you call support, give them the "
        "mtrestapi-requestid header." + _UNVERIFIED,
        fhir_version="R4",
        scopes="launch openid fhirUser patient/*.read",
        quirks=Quirks(well_known_at_host_root=True),
    )
)
register(
    VendorPreset(
        id="eclinicalworks",
        label="eClinicalWorks / healow (R4)",
        status="live",
        source="smart-configuration and metadata below https://fhir4.eclinicalworks.com/fhir/r4/, " + _CAPTURED,
        checked=_CHECKED,
        help="Each practice has its own code in the address: https://fhir4.eclinicalworks.com/fhir/r4/<code> for "
        "staff, https://fhir4.healow.com/fhir/r4/<code> for patients. Both sign in at "
        "oauthserver.eclinicalworks.com, which is approved here. A scope that it cannot read is answered with "
        "“invalid_grant”. A practice may be asked 250 times a minute." + _UNVERIFIED,
        fhir_version="R4",
        scopes=_BY_PANELS,
        scope_version="v1",
        approved_origins=("https://oauthserver.eclinicalworks.com",),
    )
)
register(
    VendorPreset(
        id="nextgen-enterprise",
        label="NextGen Enterprise (R4)",
        status="live",
        source="https://fhir.nextgen.com/nge/prod/fhir-api-r4/fhir/r4/.well-known/smart-configuration, " + _CAPTURED,
        checked=_CHECKED,
        help="The server lists patient/*.* and no narrower scope, so that is what is asked for; this app only "
        "reads. It does not say how a client authenticates: with a secret, Basic is used. A patient may untick "
        "kinds of data at sign-in; the chart then says that they are denied." + _UNVERIFIED,
        iss="https://fhir.nextgen.com/nge/prod/fhir-api-r4/fhir/r4",
        fhir_version="R4",
        scopes="launch openid patient/*.*",
        launch_modes=("ehr", "standalone"),
    )
)
register(
    VendorPreset(
        id="nextgen-office",
        label="NextGen Office, formerly MediTouch (R4)",
        status="live",
        source="smart-configuration and metadata of https://fhir.meditouchehr.com/api/fhir/r4, " + _CAPTURED,
        checked=_CHECKED,
        help="Its list of scopes is not known to us: compare with what the vendor gave you. The redirect address "
        "must have no query string (ours has none). If a launch stops at “unapproved host”, its sign-in server "
        "lies elsewhere: add that origin once the vendor has confirmed it." + _UNVERIFIED,
        iss="https://fhir.meditouchehr.com/api/fhir/r4",
        fhir_version="R4",
        scopes=_BY_PANELS,
        scope_version="v1",
    )
)
register(
    VendorPreset(
        id="azure-api-for-fhir-proxy",
        label="Azure API for FHIR with its SMART proxy",
        status="historical",
        source="https://github.com/microsoft/fhir-server (AadSmartOnFhirProxyController), "
        "https://learn.microsoft.com/azure/healthcare-apis/azure-api-for-fhir/smart-on-fhir",
        checked=_CHECKED,
        help="Microsoft retired the service on 2026-09-30; the proxy lives on where its open-source server is run. "
        "The proxy drops PKCE, so none is sent: the code is protected by the client secret alone. What launch "
        "names is repeated, not checked: the token opens the whole store, whichever patient was named. "
        "Register at Entra the proxy's callback address (/AadSmartOnFhirProxy/callback/<our redirect address "
        "in base64url>), not ours. The launch parameter must be base64url JSON. Nobody is signed in to this "
        "app, since the proxy is not known to pass the nonce on." + _UNVERIFIED,
        scopes="launch patient/*.read",
        launch_modes=("ehr", "standalone"),
        quirks=Quirks(pkce=False),
    )
)
register(
    VendorPreset(
        id="azure-health-data-services",
        label="Azure Health Data Services (R4)",
        status="live",
        source="https://learn.microsoft.com/azure/healthcare-apis/fhir/smart-on-fhir, "
        "https://github.com/microsoft/fhir-server",
        checked=_CHECKED,
        help="The address is https://<workspace>-<service>.fhir.azurehealthcareapis.com. It takes standalone "
        "launches only; an EHR launch needs Microsoft's SMART on FHIR sample in front, whose origin you then "
        "approve. Entra knows no “/” in a scope: add the resource scopes as you registered them there "
        "(patient.Patient.rs). People need the role “FHIR SMART User”. Entra takes no RS384 or ES384 "
        "signatures: use a client secret." + _UNVERIFIED,
        fhir_version="R4",
        scopes="launch/patient openid fhirUser",
        launch_modes=("standalone",),
        approved_origins=("https://login.microsoftonline.com",),
    )
)
register(
    VendorPreset(
        id="smart-health-it-launcher",
        label="SMART Health IT launcher (R4 test launcher)",
        status="live",
        source="https://github.com/smart-on-fhir/smart-launcher-v2",
        checked=_CHECKED,
        help="For tests with invented patients. Every test has an address of its own below this one, so the issuer "
        "is registered as a prefix. Enter our launch address at "
        "https://launch.smarthealthit.org; the client ID is any, unless you name one there. Anybody can make a "
        "launch there: never use it in production." + _UNVERIFIED,
        iss="https://launch.smarthealthit.org/v/r4/sim",
        iss_is_prefix=True,
        fhir_version="R4",
        scopes=_BY_PANELS,
    )
)
register(
    VendorPreset(
        id="medplum",
        label="Medplum (R4)",
        status="live",
        source="https://medplum.com/docs/integration/smart-app-launch, https://github.com/medplum/medplum",
        checked=_CHECKED,
        help="The address is that of the hosted service; a server of your own has another. Make a client "
        "application for this app in Medplum's admin, with our launch and redirect addresses; it launches from "
        "a patient's Apps tab." + _UNVERIFIED,
        iss="https://api.medplum.com/fhir/R4/",
        fhir_version="R4",
        scopes=_BY_PANELS,
        launch_modes=("ehr", "standalone"),
    )
)
register(
    VendorPreset(
        id="openemr",
        label="OpenEMR (R4)",
        status="live",
        source="https://github.com/openemr/openemr (FHIR_README.md)",
        checked=_CHECKED,
        help="The address is https://<host>/apis/<site>/fhir; the site is usually “default”. Register the app at "
        "https://<host>/oauth2/<site>/registration; an administrator of OpenEMR then enables it. Older "
        "versions also want the scope api:fhir. A launch link works once: start again from OpenEMR, do not "
        "reload." + _UNVERIFIED,
        fhir_version="R4",
        scopes=_BY_PANELS,
        scope_version="v2",
        launch_modes=("ehr", "standalone"),
    )
)
register(
    VendorPreset(
        id="hapi-open",
        label="HAPI FHIR, an open server (R4, development only)",
        status="development",
        source="https://hapifhir.io/hapi-fhir/docs/server_jpa/, https://hapi.fhir.org/baseR4/metadata",
        checked=_CHECKED,
        help="A FHIR server without any sign-in, for development with invented patients: whoever opens a launch sees "
        "the chart. Refused unless this installation runs with DEBUG on, and always for Production. It knows no "
        "clients: the client ID is any. Open it from here and choose a patient, or by our launch address with the "
        "patient's id as launch. Anybody may write to the public one: never put a real person there. For a server of "
        "your own, replace the address." + _UNVERIFIED,
        iss="https://hapi.fhir.org/baseR4",
        fhir_version="R4",
        auth_method="none",
        scopes="launch user/*.rs",
        launch_modes=("ehr", "standalone"),
        quirks=Quirks(discovery=("metadata",), open_server=True),
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
