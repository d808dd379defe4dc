"""An EHR played below the real HTTP client: one patient, the answer to one search, and what it refers to."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from django.utils import timezone

from launcher import cookies
from launcher.models import EhrRegistration, Launch
from launcher.smart import http
from tests.browser import ORIGIN, Browser

BASE = "https://ehr.example.org/fhir"
SECRET = "the-secret-of-one-chart"
OLD_MEDIA_TYPE, MEDIA_TYPE = "application/json+fhir", "application/fhir+json"

Json = dict[str, Any]


class PlayedEhr:
    """Answers the Patient read, a search by the one resource of its type, and reads of what is `beside` it."""

    def __init__(self, patient: Json, resources: Mapping[str, Json], version: str, beside: Mapping[str, Json]) -> None:
        self._patient, self._resources, self._beside = patient, resources, beside
        self._media_type = OLD_MEDIA_TYPE if version == "DSTU2" else MEDIA_TYPE

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        path = urlsplit(request.url or "").path.removeprefix(urlsplit(BASE).path).strip("/")
        body = self._beside.get(path) or (self._patient if path.startswith("Patient/") else self._bundle(path))
        headers = {"Content-Type": self._media_type}
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response.headers.update(headers)
        content = io.BytesIO(json.dumps(body).encode())
        response.raw = urllib3.HTTPResponse(body=content, headers=headers, status=200, preload_content=False)
        return response

    def _bundle(self, kind: str) -> Json:
        found = [self._resources[kind]] if kind in self._resources else []
        entries = [{"fullUrl": f"{BASE}/{kind}/{each.get('id')}", "resource": each} for each in found]
        return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def open_launch(patient_id: str, version: str) -> Launch:
    """A launch of this patient, open in a browser that keeps `SECRET`. Needs the database."""
    registration, _ = EhrRegistration.objects.get_or_create(
        slug="ehr", defaults={"site_id": settings.SITE_ID, "name": "Example EHR", "iss": BASE, "client_id": "app"}
    )
    return Launch.objects.create(
        site_id=settings.SITE_ID,
        registration=registration,
        reference="ABC234",
        created_at=timezone.now(),
        last_seen_at=timezone.now(),
        binding_hash=cookies.hashed(SECRET),
        iss=BASE,
        fhir_version=version,
        configuration={},
        patient=patient_id,
        requested_scopes="launch",
        access_token="opaque",
    )


@contextmanager
def played(ehr: PlayedEhr) -> Iterator[None]:
    """Requests go to this EHR."""
    before = http.set_transport(ehr)
    try:
        yield
    finally:
        http.set_transport(before)


def chart_of(launch: Launch, ehr: PlayedEhr) -> tuple[int, str]:
    """Status and HTML of the whole chart, over its real address."""
    with played(ehr):
        page = Browser(Cookie=f"__Secure-sp-launch={SECRET}").get(f"{ORIGIN}/chart/{launch.pk}/")
        return page.status, page.text
