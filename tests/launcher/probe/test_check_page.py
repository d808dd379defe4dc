"""The admin's page “Check connection”: for those who may change the registration, of their own site, without script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.http import StreamingHttpResponse
from django.test import Client

from launcher.models import AuditEvent, EhrRegistration
from tests.launcher.probe.scene import SECRET, Scene, as_json


def signed_in(*, rights: tuple[str, ...] = (), host: str = "testserver", **values: Any) -> Client:
    user = get_user_model().objects.create_user("somebody", is_staff=True, **values)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client(headers={"host": host})
    client.force_login(user)
    return client


@pytest.fixture
def superuser(db: None) -> Client:
    return signed_in(is_superuser=True)


def page_of(registration: EhrRegistration) -> str:
    return f"/admin/launcher/ehrregistration/{registration.pk}/check/"


def test_looking_at_the_page_asks_nobody_anything(scene: Scene, superuser: Client) -> None:
    registration = scene.registration()
    page = superuser.get(page_of(registration), secure=True)
    assert page.status_code == 200
    assert "Check now" in page.content.decode()
    assert scene.ehr.asked == []
    assert not AuditEvent.objects.exclude(event="admin.login").exists()


def test_the_button_brings_all_results_as_they_come_and_a_report_to_copy(scene: Scene, superuser: Client) -> None:
    scene.pages["/token"] = as_json({"error": "invalid_client", "error_description": SECRET}, status="401 No")
    response = superuser.post(page_of(scene.registration()), secure=True)
    assert isinstance(response, StreamingHttpResponse)
    pieces = [bytes(piece).decode() for piece in response.streaming_content]
    assert len(pieces) == 1 + 32 + 2, "head, one piece for each result, report, tail"
    page = "".join(pieces)
    statuses = dict(re.findall(r'data-check="([^"]+)" data-status="([^"]+)"', page))
    assert len(statuses) == 32
    assert statuses["SP-CHK-21"] == "fail"
    report = unescape(page.partition("<textarea")[2].partition("</textarea>")[0])
    assert "FAIL     21 Secret or signature is accepted." in report
    assert SECRET not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=", page)


def test_a_run_is_written_into_the_audit_trail_with_who_asked_for_it(scene: Scene, superuser: Client) -> None:
    superuser.post(page_of(scene.registration()), secure=True)
    event = AuditEvent.objects.get(event="connection.checked")
    assert (event.actor, event.registration) == ("staff somebody", "main")


def test_what_stands_in_a_registration_is_escaped(scene: Scene, superuser: Client) -> None:
    scene.values.update(name="<b>bold</b>", iss="https://x.test/<script>")
    response = superuser.post(page_of(scene.registration()), secure=True)
    page = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]  # streamed, see above
    assert "<b>bold</b>" not in page
    assert "x.test/<script>" not in page


def test_a_setting_that_cannot_be_read_is_said_and_nothing_runs(scene: Scene, superuser: Client) -> None:
    registration = scene.registration()
    scene.settings.SMARTPORTAL_ALLOWED_NETWORKS = ["nonsense"]
    page = superuser.post(page_of(registration), secure=True)
    assert "nonsense" in page.content.decode()
    assert scene.ehr.asked == []


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("rights", [("view_ehrregistration",), ("view_ehrregistration", "change_ehrregistration")])
def test_who_has_no_right_to_check_may_not_check(method: str, rights: tuple[str, ...], scene: Scene) -> None:
    registration = scene.registration()
    looker = signed_in(rights=rights)
    assert getattr(looker, method)(page_of(registration), secure=True).status_code == 403
    assert getattr(Client(), method)(page_of(registration), secure=True).status_code == 302
    assert scene.ehr.asked == []


def test_an_integrator_may_and_finds_the_way_from_the_form(scene: Scene) -> None:
    registration = scene.registration()
    integrator = signed_in(rights=("view_ehrregistration", "change_ehrregistration", "check_ehrregistration"))
    form = integrator.get(f"/admin/launcher/ehrregistration/{registration.pk}/change/", secure=True).content.decode()
    assert f'href="{page_of(registration)}"' in form
    assert integrator.get(page_of(registration), secure=True).status_code == 200


def test_the_registration_of_another_site_is_not_there(scene: Scene) -> None:
    Site.objects.create(domain="second.test", name="Second")
    registration = scene.registration()
    elsewhere = signed_in(is_superuser=True, host="second.test")
    assert elsewhere.post(page_of(registration), secure=True).status_code == 404
    assert scene.ehr.asked == []


def test_a_form_without_its_token_runs_nothing(scene: Scene) -> None:
    registration = scene.registration()
    user = get_user_model().objects.create_superuser("careful")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(page_of(registration), secure=True).status_code == 403
    assert scene.ehr.asked == []
