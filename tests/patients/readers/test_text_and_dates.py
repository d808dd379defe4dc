"""Strings and dates: what is replaced, what is folded, what counts as a date, and which date lies before which."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from patients.readers.dates import calendar_date, date_words, in_future, in_past, is_before, partial_date, time_at
from patients.readers.text import clean, clean_lines, verbatim
from patients.records import Missing, PartialDate, When


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("  Ada \t\r\n Quill\u00a0 ", "Ada Quill"),
        ("A\x00da\x1b", "A\ufffdda\ufffd"),
        ("A\ud800da", "A\ufffdda"),
        ("5 mg\u202e gm 5", "5 mg\ufffd gm 5"),
        ("<b>Ada</b> &amp;", "<b>Ada</b> &amp;"),
        ("\u200b\u00ad", ""),
        ("\u05d0\u200f", "\u05d0\u200f"),
        (None, ""),
        (5, ""),
        ([], ""),
    ],
)
def test_a_string_is_cleaned_of_what_cannot_be_stored_or_seen(sent: object, shown: str) -> None:
    assert clean(sent) == shown
    shown.encode()


def test_lines_and_verbatim_text_keep_their_shape() -> None:
    assert clean_lines("2  Row\r\n\r\nTestford\rX") == ["2 Row", "Testford", "X"]
    assert verbatim("1 tab\n  PO  daily\x00") == "1 tab\n  PO  daily\ufffd"
    assert verbatim(" \n ") == ""


@pytest.mark.parametrize(
    ("sent", "parts"),
    [
        ("2020", (2020, None, None)),
        ("2020-02", (2020, 2, None)),
        ("2020-02-29", (2020, 2, 29)),
        ("1850", (1850, None, None)),
        ("2016-12-31T23:59:60Z", (2016, 12, 31)),
        ("2020-02-01T10:00:00+14:00", (2020, 2, 1)),
        ("2020-02-01T10:00:00", (2020, 2, 1)),
        ("2020-02-01 10:00", (2020, 2, 1)),
        ("2020-02-30", (None, None, None)),
        ("2024-13-45", (None, None, None)),
        ("0000", (None, None, None)),
        ("Feb 2020", (None, None, None)),
        ("2020-2-1", (None, None, None)),
        ("2020-02-01T25:00:00Z", (None, None, None)),
        ("2020-02-01T10:00:00+15:00", (None, None, None)),
    ],
)
def test_a_date_keeps_its_precision_and_an_impossible_one_is_unreadable(
    sent: str, parts: tuple[int | None, int | None, int | None]
) -> None:
    found = partial_date(sent)
    assert found is not None
    assert (found.year, found.month, found.day) == parts
    assert found.sent == sent
    assert found.readable is (parts[0] is not None)


def test_a_moment_needs_a_zone_and_is_no_widened_date() -> None:
    moments = {
        sent: found.moment
        for sent in ("2020-02-01T10:00:00-05:00", "2020-02-01T10:00:00", "2020-02-01T00:00:00.000Z", "2020-02-01")
        if (found := partial_date(sent))
    }
    assert moments["2020-02-01T10:00:00-05:00"] == datetime(2020, 2, 1, 15, tzinfo=UTC)
    assert list(moments.values())[1:] == [None, None, None]


def test_a_birth_date_never_carries_a_time_that_a_zone_could_shift() -> None:
    found = calendar_date("1956-10-14T23:30:00Z")
    assert found == PartialDate(sent="1956-10-14T23:30:00Z", year=1956, month=10, day=14)


@pytest.mark.parametrize("sent", [None, "", "  ", 1956, True, ["2020"], {"value": "2020"}])
def test_what_is_no_text_is_no_date(sent: object) -> None:
    assert partial_date(sent) is None


def _dated(sent: str) -> PartialDate:
    found = partial_date(sent)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("first", "second", "before"),
    [
        ("2019", "2020", True),
        ("2020", "2020-02-01", False),
        ("2020-01", "2020-02-01", True),
        ("2020-02-02", "2020-02-01", False),
        ("soon", "2020", False),
        ("2020", "soon", False),
    ],
)
def test_dates_are_compared_at_the_precision_that_both_have(first: str, second: str, *, before: bool) -> None:
    assert is_before(_dated(first), _dated(second)) is before


def test_today_is_neither_past_nor_future() -> None:
    now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    judged = {
        sent: (in_past(_dated(sent), now), in_future(_dated(sent), now))
        for sent in ("2026-02-28", "2026-03-02", "2026-03", "2026", "2026-03-03", "2026-03-04", "2027")
    }
    assert [sent for sent, (past, _future) in judged.items() if past] == ["2026-02-28"]
    assert [sent for sent, (_past, future) in judged.items() if future] == ["2026-03-04", "2027"]


def test_dates_in_sentences_are_written_as_in_the_banner() -> None:
    assert [date_words(_dated(sent)) for sent in ("1945-07-14", "1945-07", "1945", "soon")] == [
        "14-Jul-1945",
        "Jul-1945",
        "1945",
        "soon",
    ]
    assert _dated("1945-07-14").exact == date(1945, 7, 14)


YEARS = {"value": 34, "unit": "years", "code": "a"}
ABSENT = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-unknown"}]
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"onsetDateTime": "2011-03"}, When(start=PartialDate("2011-03", 2011, 3))),
        ({"onsetAge": YEARS}, When(text="at 34y")),
        ({"onsetQuantity": {"value": 52, "unit": "years", "code": "258707000"}}, When(text="at 52y")),
        ({"onsetAge": {"value": 6, "code": "mo"}}, When(text="at 6 months")),
        ({"onsetAge": {"value": 1, "code": "wk"}}, When(text="at 1 week")),
        ({"onsetAge": {"value": 52}}, When(text="at 52 (unit not given)")),
        ({"onsetAge": {**YEARS, "comparator": "<"}}, When(text="before 34y")),
        ({"onsetAge": {**YEARS, "comparator": "~"}}, Missing.UNREADABLE),
        ({"onsetRange": {"low": YEARS, "high": {**YEARS, "value": 40}}}, When(text="between 34y and 40y")),
        ({"onsetRange": {"high": YEARS}}, When(text="at 34y or earlier")),
        ({"onsetRange": {"low": {"value": "x"}, "high": YEARS}}, Missing.UNREADABLE),
        (
            {"onsetPeriod": {"start": "2011"}},
            When(start=PartialDate("2011", 2011), is_period=True),
        ),
        ({"onsetString": "in  spring"}, When(text="in spring")),
        ({"onsetDateTime": 2011}, Missing.UNREADABLE),
        ({"_onsetDateTime": ABSENT}, Missing.ASKED_UNKNOWN),
        ({"onsetAge": ABSENT}, Missing.ASKED_UNKNOWN),
        ({"onsetDateTime": None, "onsetPeriod": {}, "onsetString": " "}, Missing.NOT_RECORDED),
        ({}, Missing.NOT_RECORDED),
    ],
)
def test_every_form_of_an_onset_has_its_words(fields: dict[str, object], expected: When | Missing) -> None:
    assert time_at(fields, "onset") == expected
