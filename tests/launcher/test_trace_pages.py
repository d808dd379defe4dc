"""The launch history in the admin: lists, search by reference, the page of one launch, exports, and who may what."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from launcher.admin.traces import outcome_words
from launcher.models import AuditEvent, EhrRegistration, LaunchTrace, TraceReference
from launcher.models.staff import StaffSites
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import R4, faulty_launch_url, opened, to_callback

pytestmark = pytest.mark.django_db
LIST = "/admin/launcher/launchtrace/"


class Staff:
    """Somebody with these rights at the admin of one site."""

    def __init__(self, *rights: str, host: str = "testserver", superuser: bool = False, name: str = "clerk") -> None:
        users = get_user_model().objects
        self.user = users.create_superuser(name) if superuser else users.create_user(name, is_staff=True)
        self.user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        self._client = Client(headers={"host": host})
        self._client.force_login(self.user)

    def get(self, url: str) -> HttpResponse:
        return self._client.get(url, secure=True)

    def post(self, url: str, data: dict[str, Any]) -> HttpResponse:
        return self._client.post(url, data, secure=True)


@pytest.fixture
def viewer(db: None) -> Staff:
    return Staff("view_launchtrace")


@pytest.fixture
def exporter(db: None) -> Staff:
    return Staff("view_launchtrace", "export_launchtrace", name="exporter")


def text(response: HttpResponse) -> str:
    return unescape(response.content.decode())


def page_of(row: LaunchTrace) -> str:
    return f"{LIST}{row.pk}/change/"


def listed(response: HttpResponse) -> set[str]:
    return {row.pk for row in response.context["cl"].result_list}


def failed_launch(fault: str = "invalid-client") -> tuple[LaunchTrace, str]:
    browser = Browser()
    page = browser.visit(faulty_launch_url(browser, fault))
    return TraceReference.objects.get(reference=page.reference).trace, page.reference


def test_the_list_says_when_where_how_far_and_why(ehrs: Bridge, viewer: Staff) -> None:
    row, reference = failed_launch()
    html = text(viewer.get(LIST))
    for shown in (R4, "Failed", "Returned", "client_rejected", reference, "Launch history".lower()):
        assert shown in html or shown in html.lower()
    assert listed(viewer.get(LIST)) == {row.pk}


@pytest.mark.parametrize("typed", ["{}", " {} ", "{lower}", "{spaced}"])
def test_a_launch_is_found_by_its_reference_however_it_is_typed(ehrs: Bridge, viewer: Staff, typed: str) -> None:
    row, reference = failed_launch()
    failed_launch("no-patient")
    words = typed.format(reference, lower=reference.lower(), spaced=f"{reference[:3]} {reference[3:]}")
    assert listed(viewer.get(f"{LIST}?q={words}")) == {row.pk}


def test_a_launch_is_found_by_later_references_and_by_its_id_and_by_nothing_else(ehrs: Bridge, viewer: Staff) -> None:
    browser = Browser()
    opened(browser, faulty_launch_url(browser, "conditions-500"))
    row = LaunchTrace.objects.get()
    first, second = TraceReference.objects.order_by("pk").values_list("reference", flat=True)
    for words in (first, second, row.launch):
        assert listed(viewer.get(f"{LIST}?q={words}")) == {row.pk}
    for words in ("AAAAAA", first[:5], R4, row.patient):
        assert listed(viewer.get(f"{LIST}?q={words}")) == set()


def test_the_filters_narrow_by_outcome_stage_ehr_and_code(ehrs: Bridge, viewer: Staff) -> None:
    failed, _ = failed_launch()
    opened(Browser())
    for wanted in ("outcome__exact=failed", "stage__exact=returned", "code=client_rejected"):
        assert listed(viewer.get(f"{LIST}?{wanted}")) == {failed.pk}, wanted
    assert len(listed(viewer.get(f"{LIST}?ehr={R4}"))) == 2
    assert listed(viewer.get(f"{LIST}?ehr=epic")) == set()


def test_no_other_column_can_be_asked_for_by_an_address(ehrs: Bridge, viewer: Staff) -> None:
    opened(Browser())
    row = LaunchTrace.objects.get()
    for asked in (f"patient__startswith={row.patient[:2]}", "registration__client_id__startswith=s", "launch__gt=1"):
        assert viewer.get(f"{LIST}?{asked}").status_code >= 300, asked


def test_the_page_of_a_failed_launch_names_the_paragraph_and_what_to_do(ehrs: Bridge, viewer: Staff) -> None:
    row, reference = failed_launch()
    html = text(viewer.get(page_of(row)))
    assert "What failed: The code was exchanged for tokens" in html
    assert "RFC 6749, section 5.2 (invalid_client)" in html
    assert "SP-CHK-21" in html
    assert "Check client ID, secret and its expiry" in html
    assert reference in html
    assert "POST https://testserver/sandbox/smart-r4/oauth2/token (Authorization: Basic)" in html
    assert "401, application/json" in html


def test_the_page_of_a_launch_that_opened_lists_its_panels_and_no_failure(ehrs: Bridge, viewer: Staff) -> None:
    opened(Browser())
    html = text(viewer.get(page_of(LaunchTrace.objects.get())))
    assert "What failed" not in html
    assert re.search(r"<th scope=\"row\">conditions</th><td>ready</td>", html)
    assert re.search(r"Session</th><td>open", html)


def test_what_an_ehr_writes_is_text_and_no_markup(ehrs: Bridge, viewer: Staff) -> None:
    opened(Browser())
    row = LaunchTrace.objects.get()
    row.steps = [{"name": "<script>x</script>", "at": timezone.now().isoformat(), "ms": 1}]
    row.save()
    assert b"<script>x" not in viewer.get(page_of(row)).content


def test_a_launch_that_nobody_finished_is_said_to_be_so(ehrs: Bridge) -> None:
    to_callback(Browser())
    row = LaunchTrace.objects.get()
    assert outcome_words(row) == "Under way"
    row.started_at -= timezone.timedelta(minutes=16)
    assert outcome_words(row) == "Not finished"


def test_who_may_not_see_traces_sees_none(ehrs: Bridge) -> None:
    row, _ = failed_launch()
    nobody = Staff("view_launch", name="nobody")
    assert nobody.get(LIST).status_code == 403
    assert nobody.get(page_of(row)).status_code == 403
    assert nobody.post(f"{LIST}{row.pk}/export/", {"form": "json"}).status_code == 403


def test_nobody_changes_adds_or_deletes_a_trace(ehrs: Bridge) -> None:
    row, _ = failed_launch()
    admin = Staff(superuser=True, name="superuser")
    assert admin.get(f"{LIST}add/").status_code == 403
    assert admin.post(page_of(row), {"code": ""}).status_code == 403
    assert admin.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.code == "client_rejected"


def test_a_site_sees_its_own_launches_alone(ehrs: Bridge) -> None:
    row, reference = failed_launch()
    second = Site.objects.create(domain="second.test", name="Second")
    staff = Staff("view_launchtrace", "export_launchtrace", host="second.test", name="other")
    StaffSites.objects.create(user=staff.user).sites.set([second])
    assert listed(staff.get(LIST)) == set()
    assert listed(staff.get(f"{LIST}?q={reference}")) == set()
    assert staff.get(page_of(row)).status_code == 302
    assert staff.post(f"{LIST}{row.pk}/export/", {"form": "json"}).status_code == 404
    assert not AuditEvent.objects.filter(event="trace.exported").exists()
    assert R4 not in text(staff.get(LIST)), "not even in the filter"


def test_an_export_needs_its_own_right_and_says_so_by_showing_no_button(ehrs: Bridge, viewer: Staff) -> None:
    row, _ = failed_launch()
    assert "Copy for vendor" not in text(viewer.get(page_of(row)))
    assert viewer.post(f"{LIST}{row.pk}/export/", {"form": "txt"}).status_code == 403


def test_an_export_is_written_down_and_holds_what_the_help_desk_asks_for(ehrs: Bridge, exporter: Staff) -> None:
    row, reference = failed_launch()
    assert "Copy for vendor" in text(exporter.get(page_of(row)))
    response = exporter.post(f"{LIST}{row.pk}/export/", {"form": "txt"})
    body = response.content.decode()
    assert response.headers["Content-Disposition"] == f'attachment; filename="launch-{reference}.txt"'
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    for shown in (reference, "client_rejected", "RFC 6749", "X-Request-Id", "grant_type: authorization_code", "< 401"):
        assert shown in body
    event = AuditEvent.objects.get(event="trace.exported")
    assert (event.actor, event.reference, event.registration) == ("staff exporter", reference, R4)
    assert event.detail == {"form": "txt"}


def test_an_export_as_json_is_json_and_names_neither_patient_nor_person(ehrs: Bridge, exporter: Staff) -> None:
    opened(Browser())
    row = LaunchTrace.objects.get()
    found = json.loads(exporter.post(f"{LIST}{row.pk}/export/", {"form": "json"}).content)
    assert (found["outcome"], found["ehr"], found["references"]) == ("opened", R4, [row.reference])
    assert found["steps"][0]["name"] == "received"
    assert row.patient not in json.dumps(found)
    assert row.person not in json.dumps(found)


def test_the_page_to_copy_from_holds_the_text_in_a_box(ehrs: Bridge, exporter: Staff) -> None:
    row, reference = failed_launch()
    response = exporter.post(f"{LIST}{row.pk}/export/", {"form": "page"})
    assert re.search(rf"<textarea[^>]*readonly[^>]*>SMART App Launch, reference {reference}", response.content.decode())
    assert AuditEvent.objects.filter(event="trace.exported").count() == 1


def test_nobody_exports_by_following_a_link_or_what_is_no_form(ehrs: Bridge, exporter: Staff) -> None:
    row, _ = failed_launch()
    assert exporter.get(f"{LIST}{row.pk}/export/").status_code == 405
    assert exporter.post(f"{LIST}{row.pk}/export/", {"form": "pdf"}).status_code == 404
    assert not AuditEvent.objects.filter(event="trace.exported").exists()


def test_an_export_that_cannot_be_written_down_does_not_happen(
    ehrs: Bridge, exporter: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _ = failed_launch()

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("no audit")

    monkeypatch.setattr("launcher.admin.traces.audit.write", refuse)
    response = exporter.post(f"{LIST}{row.pk}/export/", {"form": "txt"})
    assert response.status_code == 503
    assert b"client_rejected" not in response.content


def test_the_page_of_an_error_leads_staff_to_its_trace(ehrs: Bridge, viewer: Staff) -> None:
    EhrRegistration.objects.filter(slug=R4).update(enabled=False)
    url = "/launch?iss=https://testserver/sandbox/smart-r4/fhir&launch=1"
    html = viewer.get(url).content.decode()
    assert page_of(LaunchTrace.objects.get()) in html
    assert LIST not in Client().get(url, secure=True).content.decode(), "and nobody else"
    assert LIST not in Staff("view_launch", name="clerk-2").get(url).content.decode(), "who may not see it"


def test_a_page_of_the_list_costs_the_same_however_many_launches_there_are(ehrs: Bridge, viewer: Staff) -> None:
    row, _ = failed_launch()
    with CaptureQueriesContext(connection) as few:
        viewer.get(LIST)
    LaunchTrace.objects.bulk_create(
        LaunchTrace(site_id=row.site_id, registration_id=row.registration_id, started_at=timezone.now())
        for _ in range(120)
    )
    with CaptureQueriesContext(connection) as many:
        html = viewer.get(LIST).content.decode()
    assert html.count('class="field-when') == 50
    assert len(many) == len(few)
    assert not [each for each in many.captured_queries if '"steps"' in each["sql"]], "those are for the page of one"
