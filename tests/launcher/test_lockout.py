"""Guessed passwords at the admin: what is counted, what is locked, what is said, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from launcher import lockout
from launcher.models import AuditEvent
from launcher.smart.identity import IdentityClaims

pytestmark = pytest.mark.django_db
User = get_user_model()
PASSWORD = "correct horse battery"
NOT_LOCKED, LOCKED, IN = 200, 429, 302


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-03-02T09:00:00Z", tick=False) as moved:
        yield moved


@pytest.fixture
def root() -> Any:
    return User.objects.create_superuser("root", password=PASSWORD)


def attempt(name: str = "root", password: str = "wrong", *, address: str = "203.0.113.9", **headers: str) -> Any:
    """One try at the sign-in form, in a browser of its own."""
    form = {"username": name, "password": password, "next": "/admin/"}
    return Client().post("/admin/login/", form, secure=True, REMOTE_ADDR=address, headers=headers)


def tries(count: int, **more: Any) -> list[int]:
    return [attempt(**more).status_code for _ in range(count)]


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=name).order_by("pk"))


def test_the_tenth_failure_locks_and_the_right_password_does_not_open(root: Any) -> None:
    assert tries(9) == [NOT_LOCKED] * 9
    assert attempt().status_code == LOCKED
    assert attempt(password=PASSWORD).status_code == LOCKED


def test_nine_failures_do_not_lock(root: Any) -> None:
    tries(9)
    assert attempt(password=PASSWORD).status_code == IN


def test_the_lock_is_of_one_address_so_that_its_owner_gets_in_from_another(root: Any) -> None:
    tries(10)
    assert attempt(password=PASSWORD, address="198.51.100.7").status_code == IN


def test_other_accounts_of_the_same_address_are_not_locked_with_it(root: Any) -> None:
    """One person who has forgotten a password must not lock out all colleagues behind one firewall."""
    tries(12, name="forgetful")
    assert attempt(password=PASSWORD).status_code == IN


def test_an_address_that_tries_many_accounts_is_locked(root: Any) -> None:
    answers = [attempt(name=f"name-{number}").status_code for number in range(30)]
    assert answers == [NOT_LOCKED] * 29 + [LOCKED]
    assert attempt(password=PASSWORD).status_code == LOCKED


def test_an_account_that_is_tried_from_many_addresses_is_locked(root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lockout.MOST == (10, 30, 100)
    monkeypatch.setattr(lockout, "MOST", (10, 30, 20))
    answers = [attempt(address=f"198.51.100.{number}").status_code for number in range(20)]
    assert answers == [NOT_LOCKED] * 19 + [LOCKED]
    assert attempt(password=PASSWORD, address="192.0.2.1").status_code == LOCKED


def test_the_addresses_of_one_ipv6_network_count_as_one(root: Any) -> None:
    answers = [attempt(address=f"2001:db8:1:2::{number:x}").status_code for number in range(1, 11)]
    assert answers == [NOT_LOCKED] * 9 + [LOCKED]
    assert attempt(address="2001:db8:1:3::1").status_code == NOT_LOCKED


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_address(root: Any) -> None:
    tries(9)
    assert attempt(address="::ffff:203.0.113.9").status_code == LOCKED


def test_only_a_trusted_proxy_says_who_is_behind_it(root: Any, settings: Any) -> None:
    settings.SMARTPORTAL_TRUSTED_PROXIES = ["203.0.113.9/32"]
    for number in range(10):
        attempt(**{"x-forwarded-for": f"6.6.6.{number}, 198.51.100.1"})
    locked_there = {"x-forwarded-for": "198.51.100.1"}
    assert attempt(password=PASSWORD, **locked_there).status_code == LOCKED
    assert attempt(password=PASSWORD, **{"x-forwarded-for": "198.51.100.2"}).status_code == IN


def test_another_user_agent_is_no_new_start(root: Any) -> None:
    answers = [attempt(**{"user-agent": f"Agent {number}"}).status_code for number in range(10)]
    assert answers[-1] == LOCKED


def test_the_pause_ends_by_itself_and_tries_during_it_do_not_prolong_it(root: Any, clock: Any) -> None:
    tries(10)
    clock.shift(14 * 60)
    assert attempt(password=PASSWORD).status_code == LOCKED
    clock.shift(61)
    assert attempt(password=PASSWORD).status_code == IN


def test_ones_own_sign_in_does_not_wipe_out_what_the_address_has_tried(root: Any) -> None:
    """Otherwise somebody with an account here could guess nine passwords, sign in, and guess nine more."""
    User.objects.create_user("insider", password=PASSWORD, is_staff=True)
    tries(9)
    attempt(name="insider", password=PASSWORD)
    assert attempt().status_code == LOCKED


@pytest.mark.parametrize("password", ["wrong", PASSWORD])
def test_the_pages_do_not_tell_whether_there_is_such_an_account(password: str, root: Any) -> None:
    def pages(name: str) -> list[str]:
        answers = [attempt(name=name, password="wrong") for _ in range(10)]
        answers.append(attempt(name=name, password=password))
        return [_without_tokens(answer.content.decode()).replace(name, "NAME") for answer in answers]

    assert pages("root") == pages("toor")


def _without_tokens(page: str) -> str:
    return "\n".join(line for line in page.splitlines() if "csrfmiddlewaretoken" not in line)


def test_an_unknown_account_costs_as_many_questions_and_one_hash_as_well(
    root: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    def cost(name: str) -> tuple[int, int]:
        hashed.clear()
        with CaptureQueriesContext(connection) as asked:
            attempt(name=name)
        return len(asked), len(hashed)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    attempt(name="the first, which begins the audit trail")
    assert cost("root") == cost("toor")
    assert cost("toor")[1] == 1


def test_the_page_says_what_to_do_and_when(root: Any) -> None:
    tries(10)
    page = attempt()
    assert page["Retry-After"] == "900"
    assert "What to do" in page.content.decode()
    assert "Wait 15 minutes" in page.content.decode()


def test_failures_and_the_lock_are_audited_and_a_flood_does_not_fill_the_trail(root: Any, clock: Any) -> None:
    tries(20)
    failed, locked = events("admin.login_failed"), events("admin.locked")
    assert [event.actor for event in failed] == ["staff root"] * 10
    assert failed[0].detail == {"address": "203.0.113.9"}
    assert (failed[0].outcome, failed[0].site, failed[0].reason) == ("refused", "testserver", "password")
    assert [(event.actor, event.reason) for event in locked] == [("staff root", "too_many_tries")]


def test_what_was_typed_as_an_unknown_name_is_kept_nowhere(root: Any, caplog: pytest.LogCaptureFixture) -> None:
    """People type their password into the wrong box."""
    with caplog.at_level("DEBUG"):
        tries(11, name="MyPassw0rd!", password="root")
    rows = f"{list(AccessAttempt.objects.values())} {list(AuditEvent.objects.values())} {caplog.text}"
    assert "MyPassw0rd" not in rows
    assert events("admin.login_failed")[0].actor.startswith("staff unknown ")


def test_signing_in_and_out_with_a_password_is_audited(root: Any) -> None:
    client = Client()
    client.post("/admin/login/", {"username": "root", "password": PASSWORD}, secure=True)
    client.post("/admin/logout/", secure=True)
    (login,), (logout,) = events("admin.login"), events("admin.logout")
    assert (login.actor, login.detail["way"], login.site) == ("staff root", "password", "testserver")
    assert (logout.actor, logout.site) == ("staff root", "testserver")


def test_a_launch_is_not_locked_and_asks_the_database_nothing_more(
    root: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tries(10)
    request = RequestFactory().get("/callback/main", REMOTE_ADDR="203.0.113.9")
    claims = IdentityClaims("https://ehr.example.org", "provider-7")
    authenticate(request, smart_claims=claims)
    with django_assert_num_queries(1):
        assert authenticate(request, smart_claims=claims) is not None


def test_somebody_who_runs_the_installation_ends_a_lock(root: Any) -> None:
    tries(10)
    call_command("axes_reset_username", "root", verbosity=0)
    assert attempt(password=PASSWORD).status_code == IN


def test_counts_that_lock_nobody_any_more_are_deleted(root: Any, clock: Any) -> None:
    tries(3)
    call_command("purge_launches")
    assert AccessAttempt.objects.count() == 1
    clock.shift(15 * 60 + 1)
    call_command("purge_launches")
    assert not AccessAttempt.objects.exists()


def test_counts_are_in_no_page_of_the_admin(root: Any) -> None:
    client = Client()
    client.force_login(root)
    assert "axes" not in client.get("/admin/", secure=True).content.decode()


def test_the_library_finds_nothing_wrong_with_its_settings(settings: Any) -> None:
    assert not [message for message in run_checks() if str(message.id).startswith("axes")]
    assert len(lockout.MOST) == len(settings.AXES_LOCKOUT_PARAMETERS)
    assert lockout.MOST[0] == settings.AXES_FAILURE_LIMIT


def test_a_script_on_this_server_may_ask_without_a_request(db: None) -> None:
    User.objects.create_superuser("root", password=PASSWORD)
    assert authenticate(username="root", password=PASSWORD)
    assert authenticate(username="root", password="another") is None
    assert Client().login(username="root", password=PASSWORD)
    assert not AccessAttempt.objects.exists()
