"""Whether a resource is clearly about the launch's patient; whatever is not clear is withheld from the chart.

Source: https://hl7.org/fhir/references.html#literal.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from patients.readers.datatypes import Fields

# No query, fragment, user information or backslash; and no white space, which urlsplit would quietly drop.
_PLAIN = re.compile(r"[^\s?#@\\\x00-\x20\x7f]+")
_PORTS = {"http": 80, "https": 443}


def is_about(resource: Fields, patient_id: str, base: str) -> bool:
    """True only when `subject` or `patient` is Patient/<id> or <base>/Patient/<id>, with or without /_history/x.

    Where both are sent, both must be. Another patient, a contained one, a urn, an identifier alone, an absolute URL of
    another server and a missing reference are False. `base` is the FHIR base URL, with or without a slash at its end.
    """
    if not isinstance(resource, dict) or not patient_id:
        return False
    sent = [resource[key] for key in ("subject", "patient") if resource.get(key) is not None]
    return bool(sent) and all(_points_to(reference, patient_id, base) for reference in sent)


def _points_to(reference: object, patient_id: str, base: str) -> bool:
    if not isinstance(reference, dict):
        return False
    address, kind = reference.get("reference"), reference.get("type")
    if not isinstance(address, str) or (kind is not None and kind != "Patient"):
        return False
    return path_below(address, base) == ["Patient", patient_id]


def path_below(address: str, base: str) -> list[str] | None:
    """The segments below the base, without version; None when the address lies elsewhere."""
    if not address.partition(":")[1]:
        return _without_version(address.split("/"))
    found, root = _parts(address), _parts(base.removesuffix("/"))
    if not found or not root or found[0] != root[0]:
        return None
    length = len(root[1])
    return _without_version(found[1][length:]) if found[1][:length] == root[1] else None


def _without_version(segments: list[str]) -> list[str]:
    return segments[:2] if len(segments) == 4 and segments[2] == "_history" and segments[3] else segments


def _parts(url: str) -> tuple[tuple[str, str, int], list[str]] | None:
    """Origin (default port filled in) and path segments of a plain http(s) URL; None for anything else."""
    if not _PLAIN.fullmatch(url):
        return None
    try:
        split = urlsplit(url)
        port = split.port or _PORTS.get(split.scheme, 0)
    except ValueError:
        return None
    if split.scheme not in _PORTS or not split.hostname:
        return None
    return (split.scheme, split.hostname, port), split.path.split("/")[1:]
