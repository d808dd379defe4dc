"""The registration form: what it asks back, what it tells, and two people at once; cases 144 and 146."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.forms.utils import ErrorDict
from django.test import Client

from launcher.forms.help_texts import FIELDS, HELP
from launcher.forms.registration import EhrRegistrationForm
from launcher.models import AuditEvent, EhrRegistration
from launcher.stale_cache import fetched_once
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import ADD, LIST, Admin, errors, form, text, value_of

pytestmark = pytest.mark.django_db
SECRET = "s3cret-that-must-not-be-seen"


@pytest.fixture
def admin(db: None) -> Admin:
    return Admin(get_user_model().objects.create_superuser("superuser"))


def somebody(name: str, *rights: str) -> Admin:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_ehrregistration", *rights)))
    return Admin(user)


def change_of(row: EhrRegistration) -> str:
    return f"{LIST}{row.pk}/change/"


def same(row: EhrRegistration, **changes: Any) -> dict[str, Any]:
    """What the form of this registration sends when nothing but this is changed."""
    kept = {"name": row.name, "slug": row.slug, "iss": row.iss, "client_id": row.client_id}
    return form(**{**kept, "redirect_uri": row.redirect_uri, **changes})


# --- Sections and words ---------------------------------------------------------------------------------------------
def test_four_sections_are_open_and_the_rest_is_folded(admin: Admin) -> None:
    page = text(admin.get(ADD))
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    shown = [heading for heading in headings if not heading.startswith("Advanced")]
    assert [h for h in shown if h in {"Identity", "Address", "Credentials", "Give these to the EHR"}] == [
        "Identity",
        "Address",
        "Credentials",
        "Give these to the EHR",
    ]
    folded = re.findall(r"<details><summary>\s*<h2[^>]*>([^<]+)</h2>", page)
    assert folded
    assert all(heading.startswith("Advanced") for heading in folded)


def test_every_field_of_a_registration_is_in_the_form(admin: Admin) -> None:
    page = text(admin.get(ADD))
    assert {name for name in FIELDS if f'name="{name}"' not in page} == set()
    for name in ("name", "slug", "iss", "new_secret", "test_patients", "redirect_uri"):
        assert HELP[name] in unescape(page), name


def test_what_the_vendor_wants_to_know_stands_there_before_anything_is_saved(admin: Admin) -> None:
    page = unescape(text(admin.get(f"{ADD}?preset=simulated-allscripts-sunrise")))
    assert "https://testserver/launch/allscripts-sunrise<" in page
    assert "https://testserver/callback/allscripts-sunrise<" in page
    assert "https://testserver/.well-known/jwks.json<" in page
    assert not EhrRegistration.objects.exists()


# --- What is refused, in the words of the page -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"iss": "https://developer.example.org/Fhir/Sandboxes"}, "iss", "That is a page of the developer portal, not"),
        ({"iss": "https://ehr.example.org/FHIR/index.html"}, "iss", "That is a page of the developer portal, not a"),
        ({"iss": "https://ehr.example.org/fhir/metadata"}, "iss", "Looks like the metadata address; use the part"),
        ({"iss": "https://ehr.example.org/fhir?x=1"}, "iss", "Remove the query string."),
        ({"client_id": "https://ehr.example.org/app"}, "client_id", "This looks like a URL."),
        ({"client_id": "somebody@example.org"}, "client_id", "This looks like an e-mail address."),
        ({"token_endpoint": "https://login.example.org/t"}, "token_endpoint", "Different host from the issuer"),
        ({"test_patients": "19", "environment": "production"}, "test_patients", "Not allowed in Production."),
        ({"test_patients": "a b"}, "test_patients", "no spaces"),
        ({"page_size": "9"}, "page_size", "10 to 500"),
        ({"stale_minutes": "241"}, "stale_minutes", "1 to 240"),
        ({"frame_ancestors": "*"}, "frame_ancestors", "“*”"),
    ],
)
def test_a_value_that_is_wrong_is_refused_in_plain_words(
    changes: dict[str, Any], field: str, words: str, admin: Admin
) -> None:
    found = errors(admin.post(ADD, form(**changes)))
    assert list(found) == [field]
    assert words in found[field]
    assert not EhrRegistration.objects.exists()


@pytest.mark.parametrize("iss", ["https://developer.example.org/fhir", "https://portal.hospital.example/api/R4"])
def test_a_fhir_base_on_a_portals_host_is_not_taken_for_a_page(iss: str, admin: Admin) -> None:
    admin.post(ADD, form(iss=iss))
    assert EhrRegistration.objects.get().iss == iss


def test_what_only_looks_wrong_is_saved_once_it_is_confirmed(admin: Admin) -> None:
    odd = {"client_id": "https://app.example.org/id", "token_endpoint": "https://login.example.org/token"}
    page = text(admin.post(ADD, form(**odd)))
    assert 'name="confirmed"' in page
    admin.post(ADD, form(**odd, confirmed="on"))
    row = EhrRegistration.objects.get()
    assert (row.client_id, row.approved_origins) == (odd["client_id"], ["https://login.example.org"])


def test_a_confirmation_does_not_let_an_address_inside_the_network_through(admin: Admin, settings: Any) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = []
    answer = admin.post(ADD, form(token_endpoint="https://169.254.169.254/token", confirmed="on"))
    assert errors(answer)
    assert not EhrRegistration.objects.exists()


def test_two_ehrs_of_a_site_do_not_have_one_name(admin: Admin, make_registration: MakeRegistration) -> None:
    make_registration(name="MAIN clinic")
    assert errors(admin.post(ADD, form())) == {"name": "Another EHR already has this name."}


def test_spaces_around_the_client_id_are_removed_and_that_is_said(admin: Admin) -> None:
    page = text(admin.post(ADD, form(client_id="our-client ")))
    assert "Removed a space at the end of the client ID." in page
    assert EhrRegistration.objects.get().client_id == "our-client"


def test_the_saved_secret_is_not_taken_for_a_client_id(admin: Admin, make_registration: MakeRegistration) -> None:
    row = make_registration(client_secret=SECRET)
    answer = admin.post(change_of(row), same(row, client_id=SECRET))
    assert errors(answer) == {"client_id": "This looks like the secret."}


# --- The slug ------------------------------------------------------------------------------------------------------
def test_a_slug_that_the_vendor_knows_changes_only_when_the_vendor_has_been_told(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration()
    answer = admin.post(change_of(row), same(row, slug="moved"))
    assert "Changing this breaks the launch URL already given to the vendor." in errors(answer)["slug"]
    assert 'name="told_vendor"' in text(answer)
    admin.post(change_of(row), same(row, slug="moved", told_vendor="on"))
    row.refresh_from_db()
    assert (row.slug, row.redirect_uri) == ("moved", "https://testserver/callback/moved")


# --- Told after saving, never in the way ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"scopes": "launch offline_access"},
            "“offline_access” keeps a token after staff log out; needed only for refresh.",
        ),
        ({"scopes": "launch patient/Patient.read"}, "Panel Conditions needs Condition read."),
        ({"secret_from": "env:SP_NOT_THERE"}, "Variable SP_NOT_THERE is not set on this server."),
    ],
)
def test_what_is_worth_a_second_look_is_told_and_saved(changes: dict[str, Any], words: str, admin: Admin) -> None:
    page = unescape(text(admin.post(ADD, form(**changes))))
    assert words in page
    assert EhrRegistration.objects.count() == 1


def test_what_the_server_was_heard_to_say_is_compared_with_what_was_chosen(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(client_secret=SECRET, auth_method="client_secret_basic")
    said = {
        "authorization_endpoint": f"{row.iss}/authorize",
        "token_endpoint": f"{row.iss}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "<b>unheard of</b>"],
    }
    client = row.as_client()
    order = repr((client.quirks.discovery, False, False))
    fetched_once("discovery", (str(row.uuid), row.iss, "None", order), lambda: said)
    page = unescape(text(admin.post(change_of(row), same(row, auth_method="client_secret_basic"))))
    assert "Server advertises only client_secret_post." in page
    assert "unheard of" not in page


def test_a_registration_whose_secret_cannot_be_read_can_still_be_opened_and_mended(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(secret_from="env:SP_NOT_THERE")
    assert admin.get(change_of(row)).status_code == 200
    admin.post(change_of(row), same(row, secret_from=""))
    row.refresh_from_db()
    assert row.secret_from == ""


def test_fields_that_a_form_does_not_name_keep_what_they_have(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    kept = {"owner": "Records office", "notes": "Ask first", "page_size": 50, "test_patients": ["19"]}
    row = make_registration(**kept, mrn_system="urn:oid:1.2.3", stale_minutes=5)
    admin.post(change_of(row), same(row, name="Renamed"))
    row.refresh_from_db()
    assert row.name == "Renamed"
    assert {name: getattr(row, name) for name in kept} == kept
    assert (row.mrn_system, row.stale_minutes) == ("urn:oid:1.2.3", 5)
    admin.post(change_of(row), same(row, name="Renamed", owner="", page_size="", test_patients=""))
    row.refresh_from_db()
    assert (row.owner, row.page_size, row.test_patients) == ("", None, [])


# --- Public clients -------------------------------------------------------------------------------------------------
def test_a_public_client_keeps_no_secret(admin: Admin, make_registration: MakeRegistration) -> None:
    row = make_registration(client_secret=SECRET)
    page = text(admin.post(change_of(row), same(row, auth_method="none")))
    assert "Public clients have no secret; the saved one was removed." in page
    row = EhrRegistration.objects.get()
    assert (row.client_secret.reveal(), row.secret_saved_at) == ("", None)
    assert "what you pasted was not kept" in text(
        admin.post(change_of(row), same(row, auth_method="none", new_secret="x"))
    )
    assert not EhrRegistration.objects.get().client_secret


# --- Who may see what -------------------------------------------------------------------------------------------------
def test_without_the_right_to_replace_secrets_their_fields_are_absent(make_registration: MakeRegistration) -> None:
    editor = somebody("editor", "change_ehrregistration")
    row = make_registration(client_secret=SECRET)
    page = text(editor.get(change_of(row)))
    assert 'name="client_id"' in page
    for name in ("new_secret", "secret_from", "secret_expires_on"):
        assert f'name="{name}"' not in page
    for address in ("secret/", "check/"):
        assert f"/{row.pk}/{address}" not in page
    editor.post(change_of(row), same(row, name="Renamed", new_secret="another", secret_from="env:SECRET_KEY"))
    row = EhrRegistration.objects.get()
    assert (row.name, row.client_secret.reveal(), row.secret_from) == ("Renamed", SECRET, "")


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"iss": "https://other.example.org/fhir"},
        {"iss": "https://ehr.example.org/other/fhir"},
        {"token_endpoint": "https://ehr.example.org/other/token"},
        {"token_endpoint": "https://other.example.org/token", "confirmed": "on"},
        {"approved_origins": "https://other.example.org"},
        {"quirk_overrides": "well_known_at_host_root=on"},
        {"quirk_overrides": "discovery=metadata"},
    ],
)
def test_without_the_right_to_replace_secrets_nobody_sends_the_saved_one_elsewhere(
    elsewhere: dict[str, Any], make_registration: MakeRegistration
) -> None:
    row = make_registration(client_secret="saved-before-and-not-mine")
    person = somebody("editor", "change_ehrregistration")
    answer = person.post(change_of(row), same(row, **elsewhere))
    assert "The saved client secret would go elsewhere" in answer.content.decode()
    row.refresh_from_db()
    assert (row.iss, row.token_endpoint) == ("https://ehr.example.org/fhir", "")
    assert (row.approved_origins, row.quirk_overrides) == ([], [])
    person.post(change_of(row), same(row, name="Renamed"))
    assert EhrRegistration.objects.get().name == "Renamed"


@pytest.mark.parametrize("rights", [(), ("replace_secret",), ("test_launch", "check_ehrregistration")])
def test_who_only_looks_finds_a_page_without_fields(
    rights: tuple[str, ...], make_registration: MakeRegistration
) -> None:
    row = make_registration(client_secret=SECRET, owner="Records office")
    answer = somebody("looker", *rights).get(change_of(row))
    assert answer.status_code == 200
    page = text(answer).partition('id="ehrregistration_form"')[2].partition("</form>")[0]
    assert "Records office" in page
    assert not re.search(r'<(input|select|textarea)(?![^>]*type="hidden")', page)
    assert SECRET not in page


def test_without_the_right_to_switch_a_registration_stays_as_it_is(make_registration: MakeRegistration) -> None:
    editor = somebody("editor", "change_ehrregistration")
    row = make_registration(enabled=False)
    editor.post(change_of(row), same(row, name="Renamed", enabled="on"))
    row.refresh_from_db()
    assert (row.name, row.enabled) == ("Renamed", False)


# --- Case 144: what is no address -------------------------------------------------------------------------------------
HOSTILE = (
    "javascript:alert(1)",
    'https://x" onmouseover="alert(1)',
    "https://x/<script>alert(1)</script>",
    "\u202e" * 40,
)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["iss", "authorization_endpoint", "token_endpoint", "jwks_uri", "oidc_issuer"])
def test_case_144_what_is_no_address_is_a_form_error_and_never_a_link(field: str, value: str, admin: Admin) -> None:
    answer = admin.post(ADD, form(**{field: value}))
    page = text(answer)
    assert field in errors(answer)
    assert "alert(1)</script>" not in page
    assert not re.search(r'href="[^"]*(javascript|alert)|onmouseover="alert', page)
    assert value_of(page, field) == value
    assert not EhrRegistration.objects.exists()


@pytest.mark.parametrize("field", ["iss", "token_endpoint", "client_id", "slug", "name"])
def test_case_144_a_megabyte_of_unicode_is_refused_fast(field: str, db: None) -> None:
    """The form's own work, without the page around it."""
    long = "https://" + "\U0001f600" * 240_000
    begun = time.perf_counter()
    checked = EhrRegistrationForm(data=form(**{field: long}))
    assert not checked.is_valid()
    took = time.perf_counter() - begun
    assert field in checked.errors
    assert took < 0.1, f"{took:.3f} s"


def test_case_144_more_than_a_request_may_hold_is_a_page_and_no_traceback(admin: Admin) -> None:
    answer = admin.post(ADD, form(iss="https://" + "\U0001f600" * 300_000))
    assert answer.status_code == 403
    assert 'data-error="form_expired"' in text(answer)


# --- Case 146: two people at once -------------------------------------------------------------------------------------
def test_case_146_the_second_of_two_who_change_one_registration_is_told_and_loses_nothing(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(slug="main-clinic", client_id="our-client")
    other = Admin(get_user_model().objects.create_superuser("somebody-else"))
    mine, theirs = text(admin.get(change_of(row))), text(other.get(change_of(row)))
    versions = {"mine": value_of(mine, "version"), "theirs": value_of(theirs, "version")}
    other.post(change_of(row), same(row, name="Theirs", scopes="launch openid", version=versions["theirs"]))
    answer = admin.post(change_of(row), same(row, name="Mine", new_secret=SECRET, version=versions["mine"]))
    page = unescape(text(answer))
    assert EhrRegistration.objects.get().name == "Theirs"
    assert re.search(r"Changed by somebody-else at \d\d-\w{3}-\d{4} [\d:]+ UTC, after you had opened this form\.", page)
    assert value_of(page, "name") == "Mine", "what was typed is still there"
    saved_now = page.partition('data-page="saved-meanwhile"')[2].partition("</table>")[0]
    assert "Theirs" in saved_now
    assert "launch openid" in saved_now
    assert SECRET not in page
    assert "Enter the secret again." in page
    admin.post(change_of(row), same(row, name="Mine", version=value_of(page, "version")))
    assert EhrRegistration.objects.get().name == "Mine", "the second time they know"


def test_case_146_one_person_who_saves_twice_is_not_in_their_own_way(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(slug="main-clinic", client_id="our-client")
    for name in ("First", "Second"):
        version = value_of(text(admin.get(change_of(row))), "version")
        admin.post(change_of(row), same(row, name=name, version=version))
    assert EhrRegistration.objects.get().name == "Second"


@pytest.mark.parametrize(
    ("theirs", "field"),
    [
        ({"slug": "other", "client_id": "our-client"}, "client_id"),
        ({"slug": "main-clinic", "client_id": "x"}, "__all__"),
    ],
)
def test_case_146_two_who_create_one_registration_at_once_make_one_and_a_form_error(
    theirs: dict[str, str], field: str, admin: Admin, make_registration: MakeRegistration, monkeypatch: Any
) -> None:
    """The other one's row comes after the form's look and before the database's: the form has not seen it yet."""
    make_registration(name="Theirs", **theirs)
    validate, looks = EhrRegistrationForm.is_valid, []

    def blind_at_first(self: EhrRegistrationForm) -> bool:
        found = validate(self)
        looks.append(found)
        if len(looks) == 1:
            self._errors = ErrorDict()
        return found or len(looks) == 1

    monkeypatch.setattr(EhrRegistrationForm, "is_valid", blind_at_first)
    answer = admin.post(ADD, form())
    assert answer.status_code == 200
    assert looks == [False, False]
    assert list(errors(answer)) == [field]
    assert [row.name for row in EhrRegistration.objects.all()] == ["Theirs"]


# --- Save and check ---------------------------------------------------------------------------------------------------
def checks_run(answer: Any) -> int:
    """How many runs there have been when this answer has been read to its end."""
    assert answer.status_code == 200
    if getattr(answer, "streaming", False):
        assert b"".join(answer.streaming_content).count(b'data-check="SP-CHK-') == 32
    return AuditEvent.objects.filter(event="connection.checked").count()


def test_save_and_check_saves_and_checks_once_and_a_reload_only_shows_the_button(
    admin: Admin, make_registration: MakeRegistration, settings: Any
) -> None:
    settings.SMARTPORTAL_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    row = make_registration(iss="https://127.0.0.1:9/fhir")
    assert text(admin.get(change_of(row))).index('name="_check"') < text(admin.get(change_of(row))).index(
        'name="_save"'
    )
    answer = admin.post(change_of(row), same(row, name="Renamed", _check=""))
    address, status = answer.redirect_chain[-1]
    assert status == 302
    assert EhrRegistration.objects.get().name == "Renamed"
    assert checks_run(answer) == 1
    assert checks_run(admin.get(address)) == 1
    assert checks_run(Admin(get_user_model().objects.create_superuser("other")).get(address)) == 1


def test_without_the_right_to_check_there_is_only_save(make_registration: MakeRegistration) -> None:
    editor = somebody("editor", "change_ehrregistration")
    row = make_registration()
    assert 'name="_check"' not in text(editor.get(change_of(row)))
    assert checks_run(editor.post(change_of(row), same(row, name="Renamed", _check=""))) == 0
    assert EhrRegistration.objects.get().name == "Renamed"


def test_several_are_checked_one_after_another_on_one_page(
    admin: Admin, make_registration: MakeRegistration, settings: Any
) -> None:
    rows = [make_registration(slug=slug, name=slug, iss=f"https://127.0.0.1:9/{slug}") for slug in ("one", "two")]
    address = f"{LIST}check/?rows={rows[1].pk},{rows[0].pk}"
    assert checks_run(admin.get(address)) == 0
    answer = admin.post(address, {})
    page = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # it streams
    assert re.findall(r'data-registration="(\w+)"', page) == ["two", "one"]
    assert page.count('data-check="SP-CHK-') == 64
    assert page.count("Copy report without secrets") == 2
    for wrong in ("", "x", f"{rows[0].pk},99999", "9" * 40):
        assert admin.get(f"{LIST}check/?rows={wrong}").status_code == 404


# --- Test launch ------------------------------------------------------------------------------------------------------
def test_a_test_launch_is_offered_with_its_patient_and_leads_to_the_launch_address(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(test_patients=["19", "20"])
    page = text(admin.get(change_of(row)))
    assert value_of(page, "patient") == "19"
    answer = admin.post(f"{LIST}{row.pk}/test-launch/", {"patient": "20"})
    lead = "/launch/main?iss=https%3A%2F%2Fehr.example.org%2Ffhir&launch=20"
    assert f'content="0; url={lead}"' in unescape(text(answer))


@pytest.mark.parametrize(
    ("values", "patient", "words"),
    [
        ({"environment": "production"}, "19", "set to Production"),
        ({"enabled": False}, "19", "switched off"),
        ({}, "", "Enter a test patient"),
        ({}, "1 9", "no spaces"),
    ],
)
def test_a_test_launch_that_cannot_be_says_why(
    values: dict[str, Any], patient: str, words: str, admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(**values)
    answer = admin.post(f"{LIST}{row.pk}/test-launch/", {"patient": patient})
    assert answer.status_code == 400
    assert words in text(answer)
    assert "http-equiv" not in text(answer)


def test_a_test_launch_needs_its_right_and_is_audited(make_registration: MakeRegistration) -> None:
    row = make_registration(test_patients=["19"])
    address = f"{LIST}{row.pk}/test-launch/"
    assert somebody("looker").post(address, {"patient": "19"}).status_code == 403
    assert f'action="{address}"' not in text(somebody("looker-too").get(change_of(row)))
    assert f'action="{address}"' in text(somebody("another", "test_launch").get(change_of(row)))
    supporter = somebody("supporter", "test_launch")
    assert supporter.post(address, {"patient": "19"}).status_code == 200
    events = list(AuditEvent.objects.filter(event="launch.tested").values_list("actor", "registration", "patient"))
    assert events == [("staff supporter", "main", "")]


# --- Who answers for it -----------------------------------------------------------------------------------------------
def test_owner_contact_and_notes_stand_on_error_pages_for_administrators_only(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    said = {"owner": "Records office", "vendor_contact": "Ring <b>555</b>", "notes": "Ask first"}
    row = make_registration(enabled=False, **said)
    launch = f"/launch/{row.slug}?iss={row.iss}&launch=1"
    page = unescape(text(admin.get(launch)))
    assert all(words in page for words in said.values())
    assert "<b>555</b>" not in text(admin.get(launch))
    public = text(Client().get(launch, secure=True))
    assert 'data-error="registration_disabled"' in public
    assert not any(words.split()[0] in public for words in said.values())


def test_the_form_says_what_state_the_registration_is_in(admin: Admin, make_registration: MakeRegistration) -> None:
    row = make_registration(enabled=False)
    assert "State: <b>Off</b>" in text(admin.get(change_of(row)))


# --- Quirks -----------------------------------------------------------------------------------------------------------
def test_a_registration_may_bend_what_its_preset_says(admin: Admin, make_registration: MakeRegistration) -> None:
    row = make_registration(vendor="allscripts-professional-17-1", auth_method="auto")
    assert (row.quirks.discovery, row.quirks.search_style) == (("metadata",), "compartment")
    admin.post(
        change_of(row), same(row, vendor=row.vendor, quirk_overrides="search_style=parameter\naccept=application/json")
    )
    quirks = EhrRegistration.objects.get().as_client().quirks
    assert (quirks.discovery, quirks.search_style, quirks.accept) == (("metadata",), "parameter", "application/json")


@pytest.mark.parametrize("lines", ["pkce=off", "search_style=sideways", "accept=text/plain\naccept=text/html"])
def test_a_quirk_that_is_not_known_is_refused_with_those_that_are(
    lines: str, admin: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration()
    page = text(admin.post(change_of(row), same(row, quirk_overrides=lines)))
    assert any(words in page for words in ("Write name=value", "search_style is parameter or", "named once"))
    assert EhrRegistration.objects.get().quirk_overrides == []
