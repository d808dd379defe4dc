"""The front channel: what an EHR's launch brings, what we send to its authorization endpoint, and what comes back.

Source: SMART App Launch 2.2, "App Launch"; RFC 6749, 4.1; RFC 9207. Everything here came through a browser, so anybody
may have written it: one value each, of a sane length, of printable characters, or nothing.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus, urlencode

from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.origins import origin_of

MAX_PARAMETER = 2000
MAX_STATE = 512
MAX_CODE = 8192
_STATE_BYTES = 32
Parameters = Mapping[str, Sequence[str]]

# Controls, surrogates, U+FFFD (what undecodable bytes become) and the characters that reorder text on a screen.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffd]")
_STATE = re.compile(r"[A-Za-z0-9_-]+")
_CODE = re.compile(r"[\x20-\x7e]+")
# RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6.
_ERRORS = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "interaction_required",
        "login_required",
        "consent_required",
    }
)


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """An EHR launch: the FHIR base address and the EHR's opaque handle, both as they came."""

    iss: str
    launch: str


@dataclass(frozen=True, slots=True)
class AuthorizeResponse:
    """A successful answer of the authorization endpoint."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeRequest:
    """What the EHR's authorization endpoint is asked for. Empty values are left out (`launch`, `nonce`, PKCE)."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    aud: str
    launch: str = ""
    code_challenge: str = ""
    nonce: str = ""

    def parameters(self) -> list[tuple[str, str]]:
        """Name and value pairs (SMART App Launch 2.2, "Request authorization code")."""
        pairs = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", self.scope),
            ("state", self.state),
            ("aud", self.aud),
            ("launch", self.launch),
            ("nonce", self.nonce),
        ]
        if self.code_challenge:
            pairs += [("code_challenge", self.code_challenge), ("code_challenge_method", "S256")]
        return [(name, value) for name, value in pairs if value]

    def url(self, endpoint: str) -> str:
        """The address to redirect to; an endpoint keeps the query it has (RFC 6749, 3.1), save for names of ours."""
        address, _, query = endpoint.partition("?")
        names = {name for name, _ in self.parameters()}
        kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in names]
        return f"{address}?{'&'.join([*kept, urlencode(self.parameters(), quote_via=quote)])}"


def new_state() -> str:
    """256 random bits (SMART asks for at least 122)."""
    return secrets.token_urlsafe(_STATE_BYTES)


def new_nonce() -> str:
    return secrets.token_urlsafe(_STATE_BYTES)


def parse_launch_request(parameters: Parameters, *, need_launch: bool) -> LaunchRequest:
    """Read `iss` and `launch`; whatever else was sent is not looked at. Raises `launch_incomplete`."""
    iss = _one(parameters, "iss", needed=True)
    launch = _one(parameters, "launch", needed=need_launch)
    return LaunchRequest(iss=iss, launch=launch)


def _one(parameters: Parameters, name: str, *, needed: bool) -> str:
    values = parameters.get(name, ())
    if len(values) > 1:
        raise SmartError("launch_incomplete", f"{name} came {len(values)} times", reason=f"{name}_repeated")
    value = values[0] if values else ""
    if not value and needed:
        raise SmartError("launch_incomplete", f"{name} is missing", reason=f"{name}_missing")
    if len(value) > MAX_PARAMETER:
        raise SmartError("launch_incomplete", f"{name} has {len(value)} characters", reason=f"{name}_too_long")
    if _UNFIT.search(value):
        raise SmartError("launch_incomplete", f"{name} has characters that do not belong there", reason=f"{name}_unfit")
    return value


def parse_state(parameters: Parameters) -> str:
    """The one `state` of a callback. Raises `state_unknown` for none, several, or one that cannot be ours."""
    values = parameters.get("state", ())
    if len(values) != 1 or not values[0]:
        raise SmartError("state_unknown", f"the callback has {len(values)} states", reason="state_missing")
    if len(values[0]) > MAX_STATE or not _STATE.fullmatch(values[0]):
        raise SmartError("state_unknown", "the state is not one of ours", reason="state_malformed")
    return values[0]


def check_response_issuer(values: Sequence[str], configuration: SmartConfiguration) -> None:
    """RFC 9207: `iss` must be the authorization server's issuer when it comes, and must come when it was promised.

    An EHR that publishes no issuer gives us nothing to compare with: then it has to lie on the origin of an endpoint.
    """
    if not values:
        if configuration.iss_parameter_supported:
            raise SmartError("issuer_mismatch", "the promised iss did not come", reason="iss_missing")
        return
    if len(values) > 1:
        raise SmartError("issuer_mismatch", "iss came more than once", reason="iss_repeated")
    known = values[0] == configuration.issuer if configuration.issuer else _at_an_endpoint(values[0], configuration)
    if not known:
        raise SmartError("issuer_mismatch", "iss is not the discovered issuer", reason="iss_mismatch")


def _at_an_endpoint(issuer: str, configuration: SmartConfiguration) -> bool:
    try:
        origins = {origin_of(configuration.authorization_endpoint), origin_of(configuration.token_endpoint)}
        return origin_of(issuer) in origins
    except ValueError:
        return False


def parse_authorize_response(parameters: Parameters) -> AuthorizeResponse:
    """The code. Raises `access_denied` or `authorization_failed`; only error words of the standard are repeated.

    A parameter without a value counts as left out (RFC 6749, 3.1).
    """
    codes, errors = parameters.get("code", ()), [error for error in parameters.get("error", ()) if error]
    if errors:
        if any(codes) or len(errors) > 1:
            raise SmartError("authorization_failed", "the answer is both a code and an error", reason="ambiguous")
        if errors[0] == "access_denied":
            raise SmartError("access_denied", "the EHR answered access_denied", reason="access_denied")
        word = errors[0] if errors[0] in _ERRORS else "other"
        raise SmartError("authorization_failed", f"the EHR answered {word}", reason=word)
    if len(codes) != 1:
        raise SmartError("authorization_failed", f"the answer has {len(codes)} codes", reason="code_count")
    if not codes[0] or len(codes[0]) > MAX_CODE or not _CODE.fullmatch(codes[0]):
        raise SmartError("authorization_failed", "the code is empty, too long or malformed", reason="code_malformed")
    return AuthorizeResponse(codes[0])
