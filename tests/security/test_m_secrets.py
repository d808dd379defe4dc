"""Cases 140 and 149: a saved secret is read by nobody, and every act of the staff is one event, by number."""

from __future__ import annotations

import csv
import hashlib
import io
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from launcher import signing
from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch, SigningKey
from tests.launcher.staff_world import build
from tests.launcher.test_admin import ADD, LIST, form
from tests.launcher.test_permission_matrix import addresses
from tests.security.watching import Watch

pytestmark = pytest.mark.django_db
SECRET, OLDER = "s3cret-Zq7-that-nobody-reads-again", "the-0lder-secret-Xw9-kept-for-a-day"
PASSWORD = "a-good-long-password-of-the-staff"


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("superuser", password=PASSWORD))
    return client


@pytest.fixture
def row(client: Client) -> EhrRegistration:
    """A registration whose secret was entered in the form, and replaced there once."""
    client.post(ADD, form(new_secret=OLDER), secure=True)
    row = EhrRegistration.objects.get()
    change = form(new_secret=SECRET, redirect_uri=row.redirect_uri)
    client.post(f"{LIST}{row.pk}/change/", change, secure=True)
    row.refresh_from_db()
    assert row.client_secret.reveal() == SECRET
    assert row.previous_secret.reveal() == OLDER
    return row


def traces_of_the_secrets(row: EhrRegistration) -> set[str]:
    """The secrets, their ends, their hashes, and what lies in the database for them."""
    found: set[str] = set()
    for secret in (SECRET, OLDER):
        found |= {secret, secret[:8], secret[-6:], hashlib.sha256(secret.encode()).hexdigest()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret, previous_secret FROM launcher_ehrregistration WHERE id = %s", [row.pk])
        found |= set(cursor.fetchone())
    return found


def text(answer: HttpResponseBase) -> str:
    body = answer.getvalue() if answer.streaming else answer.content  # type: ignore[attr-defined]
    return bytes(body).decode()


def pages(client: Client, row: EhrRegistration) -> Iterator[tuple[str, str]]:
    """Every page of the admin, the registration's own with searches, filters and a form that comes back."""
    own = f"{LIST}{row.pk}"
    for address in (
        f"{own}/change/",
        f"{own}/history/",
        f"{own}/delete/",
        f"{LIST}?q={SECRET}",
        f"{LIST}?q=main",
        f"{LIST}?client_secret={SECRET}",
        f"{LIST}?client_secret__startswith=s3c",
        f"{LIST}?o=client_secret",
        f"{ADD}?new_secret={SECRET}",
        f"/admin/autocomplete/?term={SECRET}&app_label=launcher&model_name=launch&field_name=registration",
    ):
        # What somebody types is still in their own box and links.
        typed = SECRET if SECRET in address else " no such text "
        yield address, text(client.get(address, secure=True)).replace(typed, "")
    wrong = form(name="", new_secret=SECRET, redirect_uri=row.redirect_uri)
    yield "a form that comes back", text(client.post(f"{own}/change/", wrong, secure=True))
    for address in addresses(build()):
        if "logout" in address.path:
            continue
        with transaction.atomic():
            yield address.path, text(client.get(address.path, secure=True, follow=True))


def exports(client: Client, row: EhrRegistration) -> Iterator[tuple[str, str]]:
    for command, *arguments in (
        ("dumpdata",),
        ("export_ehrs",),
        ("export_audit", "--format", "csv"),
        ("export_audit", "--format", "fhir"),
    ):
        out = io.StringIO()
        call_command(command, *arguments, stdout=out, stderr=out, verbosity=0)
        yield command, out.getvalue()
    chosen = {"action": "export_chosen", "_selected_action": [row.pk], "index": 0}
    yield "the export action", text(client.post(LIST, chosen, secure=True))


def test_case_140_a_saved_secret_is_on_no_page_and_in_no_export(
    client: Client, row: EhrRegistration, watch: Watch, settings: Any
) -> None:
    hidden = traces_of_the_secrets(row)
    looked_at = 0
    for place, found in (*pages(client, row), *exports(client, row), *by_itself(row, watch)):
        looked_at += 1
        for value in hidden:
            assert value not in found, f"“{value[:8]}…” is in {place}"
    assert looked_at > 60
    assert f"{len(SECRET)} characters" not in text(client.get(f"{LIST}{row.pk}/change/", secure=True))
    assert "0 EHR registrations" in text(client.get(f"{LIST}?q={SECRET}", secure=True))


def by_itself(row: EhrRegistration, watch: Watch) -> Iterator[tuple[str, str]]:
    yield "repr", repr(row) + repr(row.client_secret) + str(row.client_secret) + f"{row.client_secret}"
    yield "the history", str(list(LogEntry.objects.values()))
    yield "the audit trail", str(list(AuditEvent.objects.values()))
    yield "the log", watch.journal.text


def test_case_140_the_database_without_the_key_gives_no_secret_away(client: Client, row: EhrRegistration) -> None:
    """What a stolen dump holds: every column of every table, as it lies there."""
    tokens = ("an-access-token-Qv3-of-a-launch", "a-refresh-token-Lm8-of-a-launch")
    launch = Launch(
        site=row.site,
        registration=row,
        reference="ABC234",
        created_at=timezone.now(),
        last_seen_at=timezone.now(),
        iss=row.iss,
        fhir_version="R4",
        configuration={},
        requested_scopes="launch",
        access_token=tokens[0],
        refresh_token=tokens[1],
    )
    launch.save()
    verifier = "a-code-verifier-Tt5-of-a-launch-on-its-way"
    PendingLaunch.objects.create(
        registration=row,
        state_hash="x",
        created_at=timezone.now(),
        iss=row.iss,
        configuration={},
        verifier=verifier,
        client_secret=SECRET,
    )
    private = signing.make_key("ES384").private_pem.reveal()
    dump = io.StringIO()
    out = csv.writer(dump)
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608  # our names
            out.writerows(cursor.fetchall())
    whole = dump.getvalue()
    assert "main-clinic" in whole
    assert "v1." in whole, "the sealed ones are in it"
    for value in (SECRET, OLDER, *tokens, verifier, *private.splitlines()[1:3], PASSWORD):
        assert value not in whole


def test_case_140_a_row_that_is_handed_around_keeps_its_secret_sealed(row: EhrRegistration) -> None:
    fresh = EhrRegistration.objects.get(pk=row.pk)
    packed = pickle.dumps(fresh)
    assert SECRET.encode() not in packed
    assert SECRET not in str(vars(fresh))


# --- 149 --------------------------------------------------------------------------------------------------------------
def written_by(client: Client, address: str, data: dict[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """The events that came of one request, what is only looked at aside: name, actor, outcome."""
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    answer = client.get(address, secure=True) if data is None else client.post(address, data, secure=True)
    if answer.streaming:
        assert answer.getvalue()  # type: ignore[attr-defined]  # a stream is read to its end
    rows = AuditEvent.objects.filter(pk__gt=last).order_by("pk")
    return [(row.event, row.actor, row.outcome) for row in rows]


def one(event: str, actor: str = "staff superuser") -> list[tuple[str, str, str]]:
    return [(event, actor, "success")]


def test_case_149_every_addition_change_and_deletion_is_one_event(client: Client) -> None:
    assert written_by(client, ADD, form()) == one("registration.created")
    row = EhrRegistration.objects.get()
    own = f"{LIST}{row.pk}"
    assert written_by(client, f"{own}/change/", form(name="B", redirect_uri=row.redirect_uri)) == one(
        "registration.changed"
    )
    row.refresh_from_db()
    chosen = {"action": "switch_on_chosen", "_selected_action": [row.pk], "index": 0}
    EhrRegistration.objects.update(enabled=False)
    assert written_by(client, LIST, chosen) == one("registration.changed")
    export = {**chosen, "action": "export_chosen"}
    assert written_by(client, LIST, export) == one("registrations.exported")
    assert written_by(client, f"{own}/delete/", {"post": "yes"}) == one("registration.deleted")

    users, nobody = "/admin/auth/user/", {"staff_sites-TOTAL_FORMS": 0, "staff_sites-INITIAL_FORMS": 0}
    new = {"username": "nurse", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true", **nobody}
    assert written_by(client, f"{users}add/", new) == one("user.created")
    nurse = User.objects.get(username="nurse")
    joined = {"date_joined_0": f"{nurse.date_joined:%Y-%m-%d}", "date_joined_1": f"{nurse.date_joined:%H:%M:%S}"}
    staff = {"username": "nurse", "is_active": "on", "is_staff": "on", **joined, **nobody}
    assert written_by(client, f"{users}{nurse.pk}/change/", staff) == one("user.changed")
    reset = {"password1": f"{PASSWORD}!", "password2": f"{PASSWORD}!", "usable_password": "true"}
    assert written_by(client, f"{users}{nurse.pk}/password/", reset) == one("user.changed")
    assert written_by(client, f"{users}{nurse.pk}/delete/", {"post": "yes"}) == one("user.deleted")

    assert written_by(client, "/admin/auth/group/add/", {"name": "Readers"}) == one("group.created")
    group = Group.objects.get(name="Readers")
    assert written_by(client, f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}) == one("group.deleted")
    assert written_by(client, "/admin/sites/site/add/", {"domain": "x.test", "name": "X"}) == one("site.created")
    site = Site.objects.get(domain="x.test")
    changed = {"domain": "x.test", "name": "Y"}
    assert written_by(client, f"/admin/sites/site/{site.pk}/change/", changed) == one("site.changed")

    assert written_by(client, "/admin/launcher/signingkey/add/", {"algorithm": "ES384"}) == one("key.created")
    retire = {"action": "retire_selected", "_selected_action": [SigningKey.objects.get().pk]}
    assert written_by(client, "/admin/launcher/signingkey/", retire) == one("key.retired")
    assert written_by(client, "/admin/launcher/auditevent/export/", {"format": "csv"}) == one("audit.exported")
    assert written_by(client, "/admin/launcher/auditevent/") == one("audit.viewed")


def test_case_149_signing_in_and_out_are_one_event_each(client: Client) -> None:
    person = Client()
    signed_in = {"username": "superuser", "password": PASSWORD, "next": "/admin/"}
    assert written_by(person, "/admin/login/", signed_in) == one("admin.login")
    assert written_by(person, "/admin/logout/", {}) == one("admin.logout")
    failed = written_by(Client(), "/admin/login/", {**signed_in, "password": "not it"})
    assert [(event, outcome) for event, _, outcome in failed] == [("admin.login_failed", "refused")]


def test_case_149_each_says_who_when_and_what_was_before_and_after(client: Client) -> None:
    client.post(ADD, form(name="Before"), secure=True)
    row = EhrRegistration.objects.get()
    began = timezone.now()
    client.post(f"{LIST}{row.pk}/change/", form(name="After", redirect_uri=row.redirect_uri), secure=True)
    event = AuditEvent.objects.get(event="registration.changed")
    assert began <= event.at <= timezone.now()
    assert (event.actor, event.site, event.registration) == ("staff superuser", "testserver", row.slug)
    assert event.detail["name"] == "Before → After"
