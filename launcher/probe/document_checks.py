"""Checks 9 to 16: what the EHR publishes about itself.

SMART App Launch 2.2, "Conformance" (`.well-known/smart-configuration`); 1.0, "Conformance" (`/metadata`).
"""

from __future__ import annotations

from launcher.probe.ehr import Ehr
from launcher.probe.findings import Finding, check, failed, noted, passed, skipped, warned
from launcher.probe.wording import SOURCES, error_in_words, host_of, named, reading_in_words, without_query
from launcher.smart.client_auth import choose_method
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.origins import join

_OLD = {FhirVersion.DSTU2, FhirVersion.STU3}
_NEEDED = ("authorization_endpoint", "token_endpoint")
_UNSAFE = {"host_unapproved", "endpoint_scheme", "endpoint_malformed"}
_FROM_THE_VENDOR = "Endpoints (authorization_endpoint, token_endpoint): fill them in from the vendor's"
_BY_METHOD = {
    "none": "client-public",
    "client_secret_basic": "client-confidential-symmetric",
    "client_secret_post": "client-confidential-symmetric",
    "private_key_jwt": "client-confidential-asymmetric",
}
_BY_MODE = {
    "ehr": ("launch-ehr", "context-ehr-patient"),
    "standalone": ("launch-standalone", "context-standalone-patient"),
}


def _well_known(ehr: Ehr) -> Finding:
    if "well-known" not in ehr.client.quirks.discovery or ehr.client.quirks.open_server:
        return noted("The preset says that this EHR has no SMART configuration.")
    found = ehr.well_known
    words = f"SMART configuration: {reading_in_words(found)}."
    if found.readable:
        return passed(words)
    elsewhere = ehr.metadata.configuration is not None or ehr.facts.registration.endpoint_overrides
    if elsewhere:
        usual = "this is usual for DSTU2" if ehr.version in _OLD else "SMART App Launch 2 asks for one"
        return warned(
            words,
            f"SMART configuration: endpoints are taken from elsewhere; {usual}. Tell the vendor if it should be there.",
        )
    return failed(
        words,
        "Issuer (iss): check that it is the FHIR base address; or ask the vendor for .well-known/smart-configuration.",
    )


def _metadata(ehr: Ehr) -> Finding:
    found = ehr.metadata
    words = f"Conformance statement: {reading_in_words(found)}."
    if ehr.statement is not None:
        return passed(f"Conformance statement: status 200, {found.milliseconds} ms.")
    status = found.answer.status if found.answer else 0
    remedy = "Issuer (iss): check that it is the FHIR base address."
    if status in {401, 403}:
        remedy = "/metadata: the server wants a token for it; ask the vendor to publish it, as FHIR requires."
    elif found.answer is not None and found.answer.content_type == "text/html":
        remedy = "Issuer (iss): we asked for JSON and it answered HTML; is this the portal's page?"
    elif found.answer is not None and found.answer.content_type.endswith("xml"):
        remedy = "/metadata: the server answers XML only; ask the vendor for JSON."
    if ehr.well_known.configuration is not None and ehr.client.fhir_version is not None:
        return warned(words, remedy)
    return failed(words, remedy)


def _version(ehr: Ehr) -> Finding:
    registered, told = ehr.client.fhir_version, ehr.statement.fhir_version if ehr.statement else None
    if told is None:
        evidence = "The conformance statement names no FHIR version that we know."
        if registered is not None:
            return noted(f"{evidence} The registration says {registered}.")
        return warned(evidence, "FHIR version of the registration: set it; R4 is assumed until then.")
    if registered is None:
        return passed(f"The server says {told}; the registration takes that.")
    if registered is not told:
        return failed(
            f"The server says {told}, the registration {registered}.", f"FHIR version: set it to {told} or to Detect."
        )
    return passed(f"Both say {told}.")


def _endpoints(ehr: Ehr) -> Finding:
    if ehr.client.quirks.open_server:
        return skipped("This server asks for no sign-in, so it has none.")
    try:
        config = ehr.configuration
    except SmartError as error:
        if error.reason in _UNSAFE:
            return passed("They are named; whether they may be used is another check.")
        return failed(
            f"There are none to use: {error_in_words(error)}.",
            f"{_FROM_THE_VENDOR} document, or ask the vendor to publish them.",
        )
    overrides = ehr.facts.registration.endpoint_overrides
    published = SOURCES[config.source]
    sources = (f"{name} from the {'registration' if name in overrides else published}" for name in _NEEDED)
    return passed(named(sources) + ".")


def _hosts(ehr: Ehr) -> Finding:
    written = ehr.written()
    if not written:
        return skipped("There are no endpoints to look at.")
    problems, remedies = [], []
    for where, name, url in written:
        problem, remedy = _endpoint_problem(ehr, url)
        if problem:
            problems.append(f"{name} ({SOURCES[where]}) {problem}")
            remedies.append(remedy)
    if problems:
        look = failed if ehr.usable is None or _overridden_badly(ehr) else warned
        return look(named(problems) + ".", " ".join(dict.fromkeys(remedies)))
    hosts = dict.fromkeys(host_of(join(ehr.client.iss, url)) for _, _, url in written)
    return passed(f"All lie on {named(hosts)}.")


def _overridden_badly(ehr: Ehr) -> bool:
    return any(_endpoint_problem(ehr, url)[0] for url in ehr.facts.registration.endpoint_overrides.values())


def _endpoint_problem(ehr: Ehr, url: str) -> tuple[str, str]:
    try:
        address = join(ehr.client.iss, url)
    except ValueError:
        return "is not a web address", f"{_FROM_THE_VENDOR} document, and tell the vendor."
    host = host_of(address)
    if ehr.base.scheme == "https" and host.partition(":")[0] != "https":
        return "is without TLS", f"{_FROM_THE_VENDOR} document with https, and tell the vendor."
    if not ehr.door.approves(address):
        return f"lies on {host}", f"Approved origins (approved_origins): add {host} if the vendor confirms it."
    return "", ""


def _agreement(ehr: Ehr) -> Finding:
    well_known, metadata = ehr.well_known.configuration, ehr.metadata.configuration
    if well_known is None or metadata is None:
        return noted("Only one of the two documents names endpoints.")
    differing = [
        name
        for name in _NEEDED
        if without_query(getattr(well_known, name), base=ehr.client.iss)
        != without_query(getattr(metadata, name), base=ehr.client.iss)
    ]
    if not differing:
        return passed("Both documents name the same endpoints.")
    first = SOURCES[ehr.client.quirks.discovery[0]]
    return warned(
        f"{named(differing)}: the SMART configuration and the conformance statement differ.",
        f"Vendor's documents: the {first} wins here; tell the vendor that they differ.",
    )


def _capabilities(ehr: Ehr) -> Finding:
    config = ehr.configuration
    if not config.capabilities:
        return noted("The EHR publishes no capabilities; before SMART App Launch 2 that is usual.")
    modes = ehr.facts.registration.launch_modes
    wanted = [word for mode in modes for word in _BY_MODE.get(mode, ())]
    wanted += filter(None, [_BY_METHOD.get(choose_method(ehr.client, config))])
    missing = [word for word in wanted if word not in config.capabilities]
    if missing:
        return warned(
            f"Not advertised: {named(missing)}.",
            "Launch modes and token authentication: compare them with what the vendor has switched on; it may work "
            "all the same.",
        )
    return passed(f"Advertised: {named(wanted)}.")


def _pkce(ehr: Ehr) -> Finding:
    config = ehr.configuration
    offered = config.code_challenge_methods_supported
    if ehr.facts.registration.send_pkce and not ehr.client.quirks.pkce:
        return warned(
            "The preset sends no PKCE challenge to this EHR.",
            "PKCE of the EHR: ask the vendor when it will take one; the preset has the switch.",
        )
    if not ehr.client.quirks.pkce:
        return warned(
            "This registration sends no PKCE challenge.",
            "Send PKCE (send_pkce): switch it on again as soon as the EHR takes it.",
        )
    if "S256" in offered and "plain" not in offered:
        return passed("S256 is advertised; it is always sent.")
    if "S256" in offered:
        return warned("S256 is advertised, and “plain” too.", "PKCE of the EHR: tell the vendor to switch “plain” off.")
    evidence = "S256 is not advertised; it is sent all the same."
    if _is_public(ehr, config) and ehr.well_known.readable:
        return failed(
            evidence,
            "PKCE of the EHR: a public client needs it; ask the vendor for S256, or register a confidential client.",
        )
    return warned(evidence, "PKCE of the EHR: ask the vendor whether it ignores or refuses a challenge.")


def _is_public(ehr: Ehr, config: SmartConfiguration) -> bool:
    return choose_method(ehr.client, config) == "none"


CHECKS = (
    check(
        9,
        "SMART configuration is readable",
        ".well-known/smart-configuration",
        _well_known,
        may="pass warn fail info",
        needs=(5,),
    ),
    check(10, "Conformance statement is readable", "/metadata", _metadata, may="pass warn fail", needs=(5,)),
    check(11, "FHIR version is the registered one", "/metadata", _version, may="pass warn fail info", needs=(10,)),
    check(12, "Endpoints are known", "both documents", _endpoints, may="pass fail", needs=(5,)),
    check(13, "Endpoints are safe to use", "their scheme and host", _hosts, may="pass warn fail", needs=(5,)),
    check(14, "The two documents agree", "both documents", _agreement, may="pass warn info", needs=(12, 13)),
    check(15, "What we need is advertised", "the capabilities", _capabilities, may="pass warn info", needs=(12, 13)),
    check(16, "PKCE with S256", "the SMART configuration", _pkce, may="pass warn fail", needs=(12, 13)),
)
