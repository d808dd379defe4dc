"""What the checks said is kept: the newest runs, broken-off ones too, and nothing bad is forgotten unlooked at."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from launcher.models import CheckRun, EhrRegistration
from launcher.probe import history, reports
from launcher.probe.findings import Result, Status, check_id
from launcher.registration_state import state_of
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import launch_of

pytestmark = pytest.mark.django_db
RUNS = "/admin/launcher/checkrun/"


def result(number: int, status: Status = "pass", evidence: str = "Seen.") -> Result:
    remedy = "Mend it." if status in {"warn", "fail"} else ""
    return Result(id=check_id(number), title=f"Check {number}", status=status, evidence=evidence, remedy=remedy)


def ran(registration: EhrRegistration, *results: Result, daily: bool = True, finished: bool = True) -> CheckRun:
    taken = history.kept(registration, iter(results), actor="command", daily=daily)
    if finished:
        list(taken)
    else:
        for _ in results:
            next(taken)
        taken.close()  # type: ignore[attr-defined]  # a generator
    found = history.last_run(registration)
    assert found
    return found


def signed_in(*rights: str, host: str = "testserver") -> Client:
    user = get_user_model().objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client(headers={"host": host})
    client.force_login(user)
    return client


def test_a_run_is_kept_when_it_ends(registration: EhrRegistration) -> None:
    run = ran(registration, result(2), result(1, "fail", "The address is http."), result(8, "warn", "Slow."))
    assert (run.kind, run.actor, run.finished) == ("daily", "command", True)
    assert (run.fails, run.warns, run.passes, run.failing) == (1, 1, 1, True)
    assert [each["id"] for each in run.results] == ["SP-CHK-01", "SP-CHK-02", "SP-CHK-08"]
    assert run.top_problem == "The address is http."
    assert timezone.now() - run.at < timedelta(minutes=1)


def test_nothing_is_kept_before_it_ends(registration: EhrRegistration) -> None:
    taken = history.kept(registration, iter([result(1), result(2)]), actor="command", daily=True)
    next(taken)
    assert not CheckRun.objects.exists()
    list(taken)
    assert CheckRun.objects.count() == 1


def test_a_run_that_nobody_waits_for_is_kept_as_broken_off(registration: EhrRegistration) -> None:
    run = ran(registration, result(1), result(2), finished=False)
    assert (run.finished, len(run.results)) == (False, 2)


def test_a_run_that_breaks_is_kept_as_broken_off(registration: EhrRegistration) -> None:
    def breaking() -> Any:
        yield result(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        list(history.kept(registration, breaking(), actor="command", daily=False))
    run = CheckRun.objects.get()
    assert (run.finished, run.kind, len(run.results)) == (False, "whole", 1)


def test_thirty_runs_of_each_registration_are_kept(
    registration: EhrRegistration, make_registration: MakeRegistration
) -> None:
    other = make_registration(slug="other", client_id="other")
    ran(other, result(1))
    oldest = ran(registration, result(1))
    CheckRun.objects.filter(pk=oldest.pk).update(at=timezone.now() - timedelta(days=40))
    for _ in range(history.KEPT):
        ran(registration, result(1))
    assert registration.check_runs.count() == history.KEPT == 30
    assert not CheckRun.objects.filter(pk=oldest.pk).exists()
    assert other.check_runs.count() == 1


def test_results_are_shown_even_if_they_cannot_be_kept(
    registration: EhrRegistration, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(history, "keep", refuse)
    assert len(list(history.kept(registration, iter([result(1), result(2)]), actor="command", daily=True))) == 2
    assert "the check of main was not kept" in caplog.text


# --- What was found bad stands until something has looked again -----------------------------------------------------
def test_a_daily_run_does_not_forget_what_it_does_not_look_at(registration: EhrRegistration) -> None:
    ran(registration, result(1), result(21, "fail", "The secret was refused."), daily=False)
    run = ran(registration, result(1))
    assert (run.fails, run.failing, run.top_problem) == (1, True, "The secret was refused.")
    assert [(each["id"], each["status"]) for each in run.standing] == [("SP-CHK-21", "fail")]
    assert state_of(registration)[0] == "failing"
    assert [row["word"] for row in reports.kept_rows(run)] == ["Pass", "FAIL"]
    again = ran(registration, result(1))
    assert [each["since"] for each in again.standing] == [run.standing[0]["since"]]


def test_looking_again_settles_it(registration: EhrRegistration) -> None:
    ran(registration, result(21, "fail", "The secret was refused."), daily=False)
    run = ran(registration, result(1), result(21), daily=False)
    assert (run.standing, run.failing) == ([], False)


def test_a_launch_since_then_settles_what_only_noisy_checks_see(registration: EhrRegistration) -> None:
    ran(registration, result(8, "fail", "Our clock is wrong."), result(21, "fail", "Refused."), daily=False)
    launch_of(registration)
    run = ran(registration, result(1))
    assert [each["id"] for each in run.standing] == ["SP-CHK-08"]


def test_a_broken_off_run_does_not_forget_what_it_did_not_reach(registration: EhrRegistration) -> None:
    ran(registration, result(1), result(8, "fail", "Our clock is wrong."))
    run = ran(registration, result(1), finished=False)
    assert (run.failing, run.top_problem) == (True, "Our clock is wrong.")


def test_a_check_skipped_because_another_failed_has_not_looked(registration: EhrRegistration) -> None:
    ran(registration, result(2), result(17, "fail", "A scope is unknown."))
    down = ran(registration, result(2, "fail", "The host has no address."), result(17, "skipped"))
    assert [each["id"] for each in down.standing] == ["SP-CHK-17"]
    up = ran(registration, result(2), result(17, "skipped", "It does not apply any more."))
    assert (up.standing, up.failing) == ([], False)


def test_how_the_last_launch_went_is_not_the_state_of_the_connection(registration: EhrRegistration) -> None:
    """The list knows launches at first hand; what a run said of them is over with the next one."""
    run = ran(registration, result(1), result(31, "fail", "The last launch failed."))
    assert (run.fails, run.failing, run.top_problem) == (1, False, "")
    assert ran(registration, result(1)).standing == []


# --- The daily run --------------------------------------------------------------------------------------------------
def test_one_whose_settings_cannot_be_used_does_not_keep_the_others_from_being_checked(
    make_registration: MakeRegistration, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    unreadable = tmp_path / "secret"
    unreadable.write_bytes(b"\xff\xfe")
    make_registration(slug="broken", client_id="broken", secret_from=f"file:{unreadable}")
    make_registration(slug="fine")
    monkeypatch.setattr(reports, "run", lambda facts, daily: iter([result(1)]))
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="broken"):
        call_command("check_ehr", "--all", "--daily", stdout=out, stderr=err)
    assert "fine: 1 pass" in out.getvalue()
    assert "broken: The secret of broken is not UTF-8 text." in err.getvalue()
    kept = {run.registration.slug: run for run in CheckRun.objects.select_related("registration")}
    assert (kept["fine"].kind, kept["fine"].finished, kept["fine"].failing) == ("daily", True, False)
    assert (kept["broken"].finished, kept["broken"].failing) == (False, True)
    assert "not UTF-8" in kept["broken"].top_problem


# --- Looked at again ------------------------------------------------------------------------------------------------
def test_the_check_page_shows_the_last_run_until_there_is_a_new_one(registration: EhrRegistration) -> None:
    client = signed_in("view_ehrregistration", "check_ehrregistration", "view_checkrun")
    url = f"/admin/launcher/ehrregistration/{registration.pk}/check/"
    assert "Check now" in client.get(url, secure=True).content.decode()
    ran(registration, result(8, "fail", "Our clock is <wrong>."))
    page = client.get(url, secure=True).content.decode()
    assert "Check again" in page
    assert "Our clock is &lt;wrong&gt;." in page
    assert "by command" in page
    assert 'data-check="SP-CHK-08" data-status="fail"' in page
    assert f"{RUNS}?registration__id__exact={registration.pk}" in page


def test_older_runs_are_looked_at_and_no_more(registration: EhrRegistration) -> None:
    first = ran(registration, result(8, "fail", "Our clock is wrong."))
    ran(registration, result(8), finished=False)
    client = signed_in("view_checkrun")
    listed = client.get(f"{RUNS}?registration__id__exact={registration.pk}", secure=True).content.decode()
    assert "1 fail 0 warn 0 pass" in listed
    assert "broken off" in listed
    second = history.last_run(registration)
    assert second
    broken = client.get(f"{RUNS}{second.pk}/change/", secure=True).content.decode()
    assert "broken off after 1 check." in broken
    page = client.get(f"{RUNS}{first.pk}/change/", secure=True)
    assert "Our clock is wrong." in page.content.decode()
    assert client.post(f"{RUNS}{first.pk}/change/", {"actor": "x"}, secure=True).status_code == 403
    assert client.post(f"{RUNS}{first.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403


def test_runs_of_another_site_are_not_there(make_registration: MakeRegistration) -> None:
    there = make_registration(
        slug="there", name="Their EHR", site_id=Site.objects.create(domain="second.test", name="Second").pk
    )
    run = ran(there, result(1, "fail", "Their fault."))
    client = signed_in("view_checkrun")
    assert "Their EHR" not in client.get(RUNS, secure=True).content.decode()
    assert client.get(f"{RUNS}{run.pk}/change/", secure=True).status_code == 302


def test_without_the_right_there_are_no_runs_to_see(registration: EhrRegistration) -> None:
    run = ran(registration, result(1))
    client = signed_in("view_ehrregistration")
    assert client.get(RUNS, secure=True).status_code == 403
    assert client.get(f"{RUNS}{run.pk}/change/", secure=True).status_code == 403
