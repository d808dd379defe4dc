"""Cases 123, 127, 128, 130 and 132: many charts, their end, caches on the way, and the admin beside them, by number."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from launcher.models import AuditEvent, EhrRegistration, Launch
from sandbox import population
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.patients.fakes import patient
from tests.security.fhir_answers import ListenedChart, answering_with, chart_at, unwatched
from tests.security.playing import answer, wired
from tests.security.steps import DSTU2, R4, launch_url, opened, refused

pytestmark = pytest.mark.django_db
BASE = "https://ehr.example.org/fhir"
LAUNCHES = 50


def title_of(page: Page) -> str:
    found = re.search(r"<title>([^<]*)</title>", page.text)
    return found.group(1) if found else ""


def test_case_123_fifty_launches_at_once_open_fifty_charts_each_with_its_own_patient(
    ehrs: Bridge, browser: Browser
) -> None:
    """The same ids are other people at the other EHR; every launch is begun before the first comes back."""
    EhrRegistration.objects.update(panels=["demographics"])
    ids = [person.id for person in population.PATIENTS][: LAUNCHES // 2]
    wanted = [(ehr, each) for each in ids for ehr in (R4, DSTU2)]
    assert len(wanted) == LAUNCHES
    order = random.Random(123)  # noqa: S311  # an order, no secret
    with wired(ehrs) as wire:
        for ehr, each in wanted:
            family = _family(ehr, each)
            name = [family] if ehr == DSTU2 else family
            person = {"resourceType": "Patient", "id": each, "name": [{"family": name}]}
            wire.plays[f"/{ehr}/fhir/Patient/{each}"] = answer(200, person)
        begun = [(ehr, each, browser.get(launch_url(ehr, each)).location) for ehr, each in wanted]
        order.shuffle(begun)
        back = [(ehr, each, browser.visit(url, until="/callback").location) for ehr, each, url in begun]
        order.shuffle(back)
        charts = [(ehr, each, browser.get(url).location) for ehr, each, url in back]
        order.shuffle(charts)
        for ehr, each, url in charts:
            page = browser.get(url)
            assert (page.status, page.patient, page.marks("data-ehr")) == (200, each, [ehr])
            assert _family(ehr, each).upper() in page.text
            others = {_family(*other).upper() for other in wanted if other != (ehr, each)}
            assert not [other for other in others if re.search(rf"\b{other}\b", page.text)]
    assert len({urlsplit(url).path for _, _, url in charts}) == LAUNCHES
    opened_for = AuditEvent.objects.filter(event="session.opened").values_list("registration", "patient")
    assert sorted(opened_for) == sorted(wanted), "each is on record with its registration"


def _family(ehr: str, patient_id: str) -> str:
    return f"Kin{population.PATIENTS.index(_person(patient_id))}{'old' if ehr == DSTU2 else 'new'}"


def _person(patient_id: str) -> Any:
    return next(person for person in population.PATIENTS if person.id == patient_id)


def ended(browser: Browser, page: Page) -> Page:
    (token,) = re.findall(r'name="token" value="([0-9a-f]{64})"', page.text)
    return browser.post(f"{page.url}end/", {"token": token})


def test_case_127_after_the_end_no_address_of_the_chart_shows_anything(ehrs: Bridge, browser: Browser) -> None:
    other = opened(browser, launch_url(DSTU2, "54531"))
    page = opened(browser)
    family = _person("54520").names[0].family[0]
    seen = [page.url + part for part in ("", "print/", "panels/conditions/", "panels/conditions/?fragment=1")]
    for address in seen:
        shown = browser.get(address)
        assert family.lower() in shown.text.lower() or "fragment" in address
        assert shown.response.headers["Cache-Control"] == "no-store", "nothing for Back to keep"
    end = ended(browser, page)
    assert (end.status, end.response.headers["Clear-Site-Data"]) == (200, '"cache"')
    assert family.lower() not in end.text.lower()
    ehrs.forget()
    for address in [*seen, page.url.rstrip("/"), f"{page.url}documents/x/", f"{page.url}patient/"]:
        again = browser.get(address)
        refused(again, status=403, code="session_ended", event="session.denied")
        assert family.lower() not in again.text.lower()
        assert (again.patient, again.marks("data-record")) == ("", [])
        assert family.lower() not in title_of(again).lower()
    assert ehrs.seen == []
    assert browser.get(other.url).patient == "54531", "only this chart has ended"


def test_case_127_the_address_itself_says_nothing_of_the_patient(ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser)
    person = _person("54520")
    for url in page.history:
        own = urlsplit(url).path.split("/")[1] in {"chart", "callback"}
        assert not own or not re.search(rf"{person.id}|{person.names[0].family[0]}|{person.mrn}", url, re.IGNORECASE)
    assert person.mrn not in title_of(page)


@pytest.fixture
def chart() -> Iterator[ListenedChart]:
    """A chart whose token has no end, at an EHR that has the patient and nothing else."""
    with answering_with({"/Patient/54520": answer(200, patient())}):
        yield chart_at(BASE, shown=["demographics"])


@dataclass
class Clock:
    """Moves the time of day."""

    travel: time_machine.Traveller
    start: datetime

    def at(self, **after: float) -> None:
        self.travel.move_to(self.start + timedelta(**after))


@pytest.fixture
def clock(chart: ListenedChart) -> Iterator[Clock]:
    start = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as travel:
        Launch.objects.update(created_at=start, last_seen_at=start)
        yield Clock(travel, start)


def is_over(page: Page) -> bool:
    if page.status == 200:
        assert page.patient == "54520"
        return False
    refused(page, status=403, code="session_ended", event="session.denied")
    assert "SMITH" not in page.text
    return True


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_case_128_a_session_ends_when_it_has_been_idle_for_as_long_as_the_site_says(
    minutes: int, chart: ListenedChart, clock: Clock, settings: Any
) -> None:
    settings.SMARTPORTAL_IDLE_MINUTES = minutes
    clock.at(minutes=minutes, seconds=-30)
    assert not is_over(chart.get())
    clock.at(minutes=2 * minutes, seconds=-60)
    assert not is_over(chart.get()), "use prolongs"
    clock.at(minutes=3 * minutes, seconds=-30)
    assert is_over(chart.get())
    launch = Launch.objects.get()
    assert not launch.access_token
    assert not launch.refresh_token
    assert (launch.end_reason, AuditEvent.objects.get(event="session.expired").reason) == ("idle", "idle")
    clock.at(minutes=3 * minutes)
    assert is_over(chart.get()), "and stays over"


def test_case_128_a_session_in_use_ends_after_twelve_hours(chart: ListenedChart, clock: Clock) -> None:
    for minutes in range(10, 12 * 60, 14):
        clock.at(minutes=minutes)
        assert not is_over(chart.get())
        assert not Launch.objects.get().ended_at
    clock.at(hours=12, seconds=-30)
    assert not is_over(chart.get())
    clock.at(hours=12, seconds=30)
    assert is_over(chart.get())
    launch = Launch.objects.get()
    assert (launch.end_reason, bool(launch.access_token)) == ("absolute-limit", False)


def test_case_128_nothing_that_is_refused_and_no_other_chart_prolongs_a_session(
    chart: ListenedChart, clock: Clock
) -> None:
    stranger = Browser()
    clock.at(minutes=14)
    assert stranger.get(chart.address).error == "session_ended"
    assert chart.browser.post(f"{chart.address}end/").error == "form_expired"
    clock.at(minutes=29, seconds=30)
    over = [chart.get() for _ in range(2)]
    assert any(is_over(page) for page in over)


# --- Caches on the way


@dataclass
class Proxy:
    """A cache that several people share and that keeps whatever the headers permit (RFC 9111, sections 3 and 4.1)."""

    kept: dict[str, list[tuple[dict[str, str], Page]]] = field(default_factory=dict)
    stored: list[Page] = field(default_factory=list)
    seen: list[Page] = field(default_factory=list)

    def get(self, browser: Browser, url: str) -> Page:
        cookies = "; ".join(sorted(f"{name}={morsel.value}" for (name, _), morsel in browser.cookies.items()))
        request = {"cookie": cookies}
        for varied, page in self.kept.get(url, []):
            if varied.items() <= request.items():
                return page
        page = unwatched(browser, url)
        self.seen.append(page)
        headers = page.response.headers
        control = headers.get("Cache-Control", "").lower()
        if "no-store" not in control and "private" not in control and headers.get("Vary") != "*":
            names = {name.strip().lower() for name in headers.get("Vary", "").split(",")}
            self.kept.setdefault(url, []).append(({k: v for k, v in request.items() if k in names}, page))
            self.stored.append(page)
        return page


def test_case_130_a_shared_cache_never_gives_anybody_anothers_page(ehrs: Bridge) -> None:
    EhrRegistration.objects.update(panels=["demographics", "conditions"])
    proxy, people = Proxy(), {each: Browser() for each in ("54520", "54531")}
    charts = {each: urlsplit(opened(browser, launch_url(R4, each)).url).path for each, browser in people.items()}
    shared = ["/", "/launch", "/callback", "/callback/smart-r4", "/standalone/smart-r4", "/nowhere"]
    shared += ["/admin/login/", "/.well-known/jwks.json"]
    own = ["", "print/", "panels/conditions/", "panels/conditions/?fragment=1", "panels/none/", "documents/x/", "end/"]
    for _ in range(2):
        for each, browser in people.items():
            for url in (
                *shared,
                *(chart + part for chart in charts.values() for part in own),
                "/.well-known/jwks.json",
            ):
                page = proxy.get(browser, url)
                owner = charts[each] in url
                assert page.patient in ({"", each} if owner else {""}), url
                assert owner or not page.marks("data-record")
    for visited in proxy.seen:
        _says_who_may_keep_it(visited)
    assert all(not page.response.cookies for page in proxy.stored)
    assert {urlsplit(page.url).path for page in proxy.stored} <= {"/.well-known/jwks.json"}


def _says_who_may_keep_it(page: Page) -> None:
    headers, path = page.response.headers, urlsplit(page.url).path
    if path == "/.well-known/jwks.json":
        return
    assert "no-store" in headers["Cache-Control"], path
    assert "cookie" in headers.get("Vary", "").lower(), path


def test_case_130_what_may_be_kept_sets_no_cookie_and_says_nothing_of_anybody(ehrs: Bridge, browser: Browser) -> None:
    opened(browser)
    page = unwatched(browser, "/.well-known/jwks.json")
    assert page.status == 200
    assert not page.response.cookies
    assert set(json.loads(page.text)) == {"keys"}


# --- The admin beside the charts


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("keeper", password="a-long-invented-pass-phrase")


@pytest.mark.usefixtures("ehrs")
def test_case_132_launching_and_administering_have_nothing_in_common(staff: User) -> None:
    admin = Client()
    admin.force_login(staff)
    session = admin.cookies["sessionid"].value
    browser = Browser(Cookie=f"sessionid={session}")
    chart = opened(Browser()).url
    provider = Browser()
    mine = opened(provider)
    assert "sessionid" not in " ".join(name for name, _ in provider.cookies)
    for address in ("/admin/", "/admin/launcher/ehrregistration/", "/admin/auth/user/"):
        answer_of_admin = unwatched(provider, address)
        assert answer_of_admin.status in {302, 403}, "a launch gives no staff rights"
        assert "keeper" not in answer_of_admin.text
    assert admin.get("/admin/", secure=True).status_code == 200, "and ends no admin session"
    denied = browser.get(chart)
    assert (denied.error, denied.patient) == ("session_ended", ""), "staff opens no chart of a patient"
    assert not User.objects.exclude(pk=staff.pk).filter(is_staff=True).exists()
    assert provider.get(mine.url).patient == "54520"


@pytest.mark.usefixtures("ehrs")
def test_case_132_an_administrator_who_launches_stays_both_and_the_two_end_apart(staff: User) -> None:
    admin = Client()
    admin.force_login(staff)
    both = Browser()
    page = opened(both)
    both.cookies[("sessionid", "/")] = admin.cookies["sessionid"]
    assert both.get(page.url).patient == "54520"
    assert unwatched(both, "/admin/").status == 200
    assert ended(both, page).status == 200
    assert unwatched(both, "/admin/").status == 200, "the end of a chart signs nobody out"
    again = opened(both, launch_url(DSTU2))
    assert admin.post("/admin/logout/", secure=True).status_code in {200, 302}
    assert unwatched(both, "/admin/").status == 302
    assert both.get(again.url).patient == "54520", "nor the other way round"
