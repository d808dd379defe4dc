"""The list of EHRs: how each is doing, the worst first; and what is done with several at once."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from launcher import audit, credentials, signing
from launcher.admin.paginator import LimitedPaginator
from launcher.models import AuditEvent, CheckRun, EhrRegistration, Launch, LaunchTrace, SigningKey, StaffSites
from launcher.registration_state import State, days_left, state_of, top_problem, with_state
from launcher.short_times import ago
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import launch_of

pytestmark = pytest.mark.django_db
LIST = "/admin/launcher/ehrregistration/"
SECOND = "second.test"
SECRET = "s3cret-that-must-not-be-seen"


def staff(*rights: str, host: str = "testserver", superuser: bool = False, name: str = "somebody") -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="launcher", codename__in=rights))
    client = Client(headers={"host": host})
    client.force_login(user)
    return client


@pytest.fixture
def superuser(db: None) -> Client:
    return staff(superuser=True)


@pytest.fixture
def second_site(db: None) -> Site:
    return Site.objects.create(domain=SECOND, name="Second")


def checked(row: EhrRegistration, *, hours: float = 1, **values: Any) -> CheckRun:
    """A run of the daily checks, so many hours ago, that found nothing unless told."""
    given = {"kind": "daily", "actor": "command", "finished": True, **values}
    return CheckRun.objects.create(registration=row, at=timezone.now() - timedelta(hours=hours), **given)


def traced(row: EhrRegistration, outcome: str = "opened", *, hours: float = 1, **values: Any) -> LaunchTrace:
    return LaunchTrace.objects.create(
        site=row.site,
        registration=row,
        registration_slug=row.slug,
        started_at=timezone.now() - timedelta(hours=hours),
        outcome=outcome,
        **values,
    )


def opened(row: EhrRegistration) -> Launch:
    endpoints = {f"{name}_endpoint": f"https://ehr.example.org/{name}" for name in ("authorization", "token")}
    return launch_of(row, configuration=endpoints)


def standing(row: EhrRegistration) -> tuple[str, str]:
    state, problem = state_of(row)
    return state.value, problem.text


def page(client: Client, url: str = LIST) -> str:
    response = client.get(url, secure=True)
    assert response.status_code == 200, response.status_code
    return unescape(response.content.decode())


def act(client: Client, action: str, *rows: EhrRegistration, **more: Any) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(LIST, data, secure=True)


def done() -> list[str]:
    """What the audit says that was done, signing in and being refused aside."""
    events = AuditEvent.objects.order_by("pk").values_list("event", flat=True)
    return [event for event in events if event.partition(".")[0] != "admin"]


def names(text: str) -> list[str]:
    """The names of the list, in its order."""
    return [found.strip() for found in re.findall(r'/change/[^"]*">([^<]+) <span class="tag"', text)]


# --- The state of one -----------------------------------------------------------------------------------------------
def test_a_registration_that_is_fine_and_was_launched_is_verified(registration: EhrRegistration) -> None:
    checked(registration)
    assert standing(registration) == ("ready", "No launch has been opened yet.")
    launch_of(registration)
    assert standing(registration) == ("verified", "")


def test_a_failed_check_is_a_state_with_what_it_found(registration: EhrRegistration) -> None:
    checked(registration, failing=True, fails=1, top_problem="The host has no address.")
    assert standing(registration) == ("failing", "The host has no address.")


def test_the_newest_run_counts(registration: EhrRegistration) -> None:
    checked(registration, hours=30, failing=True, fails=1, top_problem="The host has no address.")
    checked(registration, hours=2)
    assert standing(registration)[0] == "ready"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"client_id": ""}, "no client ID"),
        ({"auth_method": "client_secret_post"}, "no client secret, and client_secret_post needs one"),
        ({"auth_method": "private_key_jwt"}, "No RS384 signing key is active"),
        ({"secret_from": "env:NOT_SET_ANYWHERE"}, "environment variable NOT_SET_ANYWHERE is not set"),
        ({"client_secret": SECRET, "secret_expires_on": -2}, "The client secret expired 2 days ago"),
    ],
)
def test_what_the_vendor_gives_is_missing_or_over(
    values: dict[str, Any], words: str, registration: EhrRegistration
) -> None:
    checked(registration, failing=True, fails=1, top_problem="Something that follows from it.")
    if "secret_expires_on" in values:
        values = {**values, "secret_expires_on": timezone.localdate() + timedelta(days=values["secret_expires_on"])}
    for name, value in values.items():
        setattr(registration, name, value)
    registration.save()
    state, problem = standing(registration)
    assert state == "needs-credentials"
    assert words in problem


def test_whatever_the_launch_would_be_refused_for_is_a_state(registration: EhrRegistration) -> None:
    """The list and the refusal of launches agree on what is missing."""
    for method in EhrRegistration.AuthMethod.values:
        for client_id in ("", "app"):
            for secret in ("", SECRET):
                registration.auth_method, registration.client_id = method, client_id
                registration.client_secret = secret
                registration.save()
                row = EhrRegistration.objects.get(pk=registration.pk)
                if credentials.missing(row):
                    assert state_of(row)[0] == State.NEEDS, (method, client_id, secret)


def test_with_its_key_active_a_registration_that_signs_is_ready(registration: EhrRegistration) -> None:
    EhrRegistration.objects.update(auth_method="private_key_jwt")
    key = SigningKey(algorithm="RS384")
    signing.publish(key, actor="command")
    SigningKey.objects.update(active_from=timezone.now() - timedelta(minutes=1))
    checked(registration)
    assert standing(registration)[0] == "ready"


def test_what_is_off_is_off_and_no_problem(registration: EhrRegistration) -> None:
    checked(registration, failing=True, fails=1, top_problem="The host has no address.")
    EhrRegistration.objects.update(enabled=False)
    assert standing(registration) == ("off", "")


def test_a_launch_under_way_says_nothing_yet_and_a_failed_one_is_a_problem(registration: EhrRegistration) -> None:
    checked(registration)
    launch_of(registration)
    traced(registration, "failed", code="ehr_unreachable")
    traced(registration, "under-way", hours=0.1)
    state, problem = standing(registration)
    assert state == "verified"
    assert problem == "The last launch failed: Your EHR is not answering the app."
    traced(registration, "opened", hours=0.2)
    assert standing(registration)[1] == ""


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (lambda row: None, "not been checked yet"),
        (lambda row: checked(row, hours=80), "last checked 3 d ago"),
        (lambda row: checked(row, finished=False), "broken off"),
        (lambda row: checked(row, warns=1, top_problem="The certificate ends soon."), "The certificate ends soon."),
    ],
)
def test_lesser_problems_are_said_too(arrange: Any, words: str, registration: EhrRegistration) -> None:
    launch_of(registration)
    arrange(registration)
    state, problem = standing(registration)
    assert state == "verified"
    assert words in problem


def test_a_date_means_nothing_where_no_secret_is_sent(registration: EhrRegistration) -> None:
    registration.secret_expires_on = timezone.localdate()
    now = timezone.now()
    assert days_left(registration, now) == 0
    registration.auth_method = "none"
    assert days_left(registration, now) is None


def test_the_order_of_the_database_is_that_of_the_words(make_registration: MakeRegistration) -> None:
    """Each row has exactly one problem; sorted by rank they come in the order in which `top_problem` asks."""
    today = timezone.localdate()
    wanted = ("failing", "needs", "launch", "secret", "unchecked", "warning", "never", "verified", "off")
    for number, slug in enumerate(reversed(wanted)):
        row = make_registration(slug=slug, name=f"{number} {slug}", client_id=f"app-{slug}")
        if slug != "unchecked":
            bad = {"failing": slug == "failing", "top_problem": "Bad." if slug in {"failing", "warning"} else ""}
            checked(row, **bad)
        if slug not in {"never", "off"}:
            launch_of(row)
        if slug == "launch":
            traced(row, "failed")
        changes = {
            "needs": {"client_id": ""},
            "secret": {"secret_expires_on": today + timedelta(days=12)},
            "off": {"enabled": False},
        }
        EhrRegistration.objects.filter(pk=row.pk).update(**changes.get(slug, {}))
    rows = list(with_state(EhrRegistration.objects.all()).order_by("rank", "name"))
    assert tuple(row.slug for row in rows) == wanted
    told = {row.slug: top_problem(row, timezone.now()).text for row in rows}
    assert [slug for slug in wanted if not told[slug]] == ["verified", "off"]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (-5, "just now"),
        (0.5, "just now"),
        (12, "12 min ago"),
        (125, "2 h ago"),
        (47 * 60, "47 h ago"),
        (7200, "5 d ago"),
    ],
)
def test_times_are_short_words(minutes: float, words: str) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert ago(now - timedelta(minutes=minutes), now) == words


# --- The list -------------------------------------------------------------------------------------------------------
def test_a_row_tells_everything_at_a_glance(superuser: Client, make_registration: MakeRegistration) -> None:
    row = make_registration(
        environment="production",
        fhir_version="DSTU2",
        client_secret=SECRET,
        secret_expires_on=timezone.localdate() + timedelta(days=12),
    )
    checked(row, hours=2.1, warns=1, top_problem="The certificate ends in 20 days.")
    launch_of(row)
    for hours in (0.2, 3, 30):
        traced(row, hours=hours)
    traced(row, "failed", hours=5)
    text = page(superuser)
    line = text.split("<tbody>")[1].split("</tr>")[0]
    for words in (
        "Main",
        "Production",
        "Verified",
        "2 h ago, 0 fail 1 warn",
        "12 min ago, success",
        "2 ok · 1 failed",
        "The client secret expires in 12 days.",
        "expires in 12 d<",
        "DSTU2",
    ):
        assert words in line, words
    assert SECRET not in text


def test_the_worst_comes_first_and_a_column_sorts_otherwise(
    superuser: Client, make_registration: MakeRegistration
) -> None:
    fine, bad, lost = (
        make_registration(slug=slug, name=slug.title(), client_id=slug) for slug in ("alpha", "beta", "gamma")
    )
    for row in (fine, bad, lost):
        checked(row, failing=row is bad, top_problem="Bad." if row is bad else "")
    EhrRegistration.objects.filter(pk=lost.pk).update(client_id="")
    assert names(page(superuser)) == ["Beta", "Gamma", "Alpha"]
    assert names(page(superuser, f"{LIST}?o=1")) == ["Alpha", "Beta", "Gamma"]
    assert names(page(superuser, f"{LIST}?o=-2")) == ["Alpha", "Gamma", "Beta"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=failing", ["Beta"]),
        ("state=needs-credentials", ["Gamma"]),
        ("state=nonsense", ["Beta", "Gamma", "Alpha"]),
        ("environment__exact=test", ["Alpha"]),
        ("fhir_version__exact=R4", ["Beta"]),
        ("owner=Ward+3", ["Alpha"]),
        ("q=ward+3", ["Alpha"]),
        ("q=app-beta", ["Beta"]),
        ("q=gamma.example", ["Gamma"]),
        ("state=failing&q=alpha", []),
        ("state=failing&_facets=True", ["Beta"]),
    ],
)
def test_filters_and_search_find_what_they_say(
    query: str, found: list[str], superuser: Client, make_registration: MakeRegistration
) -> None:
    values: dict[str, dict[str, Any]] = {
        "alpha": {"environment": "test", "owner": "Ward 3"},
        "beta": {"fhir_version": "R4"},
        "gamma": {},
    }
    for slug, more in values.items():
        row = make_registration(
            slug=slug, name=slug.title(), client_id=f"app-{slug}", iss=f"https://{slug}.example.org/fhir", **more
        )
        checked(row, failing=slug == "beta", top_problem="Bad." if slug == "beta" else "")
    EhrRegistration.objects.filter(slug="gamma").update(client_id="")
    assert names(page(superuser, f"{LIST}?{query}")) == found


def test_the_owners_of_another_site_are_not_offered(
    superuser: Client, second_site: Site, make_registration: MakeRegistration
) -> None:
    make_registration(slug="here", owner="Ward 3", client_id="here")
    make_registration(slug="here-too", owner="Ward 4", client_id="here-too")
    make_registration(slug="there", owner="Clinic of another house", site_id=second_site.pk)
    text = page(superuser)
    assert "Ward 4" in text
    assert "Clinic of another house" not in text


def _queries(client: Client, url: str) -> int:
    page(client, url)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        page(client, url)
    return len(captured)


@pytest.mark.parametrize("url", [LIST, f"{LIST}?state=failing&q=main", "/admin/"])
def test_sixty_rows_take_as_many_queries_as_five(
    url: str, superuser: Client, make_registration: MakeRegistration
) -> None:
    def fill(numbers: range) -> None:
        for number in numbers:
            row = make_registration(
                slug=f"main-{number}", name=f"Main {number}", client_id=f"app-{number}", secret_from="env:HOME"
            )
            checked(row, failing=True, fails=1, top_problem="Bad.")
            traced(row)
            launch_of(row)

    fill(range(5))
    few = _queries(superuser, url)
    fill(range(5, 60))
    assert _queries(superuser, url) == few
    assert few <= 25


def test_a_long_list_is_not_counted_to_its_end(registration: EhrRegistration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.admin.paginator.MOST", 3)
    for _ in range(5):
        checked(registration)
    with CaptureQueriesContext(connection) as captured:
        long = LimitedPaginator(CheckRun.objects.order_by("-at"), 2)
        assert (long.count, long.has_more, long.num_pages) == (3, True, 2)
    assert "LIMIT 4" in captured[0]["sql"]
    assert len(captured) == 1
    CheckRun.objects.filter(pk__in=CheckRun.objects.values("pk")[:2]).delete()
    few = LimitedPaginator(CheckRun.objects.order_by("-at"), 2)
    assert (few.count, few.has_more, len(few.page(2).object_list)) == (3, False, 1)


# --- What is done with several --------------------------------------------------------------------------------------
def test_each_action_is_offered_to_those_who_have_its_right(registration: EhrRegistration) -> None:
    rights = {
        "check_chosen": "check_ehrregistration",
        "switch_on_chosen": "switch_ehrregistration",
        "switch_off_chosen": "switch_ehrregistration",
        "duplicate_chosen": "add_ehrregistration",
        "export_chosen": "export_ehrregistration",
        "end_sessions_of_chosen": "end_sessions",
    }
    for right in sorted(set(rights.values())):
        client = staff("view_ehrregistration", right, name=right)
        offered = set(re.findall(r'<option value="(\w+)">', page(client).partition('name="action"')[2]))
        assert offered == {action for action, needed in rights.items() if needed == right}
        for action, needed in rights.items():
            if needed != right:
                act(client, action, registration, answer="yes", choice="1")
    registration.refresh_from_db()
    assert registration.enabled
    assert done() == []


def test_disabling_asks_first_then_ends_sessions_and_is_audited(registration: EhrRegistration) -> None:
    client = staff("view_ehrregistration", "switch_ehrregistration")
    launch = opened(registration)
    asked = act(client, "switch_off_chosen", registration).content.decode()
    assert "Open sessions that end at once: 1." in asked
    registration.refresh_from_db()
    assert registration.enabled
    act(client, "switch_off_chosen", registration, answer="yes")
    registration.refresh_from_db()
    launch.refresh_from_db()
    assert not registration.enabled
    assert (launch.end_reason, launch.access_token.reveal()) == ("registration-disabled", "")
    event = AuditEvent.objects.get(event="registration.changed")
    assert (event.actor, event.registration, event.site) == ("staff somebody", "main", "testserver")
    assert event.detail["enabled"] == "on → off"
    act(client, "switch_on_chosen", registration)
    registration.refresh_from_db()
    assert registration.enabled
    assert AuditEvent.objects.filter(event="registration.changed").count() == 2


def test_what_is_off_already_is_not_switched_off_again(registration: EhrRegistration) -> None:
    client = staff("view_ehrregistration", "switch_ehrregistration")
    EhrRegistration.objects.update(enabled=False)
    act(client, "switch_off_chosen", registration, answer="yes")
    assert not AuditEvent.objects.filter(event="registration.changed").exists()


def test_a_switch_keeps_the_secret_as_it_is(make_registration: MakeRegistration) -> None:
    row = make_registration(client_secret=SECRET)
    act(staff("view_ehrregistration", "switch_ehrregistration"), "switch_off_chosen", row, answer="yes")
    assert EhrRegistration.objects.get().client_secret.reveal() == SECRET


@pytest.mark.django_db(transaction=True)
def test_if_the_audit_cannot_be_written_nothing_is_switched(
    registration: EhrRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = staff("view_ehrregistration", "switch_ehrregistration")
    monkeypatch.setattr(audit, "_append", _refused)
    act(client, "switch_off_chosen", registration, answer="yes")
    registration.refresh_from_db()
    assert registration.enabled


def _refused(*args: Any) -> Any:
    raise DatabaseError("no")


def test_an_export_holds_no_secret_and_is_audited(make_registration: MakeRegistration) -> None:
    row = make_registration(client_secret=SECRET)
    make_registration(slug="left", client_id="left")
    client = staff("view_ehrregistration", "export_ehrregistration")
    answer = act(client, "export_chosen", row)
    assert answer["Content-Disposition"].startswith('attachment; filename="registrations-')
    text = answer.content.decode()
    assert [each["slug"] for each in json.loads(text)["registrations"]] == ["main"]
    assert SECRET not in text
    assert "v1." not in text
    event = AuditEvent.objects.get(event="registrations.exported")
    assert (event.detail["count"], event.detail["registrations"], event.actor) == (1, "main", "staff somebody")


def test_all_sessions_of_an_ehr_end_after_a_question(
    make_registration: MakeRegistration, registration: EhrRegistration
) -> None:
    other = make_registration(slug="other", client_id="other")
    here, long_over, there = opened(registration), opened(registration), opened(other)
    Launch.objects.filter(pk=long_over.pk).update(ended_at=timezone.now(), end_reason="signed-out")
    client = staff("view_ehrregistration", "end_sessions")
    assert "Charts that are open now: 1." in act(client, "end_sessions_of_chosen", registration).content.decode()
    assert done() == []
    act(client, "end_sessions_of_chosen", registration, answer="yes")
    reasons = dict(Launch.objects.values_list("pk", "end_reason"))
    assert reasons == {here.pk: "ended-by-staff", long_over.pk: "signed-out", there.pk: ""}
    assert Launch.objects.get(pk=here.pk).access_token.reveal() == ""
    event = AuditEvent.objects.get(event="sessions.ended")
    assert (event.detail, event.registration) == ({"of": "registration", "count": 1}, "main")
    assert AuditEvent.objects.filter(event="session.ended", launch=here.pk).count() == 1


def test_all_sessions_of_a_site_end_and_no_others(
    second_site: Site, make_registration: MakeRegistration, registration: EhrRegistration
) -> None:
    there = opened(make_registration(slug="there", site_id=second_site.pk))
    here = opened(registration)
    client = staff("view_ehrregistration", "end_sessions")
    url = f"{LIST}end-sessions/"
    assert "Charts that are open now: 1." in page(client, url)
    client.post(url, secure=True)
    assert dict(Launch.objects.values_list("pk", "end_reason")) == {here.pk: "ended-by-staff", there.pk: ""}
    assert AuditEvent.objects.get(event="sessions.ended").detail == {"of": "site", "count": 1}
    looker = staff("view_ehrregistration", name="looker")
    assert looker.get(url, secure=True).status_code == 403
    assert looker.post(url, secure=True).status_code == 403


# --- To another site ------------------------------------------------------------------------------------------------
def member(*sites: Site, rights: tuple[str, ...] = ("view_ehrregistration", "add_ehrregistration")) -> Client:
    client = staff(*rights)
    StaffSites.objects.create(user=get_user_model().objects.get(username="somebody")).sites.set(sites)
    return client


def test_a_copy_on_another_site_is_off_and_has_no_secret(
    second_site: Site, make_registration: MakeRegistration
) -> None:
    first = Site.objects.get(pk=1)
    row = make_registration(client_secret=SECRET, owner="Ward 3", scopes="launch openid", fhir_version="R4")
    client = member(first, second_site)
    asked = act(client, "duplicate_chosen", row).content.decode()
    assert SECOND in asked
    assert EhrRegistration.objects.count() == 1
    act(client, "duplicate_chosen", row, answer="yes", choice=str(second_site.pk))
    copy = EhrRegistration.objects.get(site=second_site)
    assert (copy.slug, copy.iss, copy.owner, copy.scopes, copy.fhir_version) == (
        *(row.slug, row.iss, "Ward 3"),
        *("launch openid", "R4"),
    )
    assert copy.redirect_uri == f"https://{SECOND}/callback/main"
    assert not copy.enabled
    assert copy.client_secret.reveal() == ""
    assert copy.uuid != row.uuid
    event = AuditEvent.objects.get(event="registration.created")
    assert (event.site, event.registration) == (SECOND, "main")


def test_a_copy_does_not_share_a_secret_by_reference(second_site: Site, make_registration: MakeRegistration) -> None:
    row = make_registration(secret_from="env:HOME")
    act(member(Site.objects.get(pk=1), second_site), "duplicate_chosen", row, answer="yes", choice=str(second_site.pk))
    assert EhrRegistration.objects.get(site=second_site).secret_from == ""


def test_nobody_copies_to_a_site_they_do_not_work_for(second_site: Site, registration: EhrRegistration) -> None:
    third = Site.objects.create(domain="third.test", name="Third")
    client = member(Site.objects.get(pk=1), second_site)
    for choice in (str(third.pk), "1", "", "nonsense", "9" * 30):
        assert act(client, "duplicate_chosen", registration, answer="yes", choice=choice).status_code == 403
    lonely = staff("view_ehrregistration", "add_ehrregistration", name="lonely")
    act(lonely, "duplicate_chosen", registration, answer="yes", choice=str(second_site.pk))
    assert EhrRegistration.objects.count() == 1


def test_a_site_that_has_it_already_keeps_its_own(
    second_site: Site, make_registration: MakeRegistration, registration: EhrRegistration
) -> None:
    make_registration(site_id=second_site.pk, name="Their own")
    client = member(Site.objects.get(pk=1), second_site)
    data = {
        "action": "duplicate_chosen",
        "_selected_action": registration.pk,
        "answer": "yes",
        "choice": second_site.pk,
    }
    told = client.post(LIST, data, secure=True, follow=True).content.decode()
    assert "second.test has a registration “main” already." in unescape(told)
    assert EhrRegistration.objects.get(site=second_site).name == "Their own"


@pytest.mark.parametrize(
    "action",
    [
        "check_chosen",
        "switch_on_chosen",
        "switch_off_chosen",
        "duplicate_chosen",
        "export_chosen",
        "end_sessions_of_chosen",
    ],
)
def test_no_action_reaches_a_row_of_another_site(
    action: str, superuser: Client, second_site: Site, make_registration: MakeRegistration
) -> None:
    there = make_registration(slug="there", name="There", site_id=second_site.pk, enabled=action != "switch_on_chosen")
    launch = opened(there)
    before = list(EhrRegistration.objects.values())
    answer = act(superuser, action, there, answer="yes", choice="1")
    told = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert b"There" not in told
    assert b'"there"' not in told
    assert list(EhrRegistration.objects.values()) == before
    launch.refresh_from_db()
    assert launch.end_reason == ""
    assert not CheckRun.objects.exists()
