"""Dates, ages, names and the fixed sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from patients import vocabulary
from patients.records import Missing, PartialDate, PersonName, Tag, Tone, When


def day(year: int, month: int | None = None, number: int | None = None) -> PartialDate:
    return PartialDate(sent="", year=year, month=month, day=number)


TODAY = day(2026, 11, 23)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (day(1945, 7, 14), "14-Jul-1945"),
        (day(1945, 7), "Jul-1945"),
        (day(1945), "1945"),
        (PartialDate(sent="tomorrow"), "tomorrow (not a readable date)"),
    ],
)
def test_a_date_keeps_its_precision_and_an_unreadable_one_is_shown_as_sent(value: PartialDate, said: str) -> None:
    assert vocabulary.words(value) == said


def test_dates_ignore_the_language() -> None:
    with translation.override("de"):
        assert vocabulary.words(day(1945, 10, 3)) == "03-Oct-1945"


def test_a_moment_is_told_in_the_zone_of_the_site_and_stays_as_sent_where_that_is_unknown() -> None:
    moment = datetime(2026, 1, 12, 2, 0, tzinfo=UTC)
    value = PartialDate(sent="2026-01-12T02:00:00Z", year=2026, month=1, day=12, moment=moment)
    with timezone.override(ZoneInfo("America/Chicago")):
        assert vocabulary.words(value) == "11-Jan-2026"
    with timezone.override(ZoneInfo("UTC")):
        assert vocabulary.words(value) == "12-Jan-2026"


@pytest.mark.parametrize("reason", list(Missing))
def test_every_reason_for_a_missing_value_has_words(reason: Missing) -> None:
    said = vocabulary.words(reason)
    assert said
    assert said not in {"--", "N/A", "?", "null", "None", "(none)"}


def test_the_absent_element_is_not_recorded() -> None:
    assert vocabulary.words(Missing.NOT_RECORDED) == "not recorded"
    assert vocabulary.words(None) == "not recorded"
    assert vocabulary.words(Missing.MASKED) == "withheld by the EHR"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (When(start=day(2011, 3, 12)), "12-Mar-2011"),
        (When(start=day(2011, 3, 12), is_period=True), "12-Mar-2011 to …"),
        (When(start=day(2011, 3, 12), end=day(2012), is_period=True), "12-Mar-2011 to 2012"),
        (When(end=day(2012), is_period=True), "until 2012"),
        (When(text="at 34y"), "at 34y"),
        (When(start=day(2026, 1, 8), label="Recorded"), "Recorded 08-Jan-2026"),
        (When(), "not recorded"),
    ],
)
def test_a_time_is_said_in_the_way_it_was_sent(value: When, said: str) -> None:
    assert vocabulary.words(value) == said


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (TODAY, "0d"),
        (day(2026, 10, 27), "27d"),
        (day(2026, 10, 26), "4w"),
        (day(2026, 10, 25), "4w 1d"),
        (day(2025, 11, 23), "12m"),
        (day(2025, 10, 15), "13m 8d"),
        (day(2025, 1, 31), "21m 23d"),
        (day(2022, 10, 23), "4y 1m"),
        (day(2008, 11, 24), "17y 11m"),
        (day(2008, 11, 23), "18y"),
        (day(1945, 7, 14), "81y"),
        (day(1945), "Approx 81y"),
        (day(1945, 12), "Approx 80y"),
        (day(2026, 4), "Approx 7m"),
        (day(2027, 1, 1), ""),
        (day(2027), ""),
        (PartialDate(sent="?"), ""),
    ],
)
def test_an_age_follows_the_table_of_the_user_interface_guide(born: PartialDate, age: str) -> None:
    assert vocabulary.age_words(born, TODAY) == age


@pytest.mark.parametrize(
    ("since", "age"),
    [(timedelta(minutes=119), "119 min"), (timedelta(hours=2), "2 hrs"), (timedelta(hours=47), "47 hrs")],
)
def test_a_newborn_with_a_time_of_birth_is_aged_in_minutes_and_hours(since: timedelta, age: str) -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    moment = now - since
    born = PartialDate(sent="", year=moment.year, month=moment.month, day=moment.day, moment=moment)
    on = PartialDate(sent="", year=2026, month=11, day=23, moment=now)
    assert vocabulary.age_words(born, on, born) == age


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (PersonName(family="Smith", given="John", prefix="Mr."), "SMITH, John (Mr)"),
        (PersonName(family="van der Berg", given="Anna McKenna"), "VAN DER BERG, Anna McKenna"),
        (PersonName(family="Smith", given="John", suffix="Jr"), "SMITH, John Jr"),
        (PersonName(family="Smith"), "SMITH"),
        (PersonName(given="Cher"), "Cher"),
        (PersonName(text="john SMITH"), "john SMITH"),
        (PersonName(), "Name not recorded"),
    ],
)
def test_a_name_has_its_family_first_and_in_capitals(name: PersonName, said: str) -> None:
    assert vocabulary.words(name) == said


def test_a_tag_is_its_word() -> None:
    assert vocabulary.words(Tag("On hold", Tone.WARN)) == "On hold"


def test_the_sentences_say_that_failure_and_emptiness_are_not_absence() -> None:
    assert vocabulary.sentence(vocabulary.FAILED, things="conditions") == (
        "Conditions could not be loaded. This does not mean there are none – check the EHR."
    )
    assert vocabulary.sentence(vocabulary.EMPTY, things="conditions") == (
        "Not recorded. The EHR returned no conditions. This is not a statement that there are none."
    )
    assert vocabulary.entered_in_error(2) == "2 records marked entered-in-error by the EHR are not shown."
