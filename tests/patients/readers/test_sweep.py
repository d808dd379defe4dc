"""Each element of golden resources removed, and set to each wrong JSON type: never an exception, never a non-word."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers import r4
from patients.readers.datatypes import Unreadable
from patients.readers.merge import merge_encounter_diagnoses
from patients.readers.select import Reader, reader_for
from patients.readers.subject import is_about
from patients.records import Condition
from tests.patients.readers.golden import GOLDEN, Json
from tests.patients.readers.judging import complaints, read, read_as

Path = tuple[str | int, ...]
REMOVED = object()
# A nest of lists as a wrong value is worth a row of its own: code that unwraps "the first of the list" stumbles there.
WRONG: tuple[object, ...] = (
    REMOVED,
    None,
    True,
    0,
    -7,
    Decimal("1E+400"),
    "   ",
    "\u200b",
    "zz\x00\ud800 zz",
    [],
    {},
    [None],
    [[{"value": 1}]],
    [1, "x", {}],
    {"value": 1},
    {"coding": [None, 3, {"code": 4}]},
    {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]},
)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every element, depth first, the resource itself left out."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for key, child in children:
        yield (*path, key)
        yield from paths(child, (*path, key))


def changed(value: Any, path: Path, new: object) -> Any:
    """A copy with one element replaced or removed; what lies beside the path is shared."""
    copy = value.copy()
    key, *rest = path
    if rest:
        copy[key] = changed(copy[key], tuple(rest), new)
    elif new is REMOVED:
        del copy[key]
    else:
        copy[key] = new
    return copy


def rows(resource: Json) -> Iterator[tuple[Path, object, Json]]:
    for path in paths(resource):
        for value in WRONG:
            yield path, value, changed(resource, path, value)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: str(golden["id"]))
def test_no_broken_element_raises_or_shows_a_non_word(golden: Json) -> None:
    faults = []
    for path, value, resource in rows(golden):
        try:
            record = read_as(golden["resourceType"], r4, resource)
        except Unreadable:
            faults += [] if path == ("resourceType",) else [f"{path} = {value!r}: unreadable"]
            continue
        if record is not None and (found := complaints(record)):
            faults.append(f"{path} = {value!r}: {found}")
        if isinstance(record, Condition):
            merge_encounter_diagnoses([record, record])
        is_about(resource, "p-2", "https://ehr.example/fhir")
    assert faults == []


def test_the_sweep_is_wide_enough_to_mean_something() -> None:
    assert sum(1 for golden in GOLDEN for _path in paths(golden)) * len(WRONG) > 3000


@pytest.mark.parametrize(
    "resource", [None, [], "Patient", 3, {}, {"resourceType": "Observation"}, {"resourceType": []}]
)
@pytest.mark.parametrize("name", ["demographics", "condition", "medication"])
def test_what_is_no_such_resource_is_unreadable(resource: Any, name: str) -> None:
    with pytest.raises(Unreadable):
        getattr(r4, name)(resource)


@pytest.mark.parametrize("version", list(FhirVersion))
def test_every_version_has_a_reader_that_reads_every_golden_resource(version: FhirVersion) -> None:
    reader: Reader = reader_for(version)
    assert [complaints(record) for golden in GOLDEN if (record := read(reader, golden))] == [[]] * len(GOLDEN)


def test_queries_ask_for_the_names_of_each_version() -> None:
    asked = {version: [kind for kind, _params in reader_for(version).MEDICATION_QUERIES] for version in FhirVersion}
    assert asked[FhirVersion.DSTU2] == ["MedicationOrder", "MedicationStatement"]
    assert asked[FhirVersion.STU3] == asked[FhirVersion.R4] == ["MedicationRequest", "MedicationStatement"]
    assert reader_for(FhirVersion.R4).CONDITION_QUERIES == (("Condition", (("patient", "{patient}"),)),)
    parameters = {
        name
        for version in FhirVersion
        for _kind, params in reader_for(version).MEDICATION_QUERIES
        for name, _ in params
    }
    assert parameters == {"patient"}
