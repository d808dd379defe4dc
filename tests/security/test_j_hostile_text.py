"""Cases 113 to 115 and 117: text that would run, narrative, odd addresses, and forged lines, by number."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from launcher.smart.fhir_version import FhirVersion
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.patients.clinical import DSTU2, R4, SAMPLES, STU3
from tests.patients.fakes import patient
from tests.patients.readers import golden
from tests.patients.readers.variants.making import changed, paths
from tests.security.fhir_answers import (
    Json,
    ListenedChart,
    Shape,
    answering_with,
    bundle,
    changed_answers,
    chart_at,
    searched_types,
    searching_panels,
)
from tests.security.playing import Answer, answer, wired
from tests.security.steps import R4 as R4_EHR
from tests.security.steps import launch_url, to_callback

pytestmark = pytest.mark.django_db
BASE = "https://ehr.example.org/fhir"
SCRIPT = "<script>alert(1)</script>"
ATTACKS = (SCRIPT, '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}", "${7*7}")
ALL_AT_ONCE = "".join(ATTACKS)
_TAMED = str.maketrans('<>"{}$', "()'[]S")
VERSIONS = (DSTU2, STU3, R4)
NARRATIVE = (
    '<div xmlns="http://www.w3.org/1999/xhtml" onload="alert(2)" style="position:fixed"><script>alert(2)</script>'
    '<iframe src="https://evil.test/"></iframe><svg onload="alert(2)"></svg><form action="https://evil.test/"></form>'
    '<base href="https://evil.test/"><a href="javascript:alert(2)">narrative words</a></div>'
)


def tamed(attack: str) -> str:
    """Text of the same shape that no browser or template would take for anything but text."""
    return attack.translate(_TAMED).replace("javascript", "harmlessly")


def displayed(version: FhirVersion) -> list[Json]:
    """A good resource for every panel, with an id of its own."""
    return [{**sample.make(version), "id": f"x-{slug}"} for slug, sample in SAMPLES.items()]


def leaves(resource: Json) -> Iterator[tuple[str | int, ...]]:
    """The place of every string in a resource."""
    for place in paths(resource):
        value: Any = resource
        for step in place:
            value = value[step]
        if isinstance(value, str):
            yield place


def poisoned(resource: Json, text: str) -> Iterator[Json]:
    """The resource as often as it has strings, each time with `text` in place of the next one."""
    for number, place in enumerate(leaves(resource)):
        own = {} if place == ("id",) else {"id": f"{resource['id']}-{number}"}
        yield {**changed(resource, place, text), **own}


def whole_chart(chart: ListenedChart, resources: list[Json], person: Json | None = None) -> Page:
    plays: dict[str, Answer] = {"/Patient/54520": answer(200, person or patient())}
    for kind in {str(each["resourceType"]) for each in resources}:
        plays[f"/{kind}"] = answer(200, bundle(*(each for each in resources if each["resourceType"] == kind)))
    with answering_with(plays):
        page = chart.long_page()
    assert page.status == 200
    return page


@pytest.mark.parametrize("version", VERSIONS)
def test_case_113_script_in_any_string_of_any_record_is_shown_as_text(version: FhirVersion) -> None:
    chart = chart_at(BASE, version=str(version))

    def page_with(text: str) -> Page:
        rows = [row for resource in displayed(version) for row in poisoned(resource, text)]
        # Those that are no such resource any more are left out or counted, which the same text does in both runs.
        return whole_chart(chart, [row for row in rows if row["resourceType"] in KINDS[version]])

    for attack in ATTACKS:
        page, harmless = page_with(attack), Shape.of(page_with(tamed(attack)).text)
        hostile = Shape.of(page.text)
        assert harmless.text.count(tamed(attack)) > 20, "the walk reaches what is shown"
        assert len(harmless.tags) > 500
        assert hostile.dangerous == []
        assert _counted(hostile) == _counted(harmless), attack
        # Braces are what UCUM writes its annotations in: a unit is shown without them.
        units = 4 if "{" in attack else 0
        assert hostile.text.count(attack) >= harmless.text.count(tamed(attack)) - units, "literally"
        assert hostile.text.count("49") == harmless.text.count("49"), "nothing was worked out"
        assert {page.state(panel.slug) for panel in searching_panels(version)} <= {"ready", "partial"}


KINDS = {version: {each["resourceType"] for each in displayed(version)} for version in VERSIONS}


def _counted(shape: Shape) -> dict[str, int]:
    return {tag: shape.tags.count(tag) for tag in set(shape.tags)}


def test_case_113_script_in_any_string_of_the_patient_is_shown_as_text() -> None:
    chart = chart_at(BASE, shown=["demographics"])
    person = json.loads(json.dumps({**golden.PATIENT_R4, "id": "54520"}, default=float))
    seen, tame = 0, tamed(ALL_AT_ONCE)
    for place in leaves(person):
        if place in {("id",), ("resourceType",)}:
            continue
        plain, hostile = (
            Shape.of(whole_chart(chart, [], changed(person, place, text)).text) for text in (tame, ALL_AT_ONCE)
        )
        assert hostile.dangerous == [], place
        assert _counted(hostile) == _counted(plain), place
        assert (ALL_AT_ONCE.lower() in hostile.text.lower()) == (tame.lower() in plain.text.lower()), place
        seen += tame.lower() in plain.text.lower()
    assert seen > 10


def test_case_113_the_shape_notices_what_would_run() -> None:
    shape = Shape.of("<p onclick=x>a</p><a href=' JavaScript:b'>b</a><iframe srcdoc=c></iframe><img src='data:x'>")
    assert len(shape.dangerous) == 4


@pytest.mark.parametrize("version", VERSIONS)
def test_case_114_no_narrative_is_rendered_on_any_panel(version: FhirVersion) -> None:
    chart = chart_at(BASE, version=str(version))
    plain = Shape.of(whole_chart(chart, displayed(version)).text)
    text = {"text": {"status": "generated", "div": NARRATIVE}}
    page = whole_chart(chart, [{**each, **text} for each in displayed(version)], {**patient(), **text})
    hostile = Shape.of(page.text)
    assert hostile.dangerous == []
    assert _counted(hostile) == _counted(plain)
    assert not re.search(r"alert\(2\)|evil\.test|narrative words", page.text)


def test_case_114_a_record_of_which_only_narrative_is_known_shows_it_as_text_at_most() -> None:
    chart = chart_at(BASE)
    bare = [
        {name: value for name, value in each.items() if name in {"resourceType", "id", "subject", "patient", "status"}}
        | {"text": {"status": "generated", "div": NARRATIVE}}
        for each in displayed(R4)
    ]
    shape = Shape.of(whole_chart(chart, bare).text)
    assert shape.dangerous == []
    assert not {"iframe", "svg", "base"} & set(shape.tags)
    assert shape.tags.count("script") == len(re.findall(r"<script src=", whole_chart(chart, []).text))


ODD_ADDRESSES = (
    "javascript:alert(3)",
    "data:text/html,<b>x",
    "vbscript:msgbox",
    "//evil.test/x",
    "https://evil.test/x",
)


def with_addresses(odd: str) -> tuple[Json, list[Json]]:
    """A Patient and a record for every panel that have this address wherever FHIR has room for one."""
    person = patient(
        telecom=[{"system": "url", "value": odd}, {"system": "phone", "value": odd}],
        photo=[{"contentType": "image/png", "url": odd}],
        identifier=[{"type": {"coding": [{"code": "MR", "system": odd}]}, "system": odd, "value": "0054520"}],
    )
    coded = {"coding": [{"system": odd, "code": "C-1", "display": "by its code"}]}
    changes: dict[str, Json] = {
        "DocumentReference": {"content": [{"attachment": {"contentType": "text/html", "url": odd, "title": "Letter"}}]},
        "Condition": {"code": coded},
        "MedicationRequest": {"medicationCodeableConcept": coded, "instantiatesUri": [odd]},
    }
    return person, [{**each, **changes.get(each["resourceType"], {}), "implicitRules": odd} for each in displayed(R4)]


@pytest.mark.parametrize("odd", ODD_ADDRESSES)
def test_case_115_addresses_in_records_are_text_and_nobody_fetches_them(odd: str) -> None:
    chart = chart_at(BASE)
    person, resources = with_addresses(odd)
    plays = {f"/{each['resourceType']}": answer(200, bundle(each)) for each in resources}
    (letter,) = (each for each in resources if each["resourceType"] == "DocumentReference")
    plays |= {"/Patient/54520": answer(200, person), f"/DocumentReference/{letter['id']}": answer(200, letter)}
    with answering_with(plays) as asked:
        page = chart.long_page()
        refused = chart.long_page(f"documents/{letter['id']}/")
    assert (page.status, refused.status) == (200, 404)
    assert "no file that can be opened here" in refused.text
    assert {urlsplit(url)[:2] for url in asked} == {("https", "ehr.example.org")}
    assert {urlsplit(url).path.split("/")[2] for url in asked} <= {"Patient", *searched_types(), "Medication"}
    for shape in (Shape.of(page.text), Shape.of(refused.text)):
        assert shape.dangerous == []
        assert "img" not in shape.tags
    assert not re.search(r'(href|src|action)="[^"]*(evil\.test|alert|msgbox|text/html)', page.text + refused.text)
    assert odd in Shape.of(page.text).text, "the telephone number as it was sent"


FORGED = "x\r\n2030-01-01 00:00:00,000 ERROR smartportal forged\n\x1b[31mred\u2028next\u0085more"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ \S")
Try = Callable[[Browser], object]
ENTRANCES: dict[str, Try] = {
    "iss": lambda browser: browser.get("/launch?" + urlencode({"iss": f"https://ehr.test/{FORGED}", "launch": "x"})),
    "launch": lambda browser: browser.get(launch_url(R4_EHR, FORGED)),
    "error_description": lambda browser: browser.get(
        f"/callback?state={_state(browser)}&error=server_error&error_description={quote(FORGED)}"
    ),
    "error": lambda browser: browser.get(f"/callback?state={_state(browser)}&error={quote(FORGED)}"),
    "state": lambda browser: browser.get(f"/callback?code=x&state={quote(FORGED)}"),
    "address": lambda browser: Client().get(f"/chart/{quote(FORGED, safe='')}/", secure=True),
    # A server refuses line breaks in headers before they come to us.
    "User-Agent": lambda browser: browser.get("/launch", **{"User-Agent": "\x1b[31mred\u2028 forged"}),
}


def _state(browser: Browser) -> str:
    return browser.get(launch_url()).query["state"][0]


@pytest.mark.parametrize("name", ENTRANCES)
def test_case_117_nothing_from_outside_makes_a_log_line(
    name: str, ehrs: Bridge, browser: Browser, written: io.StringIO
) -> None:
    ENTRANCES[name](browser)
    judged(written.getvalue())


def test_case_117_a_name_makes_no_log_line_and_is_shown_with_marks(
    ehrs: Bridge, browser: Browser, written: io.StringIO
) -> None:
    def with_name(body: Any) -> Any:
        if body["resourceType"] == "Patient":
            body["name"] = [{"family": "Smith", "given": [FORGED]}]
        return body

    with wired(ehrs) as wire:
        changed_answers(wire, with_name)
        page = browser.get(browser.get(to_callback(browser)).location)
        assert page.status == 200
        assert "\x1b" not in page.text
        assert "\ufffd[31mred" in page.text
    judged(written.getvalue())


def judged(log: str) -> None:
    """One line for each event, each with its own beginning, and no letters that a terminal would obey."""
    lines = log.split("\n")
    assert lines.pop() == ""
    assert lines, "something was logged"
    assert [line for line in lines if not LINE.match(line)] == []
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", log)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a server with the product's own form of a line would have written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging_settings: Any = settings.LOGGING
    handler.setFormatter(logging.Formatter(logging_settings["formatters"]["line"]["format"]))
    loggers = [logging.getLogger(name) for name in ("smartportal", "django")]
    for logger in loggers:
        logger.addHandler(handler)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)
