"""`manage.py register_ehr`: creates, updates, changes nothing the second time, and says what is wrong in a sentence."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from launcher.models import EhrRegistration

pytestmark = pytest.mark.django_db


def register(*arguments: str) -> str:
    out = StringIO()
    call_command("register_ehr", *arguments, stdout=out)
    return out.getvalue()


def test_a_preset_needs_only_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TW_SECRET", "from the vendor")
    said = register(
        "touchworks", "--preset", "allscripts-touchworks-17-1", "--client-id", "abc", "--client-secret-env", "TW_SECRET"
    )
    row = EhrRegistration.objects.get(slug="touchworks")
    assert (row.iss, row.fhir_version, row.auth_method, row.enabled, row.environment) == (
        "https://tw171.open.allscripts.com/FHIR",
        "DSTU2",
        "client_secret_post",
        True,
        "sandbox",
    )
    assert row.client_secret.reveal() == "from the vendor"
    assert "https://testserver/launch/touchworks" in said
    assert "https://testserver/callback/touchworks" in said
    assert "https://testserver/.well-known/jwks.json" in said


def test_the_same_call_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", "one")
    call = ("main", "--iss", "https://ehr.example.org/fhir", "--client-id", "a", "--client-secret-env", "S")
    register(*call, "--set", "require_identity=true", "--approve-origin", "https://login.example.org")
    before = EhrRegistration.objects.values().get()
    said = register(*call, "--set", "require_identity=true", "--approve-origin", "https://login.example.org")
    assert "nothing to change" in said
    assert EhrRegistration.objects.values().get() == before


def test_one_value_is_changed_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    register("main", "--iss", "https://ehr.example.org/fhir", "--client-id", "a", "--client-secret-file", str(file))
    register("main", "--scopes", "launch patient/*.read", "--set", "launch_modes=ehr,standalone")
    row = EhrRegistration.objects.get()
    assert (row.scopes, row.launch_modes, row.client_id) == ("launch patient/*.read", ["ehr", "standalone"], "a")
    assert row.client_secret.reveal() == "from a file"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("main", "--client-id", "a"), "--iss is needed"),
        (("main", "--iss", "https://ehr.example.org/fhir"), "client_id"),
        (("main", "--preset", "nonsense"), "There is no preset nonsense"),
        (("main", "--iss", "https://e.example.org", "--client-id", "a", "--set", "colour=red"), "colour=red"),
        (("main", "--iss", "https://e.example.org", "--client-id", "a", "--set", "client_secret=x"), "--set"),
        (("main", "--iss", "https://e.example.org", "--client-id", "a", "--set", "enabled=maybe"), "true or false"),
        (("main", "--iss", "https://e.example.org", "--client-id", "a", "--site", "nowhere.test"), "no site"),
        (("main", "--iss", "javascript:alert(1)", "--client-id", "a"), "iss:"),
        (("main", "--iss", "https://e.example.org", "--client-id", "a", "--client-secret-env", "NOT_SET"), "NOT_SET"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError) as caught:
        register(*arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not EhrRegistration.objects.exists()
