"""Why an EHR may have refused our client, or was not asked: what the registration and the EHR's documents say of it.

For administrators, beside the usual line of `client_rejected`. Asks nobody: only what is known already is used.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from launcher import credentials, vendors
from launcher.discovery import discovered
from launcher.models import EhrRegistration
from launcher.smart.back_channel import REJECTED_CLIENT
from launcher.smart.client_auth import unlisted_algorithm
from launcher.smart.errors import SmartError

_KNOWN = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA")


def rejection_hints(registration: EhrRegistration | None, error: SmartError) -> str:
    """Sentences that fit this refusal, or "". Raises nothing but database errors."""
    if registration is not None and error.reason == "needs_credentials":
        return _lacking(registration)
    if registration is None or error.code != "client_rejected" or error.reason not in REJECTED_CLIENT:
        return ""
    return " ".join(filter(None, (_not_arrived(registration), _algorithm(registration))))


def _lacking(registration: EhrRegistration) -> str:
    lacking = credentials.in_words(credentials.missing(registration))
    return f"{registration.name} needs its {lacking}: enter in the admin what the vendor's portal shows for this app."


def _not_arrived(registration: EhrRegistration) -> str:
    """Some EHRs hand a new client around to their customers' systems before these know it."""
    preset = vendors.get(registration.vendor)
    minutes = preset.propagation_minutes if preset else 0
    if timezone.now() - registration.updated_at >= timedelta(minutes=minutes):
        return ""
    return (
        f"This registration was saved less than {minutes} minutes ago: at this EHR a new client ID, secret or redirect "
        f"address takes up to {minutes} minutes to arrive. Wait and try again before you change anything."
    )


def _algorithm(registration: EhrRegistration) -> str:
    try:
        config = discovered(registration)
        unlisted = unlisted_algorithm(registration.as_client(), config) if config else ""
    except (SmartError, ImproperlyConfigured):
        # A secret that cannot be read has a page and a line of its own.
        return ""
    if config is None or not unlisted:
        return ""
    # Only names that we know are repeated: the list is the EHR's.
    listed = [name for name in _KNOWN if name in config.token_endpoint_auth_signing_alg_values_supported]
    return (
        f"We signed with {unlisted}, which is not among the algorithms that the EHR lists "
        f"({', '.join(listed) or 'none that we know'}). Make a key of one that it takes, if that is RS384 or ES384, or "
        "choose another token authentication method."
    )
