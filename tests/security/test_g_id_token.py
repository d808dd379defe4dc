"""Cases 63 to 68, 70, 72 and 75 (id_tokens, good and forged), by number, each as a whole launch.

The EHR's keys are the tests' own here, so that tokens can be forged that no simulator would sign.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from launcher.models import AuditEvent, Launch, Person
from tests.browser import Browser
from tests.loopback import Bridge
from tests.security.playing import Json, SignIn, Wire, begin, publishes, signed_in_with, wired
from tests.security.steps import asked, no_launch_was_opened, refused, registration
from tests.smart import forging

pytestmark = pytest.mark.django_db
Forge = Callable[[Json], str]


@pytest.fixture
def wire(ehrs: Bridge) -> Iterator[Wire]:
    """An EHR that publishes one key, "a"."""
    with wired(ehrs) as found:
        publishes(found, forging.jwk("a"))
        yield found


@pytest.fixture
def launch(wire: Wire, browser: Browser) -> SignIn:
    return begin(browser)


def unverified(wire: Wire, launch: SignIn, id_token: str, reason: str) -> None:
    """The sign-in is refused for this reason: no launch, no FHIR request."""
    page = signed_in_with(wire, launch, id_token)
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason=reason)
    assert asked(wire.bridge, "/fhir/Patient") == 0
    no_launch_was_opened()
    assert not Person.objects.exists()


def opens(wire: Wire, launch: SignIn, id_token: str) -> Launch:
    page = signed_in_with(wire, launch, id_token)
    assert page.status == 303, (page.error, list(AuditEvent.objects.values_list("event", "reason")))
    return Launch.objects.order_by("-created_at")[0]


@pytest.mark.parametrize("as_array", [False, True], ids=["text", "array"])
def test_case_63_a_good_token_names_the_person_by_issuer_and_subject(
    as_array: bool, wire: Wire, launch: SignIn
) -> None:
    client = launch.row.client_id
    opened = opens(wire, launch, forging.rs256(launch.claims(aud=[client] if as_array else client)))
    assert opened.person is not None
    assert (opened.person.issuer, opened.person.subject) == (launch.issuer, "provider-7")
    actor = f"provider-7 ({launch.issuer})"
    assert {row.actor for row in AuditEvent.objects.filter(launch=opened.pk)} == {actor}


def test_case_63_neither_name_nor_mail_address_makes_somebody_the_same_person(wire: Wire, browser: Browser) -> None:
    same = {"name": "Ada Moreno", "email": "ada@hosp.example", "preferred_username": "amoreno"}
    for subject, more in (("one", same), ("two", same), ("one", {**same, "name": "Ada Moreno-Kent", "email": "x@y.z"})):
        launch = begin(browser)
        opens(wire, launch, forging.rs256(launch.claims(sub=subject, **more)))
    assert sorted(Person.objects.values_list("subject", flat=True)) == ["one", "two"]
    stored = str(list(Person.objects.values())) + str([row.user.__dict__ for row in Person.objects.all()])
    assert "ada@hosp.example" not in stored


def unsigned(alg: str) -> Forge:
    return lambda claims: f"{forging.signing_input({'alg': alg, 'kid': 'a'}, claims)}."


def empty_signature(claims: Json) -> str:
    return forging.rs256(claims).rpartition(".")[0] + "."


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        *((unsigned(alg), "form") for alg in ("none", "None", "nOnE")),
        (empty_signature, "form"),
        *(
            (lambda claims, alg=alg: forging.rs256(claims, header={"alg": alg, "kid": "a"}), "alg")
            for alg in ("none", "None", "nOnE")
        ),
    ],
    ids=["none", "None", "nOnE", "empty-signature", "none-signed", "None-signed", "nOnE-signed"],
)
def test_case_64_an_unsigned_token_is_refused(forge: Forge, reason: str, wire: Wire, launch: SignIn) -> None:
    unverified(wire, launch, forge(launch.claims()), reason)


@pytest.mark.parametrize("form", ["pem", "pkcs1", "der", "jwk"])
def test_case_65_the_public_key_is_no_hmac_secret(form: str, wire: Wire, launch: SignIn) -> None:
    unverified(wire, launch, forging.hs256(launch.claims(), forging.public_forms()[form]), "alg")


def test_case_65_the_client_secret_does_not_sign_id_tokens(wire: Wire, launch: SignIn) -> None:
    secret = launch.row.client_secret.reveal()
    assert secret
    unverified(wire, launch, forging.hs256(launch.claims(), secret.encode()), "alg")


def test_case_65_not_even_where_a_registration_was_made_to_list_it(wire: Wire, launch: SignIn) -> None:
    row = registration()
    row.id_token_algorithms = ["RS256", "HS256"]
    row.save()
    unverified(wire, launch, forging.hs256(launch.claims(), forging.public_forms()["pem"]), "alg")


@pytest.mark.parametrize("alg", ["RS512", "PS256", "RS384", "ES256"])
def test_case_66_only_the_registered_algorithm_is_accepted(alg: str, wire: Wire, launch: SignIn) -> None:
    key: Any = forging.private_key("a")
    if alg == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        publishes(wire, forging.jwk("a"), {**public, "kid": "e"})
    token = jwt.encode(launch.claims(), key, algorithm=alg, headers={"kid": "e" if alg == "ES256" else "a"})
    unverified(wire, launch, token, "alg")


ISSUERS: dict[str, Callable[[str], Any]] = {
    "wrong": lambda ours: "https://other.example.org",
    "missing": lambda ours: ...,
    "list": lambda ours: [ours],
    "substring": lambda ours: ours[3:],
    "prefix": lambda ours: ours[:-1],
    "longer": lambda ours: ours + "2",
    "slash": lambda ours: ours + "/",
    "case": lambda ours: ours.upper(),
    "null": lambda ours: None,
}


@pytest.mark.parametrize("kind", ISSUERS)
def test_case_67_the_issuer_is_compared_to_the_letter(kind: str, wire: Wire, launch: SignIn) -> None:
    unverified(wire, launch, forging.rs256(launch.claims(iss=ISSUERS[kind](launch.issuer))), "iss")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another-client"}, "aud"),
        ({"aud": ...}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {"client": "smartportal-smart-r4"}}, "aud"),
        ({"aud": ["another-client"]}, "aud"),
        ({"aud": ["smartportal-smart-r4", "another-client"]}, "azp"),
        ({"azp": "another-client"}, "azp"),
        ({"nonce": "another-launchs-nonce"}, "nonce"),
        ({"nonce": ...}, "nonce"),
        ({"nonce": ["x"]}, "nonce"),
        ({"sub": ...}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": 7}, "sub"),
    ],
    ids=str,
)
def test_case_68_audience_nonce_and_subject_are_each_checked(
    changes: Json, reason: str, wire: Wire, launch: SignIn
) -> None:
    unverified(wire, launch, forging.rs256(launch.claims(**changes)), reason)


def test_case_70_a_token_that_ended_half_a_minute_ago_is_accepted(wire: Wire, launch: SignIn) -> None:
    opens(wire, launch, forging.rs256(launch.claims(exp=int(time.time()) - 30)))


@pytest.mark.parametrize(
    ("claim", "value", "reason"),
    [
        ("exp", -360, "exp"),
        ("exp", ..., "exp"),
        ("exp", "soon", "exp"),
        ("exp", 1e30, "exp"),
        ("exp", "negative", "exp"),
        ("exp", True, "exp"),
        ("nbf", 600, "nbf"),
        ("iat", 600, "iat"),
    ],
)
def test_case_70_times_that_do_not_hold_are_refused(
    claim: str, value: Any, reason: str, wire: Wire, launch: SignIn
) -> None:
    now = int(time.time())
    given = -now if value == "negative" else now + value if type(value) is int else value
    unverified(wire, launch, forging.rs256(launch.claims(**{claim: given})), reason)


@pytest.mark.parametrize("bit", [0, 7, 1000, 2047])
def test_case_72_one_flipped_bit_of_the_signature_is_enough(bit: int, wire: Wire, launch: SignIn) -> None:
    text, _, signature = forging.rs256(launch.claims()).rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[bit // 8] ^= 1 << bit % 8
    unverified(wire, launch, f"{text}.{forging.b64(bytes(raw))}", "signature")


def without_kid(claims: Json, key: str = "a") -> str:
    return forging.rs256(claims, key=key, header={"alg": "RS256", "typ": "JWT"})


def test_case_75_without_a_key_id_the_one_key_is_used(wire: Wire, launch: SignIn) -> None:
    opens(wire, launch, without_kid(launch.claims()))


@pytest.mark.parametrize("signer", ["a", "b"])
def test_case_75_without_a_key_id_each_of_two_fitting_keys_is_tried(signer: str, wire: Wire, launch: SignIn) -> None:
    publishes(wire, forging.jwk("a"), forging.jwk("b"))
    opens(wire, launch, without_kid(launch.claims(), signer))


def test_case_75_no_more_than_five_keys_are_tried(wire: Wire, launch: SignIn) -> None:
    publishes(wire, *(forging.jwk("b", kid=f"b{n}") for n in range(5)), forging.jwk("a"))
    unverified(wire, launch, without_kid(launch.claims()), "kid")


def test_case_75_of_two_keys_with_one_id_only_the_fitting_one_counts(wire: Wire, browser: Browser) -> None:
    unfit = [forging.jwk("b", kid="a", use="enc"), forging.jwk("b", kid="a", alg="RS512")]
    publishes(wire, *unfit, forging.jwk("a"))
    first = begin(browser)
    opens(wire, first, forging.rs256(first.claims()))
    second = begin(browser)
    forged = forging.rs256(second.claims(), key="b", header={"alg": "RS256", "kid": "a"})
    page = signed_in_with(wire, second, forged)
    refused(page, status=502, code="identity_invalid", event="idtoken.rejected", reason="signature")
    assert Launch.objects.count() == 1
