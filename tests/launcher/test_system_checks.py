"""`manage.py check` names each misconfiguration that can be seen without a network, and what to do about it."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from launcher import audit, signing
from launcher.checks import TAG, refuse_unsafe_start
from launcher.models import AuditChain, AuditEvent, EhrRegistration, SigningKey
from launcher.system_checks import stored
from tests.launcher.conftest import MakeRegistration

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for app in ("launcher", "patients", "sandbox", "smartportal") for path in (ROOT / app).rglob("*.py")]
GUIDE = ROOT / "docs" / "operations.md"
ID = re.compile(r"(?:[\"']|smartportal\.)([EW]\d{3})[\"']")
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
ZERO_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
PROVIDER = {
    "SMARTPORTAL_ADMIN_OIDC_ISSUER": "https://login.example.org",
    "SMARTPORTAL_ADMIN_OIDC_CLIENT_ID": "portal",
    "SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET": "a-secret-of-the-provider",
    "SMARTPORTAL_ADMIN_OIDC_ROLES": "it=Integrator",
}


@pytest.fixture
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Values as on a server, with which no check finds anything."""
    settings.DEBUG = settings.SMARTPORTAL_SANDBOX = False
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    settings.SMARTPORTAL_TRUSTED_PROXIES = ["10.0.0.7/32"]
    # Not by overriding the settings: that would close what the tests stand on.
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    monkeypatch.setitem(settings.CACHES["default"], "BACKEND", "smartportal.cache.ForgivingRedisCache")
    return settings


def found(*, deploy: bool = True) -> dict[str, str]:
    """Each id that is said, with all that is said under it."""
    said: dict[str, str] = {}
    for message in checks.run_checks(tags=[TAG], include_deployment_checks=deploy):
        name = str(message.id).removeprefix("smartportal.")
        said[name] = " | ".join(filter(None, (said.get(name), str(message.msg), str(message.hint or ""))))
    return said


@pytest.mark.django_db
def test_values_as_on_a_server_have_nothing_to_say(production: Settings, registration: EhrRegistration) -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("number", "changes", "named"),
    [
        ("E001", {"SECRET_KEY": ""}, "SECRET_KEY"),
        ("E002", {"SECRET_KEY": "change-me-to-a-long-random-text"}, "SECRET_KEY"),
        ("E003", {"SMARTPORTAL_FIELD_KEYS": ["too-short"]}, "SMARTPORTAL_FIELD_KEYS"),
        ("E004", {"SMARTPORTAL_FIELD_KEYS": []}, "new_field_key"),
        ("E005", {"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS"),
        ("E006", {"SMARTPORTAL_SANDBOX": True}, "SMARTPORTAL_SANDBOX=off"),
        ("E007", {"SMARTPORTAL_ALLOWED_NETWORKS": ["ten"]}, "SMARTPORTAL_ALLOWED_NETWORKS: “ten”"),
        ("E007", {"SMARTPORTAL_TRUSTED_PROXIES": ["proxy"]}, "SMARTPORTAL_TRUSTED_PROXIES: “proxy”"),
        ("E007", {"SMARTPORTAL_METRICS_NETWORKS": ["10.0.0.0/99"]}, "SMARTPORTAL_METRICS_NETWORKS"),
        ("E008", {"SMARTPORTAL_BASE_URL": "testserver"}, "SMARTPORTAL_BASE_URL"),
        ("E008", {"SMARTPORTAL_BASE_URL": "https://testserver/portal"}, "a path"),
        ("E008", {"SMARTPORTAL_BASE_URL": "https://testserver?x=1"}, "a query"),
        ("E008", {"SMARTPORTAL_BASE_URL": "ftp://testserver"}, "https://portal.example.org"),
        ("E008", {"SMARTPORTAL_BASE_URL": "https://somebody@testserver"}, "SMARTPORTAL_BASE_URL"),
        ("E009", {"SECRET_KEY_FALLBACKS": ["django-insecure-abc"]}, "SECRET_KEY_FALLBACKS"),
        ("E009", {"SECRET_KEY_FALLBACKS": [""]}, "SECRET_KEY_FALLBACKS"),
        ("E010", {"SMARTPORTAL_CA_BUNDLE": "/nowhere/at/all.pem"}, "/nowhere/at/all.pem"),
        ("E010", {"SMARTPORTAL_CA_BUNDLE": __file__}, "PEM"),
        ("E011", {"SMARTPORTAL_IDLE_MINUTES": 0}, "SMARTPORTAL_IDLE_MINUTES is 0"),
        ("E011", {"SMARTPORTAL_ABSOLUTE_HOURS": -1}, "SMARTPORTAL_ABSOLUTE_HOURS"),
        ("E011", {"SMARTPORTAL_STALE_MINUTES": 0}, "SMARTPORTAL_STALE_MINUTES"),
        ("E011", {"SMARTPORTAL_TRACE_DAYS": 0}, "SMARTPORTAL_TRACE_DAYS"),
        ("E012", {"SMARTPORTAL_FIELD_KEYS": [KEY, ZERO_KEY]}, "new_field_key"),
        ("E021", {**PROVIDER, "SMARTPORTAL_ADMIN_OIDC_CLIENT_ID": ""}, "SMARTPORTAL_ADMIN_OIDC_CLIENT_ID"),
        ("E022", {**PROVIDER, "SMARTPORTAL_ADMIN_OIDC_ISSUER": "login.test"}, "SMARTPORTAL_ADMIN_OIDC_ISSUER"),
        ("E023", {**PROVIDER, "SMARTPORTAL_ADMIN_OIDC_SCOPES": "profile"}, "openid"),
        ("E024", {**PROVIDER, "SMARTPORTAL_ADMIN_OIDC_ROLES": "group=Admiral"}, "Admiral"),
    ],
)
def test_what_cannot_be_used_refuses_the_start(
    production: Settings, number: str, changes: dict[str, Any], named: str
) -> None:
    for name, value in changes.items():
        setattr(production, name, value)
    said = found(deploy=False)
    assert list(said) == [number]
    assert named in said[number]
    with pytest.raises(ImproperlyConfigured) as refusal:
        refuse_unsafe_start()
    assert named in str(refusal.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "changes", "named"),
    [
        ("E101", {"SMARTPORTAL_BASE_URL": "http://testserver"}, "http://testserver"),
        ("E102", {"ALLOWED_HOSTS": ["other.test", "second.test"]}, "testserver"),
        ("E103", {"SESSION_COOKIE_SECURE": False}, "SESSION_COOKIE_SECURE"),
        ("E103", {"CSRF_COOKIE_SECURE": False}, "CSRF_COOKIE_SECURE"),
        ("W101", {"SMARTPORTAL_ALLOWED_NETWORKS": ["127.0.0.0/8"]}, "loopback"),
        ("W101", {"SMARTPORTAL_ALLOWED_NETWORKS": ["::/64"]}, "loopback"),
        ("W105", {"SMARTPORTAL_TRUSTED_PROXIES": ["0.0.0.0/0"]}, "SMARTPORTAL_TRUSTED_PROXIES"),
        ("W105", {"SMARTPORTAL_METRICS_NETWORKS": ["10.0.0.0/8", "::/0"]}, "SMARTPORTAL_METRICS_NETWORKS"),
        ("W106", {"SMARTPORTAL_TRUSTED_PROXIES": []}, "SMARTPORTAL_TRUSTED_PROXIES"),
        ("W108", {"SMARTPORTAL_FIELD_KEYS": [KEY, KEY]}, "SMARTPORTAL_FIELD_KEYS"),
        ("W109", {"SMARTPORTAL_IDLE_MINUTES": 61}, "SMARTPORTAL_IDLE_MINUTES is 61"),
        ("W109", {"SMARTPORTAL_ABSOLUTE_HOURS": 25}, "SMARTPORTAL_ABSOLUTE_HOURS"),
        ("W109", {"SMARTPORTAL_STALE_MINUTES": 241}, "SMARTPORTAL_STALE_MINUTES"),
        ("W109", {"SMARTPORTAL_TRACE_DAYS": 400}, "SMARTPORTAL_TRACE_DAYS"),
        ("W109", {"SMARTPORTAL_IDLE_MINUTES": 60, "SMARTPORTAL_ABSOLUTE_HOURS": 0.5}, "never ends a session"),
    ],
)
def test_what_should_not_be_used_is_said_before_deployment_and_starts(
    production: Settings, number: str, changes: dict[str, Any], named: str
) -> None:
    for name, value in changes.items():
        setattr(production, name, value)
    said = found()
    assert number in said
    assert named in said[number]
    assert number not in found(deploy=False)


@pytest.mark.django_db
def test_the_database_and_the_cache_of_one_machine_are_named(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(production.CACHES["default"], "BACKEND", "django.core.cache.backends.locmem.LocMemCache")
    assert sorted(found()) == ["W103", "W104"]
    production.DEBUG = True
    assert found(deploy=True).keys() & {"W103", "W104"} == set()


@pytest.mark.parametrize(
    ("address", "names"),
    [("http://127.0.0.1:8000", []), ("http://[::1]:8000", []), ("http://localhost", []), ("http://10.1.2.3", ["W107"])],
)
def test_debug_where_others_can_reach_it_is_said_by_every_command(
    production: Settings, address: str, names: list[str]
) -> None:
    production.DEBUG = True
    production.SMARTPORTAL_BASE_URL = address
    assert list(found(deploy=False)) == names
    refuse_unsafe_start()  # a warning, no refusal


@pytest.mark.django_db
def test_plain_http_to_this_machine_alone_is_no_error(production: Settings) -> None:
    production.SMARTPORTAL_BASE_URL = "http://127.0.0.1:8000"
    production.ALLOWED_HOSTS = ["127.0.0.1"]
    assert found() == {}


# --- Sites ------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("domain", "changes", "number"),
    [
        ("second.test", {}, ""),
        ("third.test", {}, "W110"),
        ("https://second.test", {}, "W110"),
        ("TestServer", {}, "W111"),
        ("second.test:8443", {"SMARTPORTAL_TRUSTED_PROXIES": []}, "W112"),
        ("second.test", {"SMARTPORTAL_TRUSTED_PROXIES": []}, ""),
    ],
)
def test_a_site_that_nobody_can_reach_is_named(
    production: Settings, domain: str, changes: dict[str, Any], number: str
) -> None:
    Site.objects.create(domain=domain, name="Second hospital")
    for name, value in changes.items():
        setattr(production, name, value)
    said = found()
    said.pop("W106", None)
    assert list(said) == [number][: bool(number)]
    assert domain.lower() in said.get(number, domain.lower())


# --- Registrations ----------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "values", "named"),
    [
        ("E121", {"redirect_uri": "https://old.example.org/callback/main"}, "redirect_uri: Does not lead to this site"),
        ("E121", {"auth_method": "private_key_jwt"}, "new_signing_key --algorithm RS384"),
        ("E121", {"auth_method": "client_secret_basic"}, "needs a client secret"),
        ("E121", {"environment": "production", "iss_is_prefix": True}, "iss: A prefix"),
        ("E121", {"iss": "http://ehr.example.org/fhir"}, "iss: Must start with https://"),
        ("E121", {"allowed_networks": ["10.0.0.0/8"]}, "SMARTPORTAL_ALLOWED_NETWORKS"),
        ("E122", {"secret_from": "env:NO_SUCH_SECRET_HERE"}, "NO_SUCH_SECRET_HERE"),
        ("E122", {"secret_from": "file:/no/such/file"}, "/no/such/file"),
        ("W102", {"send_pkce": False}, "main sends no PKCE challenge"),
        ("W121", {"panels": ["conditions", "horoscope"]}, "panels: There is no panel “horoscope”"),
        ("W121", {"environment": "production", "test_patients": ["54520"]}, "test_patients: Not allowed in Production"),
        ("W122", {"vendor": "plugin-that-is-gone"}, "plugin-that-is-gone"),
        ("W123", {"environment": "production", "frame_ancestors": ["http://ehr.example.org"]}, "https"),
        ("W124", {"secret_expires_on": timezone.localdate() + timedelta(days=3)}, "expires in 3 days"),
    ],
)
def test_a_registration_that_no_longer_holds_is_named_with_what_to_do(
    production: Settings, registration: EhrRegistration, number: str, values: dict[str, Any], named: str
) -> None:
    EhrRegistration.objects.update(**values)
    said = found()
    assert number in said
    assert "main" in said[number]
    assert named in said[number]
    assert found(deploy=False) == {}


@pytest.mark.django_db
def test_a_registration_that_is_off_and_says_so_needs_no_word(
    production: Settings, registration: EhrRegistration
) -> None:
    EhrRegistration.objects.update(enabled=False, vendor="gone", secret_from="env:NO_SUCH_SECRET_HERE", panels=["none"])
    assert found() == {}


@pytest.mark.django_db
def test_secrets_and_keys_of_a_field_key_that_was_taken_away_are_named_and_not_shown(
    production: Settings, make_registration: MakeRegistration
) -> None:
    make_registration(client_secret="a-very-secret-text")
    key = signing.make_key("ES384")
    production.SMARTPORTAL_FIELD_KEYS = [OTHER_KEY]
    said = found()
    assert set(said) == {"E123", "E124"}
    assert "main" in said["E123"]
    assert key.kid in said["E124"]
    assert "a-very-secret-text" not in str(said)


@pytest.mark.django_db
def test_an_active_key_is_enough_for_private_key_jwt(production: Settings, registration: EhrRegistration) -> None:
    EhrRegistration.objects.update(auth_method="private_key_jwt")
    key = signing.make_key("RS384")
    assert found() == {}
    SigningKey.objects.update(created_at=timezone.now() - timedelta(days=366))
    assert list(found()) == ["W125"]
    signing.retire(key)
    assert list(found()) == ["E121"]


@pytest.mark.django_db
def test_an_audit_chain_whose_end_was_cut_off_is_named(production: Settings) -> None:
    first, last = audit.write("launch.started"), audit.write("launch.refused")
    assert found() == {}
    AuditEvent.objects.filter(pk=last.pk).delete()
    said = found()
    assert list(said) == ["E125"]
    assert f"chain {last.chain} " in said["E125"]
    assert "verify_audit" in said["E125"]
    AuditChain.objects.update(sequence=first.sequence, hash=first.hash)
    assert found() == {}
    AuditEvent.objects.filter(pk=first.pk).update(hash="0" * 64)
    assert list(found()) == ["E125"], "another event stands in its place"


@pytest.mark.django_db
def test_more_rows_than_are_looked_at_are_owned_up_to(
    production: Settings, make_registration: MakeRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        make_registration(slug=f"ehr-{number}", client_id=f"client-{number}", name=f"EHR {number}")
    monkeypatch.setattr(stored, "AT_MOST", 3)
    assert found() == {}
    monkeypatch.setattr(stored, "AT_MOST", 2)
    assert list(found()) == ["W126"]


@pytest.mark.django_db
def test_ten_times_the_registrations_are_judged_with_as_many_queries(
    production: Settings, make_registration: MakeRegistration
) -> None:
    signing.make_key("RS384")
    site = Site.objects.create(domain="second.test", name="Second hospital")
    counted = []
    for first in (0, 1):
        for number in range(first, 10 * first + 1):
            values = {"auth_method": "private_key_jwt", "client_id": f"client-{number}", "site_id": site.pk}
            make_registration(slug=f"ehr-{number}", **values)
        with CaptureQueriesContext(connection) as queries:
            assert found() == {}
        counted.append(len(queries))
    assert counted[0] == counted[1] < 15


def test_without_a_database_it_is_said_that_nothing_was_looked_at(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise DatabaseError("no such table: launcher_ehrregistration, password hunter2")

    monkeypatch.setattr(stored, "sites", away)
    said = found()
    assert list(said) == ["W120"]
    assert "migrate" in said["W120"]
    assert "hunter2" not in said["W120"]


# --- The guide, and the whole command ---------------------------------------------------------------------------------
def test_every_number_stands_in_the_guide_and_is_triggered_by_a_test() -> None:
    used = {number for path in SOURCES for number in ID.findall(path.read_text(encoding="utf-8"))}
    documented = re.findall(r"^\| `smartportal\.([EW]\d{3})` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(used) == documented, "the table in docs/operations.md and the code name different checks"
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert {number for number in used if f'{number}"' not in tests} == set()


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("DATABASE_URL", "hunter2", "DATABASE_URL cannot be read: write an address such as postgres://"),
        ("CACHE_URL", "hunter2", "CACHE_URL cannot be read"),
        ("SMARTPORTAL_IDLE_MINUTES", "hunter2", "SMARTPORTAL_IDLE_MINUTES cannot be read"),
        ("SECRET_KEY_FILE", "/hunter2", "SECRET_KEY_FILE names a file that cannot be read"),
        ("SMARTPORTAL_PLUGINS", "no_such.plugin", "“no_such.plugin”, which is not installed"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_and_not_shown(variable: str, value: str, named: str) -> None:
    refused = subprocess.run(  # our own
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DEBUG": "on", variable: value},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert refused.returncode != 0
    assert named in refused.stderr.splitlines()[-1]
    assert "hunter2" not in refused.stderr.splitlines()[-1]
