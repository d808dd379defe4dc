"""The admin: registrations are edited without ever showing a secret; launches and the audit trail are looked at."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from launcher import audit, vendors
from launcher.models import AuditEvent, EhrRegistration, Launch
from tests.launcher.conftest import MakeRegistration

pytestmark = pytest.mark.django_db
SECRET = "s3cret-that-must-not-be-seen"
SECOND = "second.test"
LIST = "/admin/launcher/ehrregistration/"
ADD = f"{LIST}add/"
PAGES = (LIST, ADD, "/admin/", "/admin/launcher/launch/", "/admin/launcher/auditevent/", "/admin/auth/user/")


class Admin:
    """A person at the admin of one site; the messages of an answer are part of its page."""

    def __init__(self, user: Any, host: str = "testserver") -> None:
        self._client = Client(enforce_csrf_checks=False, headers={"host": host})
        self._client.force_login(user)

    def get(self, url: str) -> HttpResponse:
        return self._client.get(url, secure=True)

    def post(self, url: str, data: dict[str, Any]) -> HttpResponse:
        return self._client.post(url, data, secure=True, follow=True)


@pytest.fixture
def superuser(db: None) -> Any:
    return get_user_model().objects.create_superuser("superuser")


@pytest.fixture
def admin(superuser: Any) -> Admin:
    return Admin(superuser)


@pytest.fixture
def clerk(db: None) -> Admin:
    """Staff with every right in the launcher but no superuser."""
    user = get_user_model().objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="launcher"))
    return Admin(user)


@pytest.fixture
def second_site(db: None) -> Site:
    return Site.objects.create(domain=SECOND, name="Second")


def form(**changes: Any) -> dict[str, Any]:
    """What the add form sends when it is filled in well."""
    values: dict[str, Any] = {
        "vendor": "",
        "name": "Main Clinic",
        "slug": "main-clinic",
        "site": 1,
        "environment": "sandbox",
        "enabled": "on",
        "iss": "https://ehr.example.org/fhir",
        "fhir_version": "auto",
        "launch_modes": ["ehr"],
        "client_id": "our-client",
        "new_secret": "",
        "secret_from": "",
        "auth_method": "auto",
        "scopes": "launch openid fhirUser patient/*.rs",
        "redirect_uri": "",
        "oidc_issuer": "",
        "approved_origins": "",
        "frame_ancestors": "",
        "allowed_networks": "",
        "time_zone": "",
        "send_pkce": "on",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def text(response: HttpResponse) -> str:
    return response.content.decode()


def errors(response: HttpResponse) -> dict[str, str]:
    """The messages at the fields of a form that came back."""
    found = response.context["adminform"].form.errors
    return {name: " ".join(problems) for name, problems in found.items()}


def value_of(page: str, name: str) -> str:
    """What a field of the form holds."""
    field = re.search(rf'<(input|textarea|select)[^>]*\bname="{name}"[^>]*>', page)
    assert field, name
    if field.group(1) == "textarea":
        return unescape(page[field.end() : page.index("</textarea>", field.end())]).strip()
    if field.group(1) == "select":
        options = page[field.end() : page.index("</select>", field.end())]
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        return chosen.group(1) if chosen else ""
    found = re.search(r'\bvalue="([^"]*)"', field.group(0))
    return unescape(found.group(1)) if found else ""


def launch_of(registration: EhrRegistration, **changes: Any) -> Launch:
    now = timezone.now()
    values = {
        "site": registration.site,
        "registration": registration,
        "reference": "ABC234",
        "created_at": now,
        "last_seen_at": now,
        "iss": registration.iss,
        "fhir_version": "R4",
        "configuration": {},
        "patient": "patient-54520",
        "requested_scopes": "launch",
        "access_token": "token-that-must-not-be-seen",
        **changes,
    }
    return Launch.objects.create(**values)


# --- Adding and changing --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("preset", [preset for preset in vendors.all_presets() if preset.iss], ids=lambda one: one.id)
def test_a_preset_fills_in_what_is_known(preset: vendors.VendorPreset, admin: Admin) -> None:
    page = text(admin.get(f"{ADD}?preset={preset.id}"))
    slug = preset.slug or preset.id
    for name in ("iss", "fhir_version", "auth_method", "scopes", "oidc_issuer"):
        assert value_of(page, name) == getattr(preset, name), name
    assert (value_of(page, "vendor"), value_of(page, "name"), value_of(page, "slug")) == (
        preset.id,
        preset.label,
        slug,
    )
    assert value_of(page, "approved_origins") == "\n".join(preset.approved_origins)
    assert preset.source in unescape(page)
    assert f"https://testserver/launch/{slug}" in page
    assert f"https://testserver/callback/{slug}" in page


def test_an_unknown_preset_and_none_give_an_empty_form_with_links_to_presets(admin: Admin) -> None:
    for url in (ADD, f"{ADD}?preset=nobody"):
        page = text(admin.get(url))
        assert value_of(page, "iss") == ""
        offered = set(re.findall(r'href="\?preset=([^"]+)"', page))
        assert offered == {preset.id for preset in vendors.all_presets()}


def test_a_registration_is_added_with_its_redirect_address_made(admin: Admin) -> None:
    answer = admin.post(ADD, form(new_secret=SECRET, approved_origins="https://login.example.org\n\n"))
    row = EhrRegistration.objects.get()
    assert answer.redirect_chain
    assert row.redirect_uri == "https://testserver/callback/main-clinic"
    assert row.approved_origins == ["https://login.example.org"]
    assert row.launch_modes == ["ehr"]
    assert row.client_secret.reveal() == SECRET
    assert row.secret_saved_at
    page = text(admin.get(f"{LIST}{row.pk}/change/"))
    assert value_of(page, "redirect_uri") == row.redirect_uri
    assert value_of(page, "approved_origins") == "https://login.example.org"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"slug": "main clinic"}, "slug", ""),
        ({"slug": "Main"}, "slug", "lower-case"),
        ({"iss": "https://ehr.example.org/fhir?x=1"}, "iss", "query string"),
        ({"iss": "https://ehr.example.org/fhir/metadata"}, "iss", "before /metadata"),
        ({"iss": "nonsense"}, "iss", "plain web address"),
        ({"iss": "https://10.0.0.1/fhir"}, "iss", "SMARTPORTAL_ALLOWED_NETWORKS"),
        ({"iss": "http://ehr.example.org/fhir", "environment": "production"}, "iss", "https"),
        ({"client_id": ""}, "client_id", "required"),
        ({"client_id": "a b"}, "client_id", "Remove spaces"),
        ({"redirect_uri": "https://elsewhere.example.org/callback/main-clinic"}, "redirect_uri", "this site"),
        ({"redirect_uri": "https://testserver/callback/other"}, "redirect_uri", "/callback/main-clinic"),
        ({"scopes": "openid"}, "scopes", "launch"),
        ({"scopes": ""}, "scopes", "required"),
        ({"auth_method": "client_secret_basic"}, "auth_method", "client secret"),
        ({"auth_method": "magic"}, "auth_method", "valid choice"),
        ({"launch_modes": []}, "launch_modes", "required"),
        ({"secret_from": "vault:x"}, "secret_from", "env:NAME"),
        ({"approved_origins": "https://login.example.org/path"}, "approved_origins", "origin"),
        ({"frame_ancestors": "https://ok.example.org\n*"}, "frame_ancestors", "“*”"),
        ({"allowed_networks": "10.0.0.0/8"}, "allowed_networks", "narrow"),
        ({"allowed_networks": "nonsense"}, "allowed_networks", "nonsense"),
        ({"oidc_issuer": "ftp://x"}, "oidc_issuer", "plain web address"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "time zone"),
        ({"new_secret": "our-client"}, "new_secret", "Same as the client ID"),
        ({"new_secret": " our-client\n"}, "new_secret", "Same as the client ID"),
        ({"site": ""}, "site", "required"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, Any], field: str, words: str, admin: Admin) -> None:
    answer = admin.post(ADD, form(**changes))
    assert list(errors(answer)) == [field]
    assert words.lower() in errors(answer)[field].lower()
    assert not EhrRegistration.objects.exists()


def test_a_slug_and_a_client_are_taken_once_per_site(admin: Admin, make_registration: MakeRegistration) -> None:
    make_registration(slug="main-clinic", iss="https://other.example.org/fhir")
    assert "already exists" in str(errors(admin.post(ADD, form())))
    make_registration(slug="other", iss="https://ehr.example.org/fhir/", client_id="our-client")
    again = errors(admin.post(ADD, form(slug="third", iss="HTTPS://EHR.example.org:443/fhir")))
    assert again == {"client_id": "“Main” has this issuer and client ID already."}
    assert EhrRegistration.objects.count() == 2


def test_another_registration_with_the_same_issuer_is_a_warning_that_names_the_addresses(
    admin: Admin, registration: EhrRegistration
) -> None:
    page = text(admin.post(ADD, form()))
    assert "This issuer is registered as “Main” too: launches must use /launch/main-clinic." in unescape(page)
    assert EhrRegistration.objects.count() == 2


# --- The secret -----------------------------------------------------------------------------------------------------
def with_secret(make_registration: MakeRegistration) -> EhrRegistration:
    return make_registration(client_secret=SECRET, secret_saved_at=datetime(2026, 11, 3, 12, tzinfo=UTC))


def test_a_secret_goes_in_and_never_comes_out(admin: Admin, superuser: Any) -> None:
    answers = [admin.post(ADD, form(new_secret=SECRET))]
    row = EhrRegistration.objects.get()
    change = f"{LIST}{row.pk}/change/"
    answers.append(admin.post(change, form(name="Renamed", new_secret=f"{SECRET}-2", redirect_uri=row.redirect_uri)))
    answers.append(admin.post(change, form(name="", new_secret=f"{SECRET}-3", redirect_uri=row.redirect_uri)))
    urls = [change, LIST, f"{LIST}?q=main", f"{LIST}{row.pk}/history/", f"{LIST}{row.pk}/delete/"]
    answers += [admin.get(url) for url in urls]
    for answer in answers:
        assert answer.status_code == 200
        assert SECRET not in text(answer)
        assert "v1." not in text(answer)
    assert EhrRegistration.objects.get().client_secret.reveal() == f"{SECRET}-2"
    assert SECRET not in str(list(LogEntry.objects.values()))


def test_a_search_for_a_secret_finds_nothing(admin: Admin, make_registration: MakeRegistration) -> None:
    with_secret(make_registration)
    assert "0 EHR registrations" in text(admin.get(f"{LIST}?q={SECRET}"))
    assert "1 EHR registration" in text(admin.get(f"{LIST}?q=ehr.example"))


@pytest.mark.parametrize("parameter", ["client_secret", "client_secret__startswith", "client_secret__isnull"])
def test_a_list_cannot_be_filtered_by_its_secrets(
    parameter: str, admin: Admin, make_registration: MakeRegistration
) -> None:
    with_secret(make_registration)
    answer = admin.get(f"{LIST}?{parameter}=s")
    assert answer.status_code in {302, 400, 403, 404}


def test_the_form_says_when_a_secret_was_set(admin: Admin, make_registration: MakeRegistration) -> None:
    assert "Set on" not in text(admin.get(ADD))
    row = with_secret(make_registration)
    page = text(admin.get(f"{LIST}{row.pk}/change/"))
    assert "Set on 03-Nov-2026." in page
    field = re.search(r'<input[^>]*name="new_secret"[^>]*>', page)
    assert field
    assert 'type="password"' in field.group(0)
    assert "value=" not in field.group(0)


def test_an_empty_field_keeps_the_secret_and_its_day(admin: Admin, make_registration: MakeRegistration) -> None:
    row = with_secret(make_registration)
    saved = {"slug": row.slug, "redirect_uri": row.redirect_uri}
    admin.post(f"{LIST}{row.pk}/change/", form(name="Renamed", **saved))
    changed = EhrRegistration.objects.get()
    assert (changed.name, changed.client_secret.reveal()) == ("Renamed", SECRET)
    assert changed.secret_saved_at == row.secret_saved_at
    admin.post(f"{LIST}{row.pk}/change/", form(new_secret="   ", **saved))
    assert EhrRegistration.objects.get().client_secret.reveal() == SECRET


def test_a_secret_is_trimmed_and_that_is_said(admin: Admin) -> None:
    page = text(admin.post(ADD, form(new_secret=f" {SECRET}\n")))
    assert "Removed a space around the client secret." in page
    assert EhrRegistration.objects.get().client_secret.reveal() == SECRET


def test_a_secret_within_a_secret_is_kept_as_it_is(admin: Admin) -> None:
    """Only what surrounds it is removed; a pasted secret is never otherwise changed."""
    odd = "a b<&>\"'é%+/="
    page = text(admin.post(ADD, form(new_secret=odd)))
    assert "Removed" not in page
    assert EhrRegistration.objects.get().client_secret.reveal() == odd


# --- Sites ----------------------------------------------------------------------------------------------------------
def test_each_host_shows_and_opens_its_own_registrations(
    admin: Admin, superuser: Any, second_site: Site, make_registration: MakeRegistration
) -> None:
    here, there = make_registration(name="Here"), make_registration(name="There", site_id=second_site.pk)
    for someone, own, other in ((admin, here, there), (Admin(superuser, SECOND), there, here)):
        listed = text(someone.get(LIST))
        assert own.name in listed
        assert f"/{other.pk}/change/" not in listed
        assert f">{other.name}<" not in listed
        assert someone.get(f"{LIST}{own.pk}/change/").status_code == 200
        for page in ("change", "history", "delete"):
            answer = someone.get(f"{LIST}{other.pk}/{page}/")
            assert answer.status_code != 200 or f">{other.name}<" not in text(answer)
        someone.post(f"{LIST}{other.pk}/change/", form(name="Taken over", site=other.site_id))
        someone.post(LIST, {"action": "delete_selected", "_selected_action": other.pk, "post": "yes"})
    assert set(EhrRegistration.objects.values_list("name", flat=True)) == {"Here", "There"}


def test_a_registration_cannot_be_put_on_another_site(admin: Admin, second_site: Site) -> None:
    page = text(admin.get(ADD))
    assert f'<option value="{second_site.pk}"' not in page
    answer = admin.post(ADD, form(site=second_site.pk))
    assert "site" in errors(answer)
    assert not EhrRegistration.objects.exists()


def test_the_form_of_another_site_gives_that_sites_addresses(superuser: Any, second_site: Site) -> None:
    there = Admin(superuser, SECOND)
    there.post(ADD, form(site=second_site.pk))
    row = EhrRegistration.objects.get()
    assert row.redirect_uri == f"https://{SECOND}/callback/main-clinic"
    page = text(there.get(f"{LIST}{row.pk}/change/"))
    assert f"https://{SECOND}/launch/main-clinic" in page
    assert "https://testserver" not in page


def test_launches_and_audit_are_those_of_the_host(
    admin: Admin, superuser: Any, second_site: Site, make_registration: MakeRegistration
) -> None:
    there = make_registration(site_id=second_site.pk)
    launch = launch_of(there, reference="SECN77")
    audit.write("session.opened", audit.Subject(site=SECOND, launch=launch.pk), audit.Facts(reference="SECN77"))
    for url in ("/admin/launcher/launch/", "/admin/launcher/auditevent/?q=SECN77"):
        assert "SECN77</" not in text(admin.get(url))
        assert "SECN77</" in text(Admin(superuser, SECOND).get(url))
    assert admin.get(f"/admin/launcher/launch/{launch.pk}/change/").status_code == 302


# --- Rights ---------------------------------------------------------------------------------------------------------
def test_pkce_is_switched_off_by_a_superuser_alone(
    admin: Admin, clerk: Admin, make_registration: MakeRegistration
) -> None:
    row = make_registration(slug="main-clinic", client_id="our-client")
    change = f"{LIST}{row.pk}/change/"
    off = form(send_pkce=None, redirect_uri=row.redirect_uri)
    assert 'name="send_pkce"' not in text(clerk.get(change))
    clerk.post(change, off | {"name": "By the clerk"})
    row.refresh_from_db()
    assert (row.name, row.send_pkce) == ("By the clerk", True)
    clerk.post(ADD, form(slug="other", name="Other", client_id="other", send_pkce=None))
    assert EhrRegistration.objects.get(slug="other").send_pkce
    assert 'name="send_pkce"' in text(admin.get(change))
    admin.post(change, off)
    row.refresh_from_db()
    assert not row.send_pkce


def test_a_clerk_does_not_switch_pkce_on_again_by_saving(clerk: Admin, make_registration: MakeRegistration) -> None:
    row = make_registration(slug="main-clinic", client_id="our-client", send_pkce=False)
    clerk.post(f"{LIST}{row.pk}/change/", form(name="By the clerk", redirect_uri=row.redirect_uri))
    row.refresh_from_db()
    assert (row.name, row.send_pkce) == ("By the clerk", False)


@pytest.mark.parametrize("kind", ["launch", "auditevent"])
def test_launches_and_the_audit_trail_are_to_look_at(kind: str, admin: Admin, registration: EhrRegistration) -> None:
    launch = launch_of(registration)
    event = audit.write("session.opened", audit.Subject(site="testserver", launch=launch.pk))
    key = launch.pk if kind == "launch" else event.pk
    base = f"/admin/launcher/{kind}/"
    before = list(Launch.objects.values()), list(AuditEvent.objects.order_by("pk").values())
    assert admin.get(base).status_code == 200
    page = admin.get(f"{base}{key}/change/")
    assert page.status_code == 200
    content = text(page).split("<main")[1]
    assert not re.search(r'<(input|textarea|select)(?![^>]*type="hidden")[^>]*name="', content)
    assert "Save" not in text(page)
    assert admin.get(f"{base}add/").status_code == 403
    assert admin.get(f"{base}{key}/delete/").status_code == 403
    assert admin.post(f"{base}{key}/change/", {"reference": "XXXXXX", "event": "forged"}).status_code == 403
    assert admin.post(f"{base}{key}/delete/", {"post": "yes"}).status_code == 403
    admin.post(base, {"action": "delete_selected", "_selected_action": key, "post": "yes"})
    audited = AuditEvent.objects.exclude(event__in=("admin.denied", "audit.viewed")).order_by("pk")
    assert (list(Launch.objects.values()), list(audited.values())) == before
    assert AuditEvent.objects.filter(event="admin.denied").count() == 4, "each refusal is one event"


def test_a_launch_shows_neither_patient_nor_token(admin: Admin, registration: EhrRegistration) -> None:
    launch = launch_of(registration)
    for url in ("/admin/launcher/launch/", f"/admin/launcher/launch/{launch.pk}/change/"):
        page = text(admin.get(url))
        assert "ABC234" in page
        assert "54520" not in page
        assert "token" not in re.sub(r"csrf\w*token", "", page, flags=re.IGNORECASE).lower()


def test_the_audit_trail_is_searched_by_the_reference_a_provider_reads_out(admin: Admin) -> None:
    refused = Client().get("/launch", secure=True).content.decode()
    reference = re.search(r'data-reference="(\w{6})"', refused).group(1)  # type: ignore[union-attr]  # a refusal has one
    audit.write("launch.received", audit.Subject(site="testserver"), audit.Facts(reference="ZZZZZ9"))
    page = text(admin.get(f"/admin/launcher/auditevent/?q={reference}"))
    assert "launch_incomplete" in page
    assert "1 result" in page
    assert "ZZZZZ9" not in page
    assert "launch.received" not in page.split("<tbody>")[1].split("</tbody>")[0]


def test_a_registration_with_launches_is_not_deleted(admin: Admin, make_registration: MakeRegistration) -> None:
    used, unused = make_registration(name="Used"), make_registration(slug="unused", client_id="b", name="Unused")
    launch_of(used)
    assert admin.get(f"{LIST}{used.pk}/delete/").status_code == 403
    assert admin.post(f"{LIST}{used.pk}/delete/", {"post": "yes"}).status_code == 403
    assert f"/{used.pk}/delete/" not in text(admin.get(f"{LIST}{used.pk}/change/"))
    assert f"/{unused.pk}/delete/" in text(admin.get(f"{LIST}{unused.pk}/change/"))
    selected = {"action": "delete_selected", "_selected_action": [used.pk, unused.pk], "post": "yes"}
    assert admin.post(LIST, selected).status_code == 200
    assert EhrRegistration.objects.filter(pk=used.pk).exists()
    admin.post(f"{LIST}{unused.pk}/delete/", {"post": "yes"})
    assert not EhrRegistration.objects.filter(pk=unused.pk).exists()


def test_only_staff_get_in(registration: EhrRegistration) -> None:
    user = get_user_model().objects.create_user("an-ordinary-user")
    for url in (LIST, ADD, f"{LIST}{registration.pk}/change/", "/admin/launcher/auditevent/"):
        assert Admin(user).get(url).status_code == 302
        anonymous = Client().get(url, secure=True)
        assert anonymous.status_code == 302
        assert anonymous.headers["Location"].startswith("/admin/login/")


# --- Headers --------------------------------------------------------------------------------------------------------
def test_admin_pages_are_framed_by_nobody_and_hold_nothing_inline(admin: Admin, registration: EhrRegistration) -> None:
    launch_of(registration)
    registration.frame_ancestors = ["https://ehr.example.org"]
    registration.save()
    one = f"{LIST}{registration.pk}/"
    answers = [admin.get(url) for url in (*PAGES, f"{one}change/", f"{one}history/", f"{ADD}?preset=generic-smart")]
    answers.append(admin.post(ADD, form(iss="nonsense")))
    answers.append(Client().get("/admin/login/", secure=True))
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.status_code == 200
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "no-store" in answer.headers["Cache-Control"]
        page = text(answer)
        path = answer.request["PATH_INFO"]
        assert not re.search(r"<script\b(?![^>]*\b(src=|type=\"application/json\"))", page), path
        assert not re.search(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", page), path
        for address in re.findall(r'(?:src|href|action)="([^"]+)"', page):
            assert not re.match(r"(?:[a-z]+:)?//", address) or address.startswith("https://testserver/"), address


# --- The chart's panels ---------------------------------------------------------------------------------------------
def test_the_panels_of_a_chart_and_their_order_are_set_in_the_form(admin: Admin) -> None:
    assert "There are: demographics, conditions, medications" in text(admin.get(ADD))
    admin.post(ADD, form(panels="medications\nconditions\n"))
    assert EhrRegistration.objects.get(slug="main-clinic").panels == ["medications", "conditions"]


@pytest.mark.parametrize(
    ("lines", "words"), [("conditions\nhoroscope", "no panel “horoscope”"), ("labs\nlabs", "named once")]
)
def test_a_panel_that_is_not_there_is_refused_by_name(admin: Admin, lines: str, words: str) -> None:
    answer = admin.post(ADD, form(panels=lines))
    assert words in errors(answer)["panels"]
    assert "horoscope" not in lines or "horoscope" in text(answer)
