"""Cases 101 to 103, 105, 106, 109 and 110: long lists, loops, other hosts, bombs and busy EHRs, by number.

The EHR is a real listener wherever a connection, its bytes or its cost are what matters.
"""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from launcher.models import AuditEvent
from tests.patients.fakes import condition, medication, patient
from tests.security.fhir_answers import (
    MEGABYTE,
    Json,
    ListenedChart,
    Shape,
    bundle,
    chart_at,
    memory_growth,
    path_of,
)
from tests.smart.misbehaving import Server, Visit, plain, serving

pytestmark = pytest.mark.django_db
Reply = Callable[[str], Iterable[bytes]]
INCOMPLETE = "List may be incomplete."
FAILED = "could not be loaded. This does not mean there are none"


def as_json(body: object, *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> Reply:
    return lambda target: [plain(json.dumps(body).encode(), status=status, headers=headers)]


def raw(body: bytes, *headers: str) -> Reply:
    return lambda target: [plain(body, headers=headers)]


@contextmanager
def listening(plays: dict[str, Reply]) -> Iterator[Server]:
    """An EHR of one patient that answers as its `plays` say, by the end of the path; other searches find nothing."""
    standard = {"/Patient/54520": as_json(patient())}
    nothing = as_json(bundle())

    def handler(visit: Visit) -> None:
        while asked := visit.request():
            server.requests.append(asked)
            path = path_of(asked)
            play = next((play for end, play in {**standard, **plays}.items() if path.endswith(end)), nothing)
            for piece in play(asked.split(b" ", 2)[1].decode()):
                visit.send(piece)

    with serving(handler) as server:
        yield server


def asked_for(server: Server, kind: str) -> int:
    return sum(path_of(request).endswith(f"/{kind}") for request in server.requests)


def pages(server: Callable[[], Server], *, entries: int, count: int, total: int | None = None) -> Reply:
    """A list of `count` pages with so many conditions each, which name their next one."""

    def reply(target: str) -> Iterable[bytes]:
        number = int(parse_qs(urlsplit(target).query).get("page", ["0"])[0])
        found = [condition(1, id=f"long-{number}-{entry}") for entry in range(entries)]
        body = bundle(*found, **({"total": total} if total else {}))
        if number + 1 < count:
            body["link"] = [{"relation": "next", "url": server().url(f"/fhir/Condition?page={number + 1}")}]
        return [plain(json.dumps(body).encode())]

    return reply


@contextmanager
def conditions_answered(make: Callable[[Callable[[], Server]], Reply]) -> Iterator[tuple[Server, ListenedChart]]:
    """A chart of conditions and medications at a listener; `make` gets a way to name the listener."""
    made: list[Server] = []
    with listening({"/Condition": make(lambda: made[0])}) as server:
        made.append(server)
        yield server, chart_at(server.url("/fhir"), shown=["conditions", "medications"])


def section(text: str) -> str:
    return Shape.of(text).text


@pytest.mark.parametrize(("entries", "shown", "requests"), [(50, 2000, 40), (10, 500, 50)])
def test_case_101_a_list_without_end_is_read_to_its_limit_and_says_so(entries: int, shown: int, requests: int) -> None:
    def long(server: Callable[[], Server]) -> Reply:
        return pages(server, entries=entries, count=10_000 // entries, total=10_000)

    with conditions_answered(long) as (server, chart):
        assert chart.long_page("panels/medications/").status == 200
        server.requests.clear()
        started = time.monotonic()
        with memory_growth() as growth:
            page = chart.long_page()
        assert time.monotonic() - started < 20
        assert growth.peak < 64 * MEGABYTE
        assert page.state("conditions") == "truncated"
        said = section(page.panel("conditions"))
        assert INCOMPLETE in said
        assert f"The EHR returned the first {shown} of about 10000 conditions." in said
        assert len(" ".join(page.marks("data-record")).split()) == shown
        assert asked_for(server, "Condition") == requests
        assert page.state("medications") == "empty", "the page stands"


def test_case_101_an_answer_of_sixty_megabytes_fails_its_panel_in_little_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent = 0

    def endless(target: str) -> Iterable[bytes]:
        nonlocal sent
        size = 60 * MEGABYTE
        yield f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode()
        for _ in range(size // 65536):
            sent += 65536
            yield b" " * 65536

    with conditions_answered(lambda server: endless) as (_, chart), memory_growth() as growth:
        page = chart.get()
    assert growth.peak < 64 * MEGABYTE
    assert page.state("conditions") == "failed"
    assert FAILED in section(page.panel("conditions"))
    assert "too_large" in caplog.text
    assert sent < 30 * MEGABYTE, "it is not read to its end"


def linked(server: Callable[[], Server], following: Callable[[str], str], *records: Json) -> Reply:
    """Every page names the one that `following` gives for its own query."""

    def reply(target: str) -> Iterable[bytes]:
        url = server().url(f"/fhir/Condition?{following(urlsplit(target).query)}")
        return [plain(json.dumps(bundle(*records, link=[{"relation": "next", "url": url}])).encode())]

    return reply


def _counted(query: str) -> str:
    return f"page={int(query.removeprefix('page=')) + 1}" if query.startswith("page=") else "page=1"


LOOPS: dict[str, tuple[Callable[[str], str], tuple[Json, ...], int]] = {
    "to itself": (lambda query: query, (condition(1),), 1),
    "in a circle": (lambda query: "b" if query == "a" else "a", (condition(1),), 3),
    "ever new": (_counted, (condition(1),), 50),
    "ever new and empty": (_counted, (), 50),
}


@pytest.mark.parametrize("name", LOOPS)
def test_case_102_paging_that_never_ends_is_ended_and_said(name: str) -> None:
    following, records, requests = LOOPS[name]
    with conditions_answered(lambda server: linked(server, following, *records)) as (server, chart):
        page = chart.get()
        assert asked_for(server, "Condition") == requests <= 50
    assert page.state("conditions") == "truncated"
    assert INCOMPLETE in section(page.panel("conditions"))
    assert "The EHR returned no" not in section(page.panel("conditions"))
    assert page.marks("data-record").count("Condition/c1") == len(records), "shown once, however often it came"


ELSEWHERE = (
    "http://127.0.0.1:{stranger}/fhir/Condition?page=2",
    "http://localhost:{stranger}/fhir/Condition?page=2",
    "//127.0.0.1:{stranger}/fhir/Condition?page=2",
    "http://127.0.0.1:{own}@127.0.0.1:{stranger}/fhir/Condition",
    "http://127.0.0.1:{own}\\@127.0.0.1:{stranger}/fhir/Condition",
    "\\\\127.0.0.1:{stranger}\\fhir",
    "https://127.0.0.1:{own}/fhir/Condition?page=2",
    "http://localhost:{own}/fhir/Condition?page=2",
    "http://127.0.0.1:{own}/fhirx/Condition?page=2",
    "http://127.0.0.1:{own}/fhir/../admin",
    "http://127.0.0.1:{own}/fhir/%2e%2e/admin",
    "/admin",
    "ftp://127.0.0.1:{stranger}/fhir",
)


@pytest.mark.parametrize("written", ELSEWHERE)
def test_case_103_a_next_page_elsewhere_is_never_asked_for(written: str) -> None:
    def once(server: Callable[[], Server]) -> Reply:
        def reply(target: str) -> Iterable[bytes]:
            url = written.format(own=server().port, stranger=stranger.port)
            return as_json(bundle(condition(1), link=[{"relation": "next", "url": url}]))(target)

        return reply

    with listening({}) as stranger, conditions_answered(once) as (server, chart):
        page = chart.get()
        assert stranger.connections == 0
        assert {path_of(request).split("/")[1] for request in server.requests} == {"fhir"}
        assert asked_for(server, "Condition") == 1
    assert page.state("conditions") == "truncated"
    assert INCOMPLETE in section(page.panel("conditions"))
    assert page.marks("data-record") == ["Condition/c1"]
    assert AuditEvent.objects.get(event="panel.read", detail__panel="conditions").reason == "truncated"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("place", ["http://127.0.0.1:{stranger}/fhir/Condition", "{own}/fhir/Condition?again=1"])
def test_case_105_a_redirect_is_followed_nowhere(status: str, place: str, caplog: pytest.LogCaptureFixture) -> None:
    def moved(server: Callable[[], Server]) -> Reply:
        def reply(target: str) -> Iterable[bytes]:
            location = place.format(own=server().url(), stranger=stranger.port)
            return as_json(bundle(condition(1)), status=status, headers=(f"Location: {location}",))(target)

        return reply

    with listening({}) as stranger, conditions_answered(moved) as (server, chart):
        page = chart.get()
        assert stranger.connections == 0, "nobody else sees the token"
        assert asked_for(server, "Condition") == 1
    assert (page.state("conditions"), page.state("medications")) == ("failed", "empty")
    assert FAILED in section(page.panel("conditions"))
    assert page.marks("data-record") == []


def packed(megabytes: int, members: int = 1) -> bytes:
    """Zeros in gzip; of several members each holds so many."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(MEGABYTE)
    return b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()]) * members


def nested(times: int) -> bytes:
    body = json.dumps(bundle(condition(1))).encode()
    for _ in range(times):
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        body = packer.compress(body) + packer.flush()
    return body


BOMBS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "100 kB that unpack to 100 MB": (lambda: packed(100), "gzip", "too_large"),
    "2 MB that unpack to 2 GB": (lambda: packed(100, members=20), "gzip", "too_large"),
    "gzip nested 50 times": (lambda: nested(50), ", ".join(["gzip"] * 50), "encoding"),
    "gzip nested 50 times, one named": (lambda: nested(50), "gzip", "not_utf8"),
    "br": (lambda: b"\x0b\x02\x80{}\x03", "br", "encoding"),
    "zstd": (lambda: b"(\xb5/\xfd\x04X\x11\x00\x00{}", "zstd", "encoding"),
    "deflate": (lambda: zlib.compress(b"{}"), "deflate", "encoding"),
    "gzip and br": (lambda: b"x", "gzip, br", "encoding"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_case_106_what_is_packed_oddly_or_too_well_fails_its_panel_cheaply(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, encoding, reason = BOMBS[name]
    body = make()
    with conditions_answered(lambda server: raw(body, f"Content-Encoding: {encoding}")) as (server, chart):
        started = time.process_time()
        with memory_growth() as growth:
            page = chart.get()
        assert time.process_time() - started < 3
        assert growth.peak < 64 * MEGABYTE
        accepted = [line for line in server.requests[0].split(b"\r\n") if line.lower().startswith(b"accept-encoding")]
        assert accepted in ([], [b"Accept-Encoding: gzip"], [b"Accept-Encoding: identity"])
    assert (page.state("conditions"), page.state("medications")) == ("failed", "empty")
    assert FAILED in section(page.panel("conditions"))
    assert f"({reason})" in caplog.text


def rows_of(text: str) -> list[str]:
    return re.findall(r'data-record="([^"]*)"', text)


def test_case_109_a_record_that_comes_on_two_pages_is_shown_once_in_its_newest_version() -> None:
    def version(number: int, words: str) -> Json:
        return condition(1, id="twice", meta={"versionId": str(number)}, code={"text": words})

    def two(server: Callable[[], Server]) -> Reply:
        def reply(target: str) -> Iterable[bytes]:
            url = server().url("/fhir/Condition?page=2")
            first = bundle(
                version(9, "older words"), version(10, "newest words"), link=[{"relation": "next", "url": url}]
            )
            second = bundle(version(10, "newest words"), version(2, "oldest words"))
            return as_json(second if "page=2" in target else first)(target)

        return reply

    with conditions_answered(two) as (_, chart):
        page = chart.get()
    assert rows_of(page.panel("conditions")) == ["Condition/twice"]
    assert "newest words" in page.text
    assert not re.search("older words|oldest words", page.text)
    assert page.state("conditions") == "ready"


def order(number: int, reference: str, **more: Any) -> Json:
    made = medication(number, id=f"order-{number}", medicationReference={"reference": reference}, **more)
    return {name: value for name, value in made.items() if name != "medicationCodeableConcept"}


def circle() -> list[Json]:
    """Contained drugs that are made of one another."""
    return [
        {"resourceType": "Medication", "id": own, "ingredient": [{"itemReference": {"reference": f"#{other}"}}]}
        for own, other in (("a", "b"), ("b", "a"))
    ]


def test_case_109_drugs_that_cannot_be_found_are_named_by_their_reference_and_circles_end() -> None:
    references = {1: "#a", 2: "#missing", 3: "http://127.0.0.1:{port}/fhir/Medication/d1", 4: "Medication/gone"}
    with listening({}) as stranger:
        orders = [
            order(number, reference.format(port=stranger.port), **({"contained": circle()} if number == 1 else {}))
            for number, reference in references.items()
        ]
        gone = as_json({"resourceType": "OperationOutcome"}, status="404 Not Found")
        plays = {"/MedicationRequest": as_json(bundle(*orders)), "/Medication/gone": gone}
        with listening(plays) as server:
            page = chart_at(server.url("/fhir"), shown=["medications"]).get()
            assert asked_for(server, "Medication/gone") == 1
        assert stranger.connections == 0
    said = section(page.panel("medications"))
    assert page.state("medications") in {"ready", "partial"}
    for number, reference in references.items():
        assert f"MedicationRequest/order-{number}" in rows_of(page.text)
        assert f"({reference})" in said or "127.0.0.1" in reference, (number, said)
    assert said.count("Medication details not available") == 4


def test_case_109_of_five_hundred_drugs_fifty_are_read_four_at_a_time_and_each_once() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def slowly(target: str) -> Iterable[bytes]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        # Long enough for any further reader to arrive.
        threading.Event().wait(0.02)
        with lock:
            now -= 1
        number = target.rpartition("/")[2]
        return as_json({"resourceType": "Medication", "id": number, "code": {"text": f"drug named {number}"}})(target)

    orders = [order(number, f"Medication/d{number}") for number in range(500)]
    statements = [{**order(1000 + n, f"Medication/d{n}"), "resourceType": "MedicationStatement"} for n in range(20)]
    drugs: dict[str, Reply] = {f"/Medication/d{number}": slowly for number in range(500)}
    plays = {
        "/MedicationRequest": as_json(bundle(*orders)),
        "/MedicationStatement": as_json(bundle(*statements)),
        **drugs,
    }
    with listening(plays) as server:
        page = chart_at(server.url("/fhir"), shown=["medications"]).get()
        read = [path_of(request) for request in server.requests if "/Medication/" in path_of(request)]
    assert len(read) == len(set(read)) == 50
    assert 1 < most <= 4
    assert len(set(re.findall(r"drug named d\d+", page.text))) == 50
    assert "Medication details not available (Medication/d" in section(page.panel("medications"))


BUSY = {
    "2": "2",
    "a day": "86400",
    "negative": "-1",
    "a date": "Wed, 21 Oct 2065 07:28:00 GMT",
    "no number": "soon",
    "nothing": "",
}


@pytest.mark.parametrize("name", BUSY)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_case_110_a_busy_ehr_is_not_asked_again_by_itself_and_the_panel_says_so(status: str, name: str) -> None:
    busy = as_json({}, status=status, headers=(f"Retry-After: {BUSY[name]}",))
    with conditions_answered(lambda server: busy) as (server, chart):
        started = time.monotonic()
        page = chart.get()
        assert time.monotonic() - started < 10
        assert asked_for(server, "Condition") <= 3, "the row's two further tries at most"
        assert asked_for(server, "Condition") == 1, "the product makes none: the person decides"
    said = section(page.panel("conditions"))
    assert page.state("conditions") == "failed"
    assert FAILED in said
    assert "The EHR asked us to wait before asking again." in said
    assert "Try again" in said


def test_case_110_a_connection_that_is_reset_fails_its_panel_or_is_made_once_more() -> None:
    resets = 0

    def reset(target: str) -> Iterable[bytes]:
        nonlocal resets
        resets += 1
        raise ConnectionResetError

    with conditions_answered(lambda server: reset) as (_, chart):
        page = chart.get()
    assert page.state("conditions") == "failed"
    assert FAILED in section(page.panel("conditions"))
    assert 1 <= resets <= 3
