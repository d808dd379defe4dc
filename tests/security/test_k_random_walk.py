"""Case 124: three people with five tabs each at two EHRs do anything in any order, and never see a wrong patient.

A walk has a few hundred steps here; RANDOM_WALK_STEPS takes more, and RANDOM_WALK_SEED repeats one that failed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from launcher import throttle
from launcher.models import EhrRegistration, Launch
from sandbox import population
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import DSTU2, R4, launch_url

pytestmark = pytest.mark.django_db
STEPS = int(os.environ.get("RANDOM_WALK_STEPS", "250"))
SEED = int(os.environ.get("RANDOM_WALK_SEED", str(random.SystemRandom().randrange(10**6))))
PEOPLE, TABS = 3, 5
PATIENTS = [person for person in population.PATIENTS if person.mrn and person.names][:6]


@dataclass
class Chart:
    """What a launch was for; `over` once it must show nothing any more."""

    address: str
    ehr: str
    patient: str
    owner: int
    over: bool = False

    @property
    def launch(self) -> str:
        return urlsplit(self.address).path.split("/")[2]


@dataclass
class Tab:
    """A tab's past: the charts that Back leads through, the present one last."""

    past: list[Chart] = field(default_factory=list)


@dataclass
class Walk:
    """Three browsers, what is open in them, and what was done how often."""

    dice: random.Random
    browsers: list[Browser] = field(default_factory=lambda: [Browser() for _ in range(PEOPLE)])
    tabs: list[list[Tab]] = field(default_factory=lambda: [[Tab() for _ in range(TABS)] for _ in range(PEOPLE)])
    charts: list[Chart] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    trail: list[str] = field(default_factory=list)

    def step(self) -> None:
        moves: dict[str, tuple[int, Callable[[int, Tab], None]]] = {
            "open": (3, self.open),
            "reload": (8, self.reload),
            "back": (4, self.back),
            "part": (4, self.part),
            "log out": (1, self.log_out),
            "idle": (1, self.idle),
            "refresh": (2, self.refresh),
            "copy": (2, self.copy),
        }
        person = self.dice.randrange(PEOPLE)
        tab = self.dice.choice(self.tabs[person])
        name = "open"
        if tab.past:
            (name,) = self.dice.choices(list(moves), weights=[weight for weight, _ in moves.values()])
        self.done[name] += 1
        self.trail.append(f"{name} by {person} in tab {self.tabs[person].index(tab)}")
        moves[name][1](person, tab)

    def open(self, person: int, tab: Tab) -> None:
        ehr, patient = self.dice.choice((R4, DSTU2)), self.dice.choice(PATIENTS).id
        page = self.browsers[person].visit(launch_url(ehr, patient))
        chart = Chart(page.url, ehr, patient, person)
        self.charts.append(chart)
        tab.past.append(chart)
        judge(chart, page)

    def reload(self, person: int, tab: Tab) -> None:
        self.look(person, tab.past[-1])

    def back(self, person: int, tab: Tab) -> None:
        if len(tab.past) > 1:
            tab.past.pop()
        self.look(person, tab.past[-1])

    def part(self, person: int, tab: Tab) -> None:
        part = self.dice.choice(("print/", "panels/demographics/", "panels/conditions/", "?x=1"))
        self.look(person, tab.past[-1], part)

    def log_out(self, person: int, tab: Tab) -> None:
        chart = tab.past[-1]
        page = self.look(person, chart)
        if not chart.over:
            token = page.text.rpartition('name="token" value="')[2].partition('"')[0]
            assert self.browsers[person].post(f"{chart.address}end/", {"token": token}).status == 200
            chart.over = True
        self.look(person, chart)

    def idle(self, person: int, tab: Tab) -> None:
        chart = tab.past[-1]
        long_ago = timezone.now() - timedelta(minutes=16)
        Launch.objects.filter(pk=chart.launch).update(last_seen_at=long_ago)
        chart.over = True
        self.look(person, chart)

    def refresh(self, person: int, tab: Tab) -> None:
        chart = tab.past[-1]
        launch = Launch.objects.get(pk=chart.launch)
        Launch.objects.filter(pk=chart.launch).update(token_expires_at=timezone.now() - timedelta(seconds=1))
        chart.over = chart.over or not launch.refresh_token
        self.look(person, chart)
        assert chart.over or Launch.objects.get(pk=chart.launch).token_version > launch.token_version

    def copy(self, person: int, tab: Tab) -> None:
        """Somebody else's address, by a copied link."""
        chart = self.dice.choice(self.charts)
        if chart.owner == person:
            self.look(person, chart)
            return
        page = self.browsers[person].get(chart.address)
        assert (page.error, page.patient, page.marks("data-record")) == ("session_ended", "", [])

    def look(self, person: int, chart: Chart, part: str = "") -> Page:
        page = self.browsers[person].get(chart.address + part)
        judge(chart, page)
        return page


def judge(chart: Chart, page: Page) -> None:
    """The chart's own patient in the banner and in every panel, or nothing of anybody."""
    if chart.over:
        assert (page.status, page.error) == (403, "session_ended")
        assert (page.patient, page.marks("data-record"), page.marks("data-panel")) == ("", [], [])
        assert not any(person.mrn in page.text for person in PATIENTS)
        return
    assert page.status == 200, page.error
    assert page.patient in {"", chart.patient}
    assert set(page.marks("data-subject")) <= {f"{chart.launch} {chart.patient}"}
    assert set(page.marks("data-ehr")) <= {chart.ehr}
    banner = page.text.partition('data-testid="patient-banner"')[2].partition("</header>")[0]
    mine = next(person for person in PATIENTS if person.id == chart.patient)
    assert mine.mrn in banner
    assert not [other.mrn for other in PATIENTS if other.id != chart.patient and f">{other.mrn}<" in page.text]


def test_case_124_whatever_three_people_do_in_their_tabs_nobody_sees_a_wrong_patient(
    ehrs: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A person reloads a few times a minute; these guess as often as the dice fall.
    monkeypatch.setattr(throttle, "MISSES_PER_MINUTE", 10_000)
    EhrRegistration.objects.update(panels=["demographics", "conditions"])
    # The seed is in the report of a failure.
    walk = Walk(random.Random(SEED))  # noqa: S311  # a walk, no secret
    for number in range(STEPS):
        try:
            walk.step()
        except AssertionError as error:
            raise AssertionError(f"step {number} of seed {SEED}: {walk.trail[-1]}: {error}") from error
    assert sum(walk.done.values()) == STEPS
    assert len(walk.done) >= 7, walk.done
    assert any(chart.over for chart in walk.charts)
    assert {chart.ehr for chart in walk.charts} == {R4, DSTU2}
