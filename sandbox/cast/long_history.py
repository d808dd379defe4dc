"""The conditions of a woman born in 1941 who went to the doctor often: 300 of them, drawn by a fixed lot."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from sandbox.cast.shorthand import problem
from sandbox.clinical import ILLNESSES
from sandbox.person import Problem, Visit

_BORN = date(1941, 4, 2)
_FIRST_VISIT = date(1986, 1, 6)
_LAST_VISIT = date(2026, 10, 29)
_HOW_MANY = 300
_ENCOUNTER_DIAGNOSES = 210
_CLINICIANS = ("dr-azcona", "dr-phetchara", "np-lindeberg")
_NOT_HERS = ("breast-cancer", "hiv", "type-1-diabetes", "type-2-diabetes", "crohns", "lupus")
_TOO_LATE = ("pregnancy", "pre-eclampsia", "gestational-diabetes")


def _fits(key: str, day: date) -> bool:
    illness = ILLNESSES[key]
    age = (day - _BORN).days // 365
    return illness.sex != "male" and illness.youngest <= age <= illness.oldest and key not in (*_NOT_HERS, *_TOO_LATE)


def _draw() -> tuple[tuple[Problem, ...], tuple[Visit, ...]]:
    lot = Random(1941)  # noqa: S311 - a fixed lot, no secret
    days_after = sorted(lot.sample(range((_LAST_VISIT - _FIRST_VISIT).days + 1), _HOW_MANY))
    dates = [_FIRST_VISIT + timedelta(days) for days in days_after]
    lasting = [key for key in ILLNESSES if ILLNESSES[key].lasting]
    passing = [key for key in ILLNESSES if not ILLNESSES[key].lasting]
    of_visits = set(lot.sample(range(_HOW_MANY), _ENCOUNTER_DIAGNOSES))
    problems: list[Problem] = []
    visits: list[Visit] = []
    for number, day in enumerate(dates):
        clinician = lot.choice(_CLINICIANS)
        fresh = [key for key in lasting if _fits(key, day)]
        if number not in of_visits and fresh:
            key = lot.choice(fresh)
            lasting.remove(key)
            problems.append(problem(key, onset=f"{day:%Y-%m}", recorded=day.isoformat(), asserter=clinician))
            continue
        key = lot.choice([key for key in passing if _fits(key, day)])
        if number in of_visits:
            visits.append(Visit(day.isoformat(), clinician=clinician))
            problems.append(_diagnosis(key, day, len(visits)))
        else:
            problems.append(_past(key, day, lot))
    return tuple(problems), tuple(visits)


def _diagnosis(key: str, day: date, visit: int) -> Problem:
    written = day.isoformat()
    return problem(key, category="encounter-diagnosis", onset=written, recorded=written, visit=visit)


def _past(key: str, day: date, lot: Random) -> Problem:
    verification = lot.choice(("confirmed",) * 8 + ("refuted", "entered-in-error"))
    written = day.isoformat()
    if verification != "confirmed":
        return problem(key, verification=verification, recorded=written)
    ended = min(day + timedelta(lot.randrange(5, 60)), _LAST_VISIT).isoformat()
    return problem(key, clinical="resolved", onset=written, ended=ended, recorded=written)


CONDITIONS, VISITS = _draw()
