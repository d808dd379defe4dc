"""The id_token: accepted only when every check passes, and each failure named by the part that failed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from launcher.smart.errors import SmartError
from launcher.smart.identity import (
    IdentityClaims,
    OpenIdConfiguration,
    fetch_keys,
    fetch_openid,
    verify_id_token,
)
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from tests.smart import forging
from tests.smart.fake_door import FakeDoor, Reply, reply, unreachable
from tests.smart.forging import CLAIMS, CLIENT, ISSUER, NONCE, NOW, flipped, hs256, jwk, rs256

REGISTRATION = ClientRegistration(iss="https://ehr.test/fhir", client_id=CLIENT, redirect_uri="", scopes="openid")


def verify(token: str, *, keys: list[dict[str, Any]] | None = None, **more: Any) -> IdentityClaims:
    options: dict[str, Any] = {"issuer": ISSUER, "client_id": CLIENT, "nonce": NONCE, "now": NOW, **more}
    return verify_id_token(Secret(token), keys=[jwk()] if keys is None else keys, **options)


def reason(token: str, **more: Any) -> str:
    with pytest.raises(SmartError) as caught:
        verify(token, **more)
    assert caught.value.code == "identity_invalid"
    assert "provider-7" not in str(caught.value)
    return caught.value.reason


def claims(**changes: Any) -> dict[str, Any]:
    """The good claims with some changed; None takes one out."""
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}


@pytest.mark.parametrize("aud", [CLIENT, [CLIENT]])
def test_a_good_token_names_the_person_by_issuer_and_subject(aud: object) -> None:
    assert verify(rs256(claims(aud=aud))) == IdentityClaims(
        ISSUER, "provider-7", fhir_user="Practitioner/7", name="Ada Moreno", display="Ada Moreno"
    )


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_an_unsigned_token_is_refused(alg: str, signature: str) -> None:
    text = forging.signing_input({"alg": alg, "kid": "a"}, CLAIMS)
    assert reason(f"{text}.{signature}") == ("alg" if signature else "form")


@pytest.mark.parametrize("form", ["pem", "pkcs1", "der", "jwk"])
@pytest.mark.parametrize("algorithms", [("RS256",), ("RS256", "HS256")])
def test_the_public_key_is_no_hmac_secret(form: str, algorithms: tuple[str, ...]) -> None:
    token = hs256(CLAIMS, forging.public_forms()[form])
    assert reason(token, algorithms=algorithms) == "alg"


def test_the_client_secret_does_not_sign_either() -> None:
    assert reason(hs256(CLAIMS, b"client-secret")) == "alg"


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "ES256", "rs256", "", None, 5, ["RS256"]])
def test_only_the_pinned_algorithm_is_accepted(alg: object) -> None:
    assert reason(rs256(CLAIMS, header={"alg": alg, "kid": "a"})) == "alg"


@pytest.mark.parametrize("extension", [{"crit": ["x"]}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}])
def test_header_extensions_that_change_the_meaning_are_refused(extension: dict[str, object]) -> None:
    assert reason(rs256(CLAIMS, header={"alg": "RS256", "kid": "a", **extension})) == "header"


def test_one_flipped_bit_of_the_signature_is_noticed() -> None:
    assert reason(flipped(rs256(CLAIMS))) == "signature"


def test_a_token_signed_by_a_stranger_under_our_key_id_is_refused() -> None:
    assert reason(rs256(CLAIMS, key="b", header={"alg": "RS256", "kid": "a"})) == "signature"


def test_another_payload_under_a_good_signature_is_refused() -> None:
    header, _, signature = rs256(CLAIMS).split(".")
    other = forging.b64(json.dumps(claims(sub="somebody-else")).encode())
    assert reason(f"{header}.{other}.{signature}") == "signature"


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c.d", "é.b.c", "a.b.c\n", "a b.c.d", "a=.b.c", "x" * 20_000])
def test_what_is_no_compact_token_is_refused(token: str) -> None:
    assert reason(token) == "form"


@pytest.mark.parametrize("header", [b"{", b"[]", b'{"alg":"none","alg":"RS256","kid":"a"}', b"\xff"])
def test_a_header_that_is_no_plain_object_is_refused(header: bytes) -> None:
    assert reason(rs256(CLAIMS, header=header)) == "header"


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"not json",
        b"\xff\xfe",
        b'{"iss":"https://evil.test","iss":"https://ehr.test/oauth"}',
        json.dumps(CLAIMS).encode()[:-1] + b', "sub": "provider-8"}',
        json.dumps(CLAIMS).encode()[:-1] + b', "x": NaN}',
    ],
)
def test_a_payload_that_two_readers_could_read_differently_is_refused(payload: bytes) -> None:
    assert reason(rs256(payload)) == "payload"


@pytest.mark.parametrize(
    "iss",
    [
        "https://ehr.test/oauth/",
        "https://ehr.test/oaut",
        "https://ehr.test",
        "HTTPS://ehr.test/oauth",
        [ISSUER],
        5,
        None,
    ],
)
def test_the_issuer_is_compared_to_the_letter(iss: object) -> None:
    assert reason(rs256(claims(iss=iss))) == "iss"


@pytest.mark.parametrize("aud", ["other", "portal2", "por", "", [], ["other"], {"portal": 1}, [CLIENT, 5], 5, None])
def test_the_audience_must_be_this_client(aud: object) -> None:
    assert reason(rs256(claims(aud=aud))) == "aud"


def test_with_several_audiences_the_authorized_party_must_be_this_client() -> None:
    assert verify(rs256(claims(aud=[CLIENT, "api"], azp=CLIENT))).subject == "provider-7"
    assert reason(rs256(claims(aud=[CLIENT, "api"]))) == "azp"
    assert reason(rs256(claims(aud=[CLIENT, "api"], azp="api"))) == "azp"


@pytest.mark.parametrize("exp", [NOW + 300, NOW - 30, NOW - 59, NOW + 0.5])
def test_a_token_is_good_until_a_minute_after_its_end(exp: float) -> None:
    assert verify(rs256(claims(exp=exp))).subject == "provider-7"


@pytest.mark.parametrize(
    "exp", [NOW - 60, NOW - 360, None, "soon", str(NOW + 300), 1e30, -1, True, [NOW + 300], NOW * 1000]
)
def test_an_end_that_has_passed_or_is_no_date_is_refused(exp: object) -> None:
    assert reason(rs256(claims(exp=exp))) == "exp"


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future_is_refused_beyond_a_minute(name: str) -> None:
    assert verify(rs256(claims(**{name: NOW + 59}))).subject == "provider-7"
    assert reason(rs256(claims(**{name: NOW + 600}))) == name
    assert reason(rs256(claims(**{name: "now"}))) == name


def test_a_clock_that_is_off_is_measured_for_the_administrator() -> None:
    with pytest.raises(SmartError) as caught:
        verify(rs256(claims(iat=NOW + 240)))
    assert caught.value.context == {"seconds_off": 240}


@pytest.mark.parametrize("nonce", ["", "n-0123456788", 5, [NONCE], None])
def test_the_nonce_must_come_back_as_it_was_sent(nonce: object) -> None:
    assert reason(rs256(claims(nonce=nonce))) == "nonce"


def test_without_a_nonce_of_ours_none_is_looked_for() -> None:
    assert verify(rs256(claims(nonce="their own")), nonce="").subject == "provider-7"


@pytest.mark.parametrize("sub", ["", "x" * 256, 5, ["a"], "a\x00b", "a\u202eb", None])
def test_the_subject_must_be_usable(sub: object) -> None:
    assert reason(rs256(claims(sub=sub))) == "sub"


def test_a_subject_of_255_characters_is_usable() -> None:
    assert verify(rs256(claims(sub="x" * 255))).subject == "x" * 255


def test_an_unknown_key_id_asks_for_newer_keys() -> None:
    assert reason(rs256(CLAIMS, key="b"), keys=[jwk("a")]) == "kid"
    assert reason(rs256(CLAIMS), keys=[]) == "kid"
    assert reason(rs256(CLAIMS, header={"alg": "RS256", "kid": 5})) == "kid"


def test_without_a_key_id_the_keys_that_fit_are_tried() -> None:
    token = rs256(CLAIMS, key="b", header={"alg": "RS256"})
    assert verify(token, keys=[jwk("b", kid=None)]).subject == "provider-7"
    assert verify(token, keys=[jwk("a"), jwk("b")]).subject == "provider-7"
    assert reason(token, keys=[jwk("a")]) == "kid"


def test_without_a_key_id_no_more_than_five_keys_are_tried() -> None:
    token = rs256(CLAIMS, key="b", header={"alg": "RS256"})
    assert verify(token, keys=[*[jwk("a")] * 4, jwk("b")]).subject == "provider-7"
    assert reason(token, keys=[*[jwk("a")] * 5, jwk("b")]) == "kid"


def test_of_two_keys_with_one_id_the_fitting_one_counts() -> None:
    token = rs256(CLAIMS, key="b", header={"alg": "RS256", "kid": "same"})
    encryption = jwk("a", kid="same", use="enc")
    curve = {"kty": "EC", "kid": "same", "crv": "P-256", "x": "AA", "y": "AA"}
    good = jwk("b", kid="same", use="sig", alg="RS256")
    assert verify(token, keys=[encryption, curve, good]).subject == "provider-7"
    assert verify(token, keys=[jwk("a", kid="same"), good]).subject == "provider-7"
    assert reason(token, keys=[encryption, curve]) == "kid"


@pytest.mark.parametrize(
    "more", [{"use": "enc"}, {"alg": "RS512"}, {"key_ops": ["sign"]}, {"kty": "EC"}, {"kty": None}]
)
def test_a_key_for_another_purpose_verifies_nothing(more: dict[str, Any]) -> None:
    assert reason(rs256(CLAIMS), keys=[jwk(**more)]) == "kid"


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "kid": "a"},
        {"kty": "RSA", "kid": "a", "n": "", "e": "AQAB"},
        {"kty": "RSA", "kid": "a", "n": "%%", "e": "AQAB"},
        {"kty": "RSA", "kid": "a", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"},
    ],
)
def test_a_malformed_key_is_no_key(key: dict[str, Any]) -> None:
    assert reason(rs256(CLAIMS), keys=[key]) == "key"


def test_a_key_of_1024_bits_is_too_short() -> None:
    token = rs256(CLAIMS, key="short", bits=1024)
    assert reason(token, keys=[jwk("short", bits=1024)]) == "key"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"fhirUser": "https://ehr.test/fhir/Practitioner/7"}, "https://ehr.test/fhir/Practitioner/7"),
        ({"fhirUser": None, "profile": "PractitionerRole/9"}, "PractitionerRole/9"),
        ({"fhirUser": None, "profile": "https://people.test/ada"}, ""),
        ({"fhirUser": "javascript:alert(1)"}, ""),
        ({"fhirUser": "Device/1"}, ""),
        ({"fhirUser": ["Practitioner/7"]}, ""),
        ({"fhirUser": "https://x.test/?Practitioner/7"}, ""),
    ],
)
def test_the_users_resource_is_read_in_its_known_forms(sent: dict[str, Any], read: str) -> None:
    assert verify(rs256(claims(**sent))).fhir_user == read


@pytest.mark.parametrize(
    ("sent", "name", "display"),
    [
        ({"given_name": "Ada", "family_name": "Moreno"}, "Ada Moreno", "Ada Moreno"),
        ({"family_name": "Moreno"}, "Moreno", "Moreno"),
        ({"preferred_username": "amoreno"}, "", "amoreno"),
        ({"name": "Ada\u202eoneroM"}, "", ""),
        ({"name": 5}, "", ""),
    ],
)
def test_names_are_for_display_and_may_be_missing(sent: dict[str, Any], name: str, display: str) -> None:
    person = verify(rs256(claims(**{"name": None, **sent})))
    assert (person.name, person.display) == (name, display)


def test_the_clock_is_used_when_no_time_is_given() -> None:
    with pytest.raises(SmartError) as caught:
        verify(rs256(claims(exp=1_000_000_000)), now=None)
    assert caught.value.reason == "exp"


OPENID = f"{ISSUER}/.well-known/openid-configuration"
KEYS = "https://ehr.test/keys"


def door(replies: dict[str, Reply], **more: Any) -> FakeDoor:
    return FakeDoor(dataclasses.replace(REGISTRATION, **more), replies)


def failure(fetch: Any, *args: Any) -> str:
    with pytest.raises(SmartError) as caught:
        fetch(*args)
    assert caught.value.code == "identity_invalid"
    return str(caught.value.reason)


def test_the_issuers_document_names_its_keys() -> None:
    found = fetch_openid(door({OPENID: reply({"issuer": ISSUER, "jwks_uri": KEYS})}), ISSUER)
    assert found == OpenIdConfiguration(ISSUER, KEYS)


def test_an_issuer_with_a_trailing_slash_keeps_it() -> None:
    with_slash = f"{ISSUER}/"
    asked = door({OPENID: reply({"issuer": with_slash, "jwks_uri": KEYS})})
    assert fetch_openid(asked, with_slash).issuer == with_slash
    assert asked.urls == [OPENID]


@pytest.mark.parametrize("named", [f"{ISSUER}/", ISSUER[:-1], "https://other.test", None, [ISSUER]])
def test_a_document_that_names_another_issuer_is_refused(named: object) -> None:
    assert failure(fetch_openid, door({OPENID: reply({"issuer": named, "jwks_uri": KEYS})}), ISSUER) == "issuer"


@pytest.mark.parametrize("uri", [None, "", "https://evil.test/keys", "http://ehr.test/keys", "javascript:1", 5, "keys"])
def test_keys_must_lie_on_an_approved_host_with_tls(uri: object) -> None:
    asked = door({OPENID: reply({"issuer": ISSUER, "jwks_uri": uri})}, approved_origins=("http://ehr.test",))
    assert failure(fetch_openid, asked, ISSUER) == "jwks_uri"
    assert asked.urls == [OPENID]


@pytest.mark.parametrize(
    "answer",
    [reply("<html>", kind="text/html"), reply("", status=500), reply([]), reply("")],
    ids=["html", "500", "[]", ""],
)
def test_an_unusable_document_is_a_failure_by_name(answer: Reply) -> None:
    assert failure(fetch_openid, door({OPENID: answer}), ISSUER) == "document"
    assert failure(fetch_keys, door({KEYS: answer}), KEYS) == "keys"


@pytest.mark.parametrize("issuer", ["", "ftp://x", "https://ehr.test/?a=b", "https://a@ehr.test"])
def test_an_issuer_that_is_no_plain_address_is_not_asked(issuer: str) -> None:
    asked = door({})
    assert failure(fetch_openid, asked, issuer) == "issuer"
    assert asked.calls == []


def test_keys_come_without_private_parts_and_odd_values() -> None:
    listed = [jwk("a", d="secret", x5c=["MII"], key_ops=["verify", 5]), "odd", jwk("b", use=5)]
    found = fetch_keys(door({KEYS: reply({"keys": listed})}), KEYS)
    assert found == [jwk("a", key_ops=["verify"]), jwk("b")]
    assert verify(rs256(CLAIMS), keys=found).subject == "provider-7"


def test_no_more_than_a_hundred_keys_and_256_kilobytes_are_read() -> None:
    asked = door({KEYS: reply({"keys": [{"kty": "RSA", "kid": str(number)} for number in range(150)]})})
    assert len(fetch_keys(asked, KEYS)) == 100
    assert asked.calls[0].max_bytes == 256 * 1024


@pytest.mark.parametrize("body", [{}, {"keys": []}, {"keys": {}}, {"keys": ["x"]}])
def test_an_empty_set_is_a_failure_so_that_a_cached_one_is_kept(body: object) -> None:
    assert failure(fetch_keys, door({KEYS: reply(body)}), KEYS) == "keys"


def test_silence_stays_silence() -> None:
    with pytest.raises(SmartError) as caught:
        fetch_keys(door({KEYS: unreachable()}), KEYS)
    assert caught.value.code == "ehr_unreachable"
