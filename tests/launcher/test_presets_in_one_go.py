"""Several registrations from presets in one go, their credentials on one page, and no launch before those are there."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site

from launcher import preset_rows, vendors
from launcher.models import AuditEvent, EhrRegistration
from sandbox.clients import client_for
from tests.browser import Browser
from tests.launcher.conftest import MakeRegistration
from tests.launcher.test_admin import ADD, LIST, SECOND, Admin, text
from tests.loopback import Bridge

pytestmark = pytest.mark.django_db
PRESETS = f"{LIST}presets/"
SIMULATED = "Allscripts EHRs (simulated)"
THREE = ("allscripts-professional", "allscripts-touchworks", "allscripts-sunrise")


@pytest.fixture
def admin(db: None) -> Admin:
    return Admin(get_user_model().objects.create_superuser("superuser"))


def created(admin: Admin, **chosen: Any) -> tuple[list[EhrRegistration], str]:
    """The rows, and the address of the page for their credentials."""
    answer = admin.post(PRESETS, chosen)
    return list(EhrRegistration.objects.order_by("pk")), answer.redirect_chain[-1][0]


def credentials_of(rows: list[EhrRegistration], **more: str) -> dict[str, str]:
    """What a person pastes who reads them in the simulators' portal."""
    sent = dict(more)
    for row in rows:
        client = client_for(row.slug)
        sent |= {f"ehr-{row.pk}-client_id": client.client_id, f"ehr-{row.pk}-new_secret": client.secret}
    return sent


# --- What is offered --------------------------------------------------------------------------------------------------
def test_presets_are_offered_one_by_one_and_by_family_and_simulated_ones_say_so(admin: Admin) -> None:
    page = unescape(text(admin.get(ADD)))
    assert "Create all three Allscripts sandboxes</button>" in page
    assert f"Create all three {SIMULATED}</button>" in page
    items = {
        found.group(1): found.group(0)
        for found in re.finditer(r'<li>\s*<input[^>]*value="([^"]+)".*?</li>', page, re.S)
    }
    assert items.keys() == {preset.id for preset in vendors.all_presets()}
    for preset in vendors.all_presets():
        assert ("simulated" in items[preset.id].rpartition("<span")[2]) == (preset.status == "simulator")
        assert ("disabled" in items[preset.id]) == (not preset.iss or preset.quirks.open_server), preset.id


def test_what_is_registered_already_is_named_and_not_offered_again(
    admin: Admin, make_registration: MakeRegistration
) -> None:
    preset = vendors.get("simulated-allscripts-sunrise")
    assert preset
    make_registration(name="Ours", slug="anything", iss=f"{preset.iss}/")
    page = unescape(text(admin.get(ADD)))
    assert "Already registered as “Ours”." in page
    assert re.search(rf'value="{re.escape(SIMULATED)}" disabled', page)
    assert "Tick at least one preset" in text(admin.post(PRESETS, {"preset": preset.id}))
    assert EhrRegistration.objects.count() == 1


# --- Creating ---------------------------------------------------------------------------------------------------------
def test_a_family_becomes_three_rows_that_know_everything_but_their_credentials(admin: Admin) -> None:
    rows, address = created(admin, family=SIMULATED)
    assert tuple(row.slug for row in rows) == THREE
    assert address == f"{LIST}credentials/?rows={','.join(str(row.pk) for row in rows)}"
    for row in rows:
        preset = vendors.get(row.vendor)
        assert preset
        assert (row.iss, row.scopes, row.fhir_version, row.name) == (
            preset.iss,
            preset.scopes,
            preset.fhir_version,
            preset.label,
        )
        assert (row.enabled, row.client_id, bool(row.client_secret)) == (True, "", False)
        assert row.redirect_uri == client_for(row.slug).redirect_uris[0], "the one that the EHR has registered"
    made = AuditEvent.objects.filter(event="registration.created").order_by("sequence")
    assert list(made.values_list("registration", flat=True)) == list(THREE)


def test_those_ticked_are_created_and_no_others(admin: Admin) -> None:
    ticked = ["allscripts-touchworks-17-1", "simulated-epic", "epic", "nobody"]
    rows, _ = created(admin, preset=ticked)
    assert [row.vendor for row in rows] == ["allscripts-touchworks-17-1", "simulated-epic"], "one has no address yet"
    assert [row.slug for row in rows] == ["allscripts-touchworks-17-1", "epic"]


def test_all_are_created_or_none(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preset_rows, "_problem", lambda row: "Out of order." if "sunrise" in row.slug else "")
    page = text(admin.post(PRESETS, {"family": SIMULATED}))
    assert "Nothing was created." in page
    assert "Out of order." in page
    assert not EhrRegistration.objects.exists()


def test_it_needs_the_right_to_add_and_a_post(admin: Admin) -> None:
    user = get_user_model().objects.create_user("looker", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_ehrregistration", "change_ehrregistration"])
    )
    assert Admin(user).post(PRESETS, {"family": SIMULATED}).status_code == 403
    admin.get(f"{PRESETS}?family={SIMULATED}")
    assert not EhrRegistration.objects.exists()


def test_each_site_creates_its_own(admin: Admin) -> None:
    created(admin, family=SIMULATED)
    second = Site.objects.create(domain=SECOND, name="Second")
    there = Admin(get_user_model().objects.get(username="superuser"), SECOND)
    there.post(PRESETS, {"family": SIMULATED})
    rows = EhrRegistration.objects.filter(site=second)
    assert sorted(row.redirect_uri for row in rows) == sorted(f"https://{SECOND}/callback/{slug}" for slug in THREE)
    mine = EhrRegistration.objects.filter(site_id=1).values_list("pk", flat=True)
    assert there.get(f"{LIST}credentials/?rows={','.join(map(str, mine))}").status_code == 404


# --- Before the credentials are there ---------------------------------------------------------------------------------
def test_a_launch_without_credentials_is_refused_and_nothing_reaches_the_ehr(
    admin: Admin, browser: Browser, bridge: Bridge
) -> None:
    rows, _ = created(admin, family=SIMULATED)
    asked = len(bridge.seen)
    page = browser.visit(f"/launch/{rows[0].slug}?iss={rows[0].iss}&launch=54520")
    assert (page.status, page.error) == (403, "registration_disabled")
    assert len(bridge.seen) == asked
    assert AuditEvent.objects.filter(event="launch.rejected").values_list("reason", flat=True)[0] == "needs_credentials"
    assert "client ID" not in page.text, "that is for administrators"


def test_a_signed_in_administrator_reads_what_is_missing(admin: Admin) -> None:
    rows, _ = created(admin, family="Allscripts sandboxes")
    page = unescape(text(admin.get(f"/launch/{rows[0].slug}?iss={rows[0].iss}&launch=54520")))
    assert f"{rows[0].name} needs its client ID and client secret" in page


# --- The page for credentials -----------------------------------------------------------------------------------------
def test_the_page_shows_what_to_give_away_and_takes_two_values_each(admin: Admin) -> None:
    rows, address = created(admin, family=SIMULATED)
    page = text(admin.get(address))
    for row in rows:
        part = page.partition(f'data-registration="{row.slug}"')[2].partition("</section>")[0]
        assert f"https://testserver/launch/{row.slug}<" in part
        assert f"{row.redirect_uri}<" in part
        assert len(re.findall(r'<input type="(?:text|password)"', part)) == 2
    assert page.count('name="_check"') == 1
    assert page.index('name="_check"') < page.index('name="_save"')


def test_what_was_pasted_makes_three_launches_work(admin: Admin, browser: Browser, bridge: Bridge) -> None:
    rows, address = created(admin, family=SIMULATED)
    answer = admin.post(address, credentials_of(rows, _save=""))
    assert answer.redirect_chain[-1][0] == LIST
    told = [str(message) for message in answer.context["messages"]]
    assert len([words for words in told if "the secret is saved" in words]) == 3, "each was to be tried"
    for row, patient in zip(rows, ("54520", "19", "385800201"), strict=True):
        assert browser.visit(f"/launch/{row.slug}?iss={row.iss}&launch={patient}").patient == patient


def test_save_and_check_leads_to_one_page_for_all_three(admin: Admin, bridge: Bridge) -> None:
    rows, address = created(admin, family=SIMULATED)
    answer = admin.post(address, credentials_of(rows, _check=""))
    page = b"".join(answer.streaming_content).decode()
    assert re.findall(r'<section[^>]*data-registration="([\w-]+)"', page) == list(THREE)
    assert page.count('data-check="SP-CHK-21"') == 3
    assert AuditEvent.objects.filter(event="connection.checked").count() == 3


def test_one_that_is_left_empty_waits_and_the_others_are_saved(admin: Admin) -> None:
    rows, address = created(admin, family="Allscripts sandboxes")
    first = rows[0]
    sent = {f"ehr-{first.pk}-client_id": "ours", f"ehr-{first.pk}-new_secret": "a-secret", "_save": ""}
    page = unescape(text(admin.post(address, sent)))
    assert [row.client_id for row in EhrRegistration.objects.order_by("pk")] == ["ours", "", ""]
    assert f"{rows[1].name} still needs its client ID and client secret." in page
    assert "Nothing was entered." in text(admin.post(address, {"_save": ""}))


def test_what_is_wrong_is_said_at_its_ehr_and_the_rest_is_saved(admin: Admin) -> None:
    rows, address = created(admin, family="Allscripts sandboxes")
    sent = {f"ehr-{row.pk}-client_id": f"ours-{row.pk}" for row in rows}
    sent |= {f"ehr-{row.pk}-new_secret": f"secret-{row.pk}" for row in rows}
    sent[f"ehr-{rows[1].pk}-new_secret"] = sent[f"ehr-{rows[1].pk}-client_id"]
    answer = admin.post(address, sent)
    page = unescape(text(answer))
    assert [bool(row.client_id) for row in EhrRegistration.objects.order_by("pk")] == [True, False, True]
    part = page.partition(f'data-registration="{rows[1].slug}"')[2].partition("</section>")[0]
    assert "Same as the client ID – check what you pasted." in part
    assert page.count("errorlist") == 1
    assert "secret-" not in page
    assert f'name="ehr-{rows[0].pk}-new_secret"' not in page, "that one is done"
    right = {f"ehr-{rows[1].pk}-client_id": "ours", f"ehr-{rows[1].pk}-new_secret": "another", "_save": ""}
    assert admin.post(address, right).redirect_chain[-1][0] == LIST


def test_a_saved_secret_is_not_asked_for_again_and_not_replaced_here(admin: Admin) -> None:
    rows, address = created(admin, family="Allscripts sandboxes")
    EhrRegistration.objects.filter(pk=rows[0].pk).update(client_id="ours")
    row = EhrRegistration.objects.get(pk=rows[0].pk)
    row.client_secret = "saved-before"
    row.save()
    assert f'name="ehr-{row.pk}-new_secret"' not in text(admin.get(address))
    admin.post(address, {f"ehr-{row.pk}-client_id": "ours", f"ehr-{row.pk}-new_secret": "another", "_save": ""})
    assert EhrRegistration.objects.get(pk=row.pk).client_secret.reveal() == "saved-before"


def test_the_page_is_for_those_who_may_change_registrations_and_of_this_site(admin: Admin) -> None:
    _, address = created(admin, family=SIMULATED)
    user = get_user_model().objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_ehrregistration"))
    assert Admin(user).get(address).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_ehrregistration"))
    editor = Admin(get_user_model().objects.get(pk=user.pk))
    assert "new_secret" not in text(editor.get(address)), "without the right to replace secrets"
    assert admin.get(f"{LIST}credentials/?rows=999").status_code == 404
