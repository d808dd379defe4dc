"""The vital signs panel: the latest large, how old it is, a plot of two years, and a table of everything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from launcher.smart.fhir_version import FhirVersion
from tests.patients.clinical import DSTU2, LOINC, R4, R5, Shown, coded, concept, observation, pressure, shown
from tests.patients.fakes import Json

CLINICIANS = (DSTU2, R4, R5)


def weight(number: int, value: str = "72", unit: str = "kg", version: FhirVersion = R4, **changes: Any) -> Json:
    measured = {"value": Decimal(value), "unit": unit, "code": unit}
    return observation("vital-signs", version, number, **{"valueQuantity": measured, **changes})


def words_of(result: Shown, css: str) -> list[str]:
    return [text for attrs, text in result.page.tags("p") if css in attrs.get("class", "").split()]


def plots(result: Shown) -> list[str]:
    return [attrs["aria-label"] for attrs, _ in result.page.tags("svg")]


@pytest.mark.parametrize("version", CLINICIANS)
def test_the_latest_value_stands_above_its_date_its_age_and_the_one_before(version: FhirVersion) -> None:
    result = shown("vitals", weight(1, "71.50", version=version), weight(11, "72.40", version=version), version=version)
    assert result.headings == ["Body weight (kg)"]
    latest, dated, previous = words_of(result, "latest")[0], *words_of(result, "sub")[:2]
    assert latest == "72.40 kg"
    assert dated == "11-Nov-2026 · 12 days old"
    assert previous == "Previous 71.50 kg 01-Nov-2026"


@pytest.mark.parametrize("version", CLINICIANS)
def test_a_blood_pressure_is_one_value_and_a_bar_that_is_not_joined(version: FhirVersion) -> None:
    made = [pressure(128 + n, 82, version, n) for n in (1, 2, 3)]
    result = shown("vitals", *made, version=version)
    assert result.headings == ["Blood pressure (mmHg)"]
    assert words_of(result, "latest") == ["131/82 mmHg"]
    assert len(result.page.find(**{"class": "bar"})) == 3
    assert not result.page.tags("polyline")


def test_points_are_joined_but_not_across_a_gap_of_half_a_year() -> None:
    dates = ("2025-02-01", "2025-03-01", "2026-10-01", "2026-11-01")
    result = shown("vitals", *(weight(n, effectiveDateTime=date) for n, date in enumerate(dates, 1)))
    assert len(result.page.tags("polyline")) == 2
    assert len(result.page.find(**{"class": "dot"})) == 4
    assert "More than 180 days without a measurement before this one" in result.row("Observation/o3")


def test_the_plot_says_in_words_what_it_shows_and_has_neither_style_nor_marks() -> None:
    result = shown("vitals", weight(1, "71"), weight(2, "72"))
    assert plots(result) == [
        "Body weight, plot of 2 measurements of the last 2 years. Newest: 72 kg. All values are in the table below."
    ]
    svg = next(attrs for attrs, _ in result.page.tags("svg"))
    assert svg["role"] == "img"
    assert [attrs for _, attrs, _ in result.page.elements if "style" in attrs] == []
    assert result.records == ["Observation/o2", "Observation/o1"]


def test_the_plot_shows_two_years_and_says_so_while_the_table_shows_everything() -> None:
    old = weight(9, "60", effectiveDateTime="2019-01-05")
    result = shown("vitals", weight(1, "71"), weight(2, "72"), old)
    assert len(result.page.find(**{"class": "dot"})) == 2
    assert "The plot shows the last 2 years, the table shows everything." in result.text
    assert "05-Jan-2019" in result.row("Observation/o9")
    assert "Show as table (3)" in result.text


def test_one_measurement_makes_no_plot_but_a_table() -> None:
    result = shown("vitals", weight(1))
    assert plots(result) == []
    assert "Show as table (1)" in result.text
    assert "Previous not recorded" in result.text


def test_units_are_never_mixed_and_a_converted_value_says_from_what() -> None:
    result = shown("vitals", weight(1, "72"), weight(2, "160", "lb"), weight(3, "5", "stone"))
    assert sorted(result.headings) == ["Body weight (kg)", "Body weight (stone)"]
    assert "converted from lb (160 lb)" in result.row("Observation/o2")


def test_no_value_has_its_reason_and_a_bound_is_in_the_table_only() -> None:
    absent = weight(3, valueQuantity=None, dataAbsentReason=coded("not-performed"))
    below = weight(2, valueQuantity={"value": 30, "comparator": "<", "unit": "kg", "code": "kg"})
    result = shown("vitals", weight(1, "71"), below, absent, weight(4, "72"))
    assert "not performed" in result.row("Observation/o3")
    assert "<30 kg" in result.row("Observation/o2")
    assert "2 values are no single number and stand in the table only." in result.text


def test_a_measurement_without_a_readable_date_is_shown_and_says_so() -> None:
    result = shown("vitals", weight(1, effectiveDateTime=None))
    assert words_of(result, "latest") == ["72 kg"]
    assert "Without a readable date" in result.text
    assert "days old" not in result.text


def test_the_ehrs_own_judgement_and_doubts_stand_beside_the_value() -> None:
    flagged = weight(1, interpretation=[coded("H")], status="preliminary", note=[{"text": "With shoes"}])
    result = shown("vitals", flagged)
    assert words_of(result, "latest") == ["72 kg High Preliminary"]
    assert "With shoes" in result.row("Observation/o1")
    assert "High" not in shown("vitals", weight(1, "720")).text


def test_a_band_is_drawn_only_when_the_ehr_sends_a_range() -> None:
    limits: Json = {"referenceRange": [{"low": {"value": 60, "unit": "kg"}, "high": {"value": 80, "unit": "kg"}}]}
    ranged = shown("vitals", weight(1, "71"), weight(2, "72", **limits))
    assert len(ranged.page.find(**{"class": "band"})) == 1
    assert "Shaded: reference range 60 to 80 kg." in ranged.text
    assert not shown("vitals", weight(1, "71"), weight(2, "72")).page.find(**{"class": "band"})


def test_a_measurement_without_result_is_not_lost() -> None:
    result = shown("vitals", weight(1, status="cancelled", valueQuantity=None))
    assert result.state == "ready"
    assert "Without a result (1)" in result.text
    assert "Cancelled" in result.row("Observation/o1")


def test_a_resource_that_gives_several_series_has_one_mark() -> None:
    parts = [
        {"code": concept(name, code, LOINC), "valueQuantity": {"value": 9, "unit": "cm", "code": "cm"}}
        for name, code in (("Left", "1-1"), ("Right", "1-2"))
    ]
    result = shown("vitals", weight(1, valueQuantity=None, code=concept("Grip"), component=parts))
    assert len(result.headings) == 2
    assert result.records == ["Observation/o1"]
    assert result.counts["shown"] == 1


@pytest.mark.parametrize("version", CLINICIANS)
def test_an_ehr_that_takes_no_notice_of_the_category_does_not_mix_the_panels(version: FhirVersion) -> None:
    everything = (weight(1, version=version), observation("laboratory", version, 2))
    assert shown("vitals", *everything, version=version).records == ["Observation/o1"]
    assert shown("labs", *everything, version=version).records == ["Observation/o2"]
    local: Json = {"category": [{"text": "Ward round"}]}
    assert shown("vitals", weight(1, **local)).records == ["Observation/o1"]
    assert shown("vitals", weight(1, category=None)).records == ["Observation/o1"]


def test_the_time_of_day_is_the_sites_own() -> None:
    result = shown("vitals", weight(1, effectiveDateTime="2026-11-23T02:30:00Z"), time_zone="America/Chicago")
    assert words_of(result, "sub")[0] == "22-Nov-2026 20:30 · 1 day old"


def test_two_records_without_id_keep_their_own_remarks() -> None:
    heavy = weight(1, "90", id=None, note=[{"text": "In winter clothes"}])
    result = shown("vitals", heavy, weight(2, "72", id=None, note=[{"text": "In pajamas"}]))
    rows = [text for attrs, text in result.page.tags("tr") if "kg" in text]
    assert [("90" in row, "winter" in row) for row in rows] == [(False, False), (True, True)]
    assert result.counts["shown"] == 2
