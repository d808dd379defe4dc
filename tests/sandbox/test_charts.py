"""The invented patients' charts: every kind that a chart has to show is there, and each of them could be true."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from itertools import pairwise

import pytest

from sandbox import charts, papers, population
from sandbox.findings import ANSWERS, CVX, LABS, LOINC, NEGATIONS, PAPERS, SIGNS, SUBSTANCES, VACCINES, VITALS
from sandbox.person import Amount, Concept, Person
from sandbox.record import Allergy, Chart, Document, Measurement, Vaccination
from tests.sandbox.test_population import PARTIAL_DATE, earliest, latest, verhoeff_holds

PEOPLE = [(person, charts.of(person.id)) for person in population.PATIENTS]
DEMO = ("54520", "19", "385800201", "smart-1042", "smart-1081", "smart-1096", "smart-1104", "72")
NEGATIVE = {what.codings[0].code for what in NEGATIONS.values()}


def allergies() -> list[Allergy]:
    return [one for _, chart in PEOPLE for one in chart.allergies]


def measurements(category: str = "") -> list[Measurement]:
    return [one for _, chart in PEOPLE for one in chart.measurements if category in ("", one.category)]


def vaccinations() -> list[Vaccination]:
    return [one for _, chart in PEOPLE for one in chart.vaccinations]


def documents() -> list[Document]:
    return [one for _, chart in PEOPLE for one in chart.documents]


def is_negative(one: Allergy) -> bool:
    return any(coding.code in NEGATIVE for coding in one.what.codings)


KINDS_OF_ALLERGY: dict[str, Callable[[Allergy], bool]] = {
    "high risk with a severe reaction": lambda one: (
        one.criticality == "high" and any(each.severity == "severe" for each in one.reactions)
    ),
    "low risk": lambda one: one.criticality == "low",
    "risk that cannot be told": lambda one: one.criticality == "unable-to-assess",
    "several signs in one reaction": lambda one: any(len(each.signs) > 1 for each in one.reactions),
    "several reactions": lambda one: len(one.reactions) > 1,
    "an intolerance": lambda one: one.kind == "intolerance",
    "resolved": lambda one: one.clinical == "resolved",
    "inactive": lambda one: one.clinical == "inactive",
    "refuted": lambda one: one.verification == "refuted",
    "entered in error": lambda one: one.verification == "entered-in-error",
    "unconfirmed": lambda one: one.verification == "unconfirmed",
    "free text": lambda one: bool(one.what.text) and not one.what.codings,
    "absent for a reason": lambda one: bool(one.what.absent),
    "none known, by somebody, on a day": lambda one: is_negative(one) and bool(one.recorder and one.recorded),
}


@pytest.mark.parametrize("kind", KINDS_OF_ALLERGY)
def test_every_kind_of_allergy_is_there(kind: str) -> None:
    assert [one.id for one in allergies() if KINDS_OF_ALLERGY[kind](one)]


def test_somebody_was_never_asked_somebody_has_none_and_somebody_contradicts() -> None:
    assert [person.id for person, chart in PEOPLE if not chart.allergies and person.active]
    assert [chart for _, chart in PEOPLE if chart.allergies and all(map(is_negative, chart.allergies))]
    assert [
        chart
        for _, chart in PEOPLE
        if any(map(is_negative, chart.allergies)) and not all(map(is_negative, chart.allergies))
    ]
    assert [person.id for person, chart in PEOPLE if chart == Chart()]


@pytest.mark.parametrize("patient_id", DEMO)
def test_a_demo_patient_of_each_ehr_has_something_of_everything(patient_id: str) -> None:
    chart = charts.of(patient_id)
    person = population.by_id(patient_id)
    assert chart.allergies
    assert {one.category for one in chart.measurements} >= ({"vital-signs"} if patient_id == "smart-1104" else BOTH)
    assert chart.vaccinations
    assert chart.documents
    assert person is not None
    assert person.visits


BOTH = {"vital-signs", "laboratory"}


def test_the_demo_patients_live_in_all_homes() -> None:
    assert {person.home for person, _ in PEOPLE if person.id in DEMO} == set(population.HOMES)


@pytest.mark.parametrize(
    "key", ["blood-pressure", "heart-rate", "weight", "height", "temperature", "oxygen", "bmi", "respiratory-rate"]
)
def test_every_vital_sign_is_measured(key: str) -> None:
    assert any(one.what == VITALS[key].what for one in measurements("vital-signs"))


def test_the_first_demo_patient_has_two_years_of_vital_signs_with_a_gap_and_two_units() -> None:
    pressures = [one for one in charts.of("54520").measurements if one.parts]
    days = [date.fromisoformat(one.taken[:10]) for one in pressures]
    assert (days[-1] - days[0]).days > 600
    assert any((after - before).days > 180 for before, after in pairwise(days))
    weights = [one.value for one in charts.of("54520").measurements if one.what == VITALS["weight"].what]
    assert {amount.code for amount in weights if isinstance(amount, Amount)} == {"kg", "[lb_av]"}


KINDS_OF_RESULT: dict[str, Callable[[Measurement], bool]] = {
    "no flag": lambda one: not one.flag,
    "less than": lambda one: isinstance(one.value, Amount) and one.value.comparator == "<",
    "more than": lambda one: isinstance(one.value, Amount) and one.value.comparator == ">",
    "a zero at the end": lambda one: isinstance(one.value, Amount) and str(one.value.value).endswith("0"),
    "preliminary": lambda one: one.status == "preliminary",
    "corrected": lambda one: one.status == "corrected",
    "cancelled, with the reason": lambda one: one.status == "cancelled" and bool(one.absent),
    "a coded result": lambda one: isinstance(one.value, Concept),
    "a result in words": lambda one: isinstance(one.value, str),
    "a range in words": lambda one: one.usual is not None and bool(one.usual.text),
    "a range open below": lambda one: one.usual is not None and one.usual.low is None and one.usual.high is not None,
    "a panel": lambda one: one.members > 1,
    "a unit that UCUM does not know": lambda one: isinstance(one.value, Amount) and not one.value.code,
}


@pytest.mark.parametrize("flag", ["H", "HH", "L", "LL", "N", "A", "NEG"])
def test_every_flag_is_there(flag: str) -> None:
    assert any(one.flag == flag for one in measurements("laboratory"))


@pytest.mark.parametrize("kind", KINDS_OF_RESULT)
def test_every_kind_of_result_is_there(kind: str) -> None:
    assert [one.id for one in measurements("laboratory") if KINDS_OF_RESULT[kind](one)]


def test_vaccines_are_given_refused_told_and_mistaken() -> None:
    assert {one.status for one in vaccinations()} == {"completed", "not-done", "entered-in-error"}
    assert {one.why_not for one in vaccinations()} >= {"PATOBJ", "MEDPREC", "OSTOCK"}
    assert all(bool(one.why_not) == (one.status == "not-done") for one in vaccinations())
    assert any(one.told for one in vaccinations())
    assert any(not one.what.codings for one in vaccinations())


@pytest.mark.parametrize("status", ["planned", "in-progress", "finished", "cancelled"])
def test_every_status_of_a_visit_is_there(status: str) -> None:
    assert any(visit.status == status for person, _ in PEOPLE for visit in person.visits)


def test_at_most_one_visit_is_under_way_and_planned_ones_lie_ahead() -> None:
    for person, _ in PEOPLE:
        assert [visit.status for visit in person.visits].count("in-progress") <= 1
        for visit in person.visits:
            ahead = earliest(visit.day) > population.REFERENCE_DAY
            assert ahead == (visit.status == "planned") or visit.status == "cancelled", (person.id, visit.day)
            assert not visit.left or visit.left >= visit.day


def test_documents_come_in_every_form_and_in_every_keeping() -> None:
    forms = [form for document in documents() for form in document.forms]
    assert {form.media for form in forms} == {"application/pdf", "text/plain", "text/html", "application/xml"}
    assert {(form.media, form.kept) for form in forms} >= {("application/pdf", "inline"), ("application/pdf", "lost")}
    assert {form.kept for form in forms} == {"inline", "binary", "lost"}
    assert any(len(document.forms) > 1 for document in documents())
    assert any(form.size > 20_000_000 for form in forms)
    assert {document.status for document in documents()} == {"current", "superseded"}


def test_a_pdf_can_be_read_from_its_end() -> None:
    content = papers.pdf("One (1) line", "and \\ another")
    assert content.startswith(b"%PDF-1.4\n")
    place = int(content.split(b"startxref\n")[1].split(b"\n")[0])
    table = content[place:].split(b"trailer")[0].splitlines()
    assert table[0] == b"xref"
    assert [content[int(row[:10]) :].split()[0] for row in table[3:]] == [b"1", b"2", b"3", b"4", b"5"]
    (length,) = re.findall(rb"/Length (\d+)", content)
    assert len(content.split(b"stream\n")[1].removesuffix(b"\nend")) == int(length)
    assert rb"(One \(1\) line)" in content


def test_the_large_document_is_as_large_as_it_says() -> None:
    assert len(papers.large_pdf()) == papers.LARGE_BYTES


def dates(person: Person, chart: Chart) -> list[str]:
    found = [text for one in chart.allergies for text in (one.recorded, one.onset, one.last)]
    found += [each.onset for one in chart.allergies for each in one.reactions]
    found += [one.taken for one in chart.measurements] + [one.given for one in chart.vaccinations]
    return [text for text in (*found, *(one.written for one in chart.documents)) if text]


def test_dates_are_partial_dates_within_the_patients_life_and_before_the_reference_day() -> None:
    for person, chart in PEOPLE:
        end = person.died if isinstance(person.died, date) else population.REFERENCE_DAY
        for text in dates(person, chart):
            assert PARTIAL_DATE.fullmatch(text), (person.id, text)
            assert earliest(text) <= end, (person.id, text)
            assert not person.born or latest(text) >= earliest(person.born), (person.id, text)


def test_what_was_measured_during_a_visit_was_measured_then() -> None:
    counted = 0
    for person, chart in PEOPLE:
        for one in chart.measurements:
            if one.visit:
                visit = person.visits[one.visit - 1]
                last = visit.left or ("9999" if visit.status == "in-progress" else visit.day)
                assert visit.day[:10] <= one.taken[:10] <= last[:10], one.id
                counted += 1
        assert all(0 <= one.visit <= len(person.visits) for one in chart.documents)
    assert counted > 20


def test_codes_look_like_codes_of_their_systems_and_none_is_used_twice() -> None:
    tests = [*VITALS.values(), *LABS.values()]
    assert all(mod_10_holds(one.loinc) for one in tests)
    concepts = [*SIGNS.values(), *ANSWERS.values(), *NEGATIONS.values(), *(what for _, what in SUBSTANCES.values())]
    for coding in (coding for one in concepts for coding in one.codings if coding.system.endswith("/sct")):
        assert verhoeff_holds(coding.code), coding
    assert all(
        coding.system == LOINC and mod_10_holds(coding.code) for one in PAPERS.values() for coding in one.codings
    )
    assert all(
        coding.system == CVX and re.fullmatch(r"\d{2,3}", coding.code)
        for one in VACCINES.values()
        for coding in one.codings
    )
    assert len({one.loinc for one in tests}) == len(tests)


def mod_10_holds(code: str) -> bool:
    """LOINC codes end in a check digit by modulus 10 (LOINC Users' Guide, "Check digits")."""
    digits = [int(digit) for digit in reversed(code.replace("-", ""))]
    doubled = (digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits))
    return bool(re.fullmatch(r"\d+-\d", code)) and sum(doubled) % 10 == 0


def test_a_chart_is_put_together_once() -> None:
    assert charts.of("54520") is charts.of("54520")
    assert charts.of("nobody") == Chart()
    assert charts.attachment("54520", "54520-doc5-file1") is None
