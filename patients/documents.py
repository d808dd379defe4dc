"""One document of the patient, fetched from the EHR through us: its address and the token stay on the server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from launcher import audit
from launcher.current import LaunchAccess, launch_required
from launcher.methods import only
from launcher.smart.errors import SmartError
from launcher.smart.fhir import FhirError
from patients.document_files import Served, bytes_of, served
from patients.pages import Page, open_page, private
from patients.picker import needs_patient
from patients.readers.datatypes import Unreadable
from patients.readers.document import inline_bytes
from patients.readers.select import reader_for
from patients.readers.subject import is_about
from patients.records import Attachment, Document, FileSource

_STATUSES = {"not_found": 404, "unsupported": 404, "forbidden": 403, "busy": 503, "unreachable": 504}


@dataclass(frozen=True, slots=True)
class Found:
    """A document of this patient as sent, and as a record."""

    resource: dict[str, object]
    record: Document


class NotShown(Exception):
    """Why a document cannot be handed over, in words, with the HTTP status that says the same."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


@only("GET")
@launch_required
@needs_patient
def document(request: HttpRequest, access: LaunchAccess, document: str) -> HttpResponseBase:
    """The bytes of one file of a document (`?file=` counts from 0), or a chart page that says why not."""
    page = open_page(request, access)
    try:
        found = _find(page.access, document)
        file = _file(found.record, request.GET.get("file", ""))
        made = _load(page.access, found, file)
    except NotShown as refusal:
        audit.record("document.read", access=page.access, outcome="failure", reason=str(refusal.status))
        return _explained(page, refusal)
    audit.record("document.read", access=page.access)
    return _handed_over(made, name=f"document-{document}")


def _find(access: LaunchAccess, document_id: str) -> Found:
    """The DocumentReference with this id, if it is clearly about the launch's patient. Raises `patient_mismatch`."""
    try:
        resource = access.fhir.read("DocumentReference", document_id)
    except FhirError as error:
        _not_loaded(error)
    if resource.get("id") != document_id or not is_about(resource, access.patient_id, access.iss):
        raise SmartError("patient_mismatch", "the document is not clearly about this patient", reason="document")
    try:
        return Found(resource, reader_for(access.version).document(resource, base=access.iss))
    except Unreadable:
        raise NotShown(_("What the EHR sent is no document that this app can read."), 502) from None


def _file(record: Document, index: str) -> Attachment:
    openable = [file for file in record.files if file.can_open]
    wanted = [file for file in openable if not index or str(file.index) == index]
    if record.group == "entered-in-error" or not wanted:
        raise NotShown(_("This document has no file that can be opened here. Look for it in the EHR."), 404)
    return wanted[0]


def _load(access: LaunchAccess, found: Found, file: Attachment) -> Served:
    if file.source is FileSource.INLINE:
        return served(inline_bytes(found.resource, file.index) or b"", file.content_type)
    try:
        answer = access.fhir.fetch(file.address, accept=file.content_type or "*/*")
        body, content_type = bytes_of(answer.body, answer.content_type)
    except FhirError as error:
        _not_loaded(error)
    except ValueError:
        raise NotShown(_failed_words(), 502) from None
    return served(body, _declared(content_type, file))


def _declared(content_type: str, file: Attachment) -> str:
    """The answer's own type, unless that says nothing."""
    return file.content_type if content_type in {"", "application/octet-stream"} else content_type


def _not_loaded(error: FhirError) -> NoReturn:
    status = _STATUSES.get(error.kind, 502)
    if error.kind == "forbidden":
        raise NotShown(_("Not available. This app was not given permission to read this document."), status) from None
    raise NotShown(_failed_words(), status) from None


def _failed_words() -> str:
    return _("This document could not be loaded. This does not mean that it is empty – check the EHR.")


def _explained(page: Page, refusal: NotShown) -> HttpResponseBase:
    html = page.render_page("patients/document.html", words=refusal.words)
    return private(HttpResponse(html, status=refusal.status))


def _handed_over(made: Served, *, name: str) -> HttpResponseBase:
    """Our own words for type and name: nothing that the EHR sent gets into a header."""
    response = HttpResponse(made.body, content_type=made.content_type)
    kept = re.sub(r"[^A-Za-z0-9.-]", "-", name)
    response["Content-Disposition"] = f'{"inline" if made.shown else "attachment"}; filename="{kept}.{made.ending}"'
    response["X-Content-Type-Options"] = "nosniff"
    return private(response)
