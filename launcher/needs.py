"""What the chart's panels ask an EHR for, as data: scopes, admin and checks read this and know no panel."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.registry import Registry
from launcher.smart.fhir_version import FhirVersion


@dataclass(frozen=True, slots=True)
class DataNeed:
    """One search of one panel: `resource` with `params` (name, value; "{patient}" stands for the patient's id)."""

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
