"""How far a connection to a server gets, step by step: name, address, connection, TLS version, certificate.

A call through the door says only that there is no trusted connection; who has to repair one wants to know which step
failed. The connection is made by the same address guard with the same certificate authorities, and nothing is sent.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from launcher.smart import guard, http
from launcher.smart.deadline import Deadline
from launcher.smart.errors import SmartError
from launcher.smart.origins import Base
from launcher.smart.registration import Network

Failure = Literal[
    "",
    "dns",
    "address",
    "timeout",
    "refused",
    "ca_bundle",
    "protocol",
    "no_tls",
    "tls",
    "expired",
    "not_yet_valid",
    "name",
    "untrusted",
]

_CONNECTING: dict[str, Failure] = {"dns": "dns", "address": "address", "timeout": "timeout", "refused": "refused"}
# X509_V_ERR_… of OpenSSL, x509_vfy.h; whatever else it says is a chain that does not end at a trusted authority.
_CERTIFICATE: dict[int, Failure] = {9: "not_yet_valid", 10: "expired", 62: "name", 64: "name"}
_OLD_VERSION = {"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "VERSION_TOO_LOW"}
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What came of it: `failure` names the step that failed, "" for none.

    `address` is the IP address that was connected to, `protocol` such as "TLSv1.3" ("" without TLS), `expires` the end
    of the server's certificate.
    """

    failure: Failure = ""
    address: str = ""
    milliseconds: int = 0
    protocol: str = ""
    expires: datetime | None = None


def shake_hands(origin: Base, *, networks: Sequence[Network], ca_bundle: str, seconds: float) -> Handshake:
    """Connect to an origin as the door would, look at what it shows, and hang up. Raises nothing."""
    began = time.monotonic()
    with Deadline(seconds) as deadline:
        try:
            connection = guard.open_connection(
                origin.host, origin.port, scheme=origin.scheme, networks=networks, deadline=deadline
            )
        except SmartError as error:
            return Handshake(failure=_CONNECTING.get(error.reason, "refused"))
        with connection:
            address = str(connection.getpeername()[0])
            spent = round((time.monotonic() - began) * 1000)
            if origin.scheme == "http":
                return Handshake(address=address, milliseconds=spent)
            try:
                context = http._tls_context(ca_bundle)
            except SmartError:
                return Handshake(failure="ca_bundle", address=address, milliseconds=spent)
            deadline.watch(connection)
            connection.settimeout(max(0.01, deadline.remaining))
            try:
                with context.wrap_socket(connection, server_hostname=origin.host) as secure:
                    return Handshake(
                        address=address,
                        milliseconds=spent,
                        protocol=secure.version() or "",
                        expires=_end_of(secure.getpeercert()),
                    )
            except OSError as error:
                return Handshake(failure=_failure(error), address=address, milliseconds=spent)


def _failure(error: OSError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, "untrusted")
    if isinstance(error, TimeoutError):
        return "timeout"
    reason = str(getattr(error, "reason", "") or "")
    if reason in _OLD_VERSION:
        return "protocol"
    return "no_tls" if reason in _NOT_TLS else "tls"


def _end_of(certificate: object) -> datetime | None:
    written = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(written), UTC) if isinstance(written, str) else None
