"""Our own access to an EHR, with nobody signed in: a token by backend services, for jobs that a person starts.

SMART App Launch 2.2, "Backend Services". Nothing is kept but the audit event; a token is asked for again when needed.
"""

from __future__ import annotations

from dataclasses import replace

from launcher import audit
from launcher.asked_scopes import asked_scopes
from launcher.discovery import configuration_of, door_for
from launcher.models import EhrRegistration, SigningKey
from launcher.smart.backend_services import client_credentials
from launcher.smart.client_assertion import ALGORITHMS, SigningKeyPair
from launcher.smart.errors import ErrorCode, SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.token import TokenResponse

WHAT_PANELS_READ = "system/{panels}"
_EVENTS: dict[ErrorCode, str] = {"discovery_failed": "discovery.failed", "ehr_address_forbidden": "egress.blocked"}


def backend_token(registration: EhrRegistration, *, scope: str = "") -> TokenResponse:
    """Ask the EHR of an enabled registration for a token of our own, signed with the active key.

    Without `scope`, what the chart's panels read is asked for at system level; "system/{panels}" stands for that among
    other words too. Raises `registration_disabled`, and as `configuration_of` and `client_credentials`; the failure has
    been audited then.
    """
    subject = audit.Subject(site=registration.site.domain, registration=registration.slug, actor="backend service")
    try:
        answer = _asked(registration, scope or WHAT_PANELS_READ)
    except SmartError as error:
        facts = audit.Facts(outcome="failure", code=error.code, reason=error.reason, detail=error.context)
        audit.write(_EVENTS.get(error.code, "token.failed"), subject, facts)
        raise
    detail = {"grant": "client_credentials", "scope": (answer.scope or "")[:1000]}
    audit.write("token.obtained", subject, audit.Facts(detail=detail))
    return answer


def _asked(registration: EhrRegistration, scope: str) -> TokenResponse:
    if not registration.enabled:
        raise SmartError("registration_disabled", f"{registration.slug} is switched off", reason="disabled")
    client = _signing(registration)
    door = door_for(client)
    config = configuration_of(registration, client, door)
    if not config.token_endpoint:
        raise SmartError("discovery_failed", "this server gives no tokens", reason="endpoint_missing")
    return client_credentials(door, client, config, scope=asked_scopes(registration, client, config, scopes=scope))


def _signing(registration: EhrRegistration) -> ClientRegistration:
    """The client with its keys: signatures are the only proof here, also for one that launches with a secret."""
    own = registration.signing_algorithm
    other = next(algorithm for algorithm in ALGORITHMS if algorithm != own)
    return replace(registration.as_client(), signing_key=_active(own), other_key=_active(other))


def _active(algorithm: str) -> SigningKeyPair | None:
    key = SigningKey.objects.active(algorithm).first()
    return key.pair if key else None
