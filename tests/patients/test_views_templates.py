"""The pages: marks, words, streaming, audit before sight, and nothing that runs in them."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import resolve, reverse

from launcher.smart.errors import SmartError
from launcher.smart.fhir_version import FhirVersion
from patients import chart as charts
from patients import panels, views
from tests.patients.fakes import (
    LAUNCH_ID,
    PATIENT_ID,
    AuditTrail,
    FakeAccess,
    FakeFhir,
    Json,
    audited,
    condition,
    found,
    medication,
    patient,
    trouble,
)

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """A page as elements: (tag, attributes, text inside)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.elements[self._open[-1]][0] == tag, f"</{tag}> closes <{self.elements[self._open[-1]][0]}>"
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.elements[index][2].append(data)

    def find(self, **attributes: str) -> list[tuple[dict[str, str], str]]:
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            (attrs, " ".join("".join(text).split()))
            for _, attrs, text in self.elements
            if all(attrs.get(name) == value for name, value in wanted.items())
        ]

    def tags(self, name: str) -> list[tuple[dict[str, str], str]]:
        return [(attrs, " ".join("".join(text).split())) for tag, attrs, text in self.elements if tag == name]

    def text(self, **attributes: str) -> str:
        (only,) = self.find(**attributes)
        return only[1]

    def states(self) -> dict[str, str]:
        return {attrs["data-panel"]: attrs["data-state"] for attrs, _ in self.tags("section")}

    def records(self) -> dict[str, str]:
        return {
            attrs["data-record"]: attrs.get("data-group", "") for _, attrs, _ in self.elements if "data-record" in attrs
        }


@pytest.fixture
def trail() -> Iterator[AuditTrail]:
    with audited() as made:
        yield made


def call(
    view: Any, access: FakeAccess, *, query: str = "", headers: dict[str, str] | None = None, **kwargs: str
) -> Any:
    """Call a view behind `launch_required`, as the launch's own browser would."""
    return inspect.unwrap(view)(RequestFactory().get(f"/{query}", headers=headers or {}), access, **kwargs)


def read(response: HttpResponseBase) -> Page:
    if isinstance(response, StreamingHttpResponse):
        return Page(b"".join(response).decode())
    return Page(response.content.decode())  # type: ignore[attr-defined]  # an HttpResponse


def chart_of(access: FakeAccess, **headers: str) -> Page:
    return read(call(views.chart, access, headers=headers))


FULL: dict[str, Any] = {
    "Condition": found(
        condition(1),
        condition(2, clinicalStatus={"coding": [{"code": "resolved"}]}, abatementDateTime="2020"),
        condition(3, verificationStatus={"coding": [{"code": "refuted"}]}),
        condition(4, verificationStatus={"coding": [{"code": "entered-in-error"}]}),
    ),
    "MedicationRequest": found(
        medication(1), medication(2, status="completed"), medication(3, intent="plan"), medication(4, doNotPerform=True)
    ),
    "MedicationStatement": found(medication(5, "MedicationStatement", status="not-taken")),
}


# --- Marks and words ----------------------------------------------------------------------------------------


def test_the_chart_carries_the_marks_of_the_contract(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=FULL)))
    (body,) = page.tags("body")
    assert body[0]["data-page"] == "chart"
    assert (body[0]["data-launch"], body[0]["data-patient"], body[0]["data-ehr"]) == (LAUNCH_ID, PATIENT_ID, "example")
    assert page.states()["conditions"] == "ready"
    assert page.records() == {
        f"Patient/{PATIENT_ID}": "",
        "Condition/c1": "active",
        "Condition/c2": "resolved",
        "Condition/c3": "ruled-out",
        "MedicationRequest/m1": "current",
        "MedicationRequest/m2": "past",
        "MedicationRequest/m3": "planned",
        "MedicationRequest/m4": "do-not-give",
        "MedicationStatement/m5": "not-taking",
    }


def test_the_banner_says_who_it_is(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess())
    assert page.find(data_testid="patient-banner")
    assert page.text(data_field="name") == "SMITH, John"
    assert page.text(data_field="born").startswith("Born 14-Jul-1945 (")
    assert page.text(data_field="sex") == "Sex Male"
    assert page.text(data_field="mrn") == "MRN 0054520"
    assert not page.find(data_field="deceased")
    assert page.tags("title")[0][1] == "SMITH, John – chart"
    assert len(page.tags("h1")) == 1


def test_the_parts_of_the_banner_are_there_even_when_nothing_was_sent(trail: AuditTrail) -> None:
    bare: Json = {"resourceType": "Patient", "id": PATIENT_ID}
    page = chart_of(FakeAccess(fhir=FakeFhir(body=bare)))
    assert page.text(data_field="name") == "Name not recorded"
    assert page.text(data_field="born") == "Born not recorded"
    assert page.text(data_field="sex") == "Sex not recorded"
    assert page.text(data_field="mrn") == "MRN not recorded"
    assert any("no name" in text for _, text in page.find(role="alert"))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"deceasedDateTime": "2026-03-02"}, "Died 02-Mar-2026 Age at death 80y"),
        ({"deceasedBoolean": True}, "Died date not recorded"),
    ],
)
def test_a_dead_patient_shows_the_death_and_no_age(trail: AuditTrail, sent: Json, said: str) -> None:
    page = chart_of(FakeAccess(fhir=FakeFhir(body=patient(**sent))))
    assert page.text(data_field="deceased") == said
    assert page.text(data_field="born") == "Born 14-Jul-1945"
    assert "deceased" in page.find(data_testid="patient-banner")[0][0]["class"]


def test_a_patient_said_not_to_be_dead_looks_alive(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess(fhir=FakeFhir(body=patient(deceasedBoolean=False))))
    assert not page.find(data_field="deceased")


@pytest.mark.parametrize(
    ("need", "destination", "micro"),
    [(False, "iframe", True), (False, "document", False), (True, "iframe", False), (None, "iframe", False)],
)
def test_the_banner_shrinks_only_in_a_frame_of_an_ehr_that_shows_its_own(
    trail: AuditTrail, need: bool | None, destination: str, micro: bool
) -> None:
    page = chart_of(FakeAccess(need_patient_banner=need), **{"Sec-Fetch-Dest": destination})
    (banner,) = page.find(data_testid="patient-banner")
    assert ("micro" in banner[0]["class"].split()) is micro
    assert page.find(data_field="mrn")
    assert page.find(data_field="sex")


def test_every_environment_but_production_is_marked_as_test_data(trail: AuditTrail) -> None:
    assert "TEST DATA" in chart_of(FakeAccess(environment="sandbox")).html
    assert "TEST DATA" in chart_of(FakeAccess(environment="test")).html
    assert "TEST DATA" not in chart_of(FakeAccess(environment="production")).html


def test_the_footer_tells_source_time_viewer_and_launch(trail: AuditTrail) -> None:
    (footer,) = chart_of(FakeAccess()).tags("footer")
    for said in (
        "Example EHR",
        "ehr.example.org, FHIR R4",
        "24-hour clock, America/Chicago",
        "an invented clinician",
        "L-8F3K",
    ):
        assert said in footer[1]
    (unknown,) = chart_of(FakeAccess(viewer="")).tags("footer")
    assert "did not identify" in unknown[1]


def test_each_panel_is_a_labelled_section_and_no_id_stands_twice(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=FULL)))
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs, _ in page.tags("section"):
        assert attrs["aria-labelledby"] in ids


def test_what_went_wrong_in_a_panel_is_said_there_with_a_link_and_a_reference(trail: AuditTrail) -> None:
    answers: dict[str, Any] = {"Condition": trouble("failed", status=500), "MedicationRequest": found(medication())}
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=answers)))
    wanted = {"demographics": "ready", "conditions": "failed", "medications": "ready"}
    assert {slug: page.states()[slug] for slug in wanted} == wanted
    failed = page.text(data_panel="conditions")
    assert "Conditions could not be loaded. This does not mean there are none – check the EHR." in failed
    assert "Not recorded" not in failed
    (link,) = [attrs for attrs, _ in page.tags("a") if "data-retry" in attrs]
    assert link["href"] == f"/chart/{LAUNCH_ID}/panels/conditions/"


def test_an_empty_list_says_that_it_is_no_statement(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess())
    assert page.states()["medications"] == "empty"
    assert "Not recorded. The EHR returned no medications." in page.text(data_panel="medications")


def test_a_ruled_out_condition_says_so_in_its_row_and_a_mistaken_one_is_not_in_the_page(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=FULL)))
    assert page.text(data_record="Condition/c3").startswith("Ruled out: Condition number 3")
    assert "Condition number 4" not in page.html
    assert "c4" not in page.html
    assert "1 record marked entered-in-error by the EHR is not shown." in page.text(data_panel="conditions")


def test_a_prohibition_is_red_and_in_words(trail: AuditTrail) -> None:
    row = chart_of(FakeAccess(fhir=FakeFhir(answers=FULL))).text(data_record="MedicationRequest/m4")
    assert row.upper().startswith("DO NOT GIVE")


def test_a_dose_is_shown_as_ours_only_when_complete_and_as_written_always(trail: AuditTrail) -> None:
    vague = [{"text": "Take  as directed", "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}]}]
    silent = [{"doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}]}]
    answers = {
        "MedicationRequest": found(
            medication(1),
            medication(2, dosageInstruction=vague),
            medication(3, dosageInstruction=silent),
            medication(4, dosageInstruction=[]),
        )
    }
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=answers)))
    complete = page.text(data_record="MedicationRequest/m1")
    assert "drug 1 — DOSE 5 mg — oral — once a day" in complete
    assert "As written: 1 tab PO daily" in complete
    incomplete = page.text(data_record="MedicationRequest/m2")
    assert "DOSE" not in incomplete
    assert "<q>Take  as directed</q>" in page.html
    assert "DOSE 5 mg — route not recorded — how often not recorded" in page.text(data_record="MedicationRequest/m3")
    assert "DOSE not recorded" in page.text(data_record="MedicationRequest/m4")


def test_a_drug_that_is_only_referred_to_is_not_given_a_name(trail: AuditTrail) -> None:
    unnamed = medication(1, medicationCodeableConcept=None, medicationReference={"reference": "Medication/123"})
    page = chart_of(FakeAccess(fhir=FakeFhir(answers={"MedicationRequest": found(unnamed)})))
    assert "Medication details not available (Medication/123)" in page.text(data_record="MedicationRequest/m1")


# --- Nothing runs -------------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7733*7733}}",
    "{% now 'Y' %}",
    "javascript:alert(1)",
]


def poisoned(value: Any, text: str) -> Any:
    """The same resource with `text` in every string that is shown."""
    kept = {
        "resourceType",
        "id",
        "reference",
        "use",
        "system",
        "code",
        "status",
        "intent",
        "birthDate",
        "deceasedDateTime",
    }
    if isinstance(value, dict):
        return {
            key: item if key in kept and isinstance(item, str) else poisoned(item, text) for key, item in value.items()
        }
    if isinstance(value, list):
        return [poisoned(item, text) for item in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_an_ehr_writes_is_shown_as_text(trail: AuditTrail, text: str) -> None:
    def elements(word: str) -> tuple[list[str], str]:
        answers = {
            "Condition": found(poisoned(condition(1, note=[{"text": "x"}], severity={"text": "x"}), word)),
            "MedicationRequest": found(poisoned(medication(1, note=[{"text": "x"}], reasonCode=[{"text": "x"}]), word)),
        }
        body = poisoned(patient(text={"status": "generated", "div": "x"}, address=[{"text": "x"}]), word)
        page = chart_of(FakeAccess(fhir=FakeFhir(body=body, answers=answers), viewer=word, ehr_name=word))
        return [tag for tag, _, _ in page.elements], page.html

    harmless, _ = elements("harmless")
    hostile, html = elements(text)
    assert hostile == harmless
    assert "<img" not in html
    assert html.count("<script") == 1
    assert "59799289" not in html


def test_nothing_on_a_page_is_inline(trail: AuditTrail) -> None:
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=FULL)))
    for tag, attrs, text in page.elements:
        assert tag != "style"
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        assert tag != "script" or (attrs.get("src") and not "".join(text).strip())


# --- Streaming and audit ------------------------------------------------------------------------------------


def test_the_banner_is_sent_before_the_panels_are_there(trail: AuditTrail) -> None:
    release = threading.Event()

    def slow() -> Any:
        release.wait(timeout=5)
        return found(condition())

    response = call(views.chart, FakeAccess(fhir=FakeFhir(answers={"Condition": slow})))
    pieces = iter(response)
    head = next(pieces).decode()
    assert "SMITH," in head
    assert "data-panel" not in head
    assert b"data-panel" not in next(pieces)  # the line that sums up the allergies
    assert b'data-panel="demographics"' in next(pieces)
    release.set()
    assert b'data-panel="conditions"' in next(pieces)
    assert b"".join(pieces).decode().rstrip().endswith("</html>")


def test_the_reading_of_the_patient_is_written_down_before_anything_is_rendered(trail: AuditTrail) -> None:
    trail.broken = lambda event, facts: event == "patient.read"
    with pytest.raises(RuntimeError):
        call(views.chart, FakeAccess())


def test_each_panel_is_written_down_with_its_counts_before_its_bytes(trail: AuditTrail) -> None:
    pieces = iter(call(views.chart, FakeAccess(fhir=FakeFhir(answers=FULL))))
    next(pieces)
    assert [event for event, _ in trail.events] == ["patient.read"]
    next(pieces)
    assert [facts.get("panel") for _, facts in trail.events] == [None, "allergies"]
    next(pieces)
    next(pieces)
    assert [facts.get("panel") for _, facts in trail.events] == [None, "allergies", "demographics", "conditions"]
    assert trail.events[-1][1]["counts"] == {"shown": 3, "withheld": 0, "unreadable": 0, "entered_in_error": 1}
    list(pieces)
    assert len(trail.events) == 1 + len(panels.all_panels())


def test_a_panel_whose_event_cannot_be_written_shows_nothing_and_the_others_stay(trail: AuditTrail) -> None:
    trail.broken = lambda event, facts: facts.get("panel") == "conditions"
    page = chart_of(FakeAccess(fhir=FakeFhir(answers=FULL)))
    wanted = {"demographics": "ready", "conditions": "failed", "medications": "ready"}
    assert {slug: page.states()[slug] for slug in wanted} == wanted
    assert "Condition/c1" not in page.records()
    assert "Condition number 1" not in page.html


def test_a_failed_panel_is_written_down_as_failed(trail: AuditTrail) -> None:
    list(call(views.chart, FakeAccess(fhir=FakeFhir(answers={"Condition": trouble("failed")}))))
    outcomes = {
        facts["panel"]: (facts["outcome"], facts["reason"]) for event, facts in trail.events if "panel" in facts
    }
    assert outcomes["conditions"] == ("failure", "failed")
    assert outcomes["medications"] == ("success", "empty")


def test_another_patient_stops_the_chart_before_there_is_a_page(trail: AuditTrail) -> None:
    with pytest.raises(SmartError) as caught:
        call(views.chart, FakeAccess(fhir=FakeFhir(body=patient(id="B"))))
    assert caught.value.code == "patient_mismatch"
    assert trail.events == []


def test_a_chart_is_not_kept_by_anybody(trail: AuditTrail) -> None:
    assert call(views.chart, FakeAccess())["Cache-Control"] == "no-store"
    assert call(views.panel, FakeAccess(), panel="conditions")["Cache-Control"] == "no-store"


# --- A panel on its own, addresses, methods, the end --------------------------------------------------------


def test_a_panel_has_a_page_of_its_own_with_the_banner(trail: AuditTrail) -> None:
    fhir = FakeFhir(answers=FULL)
    page = read(call(views.panel, FakeAccess(fhir=fhir), panel="conditions"))
    assert page.states() == {"conditions": "ready"}
    assert page.text(data_field="name") == "SMITH, John"
    assert {query.resource for query in fhir.asked} == {"Condition"}
    assert [facts.get("panel") for _, facts in trail.events] == [None, "conditions"]


def test_a_fragment_is_the_section_alone_and_says_whose_it_is(trail: AuditTrail) -> None:
    page = read(call(views.panel, FakeAccess(fhir=FakeFhir(answers=FULL)), query="?fragment=1", panel="conditions"))
    assert page.elements[0][0] == "section"
    assert not page.tags("html")
    (section,) = page.tags("section")
    assert section[0]["data-subject"] == f"{LAUNCH_ID} {PATIENT_ID}"


def test_an_unknown_panel_is_not_found_and_nothing_is_read(trail: AuditTrail) -> None:
    fhir = FakeFhir()
    with pytest.raises(SmartError) as caught:
        call(views.panel, FakeAccess(fhir=fhir), panel="horoscope")
    assert caught.value.code == "not_found"
    assert trail.events == []


def test_all_addresses_answer_with_and_without_a_slash_and_links_use_the_slash() -> None:
    for path in (f"/chart/{LAUNCH_ID}", f"/chart/{LAUNCH_ID}/panels/conditions", f"/chart/{LAUNCH_ID}/end"):
        assert resolve(path).func is resolve(f"{path}/").func
    assert reverse("patients:chart", kwargs={"launch_id": LAUNCH_ID}) == f"/chart/{LAUNCH_ID}/"
    assert resolve("/chart/no such launch/").func is views.chart


@pytest.mark.parametrize(("view", "method"), [(views.chart, "post"), (views.panel, "post"), (views.end, "get")])
def test_other_methods_are_refused_before_anything_is_looked_at(view: Any, method: str) -> None:
    request = getattr(RequestFactory(), method)("/")
    with pytest.raises(SmartError) as caught:
        view(request, launch_id=LAUNCH_ID)
    assert caught.value.code == "method_not_allowed"


def end(access: FakeAccess, **form: str) -> Any:
    return inspect.unwrap(views.end)(RequestFactory().post("/", form), access)


def test_the_button_of_the_chart_ends_the_session(trail: AuditTrail) -> None:
    access = FakeAccess()
    page = chart_of(access)
    (form,) = page.tags("form")
    (field,) = page.find(name="token")
    assert (form[0]["method"], form[0]["action"]) == ("post", f"/chart/{LAUNCH_ID}/end/")
    response = end(access, token=field[0]["value"])
    assert response.status_code == 200
    assert access.ended == "signed-out"
    ended = read(response)
    assert "Session ended" in ended.html
    assert "SMITH" not in ended.html


def test_a_forged_form_ends_nothing() -> None:
    access = FakeAccess()
    with pytest.raises(SmartError) as caught:
        end(access, token="forged")
    assert caught.value.code == "form_expired"
    assert access.ended == ""


def test_ending_a_session_needs_no_django_cookie() -> None:
    assert getattr(views.end, "csrf_exempt", False)


# --- Speed --------------------------------------------------------------------------------------------------


def test_two_thousand_conditions_are_a_matter_of_a_moment(trail: AuditTrail) -> None:
    access = FakeAccess(
        version=FhirVersion.R4, fhir=FakeFhir(answers={"Condition": found(*map(condition, range(2000)))})
    )
    began = time.process_time()
    page = b"".join(call(views.chart, access))
    assert page.count(b"data-record=") == 2001
    assert time.process_time() - began < 3


def test_references_can_be_read_out() -> None:
    assert not set("01IO") & set("".join(charts.new_reference() for _ in range(50)))
