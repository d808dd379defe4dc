"""`manage.py rotate_field_key`: all secrets under the newest key, stopped or not, and nobody's change lost."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone

from launcher import fields, key_rotation
from launcher.fields import EncryptedField
from launcher.key_rotation import Batch, Place, places
from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch, SigningKey
from launcher.signing import make_key
from tests.launcher.conftest import MakeRegistration

pytestmark = pytest.mark.django_db
NEWER = base64.urlsafe_b64encode(bytes([7] * 32)).decode()


@pytest.fixture
def older_key(settings: Any) -> str:
    return str(settings.SMARTPORTAL_FIELD_KEYS[0])


@pytest.fixture
def newer_in_front(settings: Any, older_key: str) -> None:
    """Called for after the rows were written: the newest key is another one now, the old one still opens."""
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER, older_key]


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_field_key", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    """What is said, and the sentence at the end, by a run that exits with 1."""
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("rotate_field_key", *arguments, stdout=out, stderr=out)
    return out.getvalue() + str(caught.value)


def sealed() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, client_secret FROM launcher_ehrregistration ORDER BY id")
        return dict(cursor.fetchall())


def overwrite(row: EhrRegistration, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE launcher_ehrregistration SET client_secret = %s WHERE id = %s", [text, row.pk])


@pytest.fixture
def rows(make_registration: MakeRegistration) -> list[EhrRegistration]:
    """Five registrations with a secret each, and one without."""
    made = [
        make_registration(slug=f"ehr-{n}", client_id=f"client-{n}", client_secret=f"secret {n}", auth_method="auto")
        for n in range(5)
    ]
    make_registration(slug="public", client_id="public", auth_method="none")
    return made


def all_readable(rows: list[EhrRegistration]) -> bool:
    stored = EhrRegistration.objects.exclude(slug="public").order_by("slug")
    return [each.client_secret.reveal() for each in stored] == [f"secret {n}" for n in range(len(rows))]


def test_every_encrypted_field_of_every_model_is_found() -> None:
    found = {(place.model, place.field.name) for place in places()}
    assert found >= {
        (EhrRegistration, "client_secret"),
        (PendingLaunch, "verifier"),
        (PendingLaunch, "client_secret"),
        (Launch, "access_token"),
        (Launch, "refresh_token"),
        (SigningKey, "private_pem"),
    }
    assert all(isinstance(place.field, EncryptedField) for place in places())


def test_afterwards_the_old_key_can_be_taken_away(rows: list[EhrRegistration], settings: Any) -> None:
    row = rows[0]
    launch = Launch.objects.create(
        site=row.site,
        registration=row,
        reference="ABCDEF",
        created_at=timezone.now(),
        last_seen_at=timezone.now(),
        configuration={},
        access_token="the access token",
        refresh_token="the refresh token",
    )
    pending = PendingLaunch.objects.create(
        state_hash="s", registration=row, created_at=timezone.now(), configuration={}, verifier="the verifier"
    )
    key = make_key("ES384")
    private = key.private_pem.reveal()
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER, *settings.SMARTPORTAL_FIELD_KEYS]
    said = rotate()
    assert "launcher.EhrRegistration.client_secret: 5 rewritten, 0 left" in said
    assert "launcher.SigningKey.private_pem: 1 rewritten, 0 left" in said
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER]
    assert all_readable(rows)
    launch, pending = Launch.objects.get(pk=launch.pk), PendingLaunch.objects.get(pk=pending.pk)
    assert (launch.access_token.reveal(), launch.refresh_token.reveal()) == ("the access token", "the refresh token")
    assert pending.verifier.reveal() == "the verifier"
    assert SigningKey.objects.get().private_pem.reveal() == private
    event = AuditEvent.objects.get(event="field_key.rotated")
    assert (event.actor, event.detail) == ("command", {"done": 9, "left": 0, "unreadable": 0})


def test_what_is_new_already_and_what_is_empty_is_not_touched(
    rows: list[EhrRegistration], newer_in_front: None, django_assert_num_queries: Any
) -> None:
    rotate()
    before, changed_at = sealed(), list(EhrRegistration.objects.values_list("updated_at", flat=True))
    # One question for rows and one count for each field: nothing is written.
    with django_assert_num_queries(2 * len(places())):
        said = rotate()
    assert sealed() == before
    assert list(EhrRegistration.objects.values_list("updated_at", flat=True)) == changed_at
    assert "client_secret: 0 rewritten, 0 left" in said
    assert AuditEvent.objects.filter(event="field_key.rotated").count() == 1


def test_a_rotation_is_no_change_of_a_registration(rows: list[EhrRegistration], newer_in_front: None) -> None:
    before = list(EhrRegistration.objects.order_by("pk").values("updated_at", "secret_saved_at", "name"))
    rotate()
    assert list(EhrRegistration.objects.order_by("pk").values("updated_at", "secret_saved_at", "name")) == before


def test_a_run_that_was_stopped_is_finished_by_the_next(
    rows: list[EhrRegistration], newer_in_front: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    whole = key_rotation.rotate

    def stopped_after_a_batch(place: Place) -> Iterator[Batch]:
        for batch in whole(place):
            yield batch
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("launcher.management.commands.rotate_field_key.rotate", stopped_after_a_batch)
        assert "Stopped after 2 secrets" in refused()
    assert AuditEvent.objects.get(event="field_key.rotated").detail["done"] == 2
    assert all_readable(rows), "half of them are under the new key, half under the old one"
    assert "client_secret: 3 left" in refused("--check")
    assert "client_secret: 3 rewritten, 0 left" in rotate()
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER]
    assert all_readable(rows)


def test_a_stop_within_a_batch_leaves_the_batch_as_it_was(
    rows: list[EhrRegistration], newer_in_front: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sealed()
    real, calls = key_rotation._replace, []

    def third_fails(place: Place, pk: object, old: str, new: Any) -> int:
        calls.append(pk)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(place, pk, old, new)

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, "_replace", third_fails)
        refused()
    assert sealed() == before
    assert "client_secret: 5 rewritten" in rotate()


def test_a_secret_replaced_meanwhile_is_not_lost(
    rows: list[EhrRegistration], newer_in_front: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that has the new keys saves a new secret between our reading of the row and our writing."""
    real = fields.decrypt

    def while_somebody_saves(stored: str, context: str) -> str:
        opened = real(stored, context)
        if opened == "secret 2":
            other = EhrRegistration.objects.get(pk=rows[2].pk)
            other.client_secret = "just replaced"
            other.save()
        return opened

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, "decrypt", while_somebody_saves)
        said = rotate()
    assert "client_secret: 4 rewritten, 0 left" in said
    assert EhrRegistration.objects.get(pk=rows[2].pk).client_secret.reveal() == "just replaced"


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_secrets_that_others_replace_at_the_same_time_are_not_lost(
    make_registration: MakeRegistration, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        make_registration(slug=f"ehr-{n}", client_id=f"client-{n}", client_secret=f"secret {n}", auth_method="auto")
        for n in range(40)
    ]
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER, *settings.SMARTPORTAL_FIELD_KEYS]
    monkeypatch.setattr(key_rotation, "BATCH", 5)
    start = threading.Barrier(3)

    def replace_every(step: int) -> None:
        try:
            start.wait(timeout=10)
            for row in rows[::step]:
                row.client_secret = f"new {row.slug}"
                row.save(update_fields=["client_secret"])
        finally:
            connections.close_all()

    def rotate_them() -> None:
        try:
            start.wait(timeout=10)
            rotate()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=replace_every, args=(step,)) for step in (2, -3)]
    threads.append(threading.Thread(target=rotate_them))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER]
    replaced = {row.slug for row in (*rows[::2], *rows[::-3])}
    for row in EhrRegistration.objects.all():
        number = row.slug.removeprefix("ehr-")
        assert row.client_secret.reveal() == (f"new {row.slug}" if row.slug in replaced else f"secret {number}")


def test_a_server_that_still_writes_under_the_old_key_is_told_of(
    rows: list[EhrRegistration], newer_in_front: None, older_key: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fields.decrypt

    def while_an_old_server_saves(stored: str, context: str) -> str:
        opened = real(stored, context)
        if opened == "secret 4":
            keys, settings.SMARTPORTAL_FIELD_KEYS = settings.SMARTPORTAL_FIELD_KEYS, [older_key]
            other = EhrRegistration.objects.get(pk=rows[4].pk)
            other.client_secret = "from an old server"
            other.save()
            settings.SMARTPORTAL_FIELD_KEYS = keys
        return opened

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, "decrypt", while_an_old_server_saves)
        said = refused()
    assert "1 were written under an older key meanwhile" in said
    assert EhrRegistration.objects.get(pk=rows[4].pk).client_secret.reveal() == "from an old server"
    assert "client_secret: 1 rewritten, 0 left" in rotate()


def test_what_cannot_be_opened_is_named_and_the_rest_is_done(
    rows: list[EhrRegistration], newer_in_front: None, settings: Any
) -> None:
    overwrite(rows[1], "v1.00000000.AAAA")
    overwrite(rows[3], sealed()[rows[2].pk])
    before = sealed()
    said = refused()
    for row in (rows[1], rows[3]):
        assert f"launcher.EhrRegistration.client_secret of row {row.pk} cannot be opened" in said
        assert sealed()[row.pk] == before[row.pk], "it may become readable again"
    assert "client_secret: 3 rewritten, 2 left" in said
    assert "2 could not be opened" in said
    assert "secret 2" not in said
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER]
    assert [EhrRegistration.objects.get(pk=rows[n].pk).client_secret.reveal() for n in (0, 2, 4)] == [
        "secret 0",
        "secret 2",
        "secret 4",
    ]


def test_checking_counts_and_changes_nothing(rows: list[EhrRegistration], newer_in_front: None) -> None:
    before = sealed()
    said = refused("--check")
    assert "launcher.EhrRegistration.client_secret: 5 left" in said
    assert "5 left under older keys" in said
    assert sealed() == before
    rotate()
    assert "can be taken away" in rotate("--check")


def test_without_any_key_it_says_what_to_do(rows: list[EhrRegistration], settings: Any) -> None:
    settings.SMARTPORTAL_FIELD_KEYS = []
    assert "new_field_key" in refused()
