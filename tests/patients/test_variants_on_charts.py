"""Two hundred of the variants on whole charts: an EHR answers with the broken resource, and its chart is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from launcher.models import Launch
from launcher.smart.fhir_version import FhirVersion
from tests.patients.fakes import Json, patient
from tests.patients.played import PlayedEhr, chart_of, open_launch
from tests.patients.readers.test_variants import GOLDENS
from tests.patients.readers.variants.golden import Golden
from tests.patients.readers.variants.judged import NO_DRUG, NOT_SHOWN, faults_of
from tests.patients.readers.variants.making import SENT, Variant, variants
from tests.patients.readers.variants.showing import Shown, order_of, seen

pytestmark = pytest.mark.django_db
OF_EACH = 6
WITHHELD = "1 record that is not clearly about this patient was returned by the EHR and is not shown."


def chosen(golden: Golden) -> list[Variant]:
    """Some of the variants, spread evenly over the resource."""
    every = list(variants(golden))
    return every[:: max(1, len(every) // OF_EACH)]


def page_of(golden: Golden, resource: Json, launch: Launch) -> tuple[int, str]:
    """The chart when the EHR answers with this resource; of a Medication, when an order refers to it."""
    version = golden.version
    if golden.kind == "Patient":
        return chart_of(launch, PlayedEhr(resource, {}, version, beside={}))
    if golden.kind != "Medication":
        return chart_of(launch, PlayedEhr(patient(), {golden.kind: resource}, version, beside={}))
    about = "patient" if version is FhirVersion.DSTU2 else "subject"
    order = {**order_of(version), about: {"reference": "Patient/54520"}}
    ehr = PlayedEhr(patient(), {order["resourceType"]: order}, version, beside={"Medication/d-1": resource})
    return chart_of(launch, ehr)


def part_of(golden: Golden, html: str) -> Shown:
    """The panel of the resource; of a Patient the page down to its end."""
    slug = {"Patient": "demographics", "Condition": "conditions"}.get(golden.kind, "medications")
    before, start, panel = html.partition(f'data-panel="{slug}"')
    assert start, html
    section = f"<section {panel.partition('</section>')[0]}"
    return seen(before.partition("<body")[2].partition(">")[2] + section if golden.kind == "Patient" else section)


def faults_on_chart(golden: Golden, variant: Variant, launch: Launch) -> Iterator[str]:
    status, html = page_of(golden, variant.resource, launch)
    place = variant.path
    if golden.kind == "Patient" and place in {("id",), ("resourceType",)}:
        yield from [] if re.search(r'data-error="patient_(mismatch|unavailable)"', html) else [html]
        return
    if status != 200:
        yield f"the chart is not shown: {status}"
        return
    told = _told_instead(golden, variant)
    shown = part_of(golden, html)
    if told:
        yield from [] if told in shown.text else [f"{told!r} is not in {shown.text!r}"]
        return
    yield from faults_of(golden, variant, shown)


def _told_instead(golden: Golden, variant: Variant) -> str:
    """What the chart says of a resource that it may not or cannot show at all."""
    first = variant.path[0]
    if golden.kind == "Medication" and first in {"id", "resourceType"}:
        return NO_DRUG
    if first == "resourceType":
        return NOT_SHOWN if variant.value != SENT else ""
    return WITHHELD if first in {"subject", "patient"} else ""


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: f"{golden.version}-{golden.kind}")
def test_a_chart_shows_what_stays_and_tells_what_is_lost(golden: Golden) -> None:
    launch = open_launch("54520", golden.version)
    faults = [
        f"{variant.name}: {fault}" for variant in chosen(golden) for fault in faults_on_chart(golden, variant, launch)
    ]
    assert faults == []


def test_the_charts_are_two_hundred_at_least() -> None:
    assert sum(len(chosen(golden)) for golden in GOLDENS) >= 200
