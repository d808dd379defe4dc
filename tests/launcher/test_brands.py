"""Taking in User-access Brands by command, and finding an EHR on the front page."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from launcher import brand_search
from launcher.models import AuditEvent, Brand, BrandEndpoint, BrandSource, EhrRegistration
from launcher.smart import http
from tests.browser import Browser, Page
from tests.loopback import _response
from tests.smart.test_brands import endpoint, organization

pytestmark = pytest.mark.django_db

MakeRegistration = Callable[..., EhrRegistration]
FHIR = "https://ehr.example.org/fhir"
VENDOR = "https://vendor.example.net/brands.json"
OWN = "https://ehr.example.org/brands.json"
CONFIGURATION = f"{FHIR}/.well-known/smart-configuration"


def bundle(*resources: dict[str, Any]) -> bytes:
    entries = [
        {"fullUrl": f"urn:directory/{each['resourceType']}/{each['id']}", "resource": each} for each in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def riverside(**more: Any) -> dict[str, Any]:
    return organization("o", "Riverside Hospital", **more)


@dataclass
class Web:
    """Documents by address; each has its ETag, and is not sent to who has it."""

    documents: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[requests.PreparedRequest] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        self.asked.append(request)
        url = request.url or ""
        body = self.documents.get(url)
        if body is None:
            return _response(request, self.statuses.get(url, 404), {}, b"")
        etag = f'"{len(body)}"'
        if request.headers.get("If-None-Match") == etag:
            return _response(request, 304, {"ETag": etag}, b"")
        return _response(request, self.statuses.get(url, 200), {"ETag": etag, "Content-Type": "application/json"}, body)

    def publish(self, **more: Any) -> None:
        """What the EHR says of itself."""
        said = {"authorization_endpoint": f"{FHIR}/a", "token_endpoint": f"{FHIR}/t", "capabilities": [], **more}
        self.documents[CONFIGURATION] = json.dumps(said).encode()

    def sent_to(self, url: str) -> list[requests.PreparedRequest]:
        return [request for request in self.asked if request.url == url]


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    before = http.set_transport(found)
    try:
        yield found
    finally:
        http.set_transport(before)


@pytest.fixture
def ehr(make_registration: MakeRegistration) -> EhrRegistration:
    return make_registration(iss=FHIR, fhir_version="R4", launch_modes=["ehr", "standalone"])


def import_brands(*arguments: str) -> str:
    out = io.StringIO()
    call_command("import_brands", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def from_file(folder: Path, *resources: dict[str, Any], name: str = "brands.json") -> str:
    path = folder / name
    path.write_bytes(bundle(*resources))
    return import_brands(str(path))


def found(query: str) -> Page:
    page = Browser().get(f"/?q={query}")
    assert page.status == 200
    return page


def names(page: Page) -> list[str]:
    return page.marks("data-brand")


# --- taking in ------------------------------------------------------------------------------------------------------
def test_a_file_is_taken_in_and_the_same_again_changes_nothing(tmp_path: Path, db: None) -> None:
    assert "brands.json: 1 brands" in from_file(tmp_path, riverside(), endpoint())
    first = Brand.objects.get()
    assert "nothing new; 1 brands" in from_file(tmp_path, riverside(), endpoint())
    assert Brand.objects.get() == first
    assert AuditEvent.objects.get(event="brands.imported").detail["brands"] == 1


def test_a_new_version_of_a_bundle_replaces_the_old_one_and_no_other(tmp_path: Path, db: None) -> None:
    from_file(tmp_path, riverside(), endpoint())
    from_file(tmp_path, organization("x", "Hill Clinic"), endpoint(), name="other.json")
    from_file(tmp_path, organization("o", "Riverside Medical Center"), endpoint())
    assert set(Brand.objects.values_list("name", flat=True)) == {"Riverside Medical Center", "Hill Clinic"}
    assert BrandEndpoint.objects.count() == 2


def test_an_address_is_asked_with_the_etag_of_what_is_there(web: Web) -> None:
    """R413, R414, R425, R426: If-None-Match, and the copy stays in use."""
    web.documents[VENDOR] = bundle(riverside(), endpoint())
    assert "1 brands" in import_brands(VENDOR)
    assert "nothing new; 1 brands" in import_brands(VENDOR)
    first, second = web.sent_to(VENDOR)
    assert "If-None-Match" not in first.headers
    assert second.headers["If-None-Match"] == f'"{len(web.documents[VENDOR])}"'
    assert not {"Authorization", "Cookie"} & (first.headers.keys() | second.headers.keys())
    web.documents[VENDOR] = bundle(organization("o", "Riverside Medical Center"), endpoint())
    import_brands(VENDOR)
    assert Brand.objects.get().name == "Riverside Medical Center"


def test_a_bundle_that_cannot_be_read_leaves_what_is_there(web: Web) -> None:
    web.documents[VENDOR] = bundle(riverside(), endpoint())
    import_brands(VENDOR)
    for body in (b"<html>", b"{}", b'{"resourceType": "Bundle", "type": "searchset"}'):
        web.documents[VENDOR] = body
        with pytest.raises(CommandError, match=re.escape(VENDOR)):
            import_brands(VENDOR)
    del web.documents[VENDOR]
    for status in (302, 304, 404, 500):
        web.statuses[VENDOR] = status
        if status != 304:
            with pytest.raises(CommandError, match=re.escape(VENDOR)):
                import_brands(VENDOR)
    assert Brand.objects.get().name == "Riverside Hospital"


def test_not_changed_is_no_answer_to_who_has_nothing(web: Web) -> None:
    web.statuses[VENDOR] = 304
    with pytest.raises(CommandError, match="redirect"):
        import_brands(VENDOR)
    assert not BrandSource.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name a file"),
        (("brands.json", "--ehr", "main"), "Name a file"),
        (("no-such-file.json",), "cannot be read"),
        (("ftp://vendor.example.net/x",), "neither a file nor a plain web address"),
        (("https://user@vendor.example.net/x",), "neither a file nor a plain web address"),
        (("--ehr", "nobody"), "no registration nobody"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: tuple[str, ...], sentence: str, db: None) -> None:
    with pytest.raises(CommandError, match=sentence):
        import_brands(*arguments)


def test_thousands_of_brands_are_taken_in_and_searched_with_few_queries(tmp_path: Path, ehr: EhrRegistration) -> None:
    resources = [organization(f"o{number}", f"Clinic {number:04}") for number in range(3000)]
    with CaptureQueriesContext(
        connection,
    ) as taken:
        from_file(tmp_path, *resources, endpoint(address="https://elsewhere.example.org/fhir"))
    assert len(taken) < 80
    from_file(tmp_path, *resources[:500], endpoint(address=FHIR), name="ours.json")
    with CaptureQueriesContext(connection) as asked:
        page = found("clinic")
    assert len(names(page)) == brand_search.SHOWN_MOST
    assert "There are more" in page.text
    about_brands = [query for query in asked if "launcher_brand" in query["sql"]]
    assert len(about_brands) <= 4


# --- finding --------------------------------------------------------------------------------------------------------
def test_an_ehr_is_found_by_its_brand_and_started_by_its_registration(tmp_path: Path, ehr: EhrRegistration) -> None:
    from_file(
        tmp_path,
        riverside(alias=["RVH"], address=[{"city": "Zürich", "postalCode": "8001"}]),
        endpoint(address=f"{FHIR.replace('ehr.', 'EHR.')}/"),
    )
    for query in ("riverside", "RIVER hosp", "rvh", "zurich", "8001", "hospital+zürich"):
        page = found(query)
        assert names(page) == ["Riverside Hospital"], query
        assert 'href="/standalone/main"' in page.text
    assert "Internal name" not in page.text, "Organization.name is shown, never Endpoint.name"
    assert names(found("riverside+bern")) == []
    assert "Nothing was found" in found("nowhere").text


def test_a_registration_is_found_by_its_own_name(ehr: EhrRegistration) -> None:
    page = found("mai")
    assert names(page) == ["Main"]
    assert 'href="/standalone/main"' in page.text


def test_a_brand_that_is_not_registered_is_shown_without_a_link(tmp_path: Path, ehr: EhrRegistration) -> None:
    """R435: an Endpoint is no authorization."""
    from_file(tmp_path, riverside(), endpoint(address="https://elsewhere.example.org/fhir"))
    page = found("riverside")
    assert names(page) == ["Riverside Hospital"]
    assert "Not set up here" in page.text
    assert "elsewhere.example.org" not in page.text
    assert "/standalone/" not in page.text


@pytest.mark.parametrize(
    ("values", "words"),
    [({"launch_modes": ["ehr"]}, "from inside the EHR"), ({"enabled": False}, "Not set up here")],
)
def test_what_may_not_start_here_has_no_link(
    values: dict[str, Any], words: str, tmp_path: Path, ehr: EhrRegistration
) -> None:
    for name, value in values.items():
        setattr(ehr, name, value)
    ehr.save()
    from_file(tmp_path, riverside(), endpoint(address=FHIR))
    page = found("riverside")
    assert names(page) == ["Riverside Hospital"]
    assert words in page.text
    assert "/standalone/" not in page.text


def test_a_registration_of_another_site_is_not_offered(tmp_path: Path, ehr: EhrRegistration) -> None:
    ehr.site = Site.objects.create(domain="second.test", name="Second")
    ehr.save()
    from_file(tmp_path, riverside(), endpoint(address=FHIR))
    assert "Not set up here" in found("riverside").text


def test_what_can_be_started_comes_first(tmp_path: Path, ehr: EhrRegistration) -> None:
    from_file(
        tmp_path,
        organization("a", "Aaa Clinic", endpoint=[{"reference": "Endpoint/x"}]),
        organization("z", "Zzz Clinic"),
        endpoint(address=FHIR),
        endpoint("x", "https://elsewhere.example.org/fhir"),
    )
    assert names(found("clinic")) == ["Zzz Clinic", "Aaa Clinic"]


def test_organizations_with_one_identifier_are_one_line(tmp_path: Path, ehr: EhrRegistration) -> None:
    """R420: merged by identifier, also across bundles."""
    same = [{"system": "s", "value": "riverside"}]
    from_file(tmp_path, riverside(identifier=same, address=[{"city": "Springfield"}]), endpoint(address=FHIR))
    other = endpoint(address="https://elsewhere.example.org/fhir")
    from_file(tmp_path, riverside(identifier=same, address=[{"city": "Shelby"}]), other, name="second.json")
    from_file(tmp_path, riverside(identifier=[{"system": "s", "value": "another"}]), other, name="third.json")
    page = found("riverside")
    assert names(page) == ["Riverside Hospital", "Riverside Hospital"]
    assert page.text.count("Not set up here") == 1


def test_names_from_outside_are_shown_as_text(tmp_path: Path, ehr: EhrRegistration) -> None:
    logo = {"url": "brandLogo", "valueUrl": "https://logo.example.net/x.png"}
    brand = {"url": "http://hl7.org/fhir/StructureDefinition/organization-brand", "extension": [logo]}
    from_file(tmp_path, organization("o", "<script>alert(1)</script> Clinic", extension=[brand]), endpoint())
    page = found("clinic")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Clinic" in page.text
    assert "logo.example.net" not in page.text, "no browser is sent to another origin"


@pytest.mark.parametrize("query", ["", "+++", "%00", "%E2%80%AE", "x" * 5000, "%25", "_", "'%22<b>", "a+b+c+d+e+f+g+h"])
def test_whatever_is_searched_for_gets_a_page(query: str, tmp_path: Path, ehr: EhrRegistration) -> None:
    from_file(tmp_path, riverside(), endpoint())
    page = found(query)
    assert "Riverside Hospital" not in page.text
    assert "<b>" not in page.text


def test_the_search_box_works_without_a_script_and_appears_when_there_is_something_to_search(
    tmp_path: Path, ehr: EhrRegistration
) -> None:
    page = Browser().get("/")
    assert 'type="search"' not in page.text
    assert 'href="/standalone/main"' in page.text
    from_file(tmp_path, riverside(), endpoint())
    page = Browser().get("/")
    assert re.search(r'<form class="search" role="search" method="get" action="/#choose">', page.text)
    assert '<label for="q">' in page.text
    assert "form-action 'self'" in page.response["Content-Security-Policy"]
    assert 'value="riverside"' in found("riverside").text


# --- the EHR's own word ---------------------------------------------------------------------------------------------
def test_what_an_ehr_itself_names_goes_before_a_vendors_bundle(web: Web, ehr: EhrRegistration) -> None:
    """R415, R416: found when the vendor's bundle is taken in, whose brands for this EHR are shown no more."""
    web.publish(user_access_brand_bundle=OWN)
    web.documents[OWN] = bundle(organization("own", "Riverside Hospital and Clinics"), endpoint(address=FHIR))
    other = endpoint("x", "https://elsewhere.example.org/fhir")
    hill = organization("hill", "Hill Hospital", endpoint=[{"reference": "Endpoint/x"}])
    web.documents[VENDOR] = bundle(organization("v", "RIVERSIDE HOSP DBA 7"), endpoint(address=FHIR), hill, other)
    said = import_brands(VENDOR)
    assert f"main: its own brands come from {OWN}" in said
    assert names(found("hosp")) == ["Riverside Hospital and Clinics", "Hill Hospital"]


def test_an_ehr_may_name_one_organization_of_a_vendors_bundle(web: Web, ehr: EhrRegistration) -> None:
    web.publish(user_access_brand_bundle=VENDOR, user_access_brand_identifier={"system": "s", "value": "r"})
    web.documents[VENDOR] = bundle(
        riverside(identifier=[{"system": "s", "value": "r"}]),
        organization("part", "Riverside Eye Clinic", partOf={"reference": "Organization/o"}, endpoint=[]),
        organization("twin", "Riverside of Another Town", identifier=[{"system": "s", "value": "x"}]),
        endpoint(address=FHIR),
    )
    import_brands(VENDOR)
    assert len(web.sent_to(VENDOR)) == 1
    assert names(found("riverside")) == ["Riverside Eye Clinic", "Riverside Hospital"]


def test_an_ehr_is_asked_for_its_brands_by_name(web: Web, ehr: EhrRegistration) -> None:
    web.publish(user_access_brand_bundle="../brands.json")
    web.documents[OWN] = bundle(riverside(), endpoint(address=FHIR))
    assert f"its own brands come from {OWN}" in import_brands("--ehr", "main")
    assert names(found("riverside")) == ["Riverside Hospital"]


def test_an_ehr_that_names_none_says_so(web: Web, ehr: EhrRegistration) -> None:
    web.publish()
    assert "names no brands of its own" in import_brands("--ehr", "main")
    assert web.sent_to(OWN) == []


def test_an_ehrs_word_leads_to_approved_origins_only(web: Web, ehr: EhrRegistration) -> None:
    web.publish(user_access_brand_bundle=VENDOR)
    web.documents[VENDOR] = bundle(riverside(), endpoint(address=FHIR))
    with pytest.raises(CommandError, match="approved origins"):
        import_brands("--ehr", "main")
    assert web.sent_to(VENDOR) == []
    import_brands(VENDOR)
    assert f"its own brands come from {VENDOR}" in import_brands("--ehr", "main"), "an administrator named it"


def test_an_ehr_that_does_not_answer_costs_only_its_own_word(web: Web, ehr: EhrRegistration) -> None:
    web.documents[VENDOR] = bundle(riverside(), endpoint(address=FHIR))
    assert "main did not say whether it has brands of its own" in import_brands(VENDOR)
    assert names(found("riverside")) == ["Riverside Hospital"]
