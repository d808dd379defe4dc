"""The admin's first page: how the EHRs of this site are doing, and what needs a hand, each with the way to it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.test import Client
from django.utils import timezone

from launcher.models import AuditEvent, CheckRun, EhrRegistration, Launch
from launcher.people import person_for
from launcher.probe import reports
from launcher.smart.identity import IdentityClaims
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import launch_of
from tests.launcher.test_check_runs import result
from tests.launcher.test_registration_list import act, checked, done, opened, page, staff, traced

pytestmark = pytest.mark.django_db
INDEX = "/admin/"
EHRS = "/admin/launcher/ehrregistration/"


def part(text: str, name: str) -> str:
    """One section of the page; "" when it is not there."""
    found = re.search(rf'<section class="module" data-part="{name}">(.*?)</section>', text, re.DOTALL)
    return found.group(1) if found else ""


def figures(text: str, name: str) -> dict[str, int]:
    numbers = re.findall(r'data-(?:state|outcome)="([^"]+)"><a href="[^"]*"><b>(\d+)</b>', part(text, name))
    return {kind: int(number) for kind, number in numbers}


def test_without_an_ehr_the_page_says_how_to_begin() -> None:
    text = page(staff("view_ehrregistration", "add_ehrregistration"), INDEX)
    assert "No EHRs yet. Start from a preset." in part(text, "empty")
    assert f'href="{EHRS}add/"' in part(text, "empty")
    looker = page(staff("view_ehrregistration", name="looker"), INDEX)
    assert "Ask an integrator" in part(looker, "empty")


def test_ehrs_are_counted_by_state_and_each_count_leads_to_its_list(make_registration: MakeRegistration) -> None:
    for slug in ("one", "two", "bad", "off"):
        row = make_registration(slug=slug, client_id=slug)
        checked(row, failing=slug == "bad", top_problem="No address." if slug == "bad" else "")
    EhrRegistration.objects.filter(slug="off").update(enabled=False)
    text = page(staff("view_ehrregistration"), INDEX)
    assert figures(text, "states") == {"failing": 1, "needs-credentials": 0, "ready": 2, "verified": 0, "off": 1}
    assert f'href="{EHRS}?state=failing"' in text


def test_the_five_worst_are_named_with_the_way_to_mend_them(make_registration: MakeRegistration) -> None:
    for number in range(7):
        row = make_registration(slug=f"ehr-{number}", name=f"EHR {number}", client_id=str(number))
        checked(row, failing=True, fails=1, top_problem=f"Problem {number}.")
    text = part(page(staff("view_ehrregistration", "check_ehrregistration"), INDEX), "problems")
    assert re.findall(r"Problem (\d)\.", text) == ["0", "1", "2", "3", "4"]
    assert "2 more in the list" in text
    first = EhrRegistration.objects.get(slug="ehr-0")
    assert f'href="{EHRS}{first.pk}/check/"' in text
    looker = part(page(staff("view_ehrregistration", name="looker"), INDEX), "problems")
    assert "Problem 0." in looker
    assert "/check/" not in looker, "it would lead to a page that they may not see"


def test_launches_of_a_day_and_open_charts_are_counted(registration: EhrRegistration) -> None:
    for hours in (1, 5, 23, 25):
        traced(registration, hours=hours)
    traced(registration, "failed")
    traced(registration, "under-way")
    launch_of(registration)
    long_ago = timezone.now() - timedelta(hours=1)
    launch_of(registration, last_seen_at=long_ago)
    launch_of(registration, ended_at=timezone.now())
    text = page(staff("view_launchtrace", "view_launch"), INDEX)
    assert figures(text, "launches") == {"opened": 3, "failed": 1, "open": 1}


def test_nobody_is_told_what_they_may_not_see(registration: EhrRegistration) -> None:
    checked(registration, failing=True, fails=1, top_problem="No address.")
    traced(registration)
    launch_of(registration)
    for number, (rights, parts) in enumerate(
        (
            ((), set()),
            (("view_ehrregistration",), {"states", "problems"}),
            (("view_launchtrace",), {"launches"}),
            (("view_launch",), {"launches"}),
        )
    ):
        text = page(staff(*rights, name=f"person-{number}"), INDEX)
        assert {name for name in ("states", "problems", "warnings", "launches", "empty") if part(text, name)} == parts
        assert ("No address." in text) == ("view_ehrregistration" in rights)
        assert "End all sessions" not in text


def test_another_site_is_not_counted(make_registration: MakeRegistration) -> None:
    second = Site.objects.create(domain="second.test", name="Second")
    there = make_registration(name="Their EHR", site_id=second.pk, secret_expires_on=timezone.localdate())
    checked(there, failing=True, fails=1, top_problem="Their problem.")
    traced(there)
    launch_of(there)
    text = page(staff(superuser=True), INDEX)
    assert "No EHRs yet" in text
    assert figures(text, "launches") == {"opened": 0, "failed": 0, "open": 0}
    assert "Their" not in text


@pytest.mark.parametrize("hours", [None, 49, 47])
def test_daily_checks_that_have_stopped_are_a_warning(hours: float | None, registration: EhrRegistration) -> None:
    client = staff("view_ehrregistration")
    assert "aily checks" not in part(page(client, INDEX), "warnings"), "it is new: nobody can have checked it"
    EhrRegistration.objects.update(created_at=timezone.now() - timedelta(days=3))
    checked(registration, hours=0.5, kind="whole")
    if hours is not None:
        checked(registration, hours=hours)
    text = part(page(client, INDEX), "warnings")
    words = {None: "Daily checks have never run here.", 49: "The last daily checks ran 2 d ago.", 47: ""}[hours]
    assert words in text
    assert ("check_ehr --all --daily" in text) == bool(words)


def test_secrets_about_to_end_and_missing_pkce_are_warnings_with_the_way_to_them(
    make_registration: MakeRegistration,
) -> None:
    soon = make_registration(slug="soon", client_id="soon", secret_expires_on=timezone.localdate() + timedelta(days=2))
    bare = make_registration(slug="bare", name="Bare", client_id="bare", send_pkce=False)
    text = part(page(staff("view_ehrregistration"), INDEX), "warnings")
    assert "The client secret of soon expires in 2 days" in text
    assert f'href="{EHRS}{soon.pk}/change/"' in text
    assert "It sends no PKCE challenge." in text
    assert f'href="{EHRS}{bare.pk}/change/"' in text


# --- Sessions of a person -------------------------------------------------------------------------------------------
def claims(subject: str) -> IdentityClaims:
    return IdentityClaims(issuer="https://ehr.example.org", subject=subject)


def end(client: Client, action: str, *launches: Launch, **more: Any) -> str:
    data = {"action": action, "_selected_action": [launch.pk for launch in launches], **more}
    response = client.post("/admin/launcher/launch/", data, secure=True, follow=True)
    return unescape(response.content.decode())


def test_all_sessions_of_a_person_end_and_nobody_is_named(make_registration: MakeRegistration) -> None:
    row, other = make_registration(), make_registration(slug="other", client_id="other")
    jo, kim = person_for(claims("jo-17")), person_for(claims("kim-18"))
    theirs = [opened(row), opened(other)]
    Launch.objects.filter(pk__in=[launch.pk for launch in theirs]).update(person=jo)
    kims, nobodys = opened(row), opened(row)
    Launch.objects.filter(pk=kims.pk).update(person=kim)
    client = staff("view_launch", "end_sessions")
    asked = end(client, "end_of_persons", theirs[0])
    assert "End all sessions of these people?" in asked
    assert "jo-17" not in asked
    assert done() == []
    told = end(client, "end_of_persons", theirs[0], answer="yes")
    assert "Sessions ended: 2." in told
    reasons = dict(Launch.objects.values_list("pk", "end_reason"))
    assert [reasons[launch.pk] for launch in (*theirs, kims, nobodys)] == ["ended-by-staff"] * 2 + [""] * 2
    assert AuditEvent.objects.get(event="sessions.ended").detail == {"of": "person", "count": 2}


def test_of_a_launch_by_nobody_known_only_that_session_ends(registration: EhrRegistration) -> None:
    chosen, other = opened(registration), opened(registration)
    end(staff("view_launch", "end_sessions"), "end_of_persons", chosen, answer="yes")
    assert dict(Launch.objects.values_list("pk", "end_reason")) == {chosen.pk: "ended-by-staff", other.pk: ""}


def test_sessions_on_another_site_are_left_alone(make_registration: MakeRegistration) -> None:
    second = Site.objects.create(domain="second.test", name="Second")
    jo = person_for(claims("jo-17"))
    here, there = opened(make_registration()), opened(make_registration(slug="there", site_id=second.pk))
    Launch.objects.update(person=jo)
    client = staff("view_launch", "end_sessions")
    end(client, "end_of_persons", here, answer="yes")
    end(client, "end_chosen", there, answer="yes")
    assert dict(Launch.objects.values_list("pk", "end_reason")) == {here.pk: "ended-by-staff", there.pk: ""}


def test_who_may_only_look_ends_nothing(registration: EhrRegistration) -> None:
    launch = opened(registration)
    for action in ("end_chosen", "end_of_persons"):
        end(staff("view_launch", name=action), action, launch, answer="yes")
    launch.refresh_from_db()
    assert launch.end_reason == ""


def test_a_launch_is_found_by_its_reference_as_it_is_read_out(registration: EhrRegistration) -> None:
    launch_of(registration, reference="ABC234")
    launch_of(registration, reference="XYZ789")
    text = page(staff("view_launch"), "/admin/launcher/launch/?q=abc+234")
    assert "ABC234" in text.split("<tbody>")[1]
    assert "XYZ789" not in text


def test_checking_several_shows_a_line_for_each(
    make_registration: MakeRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "run", lambda facts, daily: iter([result(1, "fail", f"{facts.origin} {daily}")]))
    rows = [make_registration(slug=slug, name=slug.title(), client_id=slug) for slug in ("one", "two")]
    client = staff("view_ehrregistration", "check_ehrregistration")
    answer = act(client, "check_chosen", *rows)
    pieces = [piece.decode() for piece in answer.streaming_content]
    assert len(pieces) == 1 + 2 + 1
    assert "https://testserver True" in pieces[1]
    assert 'data-registration="two" data-status="fail"' in pieces[2]
    assert CheckRun.objects.filter(kind="daily", finished=True, actor="staff somebody").count() == 2
    assert done() == ["connection.checked"] * 2
