"""The way back to the app from the authorization endpoint: by redirect, or by a form that the provider's browser posts.

RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207 (`iss`); OAuth 2.0 Form Post Response Mode. The form has a button: the
script that presses it is a file of its own, and without it the provider presses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse

from sandbox import faults, tokens
from sandbox.addresses import EhrAddress
from sandbox.endpoints import answers
from sandbox.personality import ErrorStyle
from sandbox.tokens import Grant

Pairs = list[tuple[str, str]]


def error_pairs(
    address: EhrAddress, code: str, description: str, state: str, *, style: ErrorStyle | None = None
) -> Pairs:
    """The parameters of a refusal; an EHR that names an `error_uri` gives no description."""
    if (style or address.personality.errors) == "uri":
        told = ("error_uri", answers.error_uri(address, code))
    else:
        told = ("error_description", description)
    pairs = [("error", code), told, *([("state", state)] if state else [])]
    return [*pairs, *([("iss", address.issuer)] if address.personality.sends_iss else [])]


def success_pairs(address: EhrAddress, grant: Grant) -> Pairs:
    echoed = grant.state if grant.scenario.fault == "state-echoed" else ""
    pairs = [
        ("code", tokens.mint("code", replace(grant, state=echoed))),
        *([("state", grant.state)] if grant.state else []),
    ]
    return [*pairs, *([("iss", address.issuer)] if address.personality.sends_iss else [])]


def _without(name: str) -> Callable[[Pairs], Pairs]:
    return lambda pairs: [pair for pair in pairs if pair[0] != name]


def _double_code(pairs: Pairs) -> Pairs:
    return [*pairs, ("code", next(value for name, value in pairs if name == "code"))]


ERRORS: dict[str, tuple[str, str]] = {
    "access-denied": ("access_denied", "the provider said no"),
    "invalid-scope": ("invalid_scope", "a scope is unknown or not allowed"),
    "server-error": ("server_error", "something broke"),
    "unknown-error": ("ehr_is_closed_today", "an error code of our own"),
    "error-no-state": ("access_denied", "the provider said no"),
    "auth_invalid_scope": ("invalid_scope", "Simulated invalid scope error"),
}
STATELESS_ERRORS = frozenset({"error-no-state"})
CHANGES: dict[str, Callable[[Pairs], Pairs]] = {
    "wrong-iss": lambda pairs: [*_without("iss")(pairs), ("iss", faults.STRANGER)],
    "missing-iss": _without("iss"),
    "no-state": _without("state"),
    "code-and-error": lambda pairs: [*pairs, ("error", "access_denied")],
    "double-code": _double_code,
}
INSTEAD: dict[str, Callable[[], HttpResponse]] = {
    "auth_invalid_client_id": lambda: answers.oauth_error(
        "invalid_client", "Simulated invalid client_id parameter error", status=401
    ),
    "auth_invalid_redirect_uri": lambda: answers.oauth_error(
        "invalid_request", "Simulated invalid redirect_uri parameter error"
    ),
}


def granted(request: HttpRequest, address: EhrAddress, grant: Grant) -> HttpResponse:
    """Back with a code, or with what the scenario's fault makes of it."""
    fault = grant.scenario.fault
    if fault in INSTEAD:
        return INSTEAD[fault]()
    if fault in ERRORS:
        return refused(request, address, grant, *ERRORS[fault])
    pairs = success_pairs(address, grant)
    return go_back(
        request,
        address,
        grant.redirect_uri,
        CHANGES[fault](pairs) if fault in CHANGES else pairs,
        mode=grant.response_mode,
    )


def refused(request: HttpRequest, address: EhrAddress, grant: Grant, code: str, description: str) -> HttpResponse:
    """Back with an error; some EHRs show a page of their own instead."""
    style = grant.scenario.errors or address.personality.errors
    if style == "page":
        return doubt_page(request, address, f"The EHR refused the app ({code}).")
    state = "" if grant.scenario.fault in STATELESS_ERRORS else grant.state
    pairs = error_pairs(address, code, description, state, style=style)
    return go_back(request, address, grant.redirect_uri, pairs, mode=grant.response_mode)


def go_back(
    request: HttpRequest, address: EhrAddress, redirect_uri: str, pairs: Pairs, *, mode: str = ""
) -> HttpResponse:
    """To a redirect URI that was found registered; its own query, if any, stays in front."""
    if mode == "form_post":
        context = {"ehr": address, "action": redirect_uri, "pairs": pairs}
        return answers.page(request, "sandbox/form_post.html", context, scripts=True)
    parts = urlsplit(redirect_uri)
    query = "&".join(filter(None, (parts.query, urlencode(pairs))))
    location = parts._replace(query=query).geturl()
    return HttpResponse(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def doubt_page(request: HttpRequest, address: EhrAddress, reason: str) -> HttpResponse:
    """A page of the EHR; nothing goes to the app."""
    return answers.page(request, "sandbox/refused.html", {"ehr": address, "reason": reason}, status=400)
