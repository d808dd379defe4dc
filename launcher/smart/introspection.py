"""What an EHR says of a token when asked (RFC 7662; SMART App Launch 2.2, "Token Introspection")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from launcher.smart.authorization_details import NAME, AuthorizationDetail, patients_of, read_details
from launcher.smart.errors import SmartError
from launcher.smart.foreign_text import is_fhir_id, plain
from launcher.smart.strict_json import JsonValue

_SCOPE_MOST = 8000
# The end of the year 9999.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """The answer for one token. Of one that is not `active` nothing else is known.

    `expires_at` is in seconds since 1970, None if not told; texts are "" where nothing was said, `scope` then None.
    `missing` names what SMART App Launch demands of the answer and this one does not have in a usable form.
    """

    active: bool
    scope: str | None = None
    client_id: str = ""
    expires_at: int | None = None
    patient: str = ""
    encounter: str = ""
    intent: str = ""
    fhir_user: str = ""
    issuer: str = ""
    subject: str = ""
    details: tuple[AuthorizationDetail, ...] = ()
    missing: tuple[str, ...] = ()

    def patient_at(self, base: str) -> str:
        """The patient for this FHIR base, "" where none is named; `authorization_details` for it go first.

        Raises `token_unreadable`, reason "patient", when they name two patients, or one in an unusable form.
        """
        named = patients_of([detail for detail in self.details if detail.is_for(base)])
        if len(named) > 1 or "" in named:
            _refuse("authorization_details name no one patient for this FHIR base", "patient")
        return next(iter(named), self.patient)


def read_introspection(body: Mapping[str, JsonValue]) -> Introspection:
    """Raises `token_unreadable`, reasons "active" and "patient", for an answer that settles nothing."""
    active = body.get("active")
    if not isinstance(active, bool):
        _refuse("active is missing or neither true nor false", "active")
    if not active:
        return Introspection(active=False)
    scope = _scope(body.get("scope"))
    client_id = plain(body.get("client_id"), most=500)
    expires_at = _seconds(body.get("exp"))
    demanded = {"scope": scope is not None, "client_id": bool(client_id), "exp": expires_at is not None}
    return Introspection(
        active=True,
        scope=scope,
        client_id=client_id,
        expires_at=expires_at,
        patient=_patient(body.get("patient")),
        encounter=_id(body.get("encounter")),
        intent=plain(body.get("intent"), most=200),
        fhir_user=plain(body.get("fhirUser")),
        issuer=plain(body.get("iss")),
        subject=plain(body.get("sub"), most=255),
        details=read_details(body.get(NAME))[0],
        missing=tuple(name for name, there in demanded.items() if not there),
    )


def _scope(value: JsonValue) -> str | None:
    """None where nothing usable was said; "" is a word of its own: nothing is granted any more."""
    text = plain(value, most=_SCOPE_MOST)
    return text if isinstance(value, str) and (text or not value) else None


def _seconds(value: JsonValue) -> int | None:
    """Some servers write the number as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    usable = isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 < value <= _LAST_SECOND
    return int(value) if usable and isinstance(value, int | Decimal) else None


def _id(value: JsonValue) -> str:
    return value if isinstance(value, str) and is_fhir_id(value) else ""


def _patient(value: JsonValue) -> str:
    """Compared with the launch's patient: an id that is none must not pass for "not said"."""
    if value is not None and value != "" and not _id(value):
        _refuse("patient is not a FHIR id", "patient")
    return _id(value)


def _refuse(description: str, reason: str) -> NoReturn:
    raise SmartError("token_unreadable", description, reason=reason, context={"stage": "introspection"})
