"""Choosing the patient of a standalone launch whose token names none: searched by name, chosen once, then fixed.

Source: `docs/contract.md`, section 8, ruling 3. The list shows who is who, and nothing clinical; it carries no banner,
since it speaks of more than one person.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from launcher import audit
from launcher.current import LaunchAccess, launch_required
from launcher.methods import only
from launcher.smart.errors import SmartError
from launcher.smart.fhir import FhirError, Query
from patients.readers.datatypes import Unreadable
from patients.readers.select import reader_for
from patients.records import Demographics

MOST = 50
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for people brought: `problem` says in words why there is no list, or why it is not whole."""

    people: tuple[Demographics, ...] = ()
    problem: str = ""


def needs_patient(view: View) -> View:
    """Lead a launch without a patient to the picker, before anything of the chart is looked at."""

    @functools.wraps(view)
    def checked(request: HttpRequest, access: LaunchAccess, *args: object, **kwargs: object) -> HttpResponseBase:
        if not access.patient_id:
            return HttpResponseRedirect(reverse("patients:picker", kwargs={"launch_id": access.launch_id}))
        return view(request, access, *args, **kwargs)

    return checked


@csrf_exempt
@only("GET", "POST")
@launch_required
def picker(request: HttpRequest, access: LaunchAccess) -> HttpResponseBase:
    """GET shows the search and its matches; POST chooses one. A launch that has its patient goes to its chart."""
    chart = reverse("patients:chart", kwargs={"launch_id": access.launch_id})
    if access.patient_id:
        return HttpResponseRedirect(chart)
    if request.method == "POST":
        access.check_form_token(request, "patient")
        access.choose_patient(request.POST.get("patient", ""))
        return HttpResponse(status=303, headers={"Location": chart})
    name = request.GET.get("name", "").strip()[:100]
    found = _search(access, name) if name else Found()
    if name:
        audit.record("patient.searched", access=access, counts={"found": len(found.people)})
    context = {"access": access, "name": name, "found": found, "token": access.form_token("patient"), "most": MOST}
    return render(request, "patients/picker.html", context)


def _search(access: LaunchAccess, name: str) -> Found:
    try:
        result = access.fhir.search(Query("Patient", (("name", name), ("_count", str(MOST)))))
    except FhirError as error:
        if error.kind == "unauthorized":
            raise SmartError("session_ended", "the EHR no longer takes the token", reason="unauthorized") from error
        return Found(problem=_("The EHR could not be searched. This does not mean that there is no such patient."))
    people = []
    for resource in result.resources[:MOST]:
        try:
            people.append(reader_for(access.version).demographics(resource, mrn_system=access.mrn_system))
        except Unreadable:
            continue
    usable = tuple(person for person in people if person.id)
    incomplete = bool(result.truncated) or len(result.resources) > len(usable)
    return Found(usable, problem=_("There are more matches than shown. Type more of the name.") if incomplete else "")
