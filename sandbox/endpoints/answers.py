"""The forms an EHR's answers take: JSON, FHIR JSON, pages; and the headers each of them carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from sandbox import exact, faults
from sandbox.addresses import EhrAddress, site_origin
from sandbox.personality import ErrorStyle

P = ParamSpec("P")

LOGIN_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
ERROR_HTML = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Internal Server Error</h1></body></html>"
_SCRIPTS = "; script-src 'self'"


class RepeatedParameter(ValueError):
    """A parameter was sent more than once (RFC 6749, sections 3.1 and 3.2)."""


def single_values(params: QueryDict) -> dict[str, str]:
    """The parameters as sent; raises RepeatedParameter when one of them came twice."""
    values = {name: params.getlist(name) for name in params}
    for name, found in values.items():
        if len(found) != 1:
            raise RepeatedParameter(name)
    return {name: found[0] for name, found in values.items()}


def json_answer(body: object, *, status: int = 200, content_type: str = "application/json") -> HttpResponse:
    return HttpResponse(exact.dumps(body), status=status, content_type=content_type)


def oauth_answer(body: object, *, status: int = 200) -> HttpResponse:
    """A token endpoint's answer (RFC 6749, section 5.1: never stored by a cache)."""
    answer = json_answer(body, status=status, content_type="application/json;charset=UTF-8")
    answer["Cache-Control"] = "no-store"
    answer["Pragma"] = "no-cache"
    return answer


def oauth_error(code: str, description: str, *, status: int = 400) -> HttpResponse:
    return oauth_answer({"error": code, "error_description": description}, status=status)


def error_uri(address: EhrAddress, code: str) -> str:
    """Where the EHR explains an error, for those that say no more than this."""
    return f"{address.root}/errors/{code}"


def oauth_error_of(
    address: EhrAddress, code: str, description: str, *, status: int = 400, style: ErrorStyle | None = None
) -> HttpResponse:
    """An error of the token endpoint in the way of this EHR."""
    match style or address.personality.errors:
        case "uri":
            return oauth_answer({"error": code, "error_uri": error_uri(address, code)}, status=status)
        case "page":
            return html_answer(ERROR_HTML, status=status)
        case _:
            return oauth_error(code, description, status=status)


def html_answer(body: bytes, *, status: int = 200) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="text/html; charset=utf-8")


def not_found() -> HttpResponse:
    """What an EHR's web server says to an address it does not have."""
    return html_answer(b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>", status=404)


def redirect_to_stranger(path: str, *, status: int = 302) -> HttpResponse:
    """A redirect to an origin that nobody approved."""
    return HttpResponse(status=status, headers={"Location": f"{faults.STRANGER}{path}"})


def fhir_answer(body: Mapping[str, Any], address: EhrAddress, *, status: int = 200) -> HttpResponse:
    answer = json_answer(body, status=status, content_type=f"{address.personality.media_type};charset=utf-8")
    answer["Cache-Control"] = "no-store"
    return answer


def operation_outcome(code: str, text: str, *, severity: str = "error") -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": text}],
    }


def outcome_answer(address: EhrAddress, status: int, code: str, text: str) -> HttpResponse:
    """An OperationOutcome as the error body of a FHIR request."""
    return fhir_answer(operation_outcome(code, text), address, status=status)


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200, scripts: bool = False
) -> HttpResponse:
    """A page of the EHR itself: nothing inline, framed by this site alone, framing the app alone."""
    answer = render(request, template, dict(context), status=status)
    own = f"'self' {site_origin()}"
    answer["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; frame-src {own}; form-action {own}; "
        f"frame-ancestors 'self'; base-uri 'none'{_SCRIPTS if scripts else ''}"
    )
    answer["X-Frame-Options"] = "SAMEORIGIN"
    answer["Cache-Control"] = "no-store"
    return answer


def at_own_path(
    attribute: Literal["oauth_path", "exchange_base"],
) -> Callable[[Callable[Concatenate[HttpRequest, EhrAddress, P], HttpResponse]], Callable[..., HttpResponse]]:
    """The view exists only at the OAuth path of that EHR; the other EHRs' paths are 404 there."""

    def wrapped(view: Callable[Concatenate[HttpRequest, EhrAddress, P], HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def at_path(
            request: HttpRequest, address: EhrAddress, oauth_path: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            if oauth_path != getattr(address.personality, attribute):
                return not_found()
            return view(request, address, *args, **kwargs)

        return at_path

    return wrapped
