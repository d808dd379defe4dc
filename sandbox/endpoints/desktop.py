"""What the provider sees: the EHRs, an EHR's patients, and the app opened beside the patient's own header."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from sandbox import faults, store
from sandbox.addresses import EhrAddress, site_origin
from sandbox.endpoints import answers
from sandbox.person import Person
from sandbox.personalities import PERSONALITIES
from sandbox.scenario import LaunchScenario


@require_safe
def desktops(request: HttpRequest) -> HttpResponse:
    """The EHRs to choose from."""
    ehrs = [
        {"ehr": EhrAddress(personality), "count": len(store.people(personality.slug))}
        for personality in PERSONALITIES.values()
    ]
    return answers.page(request, "sandbox/desktops.html", {"ehrs": ehrs})


@require_safe
def desktop(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """One EHR's patients, each with its ways of opening the app."""
    fault = _fault(request, address)
    context = {
        "ehr": address,
        "patients": [_row(address, person, fault) for person in store.people(address.slug)],
        "faults": faults.for_launches(address.personality),
        "fault": faults.FAULTS.get(fault),
        "discovery_faults": [
            {"what": faults.FAULTS[name].what, "base": EhrAddress(address.personality, name).fhir_base}
            for name in sorted(faults.names("discovery"))
        ],
    }
    return answers.page(request, "sandbox/desktop.html", context)


@require_safe
def open_app(request: HttpRequest, address: EhrAddress) -> HttpResponse:
    """The launch: straight to the app, or (`frame=1`) to a page of the EHR with the app in a frame."""
    person = store.person_of(address.slug, request.GET.get("patient", ""))
    if person is None:
        raise Http404("no such patient at this EHR")
    fault = _fault(request, address)
    launch_address = _launch_address(address, person, fault)
    if request.GET.get("frame") != "1":
        return HttpResponseRedirect(launch_address)
    context = {
        "ehr": address,
        "patient": _header(address, person),
        "app": launch_address,
        "fault": faults.FAULTS.get(fault),
    }
    return answers.page(request, "sandbox/framed.html", context)


def _fault(request: HttpRequest, address: EhrAddress) -> str:
    """The fault that is asked for; one that this EHR cannot play is a 404."""
    name = request.GET.get("fault") or faults.NO_FAULT
    if name != faults.NO_FAULT and name not in {fault.name for fault in faults.for_launches(address.personality)}:
        raise Http404("no such fault at this EHR")
    return name


def _launch_address(address: EhrAddress, person: Person, fault: str) -> str:
    """The app's launch address with `iss` and `launch` (SMART App Launch 2.2, "EHR Launch")."""
    scenario = LaunchScenario(ehr=address.slug, patient=person.id, fault=fault)
    plain = address.personality.plain_launch and fault == faults.NO_FAULT
    query = urlencode({"iss": address.fhir_base, "launch": person.id if plain else scenario.encode()})
    return f"{site_origin()}/launch?{query}"


def _row(address: EhrAddress, person: Person, fault: str) -> dict[str, Any]:
    query = {"patient": person.id, **({} if fault == faults.NO_FAULT else {"fault": fault})}
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
