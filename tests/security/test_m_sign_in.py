"""Security cases, group M: guessed passwords at the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from launcher.models import AuditEvent

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def test_case_145_guesses_behind_changing_forwarded_addresses_are_stopped_after_ten(settings: Any) -> None:
    """The header is a stranger's claim: all tries count for the one true address, and ten are looked at.

    Forty tries in place of the case's thousand: from the eleventh on each is answered like the one before.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    get_user_model().objects.create_superuser("root", password=PASSWORD)
    for name in ("root", "nobody"):
        client = Client(REMOTE_ADDR="203.0.113.9" if name == "root" else "203.0.113.10")
        answers = []
        for number in range(40):
            form = {"username": name, "password": PASSWORD if number > 10 else "guess"}
            forwarded = {"x-forwarded-for": f"198.51.100.{number}", "x-real-ip": "192.0.2.7"}
            answers.append(client.post("/admin/login/", form, secure=True, headers=forwarded).status_code)
        assert answers == [200] * 9 + [429] * 31
        assert "_auth_user_id" not in client.session
    failed = AuditEvent.objects.filter(event="admin.login_failed")
    assert failed.count() == 20
    assert {event.detail["address"] for event in failed} == {"203.0.113.9", "203.0.113.10"}
    assert AuditEvent.objects.filter(event="admin.locked", actor="staff root").exists()
