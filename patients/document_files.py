"""How a document's bytes are handed to a browser: shown only where that can do no harm, else offered as a download.

What is shown is decided by the bytes, not by the type that the EHR names: a page of HTML that calls itself a PDF would
run in our origin. Text is always plain text; HTML is read as text, and never rendered.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from launcher.smart.fhir import parse_binary

_SIGNATURES: Mapping[bytes, tuple[str, str]] = {
    b"%PDF-": ("application/pdf", "pdf"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"GIF87a": ("image/gif", "gif"),
    b"GIF89a": ("image/gif", "gif"),
}
_HTML = {"text/html", "application/xhtml+xml"}
_ENDINGS = {
    "application/xml": "xml",
    "text/xml": "xml",
    "application/hl7-sda+xml": "xml",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "image/tiff": "tiff",
    "application/dicom": "dcm",
}
_BREAKS = frozenset(
    {"p", "br", "div", "tr", "li", "table", "ul", "ol", "pre", "section", "header", "footer"}
    | {f"h{level}" for level in range(1, 7)}
)
_UNREAD = frozenset({"script", "style", "head", "template", "noscript", "iframe", "object"})


@dataclass(frozen=True, slots=True)
class Served:
    """A document as it goes to the browser. `shown` False: the browser is told to save it."""

    body: bytes
    content_type: str
    ending: str
    shown: bool


def served(body: bytes, declared: str) -> Served:
    """What to do with these bytes; `declared` is the media type that the EHR named, "" for none."""
    for signature, (content_type, ending) in _SIGNATURES.items():
        if body.startswith(signature):
            return Served(body, content_type, ending, shown=True)
    if declared in _HTML:
        return Served(_text_of_html(_decoded(body)).encode(), "text/plain; charset=utf-8", "txt", shown=True)
    if declared == "text/plain":
        return Served(_decoded(body).encode(), "text/plain; charset=utf-8", "txt", shown=True)
    return Served(body, "application/octet-stream", _ENDINGS.get(declared, "bin"), shown=False)


def bytes_of(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The document in an answer, and its media type: the bytes as they came, or those inside a Binary resource.

    Servers answer a read of a Binary in either way (https://hl7.org/fhir/R4/binary.html#rest; DSTU2 names the element
    `content`). Raises ValueError for JSON that is no readable Binary.
    """
    if not content_type.endswith(("json", "json+fhir")):
        return body, content_type
    binary = parse_binary(body)
    try:
        return base64.b64decode("".join(binary.data.split()), validate=True), binary.content_type
    except (binascii.Error, ValueError):
        raise ValueError("the Binary's data is not base64") from None


def _decoded(body: bytes) -> str:
    """Text in UTF-8, or in the older encoding of Western EHRs."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")


class _Words(HTMLParser):
    """Collects the text of a page and where its lines break."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in _UNREAD
        if tag in _BREAKS:
            self.parts.append("\n")
        elif tag in {"td", "th"}:
            self.parts.append("\t")

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in _UNREAD and self._unread > 0
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            # Line breaks of the source are spaces on a page.
            self.parts.append(f" {data} ".replace("\n", " ").replace("\t", " "))


def _text_of_html(page: str) -> str:
    """The words of a page, a line for each block, cells apart by tabs, never two empty lines in a row."""
    words = _Words()
    words.feed(page)
    words.close()
    kept: list[str] = []
    for line in map(_tidy, "".join(words.parts).split("\n")):
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip() + "\n"


def _tidy(line: str) -> str:
    return "\t".join(" ".join(cell.split()) for cell in line.split("\t")).strip()
