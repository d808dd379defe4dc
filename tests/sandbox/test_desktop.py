from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from sandbox import faults, store
from sandbox.clients import client_for
from sandbox.personalities import PERSONALITIES
from sandbox.scenario import SWITCHES, LaunchScenario
from tests.sandbox.house import EHRS, ORIGIN, Visitor


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.select = (found.get("id") or "") if tag == "select" else self.select
        self.tags.append((tag, {**found, "select": self.select} if tag == "option" else found))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attrs.get(attribute) or "" for name, attrs in self.tags if name == tag]


def page(answer: Any) -> Page:
    assert answer.status_code == 200
    return Page(answer.content.decode())


def launch_of(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ORIGIN}/launch"
    query = parse_qs(parts.query)
    assert set(query) == {"iss", "launch"}
    return query["iss"][0], query["launch"][0]


def test_the_first_page_leads_to_every_ehr(http: Client) -> None:
    links = page(http.get("/sandbox/")).all("a", "href")
    assert {f"/sandbox/{ehr}/" for ehr in EHRS} <= set(links)
    assert all(http.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize("ehr", EHRS)
def test_a_desktop_lists_its_patients_with_their_stories(http: Client, ehr: str) -> None:
    shown = page(http.get(f"/sandbox/{ehr}/"))
    for person in store.people(ehr):
        assert person.display_name in shown.text
        assert person.story in shown.text
    first = store.residents(ehr)[0]
    assert shown.text.index(first.display_name) == min(
        shown.text.index(person.display_name) for person in store.people(ehr)
    )


@pytest.mark.parametrize("ehr", EHRS)
def test_every_patient_opens_in_a_frame_and_in_a_new_tab(http: Client, ehr: str) -> None:
    links = [link for link in page(http.get(f"/sandbox/{ehr}/")).all("a", "href") if "/open?" in link]
    opened = {parse_qs(urlsplit(link).query)["patient"][0] for link in links}
    assert opened == {person.id for person in store.people(ehr)}
    framed = [link for link in links if "frame=1" in link]
    assert len(framed) * 2 == len(links)
    (source,) = page(http.get(framed[0])).all("iframe", "src")
    assert launch_of(source)[0] == f"{ORIGIN}/sandbox/{ehr}/fhir"
    direct = http.get(next(link for link in links if "frame=1" not in link))
    assert direct.status_code == 302
    assert launch_of(direct["Location"])[0] == f"{ORIGIN}/sandbox/{ehr}/fhir"


def test_the_desktop_and_opening_answer_with_and_without_a_closing_slash(http: Client) -> None:
    patient = Visitor(http).patient
    assert http.get("/sandbox/smart-r4").status_code == 200
    assert http.get(f"/sandbox/smart-r4/open/?patient={patient}").status_code == 302


def test_the_older_ehrs_launch_with_the_patient_id_and_the_others_with_a_handle(http: Client) -> None:
    older = http.get("/sandbox/allscripts-professional/open?patient=54520")
    assert launch_of(older["Location"])[1] == "54520"
    patient = Visitor(http).patient
    _, handle = launch_of(http.get(f"/sandbox/smart-r4/open?patient={patient}")["Location"])
    assert LaunchScenario.decode(handle) == LaunchScenario(ehr="smart-r4", patient=patient)


@pytest.mark.parametrize("ehr", ["smart-r4", "allscripts-sunrise"])
def test_a_rehearsed_fault_goes_from_the_form_into_the_launch(http: Client, ehr: str) -> None:
    desktop = page(http.get(f"/sandbox/{ehr}/?fault=conditions-500"))
    assert "Rehearsing" in desktop.text
    link = next(link for link in desktop.all("a", "href") if "/open?" in link and "frame=1" not in link)
    _, handle = launch_of(http.get(link)["Location"])
    assert LaunchScenario.decode(handle).fault == "conditions-500"
    framed = page(http.get(f"{link}&frame=1"))
    assert "conditions-500" in framed.text


@pytest.mark.parametrize("ehr", EHRS)
def test_the_form_offers_what_this_ehr_can_play(http: Client, ehr: str) -> None:
    shown = page(http.get(f"/sandbox/{ehr}/"))
    options = [attrs["value"] or "" for tag, attrs in shown.tags if tag == "option" and attrs["select"] == "fault"]
    assert options[0] == "none"
    assert sorted(options[1:]) == sorted(fault.name for fault in faults.for_launches(PERSONALITIES[ehr]))
    assert not faults.names("discovery") & set(options)


@pytest.mark.parametrize(
    "path",
    [
        "/sandbox/nobody/",
        "/sandbox/smart-r4/open",
        "/sandbox/smart-r4/open?patient=nobody",
        "/sandbox/smart-r4/?fault=nonsense",
        "/sandbox/allscripts-sunrise/open?patient=385800201&fault=id-alg-none",
        "/sandbox/allscripts-sunrise/open?patient=385800201&fault=discovery-html",
    ],
)
def test_an_ehr_patient_or_fault_that_does_not_exist_is_not_found(http: Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_the_desktop_names_the_bases_whose_discovery_is_broken(http: Client) -> None:
    shown = page(http.get("/sandbox/allscripts-sunrise/")).text
    for name in faults.names("discovery"):
        needed = faults.FAULTS[name].applies_to(PERSONALITIES["allscripts-sunrise"])
        assert (f"{ORIGIN}/sandbox/allscripts-sunrise~{name}/fhir" in shown) is needed


def test_a_discovery_fault_in_the_address_stays_in_the_issuer(http: Client) -> None:
    patient = Visitor(http).patient
    answer = http.get(f"/sandbox/smart-r4~discovery-html/open?patient={patient}")
    assert launch_of(answer["Location"])[0] == f"{ORIGIN}/sandbox/smart-r4~discovery-html/fhir"


def test_above_the_frame_stands_the_patient_as_the_ehr_knows_them(http: Client) -> None:
    shown = page(http.get("/sandbox/allscripts-professional/open?patient=54520&frame=1"))
    person = store.person_of("allscripts-professional", "54520")
    assert person is not None
    for part in (person.display_name, person.born, person.mrn, "54520"):
        assert part in shown.text


def test_pages_have_nothing_inline_and_are_framed_by_this_site_alone(http: Client) -> None:
    patient = Visitor(http).patient
    consent = Visitor(http, scenario={"fault": "login-page"}).authorize()
    refused = Visitor(http).authorize(client_id="somebody")
    shown: list[Any] = [
        http.get(path)
        for path in ("/sandbox/", "/sandbox/smart-r4/", f"/sandbox/smart-r4/open?patient={patient}&frame=1")
    ]
    for answer in (*shown, consent, refused):
        found = Page(answer.content.decode())
        assert not [tag for tag, _ in found.tags if tag in {"script", "style"}]
        assert not [attrs for _, attrs in found.tags if any(re.match(r"on|style$", name) for name in attrs)]
        assert "lang" in dict(found.tags)["html"]
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert f"frame-src 'self' {ORIGIN}" in policy
        assert answer["X-Frame-Options"] == "SAMEORIGIN"
        assert answer["Cache-Control"] == "no-store"


def test_every_control_has_a_name(http: Client) -> None:
    found = page(http.get("/sandbox/smart-r4/"))
    assert found.all("label", "for") == found.all("select", "id")
    assert len(found.all("select", "id")) == 1 + len(SWITCHES)
    framed = page(http.get(f"/sandbox/smart-r4/open?patient={Visitor(http).patient}&frame=1"))
    assert all(framed.all("iframe", "title"))


def test_the_portals_page_shows_what_each_ehr_has_registered(http: Client) -> None:
    shown = page(http.get("/sandbox/applications/")).text
    for ehr in EHRS:
        client = client_for(ehr)
        for words in (client.client_id, client.secret, *client.redirect_uris):
            assert words in shown
    assert "/sandbox/applications/" in page(http.get("/sandbox/")).all("a", "href")
