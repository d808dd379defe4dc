"""Checks 17 to 23 against EHRs that know this client, do not, or say so in their own ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.utils import timezone

from launcher import signing
from launcher.models import SigningKey
from tests.launcher.probe.scene import SECRET, Case, Page, Scene, as_json, healthy, html, prove, redirect
from tests.smart.misbehaving import Visit, plain

OURS = "https://testserver/callback/main"


def configured(changes: dict[str, Any], **values: Any) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.configure(**changes)
        scene.values.update(values)

    return arrange


def registered(**values: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.values.update(values)


def page(path: str, answer: Page, **values: Any) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.pages[path] = answer
        scene.values.update(values)

    return arrange


def authorize(answer: Page) -> Callable[[Scene], None]:
    return page("/authorize", answer)


def token_error(word: str, *, status: str = "400 Bad Request", **values: Any) -> Callable[[Scene], None]:
    return page("/token", as_json({"error": word, "error_description": f"you sent {SECRET}"}, status=status), **values)


def nobody_at(name: str) -> Callable[[Scene], None]:
    """An endpoint on an approved origin where nothing listens."""
    return configured({name: "https://127.0.0.1:1/x"}, approved_origins=["https://127.0.0.1:1"])


def expects(wanted: dict[str, str], complaint: str) -> Callable[[Scene], None]:
    """An authorization server that compares what it is sent with what was registered there."""

    def answer(visit: Visit, asked: bytes) -> bytes:
        sent = dict(parse_qsl(asked.split(b" ")[1].decode().partition("?")[2]))
        if all(sent.get(name) == value for name, value in wanted.items()):
            return html("Sign in <input type=password>")
        return html(complaint, status="400 Bad Request")

    return authorize(answer)


def only_basic(scene: Scene) -> None:
    """A token endpoint that lets the right Basic header through to its judgement of the code, and nothing else."""

    def answer(visit: Visit, asked: bytes) -> bytes:
        known = b"authorization: basic" in asked.lower()
        return as_json({"error": "invalid_grant" if known else "invalid_client"}, status="400 Bad Request")

    scene.pages["/token"] = answer
    scene.values["auth_method"] = "client_secret_post"


def signs(*, offers: tuple[str, ...] = ("ES384",), **values: Any) -> Callable[[Scene], None]:
    """A client that signs, with its key."""

    def arrange(scene: Scene) -> None:
        signing.make_key("ES384")
        signs_without_key(scene)
        scene.values.update(values)
        scene.configure(
            token_endpoint_auth_methods_supported=["private_key_jwt"],
            token_endpoint_auth_signing_alg_values_supported=list(offers),
        )

    return arrange


def signs_without_key(scene: Scene) -> None:
    scene.values.update(auth_method="private_key_jwt", signing_algorithm="ES384", client_secret="")


def signs_with_a_hidden_key(scene: Scene) -> None:
    """A key whose row says that it is not published any more, though it still signs."""
    signs()(scene)
    SigningKey.objects.update(retired_at=timezone.now() - timedelta(days=1))


def rejects_signatures(scene: Scene) -> None:
    signs()(scene)
    token_error("invalid_client", status="401 Unauthorized")(scene)


def secret_of_a_file(scene: Scene) -> None:
    scene.values.update(client_secret="", secret_from=f"file:{Path(scene.authority.folder) / 'absent'}")


CHOOSE = "<h1>Choose a patient</h1><form><select><option>invalid redirect_uri</option></select></form>"
LOGIN = "/login?ReturnUrl=%2Fauthorize%3Fclient_id%3Dapp-1%26redirect_uri%3Dhttps%253A%252F%252Fnotes.test"
CASES = [
    Case(17, "pass", "all listed", healthy),
    Case(17, "warn", "no fhirUser", configured({"scopes_supported": ["launch", "openid", "patient/*.rs"]}), "Scopes"),
    Case(17, "warn", "patients only", configured({"scopes_supported": ["launch", "patient/Patient.rs"]}), "Scopes"),
    Case(17, "info", "none listed", configured({"scopes_supported": None})),
    Case(18, "pass", "listed", healthy),
    Case(18, "pass", "public", configured({"capabilities": ["client-public"]}, client_secret="")),
    Case(18, "warn", "another algorithm", signs(offers=("RS384",)), "signing_algorithm"),
    Case(
        18,
        "fail",
        "post only",
        configured(
            {"token_endpoint_auth_methods_supported": ["client_secret_post"]}, auth_method="client_secret_basic"
        ),
        "change it to client_secret_post",
    ),
    Case(
        18,
        "fail",
        "keys only",
        configured({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
        "change it to private_key_jwt",
    ),
    Case(18, "fail", "no secret", registered(client_secret=""), "Client secret: enter"),
    Case(18, "info", "none listed", configured({"token_endpoint_auth_methods_supported": None})),
    Case(19, "pass", "a page to sign in", healthy),
    Case(19, "pass", "a redirect to sign in", authorize(redirect(LOGIN))),
    Case(19, "pass", "back for lack of a person", authorize(redirect(f"{OURS}?error=login_required&state=x"))),
    Case(19, "pass", "the client that it expects", expects({"client_id": "app-1"}, "Unknown client")),
    Case(19, "pass", "back for lack of a launch", authorize(redirect(f"{OURS}?error=invalid_request"))),
    Case(19, "pass", "a form to choose a patient", authorize(html(CHOOSE))),
    Case(19, "pass", "back with a code", authorize(redirect(f"{OURS}?code=x&state=y"))),
    Case(19, "warn", "back with trouble of its own", authorize(redirect(f"{OURS}?error=server_error"))),
    Case(19, "warn", "a redirect to nowhere", authorize(redirect("")), "Client ID"),
    Case(19, "warn", "neither", authorize(html("Welcome to our portal")), "Client ID"),
    Case(19, "warn", "too large", authorize(html("x" * 600_000)), "Client ID"),
    Case(19, "warn", "scopes refused", authorize(redirect(f"{OURS}?error=invalid_scope")), "Scopes"),
    Case(19, "fail", "another client", expects({"client_id": "app-2"}, "Unknown client"), "Client ID (client_id)"),
    Case(19, "fail", "a page with its error", authorize(html("unauthorized_client")), "Client ID (client_id)"),
    Case(19, "fail", "sent back", authorize(redirect(f"{OURS}?error=unauthorized_client")), "Client ID (client_id)"),
    Case(19, "fail", "an error page by redirect", authorize(redirect("/home/error?errorId=7")), "redirect URI"),
    Case(19, "fail", "json", authorize(as_json({"error": "invalid_client"}, status="401 No")), "Client ID"),
    Case(19, "fail", "no reason", authorize(html("Oops", status="500 Oops")), "Client ID"),
    Case(19, "fail", "nobody there", nobody_at("authorization_endpoint"), "Authorization endpoint"),
    Case(19, "skipped", "by a form", registered(authorize_method="post")),
    Case(20, "pass", "a page to sign in", healthy),
    Case(20, "pass", "the address that it expects", expects({"redirect_uri": OURS}, "Invalid redirect_uri")),
    Case(20, "pass", "sent back", authorize(redirect(f"{OURS}?error=invalid_request"))),
    Case(20, "pass", "a form to choose a patient", authorize(html(CHOOSE))),
    Case(20, "pass", "sent back with trouble", authorize(redirect(f"{OURS}?error=server_error"))),
    Case(20, "fail", "a heading over a form", authorize(html(f"<h1>Invalid redirect_uri</h1>{CHOOSE}")), OURS),
    Case(20, "warn", "neither", authorize(html("Welcome to our portal")), f"Redirect URI: compare {OURS}"),
    Case(
        20,
        "fail",
        "another address",
        expects({"redirect_uri": OURS + "/"}, "Invalid redirect_uri"),
        f"Redirect URI: register {OURS}",
    ),
    Case(20, "fail", "by redirect", authorize(redirect("/error?m=redirect_uri+is+not+registered")), OURS),
    Case(21, "pass", "accepted", healthy),
    Case(21, "pass", "a signature", signs()),
    Case(21, "warn", "says nothing", token_error("invalid_request"), "Token endpoint"),
    Case(21, "warn", "html", page("/token", html("no")), "Token endpoint"),
    Case(21, "warn", "busy", page("/token", plain(status="503 Busy")), "try again"),
    Case(21, "warn", "takes any code", page("/token", as_json({"access_token": "x"})), "tell the vendor"),
    Case(21, "fail", "wrong secret", token_error("invalid_client", status="401 No"), "client_secret_post"),
    Case(21, "fail", "the wrong method", only_basic, "client_secret_basic"),
    Case(21, "fail", "wrong signature", rejects_signatures, "JWKS address"),
    Case(
        21,
        "fail",
        "not a public client",
        token_error("invalid_client", client_secret="", auth_method="none"),
        "Client secret: enter",
    ),
    Case(21, "fail", "nobody there", nobody_at("token_endpoint"), "Token endpoint"),
    Case(22, "pass", "a good one", healthy),
    Case(22, "warn", "an old one", registered(secret_saved_at=timezone.now() - timedelta(days=800)), "Client secret"),
    Case(22, "fail", "a sample", registered(client_secret="changeme"), "Client secret: replace"),
    Case(22, "fail", "the client ID", registered(client_secret="app-1"), "Client secret: replace"),
    Case(22, "fail", "a space", registered(client_secret=" x7-from-the-vendor"), "Client secret: enter it again"),
    Case(22, "fail", "none", registered(client_secret="", auth_method="client_secret_post"), "Client secret: enter"),
    Case(
        22,
        "fail",
        "no such variable",
        registered(client_secret="", secret_from="env:SP_NOT_SET"),
        "secret_from",
    ),
    Case(22, "fail", "a file that is not there", secret_of_a_file, "secret_from"),
    Case(22, "info", "public", registered(client_secret="")),
    Case(23, "pass", "active", signs()),
    Case(23, "warn", "another algorithm", signs(offers=("RS384",)), "Signing keys"),
    Case(23, "fail", "none", signs_without_key, "new_signing_key --algorithm ES384"),
    Case(23, "fail", "not published", signs_with_a_hidden_key, "Signing keys: retire"),
    Case(23, "info", "no signature", healthy),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_client_is_judged_by_what_the_ehr_says_to_it(case: Case, scene: Scene) -> None:
    prove(case, scene)


def test_scopes_that_are_not_listed_are_named_with_their_panels(scene: Scene) -> None:
    scene.configure(scopes_supported=["launch", "openid", "fhirUser", "patient/Patient.rs", "patient/Condition.rs"])
    evidence = scene.results(17)[17].evidence
    assert "AllergyIntolerance" in evidence
    assert "Allergies" in evidence
    assert "Conditions" not in evidence


def test_the_made_up_code_is_posted_once_and_by_the_method_of_the_registration(scene: Scene) -> None:
    scene.values["auth_method"] = "client_secret_post"
    scene.results(21)
    posts = [asked for asked in scene.ehr.asked if asked.split(b" ")[0] == b"POST"]
    assert len(posts) == 1
    form = dict(parse_qsl(posts[0].partition(b"\r\n\r\n")[2].decode()))
    assert (form["grant_type"], form["client_secret"], form["redirect_uri"]) == ("authorization_code", SECRET, OURS)


def test_the_authorization_request_is_sent_once_for_both_checks_and_without_any_secret(scene: Scene) -> None:
    scene.results(19, 20)
    asked = [request for request in scene.ehr.asked if b"/authorize" in request.split(b" ")[1]]
    assert len(asked) == 1
    assert b"secret" not in asked[0]
    assert b"patient%2FCondition.rs" in asked[0], "version 2, as the EHR advertises"
    assert b"launch%2Fpatient" in asked[0], "there is no launch to name the patient"


def test_a_vendor_that_takes_its_time_is_named_with_the_minutes(scene: Scene) -> None:
    scene.values["vendor"] = "epic"
    scene.pages["/authorize"] = html("unauthorized_client")
    assert "can take 60 minutes" in scene.results(19)[19].remedy


def test_a_secret_that_the_ehr_repeats_is_not_repeated_by_us(scene: Scene) -> None:
    scene.pages["/token"] = as_json({"error": SECRET}, status="400 Bad Request")
    assert SECRET not in scene.results(21)[21].evidence
