"""A DocumentReference of any FHIR version as a row of the list of documents, and where its files lie.

Nothing is fetched here. A file may be opened when its bytes are in the resource, or when its address lies below the
FHIR base: any other would send the EHR's token, or the reader of the chart, to a place nobody approved. Sources:
https://hl7.org/fhir/DSTU2/documentreference.html, https://hl7.org/fhir/R4/documentreference.html,
https://hl7.org/fhir/R5/documentreference.html, https://hl7.org/fhir/R4/datatypes.html#Attachment.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from patients.readers.clinical_shapes import DOCUMENT
from patients.readers.codes import Status, concept_at, status_at, undescribed, why_no_concept, words_at
from patients.readers.condition import DATE_AS_SENT, NOT_GIVEN, NOT_READABLE
from patients.readers.datatypes import (
    Fields,
    is_restricted,
    is_sent,
    many,
    modifier_marks,
    number,
    one,
    own_reference,
    require_type,
    text_at,
)
from patients.readers.dates import date_at, partial_date, when_period
from patients.readers.file_address import below_base
from patients.readers.names import reference_name, reference_names
from patients.readers.shapes import unreadable_marks
from patients.readers.wording import said, said_tag
from patients.records import (
    Attachment,
    Coded,
    Document,
    DocumentGroup,
    FileSource,
    Missing,
    PartialDate,
    Tag,
    Tone,
    When,
)

DOCUMENT_QUERIES = (("DocumentReference", (("patient", "{patient}"),)),)
DOCUMENT_TYPES = ("LOINC", "SNOMED CT")

_STATUSES: Mapping[str, tuple[DocumentGroup, Tag]] = {
    "current": (DocumentGroup.CURRENT, Tag("Current", Tone.OK)),
    "superseded": (DocumentGroup.SUPERSEDED, Tag("Superseded", Tone.INFO)),
    "entered-in-error": (DocumentGroup.ENTERED_IN_ERROR, Tag("Entered in error", Tone.BAD)),
}
_COMPLETION: Mapping[str, Tag] = {
    "preliminary": Tag("Preliminary", Tone.WARN),
    "registered": Tag("Registered", Tone.INFO),
    "partial": Tag("Partial", Tone.WARN),
    "final": Tag("Final", Tone.OK),
    "amended": Tag("Amended", Tone.WARN),
    "corrected": Tag("Corrected", Tone.WARN),
    "appended": Tag("Appended", Tone.INFO),
    "cancelled": Tag("Cancelled", Tone.WARN),
    "deprecated": Tag("Deprecated", Tone.WARN),
    "unknown": NOT_GIVEN,
    "entered-in-error": Tag("Entered in error", Tone.BAD),
}
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_MOST_BYTES = 2**53


def document(resource: Fields, *, base: str) -> Document:
    """Read a DocumentReference of any version; raises Unreadable when it is none. `base` is the FHIR base URL."""
    fields = require_type(resource, "DocumentReference")
    status = status_at(fields, "status", _STATUSES)
    completion = status_at(fields, "docStatus", _COMPLETION)
    files = tuple(_attachment(index, item, base) for index, item in enumerate(_attachments(fields)))
    dated = date_at(fields, "date", "created", "indexed")
    return Document(
        reference=own_reference(fields),
        kind=_kind(fields),
        group=_group(status, completion),
        status=_status_tag(status),
        completion=_completion_tag(completion),
        dated=dated,
        authors=reference_names(fields, "author"),
        files=files,
        description=text_at(fields, "description"),
        categories=tuple(_named(words) for words in words_at(fields, "category", "class")),
        custodian=reference_name(fields, one(fields, "custodian")),
        period=_period(fields),
        marks=_marks(fields, dated),
        restricted=is_restricted(fields),
    )


def _named(words: str) -> str:
    """US Core's category for nearly all documents comes without a display in most EHRs."""
    return said("Clinical note") if words == undescribed("clinical-note") else words


def _kind(fields: Fields) -> Coded:
    """Never blank."""
    if found := concept_at(fields, "type", preferred=DOCUMENT_TYPES):
        return found
    withheld = why_no_concept(fields, "type") is Missing.MASKED
    text = said("Type of document withheld by the EHR") if withheld else said("Type of document not given")
    return Coded(text=text, named=False)


def _group(status: Status, completion: Status) -> DocumentGroup:
    """Its contents may be entered in error while the reference to it is current."""
    if "entered-in-error" in {status.code, completion.code}:
        return DocumentGroup.ENTERED_IN_ERROR
    return _STATUSES[status.code][0] if status.code else DocumentGroup.CURRENT


def _status_tag(status: Status) -> Tag:
    if status.code:
        return said_tag(_STATUSES[status.code][1])
    if status.words:
        return Tag(status.words, Tone.UNKNOWN)
    return said_tag(NOT_READABLE if status.unreadable else NOT_GIVEN)


def _completion_tag(completion: Status) -> Tag | None:
    if completion.code:
        return said_tag(_COMPLETION[completion.code])
    if completion.words:
        return Tag(completion.words, Tone.UNKNOWN)
    return said_tag(NOT_READABLE) if completion.unreadable else None


def _period(fields: Fields) -> When | None:
    """When what is described took place: in `context`, in R5 in the resource itself."""
    return when_period(one(one(fields, "context"), "period")) or when_period(one(fields, "period"))


def _attachments(fields: Fields) -> list[Fields]:
    return [one(item, "attachment") for item in many(fields, "content")]


def _attachment(index: int, file: Fields, base: str) -> Attachment:
    source, address = _where(file, base)
    media_type = text_at(file, "contentType").partition(";")[0].strip().lower()
    return Attachment(
        index=index,
        source=source,
        title=text_at(file, "title"),
        content_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "",
        size=_size(file),
        language=text_at(file, "language"),
        created=partial_date(file.get("creation")),
        address=address,
    )


def _size(file: Fields) -> int | None:
    """In bytes; R5's integer64 comes as a text."""
    value = number(file.get("size"))
    return int(value) if value is not None and 0 <= value <= _MOST_BYTES and value == int(value) else None


def _where(file: Fields, base: str) -> tuple[FileSource, str]:
    """Inline bytes go first: they need no further request."""
    if _bytes_of(file.get("data")):
        return FileSource.INLINE, ""
    if not is_sent(file, "url"):
        return FileSource.NOWHERE, ""
    address = below_base(file.get("url"), base)
    return (FileSource.EHR, address) if address else (FileSource.ELSEWHERE, "")


def inline_bytes(resource: Fields, index: int) -> bytes | None:
    """The bytes of the file in this place when they are in the resource, else None."""
    files = _attachments(resource)
    return _bytes_of(files[index].get("data")) if 0 <= index < len(files) else None


def _bytes_of(data: object) -> bytes | None:
    """Base64 with or without white space; None when it is none, or empty."""
    if not isinstance(data, str):
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _marks(fields: Fields, dated: PartialDate | Missing) -> tuple[str, ...]:
    marks = modifier_marks(fields)
    if isinstance(dated, PartialDate) and not dated.readable:
        marks.append(said(DATE_AS_SENT))
    if not many(fields, "content"):
        marks.append(said("The EHR names no file for this document"))
    return (*marks, *unreadable_marks(fields, DOCUMENT))
