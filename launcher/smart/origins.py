"""Comparison of issuers, origins and base paths as parsed parts, and the guard that judges network addresses.

URLs are never compared as text: `https://fhir.hosp.org@evil.test` and `https://fhir.hosp.org.evil.test` both begin with
the right letters. What this grammar does not know is refused, so that no two readers of one URL can differ about it. It
is a subset of RFC 3986; addresses are judged after the IANA special-purpose registries (RFC 6890).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal
from urllib.parse import urljoin

from launcher.smart.registration import Network

Scheme = Literal["http", "https"]

DEFAULT_PORTS: dict[Scheme, int] = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_PRINTABLE = re.compile(r"[\x21-\x7e]*")
# A percent sign has to mean something, and must not hide a dot, slash, backslash, percent sign or control character:
# a server behind a proxy decodes once more than we do.
_PERCENT_TRICK = re.compile(r"%(?![0-9a-f]{2})|%(?:2e|2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Base:
    """A web address in parsed parts: host in lower case without brackets, the port always a number, no trailing slash.

    Two are equal when they differ in nothing but the case of scheme and host, a default port that is written or left
    out, and one trailing slash.
    """

    scheme: Scheme
    host: str
    port: int
    segments: tuple[str, ...] = ()

    @property
    def origin(self) -> Base:
        """The same without its path (RFC 6454)."""
        return Base(self.scheme, self.host, self.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return "/".join((f"{self.scheme}://{host}{port}", *self.segments))


def parse_base(url: str) -> Base:
    """Parse an address without query and fragment, such as an issuer or FHIR base; ValueError says what is wrong."""
    base, query = _parse(url)
    if query:
        raise ValueError("a query")
    return base


def origin_of(url: str) -> Base:
    """The origin of an address, which may have a path and a query; ValueError as with `parse_base`."""
    return _parse(url)[0].origin


def same_base(a: str, b: str) -> bool:
    """Whether both are well-formed and equal as `Base` defines it."""
    try:
        return parse_base(a) == parse_base(b)
    except ValueError:
        return False


def is_below(url: str, base: Base | str) -> bool:
    """Whether `url` is `base` itself or lies under it, by whole path segments; `url` may have a query, no fragment.

    The base itself counts because servers page with `[base]?_getpages=...`.
    """
    try:
        inner = _parse(url)[0]
        outer = parse_base(base) if isinstance(base, str) else base
    except ValueError:
        return False
    return inner.origin == outer.origin and inner.segments[: len(outer.segments)] == outer.segments


def join(base: Base | str, relative: str) -> str:
    """Resolve a reference against `base` as a folder (RFC 3986, section 5); ValueError unless a usable URL comes out.

    The result may lie anywhere: whether it may be asked is another question (`is_below`, `Door.approves`).
    """
    if not relative or not _PRINTABLE.fullmatch(relative) or "\\" in relative:
        raise ValueError("an empty reference, or characters that do not belong in a URL")
    outer = parse_base(base) if isinstance(base, str) else base
    # `urljoin` would read "https:///x" and "https:x" as relative when the schemes are the same.
    joined = relative if _ABSOLUTE.match(relative) else urljoin(f"{outer}/", relative)
    _parse(joined)
    return joined


def _parse(url: str) -> tuple[Base, str]:
    """Split into the base and the query ("" or "?..."); ValueError with a few words for what is not allowed."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise ValueError("a character that does not belong in a URL")
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("not a plain http or https URL")
    scheme: Scheme = "https" if match["scheme"].lower() == "https" else "http"
    port = int(match["port"]) if match["port"] is not None else DEFAULT_PORTS[scheme]
    if port > 65535:
        raise ValueError("a port out of range")
    base = Base(scheme, _host(match["host"].lower()), port, _segments(match["path"] or ""))
    return base, match["query"] or ""


def _host(text: str) -> str:
    """A host name, or an IP address in its one canonical spelling."""
    if text[0] == "[":
        return str(IPv6Address(text[1:-1]))
    labels = text.split(".")
    if not all(0 < len(label) < 64 for label in labels) or len(text) > 253:
        raise ValueError("a host with a label that is empty or too long")
    # The C library also reads 2130706433, 0177.0.0.1 and 0x7f.1 as 127.0.0.1.
    return str(IPv4Address(text)) if _NUMBER.fullmatch(labels[-1]) else text


def _segments(path: str) -> tuple[str, ...]:
    if _PERCENT_TRICK.search(path):
        raise ValueError("a percent-encoded trick in the path")
    segments = path.split("/")[1:]
    if segments and not segments[-1]:
        segments.pop()
    # Tomcat and its kin cut parameters off before they resolve dots: "..;x" is ".." there.
    if any(re.split(";|%3b", segment, flags=re.IGNORECASE)[0] in {"", ".", ".."} for segment in segments):
        raise ValueError("an empty or dotted path segment")
    return tuple(segments)


_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Special although `ipaddress` of Python 3.11 calls them global; the last is the host's own service on one large cloud.
_NOT_PUBLIC: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("2001::/23"),
    IPv6Network("3fff::/20"),
)


def check_address(address: str, *, networks: Sequence[Network], scheme: str) -> bool:
    """Whether a connection to this IP address may be made: it is public, or lies in `networks`.

    With scheme "http" it must lie in `networks`. An IPv4 address that travels inside an IPv6 address (mapped, 6to4,
    NAT64) is judged by itself. Text that is no IP address in canonical spelling is refused.
    """
    try:
        judged = _embedded(ip_address(address))
    except ValueError:
        return False
    if any(judged in network for network in networks):
        return True
    return scheme == "https" and _is_public(judged)


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved
