"""Every code of the contract's closed list, provoked at the real addresses: status, page, audit event, and silence."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from http.cookies import Morsel
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.db import OperationalError, connection, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import escape
from time_machine import TimeMachineFixture

from launcher import urls as launcher_urls
from launcher.explanations import EXPLANATIONS, explain
from launcher.models import AuditEvent, EhrRegistration, Launch, Person
from launcher.smart import http
from launcher.smart.errors import ERROR_CODES, ErrorCode
from patients import urls as patients_urls
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import (
    DSTU2,
    R4,
    faulty_launch_url,
    iss_of,
    launch_url,
    opened,
    registration,
    to_callback,
)

pytestmark = pytest.mark.django_db

CONTRACT: dict[str, int] = {
    "launch_incomplete": 400,
    "unknown_issuer": 403,
    "registration_disabled": 403,
    "discovery_failed": 502,
    "ehr_unreachable": 504,
    "ehr_address_forbidden": 502,
    "access_denied": 403,
    "authorization_failed": 400,
    "state_unknown": 400,
    "state_foreign": 400,
    "issuer_mismatch": 400,
    "client_rejected": 502,
    "code_rejected": 400,
    "token_unreadable": 502,
    "identity_invalid": 502,
    "no_patient": 502,
    "patient_mismatch": 502,
    "patient_unavailable": 502,
    "session_ended": 403,
    "ehr_busy": 503,
    "unavailable": 503,
    "cookies_blocked": 200,
    "too_many_requests": 429,
    "form_expired": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "internal": 500,
}
"""Codes and HTTP statuses as `docs/contract.md`, section 4, lists them."""

PROTOCOL_WORDS = re.compile(
    r"\b(tokens?|oauth|openid|id_token|smart|scopes?|state|redirect\w*|fhir|json|jwks?|iss|issuer|client|endpoints?|"
    r"pkce|callback|https?|tls|dns|ur[li]s?|nonce|api|parameters?|certificates?|servers?|authori[sz]ation|discovery|"
    r"code|exception|database|null)\b",
    re.IGNORECASE,
)
REFERENCE = re.compile(r"[2-9A-HJ-NP-Z]{6}")
WORDS_OF_OTHERS = re.compile(
    r"the provider said no|something broke|a scope is unknown|ehr_is_closed_today|stranger\.invalid|sandbox was told|"
    r"Please sign in|Internal Server Error|told with status|invalid_token|an error of its own|Traceback \(most|"
    r"words of the database",
    re.IGNORECASE,
)
"""What the simulated EHRs, the database and broken views say; nobody gets to read it."""

PROVIDER, DEBUGGING, STAFF = VIEWERS = ("provider", "provider with DEBUG on", "staff")
OTHER_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
SECOND = "second.test"
START = datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC)


class StrictBrowser(Browser):
    """As a real one towards a real server: forms without Django's token are refused where Django guards them."""

    def __init__(self, session: Morsel[str] | None = None) -> None:
        super().__init__()
        self._client = Client(enforce_csrf_checks=True)
        if session is not None:
            self.cookies[session.key, "/"] = session

    def ask(self, method: str, url: str) -> Page:
        return self._send(method.lower(), url, None, {})


class ForgetfulBrowser(StrictBrowser):
    """A browser in a frame that keeps no cookie."""

    def _keep(self, morsel: Morsel[str]) -> None:
        return None


@dataclass
class Stage:
    """Where a case is played: the simulated EHRs, one browser, and what the case may change."""

    ehrs: Bridge
    browser: StrictBrowser
    session: Morsel[str] | None
    patch: pytest.MonkeyPatch
    settings: Any
    clock: TimeMachineFixture

    def another_browser(self) -> StrictBrowser:
        return StrictBrowser(self.session)

    def get(self, url: str, **headers: str) -> Page:
        """The request that is to fail; what reaches the EHR counts from here."""
        self.ehrs.forget()
        return self.browser.get(url, **headers)

    def to_chart(self, fault: str = "") -> str:
        """Launch up to the chart's address without having opened it."""
        url = faulty_launch_url(self.browser, fault) if fault else launch_url()
        page = self.browser.visit(url, until="/chart")
        assert page.status == 303, page.error
        return page.location

    def pass_time(self, **span: float) -> None:
        self.clock.move_to(timezone.now() + timedelta(**span))

    def change_wire(self, suffix: str, *, status: int = 0) -> None:
        """From now on addresses that end so answer with this status, or break the connection."""

        def wire(request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
            response = self.ehrs(request, call)
            if urlsplit(request.url or "").path.endswith(suffix):
                if not status:
                    raise requests.exceptions.ConnectionError("the connection broke")
                response.status_code = status
            return response

        http.set_transport(wire)


Provoke = Callable[[Stage], Page]


@dataclass(frozen=True)
class Case:
    """How a code comes about. `event` is "" where no audit event belongs; `asks` is what reaches the EHR meanwhile."""

    name: str
    code: ErrorCode
    provoke: Provoke
    event: str = ""
    reason: str = ""
    asks: tuple[str, ...] = ()


def visiting(url: str, **headers: str) -> Provoke:
    return lambda stage: stage.get(url, **headers)


def launching_at(**values: Any) -> Provoke:
    """A launch at a registration that says this, saved past the form."""

    def provoke(stage: Stage) -> Page:
        row = registration()
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
        return stage.get("/launch?" + urlencode({"iss": row.iss, "launch": "54520"}))

    return provoke


def at_callback(fault: str) -> Provoke:
    return lambda stage: stage.get(to_callback(stage.browser, faulty_launch_url(stage.browser, fault)))


def at_chart(fault: str) -> Provoke:
    return lambda stage: stage.get(stage.to_chart(fault))


def launch_after(change: Callable[[Stage], None]) -> Provoke:
    def provoke(stage: Stage) -> Page:
        change(stage)
        return stage.get(launch_url())

    return provoke


def callback_after(change: Callable[[Stage], None]) -> Provoke:
    """Something changes between redirect and callback."""

    def provoke(stage: Stage) -> Page:
        url = to_callback(stage.browser)
        change(stage)
        return stage.get(url)

    return provoke


def chart_after(change: Callable[[Stage], None]) -> Provoke:
    """Something changes while a chart is open."""

    def provoke(stage: Stage) -> Page:
        page = opened(stage.browser)
        change(stage)
        return stage.get(page.url)

    return provoke


def switch_off(stage: Stage) -> None:
    EhrRegistration.objects.filter(slug=R4).update(enabled=False)


def change_key(stage: Stage) -> None:
    stage.settings.SMARTPORTAL_FIELD_KEYS = [OTHER_KEY]


def break_key(stage: Stage) -> None:
    stage.settings.SMARTPORTAL_FIELD_KEYS = ["no key at all"]


def damage_stored_secret(stage: Stage) -> None:
    row = registration()
    with connection.cursor() as cursor:
        damaged = "v1." + row.__dict__["client_secret"].split(".")[1] + ".%%%"
        cursor.execute("UPDATE launcher_ehrregistration SET client_secret = %s WHERE id = %s", [damaged, row.pk])


def stay_seen(stage: Stage) -> None:
    Launch.objects.update(last_seen_at=timezone.now())


def end_it(stage: Stage) -> None:
    """Ended by its own form; the browser is made to keep its cookie all the same."""
    address = f"/chart/{Launch.objects.get().pk}/"
    token = stage.browser.get(address).marks("value")[0]
    kept = dict(stage.browser.cookies)
    assert stage.browser.post(f"{address}end/", {"token": token}).status == 200
    stage.browser.cookies = kept


def idle(stage: Stage) -> None:
    stage.pass_time(minutes=15, seconds=1)


def long_ago(stage: Stage) -> None:
    Launch.objects.update(token_expires_at=None)
    stage.pass_time(hours=12, seconds=1)
    stay_seen(stage)


def token_over(stage: Stage) -> None:
    """The token has ended, and there is none to get a new one with."""
    Launch.objects.update(refresh_token="")
    stage.pass_time(hours=1, seconds=1)
    stay_seen(stage)


def slow_sign_in(stage: Stage) -> None:
    stage.pass_time(minutes=10, seconds=1)


@contextmanager
def broken_database() -> Iterator[None]:
    """Every statement fails, as on a database that has gone away."""

    def fail(*args: Any) -> None:
        raise OperationalError("words of the database")

    with connection.execute_wrapper(fail):
        yield
    transaction.set_rollback(False)


def without_database(url: str = "", **headers: str) -> Provoke:
    def provoke(stage: Stage) -> Page:
        address = url or opened(stage.browser).url
        with broken_database():
            return stage.get(address, **headers)

    return provoke


def private_address(stage: Stage) -> Page:
    """Through the real door: the guard refuses before any connection."""
    row = registration()
    row.iss = "https://10.0.0.1/fhir"
    row.save()
    with stage.ehrs.lifted():
        return stage.get("/launch?" + urlencode({"iss": row.iss, "launch": "x"}))


def private_address_under_an_open_chart(stage: Stage) -> Page:
    page = opened(stage.browser)
    EhrRegistration.objects.filter(slug=R4).update(iss="https://10.0.0.1/fhir")
    Launch.objects.update(iss="https://10.0.0.1/fhir")
    with stage.ehrs.lifted():
        return stage.get(page.url)


def nowhere(suffix: str) -> Callable[[Stage], None]:
    return lambda stage: stage.change_wire(suffix)


def two_at_one_issuer(stage: Stage) -> Page:
    EhrRegistration.objects.create(site_id=1, slug="twin", name="Twin", iss=iss_of(R4), client_id="other")
    return stage.get(launch_url())


def at_another_slug(stage: Stage) -> Page:
    return stage.get("/launch/smart-r4?" + urlencode({"iss": iss_of(DSTU2), "launch": "x"}))


def callback_of_another_slug(stage: Stage) -> Page:
    return stage.get(to_callback(stage.browser).replace(f"/callback/{R4}", f"/callback/{DSTU2}"))


def used_twice(stage: Stage) -> Page:
    callback = to_callback(stage.browser)
    assert stage.browser.get(callback).status == 303
    Launch.objects.update(ended_at=timezone.now(), access_token="", refresh_token="")
    return stage.get(callback)


def in_another_browser(stage: Stage) -> Page:
    callback = to_callback(stage.another_browser())
    return stage.get(callback)


def chart_in_another_browser(stage: Stage) -> Page:
    page = opened(stage.another_browser())
    return stage.get(page.url)


def chart_on_another_host(stage: Stage) -> Page:
    Site.objects.create(domain=SECOND, name="Second")
    page = opened(stage.browser)
    return stage.get(page.url, Host=SECOND)


def callback_on_another_host(stage: Stage) -> Page:
    Site.objects.create(domain=SECOND, name="Second")
    return stage.get(to_callback(stage.browser), Host=SECOND)


def blocked_cookies(stage: Stage) -> Page:
    stage.browser = ForgetfulBrowser(stage.session)
    bounced = stage.browser.get(launch_url(), **{"Sec-Fetch-Dest": "iframe"})
    assert bounced.status == 302
    return stage.get(bounced.location, **{"Sec-Fetch-Dest": "iframe"})


def guessing(stage: Stage) -> Page:
    for number in range(20):
        assert stage.browser.get(f"/chart/{number:032x}/").error == "session_ended"
    return stage.get(f"/chart/{20:032x}/")


def ending(token: str | None) -> Provoke:
    """The form that ends a session, with no token, or one of another launch."""

    def provoke(stage: Stage) -> Page:
        page = opened(stage.browser)
        other = opened(stage.browser, launch_url(DSTU2)).marks("value")[0]
        stage.ehrs.forget()
        data = {"foreign": {"token": other}, "damaged": {"token": "é" * 64}}.get(token or "", {})
        return stage.browser.post(f"{page.url}end/", data)

    return provoke


def admin_form(stage: Stage) -> Page:
    stage.ehrs.forget()
    return stage.browser.post("/admin/login/", {"username": "x", "password": "y"})


def asking(method: str, url: str) -> Provoke:
    def provoke(stage: Stage) -> Page:
        stage.ehrs.forget()
        return stage.browser.ask(method, url)

    return provoke


def raising(target: str, address: Callable[[Stage], str] = lambda stage: "/") -> Provoke:
    """A view breaks in a way nobody foresaw."""

    def provoke(stage: Stage) -> Page:
        url = address(stage)

        def broken(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("an error of its own")

        stage.patch.setattr(target, broken)
        return stage.get(url)

    return provoke


def unknown_panel(stage: Stage) -> Page:
    return stage.get(f"{opened(stage.browser).url}panels/no-such-panel/")


def discovery(fault: str) -> Case:
    return Case(
        fault,
        "discovery_failed",
        launching_at(iss=iss_of(f"smart-r4~{fault}")),
        event="discovery.failed",
        asks=("metadata", "smart-configuration") if fault in UNUSABLE_DOCUMENTS else ("smart-configuration",),
    )


UNUSABLE_DOCUMENTS = (
    "discovery-404",
    "discovery-html",
    "discovery-empty",
    "discovery-redirect",
    "discovery-500",
)
# These are the EHR's own word: no other document is asked.
UNUSABLE_ENDPOINTS = (
    "discovery-array",
    "discovery-no-token-endpoint",
    "discovery-http-endpoint",
    "discovery-javascript-endpoint",
    "discovery-foreign-endpoint",
)

REJECTED = "launch.rejected"
RETURNED = "callback.rejected"
IDENTITY = ("jwks", "openid-configuration", "token")
CASES: tuple[Case, ...] = (
    Case("no iss", "launch_incomplete", visiting("/launch?launch=x"), event=REJECTED),
    Case("nothing at all", "launch_incomplete", visiting("/launch.html"), event=REJECTED),
    Case("iss twice", "launch_incomplete", visiting("/launch/?iss=a&iss=b&launch=x"), event=REJECTED),
    Case("hidden character", "launch_incomplete", visiting("/launch?iss=a%0Ab&launch=x"), event=REJECTED),
    Case(
        "standalone only",
        "launch_incomplete",
        launching_at(launch_modes=["standalone"]),
        event=REJECTED,
        reason="mode",
    ),
    Case("two at one issuer", "launch_incomplete", two_at_one_issuer, event=REJECTED, reason="several"),
    Case(
        "unregistered",
        "unknown_issuer",
        visiting("/launch?iss=https://ehr.example.org/x&launch=x"),
        event=REJECTED,
        reason="unregistered",
    ),
    Case("another registration's address", "unknown_issuer", at_another_slug, event=REJECTED),
    Case("off at launch", "registration_disabled", launching_at(enabled=False), event=REJECTED, reason="disabled"),
    Case("off meanwhile", "registration_disabled", callback_after(switch_off), event=RETURNED, reason="disabled"),
    *(discovery(fault) for fault in UNUSABLE_DOCUMENTS + UNUSABLE_ENDPOINTS),
    Case(
        "at discovery",
        "ehr_unreachable",
        launching_at(iss="https://nowhere.example.org/fhir"),
        event="discovery.failed",
        asks=("metadata", "smart-configuration"),
    ),
    Case("at the sign-in", "ehr_unreachable", callback_after(nowhere("/token")), event="token.failed", asks=("token",)),
    Case(
        "at the patient",
        "ehr_unreachable",
        chart_after(nowhere("/Patient/54520")),
        event="fhir.failed",
        asks=("54520",),
    ),
    Case("at launch", "ehr_address_forbidden", private_address, event="egress.blocked", reason="address"),
    Case("at the chart", "ehr_address_forbidden", private_address_under_an_open_chart, event="egress.blocked"),
    Case("denied", "access_denied", at_callback("access-denied"), event=RETURNED, reason="access_denied"),
    *(
        Case(fault, "authorization_failed", at_callback(fault), event=RETURNED)
        for fault in ("invalid-scope", "server-error", "unknown-error", "code-and-error", "double-code")
    ),
    Case("no state", "state_unknown", at_callback("no-state"), event=RETURNED),
    Case("unknown state", "state_unknown", visiting("/callback?state=never-was&code=x"), event=RETURNED),
    Case("expired state", "state_unknown", callback_after(slow_sign_in), event=RETURNED, reason="state_expired"),
    Case("used state", "state_unknown", used_twice, event=RETURNED, reason="state_used"),
    Case("another site's state", "state_unknown", callback_on_another_host, event=RETURNED, reason="site"),
    Case("another browser's state", "state_foreign", in_another_browser, event=RETURNED, reason="browser_mismatch"),
    Case("wrong issuer", "issuer_mismatch", at_callback("wrong-iss"), event=RETURNED),
    Case("promised issuer missing", "issuer_mismatch", at_callback("missing-iss"), event=RETURNED),
    Case(
        "another registration's callback",
        "issuer_mismatch",
        callback_of_another_slug,
        event=RETURNED,
        reason="registration_mismatch",
    ),
    *(
        Case(fault, "client_rejected", at_callback(fault), event="token.failed", asks=("token",))
        for fault in ("invalid-client", "unauthorized-client")
    ),
    Case("invalid-grant", "code_rejected", at_callback("invalid-grant"), event="token.failed", asks=("token",)),
    *(
        Case(fault, "token_unreadable", at_callback(fault), event="token.failed", asks=("token",))
        for fault in (
            "token-500-html",
            "token-200-html",
            "token-204",
            "token-empty",
            "token-redirect",
            "token-array",
            "no-access-token",
            "token-type-mac",
            "bad-patient-id",
            "patient-number",
        )
    ),
    *(
        Case(fault, "identity_invalid", at_callback(fault), event="idtoken.rejected", asks=asks)
        for fault, asks in (
            ("id-alg-none", IDENTITY),
            ("id-bad-signature", IDENTITY),
            ("id-wrong-iss", IDENTITY),
            ("id-wrong-nonce", IDENTITY),
            ("id-expired", IDENTITY),
        )
    ),
    Case("no patient", "no_patient", at_callback("no-patient"), event="token.failed", asks=IDENTITY),
    *(
        Case(fault, "patient_mismatch", at_chart(fault), event="fhir.failed", asks=("54520",))
        for fault in ("patient-other", "patient-practitioner", "patient-two-bundle")
    ),
    *(
        Case(fault, "patient_unavailable", at_chart(fault), event="fhir.failed", asks=("54520",))
        for fault in ("patient-403", "patient-404", "patient-410", "patient-500", "patient-html", "patient-outcome")
    ),
    Case("idle", "session_ended", chart_after(idle), event="session.denied", reason="idle"),
    Case("twelve hours", "session_ended", chart_after(long_ago), event="session.denied", reason="absolute-limit"),
    Case("token over", "session_ended", chart_after(token_over), event="session.denied", reason="token-expired"),
    Case(
        "registration off",
        "session_ended",
        chart_after(switch_off),
        event="session.denied",
        reason="registration-disabled",
    ),
    Case("ended", "session_ended", chart_after(end_it), event="session.denied", reason="signed-out"),
    Case(
        "token refused",
        "session_ended",
        at_chart("patient-401"),
        event="session.denied",
        asks=("54520", "54520", "token"),
    ),
    Case("another browser", "session_ended", chart_in_another_browser, event="session.denied", reason="not_owner"),
    Case("another host", "session_ended", chart_on_another_host, event="session.denied", reason="not_owner"),
    Case("never was", "session_ended", visiting(f"/chart/{'0' * 32}/"), event="session.denied", reason="not_owner"),
    Case("no id", "session_ended", visiting("/chart/1"), event="session.denied", reason="not_owner"),
    *(
        Case(fault, "ehr_busy", at_callback(fault), event="token.failed", asks=("token",))
        for fault in ("token-429", "token-503")
    ),
    Case(
        "patient 429",
        "ehr_busy",
        chart_after(lambda stage: stage.change_wire("/Patient/54520", status=429)),
        event="fhir.failed",
        asks=("54520",),
    ),
    Case("no database, front page", "unavailable", without_database("/")),
    Case("no database, launch", "unavailable", without_database(launch_url())),
    Case("no database, callback", "unavailable", without_database("/callback?state=x&code=y")),
    Case("no database, chart", "unavailable", without_database()),
    Case("no database, other host", "unavailable", without_database("/", Host=SECOND)),
    Case(
        "another key at launch",
        "unavailable",
        launch_after(change_key),
        event="dependency.down",
        reason="keys",
    ),
    Case("another key at the callback", "unavailable", callback_after(change_key), event="dependency.down"),
    Case("another key at the chart", "unavailable", chart_after(change_key), event="dependency.down"),
    Case("unreadable keys", "unavailable", chart_after(break_key), event="dependency.down"),
    Case(
        "damaged secret",
        "unavailable",
        launch_after(damage_stored_secret),
        event="dependency.down",
    ),
    Case(
        "secret from nowhere",
        "unavailable",
        launching_at(secret_from="env:SMARTPORTAL_TEST_NO_SUCH_VARIABLE"),
        event="dependency.down",
        reason="secret_source",
    ),
    Case("in a frame", "cookies_blocked", blocked_cookies, event=REJECTED, reason="cookies"),
    Case("guessing", "too_many_requests", guessing, event="session.denied"),
    Case("without a token", "form_expired", ending(None), event="request.refused"),
    Case("another launch's token", "form_expired", ending("foreign"), event="request.refused"),
    Case("damaged token", "form_expired", ending("damaged"), event="request.refused"),
    Case("the admin's own forms", "form_expired", admin_form, event="request.refused"),
    Case("address", "not_found", visiting("/nowhere")),
    Case("posted", "not_found", asking("POST", "/nowhere")),
    Case("host", "not_found", visiting("/", Host="evil.test")),
    Case("slug", "not_found", visiting("/launch/nobody?iss=a&launch=b"), event=REJECTED, reason="slug"),
    Case("panel", "not_found", unknown_panel, event="request.refused", reason="panel"),
    Case("launch", "method_not_allowed", asking("PUT", "/launch")),
    Case("front page", "method_not_allowed", asking("DELETE", "/")),
    Case("chart", "method_not_allowed", asking("POST", f"/chart/{'0' * 32}/")),
    Case("front page", "internal", raising("launcher.views.vendors.all_presets"), event="request.refused"),
    Case("launch", "internal", raising("launcher.views.begin_launch", lambda stage: launch_url()), event=REJECTED),
    Case(
        "callback",
        "internal",
        raising("launcher.views.complete_launch", lambda stage: to_callback(stage.browser)),
        event=RETURNED,
    ),
    Case(
        "chart",
        "internal",
        raising("patients.chart.parse_patient", lambda stage: stage.to_chart()),
        event="fhir.failed",
        asks=("54520",),
    ),
)


def staff_session() -> Morsel[str]:
    user = get_user_model().objects.create_user("an-administrator", is_staff=True)
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    ehrs: Bridge,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    time_machine: TimeMachineFixture,
) -> Stage:
    viewer = getattr(request, "param", PROVIDER)
    time_machine.move_to(START)
    settings.DEBUG = viewer == DEBUGGING
    session = staff_session() if viewer == STAFF else None
    return Stage(ehrs, StrictBrowser(session), session, monkeypatch, settings, time_machine)


def faceless(html: str) -> str:
    """A page without the reference and the time, which differ on each."""
    return re.sub(r"\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d", "TIME", re.sub(r"\b[2-9A-HJ-NP-Z]{6}\b", "REFERENCE", html))


def expected_page(page: Page, code: ErrorCode) -> str:
    """What a provider must see and nothing more: our own words, and for one code the button that leads out."""
    button = page.marks("href")[-1] if code == "cookies_blocked" else ""
    values = {
        "code": code,
        "reference": page.reference,
        "explanation": explain(code),
        "retry_address": unescape(button),
        "now": timezone.now(),
    }
    return faceless(render_to_string("launcher/error.html", values))


OUR_OWN_TROUBLE = {"unavailable", "form_expired", "not_found", "method_not_allowed", "internal"}


def seen_by_all(cases: tuple[Case, ...]) -> Iterator[Any]:
    """Each case as a provider sees it; the first of each code, and all of our own trouble, as others do too."""
    codes: set[str] = set()
    for case in cases:
        viewers = VIEWERS if case.code not in codes or case.code in OUR_OWN_TROUBLE else (PROVIDER,)
        codes.add(case.code)
        for viewer in viewers:
            yield pytest.param(case, viewer, id=f"{case.code}: {case.name}, {viewer}")


@pytest.mark.parametrize(("case", "stage"), list(seen_by_all(CASES)), indirect=["stage"])
def test_a_code_has_its_status_page_and_event_and_then_nothing_happens(case: Case, stage: Stage) -> None:
    page = case.provoke(stage)
    assert (page.error, page.status) == (case.code, CONTRACT[case.code]), page.text[:600]
    assert REFERENCE.fullmatch(page.reference)
    assert page.response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in page.response.headers["Content-Security-Policy"]
    assert not page.patient
    assert not page.marks("data-record")
    assert sorted(seen.path.rsplit("/", 1)[-1] for seen in stage.ehrs.seen) == list(case.asks)
    if stage.session is None:
        assert faceless(page.text) == expected_page(page, case.code)
    else:
        # Nobody is asked who is looking when the database may be the trouble, nor on a host that is not ours.
        shown = case.code != "unavailable" and case.name != "host"
        assert (escape(str(explain(case.code).administrator)) in page.text) == shown
        assert not WORDS_OF_OTHERS.search(page.text)
    events = {row.event: row for row in AuditEvent.objects.filter(reference=page.reference)}
    assert (case.event in events) == bool(case.event), events
    if not case.event:
        assert not events
        return
    row = events[case.event]
    assert (row.code, row.outcome) == (case.code, "failure" if page.status >= 500 else "refused")
    assert row.reason == case.reason if case.reason else row.reason
    assert not WORDS_OF_OTHERS.search(f"{row.reason} {row.detail}")


def test_the_table_covers_every_code() -> None:
    assert {case.code for case in CASES} == set(ERROR_CODES) == set(CONTRACT)
    names = [(case.code, case.name) for case in CASES]
    assert len(names) == len(set(names))


def test_codes_and_explanations_are_one_to_one_with_the_contracts_statuses() -> None:
    assert len(ERROR_CODES) == len(set(ERROR_CODES))
    assert list(EXPLANATIONS) == list(ERROR_CODES)
    assert {code: explain(code).status for code in ERROR_CODES} == CONTRACT


@pytest.mark.parametrize("code", ERROR_CODES)
def test_a_provider_reads_no_protocol_words_and_an_administrator_reads_a_cause(code: ErrorCode) -> None:
    found = explain(code)
    for words in (found.title, found.sentence, found.what_to_do):
        assert str(words).strip()
        assert not PROTOCOL_WORDS.search(str(words)), words
    assert str(found.administrator).strip()
    assert str(found.administrator) not in {str(found.sentence), str(found.what_to_do)}


def test_somebody_signed_in_without_being_staff_is_a_provider(stage: Stage) -> None:
    for number, user in enumerate(
        (
            get_user_model().objects.create_user("an-ordinary-user"),
            get_user_model().objects.create_user("a-former-administrator", is_staff=True),
        )
    ):
        client = Client()
        client.force_login(user)
        get_user_model().objects.filter(pk=user.pk).update(is_active=number == 0)
        page = StrictBrowser(client.cookies["sessionid"]).get("/launch")
        assert faceless(page.text) == expected_page(page, "launch_incomplete")


def test_somebody_the_ehr_identified_is_a_provider_even_as_staff_elsewhere(stage: Stage) -> None:
    """A launch signs nobody in to the admin: the person's rights there show nothing here."""
    opened(stage.browser)
    get_user_model().objects.filter(smart_person__in=Person.objects.all()).update(is_staff=True, is_superuser=True)
    page = stage.get("/launch")
    assert faceless(page.text) == expected_page(page, "launch_incomplete")


@pytest.mark.parametrize("stage", [STAFF], indirect=True)
def test_the_administrators_line_names_the_addresses_of_registrations_with_one_issuer(stage: Stage) -> None:
    page = two_at_one_issuer(stage)
    assert "/launch/smart-r4" in page.text
    assert "/launch/twin" in page.text
    assert "/launch/twin" not in Browser().get(launch_url()).text


def test_every_page_has_a_reference_of_its_own(stage: Stage) -> None:
    references = [stage.get("/launch").reference for _ in range(20)]
    assert len(set(references)) == 20
    assert AuditEvent.objects.filter(reference__in=references).count() == 20


@pytest.mark.parametrize(
    "provoke", [at_callback("token-429"), at_callback("token-503"), without_database("/"), guessing]
)
def test_whoever_is_to_wait_is_told_how_long(provoke: Provoke, stage: Stage) -> None:
    assert int(provoke(stage).response.headers["Retry-After"]) > 0


# --- Cookies in a frame ---------------------------------------------------------------------------------------------
FRAMED = {"Sec-Fetch-Dest": "iframe"}


@pytest.mark.parametrize("path", ["/launch", "/launch.html", "/launch/smart-r4"])
def test_a_frame_without_cookies_is_bounced_once_and_its_button_starts_the_same_launch(path: str, stage: Stage) -> None:
    asked = {"iss": iss_of(R4), "launch": "54520"}
    browser = ForgetfulBrowser()
    page = browser.visit(f"{path}?{urlencode(asked)}", **FRAMED)
    assert page.error == "cookies_blocked"
    assert len(page.history) == 2
    assert all(urlsplit(url).path == path for url in page.history)
    assert stage.ehrs.seen == []
    link = re.search(r'<a class="btn primary" href="([^"]+)" target="_blank" rel="noopener">', page.text)
    assert link
    address = unescape(link.group(1))
    assert urlsplit(address).path == path
    assert parse_qs(urlsplit(address).query) == {name: [value] for name, value in asked.items()}
    fresh = stage.browser.get(address)
    assert fresh.status == 302
    assert (fresh.query["aud"], fresh.query["launch"]) == ([asked["iss"]], [asked["launch"]])


def test_a_frame_that_keeps_the_cookie_goes_on_after_one_bounce(stage: Stage) -> None:
    page = stage.browser.visit(launch_url(), **FRAMED)
    assert page.patient == "54520"
    bounces = [url for url in page.history if urlsplit(url).path == "/launch"]
    assert len(bounces) == 2
    again = stage.browser.visit(launch_url(), **FRAMED)
    assert len([url for url in again.history if urlsplit(url).path == "/launch"]) == 1


def test_outside_a_frame_there_is_no_bounce(stage: Stage) -> None:
    page = stage.get(launch_url())
    assert page.status == 302
    assert urlsplit(page.location).path.endswith("/authorize")


def test_the_page_in_the_frame_may_be_framed_by_that_ehr_alone(stage: Stage) -> None:
    page = blocked_cookies(stage)
    assert "frame-ancestors https://testserver" in page.response.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in page.response.headers
    unknown = stage.get("/launch?iss=https://ehr.example.org/x&launch=x")
    assert "frame-ancestors 'none'" in unknown.response.headers["Content-Security-Policy"]


# --- Methods --------------------------------------------------------------------------------------------------------
def addresses() -> list[str]:
    """Every address of the launcher and the chart, with samples for what varies."""
    patterns = [*launcher_urls.urlpatterns, *patients_urls.urlpatterns]
    samples = {"<slug:slug>": R4, "<str:launch_id>": "0" * 32, "<str:panel>": "conditions"}
    found = []
    for pattern in patterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for variable, sample in samples.items():
            route = route.replace(variable, sample)
        found.append("/" + re.sub(r"<[^>]*>", "1", route))
    return found


@pytest.mark.parametrize("address", addresses())
def test_an_address_takes_its_own_methods_and_names_them(address: str, stage: Stage) -> None:
    allowed = {each.strip() for each in stage.browser.ask("PUT", address).response.headers["Allow"].split(",")}
    assert allowed <= {"GET", "HEAD", "POST"}
    assert allowed
    stage.ehrs.forget()
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} - allowed:
        page = stage.browser.ask(method, address)
        assert page.status == 405, method
        assert page.response.headers["Allow"] == ", ".join(sorted(allowed))
        if method != "HEAD":
            assert page.error == "method_not_allowed"
            assert faceless(page.text) == expected_page(page, "method_not_allowed")
        assert not page.response.cookies
    assert stage.ehrs.seen == []
    assert not AuditEvent.objects.exists()
