"""Requirements of SMART App Launch 2.2 that no other test shows, at the mock of `tests/journeys/inferno.py`.

The numbers (R…) are those of `docs/conformance.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection

from launcher.discovery import door_for
from launcher.models import EhrRegistration, Launch
from launcher.smart import configuration as smart_configuration
from launcher.smart import token as smart_token
from tests.browser import Browser, Page
from tests.journeys import inferno as mock
from tests.journeys.inferno import CLIENT_SECRET, FHIR, INTROSPECT, PATIENT, Inferno
from tests.journeys.inferno_steps import launched, refreshed, register

pytestmark = pytest.mark.django_db

OF_THE_STANDARD = {
    "response_type",
    "client_id",
    "redirect_uri",
    "launch",
    "scope",
    "state",
    "aud",
    "code_challenge",
    "code_challenge_method",
    "nonce",
}


@pytest.fixture
def inferno() -> Iterator[Inferno]:
    with mock.wired(Inferno(returns_nonce=True)) as wired:
        yield wired


def asked_with(inferno: Inferno, scopes: str, mode: str = "ehr") -> list[str]:
    """The scopes that go out for a registration with these, as words."""
    row = register("ALCS")
    row.scopes = scopes
    row.save()
    launched(inferno, mode)
    return inferno.asked[0].fields["scope"].split(" ")


@pytest.mark.parametrize("mode", ["ehr", "standalone"])
def test_a_registration_of_our_own_making_asks_for_the_least(mode: str, inferno: Inferno) -> None:
    """R46, R47, R121, R125, R131, R148: what is read, each type once, no wildcard, nothing written, nothing lasting."""
    default = EhrRegistration._meta.get_field("scopes").get_default()
    words = asked_with(inferno, default, mode)
    assert {"openid", "fhirUser"} <= set(words)
    assert not {"offline_access", "online_access"} & set(words)
    resources = [word for word in words if "." in word]
    assert {"patient/Patient.rs", "patient/Condition.rs", "patient/MedicationRequest.rs"} <= set(resources)
    assert len(words) == len(set(words))
    for word in resources:
        assert re.fullmatch(r"patient/[A-Z][A-Za-z]+\.rs(\?category=[^ ]+)?", word), word
    read = {each.url.removeprefix(f"{FHIR}/").split("/")[0].split("?")[0] for each in inferno.reads()}
    asked = {word.removeprefix("patient/").split(".")[0] for word in resources}
    assert read <= asked, "nothing is read that was not asked for"


@pytest.mark.parametrize(
    "scopes",
    [
        "launch launch/patient launch/encounter patient/*.rs",
        "launch launch/diagnosticreport patient/Patient.rs patient/Condition.s",
        "launch launch/list?role=https://roles.test/at-home launch/list?role=https://roles.test/in-hospital user/*.rs",
        "launch openid fhirUser offline_access user/Patient.rs user/Condition.cruds",
        "launch patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "launch patient/Condition.rs?category=a|b&clinical-status=active",
        "launch http://smarthealthit.org/fhir/scopes/patient/*.rs "
        "http://openid.net/specs/openid-connect-core-1_0#openid",
        "launch patient/*.rs https://ehr.test/scopes/own __own",
    ],
)
def test_what_a_registration_asks_for_goes_out_as_it_is_written(scopes: str, inferno: Inferno) -> None:
    """R132, R135, R137, R141, R146, R153, R155 to R158, R162, R216, R219, R220: the whole grammar can be sent."""
    assert asked_with(inferno, scopes) == scopes.split()


def test_a_standalone_launch_may_ask_for_more_context(inferno: Inferno) -> None:
    """R152, R153, R166: the patient is asked for by scope in every case, an encounter where it is registered so."""
    words = asked_with(inferno, "launch launch/encounter patient/*.rs", "standalone")
    assert set(words) == {"launch/patient", "launch/encounter", "patient/*.rs"}


@pytest.mark.parametrize("mode", ["ehr", "standalone"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_is_sent_that_a_server_may_not_know(mode: str, method: str, inferno: Inferno) -> None:
    """R211, and every other parameter beside the standard's: neither `max_age` nor `claims` nor `resource`."""
    inferno.returns_nonce = True
    register("ALP", authorize_method=method, send_nonce=True)
    launched(inferno, mode)
    [asked] = inferno.asked
    assert asked.method == method.upper()
    assert set(asked.fields) == OF_THE_STANDARD - ({"launch"} if mode == "standalone" else set())


def test_a_form_is_posted_as_a_form(inferno: Inferno) -> None:
    """R52: the form says nothing else than its method and address, so its fields go urlencoded in the body."""
    register("ALP", authorize_method="post")
    page = Browser().get(inferno.launch_link())
    [form] = re.findall(r"<form [^>]*>", page.text)
    assert 'method="post"' in form
    assert f'action="{mock.AUTHORIZE}"' in form
    assert "enctype" not in form


def test_a_context_without_a_role_is_that_of_the_launch(inferno: Inferno) -> None:
    """R191."""
    study, task = {"reference": "ImagingStudy/1"}, {"reference": "Task/2", "role": "https://roles.test/todo"}
    inferno.context["fhirContext"] = [study, task]
    register("ALP")
    launched(inferno)
    kept = [(each["reference"], each["role"]) for each in Launch.objects.get().fhir_context]
    assert kept == [("ImagingStudy/1", "launch"), ("Task/2", "https://roles.test/todo")]


@pytest.mark.parametrize("intent", ["no-such-intent", "../../admin", "<b>reconcile</b>", 7])
def test_an_intent_that_we_do_not_know_shows_the_usual_chart(intent: object, inferno: Inferno) -> None:
    """R193: as if none had come."""
    register("ALP")
    usual = launched(inferno).chart
    inferno.context["intent"] = intent
    chart = launched(inferno).chart
    for mark in ("data-page", "data-panel", "data-state", "data-patient"):
        assert chart.marks(mark) == usual.marks(mark)
    assert "<b>reconcile" not in chart.text


def test_an_extension_of_the_token_response_is_passed_over(inferno: Inferno) -> None:
    """Members under a URI or `__name` are somebody's own; so are `authorization_details` of another type."""
    inferno.context |= {
        "https://ehr.test/own": {"patient": "other"},
        "__own": [1, None],
        "authorization_details": [{"type": "openid_credential", "locations": [FHIR], "patient": "other"}],
    }
    register("ALP")
    launched(inferno)
    assert Launch.objects.get().patient == PATIENT


def test_no_secret_reaches_the_browser(inferno: Inferno) -> None:
    """R7, R8, R9, R90: neither tokens nor secret nor verifier are in cookies, pages or addresses; at rest encrypted."""
    register("ALCS")
    Browser.everything.clear()
    journey = launched(inferno)
    refreshed(inferno, journey)
    forms = [request.form for request in inferno.tokens()]
    verifiers = {form.get("code_verifier", "") for form in forms}
    secrets = {CLIENT_SECRET, *inferno.issued, *inferno.refresh_tokens, *verifiers}
    cookies = " ".join(morsel.value for morsel in journey.browser.cookies.values())
    seen = " ".join(f"{page.url} {page.text} {dict(page.response.headers)}" for page in Browser.everything)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM launcher_launch")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT * FROM launcher_ehrregistration")
        rows += str(cursor.fetchall())
    for secret in secrets - {""}:
        assert secret not in cookies
        assert secret not in seen
        assert secret not in rows


@pytest.mark.parametrize("more", ["", "&code=x"])
def test_what_comes_back_is_neither_run_nor_followed(more: str, inferno: Inferno) -> None:
    """R5, R6: words and addresses of a refusal come from a browser and are not on our page."""
    register("ALP")
    browser = Browser()
    back = inferno.sends_back(browser.get(inferno.launch_link()))
    state = re.search(r"state=([^&]+)", back)
    assert state
    words = urlencode(
        {
            "error": "server_error",
            "error_description": "<script>alert(1)</script>",
            "error_uri": "https://evil.test/",
            "redirect_uri": "https://evil.test/",
            "next": "https://evil.test/",
        }
    )
    page: Page = browser.get(f"/callback/inferno?state={state[1]}&{words}{more}")
    assert page.error == "authorization_failed"
    assert "Location" not in page.response.headers
    assert "evil.test" not in page.text
    assert "alert(1)" not in page.text
    assert inferno.tokens() == []


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.swapcase])
def test_names_of_headers_are_read_in_any_case(spelling: Callable[[str], str], inferno: Inferno) -> None:
    """RFC 9110, 5.1; "Conformance" says so for CORS as well."""
    inferno.header_names = spelling
    register("ALP")
    launched(inferno)


def test_introspection_is_a_form_with_the_token_in_it(inferno: Inferno) -> None:
    """R270: RFC 7662, 2.1; the launch context comes back in the answer."""
    client = register("ALCS").as_client()
    door = door_for(client)
    config = smart_configuration.discover(door, client)
    journey = launched(inferno)
    assert journey.chart.patient == PATIENT
    found = smart_token.introspect(door, client, config, token=Launch.objects.get().access_token)
    assert (found.active, found.patient) == (True, PATIENT)
    [request] = [each for each in inferno.exchanges if each.url == INTROSPECT]
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"
    assert request.form == {"token": inferno.issued[-1]}


def test_a_user_elsewhere_is_named_and_never_asked_for(inferno: Inferno) -> None:
    """R97 for `fhirUser`, which may be the address of a resource on any host: the token does not go there."""
    inferno.fhir_user = "https://directory.test/fhir/Practitioner/7"
    row = register("ALP")
    row.scopes = "launch openid fhirUser patient/*.rs"
    row.save()
    launched(inferno)
    assert Launch.objects.get().fhir_user == inferno.fhir_user
    assert {urlsplit(each.url).hostname for each in inferno.exchanges} == {"inferno.test"}
