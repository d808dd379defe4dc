"""Doses in our own words: numbers, safe units, timings, as needed, maxima, and silence where something is unclear."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from patients.readers.dosage import doses
from patients.readers.quantities import amount, amount_range, plain_number, ratio
from patients.readers.timing import timing_words
from patients.records import Dose
from tests.patients.readers.golden import MEDICATION_ORDER, MEDICATION_REQUEST, STATEMENT_DSTU2, quantity


def first_dose(resource: dict[str, Any]) -> Dose:
    return doses(resource)[0][0]


def one_dose(**dosage: Any) -> Dose:
    return first_dose({"dosageInstruction": [dosage]})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("5.0", "5"),
        ("5.00", "5"),
        ("0.5", "0.5"),
        ("0.50", "0.5"),
        ("100", "100"),
        ("1000", "1,000"),
        ("12500.250", "12,500.25"),
        ("0.000125", "0.000125"),
        ("1E+3", "1,000"),
        ("0E+9", "0"),
        ("1E+400", "1E+400"),
        ("-1", "-1"),
    ],
)
def test_numbers_have_no_trailing_zero_and_a_comma_from_a_thousand(value: str, shown: str) -> None:
    assert plain_number(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("mg", "2 mg"),
        ("MG", "2 mg"),
        ("ug", "2 mcg"),
        ("µg", "2 mcg"),
        ("U", "2 units"),
        ("IU", "2 international units"),
        ("[iU]", "2 international units"),
        ("cc", "2 mL"),
        ("ml", "2 mL"),
        ("TAB", "2 tablets"),
        ("{tbl}", "2 tablets"),
        ("{lozenge}", "2 lozenge"),
        ("U/h", "2 units per hour"),
        ("ug/kg/min", "2 mcg per kg per minute"),
        ("mg/m^2", "2 mg per m²"),
        ("Mg[x]", "2 Mg[x]"),
    ],
)
def test_units_are_written_safely(unit: str, shown: str) -> None:
    assert amount({"value": 2, "unit": unit}) == shown
    assert amount({"value": 2, "code": unit}) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"value": 1, "unit": "tablet"}, "1 tablet"),
        ({"value": Decimal("0.5"), "unit": "tab"}, "0.5 tablet"),
        ({"value": 5, "unit": "mL", "code": "mg"}, "5 mL (coded as mg)"),
        ({"value": 5, "unit": "mcg", "code": "ug"}, "5 mcg"),
        ({"value": 5, "unit": "milligram", "code": "258684004"}, "5 mg"),
        ({"value": 5}, "5 (unit not given)"),
        ({"value": 5, "code": "1"}, "5 (unit not given)"),
        ({"value": 5, "system": "http://snomed.info/sct", "code": "999000"}, "5 (unit code 999000)"),
        ({"value": "5", "unit": "mg"}, "5 mg"),
        ({"value": 5, "unit": "mg", "comparator": "<"}, "less than 5 mg"),
        ({"value": 5, "unit": "mg", "comparator": "~"}, ""),
        ({"value": 5, "unit": "mg", "comparator": 3}, ""),
        ({"value": "five", "unit": "mg"}, ""),
        ({"value": True, "unit": "mg"}, ""),
        ({"value": float("nan"), "unit": "mg"}, ""),
        ({"unit": "mg"}, ""),
    ],
)
def test_an_amount_names_its_unit_or_says_that_there_is_none(sent: dict[str, Any], shown: str) -> None:
    assert amount(sent) == shown


def test_ranges_and_ratios_have_words() -> None:
    low, high = {"value": 1, "unit": "tab"}, {"value": 2, "unit": "tab"}
    assert amount_range({"low": low, "high": high}) == "1 to 2 tablets"
    assert amount_range({"low": {"value": 500, "unit": "mg"}, "high": {"value": 1, "unit": "g"}}) == "500 mg to 1 g"
    assert amount_range({"low": low}) == "at least 1 tablet"
    assert amount_range({"high": high}) == "up to 2 tablets"
    assert amount_range({"low": low, "high": {"value": "x"}}) == ""
    assert ratio({"numerator": quantity("12", "g"), "denominator": quantity("24", "h")}) == "12 g per 24 hours"
    assert ratio({"numerator": quantity("4", "g"), "denominator": quantity("1", "d")}) == "4 g per day"
    assert ratio({"numerator": quantity("4", "g")}) == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("QD", "once a day"),
        ("BID", "twice a day"),
        ("TID", "3 times a day"),
        ("QID", "4 times a day"),
        ("QOD", "every other day"),
        ("HS", "at bedtime"),
        ("AM", "in the morning"),
        ("Q8H", "every 8 hours"),
        ("q.o.d.", "every other day"),
        ("alternate Tuesdays", "alternate Tuesdays"),
    ],
)
def test_dangerous_abbreviations_become_words(code: str, words: str) -> None:
    assert timing_words({"code": {"text": code}}) == words
    if code.isupper():
        assert timing_words({"code": {"coding": [{"code": code, "display": code}]}}) == words


@pytest.mark.parametrize(
    ("repeat", "words"),
    [
        ({"frequency": 1, "period": 1, "periodUnit": "d"}, "once a day"),
        ({"frequency": 2, "period": Decimal("1.0"), "periodUnits": "d"}, "twice a day"),
        ({"frequency": 3, "period": 1, "periodUnit": "d"}, "3 times a day"),
        ({"frequency": 1, "period": 2, "periodUnit": "d"}, "every other day"),
        ({"frequency": 1, "period": 8, "periodUnit": "h"}, "every 8 hours"),
        ({"period": 8, "periodUnit": "h"}, "every 8 hours"),
        ({"frequency": 1, "period": 1, "periodUnit": "h"}, "every hour"),
        ({"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}, "every 4 to 6 hours"),
        ({"frequency": 2, "period": 1, "periodUnit": "h"}, "twice an hour"),
        ({"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}, "once or twice a day"),
        ({"frequency": 3, "frequencyMax": 4, "period": 1, "periodUnit": "d"}, "3 to 4 times a day"),
        ({"frequency": 2, "period": 3, "periodUnit": "wk"}, "twice every 3 weeks"),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "when": "HS"}, "once a day at bedtime"),
        ({"when": ["CM", "CV"]}, "with breakfast and with dinner"),
        ({"when": ["ACM"], "offset": 30}, "30 minutes before breakfast"),
        ({"when": ["PCV"], "offset": 120}, "2 hours after dinner"),
        ({"dayOfWeek": ["mon", "wed", "fri"]}, "on Monday, Wednesday and Friday"),
        ({"frequency": 1, "timeOfDay": ["08:00:00", "20:00:00"]}, "at 08:00 and 20:00"),
        ({"frequency": 3}, "3 times (period not given)"),
        (
            {"frequency": 1, "period": 1, "periodUnit": "d", "boundsDuration": quantity("10", "d")},
            "once a day for 10 days",
        ),
        (
            {"frequency": 1, "period": 1, "periodUnit": "d", "boundsQuantity": quantity("1", "wk")},
            "once a day for 1 week",
        ),
        (
            {"frequency": 1, "period": 1, "periodUnit": "d", "duration": 30, "durationUnit": "min"},
            "once a day over 30 minutes",
        ),
        ({"count": 1}, "once only"),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "count": 6}, "once a day (6 times in total)"),
    ],
)
def test_a_repeat_has_words(repeat: dict[str, Any], words: str) -> None:
    assert timing_words({"repeat": repeat}) == words


@pytest.mark.parametrize(
    "broken",
    [
        {"frequency": "often"},
        {"frequency": 0},
        {"frequency": -1},
        {"frequency": Decimal("1E+30")},
        {"period": "x"},
        {"periodUnit": "fortnight"},
        {"periodUnit": None},
        {"periodMax": {}, "frequencyMax": [[1]]},
        {"when": [5]},
        {"dayOfWeek": [None]},
        {"duration": 5},
        {"boundsDuration": {"value": "x"}},
        {"boundsPeriod": "x"},
    ],
)
def test_a_timing_that_is_unclear_in_any_part_is_not_guessed(broken: dict[str, Any]) -> None:
    sound = {"frequency": 2, "period": 1, "periodUnit": "d"}
    assert timing_words({"repeat": sound}) == "twice a day"
    assert timing_words({"repeat": {**sound, **broken}}) == ""


def test_a_code_and_a_differing_repeat_are_both_told() -> None:
    repeat = {"frequency": 3, "period": 1, "periodUnit": "d"}
    assert timing_words({"code": {"text": "BID"}, "repeat": repeat}) == "twice a day; 3 times a day"
    assert timing_words({"code": {"text": "TID"}, "repeat": {**repeat, "when": ["C"]}}) == "3 times a day with meals"


def test_single_dates_are_written_out() -> None:
    dates = ["2026-01-01", "2026-02-01", "2026-03", "2026-04-01", "2026-05-01"]
    assert timing_words({"event": dates}) == "on 01-Jan-2026, 01-Feb-2026, Mar-2026 and 2 more"


def test_a_dstu2_dosage_in_full() -> None:
    assert first_dose(MEDICATION_ORDER) == Dose(
        as_written="1 tab PO daily",
        dose="5 mg",
        rate="100 mL per hour",
        route="oral",
        site="Mouth",
        timing="once a day at bedtime",
        as_needed="as needed",
        maximum="10 mg per 24 hours",
        instructions=("With food",),
    )


def test_an_r4_dosage_in_full() -> None:
    found = first_dose(MEDICATION_REQUEST)
    assert found == Dose(
        as_written="as directed",
        dose="1 to 2 tablets",
        rate="1,500 mL per hour",
        route="Oral route",
        site="Mouth",
        timing="2 to 3 times a day on Monday and Friday 30 minutes before breakfast for 10 days",
        as_needed="as needed for pain",
        maximum="4 g per day",
        instructions=("Before meals", "Drink plenty."),
    )
    assert found.complete


def test_a_dstu2_statement_calls_its_dose_quantity() -> None:
    assert first_dose(STATEMENT_DSTU2).dose == "10 units"


def test_what_the_ehr_typed_is_kept_to_the_letter() -> None:
    assert one_dose(text=" 1 tab  QOD\nU100 .5mg ").as_written == " 1 tab  QOD\nU100 .5mg "


def test_the_ordered_dose_comes_first_and_a_calculated_one_in_parentheses() -> None:
    calculated = {"type": {"coding": [{"code": "calculated"}]}, "doseQuantity": quantity("19.6", "mg")}
    ordered = {"type": {"coding": [{"code": "ordered"}]}, "doseQuantity": quantity("20", "mg")}
    assert one_dose(doseAndRate=[calculated, ordered]).dose == "20 mg (19.6 mg)"
    assert one_dose(doseAndRate=[ordered, ordered]).dose == "20 mg"


@pytest.mark.parametrize(
    "broken",
    [
        {"doseQuantity": {"value": "much", "unit": "mg"}},
        {"timing": {"repeat": {"frequency": "often"}}},
        {"timing": "daily"},
        {"route": 5},
        {"asNeededBoolean": "perhaps"},
        {"maxDosePerPeriod": {"numerator": {"value": "x"}}},
        {"rateRatio": [1]},
        {"modifierExtension": [{"url": "http://x.example", "valueBoolean": True}]},
    ],
)
def test_a_line_of_which_a_part_is_unclear_is_not_complete(broken: dict[str, Any]) -> None:
    sound = {
        "doseQuantity": quantity("5", "mg"),
        "route": {"text": "oral"},
        "timing": {"code": {"text": "QD"}},
        "asNeededBoolean": True,
    }
    assert one_dose(**sound).complete
    found, marks = doses({"dosage": [{**sound, **broken}]})
    assert not any(dose.complete for dose in found)
    assert marks


def test_a_dosage_that_is_no_object_is_marked_and_an_empty_one_is_silent() -> None:
    assert doses({"dosage": ["1 daily"]}) == ((), ["A dosage instruction could not be read. Check the EHR."])
    assert doses({"dosage": [{}, None]}) == ((), [])


def test_text_rendered_for_all_instructions_stands_in_for_theirs() -> None:
    assert first_dose({"renderedDosageInstruction": "one a day"}).as_written == "one a day"
    both = {"renderedDosageInstruction": "rendered", "dosageInstruction": [{"text": "typed"}]}
    assert [dose.as_written for dose in doses(both)[0]] == ["typed"]
