"""Cases 141 and 142: the administration by number. Who may do what, and what of another site can be found out.

Every address by every role is written down in docs/permission-matrix.md and held by tests/launcher/
test_permission_matrix.py; here are people with odd rights, and everything that could tell of another site's rows.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import models, transaction
from django.http import HttpResponseBase
from django.test import RequestFactory
from django.utils import timezone

from launcher.models import AuditEvent, EhrRegistration, Launch, LaunchTrace
from launcher.roles import ROLES
from tests.launcher.staff_world import (
    OURS,
    THEIRS,
    Visitor,
    World,
    build,
    build_theirs,
    person,
    reference_of,
    registered,
    unrendered,
)
from tests.launcher.test_permission_matrix import addresses, outcome

pytestmark = pytest.mark.django_db
NOTHING = {"sign-in", "forbidden", "not found", "not allowed", "malformed", "start page", "…/change/"}
LIST = "/admin/launcher/ehrregistration/"


def with_permissions(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    rows = Permission.objects.filter(codename__in=codenames) if codenames else Permission.objects.all()
    user.user_permissions.set(rows)
    return user


def undone(visitor: Visitor, method: str, address: str, data: dict[str, Any] | None = None) -> HttpResponseBase:
    """The answer; what asking changed is taken back."""
    with transaction.atomic():
        answer = visitor.ask(method, address, data)
        text_of(answer)
        transaction.set_rollback(True)
    return answer


def text_of(answer: HttpResponseBase) -> str:
    return b"".join(answer).decode() if answer.streaming else answer.content.decode()


# --- 141 ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["Anonymous", "Provider"])
def test_case_141_who_is_not_staff_gets_no_further_than_the_sign_in_page_anywhere(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unrendered(monkeypatch)
    world, visitor = build(), Visitor(person(name))
    for address in addresses(world):
        if address.path not in ("/admin/login/", "/admin/logout/"):
            for method in ("GET", "POST"):
                assert outcome(undone(visitor, method, address.path, {})) == "sign-in", (method, address.path)


def test_case_141_staff_without_any_right_open_nothing_and_each_refusal_is_audited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unrendered(monkeypatch)
    world, visitor = build(), Visitor(User.objects.create_user("newcomer", is_staff=True))
    for address in addresses(world):
        if address.path.count("/") < 4 or "/r/" in address.path:
            continue
        for method in ("GET", "POST"):
            with transaction.atomic():
                before = AuditEvent.objects.filter(event="admin.denied").count()
                found = outcome(visitor.ask(method, address.path, {}))
                denied = AuditEvent.objects.filter(event="admin.denied").count() - before
                transaction.set_rollback(True)
            if "password_change" in address.path:
                continue
            assert found in NOTHING, (method, address.path)
            assert denied == (found == "forbidden"), (method, address.path)


def test_case_141_who_may_only_look_changes_nothing_whatever_they_send() -> None:
    world = build()
    views = [each for each in Permission.objects.values_list("codename", flat=True) if each.startswith("view_")]
    visitor = Visitor(with_permissions("onlooker", *views))
    row = world.ours[EhrRegistration]
    before = EhrRegistration.objects.values().order_by("pk")
    kept = list(before)
    assert visitor.ask("GET", f"{LIST}{row.pk}/change/").status_code == 200
    assert visitor.ask("POST", f"{LIST}{row.pk}/change/", {"name": "Taken over"}).status_code == 403
    assert visitor.ask("POST", f"{LIST}add/", {"name": "New"}).status_code == 403
    assert visitor.ask("POST", f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    for action in admin.site.get_model_admin(EhrRegistration).get_actions(asking(with_permissions("everything"))):
        visitor.ask("POST", LIST, {"action": action, "_selected_action": [row.pk], "post": "yes"})
    assert list(before.all()) == kept


def test_case_141_who_may_change_an_ehr_but_not_its_secret_does_not_change_that() -> None:
    world = build()
    visitor = Visitor(with_permissions("editor", "view_ehrregistration", "change_ehrregistration"))
    row = world.ours[EhrRegistration]
    assert visitor.ask("GET", f"{LIST}{row.pk}/change/").status_code == 200
    assert 'name="new_secret"' not in visitor.page(f"{LIST}{row.pk}/change/")
    form = {"name": "Renamed", "slug": OURS, "site": 1, "environment": "sandbox", "iss": row.iss, "client_id": "app"}
    form |= {"fhir_version": "auto", "launch_modes": ["ehr"], "auth_method": "auto", "scopes": "launch openid"}
    visitor.ask("POST", f"{LIST}{row.pk}/change/", form | {"new_secret": "another secret", "redirect_uri": ""})
    assert EhrRegistration.objects.get(pk=row.pk).client_secret.reveal() == f"secret-{OURS}"


# --- 142 ------------------------------------------------------------------------------------------------------------
def asking(user: User) -> Any:
    request = RequestFactory().get("/admin/", secure=True)
    request.user = user
    return request


@pytest.fixture
def colleague(db: None) -> User:
    """All roles at once and every permission there is, at our site alone: nothing but the site stands in the way."""
    user = with_permissions("colleague")
    user.groups.set(Group.objects.filter(name__in=ROLES))
    return user


def everything_to_open(world: World) -> list[str]:
    """Lists with every search and filter, forms, objects and their histories."""
    found = [each.path for each in addresses(world) if "/r/" not in each.path]
    for model, row in world.ours.items():
        if row != world.theirs[model]:
            searched = (THEIRS, reference_of(THEIRS), f"patient-{THEIRS}")
            rest = (*(f"q={word}" for word in searched), "_facets=True", "o=1", "_popup=1")
            found += [f"{list_of(model)}?{each}" for each in rest]
    return found


def list_of(model: type[models.Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def test_case_142_a_site_reads_the_same_whether_or_not_another_has_rows(
    colleague: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists, counts, searches, facets, choices and histories: another site's rows change no letter of any of them."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    world = build(theirs=False)
    visitor = Visitor(colleague)
    with transaction.atomic():
        build_theirs(world)
        beside = {path: shown(visitor, path) for path in everything_to_open(world)}
        transaction.set_rollback(True)
    assert sum(f"{OURS} EHR" in page for page in beside.values()) > 10, "our own rows are to be seen"
    for path, page in beside.items():
        assert THEIRS not in page.lower() or THEIRS in path.lower(), path
        assert page == shown(visitor, path), path


def shown(visitor: Visitor, path: str) -> str:
    """The status and the text of a page without what is new each time: form tokens and references."""
    answer = undone(visitor, "GET", path)
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text_of(answer))
    page = re.sub(r"\b[0-9A-Z]{6}\b(?=</b>)|data-reference=\"\w+\"|<span class=\"id\">\w{6}</span>", "", page)
    return f"{answer.status_code} {page}"


@pytest.mark.parametrize("kind", [EhrRegistration, Launch, LaunchTrace, AuditEvent], ids=lambda each: each.__name__)
def test_case_142_by_its_id_a_row_of_another_site_is_what_no_row_is(kind: type[models.Model], colleague: User) -> None:
    world, visitor = build(), Visitor(colleague)
    theirs, nothing = str(world.theirs[kind].pk), "0" * len(str(world.theirs[kind].pk))
    assert not kind._default_manager.filter(pk=nothing).exists()
    beginning = f"{list_of(kind)}{theirs}/"
    about = [each for each in addresses(world) if each.path.removeprefix(beginning) != each.path]
    assert about
    for address in about:
        for method in ("GET", "POST"):
            answers = [
                undone(visitor, method, path, {})
                for path in (address.path, address.path.replace(f"/{theirs}/", f"/{nothing}/"))
            ]
            assert outcome(answers[0]) in NOTHING, (method, address.path)
            assert outcome(answers[0]) == outcome(answers[1]), (method, address.path)
            assert THEIRS not in text_of(answers[0])


def completions(visitor: Visitor, model: type[models.Model], field: str, term: str) -> HttpResponseBase:
    which = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={field}"
    return undone(visitor, "GET", f"/admin/autocomplete/?{which}&term={term}")


def test_case_142_autocomplete_offers_nothing_of_another_site(colleague: User, monkeypatch: pytest.MonkeyPatch) -> None:
    build()
    visitor = Visitor(colleague)
    monkeypatch.setattr(type(admin.site.get_model_admin(Launch)), "autocomplete_fields", ("registration",))
    pages = [text_of(completions(visitor, Launch, "registration", term)) for term in ("", "e", OURS, THEIRS, "second")]
    assert [OURS in page for page in pages] == [True, True, True, False, False]
    for page in pages:
        assert THEIRS not in page.lower()
        assert "second.test" not in page


def test_case_142_autocomplete_answers_for_what_a_form_completes_and_for_nothing_else(
    colleague: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    unrendered(monkeypatch)
    build()
    visitor = Visitor(colleague)
    for model in (*registered(), *(field.related_model for field in Launch._meta.fields if field.is_relation)):
        for field in model._meta.get_fields():
            if field.is_relation or field.name in ("client_secret", "access_token", "password"):
                assert completions(visitor, model, field.name, "").status_code == 403, (model, field.name)
    assert completions(visitor, Launch, "nothing", "").status_code == 403


@pytest.mark.parametrize(
    "lookup",
    [
        "site__domain__contains=second",
        "site__name__startswith=Clinic",
        "site=2",
        "site__id__exact=2",
        "registration__client_secret__startswith=v1",
        "registration__client_id=client-zebra",
        "registration__name__contains=zebra",
        "registration__site=2",
        "launches__patient=patient-zebra",
        "traces__code=client_rejected",
        "check_runs__top_problem__contains=zebra",
        "style_sheets__url__contains=zebra",
        "client_id=client-heron",
        "notes__contains=notes",
        "patient=patient-heron",
        "patient__startswith=patient",
        "person__subject=1",
        "viewer__contains=Dr",
        "access_token__startswith=v1",
        "binding_hash__gt=a",
        "actor__contains=heron",
        "hash__gt=0",
        "uuid__startswith=1",
    ],
)
def test_case_142_a_list_cannot_be_asked_for_what_it_does_not_offer(lookup: str, colleague: User) -> None:
    """Neither about another site's rows nor, letter by letter, about columns that it does not show."""
    build()
    visitor = Visitor(colleague)
    for model in (EhrRegistration, Launch, LaunchTrace, AuditEvent):
        if model is AuditEvent and lookup == "patient=patient-heron":
            continue  # the one thing that whoever may see the audit trail may ask of it; case 184
        answer = undone(visitor, "GET", f"{list_of(model)}?{lookup}")
        assert answer.status_code in (302, 400, 403), model


@pytest.mark.parametrize("field", ["client_secret", "client_id", "uuid", "site", "nothing"])
def test_case_142_a_popup_hands_out_no_other_column_than_the_id(field: str, colleague: User) -> None:
    build()
    answer = undone(Visitor(colleague), "GET", f"{LIST}?_popup=1&_to_field={field}")
    assert answer.status_code in (400, 403)


def test_case_142_an_action_does_not_reach_rows_of_another_site(colleague: User) -> None:
    world, visitor = build(), Visitor(colleague)
    tried = 0
    for model in registered():
        theirs, ours = world.theirs[model], world.ours[model]
        if theirs == ours:
            continue
        before = model._default_manager.filter(pk=theirs.pk).values().get()
        for action in admin.site.get_model_admin(model).get_actions(asking(colleague)):
            data = {"action": action, "_selected_action": [theirs.pk], "post": "yes", "select_across": "0"}
            with transaction.atomic():
                page = text_of(visitor.ask("POST", list_of(model), data))
                after = model._default_manager.filter(pk=theirs.pk).values().get()
                transaction.set_rollback(True)
            assert after == before, (model, action)
            assert THEIRS not in page
            tried += 1
    assert tried >= 2


def test_case_142_at_the_other_sites_host_nobody_of_ours_is_let_in(colleague: User) -> None:
    world, visitor = build(), Visitor(colleague, "second.test")
    for address in addresses(world):
        if address.path not in ("/admin/login/", "/admin/logout/"):
            for method in ("GET", "POST"):
                answer = undone(visitor, method, address.path, {})
                assert outcome(answer) == "sign-in", (method, address.path)
                assert THEIRS not in text_of(answer)
    assert THEIRS not in visitor.page("/admin/").replace("second.test", "")
