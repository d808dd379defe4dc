"""Every element of rich resources missing or of a wrong type, in five versions: what stays is shown, what is lost told.

Each row goes through the reader, the panel and its template. Removed elements and those that say nothing are "not
recorded" (or leave no gap where they are optional), those that cannot be read are named or marked, never dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from launcher.smart.fhir_version import FhirVersion
from patients.readers.datatypes import Unreadable
from tests.patients.readers.variants.conditions import CONDITIONS
from tests.patients.readers.variants.golden import PART, Golden
from tests.patients.readers.variants.judged import faults_of
from tests.patients.readers.variants.making import Variant, variants
from tests.patients.readers.variants.patients import PATIENTS
from tests.patients.readers.variants.prescriptions import PRESCRIPTIONS
from tests.patients.readers.variants.showing import show
from tests.patients.readers.variants.statements import MEDICATIONS, STATEMENTS

GOLDENS: tuple[Golden, ...] = (*PATIENTS, *CONDITIONS, *PRESCRIPTIONS, *STATEMENTS, *MEDICATIONS)


def _named(golden: Golden) -> str:
    return f"{golden.version}-{golden.kind}"


@pytest.mark.parametrize("golden", GOLDENS, ids=_named)
def test_a_whole_resource_shows_all_its_words(golden: Golden) -> None:
    shown = show(golden, golden.resource)
    assert [words for words in golden.shown if words not in shown.text] == [], shown.text
    assert shown.faults == ()
    assert PART not in shown.text


@pytest.mark.parametrize("golden", GOLDENS, ids=_named)
def test_what_stays_is_shown_and_what_is_lost_is_told(golden: Golden) -> None:
    faults = [f"{variant.name}: {fault}" for variant in variants(golden) for fault in _faults(golden, variant)]
    assert faults == []


def test_the_rows_are_many_and_cover_each_type_in_each_version() -> None:
    rows: Counter[tuple[str, FhirVersion]] = Counter()
    for golden in GOLDENS:
        rows[golden.kind.replace("Order", "Request"), golden.version] += sum(1 for _ in variants(golden))
    assert sum(rows.values()) >= 5000
    kinds = ("Patient", "Condition", "MedicationRequest", "MedicationStatement", "Medication")
    assert set(rows) == {(kind, version) for kind in kinds for version in FhirVersion}
    assert min(rows.values()) >= 50


def _faults(golden: Golden, variant: Variant) -> Iterator[str]:
    try:
        shown = show(golden, variant.resource)
    except Unreadable:
        if variant.path != ("resourceType",):
            yield "the Patient is refused"
        return
    yield from faults_of(golden, variant, shown)
