"""Documents in five versions, and which of their files may be opened without sending anybody to a strange place."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import Unreadable
from patients.readers.document import document, inline_bytes
from patients.readers.file_address import below_base
from patients.readers.select import reader_for
from patients.records import Attachment, Document, DocumentGroup, FileSource, Missing, PartialDate, Tag, Tone
from tests.patients.readers.mutating import losses

Json = dict[str, Any]
BASE = "https://ehr.example/fhir/r4"


def read(resource: Json) -> Document:
    return document(resource, base=BASE)


def row(**fields: Any) -> Document:
    return read({"resourceType": "DocumentReference", "id": "d", "status": "current", **fields})


def file(**fields: Any) -> Attachment:
    (found,) = row(content=[{"attachment": fields}]).files
    return found


DSTU2: Json = {
    "resourceType": "DocumentReference",
    "id": "d-2",
    "status": "current",
    "docStatus": {"coding": [{"code": "preliminary"}]},
    "type": {"text": "Discharge summary", "coding": [{"system": "http://loinc.org", "code": "18842-5"}]},
    "class": {"text": "Clinical note"},
    "subject": {"reference": "Patient/p-2"},
    "author": [{"display": "Dr. Grey Example"}],
    "custodian": {"display": "Example Clinic"},
    "indexed": "2026-01-09",
    "description": "Stay of January",
    "content": [
        {
            "attachment": {
                "contentType": "application/pdf",
                "title": "Summary",
                "url": "Binary/12",
                "size": 2048,
                "language": "en-US",
                "creation": "2026-01-08",
            }
        },
        {"attachment": {"contentType": "text/plain; charset=utf-8", "data": "SGVsbG8="}},
    ],
    "context": {"period": {"start": "2026-01-01", "end": "2026-01-08"}},
}
STU3: Json = {**DSTU2, "id": "d-3", "docStatus": "preliminary"}
R4: Json = {
    **{key: item for key, item in STU3.items() if key not in {"indexed", "class"}},
    "id": "d-4",
    "category": [{"text": "Clinical note"}],
    "date": "2026-01-09",
}
R4B: Json = {**R4, "id": "d-4b"}
R5: Json = {
    **{key: item for key, item in R4.items() if key != "context"},
    "id": "d-5",
    "period": DSTU2["context"]["period"],
    "content": [{"attachment": {**DSTU2["content"][0]["attachment"], "size": "2048"}}, DSTU2["content"][1]],
}
GOLDEN = (DSTU2, STU3, R4, R4B, R5)


@pytest.mark.parametrize("resource", GOLDEN, ids=["DSTU2", "STU3", "R4", "R4B", "R5"])
def test_a_document_in_every_version(resource: Json) -> None:
    found = read(resource)
    assert (found.kind.text, found.categories, found.description) == (
        "Discharge summary",
        ("Clinical note",),
        "Stay of January",
    )
    assert (found.group, found.status) == (DocumentGroup.CURRENT, Tag("Current", Tone.OK))
    assert found.completion == Tag("Preliminary", Tone.WARN)
    assert (found.authors, found.custodian) == (("Dr. Grey Example",), "Example Clinic")
    assert found.dated == PartialDate("2026-01-09", 2026, 1, 9)
    assert found.period
    assert found.period.end == PartialDate("2026-01-08", 2026, 1, 8)
    assert found.files == (
        Attachment(
            index=0,
            source=FileSource.EHR,
            title="Summary",
            content_type="application/pdf",
            size=2048,
            language="en-US",
            created=PartialDate("2026-01-08", 2026, 1, 8),
            address="Binary/12",
        ),
        Attachment(index=1, source=FileSource.INLINE, content_type="text/plain"),
    )
    assert found.marks == ()


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({"status": "superseded"}, DocumentGroup.SUPERSEDED),
        ({"status": "entered-in-error"}, DocumentGroup.ENTERED_IN_ERROR),
        ({"status": "current", "docStatus": "entered-in-error"}, DocumentGroup.ENTERED_IN_ERROR),
        ({"status": None}, DocumentGroup.CURRENT),
    ],
)
def test_groups(fields: Json, group: DocumentGroup) -> None:
    assert row(**fields).group is group


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("Binary/12", "Binary/12"),
        ("Binary/12/_history/1", "Binary/12/_history/1"),
        ("Binary/$ccd?patient=1", "Binary/$ccd?patient=1"),
        ("https://ehr.example/fhir/r4/Binary/12", "Binary/12"),
        ("https://EHR.example:443/fhir/r4/Binary/12", "Binary/12"),
        ("/fhir/r4/Binary/12", "Binary/12"),
        ("https://other.example/fhir/r4/Binary/12", ""),
        ("http://ehr.example/fhir/r4/Binary/12", ""),
        ("https://ehr.example:8443/fhir/r4/Binary/12", ""),
        ("https://ehr.example/fhir/r4-copy/Binary/12", ""),
        ("https://ehr.example/fhir/r4", ""),
        ("https://ehr.example/fhir/r4/../admin", ""),
        ("https://ehr.example/fhir/r4/%2e%2e/admin", ""),
        ("https://ehr.example/fhir/r4/a%2f..%2fadmin", ""),
        ("https://ehr.example@other.example/fhir/r4/Binary/12", ""),
        ("https://ehr.example\\@other.example/fhir/r4/Binary/12", ""),
        ("//other.example/Binary/12", ""),
        ("../Binary/12", ""),
        ("Binary//12", ""),
        ("Binary/12#x", ""),
        ("Binary/1 2", ""),
        ("Binary/\n12", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", ""),
        ("https://[broken/Binary/12", ""),
        ("https://ehr.example:port/fhir/r4/Binary/12", ""),
        ("", ""),
        (12, ""),
    ],
)
def test_only_addresses_below_the_base_are_the_ehrs(url: object, path: str) -> None:
    assert below_base(url, BASE) == path
    assert below_base(url, f"{BASE}/") == path


def test_where_a_file_lies_decides_whether_it_opens() -> None:
    assert file(url="Binary/1").can_open
    assert file(data="SGVsbG8=", url="https://other.example/x").source is FileSource.INLINE
    elsewhere = file(url="https://other.example/x")
    assert (elsewhere.source, elsewhere.can_open, elsewhere.address) == (FileSource.ELSEWHERE, False, "")
    assert file(title="Lost").source is FileSource.NOWHERE
    assert file(data="not base64!").source is FileSource.NOWHERE


def test_inline_bytes_come_from_the_file_of_that_index_alone() -> None:
    assert inline_bytes(DSTU2, 1) == b"Hello"
    assert inline_bytes(DSTU2, 0) is None
    assert inline_bytes(DSTU2, 2) is None
    assert inline_bytes(DSTU2, -1) is None
    assert inline_bytes({"content": [{"attachment": {"data": "SGVs\nbG8="}}]}, 0) == b"Hello"


@pytest.mark.parametrize("size", [-1, "many", 1.5, True, "1E+400"])
def test_a_size_that_cannot_be_is_left_out(size: object) -> None:
    assert file(url="Binary/1", size=size).size is None


def test_a_media_type_that_is_none_is_left_out() -> None:
    assert file(url="Binary/1", contentType="Text/HTML").content_type == "text/html"
    assert file(url="Binary/1", contentType="text/html\r\nX: y").content_type == ""


def test_a_document_without_a_name_date_or_file_says_so() -> None:
    found = row()
    assert (found.kind.text, found.dated) == ("Type of document not given", Missing.NOT_RECORDED)
    assert found.marks == ("The EHR names no file for this document",)


TOUCHES = {
    "id": frozenset({"reference"}),
    "status": frozenset({"group", "status"}),
    "docStatus": frozenset({"group", "completion"}),
    "type": frozenset({"kind"}),
    "class": frozenset({"categories"}),
    "category": frozenset({"categories"}),
    "author": frozenset({"authors"}),
    "custodian": frozenset({"custodian"}),
    "indexed": frozenset({"dated"}),
    "date": frozenset({"dated"}),
    "description": frozenset({"description"}),
    "content": frozenset({"files"}),
    "context": frozenset({"period"}),
    "period": frozenset({"period"}),
}


@pytest.mark.parametrize("golden", [DSTU2, R4, R5], ids=lambda golden: str(golden["id"]))
def test_a_broken_element_costs_no_more_than_itself(golden: Json) -> None:
    assert list(losses(read, golden, TOUCHES)) == []


@pytest.mark.parametrize("resource", [None, [], "x", {}, {"resourceType": "Condition"}])
def test_what_is_no_document_is_unreadable(resource: Any) -> None:
    with pytest.raises(Unreadable):
        read(resource)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_every_version_asks_for_documents_by_patient(version: FhirVersion) -> None:
    reader = reader_for(version)
    assert reader.DOCUMENT_QUERIES == (("DocumentReference", (("patient", "{patient}"),)),)
    assert reader.document(R4, base=BASE).files[0].can_open
