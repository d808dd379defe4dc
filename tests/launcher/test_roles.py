"""The roles: made by `migrate`, given each permission once, and never reset after somebody changed them."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client, RequestFactory
from django.utils import timezone

from launcher import roles
from launcher.admin.base import SiteScoped
from launcher.membership import belongs, sites_of
from launcher.models import AuditEvent, CheckRun, EhrRegistration, Launch, RoleGrant, StaffSites
from tests.launcher.conftest import MakeRegistration
from tests.launcher.staff_world import THERE, Visitor, person

BEFORE, NOW = ("launcher", "0006_running_many_ehrs"), None
SIGN_IN = "/admin/login/"


def allowed(name: str) -> set[str]:
    rows = Permission.objects.filter(group__name=name).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


def migrated_again() -> None:
    call_command("migrate", verbosity=0)


@pytest.fixture
def second(db: None) -> Site:
    return Site.objects.create(domain=THERE, name="Second")


# --- The groups -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("name", roles.ROLES)
def test_a_role_may_do_all_that_its_table_says_and_no_more(name: str) -> None:
    assert allowed(name) == set(roles.ROLES[name])


@pytest.mark.django_db
def test_every_permission_of_the_table_is_one_that_exists() -> None:
    existing = {f"{each.content_type.app_label}.{each.codename}" for each in Permission.objects.all()}
    assert {name for names in roles.ROLES.values() for name in names} <= existing


def test_no_role_may_delete_or_decide_about_people_or_sees_what_belongs_to_a_patient() -> None:
    for names in roles.ROLES.values():
        verbs = {name.removeprefix("launcher.").partition("_")[0] for name in names}
        assert "delete" not in verbs
        assert not {name for name in names if name.removeprefix("launcher.") == name}, "launcher's alone"
        assert not {"launcher.view_person", "launcher.view_pendinglaunch"} & set(names)


@pytest.mark.django_db
def test_what_somebody_took_from_a_group_stays_away_and_what_they_gave_stays() -> None:
    group = Group.objects.get(name="Support")
    group.permissions.remove(Permission.objects.get(codename="test_launch"))
    group.permissions.add(Permission.objects.get(codename="view_auditevent"))
    before = allowed("Support")
    migrated_again()
    assert allowed("Support") == before


@pytest.mark.django_db
def test_a_group_that_was_renamed_or_deleted_is_not_made_anew() -> None:
    Group.objects.filter(name="Support").update(name="Help desk")
    Group.objects.filter(name="Auditor").delete()
    migrated_again()
    assert set(Group.objects.values_list("name", flat=True)) == {"Integrator", "Site manager", "Help desk"}


@pytest.mark.django_db
def test_a_permission_that_a_new_version_brings_is_given_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = Group.objects.get(name="Auditor")
    group.permissions.remove(Permission.objects.get(codename="view_launchtrace"))
    monkeypatch.setattr(roles, "ROLES", {**roles.ROLES, "Auditor": (*roles.ROLES["Auditor"], "launcher.view_brand")})
    before = allowed("Auditor")
    migrated_again()
    assert allowed("Auditor") == before | {"launcher.view_brand"}


@pytest.mark.django_db
def test_a_permission_that_is_not_there_yet_is_given_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "ROLES", {**roles.ROLES, "Auditor": (*roles.ROLES["Auditor"], "launcher.view_later")})
    migrated_again()
    kind = Permission.objects.get(codename="view_auditevent").content_type
    Permission.objects.create(content_type=kind, codename="view_later", name="Later")
    migrated_again()
    assert "launcher.view_later" in allowed("Auditor")


@pytest.mark.django_db
def test_a_group_that_had_the_name_before_there_were_roles_is_given_nothing() -> None:
    RoleGrant.objects.all().delete()
    Group.objects.all().delete()
    theirs = Group.objects.create(name="Support")
    migrated_again()
    assert not theirs.permissions.exists()
    assert allowed("Auditor") == set(roles.ROLES["Auditor"])
    migrated_again()
    assert not theirs.permissions.exists()


@pytest.mark.django_db(transaction=True)
def test_back_and_forth_takes_the_unused_groups_away_and_keeps_who_is_in_one() -> None:
    user = User.objects.create_user("somebody")
    user.groups.add(Group.objects.get(name="Support"))
    try:
        call_command("migrate", *BEFORE, verbosity=0)
        assert set(Group.objects.values_list("name", flat=True)) == {"Support"}
        assert "launcher_rolegrant" not in connection.introspection.table_names()
    finally:
        migrated_again()
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)
    assert list(user.groups.values_list("name", flat=True)) == ["Support"]
    assert not MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())


def test_an_older_state_of_the_tables_has_no_roles_and_that_is_no_error() -> None:
    class Older:
        def get_model(self, *names: str) -> Any:
            raise LookupError(names)

    roles.install(Older(), using="default")  # type: ignore[arg-type]  # as little as it asks for


@pytest.mark.django_db
def test_a_second_run_changes_nothing(django_assert_num_queries: Any) -> None:
    before = {name: allowed(name) for name in roles.ROLES}, RoleGrant.objects.count()
    roles.install(apps, using="default")
    assert ({name: allowed(name) for name in roles.ROLES}, RoleGrant.objects.count()) == before


# --- Who works for which site ---------------------------------------------------------------------------------------
def test_who_works_for_which_site(second: Site) -> None:
    default = Site.objects.get(pk=1)
    nowhere = person("Auditor", sites=(second,))
    assert nowhere
    assert set(sites_of(nowhere)) == {second}
    nowhere.staff_sites.sites.clear()
    assert set(sites_of(nowhere)) == set()
    assert set(sites_of(person("Support"))) == {default}
    assert set(sites_of(person("Integrator", sites=(default, second)))) == {default, second}
    assert set(sites_of(person("Superuser"))) == {default, second}
    assert not belongs(User.objects.get(username="superuser"), -1), "a host that is none of ours"


def signed_in(host: str, name: str, **more: str) -> Any:
    client = Client(headers={"host": host})
    return client.post(SIGN_IN, {"username": name, "password": "a good long password", **more}, secure=True), client


def with_password(user: User | None) -> User:
    assert user
    user.set_password("a good long password")
    user.save()
    return user


@pytest.mark.parametrize(("host", "let_in"), [("testserver", False), (THERE, True)])
def test_a_password_opens_the_sites_one_works_for(host: str, let_in: bool, second: Site) -> None:
    with_password(person("Integrator", sites=(second,)))
    answer, client = signed_in(host, "integrator")
    assert (answer.status_code == 302) == let_in
    assert client.get("/admin/", secure=True).status_code == (200 if let_in else 302)
    if not let_in:
        page = answer.content.decode()
        assert "does not belong to the site of this web address" in page
        assert THERE not in page
        event = AuditEvent.objects.get(event="admin.denied")
        assert (event.site, event.actor, event.reason) == ("testserver", "staff integrator", "other_site")


def test_without_the_right_password_nothing_is_said_of_sites(second: Site) -> None:
    with_password(person("Integrator", sites=(second,)))
    answer, _ = signed_in("testserver", "integrator", password="a wrong password")
    assert "does not belong" not in answer.content.decode()
    assert not AuditEvent.objects.filter(event="admin.denied").exists()


def test_a_session_of_somebody_who_no_longer_belongs_here_leads_to_the_sign_in_page(second: Site) -> None:
    user = person("Integrator")
    visitor = Visitor(user)
    assert visitor.ask("GET", "/admin/").status_code == 200
    StaffSites.objects.create(user=user).sites.set([second])
    for method, address in (("GET", "/admin/"), ("GET", "/admin/launcher/ehrregistration/"), ("POST", "/admin/")):
        assert visitor.ask(method, address).status_code == 302
    page = visitor.page("/admin/")
    assert 'name="password"' in page
    assert "not authorized to access this page" in page
    event = AuditEvent.objects.filter(event="admin.denied").order_by("pk").first()
    assert event
    assert (event.reason, event.actor, event.detail["page"]) == ("not_let_in", "staff integrator", "admin:index")


def test_people_and_their_sites_are_set_by_superusers_alone(second: Site) -> None:
    clerk = person("Integrator")
    assert clerk
    clerk.user_permissions.set(Permission.objects.all())
    admin, other = Visitor(person("Superuser")), Visitor(clerk)
    address = f"/admin/auth/user/{clerk.pk}/change/"
    for page in (
        "/admin/auth/user/",
        address,
        f"/admin/auth/user/{clerk.pk}/password/",
        "/admin/auth/group/",
        "/admin/sites/site/",
    ):
        assert admin.ask("GET", page).status_code == 200
        assert other.ask("GET", page).status_code == 403
        assert other.ask("POST", page, {"is_superuser": "on"}).status_code == 403
    assert "Authentication and Authorization" not in other.page("/admin/")
    form = {
        "username": "integrator",
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-11-01",
        "date_joined_1": "12:00:00",
        "staff_sites-TOTAL_FORMS": "1",
        "staff_sites-INITIAL_FORMS": "0",
        "staff_sites-0-user": str(clerk.pk),
        "staff_sites-0-sites": str(second.pk),
    }
    assert admin.ask("POST", address, form).status_code == 302
    assert set(sites_of(User.objects.get(pk=clerk.pk))) == {second}


@pytest.mark.parametrize("model", ["ehrregistration", "stylesheet", "signingkey"])
def test_deleting_is_the_superusers_even_if_a_group_was_given_it(
    model: str, make_registration: MakeRegistration
) -> None:
    row = make_registration()
    clerk = person("Integrator")
    assert clerk
    clerk.user_permissions.set(Permission.objects.all())
    visitor = Visitor(clerk)
    if model == "ehrregistration":
        assert visitor.ask("POST", f"/admin/launcher/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert EhrRegistration.objects.filter(pk=row.pk).exists()
    assert "delete_selected" not in visitor.page(f"/admin/launcher/{model}/")


def test_a_superuser_deletes_an_ehr_with_its_earlier_checks(make_registration: MakeRegistration) -> None:
    row = make_registration()
    CheckRun.objects.create(registration=row, at=timezone.now(), kind="whole", actor="staff somebody", finished=True)
    admin = Visitor(person("Superuser"))
    address = f"/admin/launcher/ehrregistration/{row.pk}/delete/"
    assert "does not have permission" not in admin.page(address)
    assert admin.ask("POST", address, {"post": "yes"}).status_code == 302
    assert not EhrRegistration.objects.exists()
    assert not CheckRun.objects.exists()


# --- A refusal ------------------------------------------------------------------------------------------------------
def test_a_refusal_is_a_page_that_says_what_to_do_and_an_event_that_it_refers_to(
    make_registration: MakeRegistration,
) -> None:
    row = make_registration()
    visitor = Visitor(person("Auditor"))
    answer = visitor.ask("GET", "/admin/launcher/ehrregistration/add/")
    page = visitor.page("/admin/launcher/ehrregistration/add/")
    assert answer.status_code == 403
    assert "What to do" in page
    assert 'href="/admin/"' in page
    assert row.name not in page
    event = AuditEvent.objects.filter(event="admin.denied").latest("pk")
    assert event.reference
    assert event.reference in page
    assert (event.outcome, event.reason, event.site, event.actor) == (
        "refused",
        "no_right",
        "testserver",
        "staff auditor",
    )
    assert event.detail == {"page": "admin:launcher_ehrregistration_add", "method": "GET"}


def test_who_is_not_signed_in_leaves_no_event(db: None) -> None:
    assert Visitor(None).ask("GET", "/admin/launcher/ehrregistration/").status_code == 302
    assert not AuditEvent.objects.filter(event="admin.denied").exists()


def test_a_person_of_an_ehr_is_not_let_in_and_that_is_noted(db: None) -> None:
    assert Visitor(person("Provider")).ask("GET", "/admin/").status_code == 302
    assert AuditEvent.objects.get(event="admin.denied").reason == "not_let_in"


def test_staff_of_another_site_see_no_administrators_lines_on_an_error_page(second: Site) -> None:
    stranger, ours = Visitor(person("Integrator")), Visitor(person("Support"))
    StaffSites.objects.create(user=User.objects.get(username="integrator")).sites.set([second])
    assert "For administrators" in ours.page("/launch")
    assert "For administrators" not in stranger.page("/launch")


# --- Forms ----------------------------------------------------------------------------------------------------------
def test_a_form_offers_for_a_relation_what_the_site_has(second: Site, make_registration: MakeRegistration) -> None:
    """No page of ours has such a form yet; one that gets it need not think of it."""

    class Editor(SiteScoped):
        pass

    own, _ = make_registration(), make_registration(slug="other", site_id=second.pk)
    request = RequestFactory().get("/admin/", secure=True)
    request.user = person("Superuser")  # type: ignore[assignment]  # a person
    form = Editor(Launch, admin.site).get_form(request, fields=("registration", "site"))()
    assert list(form.fields["registration"].queryset) == [own]
    assert [site.pk for site in form.fields["site"].queryset] == [1]
