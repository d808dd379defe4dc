"""The staff sign in at the hospital's own provider: who is let in, with which rights, and what a refusal says."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.contrib.sites.models import Site
from django.core.checks import run_checks
from django.db import DatabaseError
from django.test import Client, RequestFactory
from django.urls import clear_url_caches

import smartportal.urls
from launcher import audit, backends
from launcher.models import AuditEvent, Person, StaffSites
from launcher.smart import http
from launcher.smart.identity import IdentityClaims
from launcher.staff.backend import StaffBackend
from launcher.staff.options import pairs
from launcher.staff.people import StaffIdentity
from launcher.staff.refusals import WORDS
from tests.launcher.staff_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    Account,
    StaffProvider,
    elliptic_jwk,
    es256,
)
from tests.smart import forging

pytestmark = pytest.mark.django_db
User = get_user_model()
ROLES = "portal-integrators=Integrator, portal-auditors=Auditor, portal-admins=superuser"
SIGN_IN = "/admin/oidc/login"


@pytest.fixture
def provider() -> Iterator[StaffProvider]:
    made = StaffProvider()
    before = http.set_transport(made)
    try:
        yield made
    finally:
        http.set_transport(before)


@pytest.fixture
def switched_on(settings: Any) -> Iterator[Any]:
    """As the environment would have it; the addresses are made when the program starts."""
    settings.SMARTPORTAL_ADMIN_OIDC_ISSUER = ISSUER
    settings.SMARTPORTAL_ADMIN_OIDC_CLIENT_ID = CLIENT_ID
    settings.SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET = CLIENT_SECRET
    settings.SMARTPORTAL_ADMIN_OIDC_ROLES = ROLES
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "launcher.staff.backend.StaffBackend"]
    made_anew()
    yield settings
    settings.SMARTPORTAL_ADMIN_OIDC_ISSUER = ""
    made_anew()


def made_anew() -> None:
    importlib.reload(smartportal.urls)
    clear_url_caches()


@dataclass
class Staff:
    """A browser of the staff, and the provider it is sent to."""

    provider: StaffProvider
    client: Client

    def get(self, address: str, **headers: str) -> Any:
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return self.client.get(path, secure=True, headers=headers)

    def sent_to(self, query: str = "") -> str:
        """Where the button leads to at the provider."""
        sent = self.get(SIGN_IN + query)
        assert sent.status_code == 302, sent.content
        return str(sent["Location"])

    def sign_in(self, query: str = "") -> Any:
        return self.get(self.provider.sign_in(self.sent_to(query)))

    @property
    def user(self) -> Any:
        """Whoever is signed in here, or None."""
        found = self.client.session.get("_auth_user_id")
        return User.objects.get(pk=found) if found else None


@pytest.fixture
def staff(switched_on: Any, provider: StaffProvider) -> Staff:
    return Staff(provider, Client(headers={"host": "testserver"}))


def denied() -> AuditEvent:
    return AuditEvent.objects.get(event="admin.login_denied")


def refused(page: Any, kind: str, reason: str) -> None:
    """The page of this kind with what to do, one audit event with the same reference, and nobody signed in."""
    text = page.content.decode()
    assert page.status_code == WORDS[kind].status, text  # type: ignore[index]
    assert f'data-error="{kind}"' in text
    assert "What to do" in text
    event = denied()
    assert (event.reason, event.outcome, event.site) == (reason, "refused", "testserver")
    assert f'data-reference="{event.reference}"' in text
    assert not AuditEvent.objects.filter(event="admin.login").exists()
    assert not [row for row in Session.objects.all() if "_auth_user_id" in row.get_decoded()]


# --- The good way -----------------------------------------------------------------------------------------------------


def test_somebody_with_a_group_gets_in_with_its_role(staff: Staff) -> None:
    arrived = staff.sign_in()
    assert (arrived.status_code, arrived["Location"]) == (302, "/admin/")
    assert staff.get("/admin/").status_code == 200
    user = staff.user
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert list(user.groups.values_list("name", flat=True)) == ["Integrator"]
    login = AuditEvent.objects.get(event="admin.login")
    assert (login.actor, login.site, login.detail["way"]) == (f"staff {user.username}", "testserver", "provider")
    given = AuditEvent.objects.get(event="admin.roles_changed")
    assert given.detail == {"before": "", "after": "Integrator", "issuer": ISSUER, "subject": "u-1001"}


def test_the_request_carries_what_the_standard_asks_for(staff: Staff) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(staff.sent_to()).query).items()}
    assert asked["redirect_uri"] == "https://testserver/admin/oidc/callback"
    assert asked["scope"] == "openid profile email"
    assert re.fullmatch(r"[\w-]{43}", asked["code_challenge"])
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert min(len(asked["state"]), len(asked["nonce"])) >= 43


def test_each_site_has_a_callback_of_its_own(staff: Staff) -> None:
    Site.objects.create(domain="second.test", name="Second")
    sent = staff.get(SIGN_IN, host="second.test")
    assert parse_qs(urlsplit(sent["Location"]).query)["redirect_uri"] == ["https://second.test/admin/oidc/callback"]


def test_the_query_of_the_providers_own_endpoint_is_kept_and_cannot_replace_ours(staff: Staff) -> None:
    staff.provider.document = {"authorization_endpoint": f"{ISSUER}/authorize?p=policy1&state=fixed&client_id=other"}
    asked = parse_qs(urlsplit(staff.sent_to()).query)
    assert (asked["p"], asked["client_id"]) == (["policy1"], [CLIENT_ID])
    assert asked["state"] != ["fixed"]
    assert len(asked["state"]) == 1


def test_a_token_signed_on_an_elliptic_curve_is_taken(staff: Staff) -> None:
    staff.provider.keys, staff.provider.sign = [elliptic_jwk()], es256
    assert staff.sign_in().status_code == 302


def test_new_keys_are_fetched_when_a_token_names_one_that_is_not_known(staff: Staff) -> None:
    staff.sign_in()
    staff.provider.keys = [forging.jwk("b")]
    staff.provider.sign = lambda claims: forging.rs256(claims, key="b")
    assert staff.sign_in()["Location"] == "/admin/"


def test_document_and_keys_are_fetched_once_for_many_sign_ins(staff: Staff) -> None:
    for _ in range(3):
        staff.sign_in()
    asked = [address.rpartition("/")[2] for address in staff.provider.seen]
    assert {name: asked.count(name) for name in asked} == {"openid-configuration": 1, "keys": 1, "token": 3}


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("groups", {"groups": "portal-integrators"}),
        ("realm_access.roles", {"realm_access": {"roles": ["x", "portal-integrators"]}}),
        ("https://hospital.test/groups", {"https://hospital.test/groups": ["portal-integrators"]}),
    ],
)
def test_groups_are_found_where_providers_put_them(
    claim: str, claims: dict[str, Any], staff: Staff, switched_on: Any
) -> None:
    switched_on.SMARTPORTAL_ADMIN_OIDC_GROUPS_CLAIM = claim
    staff.provider.account = Account(claims=claims)
    staff.sign_in()
    assert list(staff.user.groups.values_list("name", flat=True)) == ["Integrator"]


def test_groups_that_the_token_does_not_speak_of_are_asked_for(staff: Staff) -> None:
    staff.provider.account = Account(claims={})
    staff.provider.userinfo = {"groups": ["portal-auditors"]}
    staff.sign_in()
    assert list(staff.user.groups.values_list("name", flat=True)) == ["Auditor"]


def test_further_claims_about_somebody_else_are_refused(staff: Staff) -> None:
    staff.provider.account = Account(claims={})
    staff.provider.userinfo = {"sub": "u-9", "groups": ["portal-admins"]}
    refused(staff.sign_in(), "not_believed", "userinfo_sub")


def test_userinfo_that_fails_is_not_taken_for_having_no_groups(staff: Staff) -> None:
    staff.sign_in()
    staff.client.logout()
    AuditEvent.objects.all().delete()
    staff.provider.account = Account(claims={})
    refused(staff.sign_in(), "not_believed", "userinfo")
    assert list(User.objects.get().groups.values_list("name", flat=True)) == ["Integrator"]


# --- Rights -----------------------------------------------------------------------------------------------------------


def test_roles_are_what_the_groups_say_at_each_sign_in(staff: Staff) -> None:
    staff.sign_in()
    user = staff.user
    user.user_permissions.add(Permission.objects.get(codename="delete_ehrregistration"))
    user.groups.add(Group.objects.get(name="Support"))
    staff.provider.account.claims = {"groups": ["portal-auditors", "canteen"]}
    staff.sign_in()
    user = User.objects.get()
    assert list(user.groups.values_list("name", flat=True)) == ["Auditor"]
    assert not user.user_permissions.exists()
    changed = AuditEvent.objects.filter(event="admin.roles_changed").latest("pk")
    assert (changed.detail["before"], changed.detail["after"]) == ("Integrator, Support", "Auditor")


def test_a_superuser_is_one_for_as_long_as_a_group_says_so(staff: Staff) -> None:
    staff.provider.account.claims = {"groups": ["portal-admins"]}
    staff.sign_in()
    assert staff.user.is_superuser
    staff.provider.account.claims = {"groups": ["portal-integrators"]}
    staff.sign_in()
    assert not staff.user.is_superuser


def test_a_group_is_compared_whole(staff: Staff) -> None:
    staff.provider.account.claims = {"groups": ["portal-admins-of-printers", "portal", "Portal-Admins"]}
    refused(staff.sign_in(), "no_role", "no_role")
    assert not User.objects.exists()


def test_who_has_lost_all_roles_is_refused_and_their_other_sessions_end(staff: Staff) -> None:
    staff.sign_in()
    elsewhere = Staff(staff.provider, Client(headers={"host": "testserver"}))
    staff.provider.account.claims = {"groups": []}
    page = elsewhere.sign_in()
    assert page.status_code == 403
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert denied().actor == f"staff {user.username}"
    assert "/admin/login" in staff.get("/admin/")["Location"]


def test_an_account_that_was_switched_off_stays_so(staff: Staff) -> None:
    staff.sign_in()
    User.objects.update(is_active=False)
    assert "/admin/login" in staff.get("/admin/")["Location"], "the session that is open ends too"
    page = staff.sign_in()
    assert 'data-error="inactive"' in page.content.decode()
    assert not User.objects.get().is_active


def test_a_local_account_with_the_same_address_and_name_is_not_taken_over(staff: Staff) -> None:
    local = User.objects.create_superuser("root", email="a@hospital.test", password="pw")
    staff.provider.account.claims |= {"email": "a@hospital.test", "preferred_username": "root", "email_verified": True}
    staff.sign_in()
    assert staff.user.pk != local.pk
    local.refresh_from_db()
    assert (local.is_superuser, local.check_password("pw")) == (True, True)


def test_the_same_subject_of_another_issuer_is_somebody_else() -> None:
    one = StaffIdentity(issuer=ISSUER, subject="7", groups=())
    other = StaffIdentity(issuer="https://other.test", subject="7", groups=())
    assert one.username != other.username


def test_a_person_is_found_again_under_another_name(staff: Staff) -> None:
    staff.sign_in()
    staff.provider.account.claims |= {"given_name": "Ada", "family_name": "New-Name", "email": "new@hospital.test"}
    staff.sign_in()
    user = User.objects.get()
    assert (user.first_name, user.last_name, user.email) == ("Ada", "New-Name", "new@hospital.test")


def test_a_password_set_by_hand_is_taken_away_again(staff: Staff) -> None:
    staff.sign_in()
    user = User.objects.get()
    user.set_password("by hand")
    user.save()
    staff.sign_in()
    assert not User.objects.get().has_usable_password()


def test_who_does_not_belong_to_the_site_is_not_let_in_there(staff: Staff) -> None:
    second = Site.objects.create(domain="second.test", name="Second")
    username = StaffIdentity(issuer=ISSUER, subject="u-1001", groups=()).username
    StaffSites.objects.create(user=User.objects.create(username=username)).sites.set([second])
    refused(staff.sign_in(), "other_site", "other_site")


def test_groups_say_which_sites_somebody_works_for_where_that_is_set(staff: Staff, switched_on: Any) -> None:
    Site.objects.create(domain="second.test", name="Second")
    switched_on.SMARTPORTAL_ADMIN_OIDC_SITES = "portal-integrators=testserver, north=second.test"
    Site.objects.filter(pk=1).update(domain="testserver")
    staff.provider.account.claims = {"groups": ["portal-integrators", "north"]}
    staff.sign_in()
    assert {site.domain for site in staff.user.staff_sites.sites.all()} == {"testserver", "second.test"}
    staff.provider.account.claims = {"groups": ["portal-integrators"]}
    staff.sign_in()
    assert [site.domain for site in staff.user.staff_sites.sites.all()] == ["testserver"]


def test_a_role_that_is_not_here_is_told_as_a_setting_and_changes_nothing(staff: Staff) -> None:
    Group.objects.filter(name="Integrator").delete()
    refused(staff.sign_in(), "set_up", "role_missing")
    assert not User.objects.exists()


# --- What is not believed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "https://evil.test"}, "iss"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": [CLIENT_ID, "another"], "azp": None}, "azp"),
        ({"azp": "another-client"}, "azp"),
        ({"exp": 1_600_000_000}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": 4_000_000_000}, "iat"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": None}, "sub"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
        ({"at_hash": 7}, "at_hash"),
    ],
)
def test_a_token_that_does_not_fit_is_refused(changed: dict[str, Any], reason: str, staff: Staff) -> None:
    staff.provider.changed = changed
    refused(staff.sign_in(), "not_believed", reason)


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (lambda claims: forging.flipped(forging.rs256(claims)), "signature"),
        (lambda claims: forging.rs256(claims, key="b", header={"alg": "RS256", "kid": "a"}), "signature"),
        (lambda claims: forging.hs256(claims, forging.public_forms()["pem"]), "alg"),
        (lambda claims: forging.hs256(claims, CLIENT_SECRET.encode()), "alg"),
        (lambda claims: forging.signing_input({"alg": "none"}, claims) + ".", "form"),
        (lambda claims: forging.rs256(claims, header={"alg": "PS256", "kid": "a"}), "alg"),
        (lambda claims: "nonsense", "form"),
        (lambda claims: forging.rs256(b"[1, 2]"), "payload"),
    ],
)
def test_a_forged_token_is_refused(sign: Callable[[dict[str, Any]], str], reason: str, staff: Staff) -> None:
    staff.provider.sign = sign
    refused(staff.sign_in(), "not_believed", reason)


def test_a_token_without_at_hash_is_taken(staff: Staff) -> None:
    staff.provider.at_hash = False
    assert staff.sign_in()["Location"] == "/admin/"


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ((400, {"error": "invalid_grant", "error_description": "<b>boo</b>"}), "start_again", "invalid_grant"),
        ((401, {"error": "invalid_client"}), "set_up", "invalid_client"),
        ((200, b"<html>maintenance</html>"), "not_believed", "not_json"),
        ((200, {"access_token": "x", "token_type": "Bearer"}), "not_believed", "missing"),
        ((200, {"access_token": "x", "id_token": 7}), "not_believed", "missing"),
        ((500, b""), "not_believed", "status"),
        ((503, b""), "provider_busy", "busy"),
        ((302, b""), "not_believed", "redirect"),
    ],
)
def test_what_the_token_endpoint_says_is_judged(answer: Any, kind: str, reason: str, staff: Staff) -> None:
    staff.provider.answers["token"] = answer
    page = staff.sign_in()
    refused(page, kind, reason)
    assert "boo" not in page.content.decode()


def test_a_wrong_secret_of_ours_is_told_as_a_setting(staff: Staff, switched_on: Any) -> None:
    switched_on.SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET = "wrong"
    page = staff.sign_in()
    refused(page, "set_up", "invalid_client")
    assert "wrong" not in page.content.decode()


def test_a_provider_that_is_down_is_told_as_that(staff: Staff) -> None:
    staff.provider.down = True
    refused(staff.get(SIGN_IN), "provider_down", "broken")


def test_a_provider_that_goes_down_on_the_way_is_told_as_that(staff: Staff) -> None:
    back = staff.provider.sign_in(staff.sent_to())
    staff.provider.down = True
    refused(staff.get(back), "provider_down", "broken")


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.test"},
        {"issuer": ISSUER + "/"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://login.hospital.test/authorize"},
        {"token_endpoint": None},
        {"token_endpoint": "http://login.hospital.test/token"},
        {"jwks_uri": "http://keys.hospital.test/keys"},
    ],
)
def test_a_document_that_cannot_be_used_is_told_as_a_setting(document: dict[str, Any], staff: Staff) -> None:
    staff.provider.document = document
    page = staff.get(SIGN_IN)
    refused(page, "set_up", denied().reason)
    assert "evil" not in page.content.decode()


# --- The way back -----------------------------------------------------------------------------------------------------


def test_a_state_is_good_for_one_use(staff: Staff) -> None:
    back = staff.provider.sign_in(staff.sent_to())
    assert staff.get(back).status_code == 302
    asked = len(staff.provider.seen)
    page = staff.get(back)
    assert (page.status_code, denied().reason) == (400, "state_unknown")
    assert len(staff.provider.seen) == asked, "the provider is not asked about a code that was seen before"


def test_a_state_is_good_in_the_browser_that_began(staff: Staff) -> None:
    """Otherwise somebody could sign a colleague in as themselves."""
    back = staff.provider.sign_in(staff.sent_to())
    victim = Staff(staff.provider, Client(headers={"host": "testserver"}))
    victim.sent_to()
    refused(victim.get(back), "start_again", "state_unknown")


def test_a_state_is_good_for_ten_minutes(staff: Staff) -> None:
    with time_machine.travel(0, tick=False) as clock:
        clock.move_to("2026-03-02T09:00:00Z")
        back = staff.provider.sign_in(staff.sent_to())
        clock.move_to("2026-03-02T09:10:01Z")
        refused(staff.get(back), "start_again", "state_expired")


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied"])
def test_a_callback_out_of_nowhere_asks_nobody_anything(query: str, staff: Staff) -> None:
    refused(staff.get(f"/admin/oidc/callback{query}"), "start_again", "state_unknown")
    assert staff.provider.seen == []


def test_a_stranger_cannot_sign_somebody_out_by_a_link(staff: Staff) -> None:
    staff.sign_in()
    staff.get("/admin/oidc/callback?error=access_denied&state=x")
    assert staff.user is not None


@pytest.mark.parametrize(
    ("error", "reason"), [("access_denied", "access_denied"), ("<script>alert(1)</script>", "other")]
)
def test_a_provider_that_says_no_is_repeated_in_fixed_words_alone(error: str, reason: str, staff: Staff) -> None:
    back = staff.provider.sign_in(staff.sent_to())
    state = parse_qs(urlsplit(back).query)["state"][0]
    page = staff.client.get(
        "/admin/oidc/callback",
        {"error": error, "error_description": "<i>no</i>", "state": state},
        secure=True,
    )
    refused(page, "provider_refused", reason)
    assert "alert" not in page.content.decode()
    assert "<i>no" not in page.content.decode()


@pytest.mark.parametrize("more", ["&iss=https://evil.test", "&iss=", f"&iss={ISSUER}&iss={ISSUER}"])
def test_an_answer_in_another_issuers_name_is_refused(more: str, staff: Staff) -> None:
    refused(staff.get(staff.provider.sign_in(staff.sent_to()) + more), "not_believed", "iss_parameter")


def test_a_provider_that_names_itself_must_do_so(staff: Staff) -> None:
    staff.provider.document = {"authorization_response_iss_parameter_supported": True}
    back = staff.provider.sign_in(staff.sent_to())
    assert staff.get(f"{back}&iss={ISSUER}").status_code == 302
    staff.client.logout()
    AuditEvent.objects.all().delete()
    refused(staff.get(staff.provider.sign_in(staff.sent_to())), "not_believed", "iss_parameter")


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/admin/launcher/ehrregistration/?q=x", "/admin/launcher/ehrregistration/?q=x"),
        ("https://evil.test/admin/", "/admin/"),
        ("//evil.test/admin/", "/admin/"),
        ("/\\evil.test", "/admin/"),
        ("https:///evil.test", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("/launch?iss=x", "/admin/"),
        ("/admin/../launch", "/admin/"),
        ("/admin/%2e%2e/launch", "/admin/"),
        ("/admin/logout/", "/admin/"),
        ("/admin/oidc/login", "/admin/"),
        ("", "/admin/"),
    ],
)
def test_nobody_is_led_anywhere_but_to_a_page_of_the_admin(wanted: str, reached: str, staff: Staff) -> None:
    sent = staff.client.get(SIGN_IN, {"next": wanted}, secure=True)
    assert staff.get(staff.provider.sign_in(sent["Location"]))["Location"] == reached


def test_the_session_gets_a_new_key_at_each_sign_in(staff: Staff) -> None:
    planted = staff.sent_to() and staff.client.session.session_key
    staff.sign_in()
    first = staff.client.session.session_key
    assert first != planted
    assert not Session.objects.filter(pk=planted).exists()
    staff.sign_in()
    assert staff.client.session.session_key != first
    assert not Session.objects.filter(pk=first).exists()


def test_a_session_ends_with_the_browser_and_after_eight_hours(staff: Staff) -> None:
    with time_machine.travel("2026-03-02T09:00:00Z", tick=False) as clock:
        arrived = staff.sign_in()
        assert arrived.cookies["sessionid"]["max-age"] == ""
        clock.move_to("2026-03-02T16:59:00Z")
        assert staff.get("/admin/").status_code == 200
        staff.sent_to()  # writes to the session, which gives it no more time
        clock.move_to("2026-03-02T17:01:00Z")
        assert "/admin/login" in staff.get("/admin/")["Location"]


def test_without_audit_nobody_is_signed_in(staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    real = audit.write

    def failing(event: str, *args: Any, **kwargs: Any) -> Any:
        if event == "admin.login":
            raise DatabaseError("no space left")
        return real(event, *args, **kwargs)

    monkeypatch.setattr(audit, "write", failing)
    assert staff.sign_in().status_code == 503
    assert staff.user is None


# --- Other backends and the switch ------------------------------------------------------------------------------------


def test_the_backends_of_launches_and_of_the_staff_ignore_each_others_sign_ins(staff: Staff) -> None:
    request = RequestFactory().get("/admin/oidc/callback", {"code": "c", "state": "s"})
    claims = IdentityClaims("https://ehr.example.org", "provider-7")
    assert StaffBackend().authenticate(request, smart_claims=claims) is None
    assert StaffBackend().authenticate(request, username="a", password="b") is None
    assert backends.SmartBackend().authenticate(request, staff_return=object()) is None
    assert staff.provider.seen == []


def test_a_provider_of_an_ehr_never_gets_rights_of_the_staff(staff: Staff) -> None:
    """Not even when the EHR and the staff's provider are one and the same, and the person is as well."""
    request = RequestFactory().get("/callback/main", {"code": "c", "state": "s"})
    staff.provider.account.claims = {"groups": ["portal-admins"]}
    staff.sign_in()
    user = authenticate(request, smart_claims=IdentityClaims(ISSUER, "u-1001"))
    assert user is not None
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert user.pk != staff.user.pk
    assert not Person.objects.filter(user=staff.user).exists()


def test_the_sign_in_page_offers_the_button_and_keeps_the_way_on(staff: Staff) -> None:
    page = staff.get("/admin/login/?next=/admin/launcher/launch/%3Fq%3Da%26b").content.decode()
    assert 'href="/admin/oidc/login?next=%2Fadmin%2Flauncher%2Flaunch%2F%3Fq%3Da%26b"' in page


def test_switched_off_there_is_neither_button_nor_address(client: Client, provider: StaffProvider) -> None:
    assert "oidc" not in client.get("/admin/login/", secure=True).content.decode()
    for address in (SIGN_IN, "/admin/oidc/callback?code=x&state=y"):
        answer = client.get(address, secure=True)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")
    assert provider.seen == []


def test_no_secret_code_or_token_is_left_behind(staff: Staff, caplog: pytest.LogCaptureFixture) -> None:
    back = staff.provider.sign_in(staff.sent_to())
    code = parse_qs(urlsplit(back).query)["code"][0]
    with caplog.at_level("DEBUG"):
        staff.get(back)
    kept = f"{caplog.text} {list(AuditEvent.objects.values())} {[row.get_decoded() for row in Session.objects.all()]}"
    for secret in (CLIENT_SECRET, code, *staff.provider._access):
        assert secret not in kept


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CLIENT_SECRET": ""}, "SMARTPORTAL_ADMIN_OIDC_CLIENT_SECRET"),
        ({"ISSUER": ""}, "SMARTPORTAL_ADMIN_OIDC_ISSUER"),
        ({"ROLES": ""}, "SMARTPORTAL_ADMIN_OIDC_ROLES"),
        ({"ISSUER": "http://login.hospital.test"}, "must be https"),
        ({"ISSUER": "login.hospital.test"}, "not a plain web address"),
        ({"SCOPES": "profile"}, "openid"),
        ({"ROLES": "group"}, "group=value"),
        ({"ROLES": "group=Admiral"}, "Admiral"),
        ({"SITES": "group"}, "SMARTPORTAL_ADMIN_OIDC_SITES"),
    ],
)
def test_half_a_provider_refuses_the_start(changes: dict[str, str], said: str, switched_on: Any) -> None:
    assert not problems()
    for name, value in changes.items():
        setattr(switched_on, f"SMARTPORTAL_ADMIN_OIDC_{name}", value)
    assert any(said in problem for problem in problems()), problems()


def problems() -> list[str]:
    """What refuses the start, but for the simulated EHRs, which the suite plays with DEBUG off."""
    found = run_checks(tags=["smartportal"])
    return [str(message.msg) for message in found if message.is_serious() and message.id != "smartportal.E006"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ()),
        ("a=Integrator,b = Site manager", (("a", "Integrator"), ("b", "Site manager"))),
        ("CN=P,OU=G,DC=h=Auditor; b=Support;", (("CN=P,OU=G,DC=h", "Auditor"), ("b", "Support"))),
    ],
)
def test_groups_are_paired_with_roles(text: str, read: Any) -> None:
    assert pairs(text, variable="X") == read
