"""When an EHR refuses our client, the administrator reads what may be the cause."""

from __future__ import annotations

import dataclasses
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from launcher import signing, vendors
from launcher.explanations import explain
from launcher.models import EhrRegistration
from launcher.rejection_hints import rejection_hints
from launcher.smart.errors import SmartError
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import R4, refused, to_callback

pytestmark = pytest.mark.django_db

WAITING = "takes up to 60 minutes to arrive"


def row(**more: Any) -> EhrRegistration:
    EhrRegistration.objects.filter(slug=R4).update(**more)
    return EhrRegistration.objects.select_related("site").get(slug=R4)


def saved(*, minutes_ago: int) -> EhrRegistration:
    return row(updated_at=timezone.now() - timedelta(minutes=minutes_ago))


@pytest.fixture
def slow_ehr(ehrs: Bridge, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    """The simulated EHR with a preset that says: a new client ID takes an hour to arrive."""
    preset = vendors.get("simulated-smart-r4")
    assert preset is not None
    slow = dataclasses.replace(preset, propagation_minutes=60)
    known = vendors.get
    monkeypatch.setattr(vendors, "get", lambda name: slow if name == slow.id else known(name))
    return ehrs


def refusal(word: str = "invalid_client", code: Any = "client_rejected") -> SmartError:
    return SmartError(code, "refused", reason=word)


@pytest.mark.parametrize(("minutes", "told"), [(0, True), (59, True), (61, False)])
def test_a_fresh_registration_at_an_ehr_that_takes_its_time(minutes: int, told: bool, slow_ehr: Bridge) -> None:
    assert (WAITING in rejection_hints(saved(minutes_ago=minutes), refusal())) is told


@pytest.mark.parametrize(
    "error",
    [refusal("no_secret"), refusal("invalid_grant", "code_rejected"), refusal("status", "token_unreadable")],
    ids=lambda error: error.reason,
)
def test_no_other_failure_is_put_down_to_waiting(error: SmartError, slow_ehr: Bridge) -> None:
    assert rejection_hints(saved(minutes_ago=1), error) == ""


def test_an_ehr_that_knows_new_clients_at_once_gives_no_reason_to_wait(ehrs: Bridge) -> None:
    assert rejection_hints(saved(minutes_ago=0), refusal()) == ""
    assert rejection_hints(None, refusal()) == ""


def test_the_log_says_it_where_the_administrator_looks(
    slow_ehr: Bridge, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    saved(minutes_ago=1)
    page = rejected_callback(slow_ehr, browser)
    refused(page, status=502, code="client_rejected", event="token.failed")
    line = next(record.getMessage() for record in caplog.records if page.reference in record.getMessage())
    assert WAITING in line


def test_the_provider_reads_nothing_of_it_and_a_signed_in_administrator_does(
    slow_ehr: Bridge, browser: Browser
) -> None:
    saved(minutes_ago=1)
    assert "minutes to arrive" not in rejected_callback(slow_ehr, browser).text
    client = Client()
    client.force_login(User.objects.create_superuser("admin", password="x"))
    browser.cookies |= {(name, "/"): morsel for name, morsel in client.cookies.items()}
    page = rejected_callback(slow_ehr, browser)
    assert WAITING in page.text
    assert str(explain("client_rejected").administrator) in page.text


def rejected_callback(bridge: Bridge, browser: Browser) -> Page:
    address = to_callback(browser)
    bridge.answer_with("/token", json.dumps({"error": "invalid_client"}))
    return browser.get(address)


# --- Signatures -----------------------------------------------------------------------------------------------------
def listing(bridge: Bridge, *algorithms: str) -> None:
    base = "https://testserver/sandbox/smart-r4"
    published = {
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(algorithms),
    }
    bridge.answer_with("/.well-known/smart-configuration", json.dumps(published))


@pytest.mark.parametrize(
    ("listed", "told"), [(("ES384",), True), (("RS384",), False), (("RS384", "ES384"), False), ((), False)]
)
def test_a_signature_of_an_algorithm_that_the_ehr_does_not_list_is_named(
    listed: tuple[str, ...], told: bool, ehrs: Bridge, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    signing.make_key("RS384")
    row(auth_method="private_key_jwt")
    listing(ehrs, *listed)
    page = browser.visit(f"/launch?iss={row().iss}&launch=54520", until="/sandbox")
    ehrs.answer_with("/token", json.dumps({"error": "invalid_client"}))
    page = browser.get(f"/callback/{R4}?code=c&state={page.query['state'][0]}")
    assert page.error == "client_rejected"
    line = next(record.getMessage() for record in caplog.records if page.reference in record.getMessage())
    assert ("We signed with RS384" in line and "(ES384)" in line) is told


def test_what_the_ehr_lists_is_not_repeated_unless_we_know_the_word(ehrs: Bridge, browser: Browser) -> None:
    signing.make_key("RS384")
    row(auth_method="private_key_jwt")
    listing(ehrs, "Ev1lWord", "ES512")
    browser.visit(f"/launch?iss={row().iss}&launch=54520", until="/sandbox")
    hints = rejection_hints(row(), refusal())
    assert "(ES512)" in hints
    assert "Ev1lWord" not in hints


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
