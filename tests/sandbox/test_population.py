"""The invented patients: every kind that the chart has to show is there, and each of them could be true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import pairwise

import pytest

from sandbox import population
from sandbox.clinical import CLINICIANS, ICD10, ILLNESSES, SNOMED
from sandbox.medicines import DRUGS, RXNORM
from sandbox.person import Age, AgeRange, Person, Prescription, Problem, Shape, Span, Statement, Time

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
PARTIAL_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d[+-]\d\d:\d\d)?)?)?")
DUMP = """
import hashlib
from sandbox import population
from sandbox.exact import dumps
from sandbox.writers import dstu2_chart, r4_chart, stu3_chart
kinds = ("Patient", "Condition", "MedicationOrder", "MedicationRequest", "MedicationStatement", "Medication",
         "Encounter", "Practitioner", "AllergyIntolerance", "Observation", "Immunization", "DocumentReference")
writers = (dstu2_chart, stu3_chart, r4_chart)
written = dumps([w.resources(k, p, "http://ehr/fhir") for p in population.PATIENTS for w in writers for k in kinds])
print(hashlib.sha256(written.encode()).hexdigest(), len(written))
"""


def problems() -> list[tuple[Person, Problem]]:
    return [(person, one) for person in population.PATIENTS for one in person.conditions]


def prescriptions() -> list[Prescription]:
    return [one for person in population.PATIENTS for one in person.prescriptions]


def statements() -> list[Statement]:
    return [one for person in population.PATIENTS for one in person.statements]


def earliest(text: str) -> date:
    year, month, day = (f"{text[:10]}-01-01").split("-")[:3]
    return date(int(year), int(month), int(day))


def latest(text: str) -> date:
    """The last day that a partial date can mean, near enough: months have 28 days here."""
    year, month, day = (f"{text[:10]}-12-28" if len(text) == 4 else f"{text[:10]}-28").split("-")[:3]
    return date(int(year), int(month), int(day))


def dates_of(when: Time | bool | None) -> list[str]:
    if isinstance(when, str):
        return [when] if when else []
    return [text for text in (when.start, when.end) if text] if isinstance(when, Span) else []


def dates(person: Person) -> list[str]:
    """Every date in the person's record but those of birth and death."""
    found = [visit.day for visit in person.visits if visit.status in ("finished", "in-progress")]
    for problem in person.conditions:
        found += [problem.recorded, *dates_of(problem.onset), *dates_of(problem.ended)]
    for order in person.prescriptions:
        found += [order.written, order.ended]
    for statement in person.statements:
        found += [statement.asserted, *dates_of(statement.taken)]
    return [text for text in found if text]


def age_at_onset(person: Person, problem: Problem) -> int | None:
    if isinstance(problem.onset, Age):
        return problem.onset.years
    if isinstance(problem.onset, AgeRange):
        return problem.onset.low
    known = [*dates_of(problem.onset), problem.recorded]
    if not known[0] or not person.born:
        return None
    return (latest(known[0]) - earliest(person.born)).days // 365


def test_two_fresh_processes_write_the_same_bytes_whatever_their_hash_seed() -> None:
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    running = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, "-c", DUMP],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, zone in (("1", "UTC"), ("4711", "Pacific/Auckland"))
    ]
    first, second = (process.communicate(timeout=60)[0] for process in running)
    assert [process.returncode for process in running] == [0, 0]
    assert first == second
    assert int(first.split()[1]) > 100_000


def test_there_are_enough_patients_shared_out_over_all_homes() -> None:
    homes = Counter(person.home for person in population.PATIENTS)
    assert len(population.PATIENTS) >= 24
    assert set(homes) == set(population.HOMES)
    assert max(homes.values()) - min(homes.values()) <= 1


@pytest.mark.parametrize(
    ("patient_id", "home"),
    [
        ("54520", "allscripts-professional"),
        ("19", "allscripts-touchworks"),
        ("385800201", "allscripts-sunrise"),
        ("smart-1042", "smart-r4"),
    ],
)
def test_the_promised_test_patients_live_where_they_should(patient_id: str, home: str) -> None:
    person = population.by_id(patient_id)
    assert person is not None
    assert person.home == home


def test_an_unknown_id_is_nobody() -> None:
    assert population.by_id("54521") is None
    assert population.by_id("") is None


def test_ids_are_fhir_ids_and_nobody_shares_one() -> None:
    people = population.PATIENTS
    ids = [person.id for person in people]
    for person in people:
        ids += [one.id for one in person.visits] + [one.id for one in person.conditions]
        ids += [one.id for one in person.prescriptions] + [one.id for one in person.statements]
        drugs = [one.medicine for one in person.prescriptions] + [one.medicine for one in person.statements]
        ids += [drug.id for drug in drugs if drug.shape is not Shape.CONCEPT]
    assert all(FHIR_ID.fullmatch(one) for one in ids)
    assert len(ids) == len(set(ids))


def test_every_patient_has_a_story_of_one_line_and_no_two_the_same() -> None:
    stories = [person.story for person in population.PATIENTS]
    assert len(set(stories)) == len(stories)
    assert all(story and "\n" not in story and len(story) <= 72 for story in stories)


KINDS_OF_PEOPLE: dict[str, Callable[[Person], bool]] = {
    "deceased with a date": lambda person: isinstance(person.died, date),
    "deceased, no date": lambda person: person.died is True,
    "no conditions": lambda person: not person.conditions and person.active,
    "no medications": lambda person: bool(person.conditions) and not person.prescriptions and not person.statements,
    "300 conditions": lambda person: len(person.conditions) == 300,
    "newborn with time of birth": lambda person: person.birth_time.startswith(f"{person.born}T"),
    "year of birth only": lambda person: len(person.born) == 4,
    "month of birth only": lambda person: len(person.born) == 7,
    "birth date withheld": lambda person: not person.born and bool(person.born_absent),
    "no sex recorded": lambda person: not person.sex and not person.sex_absent,
    "sex asked and not known": lambda person: bool(person.sex_absent),
    "no MRN": lambda person: not person.mrn,
    "restricted": lambda person: person.restricted,
    "merged": lambda person: not person.active and bool(person.replaced_by),
    "Greek script": lambda person: re.search(r"[\u0370-\u03ff]", person.display_name) is not None,
    "Vietnamese": lambda person: re.search(r"[\u1e00-\u1eff]", person.display_name) is not None,
    "right to left": lambda person: re.search(r"[\u0600-\u06ff]", person.display_name) is not None,
    "apostrophe and hyphen": lambda person: "'" in person.display_name and "-" in person.display_name,
    "name as text only": lambda person: bool(person.names[0].text) and not person.names[0].family,
    "writes empty strings": lambda person: person.blanks,
    "referred to by full URL": lambda person: person.absolute_references,
    "a child": lambda person: bool(person.born) and "2010" < person.born < "2025",
    "same drug as order and as statement": lambda person: bool(
        {one.medicine.what for one in person.prescriptions} & {one.medicine.what for one in person.statements}
    ),
    "same code in four encounters": lambda person: any(
        count == 4 and len(person.conditions) < 50
        for count in Counter(
            one.what.codings for one in person.conditions if one.category == "encounter-diagnosis" and one.visit
        ).values()
    ),
}


@pytest.mark.parametrize("kind", KINDS_OF_PEOPLE)
def test_every_kind_of_patient_is_there(kind: str) -> None:
    assert [person.id for person in population.PATIENTS if KINDS_OF_PEOPLE[kind](person)]


def test_the_merged_record_points_at_a_patient_of_the_same_home() -> None:
    for person in population.PATIENTS:
        if person.replaced_by:
            other = population.by_id(person.replaced_by)
            assert other is not None
            assert (other.home, other.born) == (person.home, person.born)


@pytest.mark.parametrize("status", ["entered-in-error", "refuted", "provisional", "differential", "unconfirmed", ""])
def test_every_verification_status_is_there(status: str) -> None:
    assert any(one.verification == status for _, one in problems())


@pytest.mark.parametrize("status", ["active", "recurrence", "relapse", "inactive", "remission", "resolved", ""])
def test_every_clinical_status_is_there(status: str) -> None:
    assert any(one.clinical == status and one.verification != "entered-in-error" for _, one in problems())


def test_there_are_free_text_conditions_and_one_without_anything() -> None:
    uncoded = [one.what for _, one in problems() if not one.what.codings]
    assert len([what for what in uncoded if what.text]) >= 5
    assert [what for what in uncoded if not what.text]


def test_every_way_of_saying_an_onset_is_there() -> None:
    assert {type(one.onset).__name__ for _, one in problems()} == {
        "NoneType",
        "str",
        "Age",
        "AgeRange",
        "Span",
        "Words",
    }
    assert any(one.ended is True for _, one in problems())


@pytest.mark.parametrize(
    "status",
    ["active", "on-hold", "stopped", "completed", "entered-in-error", "draft", "cancelled", "unknown", ""],
)
def test_every_status_of_a_prescription_is_there(status: str) -> None:
    assert any(one.status == status for one in prescriptions())


@pytest.mark.parametrize(
    "status", ["active", "completed", "entered-in-error", "intended", "not-taken", "stopped", "on-hold"]
)
def test_every_status_of_a_statement_is_there(status: str) -> None:
    assert any(one.status == status for one in statements())


@pytest.mark.parametrize("shape", list(Shape))
def test_every_way_of_naming_a_drug_is_there(shape: Shape) -> None:
    assert any(one.medicine.shape is shape for one in prescriptions())


def test_there_are_prohibitions_plans_proposals_and_reported_prescriptions() -> None:
    assert any(one.do_not_perform and one.status == "active" for one in prescriptions())
    assert {"order", "plan", "proposal"} == {one.intent for one in prescriptions()}
    assert any(one.reported for one in prescriptions())
    assert {bool(one.source) for one in statements()} == {True, False}


def test_dosages_come_as_words_as_structure_as_both_and_not_at_all() -> None:
    forms = {(bool(dosage.text), dosage.dose is not None) for one in prescriptions() for dosage in one.dosages}
    assert {(True, False), (False, True), (True, True)} <= forms
    assert any(not one.dosages for one in prescriptions())
    assert any(len(one.dosages) > 1 for one in prescriptions())
    assert any(dosage.rate for one in prescriptions() for dosage in one.dosages)


def test_some_data_is_absent_for_a_reason() -> None:
    assert any(one.clinical_absent for _, one in problems())
    assert any(one.medicine.what.absent for one in prescriptions())
    assert any(one.medicine.what.absent for one in statements())


def test_dates_are_partial_dates_after_birth_and_before_death_and_the_reference_day() -> None:
    for person in population.PATIENTS:
        end = person.died if isinstance(person.died, date) else population.REFERENCE_DAY
        for text in dates(person):
            assert PARTIAL_DATE.fullmatch(text), (person.id, text)
            assert earliest(text) <= end, (person.id, text)
            assert not person.born or latest(text) >= earliest(person.born), (person.id, text)


def test_nothing_ends_before_it_begins() -> None:
    spans = [(one.onset, one.ended) for _, one in problems()]
    spans += [(one.written, one.ended) for one in prescriptions()]
    spans += [(one.taken.start, one.taken.end) for one in statements() if isinstance(one.taken, Span)]
    for start, end in spans:
        if isinstance(start, str) and isinstance(end, str) and start and end:
            assert earliest(start) <= latest(end), (start, end)


def test_nobody_has_an_illness_that_cannot_be_theirs() -> None:
    by_code = {illness.snomed: illness for illness in ILLNESSES.values()}
    by_code |= {illness.icd10: illness for illness in ILLNESSES.values()}
    checked = 0
    for person, problem in problems():
        for coding in problem.what.codings:
            illness = by_code.get(coding.code)
            age = age_at_onset(person, problem)
            if illness is None or problem.verification == "entered-in-error":
                continue
            checked += 1
            assert illness.sex in ("", person.sex), (person.id, illness.name)
            assert age is None or illness.youngest <= age <= illness.oldest, (person.id, illness.name, age)
    assert checked > 300


def test_counted_references_lead_to_something_of_the_same_person() -> None:
    for person in population.PATIENTS:
        assert all(0 <= one.treats <= len(person.conditions) for one in person.prescriptions)
        assert all(0 <= one.visit <= len(person.visits) for one in person.prescriptions)
        assert all(0 <= one.visit <= len(person.visits) for one in person.conditions)
        for one in person.conditions:
            if one.visit and one.category == "encounter-diagnosis":
                assert person.visits[one.visit - 1].day == one.recorded[:10], one.id
        named = {person.doctor} | {one.asserter for one in person.conditions} | {v.clinician for v in person.visits}
        named |= {one.prescriber for one in person.prescriptions} | {one.source for one in person.statements}
        assert named <= {"", *CLINICIANS}


def test_codes_look_like_codes_of_their_systems_and_none_is_used_twice() -> None:
    illnesses, drugs = list(ILLNESSES.values()), list(DRUGS.values())
    assert all(verhoeff_holds(one.snomed) for one in illnesses)
    assert all(re.fullmatch(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?", one.icd10) for one in illnesses)
    assert all(re.fullmatch(r"\d{4,7}", one.rxnorm) for one in drugs)
    assert len({one.snomed for one in illnesses}) == len(illnesses)
    assert len({one.rxnorm for one in drugs}) == len(drugs)
    systems = {coding.system for _, one in problems() for coding in one.what.codings}
    assert {SNOMED, ICD10} <= systems
    assert RXNORM in {coding.system for one in prescriptions() for coding in one.medicine.what.codings}


def verhoeff_holds(code: str) -> bool:
    """SNOMED CT identifiers end in a Verhoeff check digit (https://confluence.ihtsdotools.org, appendix on SCTID)."""
    shift = [int(digit) for digit in "1576283094"]
    permutations = [list(range(10))]
    for _ in range(7):
        permutations.append([permutations[-1][shift[digit]] for digit in range(10)])
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _dihedral(check, permutations[place % 8][int(digit)])
    return code.isdigit() and check == 0


def _dihedral(left: int, right: int) -> int:
    """Multiplication in the dihedral group of order ten."""
    if left < 5:
        return (left + right) % 5 if right < 5 else (left + right) % 5 + 5
    return (left - right) % 5 + 5 if right < 5 else (left - right) % 5


def test_the_visits_of_the_long_history_are_in_order_of_time() -> None:
    person = population.by_id("23")
    assert person is not None
    assert all(first.day <= second.day for first, second in pairwise(person.visits))
    assert len({one.what for one in person.conditions}) > 40
