"""What a golden resource is: the resource, and which of its elements put which words on the page."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launcher.smart.fhir_version import FhirVersion

Json = dict[str, Any]
Path = tuple[str | int, ...]

PART = "Part of this record could not be read. Check the EHR."
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One resource of one version.

    `shown` has the words on the page, each with the elements (paths like "name.0.family") that it depends on. `instead`
    has for an element, or a part holding it, the words when it says nothing and when it cannot be read. `unread` are
    the elements that no reader looks at. Alternatives are parted by "|". `every` fifth variant alone is made of a
    resource that has the form of another version's.
    """

    version: FhirVersion
    resource: Json
    shown: Mapping[str, tuple[str, ...]]
    instead: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    every: int = 1

    @property
    def kind(self) -> str:
        return str(self.resource["resourceType"])

    def as_version(self, version: FhirVersion) -> Golden:
        """The same resource in another version in which nothing of it is different."""
        return Golden(
            version=version,
            resource=copy.deepcopy(self.resource),
            shown=self.shown,
            instead=self.instead,
            unread=self.unread,
            every=5,
        )


def path(words: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in words.split("."))


def concept(text: str, **coding: object) -> Json:
    return {"text": text, "coding": [coding]} if coding else {"text": text}


def coded(code: str, system: str = "") -> Json:
    return {"coding": [{"system": system, "code": code} if system else {"code": code}]}


def quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "code": unit}
