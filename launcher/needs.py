"""What the chart's panels ask an EHR for, as data: scopes, admin and checks read this and know no panel."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from launcher.registry import Registry
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.scope_writing import Wanted


@dataclass(frozen=True, slots=True)
class DataNeed:
    """One search of one panel: `resource` with `params` (name, value; "{patient}" stands for the patient's id).

    Without `params` it is read one by one, by the references of others.
    """

    panel: str
    label: str
    resource: str
    params: tuple[tuple[str, str], ...]
    versions: frozenset[FhirVersion]


_needs: Registry[DataNeed] = Registry(DataNeed, "data need")


def register(need: DataNeed) -> DataNeed:
    versions = "+".join(sorted(need.versions))
    return _needs.register(f"{need.panel}: {need.resource} {need.params} {versions}", need)


def all_needs() -> tuple[DataNeed, ...]:
    return tuple(_needs)


def panel_names() -> tuple[str, ...]:
    """The chart's panels, each once, in reading order."""
    return tuple(dict.fromkeys(need.panel for need in _needs))


def wanted_of(
    version: FhirVersion, *, panels: Collection[str] = (), resources: Collection[str] = ()
) -> tuple[Wanted, ...]:
    """What the chart reads from an EHR of this FHIR version; the Patient always.

    `panels` are those that the registration shows, `resources` the types that the EHR says it has; empty means all.
    """
    asked = [
        Wanted(need.resource, dict(need.params).get("category", ""))
        for need in _needs
        if version in need.versions
        and (not panels or need.panel in panels)
        and (not resources or need.resource in resources)
    ]
    return (Wanted("Patient"), *asked)
