"""What every request passes: health first, then headers, the site's host, and the page for an error."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost, ImproperlyConfigured, PermissionDenied, SuspiciousOperation
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.middleware.security import SecurityMiddleware
from django.utils.cache import patch_vary_headers

from launcher import conf
from launcher.error_pages import error_page
from launcher.health import livez, readyz
from launcher.metrics_view import may_scrape, metrics_page
from launcher.site_of import site_of
from launcher.smart.errors import ErrorCode, SmartError
from launcher.throttle import is_trusted_proxy
from launcher.tracing import begin_request, new_reference

GetResponse = Callable[[HttpRequest], HttpResponseBase]

logger = logging.getLogger("smartportal")

_HEALTH = {"/livez": livez, "/livez/": livez, "/readyz": readyz, "/readyz/": readyz}
_METRICS = {"/metrics", "/metrics/"}
_UNREADABLE_REQUEST: dict[str, ErrorCode] = {"launch": "launch_incomplete", "callback": "state_unknown"}


def health(get_response: GetResponse) -> GetResponse:
    """Answer /livez and /readyz before anything that could fail, the host check included, with the headers of all.

    So too /metrics for whom it is meant: Prometheus asks a server by its address, not by the name of a site. For all
    others it is an address that is not there.
    """
    guarded: dict[str, GetResponse] = {path: _with_headers(view) for path, view in _HEALTH.items()}
    metrics = _with_headers(security_headers(metrics_page))

    def middleware(request: HttpRequest) -> HttpResponseBase:
        view = guarded.get(request.path_info)
        if request.path_info in _METRICS and may_scrape(request):
            view = metrics
        return view(request) if view else get_response(request)

    return middleware


def _with_headers(view: GetResponse) -> GetResponse:
    """The view with the headers that Django's own middleware, which stands behind this one, puts on all others."""
    secured = SecurityMiddleware(view)

    def answer(request: HttpRequest) -> HttpResponseBase:
        return secured.process_response(request, view(request))

    return answer


def proxy_headers(get_response: GetResponse) -> GetResponse:
    """Believe X-Forwarded-* only when a trusted proxy says it; anybody else could claim to have come by https."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_trusted_proxy(request.META.get("REMOTE_ADDR", "")):
            for name in [name for name in request.META if name.startswith("HTTP_X_FORWARDED_")]:
                del request.META[name]
        return get_response(request)

    return middleware


def security_headers(get_response: GetResponse) -> GetResponse:
    """Content-Security-Policy, framing and caching for every answer but static files.

    Nothing inline and nothing from elsewhere; a registration's `frame_ancestors` may frame its own pages only.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        begin_request()
        response = get_response(request)
        if not response.has_header("Content-Security-Policy"):
            response["Content-Security-Policy"] = content_security_policy(
                _frame_ancestors(request), form_action=getattr(request, "form_action", "")
            )
        if not _frame_ancestors(request) and not response.has_header("X-Frame-Options"):
            response["X-Frame-Options"] = "DENY"
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        if "no-store" in response["Cache-Control"]:
            # For a cache on the way that keeps what it should not: at least not for somebody else.
            patch_vary_headers(response, ["Cookie"])
        return response

    return middleware


def content_security_policy(frame_ancestors: tuple[str, ...], *, form_action: str = "") -> str:
    """Forms go to this site, and on the one page that leads to an EHR by a form to that EHR's origin."""
    ancestors = " ".join(frame_ancestors) or "'none'"
    forms = form_action or "'self'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        f"form-action {forms}; base-uri 'none'; object-src 'none'; frame-src 'none'; frame-ancestors {ancestors}"
    )


def _frame_ancestors(request: HttpRequest) -> tuple[str, ...]:
    registration = getattr(request, "ehr_registration", None)
    return tuple(registration.frame_ancestors) if registration else ()


def known_host(get_response: GetResponse) -> GetResponse:
    """Serve the hosts of our sites only; on a development machine its other names lead to the one it is known by."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            site_of(request)
        except (DisallowedHost, SmartError):
            if settings.DEBUG and request.META.get("HTTP_HOST", "").lower() in _loopback_names():
                return HttpResponse(status=307, headers={"Location": conf.base_url() + request.get_full_path()})
            return error_page(request, SmartError("not_found", "unknown host name", reason="host"), new_reference())
        except DatabaseError:
            return error_page(request, SmartError("unavailable", "the database failed"), new_reference())
        return get_response(request)

    return middleware


def _loopback_names() -> set[str]:
    _, _, port = conf.base_host().partition(":")
    return {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")} if port else set()


class ErrorPages:
    """Turns whatever a view raises into the page of its code; the same with DEBUG on."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if isinstance(exception, PermissionDenied):
            return None
        return error_page(request, as_smart_error(request, exception), new_reference(), cause=exception)


def as_smart_error(request: HttpRequest, exception: Exception) -> SmartError:
    """The contract's code for anything that reaches the edge."""
    if isinstance(exception, SmartError):
        return exception
    if isinstance(exception, Http404):
        return SmartError("not_found", "no such address")
    if isinstance(exception, SuspiciousOperation | UnreadablePostError | MultiPartParserError):
        code = _UNREADABLE_REQUEST.get(getattr(request, "smart_stage", ""), "form_expired")
        return SmartError(code, "the request is malformed or too large", reason="malformed")
    if isinstance(exception, DatabaseError):
        return SmartError("unavailable", f"the database failed: {type(exception).__name__}", reason="database")
    if isinstance(exception, ImproperlyConfigured):
        return SmartError("unavailable", "a setting cannot be used; `manage.py check` names it", reason="settings")
    return SmartError("internal", type(exception).__name__)
