"""`manage.py check_ehr`: for a person, for a script, and for a daily job."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command

from tests.launcher.probe.scene import SECRET, Scene, as_json


def check(*arguments: str) -> tuple[str, str]:
    """What was printed, and the sentence of the failure or ""."""
    out = StringIO()
    try:
        call_command("check_ehr", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def listed(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(check(*arguments, "--json")[0])
    return found


def test_a_healthy_ehr_is_exit_0_and_each_check_is_a_line(scene: Scene) -> None:
    scene.registration()
    said, failure = check("main")
    assert failure == ""
    assert "main: Main" in said
    assert "Pass     01 Issuer is a plain https address." in said
    assert "What to do: Test launch" in said
    assert "1 warning" in said.splitlines()[-1]


def test_a_failed_check_is_exit_1_with_what_to_do(scene: Scene) -> None:
    scene.configure(token_endpoint="https://login.vendor.test/token")
    scene.registration()
    said, failure = check("main")
    assert "main" in failure
    assert "FAIL     13 " in said
    assert "What to do: Approved origins (approved_origins): add https://login.vendor.test" in said


def test_json_is_the_list_of_the_contract(scene: Scene) -> None:
    scene.pages["/token"] = as_json({"error": "invalid_client", "error_description": SECRET}, status="401 No")
    scene.registration()
    out, failure = check("main", "--json")
    found = json.loads(out)
    assert failure
    assert [set(each) for each in found] == [{"id", "status", "title", "evidence", "remedy"}] * 32
    assert [each["id"] for each in found] == [f"SP-CHK-{number:02}" for number in range(1, 33)]
    assert {each["status"] for each in found} <= {"pass", "warn", "fail", "skipped", "info"}
    assert SECRET not in out


def test_daily_leaves_out_what_makes_noise(scene: Scene) -> None:
    scene.registration()
    assert len(listed("main", "--daily")) == 28
    assert not [asked for asked in scene.ehr.asked if asked.split(b" ")[0] == b"POST"]


def test_all_are_those_that_are_switched_on_and_each_result_says_whose_it_is(scene: Scene) -> None:
    scene.registration()
    for slug, enabled in (("second", True), ("off", False)):
        scene.values.update(slug=slug, enabled=enabled, client_id=slug)
        scene.registration()
    found = listed("--all", "--daily")
    assert {each["slug"] for each in found} == {"main", "second"}


def test_the_registration_of_another_site_is_found_there_alone(scene: Scene) -> None:
    scene.registration()
    Site.objects.create(domain="second.test", name="Second")
    assert "There is no registration main" in check("main", "--site", "second.test")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "Name one registration"), (("main", "--all"), "Name one registration"), (("nobody",), "register_ehr")],
)
def test_what_is_wrong_with_the_call_is_one_sentence(arguments: tuple[str, ...], words: str, db: None) -> None:
    said, failure = check(*arguments)
    assert words in failure
    assert said == ""
