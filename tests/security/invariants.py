"""The twelve things that hold after every case, whatever was tried; each names itself when it does not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from launcher import audit
from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from launcher.smart.origins import is_below, origin_of
from tests.browser import ORIGIN
from tests.security.canaries import nothing_secret_is_shown
from tests.security.pages import links
from tests.security.right_patient import the_chart_is_its_patients
from tests.security.watching import Approval, Call, Visit, Watch, chart_of

# Decided before the EHR is asked anything in that request.
_WITHOUT_A_CALL = {
    "launch_incomplete",
    "unknown_issuer",
    "registration_disabled",
    "state_unknown",
    "state_foreign",
    "issuer_mismatch",
    "authorization_failed",
    "access_denied",
    "form_expired",
    "too_many_requests",
    "not_found",
    "method_not_allowed",
}
# Decided by the token endpoint's own answer.
_BY_THE_TOKEN_ANSWER = {"code_rejected", "client_rejected", "token_unreadable"}


def judge(watch: Watch) -> None:
    """All of them, in order; the first that does not hold raises AssertionError with its name."""
    visits = watch.ours
    nothing_broke(visits, watch.journal.text)
    nothing_secret_is_shown(watch)
    every_host_was_approved(watch.calls, watch.approvals)
    nothing_follows_a_refusal(watch)
    headers_are_right(visits)
    every_answer_has_its_event(visits)
    the_chart_is_its_patients(visits, watch.calls)
    nobody_waited_long(visits)
    rows_are_possible()
    nothing_is_loaded_from_elsewhere(visits)
    refusals_are_sentences_with_a_reference(visits, watch.journal.text)


# --- 1


def nothing_broke(visits: Iterable[Visit], log: str) -> None:
    for visit in visits:
        assert visit.page.status != 500, f"invariant 1: {visit.path} answered 500"
        assert visit.page.error != "internal", f"invariant 1: {visit.path} is an internal error"
        assert "Traceback (most recent" not in visit.page.text, f"invariant 1: a traceback is on {visit.path}"
    assert " internal: " not in log, "invariant 1: an internal error is in the log"


# --- 3


def every_host_was_approved(calls: Iterable[Call], approvals: set[Approval]) -> None:
    for call in calls:
        fitting = [approval for approval in approvals if approval.is_for(call.base)]
        assert fitting, f"invariant 3: {call.url} was asked for no registration"
        allowed = {origin for approval in fitting for origin in approval.origins}
        assert origin_of(call.url) in allowed, f"invariant 3: {call.url} is on a host that nobody approved"
        if call.is_bearer:
            assert is_below(call.url, call.base), f"invariant 3: a token went to {call.url}, beside the FHIR base"
        elif call.authorization:
            assert call.method == "POST", f"invariant 3: a client secret went to {call.url} in a {call.method}"


# --- 4


def nothing_follows_a_refusal(watch: Watch) -> None:
    refused_states: set[str] = set()
    ended: set[tuple[int, str]] = set()
    burnt: dict[str, int] = {}
    for visit in watch.ours:
        calls, code = watch.calls_of(visit), visit.page.error
        if visit.state and visit.path.startswith("/callback"):
            assert visit.state not in refused_states or not calls, f"invariant 4: a refused state led to {_urls(calls)}"
        if not code:
            continue
        if code in _WITHOUT_A_CALL:
            assert not calls, f"invariant 4: after {code} the EHR was asked {_urls(calls)}"
        if visit.path.startswith("/callback"):
            refused_states.add(visit.state)
            assert not any(call.is_bearer for call in calls), f"invariant 4: {code}, and yet a token was used"
            if code in _BY_THE_TOKEN_ANSWER:
                assert calls[-1].method == "POST", f"invariant 4: after {code} the EHR was asked {calls[-1].url}"
            for call in calls:
                burnt[str(call.body.get("access_token") or "")] = visit.end_call
        if code == "session_ended":
            who = (visit.browser, visit.path)
            assert who not in ended or not calls, f"invariant 4: an ended session led to {_urls(calls)}"
            ended.add(who)
    for number, call in enumerate(watch.calls):
        token = call.authorization.partition(" ")[2]
        assert not token or number < burnt.get(token, number + 1), "invariant 4: the token of a refused launch was used"
    _nothing_is_redeemed_twice(watch.calls)


def _urls(calls: Iterable[Call]) -> list[str]:
    return [call.url for call in calls]


def _nothing_is_redeemed_twice(calls: Iterable[Call]) -> None:
    redeemed = Counter(
        (call.form["code"][0], verifier)
        for call in calls
        if "code" in call.form
        for verifier in call.form.get("code_verifier", [])
    )
    assert all(times == 1 for times in redeemed.values()), "invariant 4: a code was sent a second time"


# --- 5


def headers_are_right(visits: Iterable[Visit]) -> None:
    for visit in visits:
        headers, at = visit.page.response.headers, f"invariant 5: {visit.path}"
        assert headers["Cache-Control"] == "no-store", at
        assert headers["X-Content-Type-Options"] == "nosniff", at
        assert headers["Referrer-Policy"] == "same-origin", at
        assert "max-age=" in headers["Strict-Transport-Security"], at
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, at
        assert "frame-ancestors" in policy, at
        assert "unsafe" not in policy, at
        assert not headers.get("Location", "").startswith("http:"), at


# --- 6


def every_answer_has_its_event(visits: list[Visit]) -> None:
    """One event for each refusal, chart, panel and opened session, whole and in an unbroken chain."""
    rows = list(AuditEvent.objects.all())
    for row in rows:
        whole = row.event and row.outcome and row.actor and row.sequence and row.at.tzinfo is not None
        assert whole, f"invariant 6: {row.event} says too little"
    breaches = list(audit.verify())
    assert not breaches, f"invariant 6: {breaches}"
    references = Counter(row.reference for row in rows if row.code and row.event != "config.error")
    for visit in visits:
        quiet = visit.page.error in {"not_found", "method_not_allowed", ""}
        at = f"{visit.path} ({visit.page.error})"
        assert quiet or references[visit.page.reference] == 1, f"invariant 6: no one event for {at}"
    _served_pages_have_their_events(visits, Counter((row.event, row.launch) for row in rows))
    once = Counter((row.launch, row.correlation_id) for row in rows if row.event == "patient.read")
    assert all(times == 1 for times in once.values()), "invariant 6: one request was written down twice"
    pages = Counter(row.launch for row in rows if row.event == "patient.read")
    panels = Counter((row.launch, row.detail.get("panel")) for row in rows if row.event == "panel.read")
    for (launch, panel), times in panels.items():
        assert times <= pages[launch], f"invariant 6: {panel} was written down more often than pages were read"


def _served_pages_have_their_events(visits: list[Visit], events: Counter[tuple[str, str]]) -> None:
    charts: Counter[str] = Counter()
    panels: Counter[str] = Counter()
    for visit in visits:
        launch = chart_of(visit)
        if launch and visit.page.status == 200 and (visit.page.patient or visit.page.marks("data-panel")):
            charts[launch] += 1
            panels[launch] += len(visit.page.marks("data-panel"))
    for launch in charts:
        for event, shown in (("patient.read", charts[launch]), ("panel.read", panels[launch])):
            # A test may read some pages in ways of its own, past the browsers that are watched.
            read = events[(event, launch)]
            assert read >= shown, f"invariant 6: shown {shown} times, {read} times {event}"
    opened = {path.split("/")[2] for visit in visits if (path := _opened_chart(visit))}
    for launch in opened:
        for event in ("token.obtained", "session.opened"):
            assert events[(event, launch)] == 1, f"invariant 6: a session without its one {event}"


def _opened_chart(visit: Visit) -> str:
    path = urlsplit(visit.page.location).path
    is_callback = visit.path.startswith("/callback") and visit.page.status == 303
    return path if is_callback and path.startswith("/chart/") else ""


# --- 8


def nobody_waited_long(visits: Iterable[Visit]) -> None:
    for visit in visits:
        assert visit.seconds < 20, f"invariant 8: {visit.path} took {visit.seconds:.0f} s"


# --- 9


def rows_are_possible() -> None:
    """No token without an open session, no session without the one launch that began it, no state used twice."""
    for launch in Launch.objects.all():
        if launch.ended_at is not None:
            assert not launch.access_token, "invariant 9: an ended session has a token"
            assert not launch.refresh_token, "invariant 9: an ended session has a refresh token"
        assert launch.pending.count() <= 1, "invariant 9: two states opened one session"
    unused = PendingLaunch.objects.filter(launch__isnull=False, consumed_at=None)
    assert not unused.exists(), "invariant 9: a session was opened by a state that is not used up"
    twice = Counter(AuditEvent.objects.filter(event="session.opened").values_list("launch", flat=True))
    assert all(times == 1 for times in twice.values()), "invariant 9: a session was opened twice"
    unknown = set(twice) - set(Launch.objects.values_list("pk", flat=True))
    assert not unknown, "invariant 9: a session was opened that does not exist"


# --- 10


def nothing_is_loaded_from_elsewhere(visits: Iterable[Visit]) -> None:
    """Links and forms may lead to the origin of an EHR that is registered; everything else stays with us."""
    ehrs = {origin_of(row.iss) for row in EhrRegistration.objects.all()}
    for visit in visits:
        for tag, name, address in links(visit.page):
            absolute = urljoin(visit.page.url, address).partition("#")[0]
            leads_away = (tag, name) in {("a", "href"), ("form", "action")}
            scheme = urlsplit(absolute).scheme
            assert scheme in {"http", "https"}, f"invariant 10: {visit.path} has a {scheme}: address"
            if origin_of(absolute) != origin_of(ORIGIN):
                allowed = leads_away and origin_of(absolute) in ehrs
                assert allowed, f"invariant 10: {visit.path} has <{tag} {name}={address}>"


# --- 12


def refusals_are_sentences_with_a_reference(visits: Iterable[Visit], log: str) -> None:
    for visit in visits:
        page = visit.page
        if page.status < 400 or not page.text:
            continue
        assert page.error, f"invariant 12: {visit.path} refuses with {page.status} and no code"
        assert re.fullmatch("[2-9A-HJ-NP-Z]{6}", page.reference), f"invariant 12: {visit.path} has no reference"
        assert page.reference in log, f"invariant 12: the reference of {visit.path} is not in the log"
        assert "What to do" in page.text, f"invariant 12: {visit.path} does not say what to do"
