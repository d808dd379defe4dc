"""From a series of measurements to the numbers that an SVG template draws: places in a view box, ticks, words.

Axes are linear, points are joined unless more than 180 days lie between them, blood pressures are vertical bars that
are not joined, and the reference band is the one that the EHR sent (NHS CUI graphs and tables, GTAB-026 to 054). All
places are whole numbers, so that no locale can write them with a comma.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from patients.readers.dates import MONTHS
from patients.readers.measured import digits
from patients.readers.series import hours
from patients.records import Band, Point, Series

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 700, 16, 204
"""The frame of the plot inside the view box: the axes' words stand left of and below it."""

_DAY = 24.0
_MOST_TICKS = 6
# Steps of the time axis: in days up to two weeks, then in months.
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
# No measurement of a patient is beyond; floats and axes would be at a loss.
_LARGEST = Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis at `at` (x or y in the view box) with its words ("Nov-2026", "120")."""

    at: int
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One measurement: a dot at (x, y), or a bar from `y` down to `y2` for a blood pressure. `point` has its words."""

    x: int
    y: int
    point: Point
    y2: int | None = None


@dataclass(frozen=True, slots=True)
class Shade:
    """The reference band from `y` over `height`; `words` is the range as sent."""

    y: int
    height: int
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything a template needs. `lines` are the `points` of polylines ("60,120 90,118"), one for each stretch."""

    marks: tuple[Mark, ...]
    lines: tuple[str, ...]
    times: tuple[Tick, ...]
    values: tuple[Tick, ...]
    band: Shade | None
    unit: str
    left_out: int
    """How many dated measurements of the time shown are no single number and stand in the table alone."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM

    @property
    def band_width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class _Scale:
    """A linear scale from [low, high] to the places [start, end]."""

    low: float
    high: float
    start: int
    end: int

    def place(self, value: float) -> int:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start))


def plot_of(series: Series, *, until: datetime, span: timedelta | None = None) -> Plot | None:
    """Draw a series; None when it has no point with a number in the time asked for.

    The time axis ends at `until` (zone-aware) or at a later point, and begins `span` before `until`, without one at the
    first point.
    """
    last = until.timestamp() / 3600
    first = last - span / timedelta(hours=1) if span else None
    dated = [(hours(point.at), point) for point in series.points if point.at]
    seen = [(when, point) for when, point in dated if first is None or when >= first]
    drawn = [(when, point) for when, point in seen if _can_be_drawn(point)]
    if not drawn:
        return None
    begin = drawn[0][0] if first is None else first
    end = max(last, drawn[-1][0], begin + _DAY)
    across = _Scale(begin, end, LEFT, RIGHT)
    values = [float(number) for _when, point in drawn for number in (point.number, point.second) if number is not None]
    ticks = value_ticks(*_stretched(values, series.band))
    upward = _Scale(float(ticks[0]), float(ticks[-1]), BOTTOM, TOP)
    marks = tuple(_mark(across.place(when), upward, point) for when, point in drawn)
    return Plot(
        marks=marks,
        lines=() if series.paired else tuple(_lines(marks)),
        times=tuple(Tick(across.place(when), label) for when, label in time_ticks(begin, end)),
        values=tuple(Tick(upward.place(float(value)), digits(value)) for value in ticks),
        band=_shade(series.band, upward),
        unit=series.unit,
        left_out=len(seen) - len(drawn),
    )


def _can_be_drawn(point: Point) -> bool:
    numbers = [number for number in (point.number, point.second) if number is not None]
    return bool(numbers) and all(abs(number) <= _LARGEST for number in numbers)


def _mark(x: int, upward: _Scale, point: Point) -> Mark:
    y = upward.place(float(point.number or 0))
    return Mark(x=x, y=y, point=point, y2=None if point.second is None else upward.place(float(point.second)))


def _lines(marks: Sequence[Mark]) -> Iterator[str]:
    """One text for each stretch of two points or more without a gap."""
    stretch: list[str] = []
    for mark in marks:
        if mark.point.after_gap:
            if len(stretch) > 1:
                yield " ".join(stretch)
            stretch = []
        stretch.append(f"{mark.x},{mark.y}")
    if len(stretch) > 1:
        yield " ".join(stretch)


def _stretched(values: Sequence[float], band: Band | None) -> tuple[float, float]:
    """From the lowest to the highest of points and band; a single value gets room around it."""
    limits = (
        [float(limit) for limit in (band.low, band.high) if limit is not None and abs(limit) <= _LARGEST]
        if band
        else []
    )
    low, high = min([*values, *limits]), max([*values, *limits])
    room = (high - low) * 0.05 or max(abs(high) * 0.05, 0.5)
    return low - room if low < 0 or low - room >= 0 else 0.0, high + room


def value_ticks(low: float, high: float) -> tuple[Decimal, ...]:
    """Round numbers from at most `low` to at least `high`, stepping by 1, 2 or 5 times a power of ten: 3 to 8."""
    step = _nice((high - low) / 5)
    first = (Decimal(repr(low)) / step).to_integral_value(ROUND_FLOOR)
    last = (Decimal(repr(high)) / step).to_integral_value(ROUND_CEILING)
    return tuple(step * count for count in range(int(first), int(last) + 1))


def _nice(rough: float) -> Decimal:
    exponent = Decimal(repr(rough)).adjusted()
    steps = (Decimal((0, (digit,), exponent)) for digit in (1, 2, 5))
    return next((step for step in steps if float(step) >= rough), Decimal((0, (1,), exponent + 1)))


def time_ticks(begin: float, end: float) -> tuple[tuple[float, str], ...]:
    """Days ("03-Nov-2026"), months ("Nov-2026") or years inside the stretch, about six; hours since 1970 and words."""
    days = (end - begin) / _DAY
    for step in _DAY_STEPS:
        if days / step <= _MOST_TICKS:
            return _inside(_days(begin, step), begin, end)
    for months in _MONTH_STEPS:
        if days / (months * 30.4) <= _MOST_TICKS:
            return _inside(_months(begin, months), begin, end)
    return ()


def _inside(moments: Iterator[tuple[date, str]], begin: float, end: float) -> tuple[tuple[float, str], ...]:
    found: list[tuple[float, str]] = []
    for day, label in moments:
        when = (day - date(1970, 1, 1)).days * _DAY
        if when > end:
            break
        if when >= begin:
            found.append((when, label))
    return tuple(found)


def _start(begin: float) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=begin)).date()


def _days(begin: float, step: int) -> Iterator[tuple[date, str]]:
    day = _start(begin)
    while day.year < 9999:
        yield day, f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year:04d}"
        day += timedelta(days=step)


def _months(begin: float, step: int) -> Iterator[tuple[date, str]]:
    """From the first of a month, or of January where whole years are counted."""
    start = _start(begin)
    count = start.year * 12 + start.month - 1
    count -= count % step
    while count < 9999 * 12:
        year, month = divmod(count, 12)
        yield date(max(year, 1), month + 1, 1), f"{year:04d}" if step >= 12 else f"{MONTHS[month]}-{year:04d}"
        count += step


def _shade(band: Band | None, upward: _Scale) -> Shade | None:
    """An open limit reaches to the edge of the plot."""
    if band is None:
        return None
    top, bottom = (
        edge if limit is None or abs(limit) > _LARGEST else upward.place(float(limit))
        for limit, edge in ((band.high, TOP), (band.low, BOTTOM))
    )
    return Shade(y=top, height=bottom - top, words=band.words) if top < bottom else None
