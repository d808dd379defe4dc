"""What the provider sees: the EHRs, an EHR's patients, and the app opened beside the patient's own header."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from sandbox import faults, store
from sandbox.addresses import EhrAddress, site_origin
from sandbox.clients import known_clients
from sandbox.endpoints import answers
from sandbox.handles import launch_handle
from sandbox.person import Person
from sandbox.personalities import PERSONALITIES
from sandbox.scenario import SWITCHES, LaunchScenario, ScenarioError

_STYLE = {
    "color_background": "#edeae3",
    "color_error": "#9e2d2d",
    "color_highlight": "#69b5ce",
    "color_modal_backdrop": "",
    "color_success": "#498e49",
    "color_text": "#303030",
    "dim_border_radius": "6px",
    "dim_font_size": "13px",
    "dim_spacing_size": "20px",
    "font_family_body": "Georgia, Times, 'Times New Roman', serif",
    "font_family_heading": "'HelveticaNeue-Light', Helvetica, Arial, sans-serif",
}


@require_safe
def desktops(request: HttpRequest) -> HttpResponse:
    """The EHRs to choose from."""
    ehrs = [
        {"ehr": EhrAddress(personality), "count": len(store.people(personality.slug))}
        for personality in PERSONALITIES.values()
    ]
    return answers.page(request, "sandbox/desktops.html", {"ehrs": ehrs})


@require_safe
def applications(request: HttpRequest) -> HttpResponse:
    """What a vendor's portal shows to whoever has registered an app there; here for all EHRs on one page."""
    rows = [
        {"ehr": EhrAddress(personality), "clients": known_clients(personality.slug)}
        for personality in PERSONALITIES.values()
    ]
    return answers.page(request, "sandbox/applications.html", {"rows": rows})


@require_safe
def desktop(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """One EHR's patients, each with its ways of opening the app."""
    rehearsal = _rehearsal(request, address)
    context = {
        "ehr": address,
        "patients": [_row(address, person, rehearsal) for person in store.people(address.slug)],
        "faults": faults.for_launches(address.personality),
        "fault": faults.FAULTS.get(rehearsal.get("fault", "")),
        "switches": [{"switch": each, "value": rehearsal.get(each.name, "")} for each in SWITCHES],
        "switched": [f"{each.what}: {rehearsal[each.name]}" for each in SWITCHES if each.name in rehearsal],
        "discovery_faults": [
            {"what": fault.what, "base": EhrAddress(address.personality, fault.name).fhir_base}
            for fault in faults.in_addresses(address.personality)
        ],
    }
    return answers.page(request, "sandbox/desktop.html", context)


@require_safe
def open_app(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """The launch: straight to the app, or (`frame=1`) to a page of the EHR with the app in a frame."""
    person = store.person_of(address.slug, request.GET.get("patient", ""))
    if person is None:
        raise Http404("no such patient at this EHR")
    rehearsal = _rehearsal(request, address)
    launch_address = _launch_address(address, person, rehearsal)
    if request.GET.get("frame") != "1":
        return HttpResponseRedirect(launch_address)
    context = {
        "ehr": address,
        "patient": _header(address, person),
        "app": launch_address,
        "fault": faults.FAULTS.get(rehearsal.get("fault", "")),
        "rehearsal": urlencode(rehearsal),
    }
    return answers.page(request, "sandbox/framed.html", context)


@require_safe
def error(request: HttpRequest, address: EhrAddress, code: str) -> HttpResponse:
    """What an `error_uri` leads to."""
    return answers.page(request, "sandbox/error.html", {"ehr": address, "code": code})


@require_safe
def style(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """What `smart_style_url` leads to (SMART App Launch 2.2, "Styling")."""
    if not address.personality.styles:
        return answers.not_found()
    return answers.json_answer(_STYLE)


def _rehearsal(request: HttpRequest, address: EhrAddress) -> dict[str, str]:
    """The fault and the switches that are asked for; what this EHR cannot play is a 404."""
    chosen = {each.name: request.GET.get(each.name, "") for each in SWITCHES}
    found = {name: value for name, value in chosen.items() if value}
    name = request.GET.get("fault") or faults.NO_FAULT
    if name != faults.NO_FAULT:
        if name not in {fault.name for fault in faults.for_launches(address.personality)}:
            raise Http404("no such fault at this EHR")
        found["fault"] = name
    try:
        LaunchScenario.from_plain({"ehr": address.slug, "patient": "", **found})
    except ScenarioError as problem:
        raise Http404("no such switch at this EHR") from problem
    return found


def _launch_address(address: EhrAddress, person: Person, rehearsal: dict[str, str]) -> str:
    """The app's launch address with `iss` and `launch` (SMART App Launch 2.2, "EHR Launch")."""
    scenario = LaunchScenario.from_plain({"ehr": address.slug, "patient": person.id, **rehearsal})
    query = urlencode({"iss": address.fhir_base, "launch": launch_handle(scenario)})
    return f"{site_origin()}/launch?{query}"


def _row(address: EhrAddress, person: Person, rehearsal: dict[str, str]) -> dict[str, Any]:
    query = {"patient": person.id, **rehearsal}
    return {
        **_header(address, person),
        "story": person.story,
        "in_tab": urlencode(query),
        "in_frame": urlencode({**query, "frame": "1"}),
    }


def _header(address: EhrAddress, person: Person) -> dict[str, str]:
    """Who the patient is, as the EHR's own records say it."""
    record = store.patient(address, person)
    return {
        "id": person.id,
        "name": person.display_name,
        "born": str(record.get("birthDate") or ""),
        "sex": str(record.get("gender") or ""),
        "mrn": person.mrn,
    }
