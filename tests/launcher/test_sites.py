"""Several sites in one installation: what is one site's is unknown at every other."""

from __future__ import annotations

import json
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.contrib.staticfiles import finders
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from launcher.site_of import site_of
from tests.browser import Browser, Page
from tests.loopback import Bridge
from tests.security.steps import DSTU2, R4, iss_of, launch_url, opened, refused, registration, to_callback

pytestmark = pytest.mark.django_db
SECOND = "second.test"


class SecondHost(Browser):
    """A browser whose requests go to the second site; it holds whatever cookies it is given."""

    def __init__(self, cookies_of: Browser | None = None) -> None:
        super().__init__(Host=SECOND)
        if cookies_of is not None:
            self.cookies = dict(cookies_of.cookies)


@pytest.fixture
def second(ehrs: Bridge) -> Site:
    return Site.objects.create(domain=SECOND, name="Second hospital")


@pytest.fixture
def twin(second: Site) -> EhrRegistration:
    """The second site's own registration at an EHR that the first site has too."""
    row = EhrRegistration(
        site=second, slug=R4, name="Theirs", iss=iss_of(R4), client_id="their-client", scopes=registration().scopes
    )
    row.full_clean()
    row.save()
    return row


def launched_at_second(ehrs: Bridge, browser: Browser) -> Page:
    """A whole launch at the second site; the EHR's token endpoint is played, for it does not know this client."""
    page = browser.get(launch_url())
    assert page.status == 302, page.error
    ehrs.answer_with("/token", json.dumps({"access_token": "opaque", "token_type": "Bearer", "patient": "54520"}))
    issuer = page.query["aud"][0].removesuffix("/fhir")
    query = urlencode({"code": "x", "state": page.query["state"][0], "iss": issuer})
    return browser.get(f"/callback/{R4}?{query}")


def test_one_issuer_at_two_sites_is_two_registrations(ehrs: Bridge, twin: EhrRegistration, browser: Browser) -> None:
    here, there = browser.get(launch_url()).query, SecondHost().get(launch_url()).query
    ours = EhrRegistration.objects.get(slug=R4, site_id=settings.SITE_ID)
    assert here["client_id"] == [ours.client_id]
    assert here["redirect_uri"] == [f"https://testserver/callback/{R4}"]
    assert there["client_id"] == ["their-client"]
    assert there["redirect_uri"] == [f"https://{SECOND}/callback/{R4}"]
    assert list(PendingLaunch.objects.order_by("id").values_list("registration", flat=True)) == [ours.pk, twin.pk]


@pytest.mark.parametrize("path", ["/launch", "/launch.html"])
def test_an_issuer_of_another_site_is_unknown(path: str, ehrs: Bridge, twin: EhrRegistration) -> None:
    """The second site has a registration at another EHR only."""
    url = f"{path}?" + urlencode({"iss": iss_of(DSTU2), "launch": "54520"})
    page = SecondHost().get(url)
    refused(page, status=403, code="unknown_issuer", event="launch.rejected", reason="unregistered")
    assert AuditEvent.objects.get(reference=page.reference).site == SECOND
    assert ehrs.seen == []
    assert not PendingLaunch.objects.exists()


def test_a_slug_of_another_site_is_not_found(ehrs: Bridge, twin: EhrRegistration, browser: Browser) -> None:
    query = urlencode({"iss": iss_of(DSTU2), "launch": "54520"})
    refused(
        SecondHost().get(f"/launch/{DSTU2}?{query}"),
        status=404,
        code="not_found",
        event="launch.rejected",
        reason="slug",
    )
    EhrRegistration.objects.filter(pk=twin.pk).update(slug="theirs")
    page = browser.get("/launch/theirs?" + urlencode({"iss": iss_of(R4), "launch": "54520"}))
    refused(page, status=404, code="not_found", event="launch.rejected", reason="slug")
    assert ehrs.seen == []


def test_switching_a_registration_off_leaves_the_other_sites_on(
    ehrs: Bridge, twin: EhrRegistration, browser: Browser
) -> None:
    EhrRegistration.objects.filter(pk=twin.pk).update(enabled=False)
    page = SecondHost().get(launch_url())
    refused(page, status=403, code="registration_disabled", event="launch.rejected")
    assert browser.get(launch_url()).status == 302


def test_a_callback_on_the_other_host_knows_no_such_state(
    ehrs: Bridge, twin: EhrRegistration, browser: Browser
) -> None:
    callback = to_callback(browser)
    ehrs.forget()
    page = SecondHost(browser).get(callback)
    refused(page, status=400, code="state_unknown", event="callback.rejected", reason="site")
    assert AuditEvent.objects.get(reference=page.reference).site == SECOND
    assert ehrs.seen == []
    assert not Launch.objects.exists()
    assert browser.visit(callback).patient == "54520", "the state was not used up by the other host"


def test_a_reloaded_callback_on_the_other_host_leads_nowhere(
    ehrs: Bridge, twin: EhrRegistration, browser: Browser
) -> None:
    callback = to_callback(browser)
    browser.visit(callback)
    refused(SecondHost(browser).get(callback), status=400, code="state_unknown", event="callback.rejected")


@pytest.mark.parametrize("rest", ["", "panels/conditions/", "panels/conditions/?fragment=1"])
def test_a_chart_does_not_open_on_the_other_host(
    rest: str, ehrs: Bridge, twin: EhrRegistration, browser: Browser
) -> None:
    page = opened(browser)
    ehrs.forget()
    elsewhere = SecondHost(browser).get(page.url + rest)
    refused(elsewhere, status=403, code="session_ended", event="session.denied", reason="not_owner")
    assert not elsewhere.patient
    assert "frame-ancestors 'none'" in elsewhere.response.headers["Content-Security-Policy"]
    assert ehrs.seen == []
    assert browser.get(page.url).patient == "54520"


def test_a_chart_is_not_ended_from_the_other_host(ehrs: Bridge, twin: EhrRegistration, browser: Browser) -> None:
    page = opened(browser)
    token = page.marks("value")[0]
    elsewhere = SecondHost(browser).post(f"{page.url}end/", {"token": token})
    assert elsewhere.error == "session_ended"
    assert browser.get(page.url).patient == "54520"


def test_a_launch_at_the_second_site_is_its_own_in_every_respect(
    ehrs: Bridge, twin: EhrRegistration, browser: Browser
) -> None:
    there = SecondHost()
    page = launched_at_second(ehrs, there)
    assert page.status == 303, page.error
    launch = Launch.objects.get()
    assert (launch.site.domain, launch.registration) == (SECOND, twin)
    assert urlsplit(page.location).path == f"/chart/{launch.pk}/"
    assert set(AuditEvent.objects.values_list("site", flat=True)) == {SECOND}
    # The simulated EHR does not take the played token; that it is asked at all shows that the chart is open here.
    ehrs.forget()
    assert there.get(page.location).error == "session_ended"
    assert [seen.headers["Authorization"] for seen in ehrs.seen] == ["Bearer opaque"]
    browser.cookies = dict(there.cookies)
    ehrs.forget()
    refused(browser.get(page.location), status=403, code="session_ended", event="session.denied", reason="not_owner")
    assert ehrs.seen == []


def test_a_registration_leads_back_to_its_own_site_alone(second: Site) -> None:
    row = EhrRegistration(
        site=second,
        slug="theirs",
        name="Theirs",
        iss="https://ehr.example.org/fhir",
        client_id="x",
        redirect_uri="https://testserver/callback/theirs",
    )
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert list(caught.value.message_dict) == ["redirect_uri"]
    assert SECOND in str(caught.value)
    row.redirect_uri = ""
    row.save()
    assert row.redirect_uri == f"https://{SECOND}/callback/theirs"


def test_the_front_page_offers_this_sites_demo_patients_alone(ehrs: Bridge, second: Site, browser: Browser) -> None:
    assert browser.get("/").marks("data-demo")
    assert SecondHost().get("/").marks("data-demo") == []


@pytest.mark.parametrize(
    ("host", "site"),
    [("testserver", 1), ("TESTSERVER", 1), (SECOND, 2), ("Second.Test", 2), ("testserver:8443", 0), (f"{SECOND}:1", 0)],
)
def test_a_site_is_known_by_its_whole_host(host: str, site: int, second: Site, browser: Browser) -> None:
    page = browser.get("/", Host=host)
    if not site:
        assert (page.status, page.error) == (404, "not_found")
        return
    assert page.status == 200
    found = site_of(page.response.wsgi_request)
    assert found.id == (1 if site == 1 else second.pk)
    assert found.origin == f"https://{host.lower()}"


def test_a_host_that_is_allowed_but_no_site_is_not_found(ehrs: Bridge, browser: Browser) -> None:
    page = browser.get(launch_url(), Host=SECOND)
    assert (page.status, page.error) == (404, "not_found")
    assert ehrs.seen == []


def test_the_default_site_is_known_by_the_public_address_alone(
    ehrs: Bridge, second: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row in the sites table may carry any name: the settings decide."""
    Site.objects.filter(pk=settings.SITE_ID).update(domain="old-name.example.org")
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver", SECOND, "old-name.example.org"])
    assert browser.get(launch_url()).status == 302
    assert browser.get(launch_url(), Host="old-name.example.org").error == "not_found"


@pytest.mark.django_db
def test_the_default_site_is_named_after_its_public_address_at_each_migrate() -> None:
    Site.objects.filter(pk=1).update(domain="old.example.org")
    call_command("migrate", verbosity=0)
    assert Site.objects.get(pk=1).domain == "testserver"


@pytest.mark.parametrize("told_of_https", [True, False])
@pytest.mark.parametrize(("origin", "status"), [(f"https://{SECOND}", 302), ("https://evil.test", 403)])
def test_staff_sign_in_at_the_second_sites_own_host_whether_or_not_the_proxy_is_known(
    second: Site, told_of_https: bool, origin: str, status: int
) -> None:
    get_user_model().objects.create_superuser("somebody", email="", password="correct horse battery")
    client = Client(enforce_csrf_checks=True, headers={"Host": SECOND})
    client.get("/admin/login/", secure=told_of_https)
    form = {
        "username": "somebody",
        "password": "correct horse battery",
        "next": "/admin/",
        "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
    }
    headers = {"Origin": origin}
    assert client.post("/admin/login/", form, secure=told_of_https, headers=headers).status_code == status


@pytest.mark.parametrize("host", ["testserver", SECOND])
def test_a_page_that_names_no_icon_finds_ours(second: Site, host: str) -> None:
    page = Client(headers={"Host": host}).get("/favicon.ico", secure=True)
    assert page.status_code == 302
    assert finders.find(page["Location"].removeprefix(settings.STATIC_URL))
