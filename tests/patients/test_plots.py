"""The plot of a series: linear axes, round ticks, gaps that break the line, bars for pressures, the EHR's own band."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from patients.plots import BOTTOM, LEFT, RIGHT, TOP, plot_of, time_ticks, value_ticks
from patients.readers.dates import partial_date
from patients.records import Band, Coded, Point, Series, Tag, Tone

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def point(day: str, number: str | None, second: str | None = None, *, after_gap: bool = False) -> Point:
    return Point(
        reference="Observation/1",
        at=partial_date(day),
        words=f"{number}",
        missing=None,
        status=Tag("Final", Tone.OK),
        number=None if number is None else Decimal(number),
        second=None if second is None else Decimal(second),
        after_gap=after_gap,
    )


def series(*points: Point, paired: bool = False, band: Band | None = None) -> Series:
    return Series(name=Coded("Weight"), unit="kg", unit_key="kg", points=points, paired=paired, band=band)


def test_points_are_placed_on_linear_axes_inside_the_frame() -> None:
    found = plot_of(series(point("2026-01-01", "70"), point("2026-01-11", "75"), point("2026-01-21", "80")), until=NOW)
    assert found
    first, second, third = found.marks
    assert first.x == LEFT
    assert second.x - first.x == pytest.approx(third.x - second.x, abs=1)
    assert second.y - first.y == pytest.approx(third.y - second.y, abs=1)
    assert first.y > third.y
    assert all(LEFT <= mark.x <= RIGHT and TOP <= mark.y <= BOTTOM for mark in found.marks)
    assert found.lines == (f"{first.x},{first.y} {second.x},{second.y} {third.x},{third.y}",)


def test_a_gap_breaks_the_line() -> None:
    points = [point("2025-01-01", "70"), point("2025-01-02", "71"), point("2026-01-01", "72", after_gap=True)]
    found = plot_of(series(*points), until=NOW)
    assert found
    assert [line.count(",") for line in found.lines] == [2]
    assert len(found.marks) == 3


def test_blood_pressures_are_bars_that_are_not_joined() -> None:
    points = (point("2026-01-01", "128", "82"), point("2026-01-02", "130", "85"))
    found = plot_of(series(*points, paired=True), until=NOW)
    assert found
    assert found.lines == ()
    assert all(mark.y2 is not None and mark.y2 > mark.y for mark in found.marks)


def test_the_band_is_drawn_only_where_the_ehr_sent_one() -> None:
    points = (point("2026-01-01", "70"), point("2026-01-02", "72"))
    plain = plot_of(series(*points), until=NOW)
    shaded = plot_of(series(*points, band=Band(Decimal(60), Decimal(80), "60 to 80 kg")), until=NOW)
    open_above = plot_of(series(*points, band=Band(Decimal(60), None, "at least 60 kg")), until=NOW)
    assert plain
    assert shaded
    assert shaded.band
    assert open_above
    assert open_above.band
    assert plain.band is None
    assert shaded.band.y > TOP
    assert shaded.band.y + shaded.band.height < BOTTOM
    assert open_above.band.y == TOP


def test_the_time_asked_for_limits_the_points() -> None:
    points = (point("2020-01-01", "60"), point("2026-01-30", "70"), point("2026-01-30", None))
    found = plot_of(series(*points), until=NOW, span=timedelta(days=7))
    assert found
    assert (len(found.marks), found.left_out) == (1, 1)
    assert plot_of(series(points[0]), until=NOW, span=timedelta(days=7)) is None


def test_nothing_is_drawn_of_words_and_absurd_numbers() -> None:
    assert plot_of(series(point("2026-01-01", None), point("2026-01-01", "1E+400")), until=NOW) is None


def test_a_single_point_and_a_point_in_the_future_can_be_drawn() -> None:
    alone = plot_of(series(point("2026-01-30", "0")), until=NOW)
    later = plot_of(series(point("2027-01-30", "5")), until=NOW)
    assert alone
    assert later
    assert LEFT <= later.marks[0].x <= RIGHT


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (66.5, 83.5, ["65", "70", "75", "80", "85"]),
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-1.2, 2.4, ["-2", "-1", "0", "1", "2", "3"]),
        (36.4, 39.1, ["36", "37", "38", "39", "40"]),
        (900, 5200, ["0", "1000", "2000", "3000", "4000", "5000", "6000"]),
    ],
)
def test_values_have_round_ticks_around_all_points(low: float, high: float, labels: list[str]) -> None:
    assert [format(tick, "f") for tick in value_ticks(low, high)] == labels


@pytest.mark.parametrize("size", [0.0001, 0.37, 1, 42, 999, 123456.0])
@pytest.mark.parametrize("start", [-50.0, 0.0, 0.3, 7000.0])
def test_ticks_always_enclose_the_values_and_are_few(start: float, size: float) -> None:
    ticks = value_ticks(start, start + size)
    assert float(ticks[0]) <= start
    assert float(ticks[-1]) >= start + size
    assert 3 <= len(ticks) <= 8


@pytest.mark.parametrize("days", [1, 5, 20, 60, 200, 730, 4000, 30000])
def test_times_have_few_ticks_inside_the_stretch(days: int) -> None:
    begin = datetime(2020, 1, 3, tzinfo=UTC).timestamp() / 3600
    ticks = time_ticks(begin, begin + days * 24)
    assert len(ticks) <= 8
    assert all(begin <= when <= begin + days * 24 for when, _label in ticks)
    assert ticks


def test_time_ticks_are_days_months_or_years_in_the_charts_own_writing() -> None:
    begin = datetime(2025, 12, 30, tzinfo=UTC).timestamp() / 3600
    assert [label for _when, label in time_ticks(begin, begin + 3 * 24)] == [
        "30-Dec-2025",
        "31-Dec-2025",
        "01-Jan-2026",
        "02-Jan-2026",
    ]
    assert [label for _when, label in time_ticks(begin, begin + 100 * 24)] == [
        "Jan-2026",
        "Feb-2026",
        "Mar-2026",
        "Apr-2026",
    ]
    assert [label for _when, label in time_ticks(begin, begin + 1500 * 24)] == ["2026", "2027", "2028", "2029", "2030"]
