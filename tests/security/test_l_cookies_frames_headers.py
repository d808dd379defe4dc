"""Cases 133 to 135, 137 and 138: cookies, frames, headers and forms, by number.

The contract (section 8, rulings 6 to 8) wins over the cases: cookies are always fit for a frame, since an EHR may embed
any launch; error pages of a known registration may be framed by it; forms carry an HMAC of the launch's secret.
"""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client

from launcher.models import AuditEvent, EhrRegistration, Launch
from tests.browser import ORIGIN, Browser, Page
from tests.loopback import Bridge
from tests.patients.fakes import patient
from tests.security.fhir_answers import answering_with, bundle, chart_at, unwatched
from tests.security.playing import answer
from tests.security.steps import DSTU2, R4, iss_of, launch_url, opened, refused, registration

pytestmark = pytest.mark.django_db
FRAMED = {"Sec-Fetch-Dest": "iframe"}
A, B = "https://desktop.ehr-a.example", "https://desktop.ehr-b.example"


def written(page: Page) -> list[tuple[str, dict[str, str]]]:
    """Each Set-Cookie of an answer: the cookie's name, and its attributes in lower case."""
    found = []
    for morsel in page.response.cookies.values():
        pair, *attributes = morsel.OutputString().split(";")
        named = dict(each.strip().partition("=")[::2] for each in attributes)
        found.append((pair.partition("=")[0], {name.lower(): value for name, value in named.items()}))
    return found


@pytest.mark.parametrize("ehr", [R4, DSTU2])
@pytest.mark.parametrize("headers", [{}, FRAMED], ids=["top level", "embedded"])
def test_case_133_every_cookie_is_bound_to_us_and_works_in_a_frame(
    headers: dict[str, str], ehr: str, ehrs: Bridge, browser: Browser
) -> None:
    page = browser.visit(launch_url(ehr), **headers)
    assert page.patient == "54520"
    (token,) = re.findall(r'name="token" value="([0-9a-f]{64})"', page.text)
    browser.post(f"{page.url}end/", {"token": token}, **headers)
    seen = [(urlsplit(each.url).path, *cookie) for each in Browser.everything for cookie in written(each)]
    ours = [each for each in seen if not each[0].startswith("/sandbox/")]
    assert {name for _, name, _ in ours} >= {"__Host-sp-browser", "__Secure-sp-launch"}
    for path, name, attributes in ours:
        assert {"secure", "httponly", "partitioned"} <= set(attributes), (path, name)
        assert attributes["samesite"] == "None"
        assert "domain" not in attributes
        if name.startswith("__Host-"):
            assert attributes["path"] == "/"
        else:
            # The cookie of one chart goes to that chart alone, which the prefix for hosts would not allow.
            assert name == "__Secure-sp-launch"
            assert re.fullmatch(r"/chart/[0-9a-f]{32}", attributes["path"])


def test_case_133_the_admins_cookies_never_leave_the_site(db: None, settings: Any) -> None:
    assert settings.SESSION_COOKIE_SAMESITE == settings.CSRF_COOKIE_SAMESITE == "Lax"
    page = unwatched(Browser(), "/admin/login/")
    for name, attributes in written(page):
        assert {"secure", "httponly"} <= set(attributes), name
        assert attributes["samesite"] == "Lax"
        assert "domain" not in attributes
    assert written(page)


class Cookieless(Browser):
    """A browser that keeps no cookie in a frame."""

    def _keep(self, morsel: Any) -> None:
        return


@pytest.mark.parametrize("ehr", [R4, DSTU2])
def test_case_134_without_cookies_the_frame_offers_a_new_window_that_completes_the_launch(
    ehr: str, ehrs: Bridge
) -> None:
    frame = Cookieless(**FRAMED)
    page = frame.visit(launch_url(ehr))
    assert (page.status, page.error) == (200, "cookies_blocked")
    assert len(page.history) == 2, "one bounce"
    assert ehrs.seen == [], "the launch is not spent"
    assert not Launch.objects.exists()
    (link,) = re.findall(r'<a [^>]*target="_blank"[^>]*>', page.text)
    assert 'rel="noopener"' in link
    assert "Open in a new window" in page.text
    address = html.unescape(re.search(r'href="([^"]+)"', link).group(1))  # type: ignore[union-attr]
    assert parse_qs(urlsplit(address).query) == {"iss": [iss_of(ehr)], "launch": ["54520"]}
    window = Browser()
    assert opened(window, address).patient == "54520"
    again = frame.visit(launch_url(ehr))
    assert (again.error, len(again.history)) == ("cookies_blocked", 2), "never a loop"


def test_case_134_where_cookies_are_lost_later_the_launch_is_refused_and_nothing_goes_round(
    ehrs: Bridge, browser: Browser
) -> None:
    callback = browser.visit(launch_url(), until="/callback", **FRAMED).location
    lost = Cookieless(**FRAMED)
    page = lost.visit(callback)
    refused(page, status=400, code="state_foreign", event="callback.rejected")
    assert len(page.history) == 1


# The first of the two promises to name itself at the callback.
REFUSED = {R4: 400, DSTU2: 403}


def read(browser: Browser, address: str) -> Page:
    """The page, its stream read to the end before anything else happens."""
    page = browser.get(address)
    assert page.text is not None
    return page


def ancestors(page: Page) -> list[str]:
    policy = page.response.headers["Content-Security-Policy"]
    (found,) = re.findall(r"frame-ancestors ([^;]+)", policy)
    return str(found).split()


def test_case_135_each_ehr_may_frame_its_own_pages_and_nobody_the_others(ehrs: Bridge, browser: Browser) -> None:
    for ehr, origin in ((R4, A), (DSTU2, B)):
        EhrRegistration.objects.filter(slug=ehr).update(frame_ancestors=[origin])
    for ehr, origin in ((R4, A), (DSTU2, B)):
        chart = opened(browser, launch_url(ehr))
        for part in ("", "print/", "panels/conditions/", "panels/conditions/?fragment=1", "panels/nothing/"):
            page = read(browser, chart.url + part)
            assert ancestors(page) == [origin]
            assert "X-Frame-Options" not in page.response.headers
        redirect = browser.get(launch_url(ehr))
        failed = browser.get(f"/callback?error=access_denied&state={redirect.query['state'][0]}")
        assert (failed.status, ancestors(failed)) == (REFUSED[ehr], [origin])
        assert ancestors(Cookieless(**FRAMED).visit(launch_url(ehr))) == [origin], "what must show in its frame"


def test_case_135_pages_of_no_registration_are_framed_by_nobody(ehrs: Bridge, browser: Browser) -> None:
    for address in ("/", "/launch", "/callback", "/callback?state=x&code=y", "/nowhere", f"/chart/{'0' * 32}/"):
        page = browser.get(address)
        assert ancestors(page) == ["'none'"], address
        assert page.response.headers["X-Frame-Options"] == "DENY"
    for address in ("/admin/login/", "/admin/"):
        page = unwatched(browser, address)
        assert ancestors(page) == ["'none'"], address
        assert page.response.headers["X-Frame-Options"] == "DENY"


def test_case_135_a_registration_that_names_no_origin_is_framed_by_nobody(ehrs: Bridge, browser: Browser) -> None:
    EhrRegistration.objects.update(frame_ancestors=[])
    page = opened(browser)
    assert ancestors(page) == ["'none'"]
    assert page.response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "https:", "https://*", "https://*.com", "https://*.co.uk", "https://*.ehr.example", "null", "'self'"),
        *(
            "http:",
            "data:",
            "//ehr.example",
            "ehr.example",
            "https://ehr.example/path",
            "https://ehr.example; img-src *",
        ),
        *(
            "https://ehr.example https://evil.example",
            "https://ehr.example,https://evil.example",
            "https://ehr.example\n*",
        ),
    ],
)
def test_case_135_the_form_refuses_everything_but_single_origins(origin: str, ehrs: Bridge) -> None:
    row = registration()
    row.frame_ancestors = [origin]
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert "frame_ancestors" in caught.value.message_dict
    row.frame_ancestors = [A]
    row.full_clean()


POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-src": "'none'",
}
YEAR = 365 * 24 * 3600


def guarded(page: Page) -> None:
    """The headers of every answer, an error's too."""
    headers = page.response.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert {name: policy.get(name) for name in POLICY} == POLICY, page.url
    assert set(policy["form-action"].split()) <= {"'self'"}, page.url
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    seconds = re.search(r"max-age=(\d+)", headers["Strict-Transport-Security"])
    assert seconds
    assert int(seconds.group(1)) >= YEAR
    assert "Server" not in headers
    assert "X-Powered-By" not in headers


def test_case_137_every_answer_has_its_headers_and_every_page_asks_us_alone(ehrs: Bridge, browser: Browser) -> None:
    chart = opened(browser)
    own = ["", "print/", "panels/labs/", "panels/labs/?fragment=1", "panels/none/", "end/"]
    for address in ("/", "/launch", "/callback?state=x&code=y", "/nowhere", *(chart.url + part for part in own)):
        read(browser, address)
    for page in Browser.everything:
        if not urlsplit(page.url).path.startswith("/sandbox/"):
            guarded(page)
            loaded = re.findall(r'<(?:script|link|img|iframe|form)[^>]*(?:src|href|action)="([^"]*)"', page.text)
            assert all(urlsplit(each)[:2] in {("", ""), ("https", "testserver")} for each in loaded), loaded
            assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text), page.url
    for address in ("/admin/login/", "/livez", "/readyz", "/.well-known/jwks.json"):
        headers = unwatched(browser, address).response.headers
        assert headers["X-Content-Type-Options"] == "nosniff", address
        assert "max-age=" in headers["Strict-Transport-Security"], address


def test_case_137_static_files_are_covered_as_well(db: None) -> None:
    assert django_settings.SECURE_HSTS_SECONDS >= YEAR
    found = Client().get("/static/smartportal/app.css", secure=True)
    # As Django's own test client does: else the end of a request closes the connection that is rolled back here.
    request_finished.disconnect(close_old_connections)
    try:
        found.close()
    finally:
        request_finished.connect(close_old_connections)
    assert found.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture
def chart(ehrs: Bridge, browser: Browser) -> Page:
    return opened(browser)


def token_of(page: Page) -> str:
    (token, *_) = re.findall(r'name="token" value="([0-9a-f]{64})"', page.text)
    return str(token)


def test_case_138_a_session_is_ended_by_its_own_form_alone(ehrs: Bridge, browser: Browser, chart: Page) -> None:
    other = opened(Browser(), launch_url(DSTU2, "54531"))
    address = f"{chart.url}end/"
    for method in (browser.get(address), browser.get(f"{address}?token={token_of(chart)}")):
        refused_quietly(method, "method_not_allowed", 405)
        assert method.response.headers["Allow"] == "POST"
    for forged in ({}, {"token": ""}, {"token": token_of(other)}, {"token": "0" * 64}, {"token": "\udc00é"}):
        page = browser.post(address, {name: value.encode("utf-8", "replace") for name, value in forged.items()})
        refused(page, status=403, code="form_expired", event="request.refused")
    for page in (
        browser.post(address, Origin="https://evil.example", Referer="https://evil.example/"),
        browser.post(f"{address}?token={token_of(chart)}"),
        Browser().post(address, {"token": token_of(chart)}),
    ):
        assert page.status == 403
    assert Launch.objects.get(pk=urlsplit(chart.url).path.split("/")[2]).ended_at is None
    assert browser.get(chart.url).patient == "54520", "nothing has changed"
    assert not AuditEvent.objects.filter(event="session.ended").exists()


def refused_quietly(page: Page, code: str, status: int) -> None:
    assert (page.status, page.error) == (status, code)


def test_case_138_inside_the_frame_the_form_works(ehrs: Bridge, browser: Browser) -> None:
    page = browser.visit(launch_url(), **FRAMED)
    framed = {**FRAMED, "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    end = browser.post(f"{page.url}end/", {"token": token_of(page)}, **framed)
    assert end.status == 200
    assert browser.get(page.url).error == "session_ended"
    assert AuditEvent.objects.filter(event="session.ended").count() == 1


def test_case_138_choosing_a_patient_takes_the_forms_token(db: None) -> None:
    chart = chart_at("https://ehr.example.org/fhir", patient="")
    with answering_with({"/Patient": answer(200, bundle(patient()))}):
        page = chart.browser.get(f"{chart.address}patient/?name=Smith")
    assert page.status == 200
    for data in ({"patient": "54531"}, {"patient": "54531", "token": "0" * 64}):
        refusal = chart.browser.post(f"{chart.address}patient/", data)
        refused(refusal, status=403, code="form_expired", event="request.refused")
    assert chart.browser.get(f"{chart.address}patient/?patient=54531").status == 200
    assert Launch.objects.get().patient == ""
    assert chart.browser.post(f"{chart.address}patient/", {"patient": "54520", "token": token_of(page)}).status == 303
    assert Launch.objects.get().patient == "54520"


@pytest.mark.parametrize("part", ["", "print/", "panels/conditions/", "documents/x/"])
def test_case_138_reading_again_is_a_get_and_nothing_else(
    part: str, ehrs: Bridge, browser: Browser, chart: Page
) -> None:
    ehrs.forget()
    page = browser.post(chart.url + part, {"token": token_of(chart)})
    refused_quietly(page, "method_not_allowed", 405)
    assert ehrs.seen == []
