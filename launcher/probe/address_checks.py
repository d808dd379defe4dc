"""Checks 1 to 8: from the issuer's spelling to a trusted connection, its speed and its clock.

SMART App Launch 2.2, "Security and Privacy Considerations" (TLS); RFC 6890 for the addresses.
"""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

from launcher.probe.ehr import Ehr
from launcher.probe.findings import Finding, check, failed, noted, passed, skipped, warned
from launcher.smart.handshake import Failure


def _issuer(ehr: Ehr) -> Finding:
    iss = ehr.client.iss
    if "?" in iss or "#" in iss:
        return failed("The issuer has a query or a fragment.", "Issuer (iss): remove everything from ? or # on.")
    try:
        base = ehr.base
    except ValueError as error:
        return failed(
            f"The issuer is not a plain web address ({error}).",
            "Issuer (iss): write the FHIR base address, such as https://ehr.example.org/fhir.",
        )
    if base.segments and base.segments[-1] == "metadata":
        return failed("The issuer ends in /metadata.", "Issuer (iss): use the part before /metadata.")
    if base.scheme == "https":
        return passed(f"{base} is a plain https address.")
    if ehr.client.networks and ehr.facts.registration.environment != "production":
        return warned(
            f"{base} is without TLS; that works in the allowed networks only.",
            "Issuer (iss): use the https address before patients' data go this way.",
        )
    return failed(f"{base} is without TLS.", "Issuer (iss): use the https FHIR base address.")


def _resolves(ehr: Ehr) -> Finding:
    if ehr.handshake.failure == "dns":
        return failed(
            f"{ehr.base.host} cannot be resolved.",
            "Issuer (iss): check the spelling of the host. A vendor's sandbox may have been retired (see the vendor's "
            "page); for a name of your own network, check the DNS server of this machine.",
        )
    return passed(f"{ehr.base.host} resolves" + (f" to {ehr.handshake.address}." if ehr.handshake.address else "."))


def _allowed(ehr: Ehr) -> Finding:
    if ehr.handshake.failure == "address":
        return failed(
            f"{ehr.base.host} has an address that is not public and not allowed.",
            "SMARTPORTAL_ALLOWED_NETWORKS: add the network if this EHR is on site (and check “allowed networks” of the "
            "registration, which may narrow it).",
        )
    return passed("The address guard lets it through.")


def _connects(ehr: Ehr) -> Finding:
    found, base = ehr.handshake, ehr.base
    remedy = f"Firewall: ask your network staff to open outbound TCP {base.port} to {base.host}."
    if found.failure == "refused":
        return failed(f"{base.host} refuses connections to port {base.port}.", remedy)
    if found.failure == "timeout" and not found.address:
        return failed(f"{base.host} does not answer on port {base.port}.", remedy)
    return passed(f"Connected to port {base.port} in {found.milliseconds} ms.")


_CERTIFICATE: dict[Failure, tuple[str, str]] = {
    "expired": ("The server's certificate has expired.", "Certificate: tell the vendor to renew it."),
    "not_yet_valid": (
        "The server's certificate is not valid yet.",
        "Clock: compare the time of this machine; if it is right, tell the vendor about the certificate.",
    ),
    "name": (
        "The server's certificate is for another name.",
        "Issuer (iss): use the host name that the certificate is for, or tell the vendor.",
    ),
    "untrusted": (
        "The server's certificate does not lead to an authority that is trusted here, or its chain is incomplete.",
        "SMARTPORTAL_CA_BUNDLE: add the EHR's own authority; for a public one, ask the vendor to send the whole chain.",
    ),
    "ca_bundle": (
        "The file of certificate authorities cannot be read.",
        "SMARTPORTAL_CA_BUNDLE: name a PEM file or a folder that this program may read.",
    ),
}


def _certificate(ehr: Ehr) -> Finding:
    found = ehr.handshake
    if ehr.base.scheme == "http":
        return noted("Without TLS there is no certificate.")
    if found.failure in _CERTIFICATE:
        return failed(*_CERTIFICATE[found.failure])
    if found.expires is None:
        return noted("The certificate is trusted; its end could not be read.")
    days = (found.expires - datetime.now(UTC)).days
    if days <= ehr.limits.days:
        return warned(
            f"The certificate is trusted and ends in {days} days.",
            f"Certificate: tell the vendor that it expires on {found.expires:%Y-%m-%d}.",
        )
    return passed(f"Trusted, valid until {found.expires:%Y-%m-%d}.")


def _tls_version(ehr: Ehr) -> Finding:
    found = ehr.handshake
    if ehr.base.scheme == "http":
        return noted("The issuer is without TLS.")
    if found.failure == "protocol":
        return failed("The server speaks TLS 1.0 or 1.1 only.", "TLS version: the vendor must offer TLS 1.2 or newer.")
    if found.failure == "no_tls":
        return failed(
            f"What answers on port {ehr.base.port} does not speak TLS.",
            "Issuer (iss): check the port; https needs one that speaks TLS.",
        )
    if found.failure in {"tls", "timeout"}:
        return failed(
            "The TLS handshake broke off.",
            "TLS: ask the vendor which versions, ciphers or client certificates the server wants.",
        )
    return passed(f"{found.protocol or 'TLS 1.2 or newer'}.")


def _latency(ehr: Ehr) -> Finding:
    times = [each.milliseconds for each in ehr.heard()]
    if not times:
        return skipped("No answer came that could be timed.")
    worst = max(times)
    if worst > ehr.limits.too_slow * 1000:
        return failed(
            f"The slowest answer took {worst} ms.",
            "Speed of the EHR: providers wait for this at each launch; ask the vendor or look at the network between.",
        )
    if worst > ehr.limits.slow * 1000:
        return warned(f"The slowest answer took {worst} ms.", "Speed of the EHR: ask the vendor if it stays like this.")
    return passed(f"The slowest answer took {worst} ms.")


def _clock(ehr: Ehr) -> Finding:
    """The Date header has whole seconds; a token is refused when the clocks are a minute apart."""
    for each in ehr.heard():
        theirs = _date(each.answer.headers.get("date", ""))
        if theirs is not None:
            apart = round(abs(each.at - theirs))
            words = f"The clocks are {apart} s apart."
            if apart <= ehr.limits.clock:
                return passed(words)
            return failed(
                words, "Clock: fix NTP on this machine, or tell the vendor; signed tokens are refused like this."
            )
    return noted("The EHR sends no Date header to compare with.")


def _date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


CHECKS = (
    check(1, "Issuer is a plain https address", "the issuer of the registration", _issuer, may="pass warn fail"),
    check(2, "Host name resolves", "DNS", _resolves, may="pass fail", needs=(1,)),
    check(3, "Address is allowed", "the address guard", _allowed, may="pass fail", needs=(2,)),
    check(4, "A connection opens", "TCP", _connects, may="pass fail", needs=(3,)),
    check(5, "Certificate is trusted", "the certificate chain", _certificate, may="pass warn fail info", needs=(6,)),
    check(6, "TLS 1.2 or newer", "the TLS handshake", _tls_version, may="pass fail info", needs=(4,)),
    check(7, "Answers come fast enough", "both documents' times", _latency, may="pass warn fail", needs=(5,)),
    check(8, "Clocks agree", "the Date header", _clock, may="pass fail info", needs=(5,)),
)
