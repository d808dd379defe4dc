"""What SMART App Launch asks of a client and Inferno's client suite does not check, at the same mock."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from launcher import signing
from launcher.backend import backend_token
from launcher.models import PendingLaunch
from tests.browser import Browser
from tests.journeys import inferno as mock
from tests.journeys.inferno import FHIR, PATIENT, Inferno
from tests.journeys.inferno_steps import METHODS, MODES, SIGNING, assertion_is_good, launched, register, whole_journey

pytestmark = pytest.mark.django_db


@pytest.fixture
def inferno() -> Iterator[Inferno]:
    with mock.wired(Inferno()) as wired:
        yield wired


@pytest.mark.parametrize("kind", METHODS)
def test_a_confidential_client_leaves_its_id_out_of_the_body(kind: str, inferno: Inferno) -> None:
    """R72; a public client must send it."""
    whole_journey(inferno, kind, "ehr")
    for request in inferno.tokens():
        assert ("client_id" in request.form) == (kind == "ALP")
        assert "client_secret" not in request.form
        assert ("client_assertion" in request.form) == (kind in SIGNING)


@pytest.mark.parametrize("kind", SIGNING)
def test_an_assertion_ends_within_five_minutes(kind: str, inferno: Inferno) -> None:
    """R331."""
    whole_journey(inferno, kind, "ehr")
    for request in inferno.tokens():
        left = int(str(assertion_is_good(request)["exp"])) - time.time()
        assert 0 < left <= 300


def test_states_are_unguessable_and_never_repeat(inferno: Inferno) -> None:
    """R39, R40: at least 122 bits, so at least 21 characters of base64url, each time others, in every position."""
    register("ALP")
    for _ in range(40):
        inferno.sends_back(Browser().get(inferno.launch_link()))
    states = [asked.fields["state"] for asked in inferno.asked]
    assert len(set(states)) == 40
    assert min(map(len, states)) >= 21
    assert all(len({state[place] for state in states}) > 5 for place in range(21)), "a position hardly changes"
    for state, stored in zip(states, PendingLaunch.objects.order_by("created_at"), strict=True):
        assert state not in str(vars(stored)), "what lies in the database is no state"


def test_a_state_is_good_once_and_in_its_own_browser_only(inferno: Inferno) -> None:
    """R4, R60, R61; no request follows a refusal."""
    register("ALP")
    browser = Browser()
    back = inferno.sends_back(browser.get(inferno.launch_link()))
    stranger = Browser().get(back)
    assert (stranger.status, stranger.error) == (400, "state_foreign")
    assert inferno.tokens() == []
    browser = Browser()
    back = inferno.sends_back(browser.get(inferno.launch_link()))
    assert browser.visit(back).patient == PATIENT
    assert browser.visit(back).patient == PATIENT, "a reload leads to the chart"
    assert len(inferno.tokens()) == 1
    assert Browser().get(back).status == 400
    assert len(inferno.tokens()) == 1


@pytest.mark.parametrize("mode", MODES)
def test_discovery_asks_for_json_below_the_base(mode: str, inferno: Inferno) -> None:
    """R29, R226: one slash, and an Accept header that takes JSON; no credential goes with it."""
    register("ALCS")
    launched(inferno, mode)
    found = [each for each in inferno.exchanges if each.url == f"{FHIR}/.well-known/smart-configuration"]
    assert len(found) == 1
    assert "application/json" in found[0].headers["Accept"]
    assert "Authorization" not in found[0].headers


def test_a_backend_service_discovers_the_token_endpoint(inferno: Inferno) -> None:
    """R226, R227: by GET below the base, taking JSON, before it asks for a token there."""
    backend_token(register("ALCA-ES384"), scope="system/Patient.rs")
    found = [each for each in inferno.exchanges if each.url == f"{FHIR}/.well-known/smart-configuration"]
    assert len(found) == 1
    assert found[0].method == "GET"
    assert "application/json" in found[0].headers["Accept"]
    assert inferno.exchanges[-1].url == inferno.configuration["token_endpoint"]


def test_the_key_set_is_public_and_may_be_kept_for_a_while(inferno: Inferno) -> None:
    """R299 to R303, R313 to R315: an address without sign-in, with Cache-Control; both kinds, public parts only."""
    for algorithm in ("RS384", "ES384"):
        signing.make_key(algorithm)
    page = Browser().get("/.well-known/jwks.json")
    assert page.status == 200
    assert page.response.headers["Content-Type"].split(";")[0] == "application/json"
    assert re.fullmatch(r"public, max-age=\d+", page.response.headers["Cache-Control"])
    keys = {key["kty"]: key for key in mock.key_set()}
    assert set(keys) == {"RSA", "EC"}
    assert set(keys["RSA"]) == {"kty", "kid", "alg", "use", "n", "e"}
    assert set(keys["EC"]) == {"kty", "kid", "alg", "use", "crv", "x", "y"}
    assert keys["EC"]["crv"] == "P-384"
    assert keys["RSA"]["kid"] != keys["EC"]["kid"]


@pytest.mark.parametrize("rotates", [False, True])
def test_the_newest_refresh_token_is_used(rotates: bool, inferno: Inferno) -> None:
    """R117: a new refresh token takes the place of the old one; the same or none leaves it in use."""
    inferno.rotates = rotates
    whole_journey(inferno, "ALCS", "ehr")
    first, second, third = (request.json["refresh_token"] for request in inferno.tokens())
    sent = [request.form["refresh_token"] for request in inferno.tokens("refresh_token")]
    assert sent == [first, second]
    assert (first == second == third) == (not rotates)
    assert all("scope" not in request.form for request in inferno.tokens("refresh_token"))


@pytest.mark.parametrize("mode", MODES)
def test_scopes_are_words_of_the_standard_each_once(mode: str, inferno: Inferno) -> None:
    """R37, R120 to R125, R150 to R158: context by `launch` or `launch/…`, resources in the grammar of version 2."""
    register("ALP")
    launched(inferno, mode)
    text = inferno.asked[0].fields["scope"]
    words = text.split(" ")
    assert text == " ".join(text.split())
    assert len(words) == len(set(words))
    context = {word for word in words if word.split("/")[0] == "launch"}
    assert context == ({"launch"} if mode == "ehr" else {"launch/patient"})
    for word in set(words) - context - {"online_access", "openid", "fhirUser"}:
        assert re.fullmatch(r"(patient|user)/([A-Z][A-Za-z]+|\*)\.c?r?u?d?s?(\?[^ ]+)?", word), word
        assert not word.endswith("."), word


def test_a_next_page_elsewhere_is_not_followed_with_the_token(inferno: Inferno) -> None:
    """R97, R98: the mock's echo has a second page at a stranger."""
    next_page = {"relation": "next", "url": "https://stranger.test/fhir/Condition?page=2"}
    inferno.echo = {"resourceType": "Bundle", "type": "searchset", "link": [next_page], "entry": []}
    register("ALP")
    chart = launched(inferno).chart
    assert chart.state("conditions") == "truncated", "and the list does not look complete"
    assert {urlsplit(each.url).hostname for each in inferno.exchanges} == {"inferno.test"}
