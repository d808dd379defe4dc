"""Series of vital signs and days of results: never two units in one, gaps and conversions marked, newest days first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from patients.readers.observation import observation
from patients.readers.series import lab_days, series_of
from patients.records import Band, Missing, Observation, Point
from tests.patients.readers.golden import quantity
from tests.patients.readers.test_observation import loinc

WEIGHT, TEMPERATURE, HEIGHT = "29463-7", "8310-5", "8302-2"


def taken(code: str, when: str | None = "2026-01-08", /, **fields: Any) -> Observation:
    moment = {"effectiveDateTime": when} if when else {}
    name = str(fields.pop("name", code))
    resource = {"resourceType": "Observation", "id": f"{code}.{when}", "status": "final", "code": loinc(code, name)}
    return observation({**resource, **moment, **fields})


def measured(code: str, when: str | None, value: str, unit: str, /, **fields: Any) -> Observation:
    return taken(code, when, valueQuantity=quantity(value, unit), **fields)


def pressure(when: str, *components: dict[str, Any], **fields: Any) -> Observation:
    return taken("85354-9", when, component=list(components), **fields)


def part(code: str, value: str, unit: str = "mm[Hg]") -> dict[str, Any]:
    return {"code": loinc(code, code), "valueQuantity": quantity(value, unit)}


def words(points: tuple[Point, ...]) -> list[str]:
    return [point.words for point in points]


def test_a_series_runs_from_oldest_to_latest() -> None:
    (found,) = series_of([measured(WEIGHT, day, value, "kg") for day, value in _WEIGHTS])
    assert words(found.points) == ["70.0 kg", "71.5 kg", "72.0 kg"]
    assert found.latest
    assert found.previous
    assert (found.latest.words, found.previous.words, found.unit) == ("72.0 kg", "71.5 kg", "kg")


_WEIGHTS = (("2026-03-01", "72.0"), ("2026-01-01", "70.0"), ("2026-02-01", "71.5"))


def test_readings_of_one_day_are_in_the_order_of_their_times_whatever_their_zones() -> None:
    found = series_of(
        [
            measured(WEIGHT, "2026-01-08T23:30:00-05:00", "3", "kg"),
            measured(WEIGHT, "2026-01-09T01:00:00Z", "2", "kg"),
            measured(WEIGHT, "2026-01-08T09:00:00", "1", "kg"),
        ]
    )
    assert words(found[0].points) == ["1 kg", "2 kg", "3 kg"]


def test_two_units_of_one_measurement_are_two_series() -> None:
    found = series_of(
        [measured("2339-0", "2026-01-01", "5", "mmol/L"), measured("2339-0", "2026-01-02", "90", "mg/dL")]
    )
    assert [(series.unit, words(series.points)) for series in found] == [
        ("mmol/L", ["5 mmol/L"]),
        ("mg/dL", ["90 mg/dL"]),
    ]


def test_pounds_inches_and_fahrenheit_join_the_metric_series_and_say_so() -> None:
    found = series_of(
        [
            measured(WEIGHT, "2026-01-01", "165", "[lb_av]"),
            measured(WEIGHT, "2026-01-02", "75.0", "kg"),
            measured(TEMPERATURE, "2026-01-01", "98.6", "[degF]"),
            measured(TEMPERATURE, "2026-01-02", "38.1", "Cel"),
            measured(HEIGHT, "2026-01-01", "70", "[in_i]"),
            measured(HEIGHT, "2026-01-02", "178", "cm"),
        ]
    )
    assert [words(series.points) for series in found] == [
        ["74.8 kg", "75.0 kg"],
        ["37.0 °C", "38.1 °C"],
        ["177.8 cm", "178 cm"],
    ]
    converted, sent = found[0].points
    assert (converted.converted_from, converted.sent, sent.converted_from) == ("lb", "165 lb", "")


def test_nothing_is_converted_where_only_one_unit_was_sent() -> None:
    (found,) = series_of([measured(WEIGHT, "2026-01-01", "165", "[lb_av]")])
    assert (found.unit, words(found.points)) == ("lb", ["165 lb"])


def test_absurd_numbers_are_not_converted() -> None:
    found = series_of([measured(WEIGHT, "2026-01-01", "1E+400", "[lb_av]"), measured(WEIGHT, "2026-01-02", "70", "kg")])
    assert {point.converted_from for series in found for point in series.points} == {""}


def test_a_unit_that_its_code_contradicts_is_compared_with_no_other() -> None:
    wrong = taken(WEIGHT, "2026-01-02", valueQuantity={"value": 150, "unit": "lb", "code": "kg"})
    assert len(series_of([measured(WEIGHT, "2026-01-01", "70", "kg"), wrong])) == 2


def test_what_has_no_number_stands_in_the_series_without_being_plotted() -> None:
    refused = taken(WEIGHT, "2026-01-02", dataAbsentReason={"coding": [{"code": "not-performed"}]})
    (found,) = series_of([measured(WEIGHT, "2026-01-01", "70", "kg"), refused])
    assert found.latest
    assert (found.latest.missing, found.latest.number) == (Missing.NOT_PERFORMED, None)
    bounded = taken(WEIGHT, valueQuantity={**quantity("200", "kg"), "comparator": ">"})
    assert series_of([bounded])[0].points[0].number is None


def test_measurements_without_a_date_stand_apart() -> None:
    (found,) = series_of([measured(WEIGHT, None, "70", "kg"), measured(WEIGHT, "2026-01-01", "71", "kg")])
    assert (words(found.undated), words(found.points)) == (["70 kg"], ["71 kg"])


def test_a_gap_of_more_than_180_days_is_flagged() -> None:
    days = ("2025-01-01", "2025-06-30", "2025-12-28")
    (found,) = series_of([measured(WEIGHT, day, "70", "kg") for day in days])
    assert [point.after_gap for point in found.points] == [False, False, True]


def test_cancelled_and_mistaken_measurements_are_in_no_series() -> None:
    wrong = [measured(WEIGHT, "2026-01-01", "7", "kg", status=status) for status in ("cancelled", "entered-in-error")]
    assert series_of(wrong) == ()


def test_a_preliminary_point_keeps_its_status() -> None:
    (found,) = series_of([measured(WEIGHT, "2026-01-01", "7", "kg", status="preliminary")])
    assert found.points[0].status.word == "Preliminary"


def test_a_blood_pressure_is_one_point_with_two_numbers() -> None:
    (found,) = series_of([pressure("2026-01-01", part("8480-6", "128"), part("8462-4", "82"))])
    (point,) = found.points
    assert (found.paired, found.unit, point.words) == (True, "mmHg", "128/82 mmHg")
    assert (point.number, point.second) == (Decimal(128), Decimal(82))


def test_half_a_blood_pressure_is_words_and_no_bar() -> None:
    absent = {"code": loinc("8462-4", "Diastolic"), "dataAbsentReason": {"coding": [{"code": "error"}]}}
    (found,) = series_of([pressure("2026-01-01", part("8480-6", "128"), absent)])
    assert (found.points[0].words, found.points[0].number) == ("8480-6 128 mmHg", None)
    (empty,) = series_of([pressure("2026-01-01", dataAbsentReason={"coding": [{"code": "not-performed"}]})])
    assert (empty.points[0].words, empty.points[0].missing) == ("", Missing.NOT_PERFORMED)


def test_a_pressure_in_two_units_is_not_drawn() -> None:
    (found,) = series_of([pressure("2026-01-01", part("8480-6", "128"), part("8462-4", "11", "kPa"))])
    assert (found.points[0].number, found.points[0].words) == (None, "8480-6 128 mmHg, 8462-4 11 kPa")


def test_the_parts_of_another_panel_are_series_of_their_own() -> None:
    panel = taken("9279-1", component=[part("1-1", "5", "L/min"), part("1-2", "40", "%")], name="Oxygen")
    assert [(series.name.text, words(series.points)) for series in series_of([panel])] == [
        ("Oxygen: 1-1", ["5 L/min"]),
        ("Oxygen: 1-2", ["40%"]),
    ]


def test_parts_beside_a_value_are_details_of_it() -> None:
    found = measured("59408-5", "2026-01-01", "97", "%", component=[part("3151-8", "2", "L/min")])
    assert series_of([found])[0].points[0].details == ("3151-8: 2 L/min",)


def test_the_band_is_the_range_of_the_newest_point_and_nothing_else() -> None:
    old = measured(WEIGHT, "2025-01-01", "70", "kg", referenceRange=[{"high": quantity("60", "kg")}])
    new = measured(WEIGHT, "2026-01-01", "70", "kg", referenceRange=[{"low": quantity("50", "kg")}])
    assert series_of([old, new])[0].band == Band(low=Decimal(50), high=None, words="at least 50 kg")
    assert series_of([old, measured(WEIGHT, "2026-01-01", "70", "kg")])[0].band is None
    pounds = measured(WEIGHT, "2026-01-01", "70", "kg", referenceRange=[{"high": quantity("160", "[lb_av]")}])
    assert series_of([pounds])[0].band is None


def test_results_stand_by_day_newest_first_then_by_name_with_the_one_before() -> None:
    days = lab_days(
        [
            measured("2823-3", "2026-01-01", "4.0", "mmol/L", name="Potassium"),
            measured("2823-3", "2026-02-01T08:00:00Z", "5.10", "mmol/L", name="Potassium"),
            measured("1920-8", "2026-02-01", "30", "U/L", name="AST"),
            measured("2951-2", None, "140", "mmol/L", name="Sodium"),
            measured("2951-2", "2026-02-01", "141", "mmol/L", name="Sodium", status="entered-in-error"),
        ]
    )
    assert [day.day and day.day.sent for day in days] == ["2026-02-01", "2026-01-01", None]
    newest = [(row.result.name.text, row.previous and row.previous.value) for row in days[0].rows]
    assert [name for name, _before in newest] == ["AST", "Potassium"]
    assert newest[0][1] is None
    assert newest[1][1]
    assert newest[1][1].words == "4.0 mmol/L"


def test_a_result_before_in_another_unit_is_told_apart() -> None:
    days = lab_days(
        [
            measured("2339-0", "2026-01-01", "5", "mmol/L"),
            measured("2339-0", "2026-01-02", "90", "mg/dL"),
            measured("2339-0", "2026-01-03", "91", "mg/dL"),
        ]
    )
    assert [day.rows[0].same_unit for day in days] == [True, False, True]


def test_a_cancelled_test_is_a_row_but_no_result_before_another() -> None:
    days = lab_days(
        [measured("1-1", "2026-01-01", "5", "g", status="cancelled"), measured("1-1", "2026-01-02", "6", "g")]
    )
    assert [day.rows[0].result.status.word for day in days] == ["Final", "Cancelled"]
    assert days[0].rows[0].previous is None
