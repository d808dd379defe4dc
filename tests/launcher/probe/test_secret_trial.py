"""A secret that has just been saved is tried at the EHR, and whoever saved it reads what came of it."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from launcher.models import AuditEvent, EhrRegistration
from tests.launcher.probe.scene import Scene, as_json
from tests.launcher.test_admin import LIST, Admin

NEW = "another+secret/of=the vendor"


@pytest.fixture
def admin(db: None) -> Admin:
    return Admin(get_user_model().objects.create_superuser("superuser"))


@pytest.mark.parametrize(
    ("answer", "words", "level"),
    [
        ("invalid_grant", "The client was accepted, and the made-up code refused", "success"),
        ("invalid_client", "it is wrong, has expired or has a space in it", "error"),
        ("server_error", "this says nothing about the secret; try a launch", "warning"),
    ],
)
def test_a_new_secret_is_tried_and_saved_whatever_the_ehr_says(
    answer: str, words: str, level: str, scene: Scene, admin: Admin
) -> None:
    row = scene.registration()
    scene.pages["/token"] = as_json({"error": answer}, status="400 Bad Request")
    page = admin.post(f"{LIST}{row.pk}/secret/", {"new_secret": NEW, "_replace": ""})
    told = {str(message): message.level_tag for message in page.context["messages"]}
    assert [tag for message, tag in told.items() if words in message] == [level]
    assert EhrRegistration.objects.get().client_secret.reveal() == NEW
    tried = [request for request in scene.ehr.asked if b"connection-check-" in request]
    assert len(tried) == 1, "once, with a code that cannot exist"
    event = AuditEvent.objects.get(event="connection.checked")
    assert (event.detail, event.actor) == ({"run": "secret"}, "staff superuser")
    assert NEW not in str(told)
