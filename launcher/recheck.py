"""Asks the EHR, after a while without a request, whether a launch's token is still good and for the same patient.

SMART App Launch 2.2, "Token Introspection" (RFC 7662). It is a check besides all others, and a registration's own
choice: an EHR that does not answer it changes nothing, one that speaks of another patient ends the launch.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import NoReturn

from launcher import audit, refresh
from launcher.discovery import door_for
from launcher.models import Launch
from launcher.refresh import UsableTokens
from launcher.revocation import end_launches, subject_of
from launcher.smart import token as smart_token
from launcher.smart.configuration import SmartConfiguration
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.introspection import Introspection
from launcher.smart.secret import Secret

_EVENT = "token.introspected"

logger = logging.getLogger("smartportal.session")


def is_due(launch: Launch, now: datetime) -> bool:
    """Whether the registration wants the token asked about, because nothing was requested for that long."""
    minutes = launch.registration.introspect_after_minutes
    return minutes > 0 and now - launch.last_seen_at > timedelta(minutes=minutes)


def checked_tokens(launch: Launch) -> UsableTokens:
    """As `refresh.usable_tokens`, and asked about at the EHR's introspection endpoint, if it has one.

    `launch` is a row just read, with its registration and person. A token that was refreshed over it needs no question:
    the EHR has just given it. An inactive one is refreshed once. Raises `session_ended` when it is inactive and cannot
    be refreshed or is another patient's, else as `refresh.usable_tokens`.
    """
    version = launch.token_version
    tokens = refresh.usable_tokens(launch)
    config = SmartConfiguration.from_json(launch.configuration)
    if tokens.version != version or not tokens.access_token or not config.introspection_endpoint:
        return tokens
    try:
        said = _asked(launch, config, tokens.access_token)
        patient = said.patient_at(launch.iss)
    except SmartError as error:
        if error.reason == "patient":
            _end(launch, code="patient_mismatch", reason="patient-changed")
        _note(launch, outcome="failure", code=error.code, reason=error.reason)
        return tokens
    if not said.active:
        return _renewed(launch, tokens)
    if patient and launch.patient and patient != launch.patient:
        _end(launch, code="patient_mismatch", reason="patient-changed")
    _note(launch)
    return tokens


def _asked(launch: Launch, config: SmartConfiguration, token: Secret) -> Introspection:
    """By the client's own proof; a public client has none and shows the token, as SMART App Launch has it."""
    client = launch.registration.as_client(iss=launch.iss)
    public = not client.client_secret and client.signing_key is None
    return smart_token.introspect(door_for(client), client, config, token=token, bearer=token if public else None)


def _renewed(launch: Launch, tokens: UsableTokens) -> UsableTokens:
    _note(launch, outcome="failure", reason="inactive")
    newer = refresh.renewed_tokens(launch, refused_version=tokens.version)
    if newer is None:
        _end(launch, code="session_ended", reason="token-refused")
    return newer


def _note(launch: Launch, *, outcome: str = "success", code: ErrorCode | str = "", reason: str = "") -> None:
    if outcome != "success":
        text = "%s introspection of a launch's token at %s: %s"
        logger.warning(text, launch.reference, launch.registration.slug, " ".join(filter(None, (code, reason))))
    facts = audit.Facts(outcome=outcome, code=code, reason=reason, reference=launch.reference)
    audit.write(_EVENT, subject_of(launch), facts)


def _end(launch: Launch, *, code: ErrorCode, reason: str) -> NoReturn:
    """Erase the tokens, end the launch, write it down, and say so."""
    end_launches(launch.pk, reason=reason)
    text = "%s a launch at %s was ended by introspection: %s (%s)"
    severity = logging.ERROR if code == "patient_mismatch" else logging.WARNING
    logger.log(severity, text, launch.reference, launch.registration.slug, code, reason)
    facts = audit.Facts(outcome="failure", code=code, reason=reason, reference=launch.reference)
    audit.write(_EVENT, subject_of(launch), facts)
    raise SmartError("session_ended", f"the launch has ended: {reason}", reason=reason)
