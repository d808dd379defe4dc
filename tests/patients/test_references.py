"""Drugs that orders only refer to: read below the FHIR base, each once, bounded, and never guessed."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from launcher.smart.fhir import SearchResult
from patients.references import TARGETS_MOST, ReferenceReader
from tests.patients.fakes import BASE, FakeFhir, Json, found, medication


def drug(number: int, **changes: object) -> Json:
    return {"resourceType": "Medication", "id": f"d{number}", "code": {"text": f"drug number {number}"}, **changes}


def order(number: int, reference: str) -> Json:
    written = medication(number, medicationReference={"reference": reference})
    return {name: value for name, value in written.items() if name != "medicationCodeableConcept"}


def target(resource: Any) -> str:
    return str(resource.get("medicationReference", {}).get("reference", ""))


def known_to(client: FakeFhir, searched: SearchResult) -> dict[str, Any]:
    return ReferenceReader(client).known_to(searched, reference=target, resource_type="Medication")  # type: ignore[arg-type]


@pytest.mark.parametrize("reference", ["Medication/d1", "Medication/d1/_history/3", f"{BASE}/Medication/d1"])
def test_a_target_below_the_base_is_read(reference: str) -> None:
    client = FakeFhir(others={"Medication/d1": drug(1)})
    assert known_to(client, found(order(1, reference))) == {reference: drug(1)}


@pytest.mark.parametrize(
    "reference",
    [
        "https://elsewhere.example/fhir/Medication/d1",
        f"{BASE}/../Medication/d1",
        "Medication/../Patient/1",
        "Patient/54520",
        "Medication?_id=d1",
        "urn:uuid:7f1f2a9e-0000-4000-8000-000000000001",
        "//elsewhere.example/Medication/d1",
    ],
)
def test_nothing_else_is_read(reference: str) -> None:
    client = FakeFhir(others={"Medication/d1": drug(1)})
    assert known_to(client, found(order(1, reference))) == {}
    assert not client.read_one_by_one


def test_what_came_along_with_the_search_is_not_read_again() -> None:
    client = FakeFhir()
    urn = "urn:uuid:7f1f2a9e-0000-4000-8000-000000000001"
    searched = found(
        order(1, "Medication/d1"), order(2, urn), included={"Medication/d1": drug(1), urn: drug(2, id="d2")}
    )
    assert known_to(client, searched) == {"Medication/d1": drug(1), urn: drug(2, id="d2")}
    assert not client.read_one_by_one


def test_each_target_is_read_once_for_the_whole_page() -> None:
    client = FakeFhir(others={"Medication/d1": drug(1)})
    reader = ReferenceReader(client)  # type: ignore[arg-type]
    searches = [found(order(1, "Medication/d1")), found(order(2, f"{BASE}/Medication/d1"))]
    for searched in searches:
        assert len(reader.known_to(searched, reference=target, resource_type="Medication")) == 1
    assert client.read_one_by_one == ["Medication/d1"]


def test_a_page_reads_a_bounded_number_of_targets() -> None:
    client = FakeFhir(others={f"Medication/d{number}": drug(number) for number in range(200)})
    known = known_to(client, found(*(order(number, f"Medication/d{number}") for number in range(200))))
    assert len(known) == len(client.read_one_by_one) == TARGETS_MOST


def test_an_answer_that_is_another_resource_is_no_answer() -> None:
    client = FakeFhir(others={"Medication/d1": drug(2), "Medication/d3": {**drug(3), "resourceType": "Substance"}})
    assert known_to(client, found(order(1, "Medication/d1"), order(3, "Medication/d3"))) == {}


def test_targets_are_read_side_by_side() -> None:
    together = threading.Barrier(4, timeout=5)

    class Slow(FakeFhir):
        def read(self, resource_type: str, resource_id: str) -> Json:
            together.wait()
            return super().read(resource_type, resource_id)

    client = Slow(others={f"Medication/d{number}": drug(number) for number in range(4)})
    assert len(known_to(client, found(*(order(number, f"Medication/d{number}") for number in range(4))))) == 4
