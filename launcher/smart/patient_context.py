"""The patient of a launch where the token response does not name one plainly."""

from __future__ import annotations

import base64
import binascii

from launcher.smart.foreign_text import is_fhir_id
from launcher.smart.origins import is_below
from launcher.smart.secret import Secret
from launcher.smart.strict_json import JsonError, parse


def patient_in_claim(access_token: Secret, claim: str) -> str:
    """The FHIR id in a claim of a JWT access token, or "".

    The token is the EHR's word to itself and came straight from its token endpoint over TLS; its signature is for the
    EHR to check. Nothing else in it is looked at.
    """
    parts = access_token.reveal().split(".")
    if not claim or len(parts) != 3:
        return ""
    try:
        payload = parse(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, JsonError):
        return ""
    value = payload.get(claim) if isinstance(payload, dict) else None
    return value if isinstance(value, str) and is_fhir_id(value) else ""


def patient_of_user(fhir_user: str, *, base: str) -> str:
    """The id when the person who signed in is a Patient of this EHR (`fhirUser`, absolute or relative), else ""."""
    relative = fhir_user
    if fhir_user.count("://"):
        if not is_below(fhir_user, base):
            return ""
        relative = fhir_user[len(base.removesuffix("/")) + 1 :]
    kind, _, patient_id = relative.partition("/")
    return patient_id if kind == "Patient" and is_fhir_id(patient_id) else ""
