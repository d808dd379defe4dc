"""The one exception of the protocol layer; its codes are the closed list of `docs/contract.md`, section 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

ErrorCode = Literal[
    "launch_incomplete",
    "unknown_issuer",
    "registration_disabled",
    "discovery_failed",
    "ehr_unreachable",
    "ehr_address_forbidden",
    "access_denied",
    "authorization_failed",
    "state_unknown",
    "state_foreign",
    "issuer_mismatch",
    "client_rejected",
    "code_rejected",
    "token_unreadable",
    "identity_invalid",
    "no_patient",
    "patient_mismatch",
    "patient_unavailable",
    "session_ended",
    "ehr_busy",
    "unavailable",
    "cookies_blocked",
    "too_many_requests",
    "form_expired",
    "not_found",
    "method_not_allowed",
    "internal",
]

ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)


class SmartError(Exception):
    """A launch, token or chart step that cannot go on.

    `code` is one of `ERROR_CODES`. `description` is for administrators and logs: technical, in our own words or from
    a fixed list, and free of secrets, patient data and text sent by the EHR. `reason` is a short machine word
    ("redirect", "aud", "too_large") that names which check failed. `context` holds further small facts of the same kind
    (a status, a stage, a number of seconds).
    """

    def __init__(
        self,
        code: ErrorCode,
        description: str = "",
        *,
        reason: str = "",
        context: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code: ErrorCode = code
        self.description = description
        self.reason = reason
        self.context: Mapping[str, str | int] = dict(context or {})
