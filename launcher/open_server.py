"""Launches at a FHIR server that asks for no sign-in: for development, where no EHR is at hand.

There is no authorization to ask for and no token to send; all else is as in any launch: a registered issuer, the audit,
a secret of this browser's own, the picker where no patient was named.
"""

from __future__ import annotations

from django.conf import settings

from launcher import cookies, trace, trace_facts
from launcher.discovery import configuration_of, door_for
from launcher.flow import Arrival, opened
from launcher.models import EhrRegistration, PendingLaunch
from launcher.smart.authorization import LaunchRequest
from launcher.smart.errors import SmartError
from launcher.smart.foreign_text import is_fhir_id
from launcher.smart.secret import Secret
from launcher.smart.token import TokenResponse
from launcher.tracing import step


def open_without_sign_in(registration: EhrRegistration, request: LaunchRequest, *, browser: str) -> Arrival:
    """Open the launch at once; `request.launch` is the patient's id, "" lets the provider choose one.

    Raises `registration_disabled` outside development, `launch_incomplete` for a launch that is no id, and as
    `configuration_of` when the server does not say what it is.
    """
    _require_development(registration)
    if request.launch and not is_fhir_id(request.launch):
        raise SmartError("launch_incomplete", "launch is not the id of a patient", reason="patient")
    client = registration.as_client(iss=request.iss)
    with step("discovery") as found:
        config = configuration_of(registration, client, door_for(client))
        found.note(**trace_facts.published(config))
    row = PendingLaunch(
        registration=registration,
        trace_id=trace.begin_new(),
        browser_hash=cookies.hashed(browser),
        mode="ehr" if request.launch else "standalone",
        iss=request.iss,
        configuration=config.to_json(),
    )
    nothing = TokenResponse(access_token=Secret(""), patient=request.launch)
    return opened(row, config, nothing)


def _require_development(registration: EhrRegistration) -> None:
    """Once more at each launch: the row may be older than the settings, or have come by another way than its rules."""
    if not settings.DEBUG or registration.environment == registration.Environment.PRODUCTION:
        raise SmartError(
            "registration_disabled",
            f"{registration.slug} asks for no sign-in and is for development only (DEBUG on)",
            reason="development_only",
        )
