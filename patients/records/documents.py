"""Rows of the list of documents, and where each of their files can be had."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from patients.records.values import Coded, Missing, PartialDate, Tag, When


class DocumentGroup(StrEnum):
    CURRENT = "current"
    SUPERSEDED = "superseded"
    ENTERED_IN_ERROR = "entered-in-error"


class FileSource(StrEnum):
    """Where a file lies. Only the first two may be opened: the others are an address we must not fetch, or none."""

    INLINE = "inline"
    EHR = "ehr"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a document. `address` is set for FileSource.EHR alone: the path below the FHIR base ("Binary/12").

    `content_type` is as the EHR sent it, lower case, "" if not sent; `size` is in bytes. `index` is its place among the
    files of the resource, for `readers.document.inline_bytes`.
    """

    index: int
    source: FileSource
    title: str = ""
    content_type: str = ""
    size: int | None = None
    language: str = ""
    created: PartialDate | None = None
    address: str = ""

    @property
    def can_open(self) -> bool:
        return self.source in {FileSource.INLINE, FileSource.EHR}


@dataclass(frozen=True, slots=True)
class Document:
    """A DocumentReference. `completion` is its docStatus ("Preliminary"), None when not sent."""

    reference: str
    kind: Coded
    group: DocumentGroup
    status: Tag
    completion: Tag | None
    dated: PartialDate | Missing
    authors: tuple[str, ...]
    files: tuple[Attachment, ...]
    description: str = ""
    categories: tuple[str, ...] = ()
    custodian: str = ""
    period: When | None = None
    marks: tuple[str, ...] = ()
    restricted: bool = False
