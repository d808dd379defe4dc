"""Every change in the admin is one event of the audit trail; the trail itself is looked at by those who may."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.utils import timezone

from launcher import audit, changes
from launcher.admin_audit import Audited
from launcher.audit_filter import AuditFilter
from launcher.models import AuditEvent, EhrRegistration, SigningKey, StaffSites, StyleSheet
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import ADD, LIST, SECOND, Admin, form, text

pytestmark = pytest.mark.django_db
SECRET = "s3cret-that-must-not-be-seen"
TRAIL = "/admin/launcher/auditevent/"
USERS, GROUPS, SITES = "/admin/auth/user/", "/admin/auth/group/", "/admin/sites/site/"
LAUNCH = "a" * 32


@pytest.fixture
def admin(db: None) -> Admin:
    person = Admin(get_user_model().objects.create_superuser("superuser", password="a-good-long-password"))
    LogEntry.objects.all().delete()
    return person


@pytest.fixture
def second_site(db: None) -> Site:
    return Site.objects.create(domain=SECOND, name="Second")


def auditor(*permissions: str, name: str = "auditor") -> Admin:
    """Staff of the default site with these rights in the launcher."""
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return Admin(user)


def changes_written() -> list[AuditEvent]:
    """What was written about things that were added, changed or deleted, in order."""
    return [
        row for row in AuditEvent.objects.order_by("pk") if row.event.endswith((".created", ".changed", ".deleted"))
    ]


def the_change() -> AuditEvent:
    (row,) = changes_written()
    return row


# --- Changes ----------------------------------------------------------------------------------------------------------
def test_a_registration_that_is_added_is_written_down_with_what_it_says(admin: Admin) -> None:
    admin.post(ADD, form(new_secret=SECRET, approved_origins="https://login.example.org"))
    row = the_change()
    assert (row.event, row.outcome, row.actor) == ("registration.created", "success", "staff superuser")
    assert (row.site, row.registration) == ("testserver", "main-clinic")
    assert row.at.tzinfo is not None
    assert row.detail["iss"] == "https://ehr.example.org/fhir"
    assert row.detail["approved_origins"] == "https://login.example.org"
    assert "client_secret" not in row.detail, "it has an event of its own"
    assert AuditEvent.objects.filter(event="secret.stored", registration="main-clinic", detail={}).count() == 1
    assert "time_zone" not in row.detail, "what is empty is no news"
    assert SECRET not in str(row.detail)


def test_a_change_says_which_fields_with_before_and_after_and_of_a_secret_only_that(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(slug="main-clinic", client_id="our-client", name="Old name", client_secret="the old one")
    answer = admin.post(
        f"{LIST}{row.pk}/change/",
        form(name="New name", new_secret=SECRET, redirect_uri=row.redirect_uri, require_identity="on"),
    )
    assert answer.redirect_chain, text(answer)[:2000]
    event = the_change()
    assert event.event == "registration.changed"
    assert event.detail["name"] == "Old name → New name"
    assert event.detail["require_identity"] == "off → on"
    assert "iss" not in event.detail
    assert AuditEvent.objects.filter(event="secret.replaced", actor="staff superuser").count() == 1
    everything = str(list(AuditEvent.objects.values()))
    assert SECRET not in everything
    assert "the old one" not in everything
    assert "v1." not in everything


def test_a_form_that_changes_nothing_and_one_that_is_refused_leave_no_event(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    admin.post(ADD, form())
    row = EhrRegistration.objects.get()
    before = len(changes_written())
    admin.post(f"{LIST}{row.pk}/change/", form(redirect_uri=row.redirect_uri))
    admin.post(f"{LIST}{row.pk}/change/", form(name="", redirect_uri=row.redirect_uri))
    assert len(changes_written()) == before


def test_a_secret_alone_is_one_event(admin: Admin, make_registration: MakeRegistration) -> None:
    admin.post(ADD, form())
    row = EhrRegistration.objects.get()
    before = set(AuditEvent.objects.values_list("pk", flat=True))
    admin.post(f"{LIST}{row.pk}/change/", form(new_secret=SECRET, redirect_uri=row.redirect_uri))
    assert EhrRegistration.objects.get().client_secret.reveal() == SECRET
    written = AuditEvent.objects.exclude(pk__in=before).exclude(event="connection.checked")
    assert list(written.values_list("event", flat=True)) == ["secret.stored"]


def test_a_deleted_registration_leaves_what_it_was(admin: Admin, make_registration: MakeRegistration) -> None:
    row = make_registration(client_secret=SECRET)
    admin.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    event = the_change()
    assert (event.event, event.registration, event.site) == ("registration.deleted", "main", "testserver")
    assert event.detail["iss"] == "https://ehr.example.org/fhir"
    assert event.detail["client_secret"] == "set"


def test_several_deleted_at_once_are_an_event_each(admin: Admin, make_registration: MakeRegistration) -> None:
    rows = [make_registration(slug=f"ehr-{n}", client_id=f"client-{n}") for n in range(3)]
    admin.post(LIST, {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"})
    assert not EhrRegistration.objects.exists()
    assert sorted((row.event, row.registration) for row in changes_written()) == [
        ("registration.deleted", f"ehr-{n}") for n in range(3)
    ]


def test_a_person_and_their_sites_and_roles_are_written_down_without_the_password(
    admin: Admin, second_site: Site
) -> None:
    password = "a-password-nobody-may-read"
    made = {"username": "nurse", "password1": password, "password2": password, "usable_password": "true"}
    inline = {"staff_sites-TOTAL_FORMS": 1, "staff_sites-INITIAL_FORMS": 0}
    admin.post(f"{USERS}add/", {**made, **inline})
    nurse = get_user_model().objects.get(username="nurse")
    group = Group.objects.get(name="Support")
    whole = {
        "username": "nurse",
        "is_active": "on",
        "is_staff": "on",
        "groups": [group.pk],
        "date_joined_0": f"{nurse.date_joined:%Y-%m-%d}",
        "date_joined_1": f"{nurse.date_joined:%H:%M:%S}",
        **inline,
        "staff_sites-0-sites": [second_site.pk],
    }
    answer = admin.post(f"{USERS}{nurse.pk}/change/", whole)
    assert answer.redirect_chain, text(answer)[:3000]
    assert StaffSites.objects.get(user=nurse).sites.get() == second_site
    admin.post(
        f"{USERS}{nurse.pk}/password/",
        {"password1": f"{password}-2", "password2": f"{password}-2", "usable_password": "true"},
    )
    created, changed, replaced = changes_written()
    assert [row.event for row in (created, changed, replaced)] == ["user.created", "user.changed", "user.changed"]
    assert {row.site for row in (created, changed, replaced)} == {""}, "people are the whole installation's"
    assert created.detail["what"] == "nurse"
    assert created.detail["password"] == "set"
    assert changed.detail["is_staff"] == "off → on"
    assert changed.detail["groups"] == "– → Support"
    assert changed.detail["staffsites: sites"] == f"– → {SECOND}"
    assert replaced.detail == {"what": "nurse", "password": "replaced"}
    nurse.refresh_from_db()
    assert nurse.check_password(f"{password}-2")
    everything = str(list(AuditEvent.objects.values())) + str(list(LogEntry.objects.values()))
    assert password not in everything
    assert nurse.password not in everything


def test_ones_own_password_is_written_down_as_replaced(admin: Admin) -> None:
    new = "another-good-long-password"
    wrong = {"old_password": "not it", "new_password1": new, "new_password2": new}
    admin.post("/admin/password_change/", wrong)
    assert changes_written() == []
    admin.post("/admin/password_change/", wrong | {"old_password": "a-good-long-password"})
    event = the_change()
    assert (event.event, event.actor) == ("user.changed", "staff superuser")
    assert event.detail == {"what": "superuser", "password": "replaced"}


def test_groups_and_sites_are_written_down(admin: Admin) -> None:
    permission = Permission.objects.get(codename="view_auditevent")
    admin.post(f"{GROUPS}add/", {"name": "Readers", "permissions": [permission.pk]})
    admin.post(f"{SITES}add/", {"domain": SECOND, "name": "Second"})
    site = Site.objects.get(domain=SECOND)
    admin.post(f"{SITES}{site.pk}/change/", {"domain": SECOND, "name": "Renamed"})
    admin.post(f"{SITES}{site.pk}/delete/", {"post": "yes"})
    assert [(row.event, row.site) for row in changes_written()] == [
        (name, "") for name in ("group.created", "site.created", "site.changed", "site.deleted")
    ]
    group, _, renamed, _ = changes_written()
    assert "view audit event" in group.detail["permissions"].lower()
    assert renamed.detail["name"] == "Second → Renamed"


def test_a_signing_key_that_is_made_and_retired_is_one_event_each(admin: Admin) -> None:
    admin.post("/admin/launcher/signingkey/add/", {"algorithm": "ES384"})
    key = SigningKey.objects.get()
    admin.post("/admin/launcher/signingkey/", {"action": "retire_selected", "_selected_action": [key.pk]})
    written = AuditEvent.objects.filter(event__startswith="key.").order_by("pk")
    assert [row.event for row in written] == ["key.created", "key.retired"]
    SigningKey.objects.update(
        retiring_at=timezone.now() - timedelta(days=3), retired_at=timezone.now() - timedelta(days=2)
    )
    admin.post(f"/admin/launcher/signingkey/{key.pk}/delete/", {"post": "yes"})
    deleted = AuditEvent.objects.get(event="key.deleted")
    assert (deleted.detail["what"], deleted.detail["algorithm"]) == (str(key), "ES384")
    assert "PRIVATE" not in str(deleted.detail)


def test_a_style_sheet_that_is_deleted_is_written_down_with_its_site(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration()
    sheet = StyleSheet.objects.create(registration=row, url="https://ehr.example.org/s.json", fetched_at=timezone.now())
    admin.post(f"/admin/launcher/stylesheet/{sheet.pk}/delete/", {"post": "yes"})
    event = the_change()
    assert (event.event, event.site, event.registration) == ("style.deleted", "testserver", "main")


def test_everything_in_the_admin_is_audited_and_a_plugins_own_would_be() -> None:
    registered = django_admin.site._registry.values()
    assert all(isinstance(each, Audited) for each in registered)
    assert len(registered) > 6


def break_the_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("the audit cannot be written")

    monkeypatch.setattr(audit, "write", refuse)


def test_what_cannot_be_written_down_does_not_happen(
    admin: Admin, make_registration: MakeRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_registration(slug=f"ehr-{n}", client_id=f"client-{n}", name=f"Name {n}") for n in range(2)]
    person = get_user_model().objects.get()
    password = person.password
    break_the_trail(monkeypatch)
    new = "another-good-long-password"
    tries: list[tuple[str, dict[str, Any]]] = [
        (ADD, form()),
        (f"{LIST}{rows[0].pk}/change/", form(slug="ehr-0", client_id="client-0", redirect_uri=rows[0].redirect_uri)),
        (f"{LIST}{rows[0].pk}/delete/", {"post": "yes"}),
        (LIST, {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"}),
        (f"{USERS}{person.pk}/password/", {"password1": new, "password2": new, "usable_password": "true"}),
        (
            "/admin/password_change/",
            {"old_password": "a-good-long-password", "new_password1": new, "new_password2": new},
        ),
    ]
    for url, data in tries:
        answer = admin.post(url, data)
        assert (answer.status_code, "data-error" in text(answer)) == (503, True), url
    assert list(EhrRegistration.objects.order_by("slug").values_list("name", flat=True)) == ["Name 0", "Name 1"]
    assert not LogEntry.objects.exists()
    person.refresh_from_db()
    assert person.password == password


def test_of_several_rows_all_are_deleted_or_none(
    admin: Admin, make_registration: MakeRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_registration(slug=f"ehr-{n}", client_id=f"client-{n}") for n in range(3)]
    real, deleted = audit.write, []

    def second_fails(name: str, *args: Any, **kwargs: Any) -> Any:
        deleted.append(name) if name == "registration.deleted" else None
        if len(deleted) == 2:
            raise DatabaseError("the audit cannot be written")
        return real(name, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(audit, "write", second_fails)
        admin.post(LIST, {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"})
    assert len(deleted) > 1
    assert EhrRegistration.objects.count() == 3
    assert changes_written() == []


def test_register_ehr_writes_the_same_events(db: None, tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    given = ["main", "--iss", "https://ehr.example.org/fhir", "--client-id", "app"]
    call_command("register_ehr", *given, verbosity=0)
    call_command("register_ehr", *given, verbosity=0)
    call_command("register_ehr", "main", "--name", "Renamed", "--client-secret-file", str(secret), verbosity=0)
    created, changed = changes_written()
    assert [(row.event, row.actor, row.registration, row.site) for row in (created, changed)] == [
        (event, "command", "main", "testserver") for event in ("registration.created", "registration.changed")
    ]
    assert created.detail["client_id"] == "app"
    assert changed.detail == {
        "what": "Renamed",
        "name": "main → Renamed",
        "client_secret": "set",
        "by": "register_ehr",
    }


def test_register_ehr_changes_nothing_that_it_cannot_write_down(monkeypatch: pytest.MonkeyPatch) -> None:
    break_the_trail(monkeypatch)
    with pytest.raises(DatabaseError):
        call_command("register_ehr", "main", "--iss", "https://ehr.example.org/fhir", "--client-id", "a", verbosity=0)
    assert not EhrRegistration.objects.exists()


def test_a_removed_and_an_unchanged_secret_are_told_apart(make_registration: MakeRegistration) -> None:
    row = make_registration(client_secret=SECRET)
    before = changes.stored_values(row)
    row.save()
    assert changes.differences(before, changes.stored_values(row)) == {}
    row.client_secret = ""
    row.save()
    assert changes.differences(before, changes.stored_values(row)) == {"client_secret": "removed"}
    assert SECRET not in repr(before)


# --- The viewer -------------------------------------------------------------------------------------------------------
def some_event(event: str = "patient.read", *, site: str = "testserver", **more: Any) -> AuditEvent:
    facts = {name: more.pop(name) for name in ("outcome", "reference", "detail", "code", "reason") if name in more}
    return audit.write(event, audit.Subject(site=site, **more), audit.Facts(**facts))


def shown_events(page: HttpResponse) -> set[int]:
    found = re.findall(rf'href="{TRAIL}(\d+)/change/', text(page).split("<tbody>")[-1].split("</tbody>")[0])
    return {int(each) for each in found}


def last_viewed() -> AuditEvent:
    return AuditEvent.objects.filter(event="audit.viewed").order_by("-pk")[0]


def test_each_box_narrows_the_list_and_is_kept_in_it(admin: Admin) -> None:
    wanted = some_event(
        "panel.read", registration="main", launch=LAUNCH, patient="p-1", outcome="failure", reference="ABC234"
    )
    some_event("session.opened", registration="other", launch="b" * 32, patient="p-2", reference="ZZZ234")
    today = f"{wanted.at:%Y-%m-%d}"
    yesterday = f"{wanted.at - timedelta(days=1):%Y-%m-%d}"
    for box in ("event=panel.read", "event=panel.", "outcome=failure", "registration=main", f"launch={LAUNCH}"):
        page = admin.get(f"{TRAIL}?{box}")
        assert shown_events(page) == {wanted.pk}, box
        value = box.partition("=")[2]
        assert f'value="{value}"' in text(page), "the box keeps what was asked for"
    for box in ("reference=abc234", "patient=p-1", "q=ABC234", f"q={LAUNCH}"):
        assert shown_events(admin.get(f"{TRAIL}?{box}")) == {wanted.pk}, box
    assert wanted.pk in shown_events(admin.get(f"{TRAIL}?since={today}&until={today}&event=panel."))
    assert not shown_events(admin.get(f"{TRAIL}?until={yesterday}"))
    assert not shown_events(admin.get(f"{TRAIL}?patient=p-1&registration=other"))


@pytest.mark.parametrize(
    "query",
    [
        "patient=Jane Doe",
        "patient=p*",
        "q=Jane Doe",
        "event=Jane Doe",
        "since=yesterday",
        "until=2026-13-01",
        "outcome=x",
    ],
)
def test_a_box_that_holds_something_else_finds_nothing_and_its_text_is_not_kept(query: str, admin: Admin) -> None:
    some_event(patient="p-1")
    page = admin.get(f"{TRAIL}?{query}")
    assert shown_events(page) == set()
    assert "cannot be searched for" in text(page)
    name, _, value = query.partition("=")
    event = last_viewed()
    assert event.detail["not_usable"] == name
    assert value not in str(AuditEvent.objects.filter(event="audit.viewed").values())


def test_an_unknown_patient_that_was_looked_for_is_not_kept(admin: Admin) -> None:
    some_event(patient="p-1")
    admin.get(f"{TRAIL}?patient=Doe")
    assert last_viewed().patient == ""
    admin.get(f"{TRAIL}?patient=p-1")
    assert last_viewed().patient == "p-1"


@pytest.mark.parametrize(
    "lookup", ["patient__startswith=5", "detail__panel=x", "actor__contains=a", "hash=x", "site=second.test"]
)
def test_nothing_but_the_boxes_filters(lookup: str, admin: Admin) -> None:
    some_event(patient="54520")
    answer = admin.get(f"{TRAIL}?{lookup}")
    assert (answer.status_code, "54520" in text(answer)) == (403, False)


def test_a_view_is_written_down_once_with_what_was_looked_for(admin: Admin) -> None:
    event = some_event(launch=LAUNCH, patient="p-1")
    before = AuditEvent.objects.filter(event="audit.viewed").count()
    admin.get(f"{TRAIL}?event=patient.read&outcome=success")
    viewed = last_viewed()
    assert AuditEvent.objects.filter(event="audit.viewed").count() == before + 1
    assert (viewed.actor, viewed.site, viewed.outcome) == ("staff superuser", "testserver", "success")
    assert viewed.detail == {"page": "list", "number": 1, "event": "patient.read", "outcome": "success"}
    admin.get(f"{TRAIL}{event.pk}/change/")
    viewed = last_viewed()
    assert AuditEvent.objects.filter(event="audit.viewed").count() == before + 2
    assert viewed.patient == "p-1"
    assert viewed.detail["shown"] == f"{event.chain}-{event.sequence}"


def test_what_cannot_be_written_down_is_not_shown(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    event = some_event(reference="ABC234")
    break_the_trail(monkeypatch)
    for url in (TRAIL, f"{TRAIL}{event.pk}/change/"):
        answer = admin.get(url)
        assert answer.status_code == 503
        assert "ABC234" not in text(answer)


def test_events_of_the_installation_are_the_superusers_and_other_sites_rows_are_nobodys(
    admin: Admin, second_site: Site
) -> None:
    here, there, whole = some_event(), some_event(site=SECOND, reference="SEC234"), some_event("key.created", site="")
    reader = auditor("view_auditevent")
    assert {here.pk} <= shown_events(reader.get(TRAIL))
    assert not {there.pk, whole.pk} & shown_events(reader.get(TRAIL))
    assert {here.pk, whole.pk} <= shown_events(admin.get(TRAIL))
    assert there.pk not in shown_events(admin.get(TRAIL))
    for person, row in ((reader, there), (reader, whole), (admin, there)):
        answer = person.get(f"{TRAIL}{row.pk}/change/")
        assert answer.status_code == 302
    assert "0 audit events" in text(reader.get(f"{TRAIL}?q=SEC234")), "counts tell nothing of other sites"


def test_an_event_is_told_in_plain_words_with_its_neighbours(admin: Admin) -> None:
    first, middle, last = (some_event("panel.read", launch=LAUNCH, detail={"panel": name}) for name in ("a", "b", "c"))
    page = text(admin.get(f"{TRAIL}{middle.pk}/change/"))
    assert "A part of the chart was shown (panel.read)" in page
    assert "The chain holds here" in page
    assert f"{TRAIL}{first.pk}/change/" in page
    assert f"{TRAIL}{last.pk}/change/" in page
    assert "<td>b</td>" in page
    assert "nothing, it is the last" in text(admin.get(f"{TRAIL}{last.pk}/change/"))
    assert "nothing, it is the first" in text(admin.get(f"{TRAIL}{first.pk}/change/"))


@pytest.mark.parametrize(
    ("tampering", "looked_at", "words"),
    [
        ("UPDATE launcher_auditevent SET patient = 'x' WHERE id = %s", 1, "was changed after it was written"),
        ("DELETE FROM launcher_auditevent WHERE id = %s", 2, "the event before it is missing"),
        ("DELETE FROM launcher_auditevent WHERE id = %s", 0, "the events after it are missing"),
        ("UPDATE launcher_auditevent SET previous_hash = 'x' WHERE id = %s", 0, "the next event does not follow"),
    ],
)
def test_a_place_where_the_chain_does_not_hold_says_so(
    tampering: str, looked_at: int, words: str, admin: Admin
) -> None:
    rows = [some_event(launch=LAUNCH) for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(tampering, [rows[1].pk])
    page = text(admin.get(f"{TRAIL}{rows[looked_at].pk}/change/"))
    assert 'data-chain="broken"' in page
    assert words in page
    assert "verify_audit" in page


def test_an_event_of_another_site_beside_it_is_not_shown(admin: Admin, second_site: Site) -> None:
    first = some_event()
    neighbour = some_event(site=SECOND)
    page = text(admin.get(f"{TRAIL}{first.pk}/change/"))
    assert f"{TRAIL}{neighbour.pk}/" not in page
    assert "an event that is not shown here" in page


def test_looking_asks_the_database_a_bounded_number_of_questions(
    admin: Admin, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        some_event(launch=f"{number:032x}")
    with django_assert_max_num_queries(16):
        admin.get(TRAIL)


# --- What is looked for -----------------------------------------------------------------------------------------------
def test_days_are_whole_days_in_utc() -> None:
    row = some_event()
    for moment, found in (
        (datetime(2026, 11, 3, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 3, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 4, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC), False),
    ):
        AuditEvent.objects.filter(pk=row.pk).update(at=moment)
        asked = AuditFilter.parse({"since": "2026-11-03", "until": "2026-11-03"})
        assert asked.narrowed(AuditEvent.objects.all()).exists() is found, moment


def test_a_search_that_contradicts_its_box_finds_nothing() -> None:
    assert AuditFilter.parse({"reference": "ABC234", "q": "ZZZ234"}).wrong == ("q",)
    assert AuditFilter.parse({"reference": "ABC234", "q": "abc234"}).wrong == ()


def test_an_event_page_escapes_what_it_holds(admin: Admin) -> None:
    row = some_event(actor="<script>x</script> (https://ehr.example.org)")
    page = text(admin.get(f"{TRAIL}{row.pk}/change/"))
    assert "<script>x" not in page
    assert "<script>x</script>" in unescape(page)
