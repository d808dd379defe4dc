"""Cases 1 to 6 (launch request), 11 to 13 and 17 (issuer and discovery), 24 and 25 (redirects), by number."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from django.test import Client

from launcher.models import AuditEvent, EhrRegistration, Launch, PendingLaunch
from tests.browser import ORIGIN, Browser
from tests.loopback import Bridge
from tests.security.steps import R4, asked, iss_of, launch_url, no_launch_was_opened, opened, refused, registration

pytestmark = pytest.mark.django_db
VARYING = {"state", "nonce", "code_challenge"}


def authorize_query(browser: Browser, url: str) -> dict[str, list[str]]:
    page = browser.get(url)
    assert page.status == 302, page.error
    return page.query


def test_case_1_a_registered_launch_is_answered_with_exactly_the_standards_request(
    ehrs: Bridge, browser: Browser
) -> None:
    page = browser.get(launch_url(patient="abc"))
    assert page.status == 302
    row = registration()
    assert urlsplit(page.location).path.endswith("/authorize")
    query = page.query
    assert set(query) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "aud",
        "launch",
        "state",
        "code_challenge",
        "code_challenge_method",
        "nonce",
    }
    assert all(len(values) == 1 for values in query.values())
    assert query["response_type"] == ["code"]
    assert query["client_id"] == [row.client_id]
    assert query["redirect_uri"] == [row.redirect_uri]
    assert query["scope"] == [row.scopes]
    assert query["aud"] == [iss_of(R4)]
    assert query["launch"] == ["abc"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 22
    assert list(AuditEvent.objects.order_by("id").values_list("event", flat=True)) == [
        "launch.received",
        "authz.redirected",
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"launch": "abc"},
        {"iss": "REGISTERED"},
        {"iss": "", "launch": ""},
        {"iss": "REGISTERED", "launch": ""},
        {},
    ],
)
def test_case_2_a_launch_without_iss_or_launch_is_explained(
    query: dict[str, str], ehrs: Bridge, browser: Browser
) -> None:
    EhrRegistration.objects.update(launch_modes=["ehr"])
    given = {name: iss_of(R4) if value == "REGISTERED" else value for name, value in query.items()}
    page = browser.get("/launch?" + urlencode(given))
    refused(page, status=400, code="launch_incomplete", event="launch.rejected")
    assert ehrs.seen == []
    assert not PendingLaunch.objects.exists()


def test_case_2_a_registration_for_standalone_launches_takes_no_ehr_launch(ehrs: Bridge, browser: Browser) -> None:
    row = registration()
    row.launch_modes = ["standalone"]
    row.save()
    refused(browser.get(launch_url()), status=400, code="launch_incomplete", event="launch.rejected", reason="mode")
    assert ehrs.seen == []


@pytest.mark.parametrize("doubled", ["iss", "launch"])
@pytest.mark.parametrize("values", [("REGISTERED", "OTHER"), ("OTHER", "REGISTERED"), ("OTHER", "OTHER")], ids="-".join)
def test_case_3_neither_the_first_nor_the_last_of_two_values_wins(
    doubled: str, values: tuple[str, str], ehrs: Bridge, browser: Browser
) -> None:
    known = {"REGISTERED": {"iss": iss_of(R4), "launch": "54520"}, "OTHER": {"iss": iss_of("epic"), "launch": "54531"}}
    single = "launch" if doubled == "iss" else "iss"
    query = [(single, known["REGISTERED"][single]), *((doubled, known[value][doubled]) for value in values)]
    in_query = browser.get("/launch?" + urlencode(query))
    refused(in_query, status=400, code="launch_incomplete", event="launch.rejected", reason=f"{doubled}_repeated")
    apart = browser.post("/launch?" + urlencode(query[:2]), dict(query[2:]))
    refused(apart, status=400, code="launch_incomplete", event="launch.rejected", reason=f"{doubled}_repeated")
    assert ehrs.seen == []
    assert not PendingLaunch.objects.exists()


@pytest.mark.parametrize("doubled", ["iss", "launch"])
def test_case_3_a_repeated_parameter_is_refused(doubled: str, ehrs: Bridge, browser: Browser) -> None:
    query = [("iss", iss_of(R4)), ("launch", "x"), (doubled, iss_of(R4) if doubled == "iss" else "y")]
    refused(browser.get("/launch?" + urlencode(query)), status=400, code="launch_incomplete", event="launch.rejected")
    assert ehrs.seen == []


def test_case_3_query_and_body_that_disagree_are_refused(ehrs: Bridge, browser: Browser) -> None:
    page = browser.post(launch_url(), {"launch": "another"})
    refused(page, status=400, code="launch_incomplete", event="launch.rejected")
    assert ehrs.seen == []


@pytest.mark.parametrize("name", ["iss", "launch"])
@pytest.mark.parametrize(
    "value",
    ["x" * 65_536, "a\x00b", "a\r\nb", "a\nSet-Cookie: x", "a‮b", "%ED%A0%80", "a\x1bb"],
    ids=["64kB", "NUL", "CRLF", "LF", "bidi", "surrogate", "ESC"],
)
def test_case_4_oversized_and_malformed_values_are_refused(
    name: str, value: str, ehrs: Bridge, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    encoded = value if value.startswith("%") else quote(value)
    other = ("launch", "x") if name == "iss" else ("iss", quote(iss_of(R4)))
    caplog.clear()
    page = browser.get(f"/launch?{name}={encoded}&{other[0]}={other[1]}")
    refused(page, status=400, code="launch_incomplete", event="launch.rejected")
    assert ehrs.seen == []
    lines = [
        record for record in caplog.records if record.name == "smartportal" and page.reference in record.getMessage()
    ]
    assert len(lines) == 1
    assert len(lines[0].getMessage()) < 300
    assert "\n" not in lines[0].getMessage()


def test_case_5_added_parameters_change_nothing(ehrs: Bridge, browser: Browser) -> None:
    plain = authorize_query(browser, launch_url())
    added = authorize_query(
        browser,
        launch_url(
            redirect_uri="https://evil.test/", client_id="evil", scope="system/*.*", state="mine", next="/x", aud="evil"
        ),
    )
    assert {name: value for name, value in plain.items() if name not in VARYING} == {
        name: value for name, value in added.items() if name not in VARYING
    }
    assert added["state"] != ["mine"]


def test_case_6_one_link_opened_twice_at_once_gives_two_launches(ehrs: Bridge, browser: Browser) -> None:
    first = browser.visit(launch_url(), until="/callback").location
    second = browser.visit(launch_url(), until="/callback").location
    pages = [browser.visit(second), browser.visit(first)]
    assert [page.status for page in pages] == [200, 200]
    assert len({page.url for page in pages}) == 2
    assert [browser.get(page.url).patient for page in pages] == ["54520", "54520"]
    assert Launch.objects.count() == 2


def refused_without_a_look_up(iss: str, ehrs: Bridge, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_dns(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr("socket.getaddrinfo", no_dns)
    page = browser.get("/launch?" + urlencode({"iss": iss, "launch": "x"}))
    refused(page, status=403, code="unknown_issuer", event="launch.rejected", reason="unregistered")
    assert ehrs.seen == []
    assert iss not in page.text


@pytest.mark.parametrize(
    "iss", ["https://unregistered.example.org/fhir", "https://8.8.8.8/fhir", "https://" + "x" * 1900 + ".example.org"]
)
def test_case_11_and_12_an_unregistered_issuer_is_refused_without_a_look_up(
    iss: str, ehrs: Bridge, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused_without_a_look_up(iss, ehrs, browser, monkeypatch)


@pytest.mark.parametrize(
    "iss",
    [
        "http://169.254.169.254/",
        "http://localhost:6379/",
        "http://[::1]:6379/",
        "http://2130706433/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "javascript:alert(1)",
        "nonsense",
    ],
)
def test_case_12_an_issuer_inside_the_network_or_of_another_scheme_is_refused_without_a_look_up(
    iss: str, ehrs: Bridge, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused_without_a_look_up(iss, ehrs, browser, monkeypatch)


@pytest.mark.parametrize(
    ("spelling", "known"),
    [
        ("https://fhir.hosp.org/r4", True),
        ("https://fhir.hosp.org/r4/", True),
        ("HTTPS://FHIR.HOSP.ORG/r4", True),
        ("https://fhir.hosp.org:443/r4", True),
        ("https://fhir.hosp.org:8443/r4", False),
        ("http://fhir.hosp.org/r4", False),
        ("https://fhir.hosp.org/R4", False),
        ("https://fhir.hosp.org.evil.test/r4", False),
        ("https://fhir.hosp.org@evil.test/r4", False),
        ("https://fhir.hosp.org\\@evil.test/r4", False),
        ("https://fhir.hosp.org%2eevil.test/r4", False),
        ("https://fhir.hosp.org/r4?x=1", False),
        ("https://fhir.hosp.org/r4#x", False),
        ("https://fhir.hosp.org/r4//", False),
        ("https://fhir.hosp.org/r4/../r4", False),
        ("https://fhir.hosp.оrg/r4", False),
        ("//fhir.hosp.org/r4", False),
        (" https://fhir.hosp.org/r4", False),
    ],
)
def test_case_13_look_alikes_are_not_the_registered_issuer(
    spelling: str, known: bool, ehrs: Bridge, browser: Browser
) -> None:
    row = registration()
    row.iss = "https://fhir.hosp.org/r4"
    row.save()
    page = browser.get("/launch?" + urlencode({"iss": spelling, "launch": "x"}))
    if known:
        # Found, so it is asked for its endpoints; nothing answers at that address here.
        assert page.error in {"ehr_unreachable", "discovery_failed"}
        assert {seen.path for seen in ehrs.seen} <= {"/r4/.well-known/smart-configuration", "/r4/metadata"}
    else:
        refused(page, status=403, code="unknown_issuer", event="launch.rejected")
        assert ehrs.seen == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("discovery-redirect", "redirect"),
        ("discovery-html", "not_json"),
        ("discovery-empty", "not_json"),
        ("discovery-array", "content"),
        ("discovery-no-token-endpoint", "endpoint_missing"),
        ("discovery-http-endpoint", "endpoint_scheme"),
        ("discovery-javascript-endpoint", "endpoint_scheme"),
        ("discovery-foreign-endpoint", "host_unapproved"),
        ("discovery-404", "missing"),
        ("discovery-500", "status"),
    ],
)
def test_case_17_discovery_that_cannot_be_used_stops_the_launch_and_says_why(
    fault: str, reason: str, ehrs: Bridge, browser: Browser
) -> None:
    row = registration()
    row.iss = iss_of(f"smart-r4~{fault}")
    row.save()
    page = browser.get("/launch?" + urlencode({"iss": row.iss, "launch": "54520"}))
    refused(page, status=502, code="discovery_failed", event="discovery.failed", reason=reason)
    assert not [word for word in ("javascript:", "stranger", "<form", "Traceback") if word in page.text]
    assert all("discovery" in seen.path for seen in ehrs.seen)
    assert asked(ehrs, "authorize") == 0
    assert "Location" not in page.response.headers
    assert not PendingLaunch.objects.exists()


@pytest.mark.parametrize("name", ["next", "return", "url"])
@pytest.mark.parametrize(
    "target",
    ["//evil.test", "https:evil.test", "/\\evil.test", "%2f%2fevil.test", "javascript:alert(1)", "http:///evil"],
)
def test_case_24_no_parameter_chooses_where_to_land(name: str, target: str, ehrs: Bridge, browser: Browser) -> None:
    page = opened(browser, launch_url(**{name: target}))
    assert all("evil" not in urlsplit(url).netloc for url in page.history)
    assert urlsplit(page.url).path == f"/chart/{Launch.objects.get().pk}/"
    callback = browser.visit(launch_url(), until="/callback").location
    landed = browser.get(f"{callback}&{name}={quote(target)}")
    assert landed.status == 303
    assert urlsplit(landed.location).netloc == "testserver"


def test_case_25_a_foreign_host_header_opens_nothing_and_changes_no_address(ehrs: Bridge, browser: Browser) -> None:
    page = browser.get(launch_url(), Host="evil.test")
    assert (page.status, page.error) == (404, "not_found")
    assert ehrs.seen == []
    forwarded = browser.get(launch_url(), **{"X-Forwarded-Host": "evil.test"})
    assert parse_qs(urlsplit(forwarded.location).query)["redirect_uri"] == [f"{ORIGIN}/callback/smart-r4"]
    no_launch_was_opened()


def test_case_7_a_prefetch_spends_nothing(ehrs: Bridge, browser: Browser) -> None:
    page = browser.get(launch_url(), **{"Sec-Purpose": "prefetch;prerender"})
    assert (page.status, page.text) == (403, "")
    assert ehrs.seen == []
    assert not PendingLaunch.objects.exists()


@pytest.mark.parametrize("address", ["/launch", "/callback"])
def test_a_body_that_cannot_be_read_is_refused_in_words(address: str, ehrs: Bridge) -> None:
    answer = Client().generic("POST", address, b"x", content_type="multipart/form-data", secure=True)
    assert answer.status_code == 400
    assert ('data-error="launch_incomplete"' if address == "/launch" else 'data-error="state_unknown"') in (
        answer.content.decode()
    )
