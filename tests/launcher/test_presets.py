"""The presets: each is sound, says where it comes from, and comes in by a door that plugins use too."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from launcher import flow, registration_rules, vendors
from launcher.models import EhrRegistration, PendingLaunch
from launcher.registry import Registry
from launcher.smart import origins
from launcher.smart.authorization import LaunchRequest
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.scope_writing import PLACEHOLDERS
from launcher.vendors import VendorPreset

ROOT = Path(__file__).resolve().parents[2]
INVENTED = "https://ehr.example.org/fhir"
OURS = [preset for preset in vendors.all_presets() if preset.status != "simulator"]
VENDORS = [preset for preset in OURS if preset.status != "generic"]
NAMED = {
    "allscripts-professional-17-1",
    "allscripts-touchworks-17-1",
    "allscripts-sunrise-16-3",
    "veradigm-altera-r4",
    "epic",
    "oracle-health",
    "athenahealth",
    "meditech",
    "eclinicalworks",
    "nextgen-enterprise",
    "nextgen-office",
    "azure-api-for-fhir-proxy",
    "azure-health-data-services",
    "smart-health-it-launcher",
    "medplum",
    "openemr",
    "hapi-open",
    "generic-smart",
}

each_of_ours = pytest.mark.parametrize("preset", OURS, ids=lambda preset: preset.id)
each_vendor = pytest.mark.parametrize("preset", VENDORS, ids=lambda preset: preset.id)


def known(preset_id: str) -> VendorPreset:
    preset = vendors.get(preset_id)
    assert preset is not None
    return preset


def registered(preset: VendorPreset, **more: str) -> EhrRegistration:
    """By command, as an administrator does it; the secret is one that is read at each launch."""
    arguments = [preset.id, "--preset", preset.id, "--client-id", "an-app", "--set", "secret_from=env:A_SECRET"]
    for option, value in ({} if preset.iss else {"iss": INVENTED}).items() | more.items():
        arguments += [f"--{option}", value]
    call_command("register_ehr", *arguments, stdout=StringIO())
    return EhrRegistration.objects.get(slug=preset.id)


# --- Each preset is sound -------------------------------------------------------------------------------------------
def test_these_are_the_presets() -> None:
    assert {preset.id for preset in OURS} == NAMED


@pytest.mark.django_db
@each_of_ours
def test_a_registration_with_it_is_a_sound_one(
    preset: VendorPreset, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DEBUG = preset.status == "development"
    monkeypatch.setenv("A_SECRET", "from the vendor")
    row = registered(preset)
    row.full_clean()
    client = row.as_client()
    assert (client.iss, client.scopes, client.quirks) == (preset.iss or INVENTED, preset.scopes, preset.quirks)
    assert set(preset.approved_origins) <= set(client.approved_origins)


@each_of_ours
def test_its_words_and_addresses_are_in_order(preset: VendorPreset) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", preset.id)
    assert len(preset.id) <= 60
    assert 0 < len(preset.label) <= 120
    assert re.search(r"https://\S+", preset.source)
    assert date(2026, 1, 1) <= date.fromisoformat(preset.checked) <= date(2026, 12, 31)
    assert preset.help.endswith(".")
    for origin in preset.approved_origins:
        assert origins.parse_base(origin).scheme == "https"
        assert not origins.parse_base(origin).segments
    if preset.iss:
        assert origins.parse_base(preset.iss).scheme == "https"
    assert set(preset.launch_modes) <= set(registration_rules.LAUNCH_MODES)


@each_vendor
def test_none_claims_to_be_verified(preset: VendorPreset) -> None:
    assert "not verified by us" in preset.help or "no longer answers" in preset.help


@each_of_ours
def test_scope_versions_are_not_mixed(preset: VendorPreset) -> None:
    written = [word for word in preset.scopes.split() if word not in PLACEHOLDERS]
    resource_scopes = [word for word in written if re.match(r"(patient|user|system)/", word)]
    v1 = {word for word in resource_scopes if re.search(r"\.(read|write|\*)$", word)}
    v2 = {word for word in resource_scopes if re.search(r"\.c?r?u?d?s?$", word) and not word.endswith(".")}
    assert v1 | v2 == set(resource_scopes)
    assert not (v1 and v2)
    assert len(preset.scopes.split()) == len(set(preset.scopes.split()))


def test_what_the_documents_say_of_single_ones() -> None:
    assert "*" not in known("oracle-health").scopes
    assert (known("epic").propagation_minutes, known("oracle-health").propagation_minutes) == (60, 15)
    assert known("meditech").quirks.well_known_at_host_root
    assert known("veradigm-altera-r4").quirks.patient_claim == "local_patient_id"
    assert known("azure-health-data-services").launch_modes == ("standalone",)
    assert [preset.id for preset in OURS if not preset.quirks.pkce] == ["azure-api-for-fhir-proxy"]


def test_the_test_launcher_is_found_by_prefix() -> None:
    preset = known("smart-health-it-launcher")
    row = EhrRegistration(iss=preset.iss)
    one_test = f"{row.iss}/WzAsIiIsIiIsIkFVVE8iXQ/fhir"
    assert not row.is_for(one_test)
    row.iss_is_prefix = preset.iss_is_prefix
    assert row.is_for(one_test)
    assert not row.is_for(one_test.replace("launch.smarthealthit.org", "launch.smarthealthit.org.evil.test"))


# --- PKCE -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("preset_id", "sends_it"), [("azure-api-for-fhir-proxy", False), ("generic-smart", True)])
def test_a_launch_sends_pkce_unless_the_preset_forbids_it(
    preset_id: str, sends_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "from the vendor")
    found = SmartConfiguration(authorization_endpoint=f"{INVENTED}/authorize", token_endpoint=f"{INVENTED}/token")
    monkeypatch.setattr(flow, "configuration_of", lambda *_: found)
    row = registered(known(preset_id))
    leaving = flow.begin_launch(row, LaunchRequest(iss=INVENTED, launch="e30"), browser="b" * 43)
    sent = parse_qs(urlsplit(leaving.url).query)
    assert ("code_challenge" in sent, "code_challenge_method" in sent) == (sends_it, sends_it)
    assert bool(PendingLaunch.objects.get().verifier) is sends_it


# --- The door -------------------------------------------------------------------------------------------------------
A_PRESET = VendorPreset(id="mine", label="Mine", status="live", source="https://ehr.example.org/docs")


def test_the_door_refuses_what_is_late_double_or_of_another_type(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="“mine” came too late: register it when the app is loaded"):
        vendors.register(A_PRESET)
    monkeypatch.setattr(vendors, "_presets", Registry(VendorPreset, "vendor preset"))
    assert vendors.register(A_PRESET) is vendors.get("mine")
    with pytest.raises(ImproperlyConfigured, match="two vendor presets named “mine”: give one of them another name"):
        vendors.register(dataclasses.replace(A_PRESET, label="Another"))
    with pytest.raises(ImproperlyConfigured, match="is not a vendor preset: register a VendorPreset"):
        vendors.register({"id": "other"})  # type: ignore[arg-type]  # what the refusal is for
    assert vendors.all_presets() == (A_PRESET,)


PLUGIN = '''"""One preset."""
from launcher.smart.quirks import Quirks
from launcher.vendors import VendorPreset, register

register(
    VendorPreset(
        id="{preset_id}",
        label="Invented EHR",
        status="live",
        source="https://ehr.example.org/docs",
        checked="2026-11-23",
        iss="https://ehr.example.org/fhir",
        scopes="launch patient/*.read",
        approved_origins=("https://login.example.org",),
        quirks=Quirks(pkce=False),
    )
)
'''
USE = """
import django
django.setup()
from django.core.management import call_command
from launcher.models import EhrRegistration
call_command("migrate", verbosity=0)
call_command("register_ehr", "main", "--preset", "invented-ehr", "--client-id", "an-app")
client = EhrRegistration.objects.get().as_client()
print(client.iss, client.scopes, client.approved_origins, client.quirks.pkce)
"""


def with_plugin(folder: Path, preset_id: str) -> subprocess.CompletedProcess[str]:
    """A fresh process with one more app, which has nothing but its presets."""
    package = folder / "invented_plugin"
    package.mkdir()
    (package / "ehr_vendors.py").write_text(PLUGIN.format(preset_id=preset_id), encoding="utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SMARTPORTAL_PLUGINS": "invented_plugin",
    }
    return subprocess.run(
        [sys.executable, "-"],
        input=USE,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_vendor_is_one_file(tmp_path: Path) -> None:
    done = with_plugin(tmp_path, "invented-ehr")
    assert done.returncode == 0, done.stderr
    assert "main: registered for https://ehr.example.org/fhir" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last == "https://ehr.example.org/fhir launch patient/*.read ('https://login.example.org',) False"
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["ehr_vendors.py"]


def test_a_plugin_that_takes_a_name_of_ours_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    done = with_plugin(tmp_path, "epic")
    assert done.returncode != 0
    assert "There are two vendor presets named “epic”: give one of them another name." in done.stderr
