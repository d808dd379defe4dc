"""What makes a registration a sound one; each rule that fails says in one sentence what to change."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError

from launcher import chart_rules, conf
from launcher.secret_sources import is_secret_source
from launcher.smart import origins
from launcher.smart.quirks import Quirks, override_problem
from launcher.smart.registration import Network
from launcher.smart.scope_writing import PLACEHOLDERS

if TYPE_CHECKING:
    from launcher.models import EhrRegistration

LAUNCH_MODES = ("ehr", "standalone")
_HIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f]")
# RFC 3986 has these nowhere; a preset's “{tenant}” that was left as it is has them too.
_NEVER_IN_AN_ADDRESS = re.compile(r"[\"<>{}|\\^`]")
_NO_ADDRESS = "This is not a plain web address such as https://ehr.example.org/fhir."
_PAGE = re.compile(r"\.(html?|aspx?|php|jsp|pdf)$", re.IGNORECASE)
_PORTAL = re.compile(r"(www\.)?(developers?|devportal|portal|docs|documentation)\.", re.IGNORECASE)
_BASE_ENDING = re.compile(r"fhir|^(r4b?|r5|stu3|dstu2|base\w*)$", re.IGNORECASE)


def default_launch_modes() -> list[str]:
    return ["ehr"]


def default_id_token_algorithms() -> list[str]:
    return ["RS256"]


def iss_key(iss: str) -> str:
    """The text under which an issuer is looked up: its parsed parts, put together again; "" when it has none."""
    try:
        return str(origins.parse_base(iss))
    except ValueError:
        return ""


def with_pkce_switch(quirks: Quirks, send_pkce: bool) -> Quirks:
    return quirks if send_pkce else replace(quirks, pkce=False)


def narrowed_networks(wanted: tuple[str, ...]) -> tuple[Network, ...]:
    """The installation's allowed networks, narrowed to those of the registration where it names some."""
    allowed = conf.allowed_networks()
    if not wanted:
        return allowed
    return tuple(
        network for network in conf.parse_networks(wanted) if any(_lies_in(network, outer) for outer in allowed)
    )


def _lies_in(network: Network, outer: Network) -> bool:
    """Whether one network is part of another; never across address families."""
    if isinstance(network, IPv4Network) and isinstance(outer, IPv4Network):
        return network.subnet_of(outer)
    if isinstance(network, IPv6Network) and isinstance(outer, IPv6Network):
        return network.subnet_of(outer)
    return False


def check(registration: EhrRegistration) -> None:
    """Raise ValidationError with all that is wrong, field by field."""
    wrong: dict[str, list[str]] = {}
    for field, problem in problems(registration):
        wrong.setdefault(field, []).append(problem)
    if wrong:
        raise ValidationError(wrong)


def problems(
    registration: EhrRegistration, *, active_algorithms: Collection[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Each field that is wrong with the sentence that says how.

    `active_algorithms` are those with an active signing key; without them the database is asked.
    """
    for field, problem in (
        ("slug", _slug_problem(registration.slug)),
        ("iss", _iss_problem(registration)),
        ("client_id", _client_id_problem(registration.client_id)),
        ("redirect_uri", _redirect_problem(registration)),
        ("scopes", _scopes_problem(registration)),
        ("auth_method", _auth_problem(registration, active_algorithms)),
        ("vendor", _open_server_problem(registration)),
        ("quirk_overrides", _quirks_problem(registration.quirk_overrides)),
        ("launch_modes", _modes_problem(registration.launch_modes)),
        ("secret_from", _secret_from_problem(registration.secret_from)),
        ("approved_origins", _approved_problem(registration.approved_origins)),
        ("frame_ancestors", _frames_problem(registration)),
        ("allowed_networks", _networks_problem(registration.allowed_networks)),
        ("oidc_issuer", _oidc_issuer_problem(registration.oidc_issuer)),
        ("authorization_endpoint", _endpoint_problem(registration, registration.authorization_endpoint)),
        ("token_endpoint", _endpoint_problem(registration, registration.token_endpoint)),
        ("jwks_uri", _endpoint_problem(registration, registration.jwks_uri)),
        ("id_token_algorithms", _algorithms_problem(registration.id_token_algorithms)),
        ("test_patients", _test_patients_problem(registration)),
        *chart_rules.problems(registration),
    ):
        if problem:
            yield field, problem


def _slug_problem(slug: str) -> str:
    return "" if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) else "Use lower-case letters, digits and hyphens."


def _address_problem(address: str) -> str:
    """Why `address` cannot be an issuer or FHIR base, or ""."""
    if "?" in address:
        return "Remove the query string."
    if "#" in address:
        return "Remove the # and what follows it."
    try:
        base = origins.parse_base(address)
    except ValueError:
        return _NO_ADDRESS
    if _NEVER_IN_AN_ADDRESS.search(address):
        return _NO_ADDRESS
    return "" if base.scheme == "https" or _may_be_http(base.host) else "Must start with https://."


def _may_be_http(host: str) -> bool:
    """Plain http is for hosts in the allowed networks; a name is judged by its addresses when it is called."""
    if not conf.allowed_networks():
        return False
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return True
    return any(address in network for network in conf.allowed_networks())


def _iss_problem(registration: EhrRegistration) -> str:
    if problem := _address_problem(registration.iss):
        return problem
    base = origins.parse_base(registration.iss)
    if base.segments and base.segments[-1] == "metadata":
        return "Looks like the metadata address; use the part before /metadata."
    if _is_portal_page(base):
        return "That is a page of the developer portal, not a FHIR address."
    if registration.iss_is_prefix and registration.environment == "production":
        return "A prefix is for test launchers; Production needs the whole issuer."
    if base.scheme != "https" and registration.environment == "production":
        return "Production needs an https issuer."
    return _host_problem(base.host)


def _is_portal_page(base: origins.Base) -> bool:
    """A page for people: by its ending, or on a portal's host without the last part of a FHIR base."""
    last = base.segments[-1] if base.segments else ""
    if _PAGE.search(last):
        return True
    return bool(_PORTAL.match(base.host)) and not _BASE_ENDING.search(last)


def _host_problem(host: str) -> str:
    """Refuse a literal address that the guard would refuse at every launch; names are judged when they are called."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return ""
    if origins.check_address(str(address), networks=conf.allowed_networks(), scheme="https"):
        return ""
    return f"{address} is not a public address; add its network to SMARTPORTAL_ALLOWED_NETWORKS if this EHR is on-site."


def _client_id_problem(client_id: str) -> str:
    if not client_id:
        return "The vendor's client ID is needed."
    return "Remove spaces and invisible characters from the client ID." if _HIDDEN.search(client_id) else ""


def _redirect_problem(registration: EhrRegistration) -> str:
    uri = registration.redirect_uri
    if not uri:
        return ""
    if "?" in uri or "#" in uri or "*" in uri:
        return "A redirect URI has no query string, no # and no wildcard."
    try:
        base = origins.parse_base(uri)
        own = origins.parse_base(registration.origin)
    except ValueError:
        return "This is not a plain web address."
    if (base.scheme, base.host, base.port) != (own.scheme, own.host, own.port):
        return f"Does not lead to this site: it must begin with {registration.origin}/callback."
    if base.segments not in {("callback",), ("callback", registration.slug)}:
        return f"Must be {registration.origin}/callback/{registration.slug} or {registration.origin}/callback."
    return ""


def _scopes_problem(registration: EhrRegistration) -> str:
    words = registration.scopes.split()
    if not words:
        return "Ask for at least one scope."
    if any(not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", word) for word in words):
        return "Scopes are printable ASCII words separated by spaces."
    if unknown := [word for word in words if "{" in word and word not in PLACEHOLDERS]:
        return f"“{unknown[0]}” stands for nothing. What the panels read is patient/{{panels}} or user/{{panels}}."
    if "ehr" in registration.launch_modes and "launch" not in words:
        return "“launch” is missing: an EHR launch would have no patient."
    return ""


def _auth_problem(registration: EhrRegistration, active_algorithms: Collection[str] | None) -> str:
    if registration.auth_method == "private_key_jwt" and not _can_sign(registration, active_algorithms):
        return (
            "No active key. Create one. “Signing keys” in the admin does it, or "
            f"`manage.py new_signing_key --algorithm {registration.signing_algorithm}`."
        )
    if registration.auth_method not in {"client_secret_basic", "client_secret_post"}:
        return ""
    has_secret = bool(registration.secret_from) or bool(registration.client_secret)
    return "" if has_secret else "This method needs a client secret."


def _can_sign(registration: EhrRegistration, active_algorithms: Collection[str] | None) -> bool:
    if active_algorithms is None:
        return registration.signing_key is not None
    return registration.signing_algorithm in active_algorithms


def _quirks_problem(lines: object) -> str:
    if not isinstance(lines, list) or any(not isinstance(line, str) for line in lines):
        return "Write one quirk per line, as name=value."
    names = [line.partition("=")[0].strip() for line in lines]
    if len(set(names)) != len(names):
        return "Each quirk is named once."
    return next(filter(None, map(override_problem, lines)), "")


def _open_server_problem(registration: EhrRegistration) -> str:
    """A server without a sign-in is for development: there whoever opens a launch sees the chart."""
    if not registration.quirks.open_server:
        return ""
    if not settings.DEBUG:
        return "This server asks for no sign-in: it can be used in development only, with DEBUG on."
    if registration.environment == "production":
        return "This server asks for no sign-in; Production needs one that does."
    if registration.auth_method != "none":
        return "This server asks for no sign-in: token authentication must be None."
    return ""


def _modes_problem(modes: object) -> str:
    if not isinstance(modes, list) or not modes or any(mode not in LAUNCH_MODES for mode in modes):
        return "Choose “ehr”, “standalone” or both."
    return ""


def _secret_from_problem(source: str) -> str:
    return "" if not source or is_secret_source(source) else "Write env:NAME or file:/path."


def _origins_problem(values: object) -> str:
    if not isinstance(values, list):
        return "Write one origin per line."
    for value in values:
        if not isinstance(value, str) or _address_problem(value) or origins.parse_base(value).segments:
            return f"“{value}” is not an origin such as https://login.example.org."
    return ""


def _approved_problem(values: object) -> str:
    """Origins that we connect to, unlike those that frame us, must be reachable through the guard."""
    if problem := _origins_problem(values):
        return problem
    hosts = [origins.parse_base(value).host for value in values] if isinstance(values, list) else []
    return next(filter(None, map(_host_problem, hosts)), "")


def _oidc_issuer_problem(issuer: str) -> str:
    if not issuer:
        return ""
    return _address_problem(issuer) or _host_problem(origins.parse_base(issuer).host)


def _frames_problem(registration: EhrRegistration) -> str:
    return _origins_problem(registration.frame_ancestors)


def _networks_problem(values: object) -> str:
    if not isinstance(values, list) or any(not isinstance(value, str) for value in values):
        return "Write one network per line."
    try:
        conf.parse_networks(tuple(values))
    except ImproperlyConfigured as error:
        return str(error)
    if values and len(narrowed_networks(tuple(values))) != len(values):
        return "A registration may narrow SMARTPORTAL_ALLOWED_NETWORKS, not widen it."
    return ""


def _endpoint_problem(registration: EhrRegistration, url: str) -> str:
    """An endpoint of our own choice lies on the issuer's origin or on an approved one, and is as safe as the issuer."""
    if not url:
        return ""
    try:
        origin, base = origins.origin_of(url), origins.parse_base(registration.iss)
        approved = {base.origin, *(origins.origin_of(value) for value in registration.approved_origins)}
    except ValueError:
        return "This is not a plain web address."
    if _NEVER_IN_AN_ADDRESS.search(url):
        return _NO_ADDRESS
    if origin not in approved:
        return "Different host from the issuer: name its origin under approved origins, if that is right."
    if origin.scheme != "https" and base.scheme == "https":
        return "Must start with https://."
    return _host_problem(origin.host)


def _algorithms_problem(values: object) -> str:
    known = {"RS256", "RS384", "ES256", "ES384", "PS256"}
    if not isinstance(values, list) or any(value not in known for value in values):
        return "Choose from RS256, RS384, ES256, ES384, PS256."
    return ""


def _test_patients_problem(registration: EhrRegistration) -> str:
    handles = registration.test_patients
    if not isinstance(handles, list) or any(not isinstance(each, str) or not each for each in handles):
        return "Write one launch handle per line."
    if handles and registration.environment == "production":
        return "Not allowed in Production."
    return "" if all(map(is_launch_handle, handles)) else "A launch handle has no spaces and at most 2,000 characters."


def is_launch_handle(text: str) -> bool:
    """Whether an EHR could have sent this as `launch`."""
    return 0 < len(text) <= 2000 and not _HIDDEN.search(text)
