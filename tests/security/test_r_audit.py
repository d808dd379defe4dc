"""Cases 176, 177, 179, 181, 183, 184: what the audit trail holds, who sees it, and what is kept nowhere, by number."""

from __future__ import annotations

import io
import json
import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from launcher import audit, audit_grants, revocation
from launcher.models import AuditEvent, EhrRegistration, Launch
from launcher.registration_rules import iss_key
from tests.browser import Browser, Page
from tests.journeys.test_named_faults import ENDS_IN, FINE, launch_with
from tests.launcher import balp
from tests.launcher.staff_world import build
from tests.launcher.test_permission_matrix import addresses
from tests.loopback import Bridge, Seen
from tests.security import canaries
from tests.security.steps import R4, faulty_launch_url, iss_of, launch_url, opened
from tests.security.watching import Watch

pytestmark = pytest.mark.django_db

PANELS = {
    "demographics",
    "conditions",
    "medications",
    "vitals",
    "labs",
    "allergies",
    "encounters",
    "immunizations",
    "documents",
}
BEFORE_THE_SIGN_IN = ["launch.received", "authz.redirected"]
SIGNED_IN = ["token.obtained", "session.opened"]
A_CHART = ["patient.read", *["panel.read"] * len(PANELS)]


@dataclass
class Played:
    """A whole launch: opened, shown again after its token ended, signed out."""

    launch: Launch
    seen: list[Seen]
    page: Page
    events: list[AuditEvent] = field(default_factory=list)


@pytest.fixture
def played(ehrs: Bridge, browser: Browser) -> Played:
    row = EhrRegistration.objects.get(slug=R4)
    EhrRegistration.objects.filter(pk=row.pk).update(scopes=f"{row.scopes} offline_access")
    page = opened(browser, launch_url(R4))
    Launch.objects.update(token_expires_at=timezone.now())
    assert browser.get(page.url).text
    token = page.marks("value")[0]
    assert browser.post(f"{page.url}end/", {"token": token}).status == 200
    assert revocation.drain()
    events = list(AuditEvent.objects.order_by("pk"))
    return Played(Launch.objects.get(), list(ehrs.seen), page, events)


def test_case_176_a_launch_with_a_refresh_and_a_sign_out_leaves_exactly_its_events(played: Played) -> None:
    names = [row.event for row in played.events]
    assert names == [*BEFORE_THE_SIGN_IN, *SIGNED_IN, *A_CHART, "token.refreshed", *A_CHART, "session.ended"]
    for first in (5, 16):
        assert {row.detail["panel"] for row in played.events[first : first + len(PANELS)]} == PANELS
    launch, person = played.launch, played.launch.person
    assert person is not None
    assert person.issuer == iss_of(R4).removesuffix("/fhir")
    assert [row.at for row in played.events] == sorted(row.at for row in played.events)
    for row in played.events:
        assert row.at.utcoffset() is not None
        assert (row.site, row.registration, row.outcome) == ("testserver", R4, "success")
    before, after = played.events[:2], played.events[2:]
    assert {(row.actor, row.patient, row.launch) for row in before} == {("unknown", "", "")}, "nobody is known yet"
    assert {(row.actor, row.patient, row.launch) for row in after} == {
        (f"{person.subject} ({person.issuer})", "54520", launch.pk)
    }
    assert [row.sequence for row in after] == list(range(1, len(after) + 1))
    assert {row.reference for row in after} == {launch.reference}


def test_case_176_each_event_carries_the_x_request_id_that_the_ehr_was_sent(played: Played) -> None:
    def sent(part: str, method: str = "GET") -> list[str]:
        found = [each for each in played.seen if part in each.path and each.method == method]
        return list(dict.fromkeys(each.headers["X-Request-Id"] for each in found))

    def written(*events: str) -> list[str]:
        return list(dict.fromkeys(row.correlation_id for row in played.events if row.event in events))

    assert written(*BEFORE_THE_SIGN_IN) == sent("/.well-known/smart-configuration")
    assert [*written("token.obtained"), *written("token.refreshed")] == sent("/token", "POST")
    assert written(*SIGNED_IN) == sent("/token", "POST")[:1]
    assert written("patient.read") == written("panel.read") == sent("/fhir/Patient/")
    assert written("panel.read") == sent("/fhir/Condition")
    # Launch, return, chart, the chart again with its refresh, sign-out.
    assert len(written(*(row.event for row in played.events))) == 5
    assert "" not in written(*(row.event for row in played.events))


def test_case_176_the_ehr_is_told_of_the_end_with_the_id_of_the_sign_out(
    ehrs: Bridge, browser: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    page = opened(browser, launch_url(R4))
    ehrs.forget()
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(f"{page.url}end/", {"token": page.marks("value")[0]}).status == 200
    assert revocation.drain()
    told = {each.headers.get("X-Request-Id") for each in ehrs.seen if each.path.endswith("/revoke")}
    assert told == {AuditEvent.objects.get(event="session.ended").correlation_id}


def test_case_177_the_trail_of_a_launch_is_a_set_of_fhir_audit_events(played: Played, browser: Browser) -> None:
    browser.visit(faulty_launch_url(browser, "access-denied"))
    out = io.StringIO()
    call_command("export_audit", "--format", "fhir", stdout=out)
    resources = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(resources) == AuditEvent.objects.count() - 1, "all but the export's own"
    for resource in resources:
        assert balp.problems(resource) == [], resource
    profiles = {
        profile.removeprefix(balp.CANONICAL)
        for each in resources
        for profile in each.get("meta", {}).get("profile", [])
    }
    assert profiles == {"PatientRead", "PatientQuery", "OAUTHaccessTokenUse.Opaque"}
    failed = [each for each in resources if not each["outcomeDesc"].startswith("success")]
    assert failed
    assert all(each["outcome"] != "0" for each in failed)


# --- 179 --------------------------------------------------------------------------------------------------------------
ONE_OF_EACH = {code: fault for fault, code in ENDS_IN.items() if code != FINE}
"""An error of each kind that an EHR can bring about: for each code of ours a mistake that the simulators make."""


@pytest.fixture
def superuser(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("superuser"))
    return client


def pages_of_the_admin(client: Client) -> Iterator[tuple[str, str]]:
    for address in addresses(build()):
        if "logout" in address.path:
            continue
        with transaction.atomic():
            answer = client.get(address.path, secure=True, follow=True)
            body = answer.getvalue() if answer.streaming else answer.content
        yield address.path, body.decode()


def exports() -> Iterator[tuple[str, str]]:
    for name, arguments in (
        ("export_audit", ("--format", "csv")),
        ("export_audit", ("--format", "fhir")),
        ("export_ehrs", ()),
        ("dumpdata", ("--natural-foreign",)),
    ):
        out = io.StringIO()
        call_command(name, *arguments, stdout=out, stderr=out, verbosity=0)
        yield f"{name} {' '.join(arguments)}", out.getvalue()


@pytest.fixture
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At the level of those who look for a fault, our own logger and those of what we stand on."""
    for name in ("", "smartportal", "django", "urllib3", "requests", "mozilla_django_oidc", "axes"):
        caplog.set_level(logging.DEBUG, name)


def test_case_179_no_secret_and_no_patient_is_found_where_they_do_not_belong(
    everything_is_logged: None, played: Played, browser: Browser, watch: Watch, superuser: Client, settings: Any
) -> None:
    """The harness of all cases looks into log (at DEBUG), addresses, pages, cache, mail and audit; here is the rest."""
    for code, fault in ONE_OF_EACH.items():
        stranger = Browser()
        assert stranger.visit(launch_with(stranger, fault)).error == code, fault
        EhrRegistration.objects.filter(slug=R4).update(iss=iss_of(R4), iss_key=iss_key(iss_of(R4)))
    opened(Browser(), launch_url(R4))
    assert settings.ADMINS == django_settings.ADMINS == [], "error mails are for nobody"
    secret = canaries._secrets(watch.calls)
    private = {*secret, *canaries._facts_about_patients()}
    assert len(private) >= 40
    # What the simulators' registrations offer as patients to launch with is invented, and theirs to show.
    EhrRegistration.objects.update(demo_patients=[])
    looked_at = 0
    for place, text in (*pages_of_the_admin(superuser), *exports(), *elsewhere(watch, superuser)):
        looked_at += 1
        for value in private:
            assert value not in text, f"{canaries._short(value)} is in {place}"
    assert looked_at > 60, "all pages of the admin"


def elsewhere(watch: Watch, client: Client) -> Iterator[tuple[str, str]]:
    yield "the history of the admin", str(list(LogEntry.objects.values()))
    yield "the metrics", client.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    yield "the log", watch.journal.text
    yield "the audit trail", str(list(AuditEvent.objects.values()))
    yield "the mail", str([vars(each) for each in getattr(mail, "outbox", [])])
    referring = [
        value for page in Browser.everything for name, value in page.response.headers.items() if name == "Link"
    ]
    yield "headers that browsers repeat", "\n".join(referring)


# --- 181 --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def app_role() -> Iterator[str]:
    """A role as the product should run as, with its rights given; the tests' own role owns everything."""
    role = f"smartportal_app_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} NOLOGIN")
        # Who is no superuser has to be a member of a role to act as it.
        cursor.execute(f"GRANT {role} TO CURRENT_USER")
    try:
        call_command("grant_app_role", role, stdout=io.StringIO())
        yield role
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_case_181_the_product_can_add_audit_events_and_neither_change_nor_remove_them(
    app_role: str, ehrs: Bridge, browser: Browser
) -> None:
    with acting_as(app_role):
        opened(browser, launch_url(R4))
        call_command("verify_audit", stdout=io.StringIO())
        assert not audit_grants.may_change_events()
        before = list(AuditEvent.objects.order_by("pk").values())
        for statement in (
            "UPDATE launcher_auditevent SET patient = 'x'",
            "DELETE FROM launcher_auditevent",
            "TRUNCATE launcher_auditevent",
            "DELETE FROM launcher_auditchain",
            "TRUNCATE launcher_auditchain",
            "ALTER TABLE launcher_auditevent DISABLE TRIGGER ALL",
            "DROP TABLE launcher_auditevent",
            "INSERT INTO django_migrations (app, name, applied) VALUES ('launcher', 'x', now())",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        assert list(AuditEvent.objects.order_by("pk").values()) == before
        audit.write("request.refused")
    assert audit_grants.may_change_events(), "the owner could"


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_case_181_an_event_that_a_superuser_removes_is_named(ehrs: Bridge, browser: Browser) -> None:
    opened(browser, launch_url(R4))
    gone = AuditEvent.objects.filter(event="patient.read").get()
    said = io.StringIO()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM launcher_auditevent WHERE id = %s", [gone.pk])
        with pytest.raises(CommandError):
            call_command("verify_audit", stdout=said, stderr=said)
        transaction.set_rollback(True)
    place = f"chain {gone.chain}, event {gone.sequence}: events {gone.sequence} to {gone.sequence} are missing"
    assert place in said.getvalue()


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_case_181_a_role_that_could_do_more_is_not_taken(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        owner = cursor.fetchone()[0]
    for role in (owner, "nobody_of_that_name"):
        with pytest.raises(CommandError):
            call_command("grant_app_role", role, stdout=io.StringIO())


def test_case_181_without_postgresql_the_command_says_so() -> None:
    if connection.vendor == "postgresql":
        call_command("grant_app_role", "smartportal", "--print", stdout=io.StringIO())
        return
    with pytest.raises(CommandError, match="PostgreSQL"):
        call_command("grant_app_role", "smartportal")


# --- 183 --------------------------------------------------------------------------------------------------------------
_written_files: list[str] = []
_noting = False


def _note_files(event: str, arguments: tuple[Any, ...]) -> None:
    if _noting and event == "open" and isinstance(arguments[0], str):
        path, mode, flags = arguments
        if (mode and set(str(mode)) & set("wax+")) or (not mode and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            _written_files.append(path)


sys.addaudithook(_note_files)


@contextmanager
def noting_files() -> Iterator[list[str]]:
    """Every file that this process opens for writing meanwhile."""
    global _noting
    _written_files.clear()
    _noting = True
    try:
        yield _written_files
    finally:
        _noting = False


def clinical_texts(watch: Watch) -> set[str]:
    """Whatever the EHR said in words about the patient's health, and who that is."""
    found: set[str] = set()

    def collect(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                collect(each, key)
        elif isinstance(value, list):
            for each in value:
                collect(each, name)
        elif isinstance(value, str) and name in {"display", "text", "family", "birthDate", "div", "onsetDateTime"}:
            found.add(value)

    for call in watch.calls:
        if call.is_bearer:
            collect(call.body)
    return {text for text in found if len(text) > 7}


def test_case_183_nothing_clinical_is_kept_when_a_chart_was_shown(ehrs: Bridge, browser: Browser, watch: Watch) -> None:
    EhrRegistration.objects.update(demo_patients=[])
    with noting_files() as files:
        page = opened(browser, launch_url(R4))
        token = page.marks("value")[0]
        browser.get(f"{page.url}print/")
        browser.post(f"{page.url}end/", {"token": token})
        assert revocation.drain()
    texts = clinical_texts(watch) | {fact for fact in canaries._facts_about_patients() if fact in page.text}
    assert len(texts) > 30
    assert any(text in page.text for text in texts), "they were on the page"
    kept = "\n".join(
        f"{model._meta.label} {row}" for model in apps.get_models() for row in model._default_manager.values()
    )
    viewer = Launch.objects.get().viewer
    for text in texts - {viewer}:
        assert text not in kept, f"“{text}” is in the database"
        assert text not in canaries._cached(), f"“{text}” is in the cache"
    assert files == [], "no file was written"


# --- 184 --------------------------------------------------------------------------------------------------------------
TRAIL = "/admin/launcher/auditevent/"


def staff(*rights: str) -> Client:
    user = get_user_model().objects.create_user(f"staff{len(rights)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


def test_case_184_the_trail_is_for_those_with_its_right_and_looking_by_patient_is_an_event(played: Played) -> None:
    without, reader = staff(), staff("view_auditevent")
    for client in (without, Client()):
        answer = client.get(f"{TRAIL}?patient=54520", secure=True)
        assert answer.status_code in {302, 403}
        assert b"54520" not in answer.content
    assert not AuditEvent.objects.filter(event="audit.viewed").exists()
    page = reader.get(f"{TRAIL}?patient=54520", secure=True)
    assert page.status_code == 200
    assert b"patient.read" in page.content
    (viewed,) = AuditEvent.objects.filter(event="audit.viewed")
    assert (viewed.actor, viewed.patient, viewed.site) == ("staff staff1", "54520", "testserver")


def test_case_184_other_sites_rows_are_absent(played: Played) -> None:
    Site.objects.create(domain="second.test", name="Second")
    there = audit.write("patient.read", audit.Subject(site="second.test", patient="54520", launch="f" * 32))
    reader = staff("view_auditevent", "export_auditevent")
    assert f"{TRAIL}{there.pk}/" not in reader.get(f"{TRAIL}?patient=54520", secure=True).content.decode()
    assert reader.get(f"{TRAIL}{there.pk}/change/", secure=True).status_code == 302
    answer = reader.post(f"{TRAIL}export/", {"format": "csv", "patient": "54520"}, secure=True)
    exported = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # a stream
    assert "patient.read" in exported
    assert there.hash not in exported
