"""Observations as series over time, and laboratory results by the day of collection.

A series holds one thing in one unit (NHS CUI graphs, GTAB-028); the three conversions below are made only where an EHR
sent the same measurement in both units, and each converted point says so. What is entered in error, cancelled or not
yet a result is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from patients.readers.measured import with_unit
from patients.readers.units import CELSIUS, CENTIMETER, FAHRENHEIT, INCH, KILOGRAM, POUND
from patients.readers.wording import missing_words, said
from patients.records import (
    Band,
    Coded,
    Component,
    LabDay,
    LabRow,
    Observation,
    ObservationGroup,
    PartialDate,
    Point,
    Reading,
    ReferenceRange,
    Series,
)

GAP = timedelta(days=180)
_REASONABLE = Decimal(1_000_000)
_CLOCK = re.compile(r"[T ]([0-9]{2}):([0-9]{2})")
SYSTOLIC, DIASTOLIC = "8480-6", "8462-4"
PRESSURE_PANELS = frozenset({"85354-9", "55284-4"})


@dataclass(frozen=True, slots=True)
class _Conversion:
    """`to` = (value + `offset`) * `factor`, exact by definition of the units."""

    to: str
    shown: str
    sent: str
    factor: Decimal
    offset: Decimal = Decimal(0)


_CONVERSIONS: Mapping[str, _Conversion] = {
    POUND: _Conversion(KILOGRAM, "kg", "lb", Decimal("0.45359237")),
    INCH: _Conversion(CENTIMETER, "cm", "in", Decimal("2.54")),
    FAHRENHEIT: _Conversion(CELSIUS, "°C", "°F", Decimal(5) / Decimal(9), Decimal(-32)),
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A point on its way into a series."""

    name: Coded
    unit: str
    unit_key: str
    point: Point
    paired: bool = False


def series_of(observations: Iterable[Observation]) -> tuple[Series, ...]:
    """Series by code and unit in the order of first appearance, each oldest first.

    A value without a number ("not performed") joins the only series of its code, else it makes one without unit.
    """
    things: dict[str, list[_Entry]] = {}
    for each in observations:
        if each.group is ObservationGroup.RESULT:
            for key, entry in _entries(each):
                things.setdefault(key, []).append(entry)
    return tuple(series for entries in things.values() for series in _by_unit(entries))


def _entries(each: Observation) -> list[tuple[str, _Entry]]:
    upper, lower = _component(each, SYSTOLIC), _component(each, DIASTOLIC)
    if not _has_value(each) and ((upper and lower) or PRESSURE_PANELS & set(each.codes)):
        return [("pressure", _pressure(each, upper, lower))]
    if each.value is None and each.components:
        return [(f"{_key(each)} {_key(part)}", _part_entry(each, part)) for part in each.components]
    return [(_key(each), _entry(each))]


def _has_value(each: Observation) -> bool:
    return bool(each.value and each.value.words)


def _component(each: Observation, code: str) -> Component | None:
    return next((part for part in each.components if code in part.codes), None)


def _key(each: Observation | Component) -> str:
    """What makes two measurements the same thing: a LOINC code, else the shown code, else the name."""
    loinc = each.name.code if each.name.system == "LOINC" else ""
    return (
        loinc or next((code for code in each.codes if "-" in code), "") or each.name.code or each.name.text.casefold()
    )


def _entry(each: Observation) -> _Entry:
    value = each.value or Reading()
    details = tuple(f"{part.name.text}: {_said(part.value)}" for part in each.components)
    words = value.words or (said("see its parts") if each.members else "")
    point = _point(each, replace(value, words=words), flags_of=each, details=details)
    return _Entry(each.name, value.unit, value.unit_key, point)


def _part_entry(each: Observation, part: Component) -> _Entry:
    name = replace(part.name, text=f"{each.name.text}: {part.name.text}")
    return _Entry(name, part.value.unit, part.value.unit_key, _point(each, part.value, flags_of=part))


def _point(
    each: Observation, value: Reading, *, flags_of: Observation | Component, details: Sequence[str] = ()
) -> Point:
    return Point(
        reference=each.reference,
        at=each.at,
        words=value.words,
        missing=value.missing,
        status=each.status,
        flags=flags_of.flags,
        number=value.exact,
        details=(*details, *_circumstances(each)),
        ranges=flags_of.ranges,
    )


def _circumstances(each: Observation) -> tuple[str, ...]:
    return tuple(text for text in (each.body_site, each.method) if text)


def _said(value: Reading) -> str:
    return value.words or (missing_words(value.missing) if value.missing else "")


def _pressure(each: Observation, upper: Component | None, lower: Component | None) -> _Entry:
    """ "128/82 mmHg". Plotted only where both numbers are exact and in one unit."""
    parts = [part for part in (upper, lower) if part]
    others = [part for part in each.components if part not in parts]
    first, second = (part.value if part else Reading() for part in (upper, lower))
    same = first.unit_key == second.unit_key
    both = first.number is not None and second.number is not None and same
    exact = both and first.exact is not None and second.exact is not None
    words = with_unit(f"{first.comparator}{first.digits}/{second.comparator}{second.digits}", first.unit)
    if not both:
        words = ", ".join(f"{part.name.text} {_said(part.value)}" for part in parts if part.value.words)
    missing = next((part.value.missing for part in parts if part.value.missing), None)
    own = each.value.missing if each.value else None
    point = Point(
        reference=each.reference,
        at=each.at,
        words=words,
        missing=None if words else own or missing,
        status=each.status,
        flags=tuple(dict.fromkeys((*each.flags, *(flag for part in parts for flag in part.flags)))),
        number=first.exact if exact else None,
        second=second.exact if exact else None,
        details=(*(f"{part.name.text}: {_said(part.value)}" for part in others), *_circumstances(each)),
    )
    name = Coded(said("Blood pressure"), "85354-9", "LOINC")
    return _Entry(name, first.unit if both else "", first.unit_key if both else "", point, paired=True)


def _by_unit(entries: list[_Entry]) -> list[Series]:
    """One series a unit, after converting where both units of a pair are there."""
    present = {entry.unit_key for entry in entries if entry.point.number is not None}
    converted = [_converted(entry, present) for entry in entries]
    units: dict[str, list[_Entry]] = {}
    for entry in converted:
        units.setdefault(entry.unit_key, []).append(entry)
    wordy = units.get("", [])
    if len(units) == 2 and wordy and all(entry.point.number is None for entry in wordy):
        key = next(key for key in units if key)
        units = {key: [entry for entry in converted if entry.unit_key in {"", key}]}
    return [_series(key, group) for key, group in units.items()]


def _converted(entry: _Entry, present: set[str]) -> _Entry:
    """To a tenth, as finely as anybody weighs a patient or takes a temperature; absurd numbers stay as they are."""
    conversion, number = _CONVERSIONS.get(entry.unit_key), entry.point.number
    if conversion is None or number is None or conversion.to not in present or abs(number) > _REASONABLE:
        return entry
    value = ((number + conversion.offset) * conversion.factor).quantize(Decimal("0.1"))
    point = replace(
        entry.point,
        words=f"{value} {conversion.shown}",
        number=value,
        converted_from=conversion.sent,
        sent=entry.point.words,
        ranges=(),
    )
    return replace(entry, unit=conversion.shown, unit_key=conversion.to, point=point)


def _series(key: str, entries: list[_Entry]) -> Series:
    dated = sorted((entry.point for entry in entries if entry.point.at), key=_time)
    named = next((entry for entry in entries if entry.unit_key == key), entries[0])
    return Series(
        name=named.name,
        unit=named.unit,
        unit_key=key,
        points=_with_gaps(dated),
        undated=tuple(entry.point for entry in entries if not entry.point.at),
        paired=any(entry.paired for entry in entries),
        band=_band(dated, key),
    )


def hours(at: PartialDate) -> float:
    """Hours since 1970; a date without time counts as noon, a month or a year as its middle.

    A time without zone is taken as UTC, so that the readings of one day stay in their order.
    """
    if at.moment:
        return at.moment.timestamp() / 3600
    day = replace(at, month=at.month or 7, day=at.day or (15 if at.month else 1)).exact
    clock = _CLOCK.match(at.sent, 10)
    time = int(clock[1]) + int(clock[2]) / 60 if clock and clock[0][1:] != "00:00" else 12
    return (day - _EPOCH).days * 24 + time if day else 0.0


_EPOCH = date(1970, 1, 1)


def _time(point: Point) -> float:
    return hours(point.at) if point.at else 0.0


def _with_gaps(points: list[Point]) -> tuple[Point, ...]:
    found: list[Point] = []
    last: float | None = None
    for point in points:
        now = _time(point)
        far = last is not None and now - last > GAP / timedelta(hours=1)
        found.append(replace(point, after_gap=True) if far else point)
        last = now if point.number is not None else last
    return tuple(found)


def _band(points: list[Point], key: str) -> Band | None:
    """The newest plotted point's reference range, where it carries exactly one that holds for everybody."""
    newest = next((point for point in reversed(points) if point.number is not None), None)
    ranges = [each for each in newest.ranges if each.normal] if newest else []
    return _as_band(ranges[0], key) if len(ranges) == 1 else None


def _as_band(each: ReferenceRange, key: str) -> Band | None:
    if each.unit_key not in {"", key} or (each.low is None and each.high is None):
        return None
    return Band(low=each.low, high=each.high, words=each.words)


def lab_days(observations: Iterable[Observation]) -> tuple[LabDay, ...]:
    """Results by the day of collection, the newest first, then by name; each with the result before it.

    Entered in error is left out; cancelled and pending tests are rows, for somebody waits for them.
    """
    shown = [each for each in observations if each.group is not ObservationGroup.ENTERED_IN_ERROR]
    previous = _previous(shown)
    days: dict[tuple[int, ...], list[Observation]] = {}
    for each in shown:
        days.setdefault(_day(each), []).append(each)
    return tuple(
        LabDay(
            day=_as_day(days[key][0].at),
            rows=tuple(_row(each, previous.get(id(each))) for each in sorted(days[key], key=_by_name)),
        )
        for key in sorted(days, reverse=True)
    )


def _day(each: Observation) -> tuple[int, ...]:
    at = each.at
    return (at.year or 0, at.month or 0, at.day or 0) if at else ()


def _as_day(at: PartialDate | None) -> PartialDate | None:
    return PartialDate(sent=at.sent[:10], year=at.year, month=at.month, day=at.day) if at else None


def _by_name(each: Observation) -> tuple[str, float]:
    return (each.name.text.casefold(), -(hours(each.at) if each.at else 0.0))


def _previous(observations: list[Observation]) -> dict[int, Observation]:
    """For each dated result the one of the same test that came before it, by identity."""
    found: dict[int, Observation] = {}
    last: dict[str, Observation] = {}
    results = [each for each in observations if each.group is ObservationGroup.RESULT and each.at]
    for each in sorted(results, key=lambda each: hours(each.at) if each.at else 0.0):
        if before := last.get(_key(each)):
            found[id(each)] = before
        last[_key(each)] = each
    return found


def _row(each: Observation, before: Observation | None) -> LabRow:
    one, other = (value.unit_key if value else "" for value in (each.value, before.value if before else None))
    return LabRow(result=each, previous=before, same_unit=before is None or one == other)
