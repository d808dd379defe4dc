"""Cases 20, 73, 74 and 76 (the issuer's document, its keys, their change and their absence), by number."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from time_machine import TimeMachineFixture

from launcher import discovery
from launcher.models import AuditEvent, Launch
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.secret import Secret
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.playing import Answer, SignIn, Wire, answer, begin, publishes, signed_in_with, silence, wired
from tests.security.steps import asked, no_launch_was_opened, refused, registration
from tests.smart import forging

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    """An EHR that publishes one key, "a"."""
    with wired(ehrs) as found:
        publishes(found, forging.jwk("a"))
        yield found


def token(launch: SignIn, key: str = "a") -> str:
    return forging.rs256(launch.claims(), key=key)


def signs_in(wire: Wire, browser: Browser, key: str = "a") -> None:
    before = Launch.objects.count()
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch, key))
    assert page.status == 303, page.error
    assert Launch.objects.count() == before + 1


# --- 20: whose document it is


@pytest.mark.parametrize(
    "named", ["{}/", "{}x", "http://testserver/sandbox/smart-r4", "https://TESTSERVER/sandbox/smart-r4", None, ["{}"]]
)
def test_case_20_an_openid_document_that_names_another_issuer_stops_the_sign_in(
    named: object, wire: Wire, browser: Browser
) -> None:
    """Ruling 4 of the contract: it is fetched when the token comes, so that is where it stops."""
    launch = begin(browser)
    issuer = named.format(launch.issuer) if isinstance(named, str) else named
    wire.changed("/openid-configuration", issuer=issuer)
    page = signed_in_with(wire, launch, token(launch))
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="issuer")
    assert wire.to("/jwks") == 0
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()


@pytest.mark.parametrize("registered", ["{}/", "{}x"])
def test_case_20_a_registered_issuer_is_the_only_one(registered: str, wire: Wire, browser: Browser) -> None:
    first = begin(browser)
    row = registration()
    row.oidc_issuer = registered.format(first.issuer)
    row.save()
    wire.plays["/smart-r4x/.well-known/openid-configuration"] = answer(404)
    page = signed_in_with(wire, first, token(first))
    assert (page.status, page.error) == (502, "identity_invalid")
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()


def test_case_20_keys_on_an_unapproved_host_are_not_fetched(wire: Wire, browser: Browser) -> None:
    wire.changed("/openid-configuration", jwks_uri="https://keys.evil.test/jwks")
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch))
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="jwks_uri")
    assert not [url for url in wire.asked if "evil" in url]


# --- 73: key ids nobody knows


def test_case_73_an_unknown_key_id_asks_for_the_keys_once_more(wire: Wire, browser: Browser) -> None:
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch, "b"))
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="kid")
    assert wire.to("/jwks") == 2
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()


def test_case_73_a_thousand_unknown_key_ids_ask_once_a_minute(
    wire: Wire, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(timezone.now(), tick=False)
    launch = begin(browser)
    signed_in_with(wire, launch, token(launch, "b"))
    asked_before = wire.to("/jwks")
    row = launch.row
    client = row.as_client()
    config = SmartConfiguration(authorization_endpoint="x", token_endpoint="y", issuer=launch.issuer)
    door = discovery.door_for(client)

    def forged(number: int) -> None:
        header = {"alg": "RS256", "kid": f"unknown-{number}"}
        made = f"{forging.signing_input(header, launch.claims())}.{forging.b64(b'x' * 256)}"
        with pytest.raises(SmartError) as caught:
            discovery.verified_identity(row, client, config, door, id_token=Secret(made), nonce="n")
        assert (caught.value.code, caught.value.reason) == ("identity_invalid", "kid")

    for number in range(1000):
        forged(number)
    assert wire.to("/jwks") == asked_before
    time_machine.move_to(timezone.now() + timedelta(seconds=61), tick=False)
    for number in range(10):
        forged(number)
    assert wire.to("/jwks") == asked_before + 1


# --- 74: the EHR changes its key


def test_case_74_sign_in_works_after_the_ehr_has_changed_its_key(wire: Wire, browser: Browser) -> None:
    signs_in(wire, browser)
    assert wire.to("/jwks") == 1
    launch = begin(browser)
    publishes(wire, forging.jwk("b"), forging.jwk("a"))
    page = signed_in_with(wire, launch, token(launch, "b"))
    assert page.status == 303, page.error
    assert wire.to("/jwks") == 2
    # Both are published: what the old one signed meanwhile is still good.
    signs_in(wire, browser, "a")
    assert wire.to("/jwks") == 2


def test_case_74_a_key_that_was_taken_away_signs_no_more(wire: Wire, browser: Browser) -> None:
    signs_in(wire, browser)
    publishes(wire, forging.jwk("b"))
    signs_in(wire, browser, "b")
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch, "a"))
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="kid")
    assert Launch.objects.count() == 2


# --- 76: the keys cannot be had

OUT_OF_ORDER: dict[str, Answer] = {
    "500": answer(500, "<html>down</html>", kind="text/html"),
    "timeout": silence,
    "html": answer(200, "<html>login</html>", kind="text/html"),
    "no-keys": answer(200, {"keys": []}),
    "no-list": answer(200, {"keys": "none"}),
    "empty": answer(200, b""),
}


@pytest.mark.parametrize("trouble", OUT_OF_ORDER)
def test_case_76_a_good_set_of_keys_outlives_the_ehrs_trouble_for_a_day(
    trouble: str, wire: Wire, browser: Browser, time_machine: TimeMachineFixture, caplog: pytest.LogCaptureFixture
) -> None:
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    signs_in(wire, browser)
    wire.plays["/jwks"] = OUT_OF_ORDER[trouble]
    for hours in (0.5, 12, 23.5):
        caplog.clear()
        time_machine.move_to(start + timedelta(hours=hours), tick=False)
        signs_in(wire, browser)
        stale = [each for each in caplog.records if each.getMessage().startswith("config.stale: keys")]
        assert [each.levelno for each in stale] == [logging.WARNING]
    assert wire.to("/jwks") == 4
    publishes(wire, forging.jwk("b"))
    signs_in(wire, browser, "b")


@pytest.mark.parametrize("trouble", OUT_OF_ORDER)
def test_case_76_a_failed_refetch_for_an_unknown_key_keeps_the_good_set(
    trouble: str, wire: Wire, browser: Browser
) -> None:
    signs_in(wire, browser)
    wire.plays["/jwks"] = OUT_OF_ORDER[trouble]
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch, "b"))
    assert (page.status, page.error) == (502, "identity_invalid")
    signs_in(wire, browser, "a")


@pytest.mark.parametrize("trouble", OUT_OF_ORDER)
def test_case_76_without_a_set_of_keys_nobody_is_believed(trouble: str, wire: Wire, browser: Browser) -> None:
    wire.plays["/jwks"] = OUT_OF_ORDER[trouble]
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch))
    if trouble == "timeout":
        refused(page, status=504, code="ehr_unreachable", event="token.failed", reason="timeout")
    else:
        refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="keys")
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()
    assert not AuditEvent.objects.filter(event="token.obtained").exists()


def test_case_76_a_set_of_keys_older_than_a_day_is_not_used(
    wire: Wire, browser: Browser, time_machine: TimeMachineFixture
) -> None:
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    signs_in(wire, browser)
    wire.plays["/jwks"] = silence
    time_machine.move_to(start + timedelta(hours=24, minutes=1), tick=False)
    launch = begin(browser)
    page = signed_in_with(wire, launch, token(launch))
    refused(page, status=504, code="ehr_unreachable", event="token.failed", reason="timeout")
    assert Launch.objects.count() == 1
