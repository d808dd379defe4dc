"""The way to the hospital's provider and back: the package's two views with our checks and our pages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from django.contrib import admin, auth
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import generic
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from launcher import audit
from launcher.membership import site_name
from launcher.site_of import site_of
from launcher.smart.errors import SmartError
from launcher.smart.foreign_text import is_visible_ascii
from launcher.staff.backend import Returned
from launcher.staff.options import options
from launcher.staff.provider import provider_of
from launcher.staff.refusals import WORDS, Refused, refusal_of
from launcher.tracing import new_reference

MINUTES = 10
_STATES = "oidc_states"
_NEXT = "oidc_login_next"
_CODE_MOST = 4096
_ANSWERS = frozenset(
    {"access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required"}
    | {"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "server_error"}
    | {"temporarily_unavailable"}
)
_OURS = frozenset(
    {"response_type", "scope", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method"}
)

logger = logging.getLogger("smartportal.staff")

View = Callable[..., HttpResponseBase]


def refusals_as_pages(view: View) -> View:
    """Every failure is audited and becomes a page; nothing that the provider sent is on it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except SmartError as error:
            return _refused(request, refusal_of(error))
        except Refused as refused:
            return _refused(request, refused)

    return answer


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    reference = new_reference()
    logger.warning("%s %s (%s) %s", reference, refused.kind, refused.reason, refused.description)
    audit.write(
        "admin.login_denied",
        audit.Subject(site=site_name(request), actor=refused.actor),
        audit.Facts(outcome="refused", reason=refused.reason, reference=reference, detail={"page": refused.kind}),
    )
    words = WORDS[refused.kind]
    context = {
        **admin.site.each_context(request),
        "title": words.title,
        "words": words,
        "kind": refused.kind,
        "reference": reference,
    }
    return render(request, "admin/sign_in_refused.html", context, status=words.status)


def _callback_address(request: HttpRequest) -> str:
    """By the site's public origin, not by the request's own scheme and host: the provider compares it as text."""
    return site_of(request).origin + reverse("staff:callback")


@method_decorator(refusals_as_pages, name="dispatch")
class SignInView(OIDCAuthenticationRequestView):  # type: ignore[misc]  # the package has no types
    """Sends the browser to the provider with state, nonce and PKCE challenge, all kept in the session."""

    def __init__(self, **kwargs: Any) -> None:
        """Past the package, which reads its global settings here."""
        generic.View.__init__(self, **kwargs)

    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        """The package's questions, answered here and not by global settings."""
        return {
            "OIDC_STATE_SIZE": 43,
            "OIDC_NONCE_SIZE": 43,
            "OIDC_USE_NONCE": True,
            "OIDC_USE_PKCE": True,
            "OIDC_PKCE_CODE_CHALLENGE_METHOD": "S256",
            "OIDC_AUTHENTICATION_CALLBACK_URL": "staff:callback",
            "OIDC_RP_SCOPES": options().scopes,
        }.get(attr, *args)

    def get(self, request: HttpRequest) -> HttpResponse:
        found = options()
        parts = urlsplit(provider_of(found).authorization_endpoint)
        self.OIDC_RP_CLIENT_ID = found.client_id
        self.OIDC_OP_AUTH_ENDPOINT = urlunsplit(parts._replace(query=""))
        self._own_query = dict(parse_qsl(parts.query))
        response: HttpResponse = super().get(request)
        return response

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        """Also what the endpoint's address has in its query (RFC 6749, section 3.1)."""
        kept = {name: value for name, value in self._own_query.items() if name not in _OURS}
        return {**kept, "redirect_uri": _callback_address(request)}


@method_decorator(refusals_as_pages, name="dispatch")
class CallbackView(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    """Takes the browser back: the state is used up first, before anything slow and before the answer is believed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        kept = _take_up(request)
        self.user = auth.authenticate(request, staff_return=_returned(request, kept))
        if self.user is None:
            raise Refused("set_up", reason="backend", description="the staff's backend is not among the settings'")
        return self.login_success()

    def login_success(self) -> HttpResponse:
        """Always a new session key, also when the same person signs in once more."""
        if auth.SESSION_KEY in self.request.session:
            self.request.session.cycle_key()
        auth.login(self.request, self.user)
        return HttpResponseRedirect(self.success_url)

    @property
    def success_url(self) -> str:
        return local_admin_page(self.request.session.pop(_NEXT, None))


def _take_up(request: HttpRequest) -> dict[str, Any]:
    """What was kept for this state, which is gone from the session now. Raises Refused "start_again"."""
    states = request.session.get(_STATES)
    state = _single(request, "state")
    kept = states.pop(state, None) if state and isinstance(states, dict) else None
    if kept is None:
        raise Refused("start_again", reason="state_unknown", description="this session has no such state")
    request.session.modified = True
    try:
        request.session.save()
    except UpdateError:
        raise Refused("start_again", reason="session_ended", description="the session ended meanwhile") from None
    # Other tabs may write to the session while the provider is asked.
    request.session = request.session.__class__(request.session.session_key)
    if time.time() - kept["added_on"] > MINUTES * 60:
        raise Refused("start_again", reason="state_expired", description=f"the state is older than {MINUTES} minutes")
    return dict(kept)


def _returned(request: HttpRequest, kept: dict[str, Any]) -> Returned:
    """Raises Refused when the provider says no, or when the answer is somebody else's (RFC 9207)."""
    found = options()
    provider = provider_of(found)
    issuer = _single(request, "iss")
    if issuer != found.issuer and (issuer or "iss" in request.GET or provider.names_itself):
        raise Refused("not_believed", reason="iss_parameter", description="the answer names another issuer, or none")
    if "error" in request.GET:
        word = _single(request, "error")
        raise Refused("provider_refused", reason=word if word in _ANSWERS else "other")
    code = _single(request, "code")
    if not code or len(code) > _CODE_MOST or not is_visible_ascii(code):
        raise Refused("not_believed", reason="code", description="the answer has no usable code")
    return Returned(
        options=found,
        provider=provider,
        code=code,
        nonce=kept["nonce"],
        verifier=kept["code_verifier"],
        redirect_uri=_callback_address(request),
    )


def _single(request: HttpRequest, name: str) -> str:
    """A parameter that came once, else ""."""
    values = request.GET.getlist(name)
    return values[0] if len(values) == 1 else ""


def local_admin_page(target: object) -> str:
    """The page to go on to: a path of the admin on this host, else its start page."""
    start = reverse("admin:index")
    if not isinstance(target, str) or not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return start
    parts = urlsplit(target)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return start
    elsewhere = parts.netloc or parts.scheme or ".." in unquote(parts.path).split("/")
    leads_out = match.namespaces != ["admin"] or match.url_name in {"login", "logout"}
    return start if elsewhere or leads_out else target
