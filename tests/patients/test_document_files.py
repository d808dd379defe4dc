"""What a browser is given of a document: shown where that can do no harm, else saved; decided by the bytes."""

from __future__ import annotations

import base64
import json

import pytest

from patients.document_files import bytes_of, served

PDF = b"%PDF-1.4\n%invented"
PAGE = b"""<!DOCTYPE html><html><head><title>T</title><style>p{color:red}</style></head>
<body onload="alert(1)"><h1>Discharge   letter</h1><script>alert(1)</script>
<p>Dear&nbsp;colleague,<br>thank   you &amp; yours.</p>
<table><tr><td>sodium</td><td>140</td></tr></table></body></html>"""


@pytest.mark.parametrize(
    ("body", "declared", "content_type", "shown"),
    [
        (PDF, "application/pdf", "application/pdf", True),
        (PDF, "text/html", "application/pdf", True),
        (b"\x89PNG\r\n\x1a\nrest", "", "image/png", True),
        (b"\xff\xd8\xffrest", "image/png", "image/jpeg", True),
        (b"plain words", "text/plain", "text/plain; charset=utf-8", True),
        (b"<ClinicalDocument/>", "application/xml", "application/octet-stream", False),
        (b"<svg onload='alert(1)'/>", "image/svg+xml", "application/octet-stream", False),
        (b"<script>alert(1)</script>", "", "application/octet-stream", False),
    ],
)
def test_the_bytes_decide(body: bytes, declared: str, content_type: str, shown: bool) -> None:
    made = served(body, declared)
    assert (made.content_type, made.shown) == (content_type, shown)


def test_a_page_that_calls_itself_a_pdf_is_saved_and_never_run() -> None:
    made = served(PAGE, "application/pdf")
    assert (made.content_type, made.shown) == ("application/octet-stream", False)


def test_html_is_read_as_text() -> None:
    made = served(PAGE, "text/html")
    assert made.content_type == "text/plain; charset=utf-8"
    assert made.body.decode() == "Discharge letter\n\nDear colleague,\nthank you & yours.\n\nsodium\t140\n"


def test_old_encodings_of_text_are_read() -> None:
    assert served("Grüße – über".encode("cp1252"), "text/plain").body.decode() == "Grüße – über"
    assert served("\ufeffwords".encode(), "text/plain").body == b"words"


@pytest.mark.parametrize("element", ["data", "content"])
def test_a_binary_resource_is_unpacked(element: str) -> None:
    binary = {
        "resourceType": "Binary",
        "contentType": "Application/PDF; x=y",
        element: base64.encodebytes(PDF).decode(),
    }
    assert bytes_of(json.dumps(binary).encode(), "application/fhir+json") == (PDF, "application/pdf")
    assert bytes_of(PDF, "application/pdf") == (PDF, "application/pdf")


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"not json", b'{"resourceType":"OperationOutcome"}', b'{"resourceType":"Binary","data":"%%%"}'],
)
def test_what_is_no_binary_is_not_handed_over_as_a_document(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"Binary|JSON|data"):
        bytes_of(body, "application/fhir+json")
