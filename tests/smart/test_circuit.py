"""The circuit breaker: when an EHR is left alone, for how long, and whom that does not concern."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlencode

import pytest
import requests

from launcher.smart import circuit as circuits
from launcher.smart import conduct as conducting
from launcher.smart import http
from launcher.smart.answer import Answer
from launcher.smart.circuit import (
    FAILURES,
    NOBODY,
    OPEN_SECONDS,
    TRIAL_SECONDS,
    WITHIN_SECONDS,
    Circuit,
    CircuitOpenError,
    Ehr,
    Host,
    circuit_of,
)
from launcher.smart.conduct import (
    FAIR_SECONDS,
    Figure,
    Kind,
    Outcome,
    conduct,
    kind_of,
    verdict_on,
)
from launcher.smart.deadline import Deadline
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.http import Door
from launcher.smart.origins import parse_base
from tests.smart.misbehaving import Server, Visit, answering, plain, serving

BASE = parse_base("https://ehr.test/r4")
A, B = Ehr("one.test", "a"), Ehr("one.test", "b")
FINE = Answer(200, {}, b"{}", "")
BUSY_SECONDS = 0.1
SILENCE = SmartError("ehr_unreachable", "no answer", reason="timeout")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(clock=clock)


def fail(circuit: Circuit, times: int = FAILURES) -> None:
    for _ in range(times):
        circuit.settle(circuit.enter(), "failed")


def waits(circuit: Circuit) -> int:
    with pytest.raises(CircuitOpenError) as refused:
        circuit.enter()
    return refused.value.retry_after


# --- when it opens


def test_the_figures_are_those_that_are_promised() -> None:
    assert (FAILURES, WITHIN_SECONDS) == (5, 30.0)
    assert OPEN_SECONDS == 10.0, "docs/metrics.md and the page's Retry-After say so"
    assert 2 * OPEN_SECONDS + TRIAL_SECONDS < 60, "it recovers within a minute, a lost trial and a failed one included"


def test_it_opens_with_the_fifth_failure_and_says_for_how_long(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, FAILURES - 1)
    assert not circuit.is_open
    fail(circuit, 1)
    assert waits(circuit) == OPEN_SECONDS
    clock.now += 0.5
    assert waits(circuit) == OPEN_SECONDS, "rounded up: whoever waits so long is not refused again"


def test_failures_that_lie_further_apart_than_thirty_seconds_do_not_open_it(circuit: Circuit, clock: Clock) -> None:
    for _ in range(3 * FAILURES):
        fail(circuit, 1)
        assert not circuit.is_open
        clock.now += WITHIN_SECONDS / (FAILURES - 1) + 0.1
    clock.now -= 0.2
    fail(circuit, 1)
    assert not circuit.is_open
    fail(circuit, 1)
    assert circuit.is_open


def test_an_answer_in_between_begins_the_count_anew(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    circuit.settle(circuit.enter(), "answered")
    fail(circuit, FAILURES - 1)
    assert not circuit.is_open


def test_what_says_nothing_of_the_host_changes_nothing(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    for _ in range(20):
        circuit.settle(circuit.enter(), "unclear")
    assert not circuit.is_open
    fail(circuit, 1)
    assert circuit.is_open


def test_slow_searches_do_not_close_an_ehr_that_answers_others_meanwhile(circuit: Circuit, clock: Clock) -> None:
    searches = [circuit.enter() for _ in range(12)]
    clock.now += 0.2
    circuit.settle(circuit.enter(), "answered")
    clock.now += 10
    for search in searches:
        circuit.settle(search, "failed")
    assert not circuit.is_open
    clock.now += 0.1
    fail(circuit)
    assert circuit.is_open, "none has been answered since these began"


# --- when it closes


def test_after_ten_seconds_one_request_is_let_through_and_the_others_wait_for_it(
    circuit: Circuit, clock: Clock
) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    trial = circuit.enter()
    assert trial.trial
    assert waits(circuit) == TRIAL_SECONDS
    circuit.settle(trial, "answered")
    assert not circuit.is_open
    assert not circuit.enter().trial


def test_a_trial_that_fails_keeps_it_open_for_ten_more_seconds(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    for _ in range(5):
        clock.now += OPEN_SECONDS
        circuit.settle(circuit.enter(), "failed")
        assert waits(circuit) == OPEN_SECONDS


def test_a_trial_that_shows_nothing_leaves_it_to_the_next(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    circuit.settle(circuit.enter(), "unclear")
    assert circuit.enter().trial


def test_a_trial_that_nobody_settles_is_given_up(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    circuit.enter()
    clock.now += TRIAL_SECONDS
    assert circuit.enter().trial


def test_it_closes_within_a_minute_of_the_ehr_being_back_whatever_happened_before(
    circuit: Circuit, clock: Clock
) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    circuit.enter()  # lost with its thread, the moment before the EHR comes back
    back = clock.now
    while circuit.is_open:
        clock.now += 1
        try:
            circuit.settle(circuit.enter(), "answered")
        except CircuitOpenError:
            continue
    assert clock.now - back <= 60


def test_a_late_answer_to_an_earlier_request_closes_it_as_well(circuit: Circuit) -> None:
    earlier = circuit.enter()
    fail(circuit)
    assert circuit.is_open
    circuit.settle(earlier, "answered")
    assert not circuit.is_open


def test_late_failures_of_earlier_requests_do_not_hold_it_open(circuit: Circuit, clock: Clock) -> None:
    earlier = [circuit.enter() for _ in range(9)]
    fail(circuit)
    clock.now += OPEN_SECONDS - 1
    for passage in earlier:
        circuit.settle(passage, "failed")
    clock.now += 1
    assert circuit.enter().trial


# --- threads


def test_of_many_threads_at_once_one_gets_the_trial(circuit: Circuit, clock: Clock) -> None:
    fail(circuit)
    clock.now += OPEN_SECONDS
    together = threading.Barrier(16)

    def attempt(_: int) -> bool:
        together.wait(5)
        try:
            return circuit.enter().trial
        except CircuitOpenError:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


# --- which outcomes count


def status(number: int) -> Answer:
    return Answer(number, {}, b"", "")


def error(code: ErrorCode, reason: str) -> SmartError:
    return SmartError(code, reason=reason)


@pytest.mark.parametrize("reason", ["timeout", "refused", "tls", "dns", "broken"])
@pytest.mark.parametrize("kind", ["discovery", "public", "token", "upkeep", "patient", "fhir"])
def test_no_answer_counts_whatever_was_asked(kind: Kind, reason: str) -> None:
    assert verdict_on(error("ehr_unreachable", reason), kind=kind, seconds=15) == "failed"


@pytest.mark.parametrize("number", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("discovery", "failed"), ("token", "failed"), ("patient", "failed"),
     ("fhir", "unclear"), ("upkeep", "unclear"), ("public", "unclear")],
)  # fmt: skip
def test_an_error_of_the_server_counts_only_where_nothing_can_be_used_without_it(
    kind: Kind, verdict: str, number: int
) -> None:
    assert verdict_on(status(number), kind=kind, seconds=15) == verdict


@pytest.mark.parametrize("number", [200, 304, 400, 401, 403, 404, 429])
def test_any_other_status_is_an_answer(number: int) -> None:
    assert verdict_on(status(number), kind="patient", seconds=15) == "answered"


@pytest.mark.parametrize("reason", ["redirect", "too_large", "encoding"])
def test_an_answer_that_we_do_not_take_is_an_answer(reason: str) -> None:
    assert verdict_on(error("discovery_failed", reason), kind="discovery", seconds=15) == "answered"


def test_what_we_refuse_ourselves_says_nothing_of_the_host() -> None:
    assert verdict_on(error("ehr_address_forbidden", "address"), kind="fhir", seconds=15) == "unclear"
    assert verdict_on(error("patient_unavailable", "header"), kind="fhir", seconds=15) == "unclear"


def test_a_request_that_had_hardly_any_time_says_nothing_when_it_is_late() -> None:
    hurried = FAIR_SECONDS - 0.1
    assert verdict_on(SILENCE, kind="fhir", seconds=hurried) == "unclear"
    assert verdict_on(error("ehr_unreachable", "refused"), kind="fhir", seconds=hurried) == "failed"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/r4/.well-known/smart-configuration", "discovery"),
        ("/r4/metadata?_format=json", "discovery"),
        ("/r4/Patient/7", "patient"),
        *((f"/r4/{path}", "fhir") for path in ("Patient?name=x", "Patient/7/Condition", "Observation?patient=7")),
        *((f"/r4/{path}", "fhir") for path in ("Medication/7", "Patient/7?_format=json", "?_getpages=7")),
        *((path, "public") for path in ("/keys", "/r40/Patient/7", "/.well-known/openid-configuration")),
    ],
)
def test_what_is_fetched_is_told_by_its_address(path: str, kind: str) -> None:
    assert kind_of(requests.Request("GET", f"https://ehr.test{path}").prepare(), BASE) == kind


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "token"),
        ({"code": "x", "grant_type": "authorization_code"}, "token"),
        ({"token": "x", "token_type_hint": "refresh_token"}, "upkeep"),
        ({"token": "x&grant_type=y", "my_grant_type": "z"}, "upkeep"),
        ({}, "upkeep"),
    ],
)
def test_what_is_posted_is_told_by_its_form(form: dict[str, str], kind: str) -> None:
    request = requests.Request("POST", "https://ehr.test/r4/token").prepare()
    request.prepare_body(urlencode(form).encode(), None)
    assert kind_of(request, BASE) == kind


# --- circuits and hosts


class Asked:
    """An EHR that gives one outcome; counts how often it was asked."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.times = 0

    def __call__(self) -> Outcome:
        self.times += 1
        return self.outcome


def ask(ehr: Asked, at: Host, kind: Kind = "patient") -> Outcome:
    return conduct(ehr, at=at, kind=kind, seconds=15)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every exchange that is told, and nobody else's listener disturbed."""
    figures: list[Figure] = []
    monkeypatch.setattr(conducting, "_listener", [figures.append])
    return figures


def test_an_open_circuit_asks_nothing_and_answers_busy_with_a_time(told: list[Figure]) -> None:
    host, silent = Host(A, BASE, BASE.origin), Asked(SILENCE)
    for _ in range(20):
        outcome = ask(silent, host)
    assert silent.times == FAILURES
    assert isinstance(outcome, SmartError)
    assert (outcome.code, outcome.reason) == ("ehr_busy", "circuit")
    assert 1 <= int(outcome.context["retry_after"]) <= OPEN_SECONDS
    assert [figure.result for figure in told] == ["timeout"] * FAILURES + ["circuit"] * 15


def test_neither_another_ehr_nor_another_host_or_path_is_concerned(told: list[Figure]) -> None:
    ask_a_until_open = Asked(SILENCE)
    for _ in range(FAILURES + 1):
        ask(ask_a_until_open, Host(A, BASE, BASE.origin))
    others = [
        Host(B, BASE, BASE.origin),
        Host(Ehr("two.test", "a"), BASE, BASE.origin),
        Host(A, parse_base("https://ehr.test/other"), BASE.origin),
        Host(A, BASE, parse_base("https://login.ehr.test")),
    ]
    assert [ask(Asked(FINE), other) for other in others] == [FINE] * len(others)


def test_searches_that_break_do_not_close_the_rest(told: list[Figure]) -> None:
    host = Host(A, BASE, BASE.origin)
    for _ in range(4 * FAILURES):
        ask(Asked(status(500)), host, "fhir")
    assert ask(Asked(FINE), host, "fhir") is FINE


def test_whoever_has_no_name_always_asks(told: list[Figure]) -> None:
    check = Asked(SILENCE)
    for _ in range(3 * FAILURES):
        ask(check, Host(NOBODY, BASE, BASE.origin))
    assert check.times == 3 * FAILURES
    assert told == []


def test_a_mistake_of_ours_while_asking_gives_the_trial_back(told: list[Figure]) -> None:
    host = Host(A, BASE, BASE.origin)
    clock = Clock()
    circuit_of(host).clock = clock
    for _ in range(FAILURES):
        ask(Asked(SILENCE), host)
    clock.now += OPEN_SECONDS

    def broken() -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        conduct(broken, at=host, kind="patient", seconds=15)
    assert ask(Asked(FINE), host) is FINE


def test_who_listens_is_told_once_when_it_opens_and_once_when_it_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[Ehr, bool]] = []
    monkeypatch.setattr(circuits, "_listener", [lambda ehr, is_open: heard.append((ehr, is_open))])
    host, clock = Host(A, BASE, BASE.origin), Clock()
    circuit = circuit_of(host)
    circuit.clock = clock
    fail(circuit)
    clock.now += OPEN_SECONDS
    circuit.settle(circuit.enter(), "failed")
    clock.now += OPEN_SECONDS
    circuit.settle(circuit.enter(), "answered")
    circuit.settle(circuit.enter(), "answered")
    assert heard == [(A, True), (A, False)]


def test_circuits_longest_unused_are_forgotten_and_counted_as_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[Ehr, bool]] = []
    monkeypatch.setattr(circuits, "_listener", [lambda ehr, is_open: heard.append((ehr, is_open))])
    monkeypatch.setattr(circuits, "_MOST_CIRCUITS", 3)
    first = circuit_of(Host(A, BASE, BASE.origin))
    fail(first)
    for number in range(3):
        circuit_of(Host(B, parse_base(f"https://ehr.test/{number}"), BASE.origin))
    assert heard == [(A, True), (A, False)]
    assert circuit_of(Host(A, BASE, BASE.origin)) is not first


# --- over real sockets


def hanging(visit: Visit) -> None:
    """Takes the request and says nothing for as long as the test lasts."""
    visit.request()
    visit.closing.wait()


def door_to(server: Server, slug: str) -> Door:
    return Door(fhir_base=server.url("/fhir"), networks=[ip_network("127.0.0.0/8")], ehr=Ehr("one.test", slug))


def read_patient(door: Door, server: Server) -> tuple[str, float]:
    """The outcome of reading one Patient, and how long it took."""
    started = time.perf_counter()
    try:
        door.get_fhir(server.url("/fhir/Patient/1"), token=None, accept="application/json", seconds=5)
        outcome = "ok"
    except SmartError as error:
        outcome = error.code
    return outcome, time.perf_counter() - started


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


def test_while_one_ehr_hangs_the_other_answers_always_and_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "Deadline", lambda _: Deadline(0.3))
    with serving(hanging) as silent, answering(plain(b'{"resourceType":"Patient","id":"1"}')) as good:
        a, b = door_to(silent, "a"), door_to(good, "b")
        alone = [read_patient(b, good) for _ in range(200)]
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(read_patient, a, silent) for _ in range(40)]
            beside = [read_patient(b, good) for _ in range(200)]
            outcomes = [each.result() for each in waiting]
        assert {outcome for outcome, _ in (*alone, *beside)} == {"ok"}
        # A fifth more, and what a busy machine may need to turn to something else; waiting for A would be 0.3 s.
        assert p95([seconds for _, seconds in beside]) <= 1.2 * p95([seconds for _, seconds in alone]) + 0.1
        busy = [seconds for outcome, seconds in outcomes if outcome == "ehr_busy"]
        assert {outcome for outcome, _ in outcomes} == {"ehr_unreachable", "ehr_busy"}
        assert len(busy) >= 40 - 2 * 8, "those under way when it opened are the last to wait"
        assert p95(busy) < BUSY_SECONDS
        assert silent.connections == 40 - len(busy)


def test_the_first_answer_after_ten_seconds_brings_everybody_back(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    made = Circuit
    monkeypatch.setattr(circuits, "Circuit", lambda **given: made(**given, clock=clock))
    monkeypatch.setattr(http, "Deadline", lambda _: Deadline(0.2))
    awake = threading.Event()

    def handler(visit: Visit) -> None:
        while visit.request():
            if not awake.is_set():
                visit.closing.wait()
                return
            visit.send(plain(b'{"resourceType":"Patient","id":"1"}'))

    with serving(handler) as server:
        door = door_to(server, "a")
        with ThreadPoolExecutor(FAILURES) as pool:
            assert {outcome for outcome, _ in pool.map(lambda _: read_patient(door, server), range(5))} == {
                "ehr_unreachable"
            }
        awake.set()
        assert read_patient(door, server)[0] == "ehr_busy"
        clock.now += OPEN_SECONDS
        assert [read_patient(door, server)[0] for _ in range(3)] == ["ok"] * 3
