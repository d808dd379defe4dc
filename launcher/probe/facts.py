"""What we know ourselves before anybody is asked: the checks run in threads, and those do not touch the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote_plus

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from launcher import signing, vendors
from launcher.models import AuditEvent, EhrRegistration, Launch
from launcher.smart.errors import SmartError
from launcher.smart.registration import ClientRegistration
from launcher.smart.secret import Secret
from launcher.vendors import VendorPreset

_LAUNCH_FAILURES = (
    "launch.rejected",
    "callback.rejected",
    "discovery.failed",
    "egress.blocked",
    "token.failed",
    "idtoken.rejected",
    "fhir.failed",
)
_NOT_A_LAUNCH = "backend service"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLaunch:
    """The newest launch that was opened, without who and for whom. `granted` None: the EHR named no scopes."""

    at: datetime
    reference: str
    mode: str
    has_patient: bool
    asked: str
    granted: str | None
    refreshable: bool
    identified: bool
    banner: bool | None
    patient_read: bool
    panels_read: tuple[str, ...]
    panels_failed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFailure:
    """The newest launch that went wrong, by its code in the audit trail."""

    at: datetime
    code: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One registration and what our own side says about it.

    `secret_problem` is why the secret cannot be read, "" if it can. `key_ids` are those of the published key set.
    """

    registration: EhrRegistration
    client: ClientRegistration
    origin: str
    now: datetime
    preset: VendorPreset | None = None
    secret_problem: str = ""
    key_ids: tuple[str, ...] = ()
    launch: LastLaunch | None = None
    failure: LastFailure | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Whatever must not stand in any text that is shown."""
        secret, name = self.client.client_secret.reveal(), self.client.client_id
        pairs = (f"{name}:{secret}", f"{quote_plus(name)}:{quote_plus(secret)}")
        return (secret, *pairs) if secret else ()


def facts_of(registration: EhrRegistration) -> Facts:
    """Read everything from the database. Raises ImproperlyConfigured for settings that cannot be used."""
    problem = ""
    try:
        client = registration.as_client()
    except SmartError as error:
        problem = error.description or error.code
        client = registration.as_client(secret=Secret(""))
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"The secret of {registration.slug} is not UTF-8 text.") from error
    return Facts(
        registration=registration,
        client=client,
        origin=registration.origin,
        now=timezone.now(),
        preset=vendors.get(registration.vendor),
        secret_problem=problem,
        key_ids=tuple(key["kid"] for key in signing.public_keys()),
        launch=_last_launch(registration),
        failure=_last_failure(registration),
    )


def _last_launch(registration: EhrRegistration) -> LastLaunch | None:
    row = Launch.objects.filter(registration=registration).order_by("-created_at").first()
    if row is None:
        return None
    events = AuditEvent.objects.filter(launch=row.pk, event__in=("patient.read", "panel.read"))
    seen = list(events.values_list("event", "outcome", "detail"))
    panels = [(str(detail.get("panel", "")), outcome) for event, outcome, detail in seen if event == "panel.read"]
    return LastLaunch(
        at=row.created_at,
        reference=row.reference,
        mode=row.mode,
        has_patient=bool(row.patient),
        asked=row.requested_scopes,
        granted=row.granted_scopes,
        refreshable=bool(row.refresh_token),
        identified=bool(row.viewer or row.fhir_user),
        banner=row.need_patient_banner,
        patient_read=any(event == "patient.read" and outcome == "success" for event, outcome, _ in seen),
        panels_read=tuple(sorted({name for name, outcome in panels if outcome == "success"})),
        panels_failed=tuple(sorted({name for name, outcome in panels if outcome != "success"})),
    )


def _last_failure(registration: EhrRegistration) -> LastFailure | None:
    found = AuditEvent.objects.filter(
        registration=registration.slug, site=registration.site.domain, event__in=_LAUNCH_FAILURES
    )
    row = found.exclude(actor=_NOT_A_LAUNCH).order_by("-at").first()
    return LastFailure(at=row.at, code=row.code, reference=row.reference) if row else None
