"""A mock EHR that behaves as the one of Inferno's client suite does: it answers nearly everything and judges later.

What it publishes and sends is fixed (SMART App Launch test kit, client suite for 2.2): an `issuer` without `jwks_uri`,
no sign-in page, long opaque codes, an id_token without our nonce, one echo for every search. Every request is kept,
so that the tests can judge them one by one, as that suite does.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import jwt
import requests
import urllib3

from launcher.smart import http
from tests.browser import Browser, Page
from tests.smart import forging

ROOT = "https://inferno.test/custom/smart_client_stu2_2"
FHIR = f"{ROOT}/fhir"
AUTHORIZE = f"{ROOT}/auth/authorization"
TOKEN = f"{ROOT}/auth/token"
INTROSPECT = f"{ROOT}/auth/introspect"
CLIENT_ID = "inferno-session-1"
CLIENT_SECRET = "inferno-secret-0123456789"
PATIENT = "inferno-1"
REDIRECT_URI = "https://testserver/callback/inferno"

_KEY = "inferno-oidc"
_CODE_SECONDS = 600
_TOKEN_SECONDS = 3600
_YEAR = 365 * 24 * 3600
_NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}

Json = dict[str, Any]
Answered = tuple[int, Mapping[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a code: how it came and with which fields (as pairs, so that a repeated one would show)."""

    method: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> dict[str, str]:
        return dict(self.pairs)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request over the back channel, with what was answered."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    status: int
    body: bytes

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found


def configuration() -> Json:
    """The fixed SMART configuration; `issuer` without `jwks_uri`, neither `sso-openid-connect` nor revocation."""
    return {
        "issuer": FHIR,
        "authorization_endpoint": AUTHORIZE,
        "token_endpoint": TOKEN,
        "introspection_endpoint": INTROSPECT,
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "response_types_supported": ["code"],
        "scopes_supported": ["system/*.read", "user/*.read", "patient/*.read"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "capabilities": [
            "launch-ehr",
            "launch-standalone",
            "authorize-post",
            "client-public",
            "client-confidential-symmetric",
            "client-confidential-asymmetric",
            "context-banner",
            "context-style",
            "context-ehr-patient",
            "context-ehr-encounter",
            "context-standalone-patient",
            "context-standalone-encounter",
            "permission-offline",
            "permission-online",
            "permission-patient",
            "permission-user",
            "permission-v1",
            "permission-v2",
        ],
    }


def patient_resource() -> Json:
    return {"resourceType": "Patient", "id": PATIENT, "name": [{"family": "Examinee", "given": ["Ines"]}]}


@dataclass
class Inferno:
    """The mock; what a test changes about it stands in its fields.

    `context` is merged into every token response, `token_members` replaces or (with None) removes members of them,
    `echo` is the one answer to what is not among `resources`; without it there is an OperationOutcome. `returns_nonce`,
    `rotates` (a new refresh token each time) and `header_names` (how they are spelled) go beyond Inferno's own mock.
    """

    configuration: Json = field(default_factory=configuration)
    context: Json = field(default_factory=lambda: {"patient": PATIENT})
    token_members: Json = field(default_factory=dict)
    fhir_user: str = "Practitioner/inferno-doctor"
    returns_nonce: bool = False
    rotates: bool = False
    header_names: Callable[[str], str] = str
    resources: list[Json] = field(default_factory=lambda: [patient_resource()])
    echo: Json | None = None
    asked: list[Asked] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    launches: list[str] = field(default_factory=list)
    codes: dict[str, Asked] = field(default_factory=dict)
    refresh_tokens: dict[str, Asked] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        """The product's way out (`launcher.smart.http.set_transport`): no sockets."""
        url = request.url or ""
        text = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
        form = dict(parse_qsl(text, keep_blank_values=True))
        status, written, body = self._answer(request.method or "", url, request.headers, form)
        headers = {self.header_names(name): value for name, value in written.items()}
        self.exchanges.append(Exchange(request.method or "", url, dict(request.headers), form, status, body))
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.url = url
        response.request = request
        response.raw = urllib3.HTTPResponse(
            body=io.BytesIO(body), headers=headers, status=status, preload_content=False
        )
        return response

    def launch_link(self, **more: str) -> str:
        """What the tester clicks for an EHR launch: our launch address, the FHIR base and 64 hexadecimal digits."""
        self.launches.append(secrets.token_hex(32))
        return "/launch/inferno?" + urlencode({"iss": FHIR, "launch": self.launches[-1], **more})

    def sends_back(self, page: Page) -> str:
        """Follow our answer to the authorization endpoint, redirect or form; the callback address, without a stop."""
        if page.status == 302:
            address, method = page.location, "GET"
            assert address.split("?")[0] == AUTHORIZE, page.error
            pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True)
        else:
            assert f'action="{AUTHORIZE}"' in page.text, page.error
            found = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text)
            pairs, method = [(name, html.unescape(value)) for name, value in found], "POST"
        asked = Asked(method, tuple(pairs))
        self.asked.append(asked)
        code = _opaque(_CODE_SECONDS)
        self.codes[code] = asked
        back = asked.fields["redirect_uri"]
        joint = "&" if "?" in back else "?"
        return f"{back}{joint}code={quote(code, safe='')}&state={quote(asked.fields.get('state', ''), safe='')}"

    def tokens(self, *grants: str) -> list[Exchange]:
        """The requests to the token endpoint, in order; of these grants only, if any are named."""
        found = [each for each in self.exchanges if each.url == TOKEN]
        return [each for each in found if each.form.get("grant_type") in grants] if grants else found

    def reads(self) -> list[Exchange]:
        """The FHIR requests, without the documents of discovery."""
        return [
            each
            for each in self.exchanges
            if each.url.startswith(f"{FHIR}/") and "/.well-known/" not in each.url and not _is_metadata(each.url)
        ]

    def _answer(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str]) -> Answered:
        address = url.split("?")[0]
        if address == f"{FHIR}/.well-known/smart-configuration":
            return _json(self.configuration)
        if address == f"{FHIR}/.well-known/openid-configuration":
            return _json(_openid_configuration())
        if address == f"{FHIR}/.well-known/jwks.json":
            return _json({"keys": [forging.jwk(_KEY, alg="RS256", use="sig")]})
        if address == TOKEN and method == "POST":
            return self._token(form)
        if address == INTROSPECT and method == "POST":
            known = form.get("token") in self.issued
            return _json({"active": True, "client_id": CLIENT_ID, **self.context} if known else {"active": False})
        if address.startswith(f"{FHIR}/"):
            return self._fhir(address.removeprefix(f"{FHIR}/"), headers)
        return 404, {"Content-Type": "text/html"}, b"<p>Not Found</p>"

    def _token(self, form: Mapping[str, str]) -> Answered:
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            return self._granted(form.get("scope", ""), {})
        known = self.codes if grant == "authorization_code" else self.refresh_tokens
        credential = form.get("code" if grant == "authorization_code" else "refresh_token", "")
        asked = known.get(credential)
        if asked is None:
            return _json({"error": "invalid_client", "error_description": "no authorization request found"}, 401)
        if grant == "authorization_code" and _has_ended(credential):
            return _json(_outcome("expired", "Authorization code has expired"), 401)
        fields = asked.fields
        verifier = form.get("code_verifier", "")
        if verifier and s256(verifier) != fields.get("code_challenge"):
            return _json({"error": "invalid_client", "error_description": "pkce check failed"}, 401)
        scopes = fields.get("scope", "").split()
        extra: Json = dict(self.context)
        if {"offline_access", "online_access"} & set(scopes):
            fresh = self.rotates or grant == "authorization_code"
            extra["refresh_token"] = secrets.token_urlsafe(40) if fresh else credential
            self.refresh_tokens[extra["refresh_token"]] = asked
        if "openid" in scopes:
            extra["id_token"] = self._id_token(fields)
        return self._granted(fields.get("scope", ""), extra)

    def _granted(self, scope: str, extra: Json) -> Answered:
        body = {
            **extra,
            "access_token": _opaque(_TOKEN_SECONDS),
            "token_type": "Bearer",
            "expires_in": _TOKEN_SECONDS,
            "scope": scope,
            **self.token_members,
        }
        body = {name: value for name, value in body.items() if value is not None}
        self.issued.append(body["access_token"])
        return 200, _NO_STORE, json.dumps(body).encode()

    def _id_token(self, fields: Mapping[str, str]) -> str:
        now = int(time.time())
        claims: Json = {
            "iss": FHIR,
            "sub": self.fhir_user.lower().replace("/", "-"),
            "aud": fields.get("client_id", ""),
            "exp": now + _YEAR,
            "iat": now,
        }
        if "fhirUser" in fields.get("scope", "").split():
            claims["fhirUser"] = self.fhir_user if ":" in self.fhir_user else f"{FHIR}/{self.fhir_user}"
        if self.returns_nonce and "nonce" in fields:
            claims["nonce"] = fields["nonce"]
        return jwt.encode(claims, forging.private_key(_KEY, 2048), algorithm="RS256", headers={"kid": _KEY})

    def _fhir(self, path: str, headers: Mapping[str, str]) -> Answered:
        if _has_ended(headers.get("Authorization", "").removeprefix("Bearer ")):
            return _json(_outcome("expired", "Bearer token has expired"), 401)
        for resource in self.resources:
            if path == f"{resource['resourceType']}/{resource['id']}":
                return _json(resource, kind="application/fhir+json")
        if self.echo is not None:
            return _json(self.echo, kind="application/fhir+json")
        return _json(_outcome("required", "No response provided to echo."), 400, kind="application/fhir+json")


@contextmanager
def wired(inferno: Inferno) -> Iterator[Inferno]:
    """Put the mock behind the product's only way out."""
    before = http.set_transport(inferno)
    try:
        yield inferno
    finally:
        http.set_transport(before)


def key_set() -> list[Json]:
    """The product's published keys, fetched as the mock fetches a registered JWKS address."""
    keys: list[Json] = json.loads(Browser().get("/.well-known/jwks.json").text)["keys"]
    return keys


def s256(verifier: str) -> str:
    """RFC 7636, 4.2, written out anew so that it is judged by other code than it is made by."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def _is_metadata(url: str) -> bool:
    return url.split("?")[0] == f"{FHIR}/metadata"


def _openid_configuration() -> Json:
    return {
        "issuer": FHIR,
        "authorization_endpoint": AUTHORIZE,
        "token_endpoint": TOKEN,
        "jwks_uri": f"{FHIR}/.well-known/jwks.json",
        "response_types_supported": ["code", "id_token", "token id_token"],
        "subject_types_supported": ["pairwise", "public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _opaque(seconds: int) -> str:
    """A code or token as the mock makes them: unpadded base64url of a small JSON, opaque to the client."""
    told = {"client_id": CLIENT_ID, "expiration": int(time.time()) + seconds, "nonce": secrets.token_hex(8)}
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def _has_ended(token: str) -> bool:
    try:
        told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("expiration", time.time()) < time.time()


def _outcome(code: str, text: str) -> Json:
    issue = {"severity": "fatal", "code": code, "details": {"text": text}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _json(body: Json, status: int = 200, *, kind: str = "application/json") -> Answered:
    return status, {"Content-Type": kind}, json.dumps(body).encode()
