"""Signing keys: published before they sign, overlapping when they change, gone when their last word has expired."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any

import jwt
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from launcher import jwks, signing
from launcher.models import AuditEvent, EhrRegistration, SigningKey
from launcher.smart.client_assertion import LIFETIME_SECONDS, make_assertion
from tests.launcher.conftest import MakeRegistration

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 3, 12, tzinfo=UTC)
ADDRESS = "/.well-known/jwks.json"
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
KEYS = "/admin/launcher/signingkey/"
TOKEN = "https://ehr.example.org/token"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def fetched(host: str = "testserver") -> list[dict[str, str]]:
    """The key set as an EHR gets it: over HTTP, without signing in."""
    answer = Client(headers={"host": host}).get(ADDRESS, secure=True)
    assert answer.status_code == 200
    keys: list[dict[str, str]] = answer.json()["keys"]
    return keys


def published() -> set[str]:
    return {key["kid"] for key in fetched()}


def signer(algorithm: str = "ES384") -> str:
    pair = signing.key_for(algorithm)
    return pair.kid if pair else ""


def new(*arguments: str) -> str:
    out = StringIO()
    call_command("new_signing_key", *arguments, stdout=out)
    return out.getvalue()


def retired(kid: str) -> str:
    out = StringIO()
    call_command("retire_signing_key", kid, stdout=out)
    return out.getvalue()


def admin(*, superuser: bool = True) -> Client:
    user = get_user_model().objects.create_user("keeper", is_staff=True, is_superuser=superuser)
    client = Client()
    client.force_login(user)
    return client


def stored_pem(key: SigningKey) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_pem FROM launcher_signingkey WHERE id = %s", [key.pk])
        return str(cursor.fetchone()[0])


def secrets_of(key: SigningKey) -> list[str]:
    """The private half in each form in which it might slip out."""
    pem = key.private_pem.reveal()
    private = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA384).prepare_key(pem)
    number = jwt.algorithms.ECAlgorithm.to_jwk(private, as_dict=True)["d"]
    return ["PRIVATE KEY", *[line for line in pem.splitlines() if len(line) > 20], number]


# --- What is published ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_what_we_sign_is_verified_with_the_key_that_we_publish(algorithm: str) -> None:
    signing.make_key(algorithm)
    pair = signing.key_for(algorithm)
    assert pair is not None
    token = make_assertion(pair, client_id="app", audience=TOKEN, now=datetime.now(UTC).timestamp()).reveal()
    (jwk,) = [key for key in fetched() if key["kid"] == jwt.get_unverified_header(token)["kid"]]
    key = jwt.PyJWK.from_dict(jwk)
    assert jwt.decode(token, key, algorithms=[algorithm], audience=TOKEN)["sub"] == "app"
    assert (jwk["alg"], jwk["use"]) == (algorithm, "sig")
    if algorithm == "RS384":
        assert (jwk["kty"], key.key.key_size >= 2048) == ("RSA", True)
    else:
        assert (jwk["kty"], jwk["crv"]) == ("EC", "P-384")


def test_the_key_id_is_the_keys_thumbprint() -> None:
    """RFC 7638, so that the same key never has two ids and two keys never share one."""
    signing.make_key("ES384")
    signing.make_key("RS384")
    assert len(published()) == 2
    for jwk in fetched():
        required = {name: jwk[name] for name in (("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("e", "kty", "n"))}
        digest = hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest()
        assert jwk["kid"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_no_key_id_could_be_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["-first", "second"])
    monkeypatch.setattr(signing, "_thumbprint", lambda parts: next(ids))
    assert signing.make_key("ES384").kid == "second"


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_no_private_member_is_published_even_if_a_row_holds_one(algorithm: str) -> None:
    key = signing.make_key(algorithm)
    assert not PRIVATE_MEMBERS & set(key.public_jwk)
    key.public_jwk = {**key.public_jwk, **dict.fromkeys(PRIVATE_MEMBERS, "CANARY")}
    key.save()
    (jwk,) = fetched()
    assert not PRIVATE_MEMBERS & set(jwk)
    SigningKey.objects.update(public_jwk={"kty": "oct", "k": "CANARY"})
    assert fetched() == []


def test_the_answer_may_be_kept_by_anybody_for_less_than_the_publication_lead() -> None:
    answer = Client().get(ADDRESS, secure=True)
    assert answer.json() == {"keys": []}
    assert answer["Content-Type"] == "application/json"
    assert answer["Access-Control-Allow-Origin"] == "*"
    found = re.fullmatch(r"public, max-age=(\d+)", answer["Cache-Control"])
    assert found
    assert timedelta(minutes=1) < timedelta(seconds=int(found[1])) == jwks.MAX_AGE < signing.PUBLICATION_LEAD
    assert not answer.cookies
    assert not answer.has_header("Vary") or "Cookie" not in answer["Vary"]


def test_the_address_answers_with_and_without_a_slash_at_each_of_our_hosts() -> None:
    Site.objects.create(domain="second.test", name="Second")
    signing.make_key("ES384")
    for host in ("testserver", "second.test"):
        for address in (ADDRESS, f"{ADDRESS}/"):
            client = Client(headers={"host": host})
            assert client.get(address, secure=True).json()["keys"]
            assert client.head(address, secure=True).status_code == 200
            for refused in (client.post, client.put, client.delete, client.options):
                answer = refused(address, secure=True)
                assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert Client(headers={"host": "elsewhere.test"}).get(ADDRESS, secure=True).status_code != 200


# --- When a key signs -----------------------------------------------------------------------------------------------
def test_the_first_key_of_an_algorithm_signs_at_once(clock: Any) -> None:
    assert signing.key_for("ES384") is None
    first = signing.make_key("ES384")
    assert (first.state, first.active_from) == ("active", START)
    assert signer() == first.kid
    assert signing.key_for("RS384") is None


def test_a_second_key_is_published_for_an_hour_before_it_signs(clock: Any) -> None:
    first, second = signing.make_key("ES384"), signing.make_key("ES384")
    assert published() == {first.kid, second.kid}
    assert (second.state, signer()) == ("published", first.kid)
    clock.shift(timedelta(minutes=59, seconds=59))
    assert signer() == first.kid
    clock.shift(timedelta(seconds=1))
    assert (second.state, signer()) == ("active", second.kid)
    assert published() == {first.kid, second.kid}


def test_a_rotation_leaves_no_moment_without_a_published_signer(clock: Any) -> None:
    first = signing.make_key("ES384")
    second = signing.make_key("ES384")
    for minute in range(0, 130, 5):
        clock.move_to(START + timedelta(minutes=minute), tick=False)
        if minute == 90:
            signing.retire(first)
        assert signer() == (first.kid if minute < 60 else second.kid)
        assert signer() in published()
    assert published() == {second.kid}


def test_a_retired_key_stays_published_until_its_last_assertion_has_expired(clock: Any) -> None:
    key = signing.make_key("ES384")
    assert signing.retire(key)
    assert (key.state, signing.key_for("ES384"), published()) == ("retiring", None, {key.kid})
    clock.shift(timedelta(seconds=LIFETIME_SECONDS) + signing.CLOCK_LEEWAY)
    assert published() == {key.kid}
    clock.move_to(START + timedelta(minutes=6, seconds=-1), tick=False)
    assert published() == {key.kid}
    clock.shift(timedelta(seconds=1))
    assert (key.state, published()) == ("retired", set())
    assert key.retired_at == START + timedelta(minutes=6)


def test_retiring_erases_the_private_half_and_twice_changes_nothing(clock: Any) -> None:
    key = signing.make_key("ES384")
    assert stored_pem(key)
    assert signing.retire(key)
    assert stored_pem(key) == ""
    clock.shift(timedelta(minutes=1))
    assert not signing.retire(key)
    assert key.retiring_at == START
    assert AuditEvent.objects.filter(event="key.retired").count() == 1


def test_when_the_only_signer_is_retired_the_waiting_key_takes_over_at_once(clock: Any) -> None:
    first, second, third = (signing.make_key("ES384") for _ in range(3))
    other = signing.make_key("RS384")
    signing.retire(first)
    assert signer() == second.kid
    third.refresh_from_db()
    assert third.state == "published"
    assert signer("RS384") == other.kid


def test_a_key_that_waits_is_retired_without_ever_signing(clock: Any) -> None:
    first, second = signing.make_key("ES384"), signing.make_key("ES384")
    signing.retire(second)
    clock.shift(timedelta(hours=2))
    assert signer() == first.kid


def test_an_unknown_algorithm_makes_no_key() -> None:
    with pytest.raises(ValueError, match="HS256"):
        signing.make_key("HS256")
    assert not SigningKey.objects.exists()


# --- The private half -----------------------------------------------------------------------------------------------
def test_the_private_half_is_encrypted_at_rest_and_in_no_dump() -> None:
    key = signing.make_key("ES384")
    dump = StringIO()
    call_command("dumpdata", "launcher", stdout=dump)
    assert key.kid in dump.getvalue()
    for text in secrets_of(key):
        assert text not in stored_pem(key)
        assert text not in dump.getvalue()
        assert text not in repr(vars(SigningKey.objects.get())) + repr(signing.key_for("ES384"))
    assert signing.key_for("ES384") == key.pair


def test_without_a_field_key_no_signing_key_is_made(settings: Any) -> None:
    settings.SMARTPORTAL_FIELD_KEYS = []
    with pytest.raises(CommandError, match="SMARTPORTAL_FIELD_KEYS"):
        new()
    assert not SigningKey.objects.exists()


# --- Registrations --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["auto", "private_key_jwt"])
def test_a_registration_signs_with_the_key_of_its_algorithm(method: str, make_registration: MakeRegistration) -> None:
    rsa, ec = signing.make_key("RS384"), signing.make_key("ES384")
    registration = make_registration(auth_method=method)
    assert registration.as_client().signing_key == rsa.pair
    registration.signing_algorithm = "ES384"
    assert registration.as_client().signing_key == ec.pair


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_a_registration_with_another_method_is_given_no_key(method: str, make_registration: MakeRegistration) -> None:
    signing.make_key("RS384")
    registration = make_registration(auth_method=method, client_secret="s")
    assert registration.as_client().signing_key is None


def test_a_registration_hands_over_its_way_of_writing_basic(make_registration: MakeRegistration) -> None:
    assert not make_registration().as_client().basic_raw
    assert make_registration(slug="raw", client_id="raw", basic_raw=True).as_client().basic_raw


def test_a_method_without_an_active_key_is_refused_in_a_sentence_that_names_the_command(
    make_registration: MakeRegistration,
) -> None:
    ec = signing.make_key("ES384")
    with pytest.raises(ValidationError) as caught:
        make_registration(auth_method="private_key_jwt")
    (problem,) = caught.value.message_dict["auth_method"]
    assert problem.startswith("No active key. Create one.")
    assert "manage.py new_signing_key --algorithm RS384" in problem
    assert make_registration(auth_method="private_key_jwt", signing_algorithm="ES384").pk
    signing.retire(ec)
    with pytest.raises(CommandError, match="auth_method: No active key"):
        call_command("register_ehr", "main", "--name", "Renamed")


def test_register_ehr_takes_the_method_once_there_is_a_key() -> None:
    arguments = (
        "main",
        "--iss",
        "https://ehr.example.org/fhir",
        "--client-id",
        "a",
        "--auth-method",
        "private_key_jwt",
    )
    with pytest.raises(CommandError, match="new_signing_key --algorithm RS384"):
        call_command("register_ehr", *arguments)
    new()
    call_command("register_ehr", *arguments, "--set", "basic_raw=true", stdout=StringIO())
    assert EhrRegistration.objects.get().as_client().signing_key


# --- Commands and audit ---------------------------------------------------------------------------------------------
def test_the_commands_make_and_retire_a_key(clock: Any) -> None:
    said = new("--algorithm", "ES384")
    key = SigningKey.objects.get()
    assert said.splitlines() == [
        f"{key.kid}: ES384, active",
        "  signs from    2026-11-03 12:00 UTC",
        "  JWKS address  https://testserver/.well-known/jwks.json",
    ]
    assert "signs from    2026-11-03 13:00 UTC" in new("--algorithm", "ES384")
    assert retired(key.kid) == f"{key.kid}: signs no more, published until 2026-11-03 12:06 UTC\n"
    assert retired(key.kid) == f"{key.kid}: nothing to change, it is retiring.\n"
    with pytest.raises(CommandError, match=r"There is no signing key nobody\."):
        retired("nobody")
    with pytest.raises(CommandError, match="invalid choice"):
        new("--algorithm", "HS256")


def test_a_key_is_an_rsa_key_unless_told_otherwise() -> None:
    new()
    assert SigningKey.objects.get().algorithm == "RS384"


def test_the_commands_name_the_registrations_that_a_change_reaches(make_registration: MakeRegistration) -> None:
    make_registration(slug="chooses", client_id="1")
    make_registration(slug="fixed", client_id="2", auth_method="none")
    make_registration(slug="other", client_id="3", signing_algorithm="ES384")
    make_registration(slug="off", client_id="4", enabled=False)
    said = new()
    assert said.splitlines()[-1].endswith("does not have our JWKS address: chooses.")
    assert "chooses" not in new()
    make_registration(slug="signs", client_id="5", auth_method="private_key_jwt")
    first, second = SigningKey.objects.order_by("pk")
    assert "signs." not in retired(first.kid)
    assert retired(second.kid).splitlines()[-1] == "No RS384 key is active now; launches fail at signs."


def test_making_and_retiring_are_audited_with_the_key_id_alone() -> None:
    key = signing.make_key("ES384")
    signing.retire(key, actor="staff keeper")
    events = AuditEvent.objects.order_by("at").values_list("event", "actor", "detail", "outcome")
    detail = {"kid": key.kid, "algorithm": "ES384"}
    assert list(events) == [
        ("key.created", "command", detail, "success"),
        ("key.retired", "staff keeper", detail, "success"),
    ]


# --- The admin ------------------------------------------------------------------------------------------------------
def test_a_pair_is_made_in_the_admin_with_the_algorithm_as_the_only_choice() -> None:
    staff = admin()
    page = staff.get(f"{KEYS}add/", secure=True).content.decode()
    fields = set(re.findall(r'<(?:input|select|textarea)[^>]*\bname="(\w+)"', page))
    assert fields - {"csrfmiddlewaretoken", "_save", "_addanother", "_continue"} == {"algorithm"}
    sent = {"algorithm": "ES384", "private_pem": "CANARY", "kid": "CANARY", "active_from_0": "2020-01-01"}
    answer = staff.post(f"{KEYS}add/", sent, secure=True, follow=True)
    key = SigningKey.objects.get()
    assert answer.redirect_chain
    assert key.kid in answer.content.decode()
    assert "CANARY" not in key.kid + key.private_pem.reveal()
    assert signer() == key.kid
    assert AuditEvent.objects.get(event="key.created").actor == "staff keeper"
    assert "required" in staff.post(f"{KEYS}add/", {}, secure=True).content.decode()


def test_no_page_shows_the_private_half_and_none_changes_a_key() -> None:
    staff = admin()
    key = signing.make_key("ES384")
    pages = [KEYS, f"{KEYS}{key.pk}/change/", f"{KEYS}{key.pk}/history/", "/admin/", "/admin/launcher/auditevent/"]
    shown = [staff.get(page, secure=True, follow=True).content.decode() for page in pages]
    shown.append(Client().get(ADDRESS, secure=True).content.decode())
    for page in shown:
        assert not [text for text in secrets_of(key) if text in page]
        assert stored_pem(key) not in page
    assert 'name="_save"' not in shown[1]
    assert key.public_jwk["x"] in unescape(shown[1])
    before = SigningKey.objects.values().get()
    assert staff.post(f"{KEYS}{key.pk}/change/", {"algorithm": "RS384"}, secure=True).status_code == 403
    assert SigningKey.objects.values().get() == before


def test_the_list_tells_in_which_state_each_key_is(clock: Any) -> None:
    staff = admin()
    oldest = signing.make_key("ES384")
    signing.retire(oldest)
    clock.shift(timedelta(minutes=10))
    gone = signing.make_key("ES384")
    signing.retire(gone)
    active, waiting = signing.make_key("ES384"), signing.make_key("ES384")
    page = staff.get(KEYS, secure=True).content.decode()
    rows = dict(re.findall(r'class="field-kid">.*?>([\w-]{43})<.*?class="field-state_label">([^<]+)<', page, re.DOTALL))
    assert rows == {
        oldest.kid: "Retired",
        gone.kid: "Retiring",
        active.kid: "Active",
        waiting.kid: "Published, signs later",
    }


def test_keys_are_retired_from_the_list() -> None:
    staff = admin()
    first, second = signing.make_key("ES384"), signing.make_key("ES384")
    chosen = {"action": "retire_selected", "_selected_action": [first.pk]}
    page = staff.post(KEYS, chosen, secure=True, follow=True).content.decode()
    assert f"{first.kid} signs no more" in page
    assert f"{first.kid} is retiring already" in staff.post(KEYS, chosen, secure=True, follow=True).content.decode()
    page = staff.post(KEYS, {**chosen, "_selected_action": [second.pk]}, secure=True, follow=True).content.decode()
    assert "No ES384 key is active now." in page
    actors = AuditEvent.objects.filter(event="key.retired").values_list("actor", flat=True)
    assert list(actors) == ["staff keeper", "staff keeper"]


@pytest.mark.parametrize("state", ["published", "active", "retiring", "retired"])
def test_a_key_is_deleted_only_when_it_is_no_longer_published(state: str, clock: Any) -> None:
    staff = admin()
    key = signing.make_key("ES384")
    if state == "published":
        key = signing.make_key("ES384")
    elif state != "active":
        signing.retire(key)
    if state == "retired":
        clock.shift(timedelta(minutes=7))
    assert key.state == state
    staff.post(
        KEYS, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"}, secure=True, follow=True
    )
    assert SigningKey.objects.filter(pk=key.pk).exists() is (state != "retired")
    if state != "retired":
        assert staff.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403
        assert SigningKey.objects.filter(pk=key.pk).exists()


def test_staff_without_the_right_neither_see_nor_make_nor_retire_keys() -> None:
    key = signing.make_key("ES384")
    staff = admin(superuser=False)
    for address in (KEYS, f"{KEYS}add/", f"{KEYS}{key.pk}/change/"):
        assert staff.get(address, secure=True).status_code == 403
    chosen = {"action": "retire_selected", "_selected_action": [key.pk]}
    assert staff.post(KEYS, chosen, secure=True).status_code == 403
    assert signer() == key.kid


def test_who_may_look_at_keys_may_not_retire_them() -> None:
    key = signing.make_key("ES384")
    looker = get_user_model().objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_signingkey"))
    staff = Client()
    staff.force_login(looker)
    chosen = {"action": "retire_selected", "_selected_action": [key.pk]}
    staff.post(KEYS, chosen, secure=True)
    assert signer() == key.kid
    page = staff.get(KEYS, secure=True).content.decode()
    assert key.kid in page
    assert "retire_selected" not in page


def test_the_registration_form_has_the_fields_and_the_address_to_give_to_the_ehr(
    registration: EhrRegistration,
) -> None:
    staff = admin()
    for page in ("add/", f"{registration.pk}/change/"):
        text = staff.get(f"/admin/launcher/ehrregistration/{page}", secure=True).content.decode()
        assert "https://testserver/.well-known/jwks.json" in text
        assert 'name="signing_algorithm"' in text
        assert 'name="basic_raw"' in text
    sent = {
        "name": "Main",
        "slug": "main",
        "site": 1,
        "environment": "sandbox",
        "iss": registration.iss,
        "fhir_version": "auto",
        "launch_modes": ["ehr"],
        "client_id": "app",
        "auth_method": "auto",
        "scopes": "launch",
        "redirect_uri": registration.redirect_uri,
        "signing_algorithm": "ES384",
        "basic_raw": "on",
        "send_pkce": "on",
    }
    address = f"/admin/launcher/ehrregistration/{registration.pk}/change/"
    assert staff.post(address, sent, secure=True).status_code == 302
    registration.refresh_from_db()
    assert (registration.signing_algorithm, registration.basic_raw) == ("ES384", True)
    for silent in ({}, {"signing_algorithm": ""}):
        rest = {name: value for name, value in sent.items() if name != "signing_algorithm"}
        assert staff.post(address, {**rest, **silent}, secure=True).status_code == 302
        registration.refresh_from_db()
        assert registration.signing_algorithm == "ES384"
    answer = staff.post(address, {**sent, "auth_method": "private_key_jwt"}, secure=True)
    assert "No active key. Create one." in answer.content.decode()
