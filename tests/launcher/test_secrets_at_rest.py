"""Secrets in the database: encrypted, bound to their row, never shown, never searched."""

from __future__ import annotations

import base64
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.test import Client

from launcher.models import EhrRegistration
from launcher.smart.errors import SmartError
from launcher.smart.secret import Secret

pytestmark = pytest.mark.django_db
SECRET = "s3cret-that-must-not-be-seen"


def stored(row: EhrRegistration) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM launcher_ehrregistration WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


def test_a_secret_is_written_encrypted_and_read_back(registration: EhrRegistration) -> None:
    registration.client_secret = SECRET
    registration.save()
    assert SECRET not in stored(registration)
    assert EhrRegistration.objects.get(pk=registration.pk).client_secret == Secret(SECRET)


def test_saving_twice_does_not_encrypt_twice(registration: EhrRegistration) -> None:
    registration.client_secret = SECRET
    registration.save()
    first = stored(registration)
    registration.save()
    again = EhrRegistration.objects.get(pk=registration.pk)
    again.save()
    assert stored(registration) == first
    assert again.client_secret.reveal() == SECRET


def test_a_secret_copied_to_another_row_cannot_be_opened(registration: EhrRegistration, make_registration: Any) -> None:
    registration.client_secret = SECRET
    registration.save()
    thief = make_registration(slug="thief", iss="https://thief.example.org/fhir")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE launcher_ehrregistration SET client_secret = %s WHERE id = %s", [stored(registration), thief.pk]
        )
    thief = EhrRegistration.objects.get(pk=thief.pk)
    with pytest.raises(SmartError) as caught:
        _ = thief.client_secret
    assert caught.value.code == "unavailable"


def test_a_new_key_in_front_leaves_old_secrets_readable(registration: EhrRegistration, settings: Any) -> None:
    registration.client_secret = SECRET
    registration.save()
    newer = base64.urlsafe_b64encode(bytes(32)).decode()
    settings.SMARTPORTAL_FIELD_KEYS = [newer, *settings.SMARTPORTAL_FIELD_KEYS]
    assert EhrRegistration.objects.get(pk=registration.pk).client_secret.reveal() == SECRET
    settings.SMARTPORTAL_FIELD_KEYS = [newer]
    with pytest.raises(SmartError):
        _ = EhrRegistration.objects.get(pk=registration.pk).client_secret


def test_secrets_are_in_no_dump_and_no_repr_and_no_query(registration: EhrRegistration) -> None:
    registration.client_secret = SECRET
    registration.save()
    dump = StringIO()
    call_command("dumpdata", "launcher", stdout=dump)
    assert SECRET not in dump.getvalue()
    assert SECRET not in repr(registration.client_secret) + str(registration.client_secret) + repr(vars(registration))
    with pytest.raises(FieldError):
        EhrRegistration.objects.filter(client_secret=SECRET).exists()
    with pytest.raises(FieldError):
        EhrRegistration.objects.update(client_secret=SECRET)


def test_an_error_page_shows_no_secret_with_debug_on_either(
    registration: EhrRegistration, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration.client_secret = SECRET
    registration.save()
    settings.DEBUG = True
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("superuser"))

    def break_down(self: EhrRegistration) -> None:
        local = self.client_secret
        raise RuntimeError(f"broken with {local} and {self!r} {vars(self)}")

    with monkeypatch.context() as patch:
        patch.setattr(EhrRegistration, "__str__", break_down)
        answer = client.get(f"/admin/launcher/ehrregistration/{registration.pk}/change/", secure=True)
    assert answer.status_code == 500
    page = answer.content.decode()
    assert 'data-error="internal"' in page
    for hidden in (SECRET, stored(registration)):
        assert hidden not in page
