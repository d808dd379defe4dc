"""The front channel: what may start a launch, what leaves through the browser, what is believed when it comes back."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from launcher.smart.authorization import (
    AuthorizeRequest,
    LaunchRequest,
    check_response_issuer,
    new_nonce,
    new_state,
    parse_authorize_response,
    parse_launch_request,
    parse_state,
)
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError

ISS = "https://ehr.test/r4"
REQUEST = AuthorizeRequest(
    client_id="portal",
    redirect_uri="https://us.test/callback/ehr",
    scope="launch patient/*.rs openid",
    state="st4te",
    aud=ISS,
    launch="a/b+c=&ü",
    code_challenge="ch4llenge",
    nonce="n0nce",
)
ODD = ["\x00", "\r", "\n", "\t", "\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\u2028", "\ud800"]


def refusal(read: Any, *args: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(SmartError) as caught:
        read(*args, **more)
    assert "CANARY" not in f"{caught.value} {caught.value.reason} {dict(caught.value.context)}"
    return caught.value.code, caught.value.reason


def launch_refusal(parameters: dict[str, list[str]], *, need_launch: bool = True) -> str:
    code, reason = refusal(parse_launch_request, parameters, need_launch=need_launch)
    assert code == "launch_incomplete"
    return reason


def test_iss_and_launch_are_taken_as_they_came_and_nothing_else_is() -> None:
    sent = {"iss": [ISS], "launch": ["a/b+c=&ü"], "redirect_uri": ["https://evil.test"], "state": ["x", "y"]}
    assert parse_launch_request(sent, need_launch=True) == LaunchRequest(ISS, "a/b+c=&ü")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"iss": [ISS]},
        {"launch": ["x"]},
        {"iss": [""], "launch": [""]},
        {"iss": [ISS], "launch": [""]},
        {"iss": [], "launch": ["x"]},
        {"iss[]": [ISS], "launch": ["x"]},
    ],
)
def test_a_launch_without_its_parameters_is_incomplete(sent: dict[str, list[str]]) -> None:
    assert launch_refusal(sent) in {"iss_missing", "launch_missing"}


@pytest.mark.parametrize("name", ["iss", "launch"])
@pytest.mark.parametrize("values", [["a", "b"], ["a", "a"], ["a", ""], ["", ""]])
def test_a_repeated_parameter_is_refused_and_neither_first_nor_last_wins(name: str, values: list[str]) -> None:
    assert launch_refusal({"iss": [ISS], "launch": ["x"], name: values}) == f"{name}_repeated"


@pytest.mark.parametrize("name", ["iss", "launch"])
def test_two_thousand_characters_are_the_limit(name: str) -> None:
    sent = {"iss": [ISS], "launch": ["x"], name: ["x" * 2000]}
    assert getattr(parse_launch_request(sent, need_launch=True), name) == "x" * 2000
    assert launch_refusal({**sent, name: ["x" * 2001]}) == f"{name}_too_long"
    assert launch_refusal({**sent, name: ["x" * 65_536]}) == f"{name}_too_long"


@pytest.mark.parametrize("name", ["iss", "launch"])
@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_characters_that_forge_or_reorder_are_refused(name: str, odd: str) -> None:
    reason = launch_refusal({"iss": [ISS], "launch": ["x"], name: [f"CANARY{odd}b"]})
    assert reason == f"{name}_unfit"


@pytest.mark.parametrize("sent", [{"iss": [ISS]}, {"iss": [ISS], "launch": [""]}])
def test_a_registration_may_do_without_launch(sent: dict[str, list[str]]) -> None:
    assert parse_launch_request(sent, need_launch=False) == LaunchRequest(ISS, "")
    assert launch_refusal({**sent, "launch": ["a", "b"]}, need_launch=False) == "launch_repeated"


def test_the_authorization_request_has_exactly_the_parameters_of_the_standard() -> None:
    assert dict(REQUEST.parameters()) == {
        "response_type": "code",
        "client_id": "portal",
        "redirect_uri": "https://us.test/callback/ehr",
        "scope": "launch patient/*.rs openid",
        "state": "st4te",
        "aud": ISS,
        "launch": "a/b+c=&ü",
        "nonce": "n0nce",
        "code_challenge": "ch4llenge",
        "code_challenge_method": "S256",
    }
    url = urlsplit(REQUEST.url("https://ehr.test/authorize"))
    assert (url.scheme, url.netloc, url.path, url.fragment) == ("https", "ehr.test", "/authorize", "")
    assert parse_qsl(url.query, strict_parsing=True) == REQUEST.parameters()


def test_what_is_not_used_is_not_sent() -> None:
    bare = AuthorizeRequest(client_id="c", redirect_uri="https://r", scope="launch/patient", state="s", aud=ISS)
    assert {"launch", "nonce", "code_challenge", "code_challenge_method"}.isdisjoint(dict(bare.parameters()))


def test_spaces_are_written_so_that_every_server_reads_them() -> None:
    assert "scope=launch%20patient" in REQUEST.url("https://ehr.test/authorize")


@pytest.mark.parametrize("query", ["tenant=a%2Fb&x", "tenant=a%2Fb&x&"])
def test_an_endpoint_keeps_the_query_it_has(query: str) -> None:
    url = REQUEST.url(f"https://ehr.test/authorize?{query}")
    assert url.count("?") == 1
    assert urlsplit(url).query.split("&")[:3] == ["tenant=a%2Fb", "x", "response_type=code"]


def test_an_endpoint_cannot_bring_parameters_of_ours() -> None:
    url = REQUEST.url("https://ehr.test/authorize?client_id=evil&redirect%5Furi=https://evil.test&ok=1&state=x")
    sent = parse_qs(urlsplit(url).query)
    assert sent["client_id"] == ["portal"]
    assert sent["redirect_uri"] == ["https://us.test/callback/ehr"]
    assert (sent["state"], sent["ok"]) == (["st4te"], ["1"])


@pytest.mark.parametrize("make", [new_state, new_nonce])
def test_states_and_nonces_are_random_and_url_safe(make: Any) -> None:
    made = {make() for _ in range(10_000)}
    assert len(made) == 10_000
    value = made.pop()
    assert len(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))) * 8 >= 128
    assert parse_state({"state": [value]}) == value


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"state": []},
        {"state": [""]},
        {"state": ["a", "a"]},
        {"state": ["x" * 513]},
        {"state": ["x" * 10_000]},
        {"state[]": ["x"]},
        {"state": ["CANARY\x00"]},
        {"state": ["a b"]},
        {"state": ["é"]},
        {"state": ["a\n"]},
        {"state": ["../x"]},
    ],
)
def test_a_state_that_cannot_be_ours_is_unknown(sent: dict[str, list[str]]) -> None:
    assert refusal(parse_state, sent)[0] == "state_unknown"


def test_a_state_of_512_characters_could_be_ours() -> None:
    assert parse_state({"state": ["x" * 512]}) == "x" * 512


def config(**more: Any) -> SmartConfiguration:
    endpoints = {"authorization_endpoint": "https://login.test/a", "token_endpoint": "https://ehr.test/t"}
    return SmartConfiguration(**{**endpoints, "issuer": "https://ehr.test/oauth", **more})


def test_the_right_issuer_in_an_answer_is_accepted_promised_or_not() -> None:
    for promised in (True, False):
        check_response_issuer(["https://ehr.test/oauth"], config(iss_parameter_supported=promised))


def test_an_issuer_may_be_left_out_unless_it_was_promised() -> None:
    check_response_issuer([], config())
    code = refusal(check_response_issuer, [], config(iss_parameter_supported=True))
    assert code == ("issuer_mismatch", "iss_missing")


@pytest.mark.parametrize(
    "iss",
    ["https://ehr.test/oauth/", "https://ehr.test/oaut", "https://CANARY.test", ISS, "HTTPS://ehr.test/oauth", " ", ""],
)
def test_another_issuer_in_an_answer_is_refused(iss: str) -> None:
    assert refusal(check_response_issuer, [iss], config()) == ("issuer_mismatch", "iss_mismatch")


def test_two_issuers_in_an_answer_are_refused() -> None:
    twice = ["https://ehr.test/oauth"] * 2
    assert refusal(check_response_issuer, twice, config()) == ("issuer_mismatch", "iss_repeated")


def test_where_no_issuer_is_published_it_must_lie_where_the_endpoints_do() -> None:
    unknown = config(issuer="")
    for good in ("https://login.test", "https://ehr.test/realms/x"):
        check_response_issuer([good], unknown)
    for bad in ("https://evil.test", "https://ehr.test@evil.test", "https://ehr.test.evil.test", "nonsense"):
        assert refusal(check_response_issuer, [bad], unknown)[0] == "issuer_mismatch"


def test_a_code_is_taken_as_it_came() -> None:
    for code in ("abc", "a b/c+d=", "x" * 8192):
        assert parse_authorize_response({"state": ["s"], "code": [code]}).code == code


def test_a_code_is_not_printed() -> None:
    assert "CANARY" not in repr(parse_authorize_response({"code": ["CANARY"]}))


@pytest.mark.parametrize(
    "codes", [[], [""], ["a", "b"], ["a", "a"], ["x" * 8193], ["x" * 16_384], ["a\r\nb"], ["a\x00"], ["é"], ["a\n"]]
)
def test_anything_but_one_sane_code_fails(codes: list[str]) -> None:
    assert refusal(parse_authorize_response, {"code": codes})[0] == "authorization_failed"


def test_a_refusal_by_the_provider_is_told_from_a_failure() -> None:
    for sent in ({"error": ["access_denied"]}, {"error": ["access_denied"], "code": [""]}):
        assert refusal(parse_authorize_response, sent) == ("access_denied", "access_denied")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("invalid_scope", "invalid_scope"),
        ("server_error", "server_error"),
        ("login_required", "login_required"),
        ("CANARY", "other"),
        ("Access_Denied", "other"),
        ("access_denied\x00", "other"),
    ],
)
def test_an_error_is_named_by_a_known_word_or_as_other(error: str, reason: str) -> None:
    sent = {"error": [error], "error_description": ["CANARY"], "error_uri": ["CANARY"]}
    assert refusal(parse_authorize_response, sent) == ("authorization_failed", reason)


@pytest.mark.parametrize(
    "sent",
    [
        {"error": ["access_denied"], "code": ["abc"]},
        {"error": ["access_denied", "access_denied"]},
        {"error": ["access_denied", "server_error"]},
        {"error": ["server_error"], "code": ["", "abc"]},
    ],
)
def test_an_answer_that_says_two_things_fails(sent: dict[str, list[str]]) -> None:
    assert refusal(parse_authorize_response, sent)[0] == "authorization_failed"


def test_an_empty_error_counts_as_none() -> None:
    assert parse_authorize_response({"error": [""], "code": ["abc"]}).code == "abc"
