"""All connection checks, by number."""

from __future__ import annotations

from launcher.probe import address_checks, client_checks, data_checks, document_checks, own_checks
from launcher.probe.findings import Check

ALL_CHECKS: tuple[Check, ...] = tuple(
    sorted(
        (
            *address_checks.CHECKS,
            *document_checks.CHECKS,
            *client_checks.CHECKS,
            *own_checks.CHECKS,
            *data_checks.CHECKS,
        ),
        key=lambda check: check.id,
    )
)
