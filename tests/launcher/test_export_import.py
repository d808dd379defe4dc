"""Configuration as code: registrations leave one installation as a file without secrets and enter another by it."""

from __future__ import annotations

import json
import logging
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command

from launcher import registration_file
from launcher.models import AuditEvent, EhrRegistration
from tests.launcher.conftest import MakeRegistration

pytestmark = pytest.mark.django_db
SECRET = "s3cret-that-must-not-be-seen"
PRESET = "allscripts-touchworks-17-1"
ONE_INSTALLATION = {"id", "uuid", "site", "secret_saved_at", "created_at", "updated_at"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ehrs.json"


def exported(*arguments: str) -> str:
    out = StringIO()
    call_command("export_ehrs", *arguments, stdout=out)
    return out.getvalue()


def imported(file: Path, *arguments: str) -> str:
    out = StringIO()
    call_command("import_ehrs", str(file), *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(file: Path, *arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        imported(file, *arguments)
    return str(caught.value)


def entries(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)["registrations"]
    assert isinstance(found, list)
    return found


def write(file: Path, *registrations: dict[str, Any], **whole: Any) -> Path:
    content = {"format": registration_file.FORMAT, "version": 1, "registrations": list(registrations), **whole}
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def said(**values: Any) -> dict[str, Any]:
    """One registration of a file, as short as it may be."""
    given = {"slug": "main", "name": "Main", "iss": "https://ehr.example.org/fhir", "client_id": "app"}
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def everything() -> list[dict[str, Any]]:
    """All rows, without what is one installation's own."""
    rows = EhrRegistration.objects.order_by("site__domain", "slug").values()
    kept = [{name: value for name, value in row.items() if name not in ONE_INSTALLATION} for row in rows]
    return [{name: str(value) if name == "client_secret" else value for name, value in row.items()} for row in kept]


@pytest.fixture
def second_site() -> Site:
    return Site.objects.create(domain="second.test", name="Second hospital")


@pytest.fixture
def three(make_registration: MakeRegistration, second_site: Site) -> None:
    make_registration(
        slug="works",
        name="Works",
        vendor=PRESET,
        iss="https://tw171.open.allscripts.com/FHIR",
        client_id="tw",
        client_secret=SECRET,
        fhir_version="DSTU2",
        auth_method="client_secret_post",
        scopes="launch patient/{panels}",
    )
    make_registration(
        slug="clinic",
        name="Clinic – Röntgen",
        iss="https://clinic.example.org/fhir",
        environment="production",
        enabled=False,
        secret_from="env:CLINIC_SECRET",
        auth_method="client_secret_basic",
        redirect_uri="https://testserver/callback",
        launch_modes=["ehr", "standalone"],
        approved_origins=["https://login.example.org"],
        id_token_algorithms=["ES384"],
        introspect_after_minutes=5,
        require_identity=True,
        time_zone="Europe/Vienna",
    )
    make_registration(slug="theirs", name="Theirs", site_id=second_site.pk, client_id="theirs", client_secret=SECRET)


def test_a_second_installation_is_set_up_from_the_firsts_file(three: None, file: Path) -> None:
    exported("--output", str(file))
    before = everything()
    EhrRegistration.objects.all().delete()
    told = imported(file)
    assert "Done: 3 created, 0 changed, 0 unchanged." in told
    for row in before:
        if row["client_secret"]:
            site = "TESTSERVER" if row["slug"] == "works" else "SECOND_TEST"
            row["secret_from"] = f"env:SMARTPORTAL_SECRET_{site}_{row['slug'].upper()}"
            assert f"{row['secret_from'].removeprefix('env:')} is not set" in told
        row["client_secret"] = ""
    assert everything() == before


def test_no_secret_and_nothing_of_one_installation_is_in_the_file(three: None) -> None:
    text = exported()
    assert SECRET not in text
    for entry in entries(text):
        assert not entry.keys() & registration_file.STAYS_HERE - {"site"}
    for row in EhrRegistration.objects.all():
        assert str(row.uuid) not in text
        assert str(vars(row)["client_secret"]) not in text or not row.client_secret


def test_a_stored_secret_becomes_a_reference_that_says_so(three: None) -> None:
    works = next(entry for entry in entries(exported()) if entry["slug"] == "works")
    assert works["secret_from"] == "env:SMARTPORTAL_SECRET_TESTSERVER_WORKS"
    assert "SMARTPORTAL_SECRET_TESTSERVER_WORKS" in works["note"]
    clinic = next(entry for entry in entries(exported()) if entry["slug"] == "clinic")
    assert clinic["secret_from"] == "env:CLINIC_SECRET"
    assert "note" not in clinic


def test_two_registrations_never_share_a_variable(make_registration: MakeRegistration) -> None:
    for number, (domain, slug) in enumerate([("a.b", "c"), ("a", "b-c")]):
        site = Site.objects.create(domain=domain, name=domain)
        make_registration(site_id=site.pk, slug=slug, client_id=f"c{number}", client_secret=SECRET)
    names = [entry["secret_from"] for entry in entries(exported())]
    assert len(set(names)) == 2
    assert all(name.startswith("env:SMARTPORTAL_SECRET_A_B_C_") for name in names)


def test_only_what_differs_is_written(three: None) -> None:
    works = next(entry for entry in entries(exported()) if entry["slug"] == "works")
    assert works.keys() == {"slug", "name", "vendor", "iss", "client_id", "scopes", "secret_from", "note"}
    clinic = next(entry for entry in entries(exported()) if entry["slug"] == "clinic")
    assert clinic["redirect_uri"] == "/callback"
    assert clinic["enabled"] is False
    assert "style_policy" not in clinic


def test_the_file_is_sorted_and_the_same_each_time(three: None) -> None:
    text = exported()
    assert [(entry.get("site", ""), entry["slug"]) for entry in entries(text)] == [
        ("", "clinic"),
        ("", "works"),
        ("second.test", "theirs"),
    ]
    EhrRegistration.objects.filter(slug="clinic").update(enabled=True)
    EhrRegistration.objects.filter(slug="clinic").update(enabled=False)
    assert exported() == text
    assert "Clinic – Röntgen" in text


def test_one_site_is_exported_alone(three: None) -> None:
    assert [entry["slug"] for entry in entries(exported("--site", "second.test"))] == ["theirs"]
    with pytest.raises(CommandError, match="There is no site"):
        exported("--site", "nowhere.test")


def test_the_written_file_is_its_owners_alone(three: None, file: Path) -> None:
    file.write_text("older, readable by all")
    file.chmod(0o644)
    exported("--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(entries(file.read_text(encoding="utf-8"))) == 3
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    with pytest.raises(CommandError, match="cannot be written"):
        exported("--output", str(file.parent / "missing" / "ehrs.json"))


def test_a_file_changes_nothing_where_it_came_from(three: None, file: Path) -> None:
    """A stored secret is in force still: the reference in the file only stands for it."""
    exported("--output", str(file))
    before = list(EhrRegistration.objects.order_by("pk").values())
    assert "0 created, 0 changed, 3 unchanged" in imported(file)
    assert list(EhrRegistration.objects.order_by("pk").values()) == before
    assert not AuditEvent.objects.exists()


def test_the_same_file_twice_changes_nothing(file: Path) -> None:
    write(
        file,
        said(vendor=PRESET, redirect_uri="/callback", secret_from="file:/run/secrets/main"),
        said(slug="b", client_id="b"),
    )
    assert "2 created" in imported(file)
    before = list(EhrRegistration.objects.order_by("pk").values())
    assert "0 created, 0 changed, 2 unchanged" in imported(file)
    assert list(EhrRegistration.objects.order_by("pk").values()) == before
    assert AuditEvent.objects.count() == 2


def test_a_preset_gives_what_the_file_does_not_say(file: Path) -> None:
    imported(write(file, said(vendor=PRESET, secret_from="env:TW", scopes="launch openid")))
    row = EhrRegistration.objects.get()
    assert (row.fhir_version, row.auth_method, row.scopes) == ("DSTU2", "client_secret_post", "launch openid")
    assert row.redirect_uri == "https://testserver/callback/main"


def test_the_plan_says_what_would_change_and_changes_nothing(
    make_registration: MakeRegistration, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_registration(client_secret=SECRET, client_id="old", time_zone="Europe/Vienna")
    make_registration(slug="other", client_id="other")
    write(
        file, said(client_id="new", enabled=False), said(slug="fresh", client_id="fresh", iss="https://f.example.org")
    )
    before = list(EhrRegistration.objects.order_by("pk").values())
    with caplog.at_level(logging.INFO, logger="smartportal.audit"):
        told = imported(file, "--plan")
    lines = told.splitlines()
    assert lines[0] == "main: change"
    for line in (
        "  client_id: old → new",
        "  enabled: on → off",
        "  time_zone: Europe/Vienna → –",
        "  client_secret: *** stays as it is stored here",
        "fresh: create",
        "  iss: https://f.example.org",
        "other: not in the file, left alone",
        "To do: 1 created, 1 changed, 0 unchanged.",
    ):
        assert line in lines
    assert SECRET not in told
    assert list(EhrRegistration.objects.order_by("pk").values()) == before
    assert not AuditEvent.objects.exists()
    assert not caplog.records, "what was only planned is in no log"


def test_what_the_file_does_not_name_is_left_alone(make_registration: MakeRegistration, file: Path) -> None:
    other = make_registration(slug="other", client_id="other")
    assert "other: not in the file, left alone" in imported(write(file, said()))
    assert EhrRegistration.objects.get(pk=other.pk).updated_at == other.updated_at


def test_a_stored_secret_survives_every_import(make_registration: MakeRegistration, file: Path) -> None:
    make_registration(client_secret=SECRET)
    told = imported(write(file, said(secret_from="env:ELSEWHERE")))
    assert "client_secret: *** stays as it is stored here, unused while secret_from is set" in told
    row = EhrRegistration.objects.get()
    assert (row.secret_from, row.client_secret.reveal()) == ("env:ELSEWHERE", SECRET)
    imported(write(file, said()))
    assert EhrRegistration.objects.get().secret.reveal() == SECRET


def test_each_change_is_audited_with_what_was_and_what_is(make_registration: MakeRegistration, file: Path) -> None:
    make_registration(client_id="old")
    imported(write(file, said(client_id="new", launch_modes=["ehr", "standalone"]), said(slug="b", client_id="b")))
    changed = AuditEvent.objects.get(event="registration.changed")
    assert (changed.registration, changed.site, changed.actor) == ("main", "testserver", "command")
    assert changed.detail == {"client_id": "old → new", "launch_modes": "ehr → ehr, standalone", "by": "import_ehrs"}
    created = AuditEvent.objects.get(event="registration.created")
    assert (created.registration, created.detail["client_id"]) == ("b", "b")


def test_one_wrong_row_stops_them_all_and_each_is_named(make_registration: MakeRegistration, file: Path) -> None:
    make_registration(client_id="old")
    before = list(EhrRegistration.objects.values())
    sentence = refused(
        write(
            file,
            said(client_id="new"),
            said(slug="bad-iss", iss="javascript:alert(1)", client_id="a"),
            said(slug="Bad Slug", client_id="b"),
            said(slug="bad-method", auth_method="client_secret_post", client_id="c"),
        )
    )
    assert "bad-iss: iss: This is not a plain web address" in sentence
    assert "Bad Slug: slug: " in sentence
    assert "bad-method: auth_method: This method needs a client secret." in sentence
    assert "Nothing was changed" in sentence
    assert list(EhrRegistration.objects.values()) == before
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": "red"}, "main: colour: A registration has no such field."),
        ({"client_secret": SECRET}, "main: client_secret: A secret does not belong in a file"),
        ({"uuid": "x"}, "main: uuid: This belongs to one installation"),
        ({"site": "nowhere.test"}, "main at nowhere.test: site: There is no site with the domain nowhere.test"),
        ({"vendor": "no-such-ehr"}, "main: vendor: There is no preset no-such-ehr here"),
        ({"enabled": "yes"}, "main: enabled: Write true or false."),
        ({"introspect_after_minutes": True}, "main: introspect_after_minutes: Write a whole number."),
        ({"introspect_after_minutes": -1}, "main: introspect_after_minutes: "),
        ({"introspect_after_minutes": 10**30}, "main: introspect_after_minutes: "),
        ({"approved_origins": "https://a.example.org"}, "main: approved_origins: Write a list of texts."),
        ({"approved_origins": [["x"]]}, "main: approved_origins: Write a list of texts."),
        ({"name": None}, "main: name: This is needed."),
        ({"name": ["x"]}, "main: name: Write a text."),
        ({"name": "a\0b"}, "main: name: Remove invisible characters."),
        ({"name": "\ud800"}, "main: name: Remove invisible characters."),
        ({"environment": "moon"}, "main: environment: "),
        ({"iss": "https://e.example.org/" + "x" * 2000}, "main: iss: "),
        ({"slug": 7}, "registration 1: slug: Write a text."),
        ({"redirect_uri": "https://evil.example.org/callback"}, "main: redirect_uri: Does not lead to this site"),
    ],
)
def test_what_is_wrong_is_said_with_its_slug_and_field(values: dict[str, Any], words: str, file: Path) -> None:
    sentence = refused(write(file, said(**values)))
    assert words in sentence
    assert SECRET not in sentence
    assert not EhrRegistration.objects.exists()


def test_a_preset_that_is_not_installed_is_taken_when_nothing_depends_on_it(
    make_registration: MakeRegistration, file: Path
) -> None:
    make_registration(vendor="from-a-plugin", fhir_version="R4")
    exported("--output", str(file))
    EhrRegistration.objects.all().delete()
    imported(file)
    assert (EhrRegistration.objects.get().vendor, EhrRegistration.objects.get().fhir_version) == ("from-a-plugin", "R4")


def test_a_renamed_registration_meets_its_older_self(make_registration: MakeRegistration, file: Path) -> None:
    make_registration()
    sentence = refused(write(file, said(slug="renamed")))
    assert "renamed: client_id: “main” has this issuer and client ID already." in sentence


def test_the_same_registration_twice_in_a_file_is_refused(file: Path) -> None:
    assert "main: slug: The file has this registration twice." in refused(write(file, said(), said(name="Again")))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"format":\n "smartportal-registrations",\n oops', "line 3"),
        (b'{"a": 1}\n\xff', "line 2"),
        (b"[]", "no file of registrations"),
        (b'{"format": "smartportal-registrations", "version": 2}', "version 1"),
        (b'{"format": "smartportal-registrations", "version": 1, "registrations": {}}', "must be a list"),
        (b'{"format": "smartportal-registrations", "version": 1, "registrations": [], "more": 1}', "“more”"),
        (b'{"format": "x", "format": "smartportal-registrations"}', "“format” twice"),
        (b"[" * 100_000, "too deep"),
        (b'{"format": ' + b"9" * 5000 + b"}", "number too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(body: bytes, words: str, file: Path) -> None:
    file.write_bytes(body)
    sentence = refused(file)
    assert words in sentence
    assert "\n" not in sentence


def test_a_file_is_read_up_to_a_size(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be read" in refused(file)
    write(file, said())
    monkeypatch.setattr("launcher.management.commands.import_ehrs.MOST_BYTES", 10)
    monkeypatch.setattr(registration_file, "MOST_BYTES", 10)
    assert "larger than" in refused(file)


def test_all_of_a_file_can_go_to_one_site(three: None, file: Path) -> None:
    exported("--site", "second.test", "--output", str(file))
    Site.objects.create(domain="third.test", name="Third hospital")
    assert "theirs at third.test: create" in imported(file, "--site", "third.test")
    row = EhrRegistration.objects.get(site__domain="third.test")
    assert row.redirect_uri == "https://third.test/callback/theirs"
    exported("--output", str(file))
    assert "--site is for a file about one" in refused(file, "--site", "third.test")


def test_a_secret_that_cannot_be_opened_is_a_sentence(
    make_registration: MakeRegistration, file: Path, settings: Any
) -> None:
    make_registration(client_secret=SECRET, auth_method="client_secret_post")
    settings.SMARTPORTAL_FIELD_KEYS = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
    exported("--output", str(file))
    EhrRegistration.objects.update(name="Changed")
    assert "main: client_secret: A stored secret was written with a key" in refused(file)


def test_the_example_in_the_documentation_can_be_imported(file: Path) -> None:
    document = Path(__file__).parents[2] / "docs" / "configuration-as-code.md"
    file.write_text(document.read_text(encoding="utf-8").split("```json")[1].split("```")[0], encoding="utf-8")
    assert "1 created" in imported(file)


def test_every_field_of_the_model_either_travels_or_stays_here() -> None:
    """A new field travels by itself; what is only known here is named, so that nothing is left out unseen."""
    names = {field.name for field in EhrRegistration._meta.concrete_fields}
    assert names == registration_file.FIELDS.keys() | registration_file.STAYS_HERE
    assert not registration_file.FIELDS.keys() & registration_file.STAYS_HERE
