"""Checks 24 to 27: our keys, our address, our cookies and our frame as they are really served."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from launcher import signing
from tests.launcher.probe.scene import Case, Scene, as_json, healthy, prove
from tests.smart.misbehaving import plain

JWKS = "/.well-known/jwks.json"
TESTS = "http://testserver"
EHR_PAGE = "https://ehr.example.org"


def signing_client(scene: Scene) -> None:
    """A client that signs; its public address is the server of the test, which shows what we really serve."""
    signing.make_key("ES384")
    scene.values.update(auth_method="private_key_jwt", signing_algorithm="ES384", client_secret="")
    scene.pages[JWKS] = as_json(json.loads(Client().get(JWKS).content))
    scene.settings.SMARTPORTAL_BASE_URL = scene.ehr.server.url()


def other_keys(scene: Scene) -> None:
    signing_client(scene)
    scene.pages[JWKS] = as_json({"keys": [{"kty": "EC", "kid": "of-somebody-else"}]})


def keys_are_hidden(scene: Scene) -> None:
    signing_client(scene)
    scene.pages[JWKS] = plain(status="403 Forbidden")


def public_name_is_closed_from_here(scene: Scene) -> None:
    signing_client(scene)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scene.settings.SMARTPORTAL_BASE_URL = f"https://127.0.0.1:{listener.getsockname()[1]}"


def public_address(address: str, **values: Any) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.settings.SMARTPORTAL_BASE_URL = address
        scene.values.update(values)

    return arrange


def no_public_address(scene: Scene) -> None:
    signing_client(scene)
    scene.settings.SMARTPORTAL_BASE_URL = "our portal"


def registered(**values: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.values.update(values)


CASES = [
    Case(24, "pass", "ours", signing_client),
    Case(24, "warn", "closed from here", public_name_is_closed_from_here, "JWKS address: the vendor must reach"),
    Case(24, "fail", "forbidden", keys_are_hidden, "JWKS address: the vendor must reach"),
    Case(24, "fail", "another installation", other_keys, "SMARTPORTAL_BASE_URL"),
    Case(24, "fail", "no address", no_public_address, "SMARTPORTAL_BASE_URL: write"),
    Case(24, "info", "no signature", healthy),
    Case(25, "pass", "https", healthy),
    Case(25, "warn", "http for development", public_address("http://testserver"), "SMARTPORTAL_BASE_URL"),
    Case(
        25, "fail", "http in production", public_address("http://testserver", environment="production"), "public https"
    ),
    Case(25, "fail", "a host that is not ours", public_address("https://portal.test"), "ALLOWED_HOSTS"),
    Case(25, "fail", "a redirect elsewhere", registered(redirect_uri="https://old.test/callback"), "Redirect URI"),
    Case(25, "fail", "no address", no_public_address, "SMARTPORTAL_BASE_URL: write"),
    Case(26, "pass", "https", healthy),
    Case(26, "fail", "http", public_address("http://testserver", frame_ancestors=[EHR_PAGE]), "SMARTPORTAL_BASE_URL"),
    Case(26, "info", "http, framed by itself", public_address(TESTS, frame_ancestors=[TESTS])),
    Case(26, "info", "http without a frame", public_address("http://testserver")),
    Case(27, "pass", "an EHR's page", registered(frame_ancestors=[EHR_PAGE])),
    Case(27, "warn", "an http page", registered(frame_ancestors=["http://ehr.example.org"]), "frame_ancestors"),
    Case(27, "pass", "our own http page", public_address(TESTS, frame_ancestors=[TESTS])),
    Case(27, "fail", "no origin", registered(frame_ancestors=["ehr.example.org; x"]), "frame_ancestors"),
    Case(27, "info", "none", healthy),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_our_own_side_is_judged_by_what_it_serves(case: Case, scene: Scene) -> None:
    prove(case, scene)
