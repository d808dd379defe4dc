"""The launcher's addresses: the front page, `/launch`, `/callback`."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from launcher import audit, brand_search, cookies, credentials, pending, trace, vendors
from launcher.flow import Arrival, Departure, begin_launch, complete_launch
from launcher.methods import only
from launcher.models import EhrRegistration, Launch, PendingLaunch
from launcher.open_server import open_without_sign_in
from launcher.site_of import RequestSite, site_of
from launcher.smart.authorization import (
    LaunchRequest,
    check_response_issuer,
    parse_authorize_response,
    parse_launch_request,
    parse_state,
)
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import SmartError
from launcher.smart.exchanges import browser_message
from launcher.smart.origins import origin_of
from launcher.smart.redaction import RECEIVED, address_shown, parameters_shown
from launcher.tracing import Step, current_trail, reached, step

_COOKIE_CHECK = "cookie_check"
# A list of more than these is easier searched than read.
_LONG_LIST = 6


@only("GET", "HEAD")
def home(request: HttpRequest) -> HttpResponse:
    """What this is, the EHRs that a launch may start from here for, and one button per demo patient."""
    site = site_of(request)
    simulated = {preset.id for preset in vendors.all_presets() if preset.status == "simulator"}
    registrations = list(EhrRegistration.objects.for_site(site.id).filter(enabled=True))
    demos = [
        {
            "registration": registration,
            "patients": [
                {**patient, "address": _launch_address(registration, patient["launch"])}
                for patient in registration.demo_patients
            ],
        }
        for registration in registrations
        if registration.demo_patients and registration.vendor in simulated
    ]
    open_here = [registration for registration in registrations if "standalone" in registration.launch_modes]
    query = brand_search.asked_for(request.GET.get("q", ""))
    context = {
        "demos": demos,
        "standalone": open_here,
        "searchable": bool(query) or len(open_here) > _LONG_LIST or brand_search.there_are_brands(),
        "found": brand_search.search(query, registrations) if query else None,
    }
    return render(request, "launcher/home.html", context)


def _launch_address(registration: EhrRegistration, launch: str) -> str:
    query = urlencode({"iss": registration.iss, "launch": launch})
    return f"{reverse('launcher:launch-at', kwargs={'slug': registration.slug})}?{query}"


@csrf_exempt
@only("GET", "POST")
@trace.traced
def launch(request: HttpRequest, slug: str = "") -> HttpResponseBase:
    """An EHR launch (SMART App Launch 2.2, "Launch App: EHR Launch"): answers with the redirect to the EHR."""
    request.smart_stage = "launch"  # type: ignore[attr-defined]  # read when an error becomes a page
    site = site_of(request)
    request.audit_subject = audit.Subject(site=site.domain)  # type: ignore[attr-defined]
    parameters = _all_parameters(request)
    with step("received") as received:
        _note_message(received, request, parameters, origin=site.origin)
        registration_by_slug = _by_slug(site, slug) if slug else None
        asked = parse_launch_request(parameters, need_launch=False)
        registration = _matching(site, asked, registration_by_slug)
        _require_mode(request, site, registration, mode="ehr" if asked.launch else "standalone")
    if not asked.launch:
        # An EHR that opens the app without a handle: the launch goes on as a standalone one.
        return _depart(request, site, registration, LaunchRequest(iss=registration.iss, launch=""))
    return _cookie_bounce(request, asked) or _depart(request, site, registration, asked)


@only("GET")
@trace.traced
def standalone(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A launch that starts here and not in the EHR (SMART App Launch 2.2, "Launch App: Standalone Launch")."""
    request.smart_stage = "launch"  # type: ignore[attr-defined]
    site = site_of(request)
    request.audit_subject = audit.Subject(site=site.domain)  # type: ignore[attr-defined]
    with step("received") as received:
        _note_message(received, request, {}, origin=site.origin)
        registration = _by_slug(site, slug)
        _require_mode(request, site, registration, mode="standalone")
    return _depart(request, site, registration, LaunchRequest(iss=registration.iss, launch=""))


def _require_mode(request: HttpRequest, site: RequestSite, registration: EhrRegistration, *, mode: str) -> None:
    """Refuse a registration that is switched off or not registered for this kind of launch."""
    trace.about_registration(registration, mode=mode)
    request.ehr_registration = registration  # type: ignore[attr-defined]
    request.audit_subject = audit.Subject(  # type: ignore[attr-defined]
        site=site.domain, registration=registration.slug
    )
    if not registration.enabled:
        raise SmartError("registration_disabled", f"{registration.slug} is switched off", reason="disabled")
    if credentials.missing(registration):
        raise SmartError("registration_disabled", f"{registration.slug} lacks credentials", reason="needs_credentials")
    if mode not in registration.launch_modes:
        missing = mode == "standalone" and "ehr" in registration.launch_modes
        reason = "launch_missing" if missing else "mode"
        raise SmartError("launch_incomplete", f"{registration.slug} takes no {mode} launch", reason=reason)


def _depart(
    request: HttpRequest, site: RequestSite, registration: EhrRegistration, asked: LaunchRequest
) -> HttpResponseBase:
    """Send the browser to the EHR, by redirect or by a form, with the cookie that binds its return.

    A server without a sign-in is no place to send it to: there the launch opens at once.
    """
    subject = audit.Subject(site=site.domain, registration=registration.slug)
    browser = cookies.BROWSER.read(request) or cookies.new_secret()
    audit.write("launch.received", subject)
    if registration.quirks.open_server:
        response = _to_chart(open_without_sign_in(registration, asked, browser=browser))
        cookies.BROWSER.set(response, browser)
        return response
    departure = begin_launch(registration, asked, browser=browser)
    audit.write("authz.redirected", subject)
    reached("redirected")
    response = _form_page(request, departure) if departure.by_form else _leave(departure.url)
    for forgotten in cookies.surplus_pending(request, keep=pending.PER_BROWSER - 1):
        forgotten.drop(response)
    cookies.pending_cookie(departure.state).set(response, departure.binding)
    cookies.BROWSER.set(response, browser)
    return response


def _form_page(request: HttpRequest, departure: Departure) -> HttpResponse:
    """The request as a form (SMART App Launch 2.2, `authorize-post`), sent by a static script or by its button."""
    origin = str(origin_of(departure.endpoint))
    request.form_action = origin  # type: ignore[attr-defined]  # read by the headers middleware
    context = {"endpoint": departure.endpoint, "fields": departure.fields}
    return render(request, "launcher/authorize_post.html", context)


def _leave(url: str) -> HttpResponse:
    """302 to the EHR, at an address that has been checked against the registration."""
    return HttpResponse(status=302, headers={"Location": url})


def _all_parameters(request: HttpRequest) -> dict[str, list[str]]:
    """Query and body together, so that a parameter in both counts as repeated."""
    found: dict[str, list[str]] = {}
    for source in (request.GET, request.POST):
        for name, values in source.lists():
            found.setdefault(name, []).extend(str(value) for value in values)
    return found


def _note_message(one: Step, request: HttpRequest, parameters: dict[str, list[str]], *, origin: str) -> None:
    """Keep what the browser brought to `origin`: names, and of values only an issuer and an error of a standard."""
    pairs = [(name, value) for name, values in parameters.items() for value in values]
    shown = parameters_shown(pairs, {"iss": address_shown, "error": RECEIVED["error"]})
    one.say(browser_message(request.method or "", address_shown(origin + request.path), shown))


def _by_slug(site: RequestSite, slug: str) -> EhrRegistration:
    registration = EhrRegistration.objects.for_site(site.id).select_related("site").filter(slug=slug).first()
    if registration is None:
        raise SmartError("not_found", "no registration has this slug", reason="slug")
    return registration


def _matching(site: RequestSite, asked: LaunchRequest, by_slug: EhrRegistration | None) -> EhrRegistration:
    """The one registration for this issuer; the issuer is a key to look up and never an address to fetch."""
    if by_slug:
        if by_slug.is_for(asked.iss):
            return by_slug
        raise SmartError("unknown_issuer", f"iss is not that of {by_slug.slug}", reason="unregistered")
    found = EhrRegistration.objects.for_site(site.id).for_iss(asked.iss)
    candidates = [registration for registration in found if registration.enabled] or found
    if not candidates:
        raise SmartError("unknown_issuer", "no registration of this site has this iss", reason="unregistered")
    if len(candidates) > 1:
        addresses = ", ".join(f"/launch/{registration.slug}" for registration in candidates)
        raise SmartError("launch_incomplete", f"several registrations have this iss; use {addresses}", reason="several")
    return candidates[0]


def _cookie_bounce(request: HttpRequest, asked: LaunchRequest) -> HttpResponseBase | None:
    """In a frame without a cookie of ours: try one once, and offer a new window if the browser does not keep it.

    Asked before the EHR's launch handle is spent. Source: `docs/contract.md`, section 8, ruling 5.
    """
    if request.headers.get("Sec-Fetch-Dest") != "iframe" or cookies.has_any(request):
        return None
    again = {"iss": asked.iss, "launch": asked.launch}
    if _COOKIE_CHECK in request.GET:
        request.retry_address = f"{request.path}?{urlencode(again)}"  # type: ignore[attr-defined]
        raise SmartError("cookies_blocked", "the browser kept no cookie in the frame", reason="cookies")
    # It begins with the next request.
    current_trail().drop()
    response = HttpResponseRedirect(f"{request.path}?{urlencode({**again, _COOKIE_CHECK: '1'})}")
    cookies.BROWSER.set(response, cookies.new_secret())
    return response


@csrf_exempt
@only("GET", "POST")
@trace.traced
def callback(request: HttpRequest, slug: str = "") -> HttpResponseBase:
    """The redirect URI: takes state and code once and opens the chart. What is judged first: `docs/contract.md`, 4."""
    request.smart_stage = "callback"  # type: ignore[attr-defined]
    site = site_of(request)
    request.audit_subject = audit.Subject(site=site.domain)  # type: ignore[attr-defined]
    parameters = _all_parameters(request)
    with step("returned") as returned:
        _note_message(returned, request, parameters, origin=site.origin)
        state = parse_state(parameters)
        row = pending.find(state)
        registration = row.registration
        if registration.site_id != site.id:
            current_trail().of_nobody()
            raise SmartError("state_unknown", "the state belongs to another site", reason="site")
        if row.consumed_at:
            return _reloaded(request, row)
        request.audit_subject = audit.Subject(site=site.domain, registration=registration.slug)  # type: ignore[attr-defined]
        cookie = cookies.pending_cookie(state)
        ours = cookies.matches(cookie.read(request), row.binding_hash)
        pending.consume(row)
        if not ours:
            raise SmartError("state_foreign", "the state was begun in another browser", reason="browser_mismatch")
        reached("returned")
        request.ehr_registration = registration  # type: ignore[attr-defined]
        code = _judge(row, parameters, slug)
    arrival = complete_launch(request, row, code)
    response = _to_chart(arrival)
    cookie.drop(response)
    return response


def _to_chart(arrival: Arrival) -> HttpResponse:
    """303 to the chart, with the cookie that opens this one alone."""
    response = HttpResponse(status=303, headers={"Location": _destination(arrival.launch)})
    cookies.launch_cookie(arrival.launch.pk).set(response, arrival.secret)
    return response


def _judge(row: PendingLaunch, parameters: dict[str, list[str]], slug: str) -> str:
    """The code, once everything about the answer has been found right."""
    registration = row.registration
    if not registration.enabled:
        raise SmartError("registration_disabled", f"{registration.slug} is switched off", reason="disabled")
    if slug and slug != registration.slug:
        raise SmartError("issuer_mismatch", "the callback is another registration's", reason="registration_mismatch")
    if not registration.is_for(row.iss):
        # Its token would be one EHR's and the chart's address another's.
        raise SmartError("issuer_mismatch", "the registration's issuer was changed meanwhile", reason="issuer_changed")
    check_response_issuer(parameters.get("iss", []), SmartConfiguration.from_json(row.configuration))
    return parse_authorize_response(parameters).code


def _reloaded(request: HttpRequest, row: PendingLaunch) -> HttpResponseBase:
    """The callback once more (reload, Back): the same browser is led to its chart, anybody else to a fresh start."""
    browser = cookies.BROWSER.read(request)
    if row.launch and row.launch.ended_at is None and cookies.matches(browser, row.browser_hash):
        current_trail().drop()
        return HttpResponse(status=303, headers={"Location": _destination(row.launch)})
    raise SmartError("state_unknown", "the state has been used", reason="state_used")


def _destination(launch: Launch) -> str:
    return reverse(settings.LAUNCH_DESTINATION, kwargs={"launch_id": launch.pk})


@csrf_exempt
def not_found(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
    raise SmartError("not_found", "no such address", reason="address")
