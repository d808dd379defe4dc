"""The harness itself: each invariant is broken here, once in every way, and must say so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from launcher import audit
from launcher.models import AuditChain, AuditEvent, Launch, PendingLaunch
from launcher.smart.answer import Answer
from launcher.smart.origins import origin_of
from sandbox import population, store
from sandbox.addresses import EhrAddress
from tests.browser import ORIGIN, Browser, Page
from tests.loopback import Bridge
from tests.security import canaries, invariants, right_patient
from tests.security.steps import R4, iss_of, opened, to_callback
from tests.security.watching import Approval, Call, Visit, Watch

pytestmark = pytest.mark.django_db
BASE = "https://ehr.example.org/fhir"
TOKEN = "an-access-token-that-nobody-may-see"
REFUSAL = '<main data-error="{code}" data-reference="{reference}"><p>Sorry.</p><p>What to do: open it again.</p></main>'


def call(url: str = f"{BASE}/Patient/1", *, method: str = "GET", body: Any = None, **more: Any) -> Call:
    """A request that left us; `body` is the JSON that came back."""
    answered = None if body is None else Answer(200, MappingProxyType({}), json.dumps(body).encode(), url)
    given = {"base": BASE, "authorization": "", "form": {}, **more}
    return Call(method=method, url=url, answer=answered, **given)


def token_call(body: Any = None, **form: str) -> Call:
    fields = {name: [value] for name, value in {"grant_type": "authorization_code", **form}.items()}
    return call("https://ehr.example.org/token", method="POST", form=fields, body=body or {"access_token": TOKEN})


def visit(
    path: str = "/", text: str = "", *, status: int = 200, calls: tuple[int, int] = (0, 0), **headers: str
) -> Visit:
    response = HttpResponse(text, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})
    return Visit(1, "get", Page(response, ORIGIN + path), *calls, seconds=0.1)


def refusal(
    code: str = "token_unreadable", path: str = "/callback/main?state=s1", *, status: int = 400, **more: Any
) -> Visit:
    return visit(path, REFUSAL.format(code=code, reference="ABCDEF"), status=status, **more)


class _Undo(Exception):
    """Rolls back what was broken."""


@contextmanager
def put_back() -> Iterator[None]:
    """What is broken in here is whole again afterwards, so that the harness has nothing to say about this test."""
    with suppress(_Undo), transaction.atomic():
        yield
        raise _Undo
    cache.clear()
    mail.outbox.clear()


def broken(number: int, check: Callable[..., None], *given: Any) -> None:
    with pytest.raises(AssertionError, match=f"invariant {number}"):
        check(*given)


@pytest.mark.parametrize(
    "page",
    [visit(status=500), refusal("internal"), visit(text="Traceback (most recent call last):")],
    ids=["500", "code", "traceback"],
)
def test_invariant_1_notices_what_broke(page: Visit) -> None:
    broken(1, invariants.nothing_broke, [page], "")
    broken(1, invariants.nothing_broke, [], "ERROR smartportal ABCDEF internal: KeyError (-)")


PERSON = next(person for person in population.PATIENTS if person.id == "54520")


@pytest.mark.parametrize(
    "secret",
    [TOKEN, "a-refresh-token-as-well", "header.payload.of-an-id-token", "the-code-of-a-launch", "the-verifier-of-it"],
)
@pytest.mark.parametrize("place", ["page", "log", "location", "link", "asked", "audit", "mail", "cache"])
def test_invariant_2_finds_a_secret_wherever_it_is(place: str, secret: str) -> None:
    tokens = {"access_token": TOKEN, "refresh_token": "a-refresh-token-as-well"}
    answered = {**tokens, "id_token": "header.payload.of-an-id-token"}
    watch = Watch(calls=[token_call(answered, code="the-code-of-a-launch", code_verifier="the-verifier-of-it")])
    canaries.nothing_secret_is_shown(watch)
    with put_back():
        leaks(watch, place, secret)
        broken(2, canaries.nothing_secret_is_shown, watch)


@pytest.mark.parametrize("fact", [PERSON.display_name, PERSON.born, PERSON.mrn], ids=["name", "born", "mrn"])
@pytest.mark.parametrize("place", ["error-page", "log", "location", "link", "asked", "audit", "mail", "cache"])
def test_invariant_2_finds_a_patient_wherever_they_do_not_belong(place: str, fact: str) -> None:
    watch = Watch()
    leaks(watch, "page", fact)
    canaries.nothing_secret_is_shown(watch)
    with put_back():
        leaks(watch, place, fact)
        broken(2, canaries.nothing_secret_is_shown, watch)


def leaks(watch: Watch, place: str, text: str) -> None:
    if place == "page":
        watch.visits.append(visit("/chart/x/", f"<p>{text}</p>"))
    elif place == "error-page":
        watch.visits.append(visit("/chart/x/", REFUSAL.format(code="no_patient", reference="ABCDEF") + text))
    elif place == "log":
        watch.journal.lines.append(f"INFO something about {text}")
    elif place == "location":
        watch.visits.append(visit(status=302, Location=f"/x?q={text}"))
    elif place == "link":
        watch.visits.append(visit(text=f'<a href="/x?q={text}">x</a>'))
    elif place == "asked":
        watch.calls.append(call(f"{BASE}/Patient?q={text}"))
    elif place == "audit":
        audit.write("session.opened", audit.NOBODY, audit.Facts(detail={"x": text}))
    elif place == "mail":
        mail.send_mail("subject", f"Dear {text}", "a@testserver", ["b@testserver"])
    else:
        cache.set("something", {"x": text})


def test_invariant_3_knows_which_hosts_were_approved() -> None:
    approvals = {Approval(BASE, False, frozenset({origin_of(BASE)}))}
    bearer = f"Bearer {TOKEN}"
    invariants.every_host_was_approved([call(authorization=bearer)], approvals)
    for wrong in (
        call("https://evil.test/x"),
        call("https://ehr.example.org:444/fhir/x"),
        call("https://ehr.example.org/elsewhere", authorization=bearer),
        call("https://ehr.example.org/token", authorization="Basic abc"),
        call(base="https://other.example.org/fhir"),
    ):
        broken(3, invariants.every_host_was_approved, [wrong], approvals)


def test_invariant_4_notices_what_follows_a_refusal() -> None:
    bearer = call(authorization=f"Bearer {TOKEN}")
    second = replace(refusal("state_unknown"), first_call=1, end_call=2)
    for watch in (
        Watch([call()], [refusal("state_foreign", calls=(0, 1))]),
        Watch([call()], [refusal("unknown_issuer", "/launch?iss=x", calls=(0, 1))]),
        Watch([token_call(), call()], [refusal(calls=(0, 2))]),
        Watch([token_call(), bearer], [refusal("identity_invalid", calls=(0, 2))]),
        Watch([token_call(), bearer], [refusal("identity_invalid", calls=(0, 1))]),
        Watch([token_call(), token_call()], [refusal(calls=(0, 1)), second]),
        Watch([token_call(code="c", code_verifier="v"), token_call(code="c", code_verifier="v")], []),
        Watch([call(), call()], [refusal("session_ended", "/chart/x/", calls=(n, n + 1)) for n in (0, 1)]),
    ):
        broken(4, invariants.nothing_follows_a_refusal, watch)
    invariants.nothing_follows_a_refusal(Watch([token_call()], [refusal(calls=(0, 1)), refusal("state_unknown")]))


@pytest.mark.parametrize(
    "header",
    [
        "Cache-Control",
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Strict-Transport-Security",
    ],
)
def test_invariant_5_misses_every_header(header: str, ehrs: Bridge, browser: Browser, watch: Watch) -> None:
    browser.get("/")
    invariants.headers_are_right(watch.ours)
    page = watch.ours[0].page
    kept = page.response.headers[header]
    for value in ("unsafe-inline; default-src 'none'; frame-ancestors 'self'", None):
        if value is None:
            del page.response.headers[header]
            with pytest.raises(KeyError):
                invariants.headers_are_right(watch.ours)
        else:
            page.response.headers[header] = value
            broken(5, invariants.headers_are_right, watch.ours)
    page.response.headers[header] = kept


def test_invariant_6_misses_an_event(ehrs: Bridge, browser: Browser, watch: Watch) -> None:
    broken(6, invariants.every_answer_has_its_event, [refusal()])
    opened(browser)
    invariants.every_answer_has_its_event(watch.ours)
    for event in ("patient.read", "panel.read", "token.obtained", "session.opened"):
        undone(6, partial(removed, event), watch.ours)
    undone(6, lambda: AuditEvent.objects.filter(event="patient.read").update(outcome="failure"), watch.ours)
    row = AuditEvent.objects.get(event="patient.read")
    undone(6, lambda: written_twice(row), watch.ours, "written down twice")
    row = AuditEvent.objects.filter(event="panel.read")[0]
    undone(6, lambda: written_twice(row), watch.ours, "more often than pages")
    undone(6, lambda: AuditEvent.objects.filter(event="patient.read").update(actor=""), watch.ours)


def written_twice(row: AuditEvent) -> None:
    subject = audit.Subject(launch=row.launch, patient=row.patient)
    written = audit.write(row.event, subject, audit.Facts(detail=row.detail))
    AuditEvent.objects.filter(pk=written.pk).update(correlation_id=row.correlation_id)
    for each in AuditEvent.objects.filter(chain=written.chain, sequence=written.sequence):
        each.hash = audit.digest(each)
        each.save()
        AuditChain.objects.filter(number=each.chain).update(hash=each.hash)


def removed(event: str) -> None:
    AuditEvent.objects.filter(event=event)[0].delete()


def undone(number: int, breaks: Callable[[], Any], visits: list[Visit], words: str = "") -> None:
    """Break something in the database, see it noticed, and put it back."""
    with put_back():
        breaks()
        with pytest.raises(AssertionError, match=f"invariant {number}.*{words}"):
            invariants.every_answer_has_its_event(visits)


def test_invariant_6_takes_one_event_for_one_refusal_and_not_two(db: None) -> None:
    facts = audit.Facts(outcome="refused", code="token_unreadable", reference="ABCDEF")
    audit.write("token.failed", audit.NOBODY, facts)
    invariants.every_answer_has_its_event([refusal()])
    audit.write("token.failed", audit.NOBODY, facts)
    broken(6, invariants.every_answer_has_its_event, [refusal()])


def test_invariant_7_notices_another_patients_record_and_name(ehrs: Bridge, browser: Browser, watch: Watch) -> None:
    opened(browser)
    right_patient.the_chart_is_its_patients(watch.ours, watch.calls)
    chart = watch.ours[-1]
    text = chart.page.text
    other = store.person_of(R4, "54531")
    assert other is not None
    theirs = store.records(EhrAddress.parse(R4), other, "Condition")[0]["id"]
    own = next(mark for mark in chart.page.marks("data-record") if mark.startswith("Condition/"))
    heading = re.search(r'<h1 class="name".*?</h1>', text, re.DOTALL)
    assert heading is not None
    for wrong in (
        text.replace(own, f"Condition/{theirs}"),
        text.replace(own, "Condition/nobodys"),
        text.replace('data-patient="54520"', 'data-patient="54531"'),
        text.replace(heading[0], '<h1 data-field="name">SOMEBODY, Else</h1>'),
        text.replace(PERSON.mrn, other.mrn),
    ):
        assert wrong != text
        page = Page(HttpResponse(wrong), chart.page.url)
        broken(7, right_patient.the_chart_is_its_patients, [replace(chart, page=page)], watch.calls)


def test_invariant_8_notices_who_waited() -> None:
    invariants.nobody_waited_long([replace(visit(), seconds=19)])
    broken(8, invariants.nobody_waited_long, [replace(visit(), seconds=21)])


def test_invariant_9_notices_impossible_rows(ehrs: Bridge, browser: Browser) -> None:
    opened(browser)
    to_callback(browser)
    launch = Launch.objects.get()
    spare = PendingLaunch.objects.get(consumed_at=None)

    def impossible(breaks: Callable[[], Any]) -> None:
        with put_back():
            breaks()
            broken(9, invariants.rows_are_possible)

    invariants.rows_are_possible()
    impossible(lambda: Launch.objects.update(ended_at=timezone.now()))
    impossible(lambda: PendingLaunch.objects.filter(launch=launch).update(consumed_at=None))
    impossible(lambda: PendingLaunch.objects.filter(pk=spare.pk).update(launch=launch, consumed_at=timezone.now()))
    impossible(lambda: audit.write("session.opened", audit.Subject(launch=launch.pk)))
    impossible(lambda: audit.write("session.opened", audit.Subject(launch="f" * 32)))


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="https://evil.test/x.png">',
        '<script src="//evil.test/x.js"></script>',
        '<link href="https://evil.test/x.css">',
        '<a href="https://evil.test/">x</a>',
        '<form action="https://evil.test/"></form>',
        '<a href="javascript:alert(1)">x</a>',
        '<img src="data:image/png;base64,AA">',
        f'<img src="{BASE}/x.png">',
        '<button formaction="https://evil.test/">x</button>',
    ],
)
def test_invariant_10_notices_what_comes_from_elsewhere(markup: str, ehrs: Bridge) -> None:
    fine = f'<a href="{iss_of(R4)}">x</a><img src="/static/x.svg"><a href="#main">x</a>'
    invariants.nothing_is_loaded_from_elsewhere([visit(text=fine)])
    broken(10, invariants.nothing_is_loaded_from_elsewhere, [visit(text=markup)])


@pytest.mark.parametrize(
    "text",
    [
        "<p>Bad Request</p>",
        '<main data-error="x"><p>What to do</p></main>',
        '<main data-error="x" data-reference="ABCDEF"><p>Sorry.</p></main>',
        '<main data-error="x" data-reference="ABC"><p>What to do</p></main>',
        REFUSAL.format(code="x", reference="QQQQQQ"),
    ],
    ids=["bare", "no-reference", "no-advice", "short-reference", "not-in-the-log"],
)
def test_invariant_12_notices_a_refusal_that_helps_nobody(text: str) -> None:
    log = "INFO ABCDEF token_unreadable"
    invariants.refusals_are_sentences_with_a_reference([refusal()], log)
    broken(12, invariants.refusals_are_sentences_with_a_reference, [visit(text=text, status=400)], log)
