"""Reading FHIR: pages within limits, failures that cannot be taken for emptiness, and a token that stays at home."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from launcher.smart import fhir
from launcher.smart.answer import Answer
from launcher.smart.errors import SmartError
from launcher.smart.fhir import FhirClient, FhirError, Query, SearchResult, parse_patient
from launcher.smart.fhir_version import FhirVersion
from launcher.smart.quirks import STANDARD, Quirks
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from tests.smart.fake_door import FakeDoor, Reply, reply, unreachable

BASE = "https://ehr.test/r4"
URL = f"{BASE}/Condition"
CONDITIONS = Query("Condition", (("patient", "{patient}"),)).for_patient("p1")
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}


def client(
    replies: dict[str, Reply] | None = None, *, version: FhirVersion = FhirVersion.R4, quirks: Quirks = STANDARD
) -> tuple[FhirClient, FakeDoor]:
    door = FakeDoor(ClientRegistration(iss=BASE, client_id="c", redirect_uri="", scopes=""), replies)
    made = FhirClient(door=door, base=BASE, version=version, quirks=quirks, token=Secret("t0ken"), correlation_id="r-1")
    return made, door


def bundle(*resources: Any, next_url: object = None, **more: Any) -> dict[str, Any]:
    link = [] if next_url is None else [{"relation": "next", "url": next_url}]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": URL}, *link],
        "entry": [{"resource": resource} for resource in resources],
        **more,
    }


def condition(number: object = 1) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": str(number)}


def search(answer: Any, **more: Reply) -> SearchResult:
    found = answer if isinstance(answer, Answer | SmartError) else reply(answer)
    return client({URL: found, **more})[0].search(CONDITIONS)


def failure(answer: Reply) -> FhirError:
    with pytest.raises(FhirError) as caught:
        search(answer)
    assert "CANARY" not in str(caught.value)
    return caught.value


def test_a_search_asks_with_token_reference_and_media_type() -> None:
    made, door = client({URL: reply(bundle(condition()))})
    assert [each["id"] for each in made.search(CONDITIONS).resources] == ["1"]
    (call,) = door.calls
    assert call.url == f"{URL}?patient=p1"
    assert (call.token, call.correlation_id) == ("t0ken", "r-1")
    assert call.accept == "application/fhir+json, application/json;q=0.9"


def test_the_oldest_version_has_its_own_media_type() -> None:
    made, door = client({URL: reply(bundle())}, version=FhirVersion.DSTU2)
    made.search(CONDITIONS)
    assert door.calls[0].accept == "application/json+fhir, application/json;q=0.9"


def test_an_ehr_may_want_another_media_type() -> None:
    made, door = client({URL: reply(bundle())}, quirks=Quirks(accept="application/fhir+json; fhirVersion=4.0"))
    made.search(CONDITIONS)
    assert door.calls[0].accept == "application/fhir+json; fhirVersion=4.0, application/json;q=0.9"


def test_parameters_are_encoded() -> None:
    made, door = client({URL: reply(bundle())})
    made.search(Query("Condition", (("category", "http://x|a&b"), ("status", "a,b"), ("name", "é ü"))))
    sent = urlsplit(door.urls[0]).query
    assert parse_qs(sent) == {"category": ["http://x|a&b"], "status": ["a,b"], "name": ["é ü"]}
    assert sent.isascii()


@pytest.mark.parametrize("value", ["p1", "Patient/p1"])
def test_a_compartment_search_names_the_patient_in_the_path(value: str) -> None:
    made, door = client({f"{BASE}/Patient/p1/Condition": reply(bundle())}, quirks=Quirks(search_style="compartment"))
    made.search(Query("Condition", (("patient", value), ("category", "problem"))))
    assert door.urls == [f"{BASE}/Patient/p1/Condition?category=problem"]


def test_a_compartment_search_without_a_usable_patient_stays_a_parameter() -> None:
    made, door = client({URL: reply(bundle())}, quirks=Quirks(search_style="compartment"))
    made.search(Query("Condition", (("patient", "../x"),)))
    assert urlsplit(door.urls[0]).path == "/r4/Condition"


def test_a_base_with_a_trailing_slash_is_the_same_base() -> None:
    made, door = client({URL: reply(bundle())})
    dataclasses.replace(made, base=f"{BASE}/").search(CONDITIONS)
    assert door.urls == [f"{URL}?patient=p1"]


def test_an_empty_searchset_is_complete_and_empty() -> None:
    assert search({"resourceType": "Bundle", "total": 0}) == SearchResult(total=0)


def test_matches_are_kept_and_everything_else_is_counted_or_left_out() -> None:
    included = {"resource": condition("inc"), "search": {"mode": "include"}}
    matched = {"resource": condition("m"), "search": {"mode": "match"}}
    odd_mode = {"resource": condition("o"), "search": {"mode": 5}}
    entries = [matched, odd_mode, included, {"resource": {"resourceType": "Patient"}}, {"resource": OUTCOME}]
    broken: list[Any] = [None, {}, "x", [], {"resource": None}, {"resource": []}, {"resource": {"id": "no type"}}]
    found = search({"resourceType": "Bundle", "entry": [*entries, *broken], "total": 9})
    assert [each["id"] for each in found.resources] == ["m", "o"]
    assert (found.unreadable, found.outcomes, found.total) == (len(broken), ("warning:incomplete",), 9)


@pytest.mark.parametrize("entry", [{"resource": condition()}, "x", 5])
def test_entries_that_are_no_array_are_one_unreadable_record(entry: object) -> None:
    assert search({"resourceType": "Bundle", "entry": entry}) == SearchResult(unreadable=1)


@pytest.mark.parametrize(
    ("issue", "outcome"),
    [
        ([{"severity": "error", "code": "CANARY"}], "error:unknown"),
        ([{"severity": "CANARY", "code": "timeout", "diagnostics": "CANARY"}], "unknown:timeout"),
        ([{"severity": ["error"], "code": {}}], "unknown:unknown"),
        ([], "unknown:unknown"),
        ("CANARY", "unknown:unknown"),
    ],
)
def test_remarks_of_the_server_are_known_words_only(issue: object, outcome: str) -> None:
    assert search(bundle({"resourceType": "OperationOutcome", "issue": issue})).outcomes == (outcome,)


@pytest.mark.parametrize("total", ["3", -1, True, None, 2.5, 10**12])
def test_an_odd_total_is_no_total(total: object) -> None:
    assert search(bundle(total=total)).total is None


@pytest.mark.parametrize(
    ("answer", "kind", "status", "reason"),
    [
        (reply("", status=401), "unauthorized", 401, "status"),
        (reply("CANARY", status=403), "forbidden", 403, "status"),
        (reply("", status=404), "unsupported", 404, "status"),
        (reply("", status=501), "unsupported", 501, "status"),
        (reply("", status=400), "failed", 400, "status"),
        (reply("", status=410), "failed", 410, "status"),
        (reply("CANARY", status=500), "failed", 500, "status"),
        (reply("", status=204), "failed", 204, "status"),
        (reply("<html>CANARY", kind="text/html"), "failed", 200, "not_json"),
        (reply(""), "failed", 200, "not_json"),
        (reply('{"resourceType": "Bun'), "failed", 200, "not_json"),
        (reply([bundle()]), "failed", 200, "content"),
        (reply({}), "failed", 200, "content"),
        (reply(condition()), "failed", 200, "content"),
        (reply(OUTCOME), "failed", 200, "outcome"),
        (reply('{"resourceType":"Bundle","x":"é"}'.encode("latin-1")), "failed", 200, "not_utf8"),
        (reply('{"resourceType":"Bundle"}'.encode("utf-16")), "failed", 200, "not_utf8"),
        (unreachable("timeout"), "unreachable", 0, "timeout"),
        (SmartError("ehr_address_forbidden", "no", reason="address"), "forbidden_address", 0, "address"),
        (SmartError("patient_unavailable", "no", reason="redirect"), "failed", 0, "redirect"),
        (SmartError("patient_unavailable", "no", reason="too_large"), "failed", 0, "too_large"),
    ],
)
def test_what_is_no_proper_answer_is_a_failure_and_never_an_empty_list(
    answer: Reply, kind: str, status: int, reason: str
) -> None:
    error = failure(answer)
    assert (error.kind, error.status, error.reason) == (kind, status, reason)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_how_long_to_wait(status: int) -> None:
    assert (failure(reply("", status=status, headers={"retry-after": "7"})).retry_after) == 7
    assert failure(reply("", status=status)).kind == "busy"


def test_odd_characters_inside_strings_do_not_fail_a_search() -> None:
    body = '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Condition","id":"\\u0000\\ud800"}}]}'
    assert len(search(reply(body)).resources) == 1


def pages(count: int, size: int = 1, *, base: str = f"{URL}?page=") -> dict[str, Reply]:
    """`count` pages, the first under the search's own address."""
    made: dict[str, Reply] = {}
    for number in range(count):
        address = f"{URL}?patient=p1" if number == 0 else f"{base}{number}"
        following = f"{base}{number + 1}" if number + 1 < count else None
        content = (condition(f"{number}-{each}") for each in range(size))
        made[address] = reply(bundle(*content, next_url=following, total=count * size))
    return made


def test_pages_are_followed_to_the_end() -> None:
    made, door = client(pages(3, 2))
    found = made.search(CONDITIONS)
    assert [each["id"] for each in found.resources] == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert (found.truncated, found.total, len(door.calls)) == ("", 6, 3)
    assert {call.token for call in door.calls} == {"t0ken"}


@pytest.mark.parametrize(
    "written", ["Condition?page=1", "?page=1", "/r4/Condition?page=1", "HTTPS://EHR.TEST:443/r4/Condition?page=1"]
)
def test_a_relative_or_differently_spelled_next_is_followed(written: str) -> None:
    made, door = client({URL: reply(bundle(condition(1), next_url=written))})
    second = f"{URL}?page=1"
    door.replies[second] = reply(bundle(condition(2)))
    door.replies[written] = reply(bundle(condition(2)))
    found = made.search(CONDITIONS)
    assert ([each["id"] for each in found.resources], found.truncated) == (["1", "2"], "")


@pytest.mark.parametrize(
    "written",
    [
        "https://evil.test/r4/Condition?page=2",
        "https://ehr.test.evil.test/r4/Condition",
        "https://ehr.test@evil.test/r4/Condition",
        "//evil.test/r4/Condition",
        "http://ehr.test/r4/Condition?page=2",
        "https://ehr.test:8443/r4/Condition?page=2",
        "https://ehr.test/r4b/Condition",
        "https://ehr.test/other/Condition",
        "../other/Condition",
        "/other/Condition",
        "javascript:alert(1)",
        "https://ehr.test/r4/%2e%2e/other",
        "https://ehr.test/r4/Condition#x",
        "page two",
        5,
        "",
        ["x"],
    ],
)
def test_a_next_page_outside_the_base_is_never_asked_for(written: object) -> None:
    made, door = client({URL: reply(bundle(condition(), next_url=written))})
    found = made.search(CONDITIONS)
    assert (len(found.resources), found.truncated, len(door.calls)) == (1, "next_refused", 1)


def test_a_page_that_names_itself_ends_the_search() -> None:
    made, door = client({URL: reply(bundle(condition(), next_url=f"{URL}?patient=p1"))})
    assert made.search(CONDITIONS).truncated == "loop"
    assert len(door.calls) == 1


def test_pages_in_a_circle_end_the_search() -> None:
    made, door = client(pages(2))
    door.replies[f"{URL}?page=1"] = reply(bundle(condition("x"), next_url=f"{URL}?patient=p1"))
    found = made.search(CONDITIONS)
    assert (len(found.resources), found.truncated, len(door.calls)) == (2, "loop", 2)


def test_ever_new_empty_pages_end_after_fifty_requests() -> None:
    made, door = client()
    counter = iter(range(10_000))
    endless: Callable[[], Answer] = lambda: reply(bundle(next_url=f"{URL}?page={next(counter)}"))  # noqa: E731
    door.replies[URL] = endless
    assert made.search(CONDITIONS).truncated == "pages"
    assert len(door.calls) == 50


def test_fifty_pages_are_read_in_full() -> None:
    made, door = client(pages(50))
    found = made.search(CONDITIONS)
    assert (len(found.resources), found.truncated, len(door.calls)) == (50, "", 50)


def test_two_thousand_entries_are_enough() -> None:
    made, door = client(pages(200, 50))
    found = made.search(CONDITIONS)
    assert (len(found.resources), found.truncated, found.total) == (2000, "entries", 10_000)
    assert len(door.calls) == 40


@pytest.mark.parametrize(("entries", "truncated"), [(1999, ""), (2000, ""), (2001, "entries")])
def test_the_limit_of_entries_is_exact(entries: int, truncated: str) -> None:
    found = search(bundle(*(condition(number) for number in range(entries))))
    assert (len(found.resources), found.truncated) == (min(entries, 2000), truncated)


def test_a_failing_later_page_fails_the_search() -> None:
    made, door = client(pages(2))
    door.replies[f"{URL}?page=1"] = reply("", status=500)
    with pytest.raises(FhirError) as caught:
        made.search(CONDITIONS)
    assert caught.value.status == 500


def test_all_pages_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "SEARCH_SECONDS", 0.1)
    made, door = client(pages(3))

    def slow() -> Answer:
        time.sleep(0.15)
        return reply(bundle(condition("late"), next_url=f"{URL}?page=2"))

    door.replies[f"{URL}?page=1"] = slow
    found = made.search(CONDITIONS)
    assert (len(found.resources), found.truncated) == (2, "deadline")
    assert door.calls[0].seconds <= 0.1
    assert door.calls[1].seconds < door.calls[0].seconds


def test_a_later_page_cut_off_by_the_deadline_leaves_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "SEARCH_SECONDS", 0.05)
    made, door = client(pages(2))

    def cut_off() -> Answer:
        time.sleep(0.06)
        raise unreachable("timeout")

    door.replies[f"{URL}?page=1"] = cut_off
    assert (made.search(CONDITIONS).truncated, len(door.calls)) == ("deadline", 2)


def test_one_client_serves_many_threads_at_once() -> None:
    made, door = client()
    together = threading.Barrier(8, timeout=5)

    def wait_for_all(number: int) -> Callable[[], Answer]:
        def play() -> Answer:
            together.wait()
            return reply(bundle(condition(number)))

        return play

    for number in range(8):
        door.replies[f"{URL}?patient=p{number}"] = wait_for_all(number)
    with ThreadPoolExecutor(8) as executor:
        queries = [Query("Condition", (("patient", f"p{number}"),)) for number in range(8)]
        found = list(executor.map(made.search, queries))
    assert [result.resources[0]["id"] for result in found] == [str(number) for number in range(8)]


def test_a_read_gives_the_resource_as_it_came() -> None:
    made, door = client({f"{BASE}/Patient/p1": reply({"resourceType": "Patient", "id": "p1"})})
    assert made.read("Patient", "p1") == {"resourceType": "Patient", "id": "p1"}
    assert (door.urls, door.calls[0].token) == ([f"{BASE}/Patient/p1"], "t0ken")


@pytest.mark.parametrize("bad", ["", ".", "..", "../x", "a/b", "1?x=y", "x" * 65, "a%2fb"])
def test_an_id_that_is_none_never_reaches_a_url(bad: str) -> None:
    made, door = client()
    with pytest.raises(FhirError):
        made.read("Patient", bad)
    assert door.calls == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply("", status=404), "not_found"),
        (reply("", status=410), "not_found"),
        (reply("", status=401), "unauthorized"),
        (reply("", status=403), "forbidden"),
        (reply("", status=503), "busy"),
        (reply("", status=501), "failed"),
        (reply("<html>", kind="text/html"), "failed"),
        (reply(OUTCOME), "failed"),
        (reply({"id": "p1"}), "failed"),
        (unreachable("refused"), "unreachable"),
    ],
)
def test_a_read_that_fails_says_how(answer: Reply, kind: str) -> None:
    made, _ = client({f"{BASE}/Patient/p1": answer})
    with pytest.raises(FhirError) as caught:
        made.read("Patient", "p1")
    assert caught.value.kind == kind


PATIENT = {"resourceType": "Patient", "id": "p1"}


@pytest.mark.parametrize("body", [PATIENT, bundle(PATIENT), bundle(PATIENT, OUTCOME, {"resourceType": "Provenance"})])
def test_the_patient_may_come_alone_or_as_the_only_one_of_a_bundle(body: object) -> None:
    assert parse_patient(body, "p1") == PATIENT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"resourceType": "Patient", "id": "p2"}, "patient_mismatch"),
        ({"resourceType": "Patient", "id": "P1"}, "patient_mismatch"),
        ({"resourceType": "Patient", "id": 1}, "patient_mismatch"),
        ({"resourceType": "Patient"}, "patient_mismatch"),
        ({"resourceType": "Practitioner", "id": "p1"}, "patient_mismatch"),
        (bundle({"resourceType": "Patient", "id": "p2"}), "patient_mismatch"),
        (bundle(PATIENT, {"resourceType": "Patient", "id": "p2"}), "patient_mismatch"),
        (bundle(PATIENT, PATIENT), "patient_mismatch"),
        (bundle(), "patient_mismatch"),
        ({"resourceType": "Bundle", "entry": [None, "x"]}, "patient_mismatch"),
        (OUTCOME, "patient_unavailable"),
        (bundle(OUTCOME), "patient_unavailable"),
        ({}, "patient_unavailable"),
        ([PATIENT], "patient_unavailable"),
        (None, "patient_unavailable"),
    ],
)
def test_anybody_else_is_not_the_patient(body: object, code: str) -> None:
    with pytest.raises(SmartError) as caught:
        parse_patient(body, "p1")
    assert caught.value.code == code
