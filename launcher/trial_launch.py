"""A launch with a test patient, begun from the admin: what is offered, when it is refused, and where it leads."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from launcher import credentials, vendors
from launcher.models import EhrRegistration
from launcher.registration_rules import is_launch_handle
from launcher.vendors import DemoPatient

PERMISSION = "launcher.test_launch"
_MOST_OFFERED = 20


def patients(registration: EhrRegistration) -> list[DemoPatient]:
    """Whom a launch may be tried with: the registration's own test patients, else those of its preset."""
    if registration.test_patients:
        return [DemoPatient(handle) for handle in registration.test_patients]
    preset = vendors.get(registration.vendor)
    return list(preset.demo_patients[:_MOST_OFFERED]) if preset else []


def refusal(registration: EhrRegistration) -> str:
    """Why no launch can be tried, with what to do about it; "" when one can."""
    if registration.environment == EhrRegistration.Environment.PRODUCTION:
        return (
            "A test launch is for sandboxes and test systems; this registration is set to Production. Open the app "
            "from a chart of the EHR instead."
        )
    if not registration.enabled:
        return "This registration is switched off. Switch it on, then try a launch."
    if lacking := credentials.missing(registration):
        return f"The {credentials.in_words(lacking)} is missing. Enter what the vendor gave you, then try a launch."
    return ""


def address(registration: EhrRegistration, handle: str) -> str:
    """Where the launch begins, as the EHR would begin it; without a handle as a standalone one.

    Raises ValueError with a sentence when there is no such way.
    """
    slug = {"slug": registration.slug}
    if handle and "ehr" in registration.launch_modes:
        if not is_launch_handle(handle):
            raise ValueError("A launch handle has no spaces and at most 2,000 characters.")
        query = urlencode({"iss": registration.iss, "launch": handle})
        return f"{reverse('launcher:launch-at', kwargs=slug)}?{query}"
    if "standalone" in registration.launch_modes:
        return reverse("launcher:standalone", kwargs=slug)
    raise ValueError("Enter a test patient: the EHR's own id for a launch, or for its patient where it takes that.")


def offer(request: HttpRequest, registration: EhrRegistration) -> dict[str, Any] | None:
    """What the form for it shows; None for those who may not try one."""
    if not request.user.has_perm(PERMISSION):
        return None
    return {"registration": registration, "patients": patients(registration), "refusal": refusal(registration)}
