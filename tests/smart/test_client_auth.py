"""Client authentication: the right method, and secrets in one place alone."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_plus

import pytest

from launcher.smart.client_auth import choose_method, credentials
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret


def client(**more: Any) -> ClientRegistration:
    return ClientRegistration(
        **{"iss": "https://ehr.test", "client_id": "portal", "redirect_uri": "", "scopes": "", **more}
    )


def config(*methods: str, source: Any = "well-known") -> SmartConfiguration:
    return SmartConfiguration(
        authorization_endpoint="", token_endpoint="", token_endpoint_auth_methods_supported=methods, source=source
    )


SECRET = {"client_secret": Secret("s3cret")}


@pytest.mark.parametrize(
    ("methods", "source", "chosen"),
    [
        (("client_secret_basic",), "well-known", "client_secret_basic"),
        (("client_secret_post", "client_secret_basic"), "well-known", "client_secret_basic"),
        (("client_secret_post", "private_key_jwt"), "well-known", "client_secret_post"),
        (("private_key_jwt",), "well-known", "client_secret_basic"),
        ((), "well-known", "client_secret_basic"),
        ((), "metadata", "client_secret_post"),
        (("client_secret_basic",), "metadata", "client_secret_basic"),
    ],
)
def test_the_method_is_chosen_from_what_the_ehr_advertises(methods: tuple[str, ...], source: str, chosen: str) -> None:
    assert choose_method(client(**SECRET), config(*methods, source=source)) == chosen


@pytest.mark.parametrize("methods", [(), ("client_secret_basic",)])
def test_a_client_without_a_secret_is_public(methods: tuple[str, ...]) -> None:
    assert choose_method(client(), config(*methods)) == "none"
    assert credentials(client(), config(*methods)).form == (("client_id", "portal"),)


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_a_registered_method_outranks_the_advertised_ones(method: str) -> None:
    found = choose_method(client(auth_method=method, **SECRET), config("client_secret_basic", "client_secret_post"))
    assert found == method


@pytest.mark.parametrize("part", ["portal", "a:b", "a+b c", "100%", "a&b=c", "naïve é", "~*'()"])
def test_basic_encodes_each_part_and_keeps_the_secret_out_of_the_body(part: str) -> None:
    registration = client(client_id=part, client_secret=Secret(f"s{part}"), auth_method="client_secret_basic")
    made = credentials(registration, config())
    assert made.form == ()
    assert made.authorization is not None
    scheme, _, value = made.authorization.reveal().partition(" ")
    sent_id, colon, sent_secret = base64.b64decode(value).decode("ascii").partition(":")
    assert (scheme, colon) == ("Basic", ":")
    assert (unquote_plus(sent_id), unquote_plus(sent_secret)) == (part, f"s{part}")


def test_the_standards_own_reserved_characters_are_escaped() -> None:
    made = credentials(
        client(client_id="a:b", client_secret=Secret("+ %&é"), auth_method="client_secret_basic"), config()
    )
    assert made.authorization == Secret("Basic " + base64.b64encode(b"a%3Ab:%2B+%25%26%C3%A9").decode())


def test_post_puts_both_into_the_body_and_nothing_into_the_header() -> None:
    made = credentials(
        client(client_id="a:b", client_secret=Secret("+ %&é"), auth_method="client_secret_post"), config()
    )
    assert made.form == (("client_id", "a:b"), ("client_secret", "+ %&é"))
    assert made.authorization is None


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_what_cannot_be_proved_is_a_rejected_client(method: str) -> None:
    with pytest.raises(SmartError) as caught:
        credentials(client(auth_method=method), config())
    assert caught.value.code == "client_rejected"


def test_credentials_print_no_secret() -> None:
    for method in ("client_secret_basic", "client_secret_post"):
        assert "s3cret" not in repr(credentials(client(auth_method=method, **SECRET), config()))
