"""The audit trail as a file: CSV that no spreadsheet runs, FHIR AuditEvents after IHE's patterns, each audited."""

from __future__ import annotations

import base64
import copy
import csv
import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from launcher import audit, audit_export, vendors
from launcher.audit_export import harmless
from launcher.audit_fhir import OAUTH_OPAQUE, PATIENT_QUERY, PATIENT_READ, QUERY, Ehrs, resource_of
from launcher.audit_filter import AuditFilter
from launcher.audit_kinds import KINDS
from launcher.models import AuditEvent
from tests.launcher import balp
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import Admin
from tests.launcher.test_admin_audit import SECOND, auditor

pytestmark = pytest.mark.django_db
EXPORT = "/admin/launcher/auditevent/export/"
LAUNCH = "a" * 32
PERSON = "provider-7 (https://ehr.example.org/auth)"


def event(name: str = "patient.read", *, outcome: str = "success", detail: Any = None, **more: str) -> AuditEvent:
    subject = {"site": "testserver", "registration": "main", "launch": LAUNCH, "actor": PERSON, "patient": "54520"}
    return audit.write(name, audit.Subject(**{**subject, **more}), audit.Facts(outcome=outcome, detail=detail or {}))


def resources(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def exported(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_audit", *arguments, stdout=out)
    return out.getvalue()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def body(answer: HttpResponseBase) -> str:
    return answer.getvalue().decode()  # type: ignore[attr-defined]  # the answer is streamed


# --- CSV --------------------------------------------------------------------------------------------------------------
def test_every_event_is_a_row_with_all_it_says() -> None:
    row = event("panel.read", detail={"panel": "labs", "found": 3})
    (found,) = rows_of(exported())
    assert found["at"] == row.at.isoformat(timespec="microseconds")
    assert (found["event"], found["outcome"], found["actor"], found["patient"]) == (
        "panel.read",
        "success",
        PERSON,
        "54520",
    )
    assert json.loads(found["detail"]) == {"panel": "labs", "found": 3}
    assert (found["chain"], found["sequence"], found["hash"]) == (str(row.chain), "1", row.hash)


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t=", "\r=", "  =", "＝", "＠"])
def test_no_cell_is_a_formula(beginning: str) -> None:
    event(actor=f"{beginning}HYPERLINK(evil) (https://ehr.example.org)", registration="main")
    (found,) = rows_of(exported())
    assert found["actor"].startswith("'")
    assert "HYPERLINK" in found["actor"]


def test_what_is_no_formula_stays_as_it_is() -> None:
    for text in ("", "main", "a=b", "a-b", "54520", "{}"):
        assert harmless(text) == text


# --- FHIR -------------------------------------------------------------------------------------------------------------
def test_reading_a_patient_follows_ihes_pattern(make_registration: MakeRegistration) -> None:
    make_registration()
    row = event()
    AuditEvent.objects.filter(pk=row.pk).update(correlation_id="76d148b6-586d-11ec-bf63-0242ac130002")
    (found,) = resources(exported("--format", "fhir"))
    assert balp.problems(found) == []
    assert found["meta"]["profile"] == [PATIENT_READ, OAUTH_OPAQUE]
    assert (found["action"], found["outcome"]) == ("R", "0")
    (patient,) = balp.entities(found, balp.PERSON)
    assert patient["what"] == {"reference": "https://ehr.example.org/fhir/Patient/54520"}
    (transaction,) = balp.entities(found, balp.REQUEST_ID)
    assert transaction["what"]["identifier"]["value"] == "76d148b6-586d-11ec-bf63-0242ac130002"
    (user,) = balp.agents(found, balp.USER)
    assert user["who"]["identifier"] == {"system": "https://ehr.example.org/auth", "value": "provider-7"}
    (server,) = balp.agents(found, balp.SOURCE)
    (client,) = balp.agents(found, balp.DESTINATION)
    assert server["network"]["address"] == "https://ehr.example.org/fhir"
    assert client["who"]["identifier"]["value"] == "app"


def test_reading_a_panel_is_a_query_about_the_patient(make_registration: MakeRegistration) -> None:
    make_registration()
    event("panel.read", detail={"panel": "allergies", "found": 2})
    (found,) = resources(exported("--format", "fhir"))
    assert balp.problems(found) == []
    assert found["meta"]["profile"] == [PATIENT_QUERY, OAUTH_OPAQUE]
    (query,) = balp.entities(found, balp.OBJECT)
    assert base64.b64decode(query["query"]).decode() == "AllergyIntolerance?patient=54520"
    (client,) = balp.agents(found, balp.SOURCE)
    assert client["who"]["identifier"]["value"] == "app"


def test_a_search_for_patients_is_a_query_without_one() -> None:
    event("patient.searched", patient="", detail={"found": 2})
    (found,) = resources(exported("--format", "fhir"))
    assert balp.problems(found) == []
    assert found["meta"]["profile"] == [QUERY, OAUTH_OPAQUE]


@pytest.mark.parametrize("name", ["patient.read", "panel.read", "document.read", "patient.searched", "token.failed"])
@pytest.mark.parametrize("outcome", ["refused", "failure"])
def test_a_failure_has_an_outcome_of_its_own_and_claims_no_pattern(name: str, outcome: str) -> None:
    event(name, outcome=outcome)
    (found,) = resources(exported("--format", "fhir"))
    assert balp.problems(found) == []
    assert found["outcome"] in {"4", "8"}
    assert "meta" not in found


@pytest.mark.parametrize("name", sorted({*KINDS, "widget.created", "widget.played"}))
@pytest.mark.parametrize("actor", [PERSON, "staff nurse", "command", "unknown", ""])
def test_whatever_the_trail_holds_becomes_a_resource_that_holds(name: str, actor: str) -> None:
    for more in ({}, {"patient": ""}, {"launch": ""}, {"site": "", "registration": ""}):
        row = AuditEvent(**{**vars_of(name, actor), **more})
        assert balp.problems(resource_of(row, Ehrs())) == [], (name, actor, more)


def vars_of(name: str, actor: str) -> dict[str, Any]:
    return {
        "chain": 3,
        "sequence": 9,
        "at": timezone.now(),
        "event": name,
        "outcome": "success",
        "site": "testserver",
        "registration": "main",
        "launch": LAUNCH,
        "actor": actor,
        "patient": "54520",
        "detail": {"panel": "labs", "empty": ""},
        "correlation_id": "c07cf648-f068-4dd9-9411-8e69ca07d525",
    }


def test_a_server_without_a_sign_in_has_no_oauth_user(make_registration: MakeRegistration, settings: Any) -> None:
    settings.DEBUG = True
    open_server = next(preset for preset in vendors.all_presets() if preset.quirks.open_server)
    make_registration(vendor=open_server.id, auth_method="none")
    found = resource_of(event(), Ehrs.all())
    assert found["meta"]["profile"] == [PATIENT_READ]
    assert balp.agents(found, balp.OAUTH_USER) == []


def _without(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(resource: dict[str, Any]) -> None:
        at: Any = resource
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]

    return change


def _with(value: Any, *path: Any) -> Callable[[dict[str, Any]], None]:
    def change(resource: dict[str, Any]) -> None:
        at: Any = resource
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "breaks",
    [
        _without("recorded"),
        _with("2026-11-03", "recorded"),
        _with("4", "outcome"),
        _with("E", "action"),
        _without("source"),
        _without("subtype"),
        _with("110112", "type", "code"),
        _without("agent", 0),
        _without("agent", 1),
        _without("agent", 0, "network"),
        _without("agent", 1, "who"),
        _without("agent", 2, "requestor"),
        _without("agent", 3),
        _without("agent", 3, "policy"),
        _without("entity", 0),
        _with({"reference": "Group/1"}, "entity", 0, "what"),
        _with("2", "entity", 0, "role", "code"),
        _without("entity", 1),
        _without("entity", 1, "what"),
        _with("24", "entity", 1, "role", "code"),
        _with("x", "unknown"),
        _with([f"{balp.CANONICAL}Nonsense"], "meta", "profile"),
    ],
)
def test_the_validator_notices_what_does_not_hold(breaks: Callable[[dict[str, Any]], None]) -> None:
    whole = resource_of(AuditEvent(**vars_of("patient.read", PERSON)), Ehrs())
    assert balp.problems(whole) == []
    broken = copy.deepcopy(whole)
    breaks(broken)
    assert balp.problems(broken)


@pytest.mark.parametrize(
    "breaks",
    [
        _with({"display": "x"}, "entity", 1, "what"),
        _without("entity", 1, "query"),
        _with([{"type": "a", "valueString": "b"}], "entity", 1, "detail"),
        _with("R", "action"),
        _with("read", "subtype", 0, "code"),
    ],
)
def test_the_validator_notices_a_query_that_does_not_hold(breaks: Callable[[dict[str, Any]], None]) -> None:
    whole = resource_of(AuditEvent(**vars_of("panel.read", PERSON)), Ehrs())
    assert balp.problems(whole) == []
    breaks(whole)
    assert balp.problems(whole)


# --- In the admin -----------------------------------------------------------------------------------------------------
@pytest.fixture
def reader(db: None) -> Admin:
    return auditor("view_auditevent", "export_auditevent")


@pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv"), ("fhir", "application/fhir+ndjson")])
def test_what_was_filtered_is_what_is_exported_and_that_is_written_down(form: str, kind: str, reader: Admin) -> None:
    wanted = event("panel.read", detail={"panel": "labs"})
    event("panel.read", patient="other")
    Site.objects.create(domain=SECOND, name="Second")
    event("panel.read", site=SECOND)
    page = reader.get("/admin/launcher/auditevent/?event=panel.read&patient=54520").content.decode()
    assert '<input type="hidden" name="patient" value="54520">' in page
    answer = reader.post(EXPORT, {"format": form, "event": "panel.read", "patient": "54520"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(kind)
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]
    text = body(answer)
    found = rows_of(text) if form == "csv" else resources(text)
    assert len(found) == 1
    assert wanted.hash in text
    written = AuditEvent.objects.get(event="audit.exported")
    assert (written.actor, written.site, written.patient) == ("staff auditor", "testserver", "54520")
    assert written.detail == {"format": form, "count": 1, "event": "panel.read"}


def test_it_is_written_down_before_the_first_byte(reader: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    event()
    real = audit.write

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "audit.exported":
            raise DatabaseError("the audit cannot be written")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(audit, "write", refuse)
    answer = reader.post(EXPORT, {"format": "csv"})
    assert answer.status_code == 503
    assert b"54520" not in answer.content
    lines = None
    with pytest.raises(DatabaseError):
        lines = audit_export.begin(AuditEvent.objects.all(), AuditFilter(), form="csv", subject=audit.NOBODY)
    assert lines is None


@pytest.mark.parametrize("rights", [(), ("view_auditevent",), ("export_auditevent",)])
def test_only_who_may_see_and_export_exports(rights: tuple[str, ...]) -> None:
    event()
    person = auditor(*rights, name="somebody")
    assert person.post(EXPORT, {"format": "csv"}).status_code == 403
    if "view_auditevent" in rights:
        assert EXPORT not in person.get("/admin/launcher/auditevent/").content.decode()
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_a_link_exports_nothing_and_a_form_of_nonsense_neither(reader: Admin) -> None:
    event()
    assert reader.get(EXPORT).status_code == 405
    for nonsense in ({}, {"format": "xls"}, {"format": "csv", "since": "yesterday"}):
        page = reader.post(EXPORT, nonsense)
        assert page.redirect_chain
        assert b"Nothing was exported" in page.content
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_an_export_from_another_site_needs_its_own_form() -> None:
    user = get_user_model().objects.create_superuser("root")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(EXPORT, {"format": "csv"}, secure=True).status_code == 403


def test_a_long_selection_is_read_in_batches(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    monkeypatch.setattr(audit_export, "BATCH", 4)
    for number in range(10):
        event(patient=f"p-{number}")
    lines = audit_export.begin(AuditEvent.objects.all(), AuditFilter(), form="csv", subject=audit.NOBODY)
    assert next(lines).startswith("at,event")
    with django_assert_num_queries(1):
        first = [next(lines) for _ in range(3)]
    event(patient="meanwhile")
    with django_assert_num_queries(3):
        rest = list(lines)
    assert len(first) + len(rest) == 10, "neither the export's own event nor what came later"
    assert not any("meanwhile" in line for line in rest)


# --- From the command line --------------------------------------------------------------------------------------------
def test_the_command_exports_days_and_sites_and_is_written_down(tmp_path: Path) -> None:
    Site.objects.create(domain=SECOND, name="Second")
    here, there = event(), event(site=SECOND)
    today = f"{here.at:%Y-%m-%d}"
    assert [row["hash"] for row in rows_of(exported("--site", SECOND))] == [there.hash]
    assert rows_of(exported("--until", "2020-01-01")) == []
    file = tmp_path / "audit.csv"
    assert "written" in exported("--since", today, "--until", today, "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {here.hash, there.hash} <= {row["hash"] for row in rows_of(file.read_text())}
    written = AuditEvent.objects.filter(event="audit.exported").order_by("pk")
    assert [(row.actor, row.site, row.detail["count"]) for row in written] == [
        ("command", SECOND, 1),
        ("command", "", 0),
        ("command", "", 4),
    ]
    assert written[2].detail["since"] == today


@pytest.mark.parametrize("arguments", [("--since", "yesterday"), ("--until", "2026-02-30"), ("--site", "nobody.test")])
def test_the_command_says_what_it_cannot_read(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        exported(*arguments)
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_the_command_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.csv"
    file.write_text("precious")
    with pytest.raises(CommandError):
        exported("--output", str(file))
    assert file.read_text() == "precious"
    assert not AuditEvent.objects.filter(event="audit.exported").exists()
