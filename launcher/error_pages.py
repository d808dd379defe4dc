"""The page, the log line and the audit event of an error; each carries the same reference."""

from __future__ import annotations

import logging
from dataclasses import replace

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from launcher import audit, metrics, trace
from launcher.explanations import explain
from launcher.membership import is_staff_here
from launcher.rejection_hints import rejection_hints
from launcher.smart.errors import SmartError
from launcher.tracing import new_reference

logger = logging.getLogger("smartportal")

_EVENT_BY_CODE = {
    "ehr_address_forbidden": "egress.blocked",
    "discovery_failed": "discovery.failed",
    "identity_invalid": "idtoken.rejected",
    "client_rejected": "token.failed",
    "code_rejected": "token.failed",
    "token_unreadable": "token.failed",
    "no_patient": "token.failed",
    "patient_mismatch": "fhir.failed",
    "patient_unavailable": "fhir.failed",
    "session_ended": "session.denied",
    "too_many_requests": "session.denied",
    "unavailable": "dependency.down",
}
_EVENT_BY_STAGE = {"launch": "launch.rejected", "callback": "callback.rejected", "chart": "fhir.failed"}
_WAITING_BY_STAGE = {"launch": "discovery.failed", "callback": "token.failed", "chart": "fhir.failed"}
_QUIET = {"not_found", "method_not_allowed"}
_NOT_THE_EHRS = {"not_found", "form_expired"}


def error_page(
    request: HttpRequest, error: SmartError, reference: str, *, cause: Exception | None = None
) -> HttpResponse:
    """Render the page of `error.code`. Nothing that the EHR or the caller sent is on it."""
    explanation = explain(error.code)
    if hints := rejection_hints(getattr(request, "ehr_registration", None), error):
        explanation = replace(explanation, administrator=f"{explanation.administrator} {hints}")
    _log(error, reference, cause, hints)
    _audit(request, error, reference)
    _count(request, error)
    kept = trace.failed(request, error, reference)
    response = render(
        request,
        "launcher/error.html",
        {
            "code": error.code,
            "reference": reference,
            "explanation": explanation,
            "description": error.description if _is_staff(request, error) else "",
            "show_administrator": _is_staff(request, error),
            "trace_address": _trace_address(request, error, kept),
            "contacts": _contacts(request) if _is_staff(request, error) else (),
            "retry_address": getattr(request, "retry_address", ""),
            "now": timezone.now(),
        },
        status=explanation.status,
    )
    if "retry_after" in error.context or explanation.status == 503:
        response["Retry-After"] = str(error.context.get("retry_after", 30))
    if "allow" in error.context:
        response["Allow"] = str(error.context["allow"])
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form that Django's own check refused (CSRF_FAILURE_VIEW): the admin's forms alone have it."""
    error = SmartError("form_expired", "token, cookie or origin of the form do not fit", reason="csrf")
    return error_page(request, error, new_reference())


def _log(error: SmartError, reference: str, cause: Exception | None, hints: str) -> None:
    """One line, with nothing in it that came from outside; a traceback only for what we did not foresee."""
    text = "%s %s: %s (%s)%s"
    values = (reference, error.code, error.description, error.reason or "-", hints and f" {hints}")
    if error.code == "internal":
        logger.error(text, *values, exc_info=cause)
    elif error.code in {"patient_mismatch", "unavailable", "client_rejected"}:
        logger.error(text, *values)
    else:
        logger.info(text, *values)


def _audit(request: HttpRequest, error: SmartError, reference: str) -> None:
    stage = getattr(request, "smart_stage", "")
    if error.code in _QUIET and not stage:
        return
    event = _event(stage, error)
    subject = getattr(request, "audit_subject", audit.NOBODY)
    facts = audit.Facts(
        outcome="failure" if explain(error.code).status >= 500 else "refused",
        code=error.code,
        reason=error.reason or error.code,
        reference=reference,
        detail=error.context,
    )
    try:
        audit.write(event, subject, facts)
        if error.code == "client_rejected":
            audit.write("config.error", subject, facts)
    except DatabaseError as failure:
        logger.error("%s the audit event %s could not be written: %s", reference, event, type(failure).__name__)


def _count(request: HttpRequest, error: SmartError) -> None:
    subject = getattr(request, "audit_subject", audit.NOBODY)
    registration = getattr(request, "ehr_registration", None)
    metrics.note_error(
        site=registration.site_name if registration else subject.site,
        ehr=subject.registration,
        stage=getattr(request, "smart_stage", ""),
        code=error.code,
        failed=explain(error.code).status >= 500,
    )


def _event(stage: str, error: SmartError) -> str:
    if error.code in {"ehr_unreachable", "ehr_busy"}:
        return _WAITING_BY_STAGE.get(stage, "fhir.failed")
    if stage == "chart" and error.code in _NOT_THE_EHRS:
        return "request.refused"
    return _EVENT_BY_CODE.get(error.code) or _EVENT_BY_STAGE.get(stage, "request.refused")


def _trace_address(request: HttpRequest, error: SmartError, kept: str) -> str:
    """Where somebody who may see traces finds this one, else ""."""
    if not kept or not _is_staff(request, error) or not request.user.has_perm("launcher.view_launchtrace"):
        return ""
    return reverse("admin:launcher_launchtrace_change", args=[kept])


def _contacts(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    """Whom to ask about this EHR, as the registration says."""
    row = getattr(request, "ehr_registration", None)
    if row is None:
        return ()
    said = (("Owner", row.owner), ("Vendor contact", row.vendor_contact), ("Notes", row.notes))
    return tuple((label, text) for label, text in said if text)


def _is_staff(request: HttpRequest, error: SmartError) -> bool:
    """Whether a signed-in administrator of this site is looking. Asks the database: not when that is the trouble."""
    if error.code == "unavailable" or not hasattr(request, "session"):
        return False
    try:
        return hasattr(request, "user") and is_staff_here(request)
    except DatabaseError:
        return False
