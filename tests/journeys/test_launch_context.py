"""What comes with the token besides the patient: style, banner, intent, fhirContext, encounter, tenant, end to end."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.core.cache import cache
from django.test import Client

from launcher import styles
from launcher.models import AuditEvent, EhrRegistration, Launch, StyleSheet
from launcher.smart import http
from tests.browser import ORIGIN, Browser, Page
from tests.loopback import Bridge, _response

pytestmark = pytest.mark.django_db

R4 = "smart-r4"
ISS = f"{ORIGIN}/sandbox/{R4}/fhir"
STYLE_URL = f"{ORIGIN}/sandbox/{R4}/look/v1.json"
LOOK = {"color_background": "#eceae0", "color_text": "#2b2b2b", "font_family_body": "Verdana", "dim_font_size": "14px"}
FRAMED = {"Sec-Fetch-Dest": "iframe"}
SHEETS = "/admin/launcher/stylesheet/"
Body = bytes | Exception


@dataclass
class Ehr:
    """The simulated EHR with words of our own in its token responses, and documents of our own at some addresses."""

    bridge: Bridge
    context: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, tuple[int, Body]] = field(default_factory=dict)
    asked: list[tuple[requests.PreparedRequest, float]] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        url = request.url or ""
        if url in self.documents:
            self.asked.append((request, call.deadline.remaining))
            status, body = self.documents[url]
            if isinstance(body, Exception):
                raise body
            return _response(request, status, {"Location": STYLE_URL} if status == 302 else {}, body)
        response = self.bridge(request, call)
        if urlsplit(url).path.endswith("/token"):
            said = {**response.json(), **self.context}
            body = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
            return _response(request, response.status_code, {"Content-Type": "application/json"}, body)
        return response

    def styled(self, look: object = LOOK, *, url: str = STYLE_URL, status: int = 200) -> None:
        body = look if isinstance(look, bytes | Exception) else json.dumps(look).encode()
        self.documents[url] = (status, body)
        self.context["smart_style_url"] = url


@pytest.fixture
def ehr(ehrs: Bridge) -> Iterator[Ehr]:
    wire = Ehr(ehrs)
    before = http.set_transport(wire)
    try:
        yield wire
    finally:
        http.set_transport(before)


@pytest.fixture
def row(ehr: Ehr) -> EhrRegistration:
    return EhrRegistration.objects.get(slug=R4)


def policy(row: EhrRegistration, name: str) -> None:
    row.style_policy = name
    row.save()


def launch(browser: Browser | None = None, **headers: str) -> Page:
    page = (browser or Browser()).visit(f"/launch?{urlencode({'iss': ISS, 'launch': '54520'})}", **headers)
    assert page.status == 200, page.error
    assert page.patient == "54520"
    return page


def sheets_of(page: Page) -> list[str]:
    return re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)


def ehr_sheet(page: Page) -> str:
    """The address of the EHR's own style sheet, "" when the page uses none."""
    return next((address for address in sheets_of(page) if urlsplit(address).path.startswith("/style/")), "")


def administrator(**values: Any) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("superuser", **values))
    return client


def act(client: Client, action: str, *sheets: StyleSheet) -> str:
    data = {"action": action, "_selected_action": [sheet.pk for sheet in sheets]}
    return client.post(SHEETS, data, secure=True, follow=True).content.decode()


# --- smart_style_url ------------------------------------------------------------------------------------------------
def test_an_ehr_whose_looks_are_always_welcome_gives_the_chart_its_look(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled()
    browser = Browser()
    page = launch(browser)
    ours, theirs = sheets_of(page)
    assert "app" in ours, "the EHR's look comes after our own"
    sheet = Browser().get(theirs)
    assert sheet.status == 200
    assert sheet.response["Content-Type"] == "text/css; charset=utf-8"
    assert sheet.response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert sheet.response["X-Content-Type-Options"] == "nosniff"
    assert not sheet.response.cookies
    assert "Cookie" not in sheet.response.get("Vary", "")
    assert "--ehr-background: #eceae0;" in sheet.text
    assert theirs == f"/style/{hashlib.sha256(sheet.text.encode()).hexdigest()}.css"
    assert "style-src 'self';" in page.response["Content-Security-Policy"]
    panel = browser.get(f"{urlsplit(page.url).path}panels/conditions/")
    assert ehr_sheet(panel) == theirs


def test_the_look_is_asked_for_once_without_a_token_and_with_three_seconds(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled()
    first, second = launch(), launch()
    ((request, seconds),) = ehr.asked
    assert "Authorization" not in request.headers
    assert "Cookie" not in request.headers
    assert seconds <= 3
    assert ehr_sheet(first) == ehr_sheet(second) != ""


def test_another_address_is_another_version(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled()
    first = launch()
    ehr.styled({**LOOK, "dim_font_size": "16px"}, url=STYLE_URL.replace("v1", "v2"))
    assert ehr_sheet(first) != ehr_sheet(launch()) != ""
    assert StyleSheet.objects.count() == 2


def test_without_approval_a_new_look_is_kept_and_not_used(ehr: Ehr, row: EhrRegistration) -> None:
    ehr.styled()
    assert row.style_policy == "ask"
    assert ehr_sheet(launch()) == ""
    sheet = StyleSheet.objects.get()
    assert Launch.objects.get().style == sheet
    assert Browser().get(f"/style/{sheet.sha256}.css").error == "not_found"


def test_an_administrator_approves_a_look_and_takes_that_back(ehr: Ehr, row: EhrRegistration) -> None:
    ehr.styled()
    browser = Browser()
    chart = urlsplit(launch(browser).url).path
    sheet = StyleSheet.objects.get()
    client = administrator()
    assert "Waits for approval" in client.get(SHEETS, secure=True).content.decode()

    act(client, "approve_selected", sheet)
    assert "Used: approved" in client.get(SHEETS, secure=True).content.decode()
    address = ehr_sheet(browser.get(chart))
    assert Browser().get(address).status == 200

    act(client, "withdraw_selected", sheet)
    assert ehr_sheet(browser.get(chart)) == ""
    assert Browser().get(address).error == "not_found"
    found = AuditEvent.objects.filter(event__startswith="style.").order_by("id")
    assert [(event.event, event.actor, event.registration) for event in found] == [
        ("style.approved", "staff superuser", R4),
        ("style.withdrawn", "staff superuser", R4),
    ]
    assert found[0].detail == {"style": sheet.sha256}


def test_approving_twice_is_one_event(ehr: Ehr, row: EhrRegistration) -> None:
    ehr.styled()
    launch()
    client = administrator()
    act(client, "approve_selected", *StyleSheet.objects.all())
    act(client, "approve_selected", *StyleSheet.objects.all())
    assert AuditEvent.objects.filter(event="style.approved").count() == 1


def test_an_administrator_sees_what_a_look_would_change_and_what_was_refused(ehr: Ehr, row: EhrRegistration) -> None:
    ehr.styled({**LOOK, "color_error": "#9e2d2d", "font_family_heading": "url(x)"})
    launch()
    page = administrator().get(f"{SHEETS}{StyleSheet.objects.get().pk}/change/", secure=True).content.decode()
    assert "--ehr-background: #eceae0;" in page
    assert "color_error, font_family_heading" in page
    assert STYLE_URL in page
    assert "url(x)" not in page


def test_who_may_only_look_cannot_approve(ehr: Ehr, row: EhrRegistration) -> None:
    ehr.styled()
    launch()
    user = get_user_model().objects.create_user("reader", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_stylesheet"))
    client = Client()
    client.force_login(user)
    assert "Waits for approval" in client.get(SHEETS, secure=True).content.decode()
    act(client, "approve_selected", *StyleSheet.objects.all())
    assert StyleSheet.objects.get().approved_at is None


def test_looks_of_another_site_are_neither_listed_nor_served(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled()
    address = ehr_sheet(launch())
    Site.objects.create(domain="second.test", name="Second")
    there = administrator()
    assert STYLE_URL not in there.get(SHEETS, secure=True, headers={"host": "second.test"}).content.decode()
    assert there.get(address, secure=True, headers={"host": "second.test"}).status_code == 404


def test_where_looks_are_not_wanted_none_is_asked_for(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "off")
    ehr.styled()
    assert ehr_sheet(launch()) == ""
    assert ehr.asked == []
    assert not StyleSheet.objects.exists()


def test_switching_looks_off_takes_them_from_open_charts(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled()
    browser = Browser()
    page = launch(browser)
    address = ehr_sheet(page)
    policy(row, "off")
    assert ehr_sheet(browser.get(page.url)) == ""
    assert Browser().get(address).error == "not_found"
    assert styles.state_of(StyleSheet.objects.get()) == "Not used: switched off"


OTHER = "https://look.example.org/v1.json"
BAD: dict[str, tuple[str, int, Body]] = {
    "a redirect": (STYLE_URL, 302, b""),
    "a page": (STYLE_URL, 200, b"<html><body>Please sign in</body></html>"),
    "a list": (STYLE_URL, 200, b"[]"),
    "nothing there": (STYLE_URL, 404, b"{}"),
    "a server in trouble": (STYLE_URL, 500, json.dumps(LOOK).encode()),
    "one byte too much": (STYLE_URL, 200, json.dumps(LOOK).encode().ljust(16 * 1024 + 1)),
    "no answer": (STYLE_URL, 200, requests.Timeout("late")),
    "no connection": (STYLE_URL, 200, requests.ConnectionError("down")),
    "another host": (OTHER, 200, json.dumps(LOOK).encode()),
    "without TLS": (STYLE_URL.replace("https", "http"), 200, json.dumps(LOOK).encode()),
    "a relative address": ("look/v1.json", 200, json.dumps(LOOK).encode()),
    "no address at all": ("javascript:alert(1)", 200, json.dumps(LOOK).encode()),
    "another's name inside": ("https://testserver@evil.example/look.json", 200, json.dumps(LOOK).encode()),
}


@pytest.mark.parametrize("case", BAD)
def test_a_look_that_cannot_be_had_does_not_hinder_the_launch(
    case: str, ehr: Ehr, row: EhrRegistration, caplog: pytest.LogCaptureFixture
) -> None:
    policy(row, "on")
    url, status, body = BAD[case]
    ehr.styled(body, url=url, status=status)
    with caplog.at_level(logging.INFO):
        page = launch()
    assert ehr_sheet(page) == ""
    assert not StyleSheet.objects.exists()
    assert url == STYLE_URL or ehr.asked == []
    (said,) = [record for record in caplog.records if record.name == "smartportal.style"]
    assert said.levelno == logging.WARNING
    assert R4 in said.getMessage()
    assert "sign in" not in said.getMessage()
    assert url not in said.getMessage()


def test_a_look_of_exactly_sixteen_kilobytes_is_read(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled(json.dumps(LOOK).encode().ljust(16 * 1024))
    assert ehr_sheet(launch())


def test_an_approved_origin_may_hold_the_look(ehr: Ehr, row: EhrRegistration) -> None:
    row.approved_origins = ["https://look.example.org"]
    policy(row, "on")
    ehr.styled(url=OTHER)
    assert ehr_sheet(launch())


def test_an_approved_origin_without_tls_holds_no_look_where_the_ehr_has_tls(ehr: Ehr, row: EhrRegistration) -> None:
    row.approved_origins = ["http://look.example.org"]
    policy(row, "on")
    ehr.styled(url=OTHER.replace("https", "http"))
    assert ehr_sheet(launch()) == ""
    assert ehr.asked == []


def test_a_look_that_fails_is_left_alone_for_a_while(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled(requests.Timeout("late"))
    launch()
    ehr.styled()
    assert ehr_sheet(launch()) == ""
    assert len(ehr.asked) == 1
    cache.clear()
    assert ehr_sheet(launch())


@pytest.mark.parametrize(
    "look",
    [
        {"color_background": "url(https://evil.example/x)"},
        {"color_text": "expression(alert(1))"},
        {"font_family_body": "Arial;} .banner {display: none"},
        {"color_text": "#cccccc"},
        {"color_background": "#000000"},
    ],
)
def test_a_hostile_or_unreadable_look_changes_nothing(look: dict[str, str], ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled(look)
    page = launch()
    assert ehr_sheet(page) == ""
    sheet = StyleSheet.objects.get()
    assert (sheet.css, sheet.refused) == ("", list(look))
    assert Browser().get(f"/style/{sheet.sha256}.css").error == "not_found"


def test_addresses_that_change_with_each_launch_do_not_fill_the_database(
    ehr: Ehr, row: EhrRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(styles, "MOST_SHEETS", 2)
    policy(row, "on")
    for number in range(4):
        ehr.styled(url=f"{STYLE_URL}?v={number}")
        launch()
    assert StyleSheet.objects.count() == 2


@pytest.mark.parametrize("path", ["/style/0.css", "/style/x.css", f"/style/{'0' * 64}.css", f"/style/{'0' * 64}.css/"])
def test_an_unknown_look_is_not_found(path: str, ehrs: Bridge) -> None:
    page = Browser().get(path)
    assert (page.status, page.error) == (404, "not_found")
    assert page.response["Cache-Control"] == "no-store"


def test_the_look_answers_with_and_without_a_slash_and_to_get_and_head_alone(ehr: Ehr, row: EhrRegistration) -> None:
    policy(row, "on")
    ehr.styled()
    address = ehr_sheet(launch())
    assert Browser().get(f"{address}/").text == Browser().get(address).text
    head = Client().head(address, secure=True)
    assert (head.status_code, head.content) == (200, b"")
    assert Browser().post(address).error == "method_not_allowed"


# --- need_patient_banner --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sent", "headers", "trusted", "classes"),
    [
        (None, FRAMED, True, ["banner"]),
        (True, FRAMED, True, ["banner"]),
        ("true", FRAMED, True, ["banner"]),
        ("perhaps", FRAMED, True, ["banner"]),
        (False, FRAMED, False, ["banner", "micro"]),
        ("false", FRAMED, False, ["banner", "micro"]),
        (False, FRAMED, True, ["banner", "micro", "by-ehr"]),
        (False, {}, True, ["banner"]),
        (False, {"Sec-Fetch-Dest": "document"}, True, ["banner"]),
    ],
)
def test_the_banner_gives_way_only_in_a_frame_whose_ehr_shows_the_patient(
    sent: object, headers: dict[str, str], trusted: bool, classes: list[str], ehr: Ehr, row: EhrRegistration
) -> None:
    row.trust_ehr_banner = trusted
    row.save()
    ehr.context["need_patient_banner"] = sent
    page = launch(**headers)
    tag, banner = re.search(
        r'<header class="([^"]+)" data-testid="patient-banner">(.*?)</header>', page.text, re.S
    ).groups()
    assert tag.split() == classes
    assert re.findall(r'data-field="([a-z]+)"', banner) == ["name", "born", "sex", "mrn"]


# --- intent ---------------------------------------------------------------------------------------------------------
OPENED_FOR = re.compile(r'Your EHR opened this app for: <a href="#([a-z-]+)" data-intent="[a-z]+">([^<]+)</a>')


@pytest.mark.parametrize(
    ("intent", "panel", "title"),
    [
        ("reconcile-medications", "medications", "Medications"),
        ("medications", "medications", "Medications"),
        ("review-problems", "conditions", "Conditions"),
        ("demographics", "demographics", "Patient details"),
    ],
)
def test_a_known_intent_leads_to_its_panel(intent: str, panel: str, title: str, ehr: Ehr) -> None:
    ehr.context["intent"] = intent
    page = launch()
    assert OPENED_FOR.findall(page.text) == [(f"panel-{panel}", title)]
    assert f'id="panel-{panel}"' in page.panel(panel)
    assert page.text.index("</header>") < page.text.index("opened this app for") < page.text.index("<main")


@pytest.mark.parametrize(
    "intent", [None, "", "play-chess", "Medications", "<script>alert(1)</script>", 7, ["medications"]]
)
def test_an_unknown_intent_changes_nothing(intent: object, ehr: Ehr) -> None:
    ehr.context["intent"] = intent
    page = launch()
    assert "opened this app for" not in page.text
    assert "alert(1)" not in page.text
    assert page.state("medications") in {"ready", "partial"}


# --- fhirContext, encounter, tenant ---------------------------------------------------------------------------------
def opened_with(page: Page) -> list[str]:
    """The lines of "Opened with", without tags."""
    found = re.search(r'<details class="opened-with">(.*?)</details>', page.text, re.S)
    if found is None:
        return []
    assert "<a" not in found[1]
    return [" ".join(re.sub("<[^>]+>", "", line).split()) for line in re.findall("<li>(.*?)</li>", found[1], re.S)]


OBJECTS = [
    {"reference": "ImagingStudy/study-1"},
    {"reference": f"{ISS}/DiagnosticReport/report-1", "role": "launch"},
    {"reference": "Encounter/visit-7", "role": "https://roles.example.org/previous-visit"},
    {"reference": "https://other.example.org/fhir/ServiceRequest/9", "type": "ServiceRequest"},
    {"canonical": "https://forms.example.org/Questionnaire/intake|2", "type": "Questionnaire", "role": "to_fill-in"},
    {"identifier": {"system": "urn:x", "value": "A-1"}, "type": "Task"},
    {"reference": "Patient/54520", "role": "https://roles.example.org/subject"},
    {"reference": "<b>bold</b>"},
]
LINES = [
    "ImagingStudy study-1",
    "DiagnosticReport report-1",
    "Encounter visit-7 (as: previous visit)",
    "ServiceRequest https://other.example.org/fhir/ServiceRequest/9",
    "Questionnaire https://forms.example.org/Questionnaire/intake|2 (as: to fill in)",
    "Task A-1 (urn:x)",
    "Patient 54520 (as: subject)",
    "&lt;b&gt;bold&lt;/b&gt;",
]


def test_what_the_ehr_had_open_is_listed_and_never_fetched(ehr: Ehr) -> None:
    ehr.context |= {"encounter": "visit-1", "fhirContext": OBJECTS}
    assert opened_with(launch()) == ["Encounter visit-1", *LINES]
    assert not [seen.path for seen in ehr.bridge.seen if re.search("study-1|report-1|visit-|intake", seen.path)]


def test_the_older_shape_is_read_as_well(ehr: Ehr) -> None:
    ehr.context |= {"encounter": None, "fhirContext": ["ImagingStudy/study-1", f"{ISS}/DiagnosticReport/report-1"]}
    assert opened_with(launch()) == LINES[:2]


@pytest.mark.parametrize(
    "context", [None, "ImagingStudy/1", {"reference": "ImagingStudy/1"}, [7, None, {}, {"role": "x"}]]
)
def test_an_unreadable_context_is_left_out(context: object, ehr: Ehr) -> None:
    ehr.context |= {"encounter": None, "fhirContext": context}
    assert opened_with(launch()) == []


@pytest.mark.parametrize(
    ("item", "logged"),
    [
        ({"reference": "Patient/someone-else", "role": "x"}, "someone-else"),
        ({"reference": f"{ISS}/Patient/someone-else/_history/3"}, "someone-else"),
        ({"reference": "https://other.example.org/fhir/Patient/54520"}, "?"),
        ({"identifier": {"system": "urn:mrn", "value": "SECRET-MRN"}, "type": "Patient"}, "?"),
        ({"reference": "Observation/SECRET-MRN", "type": "Patient"}, "?"),
    ],
)
def test_context_about_another_patient_is_not_shown_and_its_id_is_logged(
    item: dict[str, Any], logged: str, ehr: Ehr, caplog: pytest.LogCaptureFixture
) -> None:
    ehr.context |= {"encounter": None, "fhirContext": [item, "ImagingStudy/study-1"]}
    page = launch()
    assert opened_with(page) == ["ImagingStudy study-1"]
    (said,) = [record.getMessage() for record in caplog.records if "other patients" in record.getMessage()]
    assert logged in said
    assert Launch.objects.get().reference in said
    assert "SECRET-MRN" not in said + page.text


def test_a_very_long_entry_is_cut(ehr: Ehr) -> None:
    ehr.context |= {"encounter": None, "fhirContext": [{"canonical": "https://forms.example.org/" + "x" * 1500}]}
    (line,) = opened_with(launch())
    assert len(line) == 120


def test_the_tenant_is_for_support_alone(ehr: Ehr) -> None:
    ehr.context |= {"tenant": "clinic-77", "intent": "play-chess"}
    page = launch()
    assert "clinic-77" not in page.text
    address = f"/admin/launcher/launch/{Launch.objects.get().pk}/change/"
    support = administrator().get(address, secure=True).content.decode()
    assert "clinic-77" in support
    assert "play-chess" in support
    assert "54520" not in support


# --- The registration form ------------------------------------------------------------------------------------------
def test_the_form_offers_both_switches_and_keeps_what_it_is_not_told(row: EhrRegistration) -> None:
    client = administrator()
    address = f"/admin/launcher/ehrregistration/{row.pk}/change/"
    page = client.get(address, secure=True)
    form = page.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False, "")}
    assert sent["style_policy"] == "ask"
    client.post(address, {**sent, "style_policy": "off", "trust_ehr_banner": "on"}, secure=True)
    row.refresh_from_db()
    assert (row.style_policy, row.trust_ehr_banner) == ("off", True)
    del sent["style_policy"]
    # Opened anew, as a person would: a form that is older than what is saved is refused.
    sent["version"] = client.get(address, secure=True).context["adminform"].form["version"].value()
    client.post(address, sent, secure=True)
    row.refresh_from_db()
    assert (row.style_policy, row.trust_ehr_banner) == ("off", False)
