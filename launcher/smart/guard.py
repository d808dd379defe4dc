"""From a host name to a connected socket, by way of the address guard.

The name is resolved once, every address is judged, and the connection goes to a judged address: a name that resolves
differently a moment later (DNS rebinding) gains nothing. All errors are `SmartError`, never OSError: an HTTP library
takes an OSError for bad luck and tries again.
"""

from __future__ import annotations

import concurrent.futures
import ipaddress
import os
import socket
import time
from collections.abc import Sequence

from launcher.smart.deadline import Deadline
from launcher.smart.errors import SmartError
from launcher.smart.origins import check_address
from launcher.smart.registration import Network

CONNECT_SECONDS = 3.0
DNS_SECONDS = 3.0
_DNS_THREADS = 16


def open_connection(
    host: str, port: int, *, scheme: str, networks: Sequence[Network], deadline: Deadline
) -> socket.socket:
    """Connect to `host`, or raise "ehr_unreachable" (dns, timeout, refused) or "ehr_address_forbidden" (address)."""
    addresses = _resolve(host, port, deadline)
    if not all(check_address(address, networks=networks, scheme=scheme) for address in addresses):
        raise SmartError(
            "ehr_address_forbidden",
            f"{host} has an address outside the allowed networks",
            reason="address",
            context={"host": host},
        )
    return _connect(host, port, addresses=addresses, deadline=deadline)


def _resolve(host: str, port: int, deadline: Deadline) -> list[str]:
    """All addresses of the host, in the system's order; a literal address is its own."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    future = _resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = future.result(timeout=max(0.0, min(DNS_SECONDS, deadline.remaining)))
    except concurrent.futures.TimeoutError:
        future.cancel()
        raise _unreachable(host, "dns", "its name was not resolved in time") from None
    except (OSError, UnicodeError):
        raise _unreachable(host, "dns", "its name cannot be resolved") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise _unreachable(host, "dns", "its name has no address")
    return addresses


def _connect(host: str, port: int, *, addresses: Sequence[str], deadline: Deadline) -> socket.socket:
    """Try one address after the other; each gets an even share of the time that is left."""
    until = min(time.monotonic() + CONNECT_SECONDS, deadline.expires)
    cause = ("timeout", "no answer in time")
    for tried, address in enumerate(addresses):
        seconds = (until - time.monotonic()) / (len(addresses) - tried)
        if seconds <= 0:
            break
        try:
            return _connect_one(address, port, seconds)
        except TimeoutError:
            cause = ("timeout", "no answer in time")
        except OSError:
            cause = ("refused", "the connection was refused")
    raise _unreachable(host, *cause)


def _connect_one(address: str, port: int, seconds: float) -> socket.socket:
    """Connect to a literal address, without `socket.create_connection`, which would resolve once more."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    return connection


def _unreachable(host: str, reason: str, cause: str) -> SmartError:
    return SmartError("ehr_unreachable", f"{host}: {cause}", reason=reason, context={"host": host})


def _new_resolvers() -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="outgoing-dns")


_resolvers = _new_resolvers()


def _start_afresh() -> None:
    """A forked child has the pool but not its threads."""
    global _resolvers
    _resolvers = _new_resolvers()


os.register_at_fork(after_in_child=_start_afresh)
