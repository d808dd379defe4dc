"""Of several versions of one resource in one answer, the newest: an older one may have been taken back since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Resource = Mapping[str, object]


def newest_versions(resources: Iterable[Resource]) -> list[Resource]:
    """Each resource once, by type and id, in the order of first appearance; those without an id all stay.

    Versions are compared by `meta.versionId` where both are numbers, else by `meta.lastUpdated`; what cannot be
    compared is taken to be newer the later it came (FHIR R4, "Resource Metadata").
    """
    found: dict[object, Resource] = {}
    for index, resource in enumerate(resources):
        name = resource.get("id")
        key: object = (resource.get("resourceType"), name) if isinstance(name, str) else index
        before = found.get(key)
        if before is None or not _is_older(resource, before):
            found[key] = resource
    return list(found.values())


def _is_older(resource: Resource, other: Resource) -> bool:
    version, updated = _version(resource)
    other_version, other_updated = _version(other)
    if version is not None and other_version is not None and version != other_version:
        return version < other_version
    return bool(updated and other_updated and updated < other_updated)


def _version(resource: Resource) -> tuple[int | None, str]:
    meta = resource.get("meta")
    fields: Mapping[str, object] = meta if isinstance(meta, Mapping) else {}
    version, updated = fields.get("versionId"), fields.get("lastUpdated")
    number = int(version) if isinstance(version, str) and version.isascii() and version.isdigit() else None
    return number, updated if isinstance(updated, str) else ""
