"""Outside example resources, read when SMARTPORTAL_EXAMPLES names a folder laid out as <dstu2|stu3|r4>/*.json."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.select import reader_for
from tests.patients.readers.judging import complaints, read


def examples() -> list[Path]:
    """The files, none when the variable is not set."""
    folder = os.environ.get("SMARTPORTAL_EXAMPLES", "")
    return (
        sorted(path for version in ("dstu2", "stu3", "r4") for path in Path(folder, version).glob("*.json"))
        if folder
        else []
    )


def resources(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and document.get("resourceType") == "Bundle":
        for entry in document.get("entry", []):
            yield from resources(entry.get("resource"))
    elif isinstance(document, dict):
        yield document


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "example" in metafunc.fixturenames:
        metafunc.parametrize("example", examples(), ids=lambda path: f"{path.parent.name}/{path.stem}")


if examples():

    def test_an_example_is_read_by_every_reader_without_a_non_word(example: Path) -> None:
        document = json.loads(example.read_text(encoding="utf-8"), parse_float=Decimal)
        for resource in resources(document):
            for version in (FhirVersion(example.parent.name.upper()), FhirVersion.DSTU2, FhirVersion.R4):
                record = read(reader_for(version), resource)
                assert record is None or complaints(record) == []
