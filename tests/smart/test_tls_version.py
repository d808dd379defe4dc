"""TLS 1.2 is the oldest that the door speaks (SMART App Launch 2.2, "Backend Services" and "Client Authentication")."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from launcher.smart.errors import SmartError
from launcher.smart.http import Door
from tests.smart.misbehaving import Server, answering, plain

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ehr.test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    found = tmp_path_factory.mktemp("tls") / "both.pem"
    found.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return found


def speaking(version: ssl.TLSVersion, certificate: Path, *, server: bool) -> ssl.SSLContext:
    """One end of a connection that speaks this version alone, and takes old ciphers for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    if server:
        context.load_cert_chain(certificate)
    else:
        context.load_verify_locations(certificate)
    return context


def old_client_gets_in(server: Server, version: ssl.TLSVersion, certificate: Path) -> bool:
    context = speaking(version, certificate, server=False)
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=2) as plain_socket,
        context.wrap_socket(plain_socket, server_hostname="127.0.0.1") as secure,
    ):
        return secure.version() is not None


def status(server: Server, certificate: Path) -> int:
    door = Door(fhir_base=server.url("/fhir"), networks=[LOOPBACK], ca_bundle=str(certificate))
    url = server.url("/fhir/x")
    return door.get(url, accept="application/json", max_bytes=100, failure="discovery_failed", seconds=2).status


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_of_today_is_spoken_with(version: ssl.TLSVersion, certificate: Path) -> None:
    with answering(plain(), tls=speaking(version, certificate, server=True)) as server:
        assert status(server, certificate) == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_server_that_speaks_older_versions_alone_is_not_spoken_with(
    version: ssl.TLSVersion, certificate: Path
) -> None:
    with answering(plain(), tls=speaking(version, certificate, server=True)) as server:
        assert old_client_gets_in(server, version, certificate), "the server does speak it"
        with pytest.raises(SmartError) as refused:
            status(server, certificate)
        assert (refused.value.code, refused.value.reason) == ("ehr_unreachable", "tls")
        assert server.requests == []
