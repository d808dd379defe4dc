"""The bytes of the invented patients' documents, made when they are asked for: PDF, text, HTML and XML.

PDF: the smallest file that ISO 32000-1, section 7.5, allows, with one page and the standard font.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

Maker = Callable[[], bytes]

LARGE_BYTES = 40 * 1024 * 1024
"""More than any careful client takes for one document."""


def pdf(*lines: str) -> bytes:
    """A page of lines in Latin letters; other letters become question marks, as old printers do it."""
    shown = " ".join(f"({_literal(line)}) ' " for line in lines)
    stream = f"BT /F1 12 Tf 16 TL 72 760 Td {shown}ET".encode("latin-1", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    return _assembled(objects)


def _literal(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _assembled(objects: tuple[bytes, ...]) -> bytes:
    """Header, numbered objects, the table of where each begins, and the trailer."""
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return b"%sxref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        body,
        size,
        table,
        size,
        len(body),
    )


def pdf_of(*lines: str) -> Maker:
    return lambda: pdf(*lines)


def large_pdf() -> bytes:
    """A scan of a thick folder: a page, and blank space after its end."""
    page = pdf("Records of the years 1986 to 2012, scanned")
    return page + b"\n" * (LARGE_BYTES - len(page))


def text_of(*lines: str) -> Maker:
    return lambda: "\r\n".join((*lines, "")).encode()


def html_of(title: str, *paragraphs: str) -> Maker:
    """A page as an EHR's word processor writes it: styled by hand, with a picture from elsewhere and a script."""
    body = "".join(f'<p style="font-family:Calibri">{escape(one)}</p>' for one in paragraphs)
    picture = '<img src="https://stranger.invalid/logo.png" alt="">'
    script = "<script>window.print()</script>"
    page = f"<html><head><title>{escape(title)}</title></head><body>{picture}<h1>{escape(title)}</h1>{body}{script}"
    return lambda: f"<!DOCTYPE html>{page}</body></html>".encode()


def xml_of(title: str, *paragraphs: str) -> Maker:
    """The least of a CDA document that a person can read."""
    text = "".join(f"<paragraph>{escape(one)}</paragraph>" for one in paragraphs)
    section = f"<component><section><title>{escape(title)}</title><text>{text}</text></section></component>"
    body = f"<component><structuredBody>{section}</structuredBody></component>"
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>{escape(title)}</title>'
    )
    return lambda: f"{head}{body}</ClinicalDocument>\n".encode()
