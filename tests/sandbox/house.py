"""A visitor to the simulated EHRs: does each step of a launch as a well-behaved client does, or as it is told."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from django.test import Client

from sandbox import store
from sandbox.addresses import EhrAddress
from sandbox.clients import client_for
from sandbox.handles import to_proxy
from sandbox.scenario import LaunchScenario

Answer = Any
"""What Django's test client returns: a response with `json()` besides."""

ORIGIN = "https://testserver"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPES = {
    "smart-r4": "launch openid fhirUser profile patient/*.rs offline_access",
    "allscripts-professional": "launch openid profile",
    "allscripts-touchworks": "launch openid profile",
    "allscripts-sunrise": "launch openid profile",
    "epic": "launch openid fhirUser offline_access",
    "oracle-health": "launch openid fhirUser online_access"
    " patient/Patient.rs patient/Condition.rs patient/MedicationRequest.rs patient/AllergyIntolerance.rs"
    " patient/Observation.rs patient/Immunization.rs patient/Encounter.rs patient/DocumentReference.rs"
    " patient/Binary.rs",
    "azure": "launch offline_access patient/*.read",
    "smart-stu3": "launch openid profile patient/*.read offline_access",
}
EHRS = tuple(SCOPES)
NEWER = tuple(ehr for ehr in EHRS if not ehr.startswith("allscripts"))
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def path_of(url: str) -> str:
    """The part of one of our own absolute addresses that Django's test client takes."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def params_of(response: Answer) -> dict[str, list[str]]:
    return parse_qs(urlsplit(response["Location"]).query)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


@dataclass
class Visitor:
    """One launch at one EHR. `discovery` is a discovery fault in the address; `scenario` goes into the handle."""

    http: Client
    ehr: str = "smart-r4"
    patient: str = ""
    discovery: str = ""
    scenario: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patient = self.patient or next(person.id for person in store.people(self.ehr) if person.conditions)
        self.address = EhrAddress.parse(f"{self.ehr}~{self.discovery}" if self.discovery else self.ehr)
        self.client = client_for(self.ehr)
        self.redirect_uri = self.client.redirect_uris[0]

    def handle(self) -> str:
        """A launch handle that says what is to be played, in the form that this EHR takes."""
        scenario = LaunchScenario(ehr=self.ehr, patient=self.patient, **self.scenario)
        return to_proxy(scenario) if self.address.personality.proxied else scenario.encode()

    def authorize_params(self, **changes: str | None) -> dict[str, str]:
        params: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPES[self.ehr],
            "state": "state-of-the-visitor",
            "aud": self.address.fhir_base,
            "launch": self.handle(),
            "nonce": "nonce-of-the-visitor",
            **({} if self.address.personality.proxied else PKCE),
            **changes,
        }
        return {name: value for name, value in params.items() if value is not None}

    def authorize(self, **changes: str | None) -> Answer:
        """Up to the answer that leads back to the app; through the sign-in service where there is one."""
        came = self.http.get(path_of(self.address.authorize_url), self.authorize_params(**changes))
        while came.status_code == 302 and came["Location"].startswith(f"{self.address.root}/"):
            came = self.http.get(path_of(came["Location"]))
        return came

    def code(self, **changes: str | None) -> str:
        return params_of(self.authorize(**changes))["code"][0]

    def token(self, code: str, *, authorization: str = "", **changes: str | None) -> Answer:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client.client_id,
            "client_secret": self.client.secret,
            "code_verifier": VERIFIER,
            **changes,
        }
        if not authorization and "client_secret_post" not in self.client.auth_methods and not changes:
            authorization = basic(self.client.client_id, self.client.secret)
            form["client_secret"] = None
        return self.post({name: value for name, value in form.items() if value is not None}, authorization)

    def post(self, form: dict[str, str], authorization: str = "") -> Answer:
        body = "&".join(f"{name}={_escaped(value)}" for name, value in form.items())
        headers = {"Authorization": authorization} if authorization else {}
        path = path_of(self.address.token_url)
        return self.http.post(path, body, content_type="application/x-www-form-urlencoded", headers=headers)

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        body: dict[str, Any] = self.token(self.code(**changes)).json()
        return body

    def refresh(self, refresh_token: str, **changes: str) -> Answer:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
        return self.post(form, basic(self.client.client_id, self.client.secret))

    def fhir(self, path: str, access_token: str, **headers: str) -> Answer:
        asked = {"Accept": self.address.personality.media_type, "Authorization": f"Bearer {access_token}", **headers}
        return self.http.get(path_of(f"{self.address.fhir_base}/{path}"), headers=asked)


def _escaped(value: str) -> str:
    return "".join(char if char.isalnum() or char in "-._" else f"%{ord(char):02X}" for char in value)


def pairs_of(response: Answer) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(response["Location"]).query, keep_blank_values=True)
