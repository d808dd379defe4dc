"""Whether an address that an EHR sent lies below its FHIR base; decided on parsed parts, without any look-up.

Sources: https://hl7.org/fhir/R4/datatypes.html#Attachment.url (relative addresses are relative to the base),
https://hl7.org/fhir/R4/binary.html, RFC 3986.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

# Spaces, controls, backslashes, fragments and user names have no place in it: libraries read them in different ways.
_PLAIN = re.compile(r"[^\s#@\\\x00-\x20\x7f-\U0010ffff]{1,2000}")
_PORTS = {"http": 80, "https": 443}

Root = tuple[str, str, int]


def below_base(address: object, base: str) -> str:
    """The path below the base, query included ("Binary/12", "Binary/$ccd?patient=1"); "" when it lies elsewhere.

    Dots, empty segments and encoded slashes make it "", because a server might resolve them to another place.
    """
    if not isinstance(address, str) or not _PLAIN.fullmatch(address):
        return ""
    try:
        split = urlsplit(address)
        root = _root(base)
        path = split.path if not split.netloc and not split.scheme else _path_there(address, root)
    except ValueError:
        return ""
    if root is None or path is None:
        return ""
    if path[:1] == "/":
        path = _relative(path, urlsplit(base).path)
    if not path or not all(map(_is_plain_segment, path.split("/"))):
        return ""
    return f"{path}?{split.query}" if split.query else path


def _root(url: str) -> Root | None:
    split = urlsplit(url)
    if split.scheme not in _PORTS or not split.hostname:
        return None
    return split.scheme, split.hostname, split.port or _PORTS[split.scheme]


def _path_there(address: str, root: Root | None) -> str | None:
    """The path of an absolute address on the base's own origin."""
    return urlsplit(address).path if root and _root(address) == root else None


def _relative(path: str, base_path: str) -> str:
    """What follows the base's path, segment by segment, "" when it is not below."""
    segments, above = path.split("/"), base_path.rstrip("/").split("/")
    return "/".join(segments[len(above) :]) if segments[: len(above)] == above else ""


def _is_plain_segment(segment: str) -> bool:
    decoded = unquote(segment)
    return bool(segment) and decoded not in {".", ".."} and decoded.isprintable() and not _UNPLAIN & set(decoded)


_UNPLAIN = frozenset("/\\%?#")
