"""Cases 171 and 172: SECRET_KEY and the key of stored secrets are rotated while people work, by number."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django.utils.crypto import salted_hmac

from launcher import key_rotation
from launcher.key_rotation import Batch, Place
from launcher.models import EhrRegistration, Launch
from launcher.smart.errors import SmartError
from sandbox import keys
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.steps import R4, launch_url, opened, to_callback

pytestmark = pytest.mark.django_db
NEW_KEY = "another-key-of-this-installation-" + "fedcba9876543210" * 4
NEWER = base64.urlsafe_b64encode(bytes([9] * 32)).decode()
INDEX = "/admin/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("superuser"))
    assert client.get(INDEX, secure=True).status_code == 200
    return client


@pytest.fixture
def ehrs_of_their_own(ehrs: Bridge, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    """The simulators make their clients' secrets and tokens from SECRET_KEY: they are others' servers, and keep it."""
    old = settings.SECRET_KEY
    signer = partial(signing.TimestampSigner, key=old, fallback_keys=())
    kept = SimpleNamespace(TimestampSigner=signer, BadSignature=signing.BadSignature)
    monkeypatch.setattr("sandbox.tokens.signing", kept)
    monkeypatch.setattr("sandbox.scenario.signing", kept)
    monkeypatch.setattr("sandbox.clients.salted_hmac", partial(salted_hmac, secret=old))
    keys.signing_key()
    return ehrs


def rotated(settings: Any, *, keeping: bool) -> None:
    """A server that was started with a new key, with the old one as a fallback or without it."""
    old = settings.SECRET_KEY
    settings.SECRET_KEY = NEW_KEY
    settings.SECRET_KEY_FALLBACKS = [old] if keeping else []


def test_case_171_with_the_old_key_as_a_fallback_everybody_goes_on(
    ehrs_of_their_own: Bridge, browser: Browser, staff: Client, settings: Any
) -> None:
    page = opened(browser, launch_url(R4))
    on_its_way = Browser()
    callback = to_callback(on_its_way)
    rotated(settings, keeping=True)
    assert browser.get(page.url).patient == "54520"
    assert on_its_way.visit(callback).patient == "54520", "a launch between EHR and callback comes home"
    assert staff.get(INDEX, secure=True).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert staff.get(INDEX, secure=True).status_code == 200, "once seen, the session is under the new key"


def test_case_171_without_the_old_key_charts_go_on_and_staff_sign_in_again(
    ehrs_of_their_own: Bridge, browser: Browser, staff: Client, settings: Any
) -> None:
    page = opened(browser, launch_url(R4))
    callback = to_callback(browser)
    rotated(settings, keeping=False)
    assert browser.get(page.url).patient == "54520"
    assert browser.visit(callback).patient == "54520"
    for address in (INDEX, "/admin/launcher/ehrregistration/", "/admin/launcher/auditevent/"):
        answer = staff.get(address, secure=True)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    assert staff.get("/admin/login/", secure=True).status_code == 200
    assert b"superuser" not in staff.get("/admin/login/", secure=True).content


def test_case_171_no_session_of_another_key_is_believed(staff: Client, settings: Any) -> None:
    """Somebody who knows a key that was taken away, or none, makes a session for the superuser."""
    user = get_user_model().objects.get()
    old = settings.SECRET_KEY
    rotated(settings, keeping=False)
    for key in (old, "guessed" * 10):
        with_key = {"SECRET_KEY": key}
        forged = SessionStore()
        settings.SECRET_KEY = with_key["SECRET_KEY"]
        forged["_auth_user_id"] = str(user.pk)
        forged["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        forged["_auth_user_hash"] = user.get_session_auth_hash()
        forged.save()
        settings.SECRET_KEY = NEW_KEY
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = forged.session_key or ""
        answer = client.get(INDEX, secure=True)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/login/?next=/admin/")
    for nonsense in ("", "x", "é", "../..", "a" * 5000):
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = nonsense
        assert client.get(INDEX, secure=True).status_code == 302


def test_case_171_fallbacks_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "older-keys"
    file.write_text("three")
    shown = "from smartportal import settings; print(settings.SECRET_KEY_FALLBACKS)"
    for given, expected in (
        ({}, []),
        ({"SECRET_KEY_FALLBACKS": "one,two"}, ["one", "two"]),
        ({"SECRET_KEY_FALLBACKS_FILE": str(file)}, ["three"]),
    ):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SECRET_KEY_FALLBACKS")}
        run = subprocess.run(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", shown], env={**clean, **given}, capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == str(expected)


# --- 172 --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def rows(db: None, settings: Any) -> Iterator[None]:
    """Seven registrations, each with a secret and one that was there before; at the end all is as it was."""
    for n in range(7):
        EhrRegistration.objects.create(
            site_id=settings.SITE_ID,
            slug=f"ehr-{n}",
            name=f"EHR {n}",
            iss="https://ehr.example.org/fhir",
            client_id=f"client-{n}",
            client_secret=f"secret {n}",
            previous_secret=f"older secret {n}",
            previous_secret_until=timezone.now() + timedelta(hours=24),
        )
    old = settings.SMARTPORTAL_FIELD_KEYS[0]
    yield
    settings.SMARTPORTAL_FIELD_KEYS = [old, NEWER]
    rotate()


def all_are_readable() -> None:
    for row in EhrRegistration.objects.all():
        number = row.slug.removeprefix("ehr-")
        assert row.client_secret.reveal() == f"secret {number}"
        assert row.previous_secret.reveal() == f"older secret {number}"


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_field_key", stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.parametrize("stop_at", range(1, 15))
def test_case_172_stopped_at_any_row_and_run_again_every_secret_is_readable_at_every_moment(
    stop_at: int, rows: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = settings.SMARTPORTAL_FIELD_KEYS[0]
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER, old]
    monkeypatch.setattr(key_rotation, "BATCH", 1)
    whole, done = key_rotation.rotate, 0

    def stopped(place: Place) -> Iterator[Batch]:
        nonlocal done
        for batch in whole(place):
            done += 1
            all_are_readable()
            yield batch
            if done == stop_at:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("launcher.management.commands.rotate_field_key.rotate", stopped)
        with pytest.raises(CommandError, match=f"Stopped after {stop_at} secrets"):
            rotate()
    all_are_readable()
    assert "can be taken away" in rotate()
    all_are_readable()
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER]
    all_are_readable()


def test_case_172_a_launch_goes_on_through_a_rotation_and_after_it(
    ehrs: Bridge, browser: Browser, settings: Any
) -> None:
    page = opened(browser, launch_url(R4))
    callback = to_callback(browser)
    old = settings.SMARTPORTAL_FIELD_KEYS[0]
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER, old]
    assert browser.get(page.url).patient == "54520"
    assert "can be taken away" in rotate()
    settings.SMARTPORTAL_FIELD_KEYS = [NEWER]
    assert browser.get(page.url).patient == "54520"
    assert browser.visit(callback).patient == "54520"
    settings.SMARTPORTAL_FIELD_KEYS = [old]
    with pytest.raises(SmartError):
        _ = Launch.objects.order_by("pk")[0].access_token
    settings.SMARTPORTAL_FIELD_KEYS = [old, NEWER]
    rotate()
