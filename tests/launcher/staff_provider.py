"""A little OpenID provider: real signatures, codes for one use, PKCE and client authentication checked, no sockets.

It answers what leaves through the product's door, so that the door's own rules hold. Its faults are switched by fields.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import requests
import urllib3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from launcher.smart import http
from tests.smart import forging

ISSUER = "https://login.hospital.test/realms/staff"
CLIENT_ID, CLIENT_SECRET = "portal-admin", "s3cret:of+the portal"

Answer = tuple[int, Any]


@dataclass
class Account:
    """Somebody at the provider: what it says of them, besides what it says of every sign-in."""

    sub: str = "u-1001"
    claims: dict[str, Any] = field(default_factory=lambda: {"groups": ["portal-integrators"]})


@dataclass
class _Code:
    account: Account
    asked: dict[str, str]


@dataclass
class StaffProvider:
    """`answers` replaces what an endpoint says (by the last part of its path); `token` changes or replaces an id_token.

    `seen` are the addresses that were asked, without their queries.
    """

    account: Account = field(default_factory=Account)
    document: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] = forging.rs256
    keys: list[dict[str, Any]] = field(default_factory=lambda: [forging.jwk("a", use="sig", alg="RS256")])
    userinfo: dict[str, Any] | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    down: bool = False
    seen: list[str] = field(default_factory=list)
    at_hash: bool = True
    _codes: dict[str, _Code] = field(default_factory=dict)
    _access: dict[str, Account] = field(default_factory=dict)

    def sign_in(self, address: str) -> str:
        """What the browser comes back to, when somebody has signed in at `address`, where the product sent it."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/authorize", address
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = _Code(self.account, asked)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def __call__(self, request: requests.PreparedRequest, call: http.CallContext) -> requests.Response:
        url = urlsplit(request.url or "")
        self.seen.append(f"{url.scheme}://{url.netloc}{url.path}")
        if self.down:
            raise requests.exceptions.ConnectionError("nobody answers")
        last = url.path.rpartition("/")[2]
        status, body = self.answers.get(last) or self._answer(last, request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url or "", request
        response.headers["Content-Type"] = "application/json"
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(content), status=status, preload_content=False)
        return response

    def _answer(self, last: str, request: requests.PreparedRequest) -> Answer:
        if last == "openid-configuration":
            return 200, self._document() | self.document
        if last == "keys":
            return 200, {"keys": self.keys}
        if last == "token":
            return self._token(request)
        if last == "userinfo" and self.userinfo is not None:
            bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
            known = self._access.get(bearer)
            return (200, {"sub": known.sub, **self.userinfo}) if known else (401, {})
        return 404, {}

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": "https://keys.hospital.test/keys",
            "userinfo_endpoint": "https://people.hospital.test/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def _token(self, request: requests.PreparedRequest) -> Answer:
        body = request.body or b""
        form = {k: v[0] for k, v in parse_qs(body.decode() if isinstance(body, bytes) else body).items()}
        code = self._codes.pop(form.get("code", ""), None)
        if not _is_the_client(request.headers.get("Authorization", "")):
            return 401, {"error": "invalid_client"}
        if code is None or not _fits(code.asked, form):
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(24)
        self._access[access] = code.account
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self._id_token(code, access)}

    def _id_token(self, code: _Code, access: str) -> str:
        now = int(time.time())
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": code.account.sub,
            "nonce": code.asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **({"at_hash": forging.b64(half)} if self.at_hash else {}),
            **code.account.claims,
            **self.changed,
        }
        return self.sign({name: value for name, value in claims.items() if value is not None})


def _is_the_client(header: str) -> bool:
    kind, _, pair = header.partition(" ")
    if kind != "Basic":
        return False
    name, _, secret = base64.b64decode(pair).decode().partition(":")
    return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)


def _fits(asked: dict[str, str], form: dict[str, str]) -> bool:
    challenge = forging.b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
    return (
        form.get("grant_type") == "authorization_code"
        and form.get("redirect_uri") == asked["redirect_uri"]
        and challenge == asked["code_challenge"]
    )


_ELLIPTIC = ec.generate_private_key(ec.SECP256R1())


def es256(payload: dict[str, Any]) -> str:
    text = forging.signing_input({"alg": "ES256", "kid": "e"}, payload)
    r, s = decode_dss_signature(_ELLIPTIC.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{forging.b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def elliptic_jwk() -> dict[str, Any]:
    numbers = _ELLIPTIC.public_key().public_numbers()
    x, y = (forging.b64(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "kid": "e", "use": "sig", "x": x, "y": y}
