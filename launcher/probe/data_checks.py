"""Checks 28 to 32: what the panels will find, who signed in, and how the last real launch went.

FHIR's CapabilityStatement (`rest.resource`); OpenID Connect Discovery 1.0; SMART App Launch 2.2, "Scopes". No patient's
data are asked for, save for one test patient that a preset names, and there only to see that strangers are turned away.
"""

from __future__ import annotations

from datetime import timedelta

from launcher import needs
from launcher.probe.ehr import Ehr
from launcher.probe.facts import LastLaunch
from launcher.probe.findings import Finding, Status, check, failed, noted, passed, skipped, warned
from launcher.probe.wording import error_in_words, host_of, named
from launcher.smart import identity, scopes
from launcher.smart.errors import SmartError
from launcher.smart.fhir import FhirClient, FhirError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.foreign_text import is_fhir_id
from launcher.smart.origins import same_base

Line = tuple[Status, str, str]
_WORST: tuple[Status, ...] = ("fail", "warn", "pass", "info")


def _resources(ehr: Ehr) -> Finding:
    listed = ehr.statement.resources if ehr.statement else ()
    if not listed:
        return noted("The conformance statement lists no resources; every panel asks.")
    if "Patient" not in listed:
        return failed(
            "Patient is not listed: no chart could open.",
            "Issuer (iss): check that this is the clinical FHIR server; if it is, ask the vendor for Patient.",
        )
    version = ehr.version or FhirVersion.R4
    shown = ehr.facts.registration.panels
    absent: dict[str, list[str]] = {}
    covered: set[str] = set()
    for need in needs.all_needs():
        # What is only read by references (no parameters) is often served without being listed.
        if need.params and version in need.versions and (not shown or need.panel in shown):
            if need.resource in listed:
                covered.add(need.label)
            else:
                absent.setdefault(need.label, []).append(need.resource)
    if absent:
        words = named(f"{panel} ({named(dict.fromkeys(types))})" for panel, types in absent.items())
        return warned(
            f"Not listed, by panel: {words}.",
            "Panels: these show “not available from this EHR”, or less; take them off the registration's panels, or "
            "ask the vendor to enable the resources.",
        )
    return passed(f"All that the panels read is listed: {named(sorted(covered)) or 'Patient'}.")


def _strangers(ehr: Ehr) -> Finding:
    """A read without any token; the preset's own test patient, in no production."""
    preset, registration = ehr.facts.preset, ehr.facts.registration
    patient = next((each.launch for each in preset.demo_patients), "") if preset else ""
    if registration.environment == "production" or not is_fhir_id(patient):
        return skipped("Only tried with a preset's test patient, and never in production.")
    reader = FhirClient(
        door=ehr.door, base=ehr.client.iss, version=ehr.version or FhirVersion.R4, quirks=ehr.client.quirks
    )
    try:
        reader.read("Patient", patient)
    except FhirError as error:
        if error.kind in {"unauthorized", "forbidden"}:
            return passed(f"A read without a token is refused with status {error.status}.")
        return noted(f"A read without a token brought nothing ({error.kind}).")
    if ehr.client.quirks.open_server:
        return noted("Test patients are readable without signing in, as the preset says.")
    return warned(
        "A test patient is readable without signing in.",
        "EHR's access control: fine for an open sandbox; tell the vendor if this server is to hold real patients.",
    )


def _identity(ehr: Ehr) -> Finding:
    client, config = ehr.client, ehr.configuration
    if "openid" not in client.scopes.split():
        return noted("The scope “openid” is not asked for; who signed in is not recorded.")
    if not client.oidc_issuer and not config.issuer and not config.jwks_uri:
        words = "The EHR publishes neither issuer nor keys."
        if client.require_identity:
            return failed(
                words, "Require identity (require_identity): switch it off, or ask the vendor to publish its issuer."
            )
        return warned(
            words, "OpenID issuer (oidc_issuer): fill it in if the vendor has one; else names show as not identified."
        )
    issuer = client.oidc_issuer or config.issuer or client.iss
    try:
        keys = identity.fetch_keys(ehr.door, _keys_address(ehr, issuer))
    except SmartError as error:
        return failed(
            f"The keys of the sign-in cannot be loaded: {error_in_words(error)}.", _identity_remedy(error, issuer)
        )
    return passed(f"Keys of the issuer at {host_of(issuer)} were loaded: {len(keys)}.")


def _keys_address(ehr: Ehr, issuer: str) -> str:
    """As `launcher.discovery.identity_keys` chooses it, without its cache."""
    config = ehr.configuration
    try:
        found = identity.fetch_openid(ehr.door, issuer)
    except SmartError as error:
        own = issuer == ehr.client.oidc_issuer or same_base(issuer, ehr.client.iss)
        if error.reason != "missing" or not own or not config.jwks_uri:
            raise
        return config.jwks_uri
    return ehr.facts.registration.jwks_uri or found.jwks_uri


def _identity_remedy(error: SmartError, issuer: str) -> str:
    if error.reason == "host_unapproved":
        return f"Approved origins (approved_origins): add {host_of(issuer)} if the vendor confirms it."
    if error.reason == "jwks_uri":
        return "Approved origins (approved_origins): add the keys' host, or fill in the JWKS address (jwks_uri)."
    if error.reason == "issuer":
        return "OpenID issuer (oidc_issuer): write the issuer exactly as its own document does."
    return "JWKS address (jwks_uri): ask the vendor; every launch with “openid” fails until the keys load."


def _last_launch(ehr: Ehr) -> Finding:
    launch, failure, now = ehr.facts.launch, ehr.facts.failure, ehr.facts.now
    if failure is not None and (launch is None or failure.at > launch.at):
        return failed(
            f"The last launch failed on {failure.at:%Y-%m-%d %H:%M} UTC with {failure.code or 'an error'} "
            f"(reference {failure.reference or 'none'}).",
            "Test launch: look the reference up in the audit trail, repair what it names, and launch again.",
        )
    if launch is None:
        return warned("There was no launch yet.", "Test launch: start the app from the EHR once.")
    words = f"The last launch opened on {launch.at:%Y-%m-%d %H:%M} UTC (reference {launch.reference})."
    if now - launch.at > timedelta(days=ehr.limits.launch_days):
        return warned(words, "Test launch: that is long ago; start the app from the EHR once more.")
    return passed(words)


def _launch_result(ehr: Ehr) -> Finding:
    """One line each; the worst of them counts."""
    launch = ehr.facts.launch
    if launch is None:
        return skipped("There was no launch yet.")
    lines = [_patient(launch), _granted(launch), _read(launch), _signed_in(ehr, launch), *_also(launch)]
    worst = next(status for status in _WORST if any(line[0] == status for line in lines))
    remedies = dict.fromkeys(remedy for _, _, remedy in lines if remedy)
    return Finding(worst, " ".join(line[1] for line in lines), " ".join(remedies))


def _patient(launch: LastLaunch) -> Line:
    if launch.has_patient:
        return "pass", "It had a patient.", ""
    return "warn", "It had no patient.", "Scopes: “launch” or “launch/patient” must be asked for and granted."


def _granted(launch: LastLaunch) -> Line:
    """RFC 6749, 5.1: without a word about scopes, what was asked for is granted."""
    if launch.granted is None:
        return "pass", "All scopes were granted.", ""
    asked, given = scopes.parse(launch.asked), scopes.parse(launch.granted)
    wanted = sorted({each.resource for each in asked.resources})
    missing = [name for name in wanted if name != "*" and not given.allows(name, "s")]
    if not missing:
        return "pass", "All scopes for data were granted.", ""
    return (
        "warn",
        f"Not granted: {named(missing)}.",
        f"Scopes: ask the vendor to enable {named(missing)} for this client.",
    )


def _read(launch: LastLaunch) -> Line:
    if not launch.patient_read:
        return (
            "fail",
            "The patient was not read.",
            "Scopes: Patient must be granted; look the launch's reference up in the audit trail.",
        )
    if launch.panels_failed:
        panels = named(launch.panels_failed)
        return "warn", f"Panels that showed nothing: {panels}.", f"Panels: ask the vendor about the data of {panels}."
    return "pass", f"Patient and {len(launch.panels_read)} panels were read.", ""


def _signed_in(ehr: Ehr, launch: LastLaunch) -> Line:
    if launch.identified or "openid" not in ehr.client.scopes.split():
        return "pass", "Who signed in was told." if launch.identified else "Nobody was asked who signed in.", ""
    return "warn", "Who signed in was not told.", "Scopes: ask the vendor to grant “openid” and “fhirUser”."


def _also(launch: LastLaunch) -> list[Line]:
    banner = {None: "nothing", True: "that it is needed", False: "that it is not needed"}[launch.banner]
    token = "A" if launch.refreshable else "No"
    return [("info", f"{token} refresh token came. Of the patient banner the EHR said {banner}.", "")]


CHECKS = (
    check(28, "Resources of the panels exist", "/metadata", _resources, may="pass warn fail info", needs=(10,)),
    check(
        29,
        "Strangers cannot read",
        "a test patient, without a token",
        _strangers,
        may="pass warn info",
        needs=(5,),
        noisy=True,
    ),
    check(30, "Sign-in can be verified", "issuer and keys", _identity, may="pass warn fail info", needs=(12, 13)),
    check(31, "Last real launch", "the audit trail", _last_launch, may="pass warn fail"),
    check(32, "What the last launch brought", "the last launch", _launch_result, may="pass warn fail"),
)
