"""Checks 24 to 27: what of ours the EHR and its browsers have to reach and to accept.

SMART App Launch 2.2, "Client Authentication: Asymmetric" (the key set's address); RFC 6265bis and CSP Level 3 for what
a chart in a frame needs.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import validate_host
from django.urls import reverse

from launcher import cookies
from launcher.middleware import security_headers
from launcher.probe.ehr import Ehr
from launcher.probe.findings import Finding, check, failed, noted, passed, warned
from launcher.probe.wording import error_in_words, host_of, named
from launcher.smart.client_auth import choose_method
from launcher.smart.errors import SmartError
from launcher.smart.identity import fetch_keys
from launcher.smart.origins import origin_of, parse_base

_INSIDE = {"address", "timeout", "refused"}
_NO_ADDRESS = (
    "Our own public address is not a web address.",
    "SMARTPORTAL_BASE_URL: write it as https://portal.example.org.",
)


def _key_set(ehr: Ehr) -> Finding:
    config = ehr.usable
    method = choose_method(ehr.client, config) if config else ehr.client.auth_method
    if method != "private_key_jwt":
        return noted("This registration does not sign, so the vendor needs no keys of ours.")
    if not host_of(ehr.facts.origin):
        return failed(*_NO_ADDRESS)
    url = f"{ehr.facts.origin}{reverse('launcher:jwks')}"
    remedy = f"JWKS address: the vendor must reach {url}; check the firewall and the proxy before it."
    try:
        keys = fetch_keys(ehr.door_to(ehr.facts.origin), url)
    except SmartError as error:
        words = f"Asked at {url}: {error_in_words(error)}."
        if error.reason in _INSIDE:
            return warned(f"{words} From inside this network that may be so.", remedy)
        return failed(words, remedy)
    published = {str(key.get("kid", "")) for key in keys}
    if not published & set(ehr.facts.key_ids):
        return failed(
            f"What answers at {url} publishes other keys.",
            "SMARTPORTAL_BASE_URL: it must be the address of this installation; check the proxy before it.",
        )
    return passed(f"{url} shows {len(published)} keys, ours among them.")


def _public_address(ehr: Ehr) -> Finding:
    origin, redirect = ehr.facts.origin, ehr.client.redirect_uri
    if not host_of(origin):
        return failed(*_NO_ADDRESS)
    if not validate_host(parse_base(origin).host, settings.ALLOWED_HOSTS) and not settings.DEBUG:
        return failed(f"{origin} is not served here.", "ALLOWED_HOSTS: add the host name of this address.")
    try:
        ours = origin_of(redirect) == origin_of(origin)
    except ValueError:
        ours = False
    if not ours:
        return failed(
            f"The redirect URI does not lie on {origin}.",
            "Redirect URI, or SMARTPORTAL_BASE_URL: both must be the address that browsers use.",
        )
    if parse_base(origin).scheme == "https":
        return passed(f"{origin} is https, and the redirect URI lies on it.")
    remedy = (
        "SMARTPORTAL_BASE_URL: set it to the public https address; with a proxy before this program, "
        "SMARTPORTAL_TRUSTED_PROXIES too."
    )
    if ehr.facts.registration.environment == "production":
        return failed(f"{origin} is without TLS.", remedy)
    return warned(f"{origin} is without TLS; that is good for a development machine only.", remedy)


def _cookies(ehr: Ehr) -> Finding:
    """Looks at a cookie as we really send it."""
    response = HttpResponse()
    cookies.launch_cookie("0" * 32).set(response, "x")
    sent = response.cookies.output().casefold()
    lacking = [word for word in ("samesite=none", "secure", "partitioned") if word not in sent]
    if not lacking:
        return passed("SameSite=None, Secure and Partitioned: usable in an EHR's frame.")
    evidence = f"Cookies are sent without {named(lacking)}."
    if _elsewhere(ehr):
        return failed(
            f"{evidence} In a frame of another site browsers drop them.",
            "SMARTPORTAL_BASE_URL: set it to the https address; only then do cookies work in a frame.",
        )
    return noted(f"{evidence} No page of another site is registered to frame us, so that is enough.")


def _elsewhere(ehr: Ehr) -> list[str]:
    """The origins besides our own that may frame us."""
    ours = host_of(ehr.facts.origin)
    return [each for each in ehr.facts.registration.frame_ancestors if host_of(each) != ours]


def _frame(ehr: Ehr) -> Finding:
    """Looks at the headers of a page of this registration as they are really sent."""
    registration = ehr.facts.registration
    if not registration.frame_ancestors:
        return noted("No address may show us in a frame; an EHR that opens its own window needs none.")
    request = HttpRequest()
    request.ehr_registration = registration  # type: ignore[attr-defined]  # as the views do
    response = security_headers(lambda _: HttpResponse())(request)
    policy = response["Content-Security-Policy"].partition("frame-ancestors ")[2].split()
    absent = [each for each in registration.frame_ancestors if each not in policy or not host_of(each)]
    if absent or response.has_header("X-Frame-Options"):
        return failed(
            "The page's headers forbid the frame.",
            "May show us in a frame (frame_ancestors): write origins such as https://ehr.example.org, one per line.",
        )
    unsafe = [each for each in _elsewhere(ehr) if origin_of(each).scheme != "https"]
    if unsafe:
        return warned(
            f"{named(unsafe)} may show us in a frame, without TLS.",
            "May show us in a frame (frame_ancestors): use the https address.",
        )
    return passed(f"{named(registration.frame_ancestors)} may show us in a frame.")


CHECKS = (
    check(24, "Our keys can be fetched", "our JWKS address, asked from here", _key_set, may="pass warn fail info"),
    check(25, "Our public address is https", "the redirect URI", _public_address, may="pass warn fail"),
    check(26, "Cookies work in a frame", "a cookie as it is sent", _cookies, may="pass fail info"),
    check(27, "The EHR may frame us", "headers as they are sent", _frame, may="pass warn fail info"),
)
