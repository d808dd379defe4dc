"""A client secret is replaced: who may, what is kept for a day, what the EHR says to it; it is never seen again."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from launcher import secret_change
from launcher.models import AuditEvent, EhrRegistration, PendingLaunch
from launcher.smart.errors import SmartError
from sandbox.clients import client_for
from tests.browser import Browser
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import LIST, Admin, text
from tests.loopback import Bridge

pytestmark = pytest.mark.django_db
OLD, NEW, PASSWORD = "the-old-one-of-them", "the-new-one-of-them", "a long word to remember"
EHR = "allscripts-professional"


@pytest.fixture
def person(db: None) -> Any:
    """An integrator with a password."""
    user = get_user_model().objects.create_user("integrator", password=PASSWORD, is_staff=True)
    rights = ("view_ehrregistration", "change_ehrregistration", "replace_secret")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def integrator(person: Any) -> Admin:
    return Admin(person)


@pytest.fixture
def row(make_registration: MakeRegistration) -> EhrRegistration:
    """At an address where nobody answers, and at once: nothing is asked of the internet."""
    return make_registration(
        iss="https://127.0.0.1:9/fhir", client_secret=OLD, secret_saved_at=timezone.now() - timedelta(days=30)
    )


def page_of(row: EhrRegistration) -> str:
    return f"{LIST}{row.pk}/secret/"


def now(row: EhrRegistration) -> EhrRegistration:
    return EhrRegistration.objects.get(pk=row.pk)


def events() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(event__startswith="secret.").order_by("sequence")
    return list(found.values_list("event", "actor", "registration"))


def replace(someone: Admin, row: EhrRegistration, **changes: Any) -> Any:
    return someone.post(page_of(row), {"new_secret": NEW, "password": PASSWORD, "_replace": "", **changes})


def make_old(person: Admin) -> None:
    """As if the sign-in had been an hour ago."""
    session = person._client.session
    session["signed_in_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    session.save()


# --- Replacing --------------------------------------------------------------------------------------------------------
def test_a_new_secret_is_used_at_once_and_the_old_one_is_kept_for_a_day(
    integrator: Admin, row: EhrRegistration
) -> None:
    page = unescape(text(replace(integrator, row, secret_expires_on="2027-06-30")))
    changed = now(row)
    assert (changed.client_secret.reveal(), changed.previous_secret.reveal()) == (NEW, OLD)
    assert changed.secret_expires_on == date(2027, 6, 30)
    assert changed.previous_secret_until is not None
    assert abs(changed.previous_secret_until - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert changed.secret_saved_at is not None
    assert timezone.now() - changed.secret_saved_at < timedelta(minutes=1)
    assert "The new secret is saved; the next launch uses it." in page
    assert events() == [("secret.replaced", "staff integrator", "main")]


def test_neither_secret_is_in_any_page_nor_in_the_database_as_it_is(integrator: Admin, row: EhrRegistration) -> None:
    answers = [integrator.get(page_of(row)), replace(integrator, row), replace(integrator, row, password="wrong")]
    answers += [integrator.get(f"{LIST}{row.pk}/{page}/") for page in ("change", "history", "secret")]
    for answer in answers:
        assert answer.status_code == 200
        for secret in (OLD, NEW, PASSWORD):
            assert secret not in text(answer)
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret, previous_secret FROM launcher_ehrregistration")
        assert all(stored.startswith("v1.") for stored in cursor.fetchone())
    assert not any(secret in str(list(AuditEvent.objects.values())) for secret in (OLD, NEW, PASSWORD))


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_right_password_nothing_changes(password: str, integrator: Admin, row: EhrRegistration) -> None:
    page = unescape(text(replace(integrator, row, password=password)))
    assert ("This is not your password." in page) == bool(password)
    assert now(row).client_secret.reveal() == OLD
    assert events() == []


@pytest.mark.parametrize(("pasted", "words"), [("  ", "Paste the secret"), ("app", "Same as the client ID")])
def test_what_is_no_secret_is_refused(pasted: str, words: str, integrator: Admin, row: EhrRegistration) -> None:
    assert words in text(replace(integrator, row, new_secret=pasted))
    assert now(row).client_secret.reveal() == OLD


def test_the_same_secret_again_does_not_push_the_one_before_out(integrator: Admin, row: EhrRegistration) -> None:
    replace(integrator, row)
    replace(integrator, row)
    assert now(row).previous_secret.reveal() == OLD
    assert len(events()) == 1


def test_a_second_replacement_erases_the_oldest(integrator: Admin, row: EhrRegistration) -> None:
    replace(integrator, row)
    replace(integrator, row, new_secret=f"{NEW}-2")
    changed = now(row)
    assert (changed.client_secret.reveal(), changed.previous_secret.reveal()) == (f"{NEW}-2", NEW)


def test_it_needs_its_own_right(person: Any, integrator: Admin, row: EhrRegistration) -> None:
    person.user_permissions.remove(Permission.objects.get(codename="replace_secret"))
    someone = Admin(get_user_model().objects.get(pk=person.pk))
    assert someone.get(page_of(row)).status_code == 403
    assert replace(someone, row).status_code == 403
    assert now(row).client_secret.reveal() == OLD


@pytest.mark.parametrize(
    ("values", "words"),
    [({"secret_from": "env:SP_X"}, "read from env:SP_X"), ({"auth_method": "none"}, "public client")],
)
def test_where_there_is_nothing_to_replace_the_page_says_so(
    values: dict[str, str], words: str, integrator: Admin, row: EhrRegistration
) -> None:
    EhrRegistration.objects.update(**values)
    assert words in text(replace(integrator, row))
    assert now(row).client_secret.reveal() == OLD


# --- Single sign-on ---------------------------------------------------------------------------------------------------
def test_who_has_no_password_here_must_have_signed_in_lately(row: EhrRegistration) -> None:
    someone = Admin(get_user_model().objects.create_superuser("from-elsewhere"))
    assert 'name="password"' not in text(someone.get(page_of(row)))
    make_old(someone)
    assert "You signed in more than ten minutes ago." in text(replace(someone, row, password=""))
    assert now(row).client_secret.reveal() == OLD
    replace(Admin(get_user_model().objects.get(username="from-elsewhere")), row, password="")
    assert now(row).client_secret.reveal() == NEW


def test_in_the_registrations_form_a_saved_secret_is_replaced_by_a_fresh_sign_in_alone(
    integrator: Admin, row: EhrRegistration
) -> None:
    change = f"{LIST}{row.pk}/change/"
    sent = {
        **{"name": row.name, "slug": row.slug, "site": 1, "environment": "sandbox", "enabled": "on", "iss": row.iss},
        **{"fhir_version": "auto", "launch_modes": ["ehr"], "client_id": "app", "auth_method": "auto"},
        **{"scopes": "launch", "redirect_uri": row.redirect_uri, "new_secret": NEW},
    }
    make_old(integrator)
    assert "Use “Replace secret” above" in text(integrator.post(change, sent))
    assert now(row).client_secret.reveal() == OLD
    replace(integrator, row, new_secret=f"{NEW}-2")
    integrator.post(change, sent)
    assert now(row).client_secret.reveal() == NEW, "the password counts as signing in"
    assert now(row).previous_secret.reveal() == f"{NEW}-2"
    assert [event for event, *_ in events()] == ["secret.replaced", "secret.replaced"]


# --- Switching back ---------------------------------------------------------------------------------------------------
def test_one_can_switch_back_while_the_old_one_lasts(integrator: Admin, row: EhrRegistration) -> None:
    assert 'name="_switch_back"' not in text(integrator.get(page_of(row)))
    replace(integrator, row)
    assert 'name="_switch_back"' in text(integrator.get(page_of(row)))
    switch = {"password": PASSWORD, "_switch_back": ""}
    integrator.post(page_of(row), {**switch, "password": "wrong"})
    assert now(row).client_secret.reveal() == NEW
    integrator.post(page_of(row), switch)
    changed = now(row)
    assert (changed.client_secret.reveal(), changed.previous_secret.reveal()) == (OLD, "")
    assert [event for event, *_ in events()] == ["secret.replaced", "secret.switched_back"]
    assert "no earlier secret" in text(integrator.post(page_of(row), switch))


@pytest.mark.parametrize("way", ["purge", "page", "switch"])
def test_after_a_day_the_old_one_is_erased(way: str, integrator: Admin, row: EhrRegistration) -> None:
    replace(integrator, row)
    EhrRegistration.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    if way == "purge":
        call_command("purge_launches", verbosity=0)
    elif way == "page":
        assert 'name="_switch_back"' not in text(integrator.get(page_of(row)))
    else:
        integrator.post(page_of(row), {"password": PASSWORD, "_switch_back": ""})
    changed = now(row)
    assert changed.__dict__["previous_secret"] == ""
    assert changed.previous_secret_until is None
    assert changed.client_secret.reveal() == NEW


def test_a_secret_whose_key_is_gone_is_replaced_without_being_kept(row: EhrRegistration, settings: Any) -> None:
    settings.SMARTPORTAL_FIELD_KEYS = ["QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="]
    with pytest.raises(SmartError):
        now(row).client_secret.reveal()
    secret_change.replace(row, NEW, expires_on=None, actor="staff x")
    changed = now(row)
    assert (changed.client_secret.reveal(), changed.__dict__["previous_secret"]) == (NEW, "")


# --- What the EHR says to it ------------------------------------------------------------------------------------------
def test_an_ehr_that_does_not_answer_is_told_and_keeps_nothing_from_being_saved(
    integrator: Admin, row: EhrRegistration
) -> None:
    page = unescape(text(replace(integrator, row)))
    assert "the secret is saved. It was not tried." in page
    assert now(row).client_secret.reveal() == NEW


def test_a_launch_under_way_goes_on_with_the_secret_it_began_with(
    ehrs: Bridge, browser: Browser, integrator: Admin
) -> None:
    row = EhrRegistration.objects.get(slug=EHR)
    leaving = browser.visit(f"/launch/{EHR}?iss={row.iss}&launch=54520", until="/sandbox/")
    assert PendingLaunch.objects.get().client_secret.reveal() == client_for(EHR).secret
    replace(integrator, row)
    assert browser.visit(leaving.location).patient == "54520"
    assert now(row).client_secret.reveal() == NEW
    assert browser.visit(f"/launch/{EHR}?iss={row.iss}&launch=54520").error == "client_rejected"
