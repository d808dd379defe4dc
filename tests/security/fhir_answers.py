"""What the cases about FHIR answers have in common: searches that the test answers, charts at a listener, memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.test import Client
from django.utils import timezone

from launcher import cookies
from launcher.models import EhrRegistration, Launch
from launcher.smart import http
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.deadline import Deadline
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.http import CallContext
from patients import panels
from patients.panels import Panel
from tests.browser import ORIGIN, Browser, Page
from tests.security.playing import Answer, Wire, answer
from tests.security.steps import DSTU2, R4

Json = dict[str, Any]
VERSION_OF = {R4: FhirVersion.R4, DSTU2: FhirVersion.DSTU2}
SECRET = "the-secret-of-a-chart-of-these-tests"
MEGABYTE = 1024 * 1024


def searching_panels(version: FhirVersion = FhirVersion.R4) -> list[Panel]:
    """The panels that ask the EHR for more than the Patient."""
    return [panel for panel in panels.all_panels() if panel.queries.get(version)]


def searched_types(version: FhirVersion = FhirVersion.R4) -> set[str]:
    return {query.resource for panel in searching_panels(version) for query in panel.queries[version]}


def bundle(*resources: object, **more: object) -> Json:
    """A searchset of these resources; anything that is no resource stands there as an entry itself."""
    entries = [
        {"resource": each, "search": {"mode": "match"}} if isinstance(each, dict) and "resourceType" in each else each
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def outcome(severity: str = "warning", code: str = "incomplete") -> Json:
    """The server's remark among the entries of a searchset, as an entry."""
    issue = {"severity": severity, "code": code, "diagnostics": "words of the EHR"}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


def every_search_play(play: Answer, version: FhirVersion = FhirVersion.R4) -> dict[str, Answer]:
    """This answer to every search, by the end of its path."""
    return {f"/{kind}": play for kind in searched_types(version)}


def every_search(wire: Wire, play: Answer, version: FhirVersion = FhirVersion.R4) -> None:
    """From now on every search is answered so, whatever it is for."""
    wire.plays.update(every_search_play(play, version))


def changed_answers(wire: Wire, change: Callable[[Any], Any], *, version: FhirVersion = FhirVersion.R4) -> None:
    """Let what the simulator answers to a read of the patient and to the searches pass through `change`."""

    def play(request: requests.PreparedRequest) -> requests.Response:
        given = wire.bridge(request, _NO_CALL)
        return answer(given.status_code, change(json.loads(given.raw.read())))(request)

    for end in (*(f"/{kind}" for kind in searched_types(version)), "/Patient/54520"):
        wire.plays[end] = play


@dataclass(frozen=True, slots=True)
class ListenedChart:
    """A launch whose EHR is a real listener, and the browser that it is open in."""

    launch: Launch
    browser: Browser

    @property
    def path(self) -> str:
        return f"/chart/{self.launch.pk}/"

    @property
    def address(self) -> str:
        return ORIGIN + self.path

    def get(self, part: str = "") -> Page:
        page = self.browser.get(self.address + part)
        assert page.text is not None, "reads the stream to its end"
        return page

    def long_page(self, part: str = "") -> Page:
        """The same for thousands of records, past the harness, which looks for the owner of each of them."""
        client = Client(headers={"Cookie": f"__Secure-sp-launch={SECRET}"})
        page = Page(client.get(self.path + part, secure=True), self.address + part)
        assert page.text is not None
        return page


def chart_at(
    base: str, *, patient: str = "54520", shown: Iterable[str] = (), version: str = "R4", **values: object
) -> ListenedChart:
    """An open launch at the EHR with this FHIR base; its chart has the `shown` panels, or all. Needs the database."""
    now = timezone.now()
    # By the slug of a simulator, whose own patients these are not.
    given = {"slug": R4, "name": "Listening EHR", "client_id": "app", "panels": list(shown), **values}
    registration = EhrRegistration.objects.create(site_id=settings.SITE_ID, iss=base, **given)
    launch = Launch.objects.create(
        site_id=settings.SITE_ID,
        registration=registration,
        reference="ABC234",
        created_at=now,
        last_seen_at=now,
        binding_hash=cookies.hashed(SECRET),
        iss=base,
        fhir_version=version,
        configuration=SmartConfiguration(
            authorization_endpoint=f"{base}/authorize", token_endpoint=f"{base}/token"
        ).to_json(),
        patient=patient,
        requested_scopes="launch",
        access_token="an-access-token-of-a-listener",
    )
    return ListenedChart(launch, Browser(Cookie=f"__Secure-sp-launch={SECRET}"))


@contextmanager
def answering_with(plays: dict[str, Answer]) -> Iterator[list[str]]:
    """The play whose key ends a request's path answers it, else an empty searchset; gives what is asked."""
    asked: list[str] = []

    def transport(request: requests.PreparedRequest, call: CallContext) -> requests.Response:
        path = urlsplit(request.url or "").path
        asked.append(request.url or "")
        play = next((play for end, play in plays.items() if path.endswith(end)), answer(200, bundle()))
        return play(request)

    before = http.set_transport(transport)
    try:
        yield asked
    finally:
        http.set_transport(before)


def unwatched(browser: Browser, url: str) -> Page:
    """What this browser would see there, past the harness, whose rules are those of the product's own pages."""
    path = urlsplit(url).path
    cookies = "; ".join(
        f"{name}={morsel.value}" for (name, place), morsel in browser.cookies.items() if path.startswith(place)
    )
    page = Page(Client().get(url, secure=True, headers={"Cookie": cookies} if cookies else {}), ORIGIN + path)
    assert page.text is not None
    return page


def path_of(request: bytes) -> str:
    """The path that a raw HTTP request names."""
    return urlsplit(request.split(b" ", 2)[1].decode()).path


class Shape(HTMLParser):
    """The elements of a page, and whatever in it would run or lead to where script runs."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.dangerous: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            scheme = (value or "").strip().partition(":")[0].lower()
            leads = name in {"href", "src", "action", "formaction", "data", "srcset"}
            if name.startswith("on") or name in {"style", "srcdoc"} or (leads and scheme in _SCRIPTED):
                self.dangerous.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @classmethod
    def of(cls, page: str) -> Shape:
        shape = cls()
        shape.feed(page)
        return shape

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


_NO_CALL = CallContext((), "", Deadline(1))
_SCRIPTED = {"javascript", "vbscript", "data", "file", "blob"}


@dataclass
class Growth:
    """By how much memory was higher at the worst moment than before, in bytes."""

    peak: int = 0


@contextmanager
def memory_growth() -> Iterator[Growth]:
    """Measure what the process needs more at the worst moment than before: its resident memory where Linux tells
    (the mark of the highest is set back first, so that an earlier test cannot hide it), else what Python allocates.
    """
    found = Growth()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        tracemalloc.start()
        try:
            yield found
            found.peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        return
    before = _status("VmRSS")
    yield found
    found.peak = _status("VmHWM") - before


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
