"""The documents panel: what may be opened is a link of ours, everything else says why not."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from tests.patients.clinical import DSTU2, R4, R5, STU3, Shown, document, shown
from tests.patients.fakes import BASE, LAUNCH_ID, Json

CLINICIANS = (DSTU2, R4, R5)


def files(*attachments: Json) -> Json:
    return {"content": [{"attachment": attachment} for attachment in attachments]}


def links(result: Shown) -> list[tuple[str, str]]:
    return [(attrs["href"], text) for attrs, text in result.page.tags("a")]


@pytest.mark.parametrize("version", [*CLINICIANS, STU3])
def test_a_document_that_may_be_opened_has_a_link_of_ours_that_names_it(version: FhirVersion) -> None:
    result = shown("documents", document(version), version=version)
    assert links(result) == [(f"/chart/{LAUNCH_ID}/documents/d1/", "Open Discharge letter 1, Letter")]
    row = result.row("DocumentReference/d1")
    for words in ("Discharge letter 1", "LOINC 18842-5", "Letter · PDF · 20 kB", "Current", "05-Sep-2026"):
        assert words in row
    assert "Ada Example" in row


@pytest.mark.parametrize("version", CLINICIANS)
@pytest.mark.parametrize(
    "url", ["https://elsewhere.example.net/letter.pdf", "javascript:alert(1)", "//elsewhere.example.net/x", "../secret"]
)
def test_an_address_that_we_must_not_fetch_is_no_link_and_says_what_to_do(version: FhirVersion, url: str) -> None:
    result = shown("documents", document(version, **files({"url": url, "contentType": "text/plain"})), version=version)
    assert links(result) == []
    assert "This file lies outside the EHR. Open the document in the EHR." in result.row("DocumentReference/d1")
    assert url not in result.page.html


def test_the_ehrs_own_address_never_stands_in_the_page() -> None:
    result = shown("documents", document(**files({"url": f"{BASE}/Binary/b1"}, {"data": "QUJD"})))
    assert [address for address, _ in links(result)] == [
        f"/chart/{LAUNCH_ID}/documents/d1/?file=0",
        f"/chart/{LAUNCH_ID}/documents/d1/?file=1",
    ]
    assert "Binary/b1" not in result.page.html
    assert "QUJD" not in result.page.html


@pytest.mark.parametrize("content", [files({"title": "Empty"}), {"content": None}])
def test_a_document_without_a_file_says_so(content: Json) -> None:
    result = shown("documents", document(**content))
    assert links(result) == []
    assert "The EHR names no file. Open the document in the EHR." in result.row("DocumentReference/d1")


def test_a_document_without_an_id_cannot_be_opened_and_says_why() -> None:
    result = shown("documents", document(id=None))
    assert links(result) == []
    assert "no id to open it by" in result.text


@pytest.mark.parametrize("version", CLINICIANS)
def test_superseded_documents_are_closed_below_the_current_ones(version: FhirVersion) -> None:
    made = (document(version, 2, status="superseded"), document(version, 1))
    result = shown("documents", *made, version=version)
    assert result.rows_in_order() == ["d1", "d2"]
    assert [text for _, text in result.page.tags("summary")] == ["Superseded (1)"]
    assert "1 current" in result.text


def test_the_newest_stands_first() -> None:
    made = [document(number=n, date=f"202{n}-01-01") for n in (2, 5, 3)]
    assert shown("documents", *made).rows_in_order() == ["d5", "d3", "d2"]


def test_what_is_not_final_says_so() -> None:
    assert "Preliminary" in shown("documents", document(docStatus="preliminary")).row("DocumentReference/d1")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"contentType": "text/html"}, "Web page"),
        ({"contentType": "application/x-strange"}, "application/x-strange"),
        ({}, "kind of file not recorded"),
        ({"contentType": "text/plain; charset=utf-8", "size": 12}, "Text · 12 bytes"),
        ({"contentType": "image/png", "size": 5 * 1024 * 1024}, "Picture (PNG) · 5.0 MB"),
    ],
)
def test_a_file_says_what_it_is(facts: dict[str, Any], said: str) -> None:
    row = shown("documents", document(**files({"url": "Binary/b1", **facts}))).row("DocumentReference/d1")
    assert said in row
